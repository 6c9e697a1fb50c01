"""init and sandbox: the first steps."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import click

from qtisync.errors import QtisyncError, UsageError

_PATH = click.Path(path_type=Path)
_SANDBOX_API = "http://127.0.0.1:8765"

_CONFIG = """\
# qtisync configuration. Every key is explained in config.example.yaml of the project; `qtisync schema config`
# prints a JSON Schema for your editor. Check it with: qtisync doctor

repository:
{repository}  ref: {ref}

content:
  include: ["**/*.xml"]     # decided by root element and namespace, never by name alone
  sidecar: "{{stem}}.yaml"    # the item's metadata; _defaults.yaml in a folder applies to everything below it

state: ./state              # the record of what the API acknowledged; not for git

targets:
  {name}:
    base_url: {base_url}
    token_url: {token_url}
    client_id: env/QTI_CLIENT_ID          # never the secret itself: env/NAME, file/PATH or credential/NAME
    client_secret: env/QTI_CLIENT_SECRET
    max_requests_per_second: 10           # a ceiling; the pace adapts below it
"""
_HERE = """\
  path: {place}        # a bare or ordinary repository on this machine, relative to this file
"""
_BY_SSH = """\
  url: {place}   # a mirror of it is kept in the state folder
  # ssh_key: file/deploy_key       # a private key that only the user of qtisync may read; without one, the user's own
  # known_hosts: ./known_hosts     # the host keys that are accepted; without it, the user's own
"""
_BY_HTTPS = """\
  url: {place}   # a mirror of it is kept in the state folder
  # username: …                    # for a private repository; most forges need only the token
  # token: env/GIT_TOKEN
"""


@click.command()
@click.argument("directory", default=".", type=_PATH, metavar="[DIR]")
@click.option("--repository", metavar="PATH|URL", help="The content repository [default: the folder itself].")
@click.option("--ref", default="main", show_default=True, help="The branch that is desired.")
@click.option("--name", default="staging", show_default=True, help="Name of the target.")
@click.option("--base-url", metavar="URL", help="The API [default: a sandbox on this machine].")
@click.option("--token-url", metavar="URL", help="The token endpoint of the same environment.")
def init(
    *, directory: Path, repository: str | None, ref: str, name: str, base_url: str | None, token_url: str | None
) -> int:
    """Write a commented qtisync.yaml into DIR, after asking or from flags. Nothing is overwritten."""
    file = directory / "qtisync.yaml"
    if file.exists():
        raise UsageError(f"{file} is there already.", hint="Edit it, or remove it first.")
    if base_url is not None and token_url is None:
        hint = "Say --token-url URL: credentials must not go to another environment than the items."
        raise UsageError("--base-url needs --token-url.", hint=hint)
    if base_url is None and sys.stdin.isatty():
        repository = repository or click.prompt("Content repository", default=".")
        base_url = click.prompt("Base URL of the QTI API", default=f"{_SANDBOX_API}/api")
        token_url = token_url or click.prompt("Token URL", default=f"{_SANDBOX_API}/oauth2/token")
    api = base_url or f"{_SANDBOX_API}/api"
    tokens = token_url or f"{_SANDBOX_API}/oauth2/token"
    _write(file, configuration(repository or ".", ref=ref, name=name, base_url=api, token_url=tokens))
    click.echo(f"Wrote {file}.")
    if repository in {None, "."}:
        click.echo("The record will be in ./state: put state/ into .gitignore, it is not for git.")
    click.echo("Next: export QTI_CLIENT_ID=… QTI_CLIENT_SECRET=…, then `qtisync doctor`, then `qtisync plan`.")
    if base_url is None or base_url.startswith(_SANDBOX_API):
        click.echo("It points to a sandbox on this machine; start one in another terminal: qtisync sandbox --port 8765")
    return 0


def configuration(repository: str, *, ref: str, name: str, base_url: str, token_url: str) -> str:
    """The text of a configuration file with these values."""
    return _CONFIG.format(
        repository=_place(repository),
        ref=_scalar(ref),
        name=_scalar(name),
        base_url=_scalar(base_url),
        token_url=_scalar(token_url),
    )


def _place(repository: str) -> str:
    """The lines that say where the repository is: a folder on this machine, or a URL."""
    elsewhere = "://" in repository or re.match(r"[^/]+@[^/]+:", repository)
    lines = _HERE if not elsewhere else _BY_HTTPS if repository.startswith("http") else _BY_SSH
    return lines.format(place=_scalar(repository))


def _scalar(text: str) -> str:
    """The text as a YAML value: as it is where that is plain, in quotes elsewhere."""
    return text if re.fullmatch(r"\.|[./A-Za-z][\w./:@%-]*[\w/]", text) else json.dumps(text)


def _write(file: Path, text: str) -> None:
    """Write a configuration that can be used; one that cannot is taken back, and its faults are raised."""
    from qtisync.config.file import load_settings  # noqa: PLC0415 - pydantic is heavy

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise UsageError(f"Cannot write {file}: {exc.strerror}.", hint="Choose another folder.") from exc
    try:
        load_settings(file, {})
    except QtisyncError:
        file.unlink()
        raise


@click.command()
@click.option("--port", default=8765, show_default=True, help="Port on 127.0.0.1; 0: any free one.")
@click.option("--rate", type=float, metavar="N", help="Requests per second that it allows [default: no limit].")
@click.option("--burst", type=int, metavar="N", help="Requests that it allows at once.")
@click.option(
    "--retry-after", default="seconds", show_default=True, help="seconds, decimal, date, none, garbage, huge."
)
@click.option("--fault", "faults", multiple=True, metavar="RULE", help="A rule of the fault script, such as 500:5%.")
@click.option(
    "--metadata-endpoint", default="merge", show_default=True, help="merge, replace, ignore, merge_wrongly, …"
)
@click.option("--raw-xml", default="verbatim", show_default=True, help="What it does to the XML it stores.")
@click.option("--latency", type=float, nargs=2, default=(0.0, 0.0), metavar="MIN MAX", help="Seconds per answer.")
@click.option("--state", "state_file", type=_PATH, metavar="FILE", help="Keep its items in this file.")
@click.option("--client-id", default="sandbox-client", show_default=True)
@click.option("--client-secret", default="sandbox-secret", show_default=True, help="A secret of an emulator is public.")
def sandbox(
    *,
    port: int,
    rate: float | None,
    burst: int | None,
    retry_after: str,
    faults: tuple[str, ...],
    metadata_endpoint: str,
    raw_xml: str,
    latency: tuple[float, float],
    state_file: Path | None,
    client_id: str,
    client_secret: str,
) -> int:
    """Run a QTI API emulator on this machine, to develop and rehearse against. Ctrl-C ends it.

    It keeps items in memory (or in --state FILE), speaks OAuth2, limits the rate for real, and can be told to fail:
    --fault '500:5%', --fault '429@PUT:nth=3', --fault 'reset-after@POST:10%', --fault 'hang=5', …
    """
    from qtisync.sandbox.options import Options  # noqa: PLC0415 - h11 and lxml are heavy
    from qtisync.sandbox.server import Sandbox  # noqa: PLC0415 - likewise

    try:
        server = Sandbox(
            Options(
                port=port,
                rate=rate,
                burst=burst,
                retry_after=retry_after,  # type: ignore[arg-type]  # Options checks it and says what is allowed
                faults=faults,
                metadata_endpoint=metadata_endpoint,  # type: ignore[arg-type]  # likewise
                raw_xml=raw_xml,
                latency=latency,
                state_file=state_file,
                client_id=client_id,
                client_secret=client_secret,
            )
        )
    except ValueError as exc:
        raise UsageError(f"The sandbox cannot start: {exc}.", hint="See qtisync sandbox --help.") from exc

    def say(running: Sandbox) -> None:
        click.echo(f"QTI API sandbox at {running.base_url}  (token: {running.token_url})")
        click.echo(f"  client_id {running.client_id}, client_secret {running.client_secret}")
        click.echo(f"  what it was asked: {running.origin}/_sandbox/journal   Ctrl-C ends it.")
        sys.stdout.flush()

    try:
        server.serve_forever(say)
    except OSError as exc:
        raise UsageError(f"Cannot listen on port {port}: {exc.strerror}.", hint="Choose another --port.") from exc
    return 0
