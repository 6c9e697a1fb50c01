"""Repositories for benchmarks: made once per size, in a temporary folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

ITEM = """<?xml version="1.0" encoding="UTF-8"?>
<qti-assessment-item xmlns="http://www.imsglobal.org/xsd/imsqtiasi_v3p0" identifier="{id}" title="Question {n}"
  adaptive="false" time-dependent="false" xml:lang="en">
  <qti-response-declaration identifier="RESPONSE" cardinality="single" base-type="identifier">
    <qti-correct-response><qti-value>{key}</qti-value></qti-correct-response>
  </qti-response-declaration>
  <qti-outcome-declaration identifier="SCORE" cardinality="single" base-type="float"/>
  <qti-item-body>
    <p>{words}</p>
    <qti-choice-interaction response-identifier="RESPONSE" max-choices="1" shuffle="true">
      <qti-prompt>What is {n} plus one?</qti-prompt>
      {choices}
    </qti-choice-interaction>
  </qti-item-body>
  <qti-response-processing template="https://purl.imsglobal.org/spec/qti/v3p0/rptemplates/match_correct.xml"/>
</qti-assessment-item>
"""
SIDECAR = """subject: Math
grade: '{grade}'
difficulty: medium
learningObjectiveSet:
  - source: CASE
    learningObjectiveIds: [LO-{n}]
"""


def item(number: int, words: str = "") -> str:
    """An item of about 3 KB, as real ones are."""
    filler = " ".join(f"Sentence {n} of question {number} about numbers and their neighbours." for n in range(18))
    choices = "\n      ".join(
        f'<qti-simple-choice identifier="{letter}">The answer {number + at} with some words</qti-simple-choice>'
        for at, letter in enumerate("ABCDEF")
    )
    return ITEM.format(id=f"q-{number:06}", n=number, key="B", words=words or filler, choices=choices)


def make_repository(folder: Path, count: int) -> Path:
    """A bare repository with ``count`` items and their sidecars in folders of 500, one commit, packed."""
    repository = folder / "content.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", repository], check=True)
    stream = subprocess.Popen(["git", "-C", repository, "fast-import", "--quiet"], stdin=subprocess.PIPE)
    assert stream.stdin is not None
    write = stream.stdin.write
    write(b"commit refs/heads/main\ncommitter Bench <bench@example.org> 1700000000 +0000\ndata 5\nbench\n")
    for number in range(count):
        for name, text in ((".xml", item(number)), (".yaml", SIDECAR.format(grade=number % 12, n=number))):
            data = text.encode()
            path = f"items/{number // 500:03}/q-{number:06}{name}"
            write(f"M 100644 inline {path}\ndata {len(data)}\n".encode() + data + b"\n")
    stream.stdin.close()
    if stream.wait():
        raise RuntimeError("git fast-import failed")
    return repository
