"""A content repository, a configuration and a sandbox API, used as a user would: through the installed command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from qtisync.sandbox.options import Options
from qtisync.sandbox.server import Sandbox

CORPUS = Path(__file__).resolve().parents[1] / "../shared/corpus"
IDENTITY = ("-c", "user.name=Ada Author", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")
QTI = 'xmlns="http://www.imsglobal.org/xsd/imsqtiasi_v3p0"'


def item_xml(identifier: str, words: str = "Two plus two?", *, key: str = "A", references: str = "") -> str:
    """A small, valid choice item."""
    stimulus = (
        f'<qti-assessment-stimulus-ref identifier="{references}" href="stimuli/{references}"/>' if references else ""
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<qti-assessment-item {QTI} identifier="{identifier}" title="{identifier}" adaptive="false" time-dependent="false" xml:lang="en">
  <qti-response-declaration identifier="RESPONSE" cardinality="single" base-type="identifier">
    <qti-correct-response><qti-value>{key}</qti-value></qti-correct-response>
  </qti-response-declaration>
  <qti-outcome-declaration identifier="SCORE" cardinality="single" base-type="float"/>
  {stimulus}
  <qti-item-body>
    <qti-choice-interaction response-identifier="RESPONSE" max-choices="1">
      <qti-prompt>{words}</qti-prompt>
      <qti-simple-choice identifier="A">Four</qti-simple-choice>
      <qti-simple-choice identifier="B">Five</qti-simple-choice>
    </qti-choice-interaction>
  </qti-item-body>
  <qti-response-processing template="https://purl.imsglobal.org/spec/qti/v3p0/rptemplates/match_correct.xml"/>
</qti-assessment-item>
"""


def stimulus_xml(identifier: str, words: str = "A text to read.") -> str:
    return f"""<qti-assessment-stimulus {QTI} identifier="{identifier}" title="{identifier}">
  <qti-stimulus-body><p>{words}</p></qti-stimulus-body>
</qti-assessment-stimulus>
"""


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        return json.loads(self.out)


@dataclass
class World:
    """Everything in one folder, with one sandbox."""

    folder: Path
    options: Options = field(default_factory=Options)
    target: Mapping[str, Any] = field(default_factory=dict)
    sections: dict[str, Any] = field(default_factory=dict)
    """Further sections of the configuration, such as ``daemon``; ``repository`` is put over the usual one."""

    def __post_init__(self) -> None:
        self.content = self.folder / "content"
        self.content.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        self.api = Sandbox(self.options)

    def __enter__(self) -> Self:
        self.api.start()
        self.configure()
        return self

    def __exit__(self, *_: object) -> None:
        self.api.stop()

    def configure(self, **changes: Any) -> None:
        """(Re)write the configuration; keyword arguments change the target."""
        target = {
            "base_url": self.api.base_url,
            "token_url": self.api.token_url,
            "client_id": "env/TEST_QTI_ID",
            "client_secret": "env/TEST_QTI_SECRET",
            "max_requests_per_second": 2000.0,
            "pace": "fixed",
            **self.target,
            **changes,
        }
        repository = {"path": "content", "ref": "main", **self.sections.get("repository", {})}
        service = {
            "listen": None,
            **self.sections.get("daemon", {}),
        }  # tests run beside each other: no port of their own
        config = {
            **self.sections,
            "daemon": service,
            "repository": repository,
            "state": "./state",
            "targets": {"test": target},
        }
        (self.folder / "qtisync.yaml").write_text(json.dumps(config, indent=1))  # JSON is YAML

    @property
    def environ(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("QTISYNC_", "GIT_"))}
        return {**clean, "TEST_QTI_ID": self.api.client_id, "TEST_QTI_SECRET": self.api.client_secret}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-W", "error", "-m", "qtisync", *arguments]

    def run(self, *arguments: str, environ: Mapping[str, str] | None = None, timeout: float = 110) -> Ran:
        """One command, to its end."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env={**self.environ, **(environ or {})},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)

    def report(self, *arguments: str, code: int | None = None) -> dict[str, Any]:
        """A command's JSON report."""
        ran = self.run(*arguments, "--format", "json")
        assert code is None or ran.code == code, (ran.code, ran.out[-3000:], ran.err[-3000:])
        return ran.report

    def peak_memory(self, *arguments: str) -> tuple[int, int]:
        """Exit code and largest resident set (bytes) of one command.

        The kernel's own mark of the process, told at its end: ``ru_maxrss`` would count the test runner it was forked
        from.
        """
        code = (
            "import atexit, sys; from pathlib import Path; "
            "atexit.register(lambda: Path('peak').write_text(Path('/proc/self/status').read_text())); "
            "from qtisync.cli import main; main(sys.argv[1:])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            check=False,
        )
        status = (self.folder / "peak").read_text()
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return done.returncode, int(peak.split()[1]) * 1024

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *IDENTITY, *arguments],
            cwd=self.content,
            capture_output=True,
            text=True,
            check=True,
            env={"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"},
        )
        return done.stdout.strip()

    def write(self, files: Mapping[str, str | bytes | None]) -> None:
        """Write or (None) remove files of the content repository."""
        for name, data in files.items():
            path = self.content / name
            if data is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data.encode() if isinstance(data, str) else data)

    def commit(self, files: Mapping[str, str | bytes | None], message: str = "edit") -> str:
        """Write files and commit them; the commit's id."""
        self.write(files)
        self.git("add", "--all")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def writes(self) -> list[tuple[str, str | None]]:
        """Method and path of each write since the journal was cleared."""
        return [(entry.method, entry.path.removeprefix("/api")) for entry in self.api.journal.writes()]

    def calls(self) -> list[tuple[str, str]]:
        """Method and path of each API call, tokens left out."""
        entries = self.api.journal.entries()
        return [(e.method, e.path.removeprefix("/api")) for e in entries if e.path.startswith("/api/")]
