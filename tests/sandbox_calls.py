"""What the tests of the sandbox share: an item, a stimulus reference, a client with a token."""

from __future__ import annotations

import httpx

from qtisync.sandbox.server import Sandbox

NAMESPACE = "http://www.imsglobal.org/xsd/imsqtiasi_v3p0"


def item_xml(identifier: str = "q1", title: str = "A question", body: str = "Which one?", extra: str = "") -> str:
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<qti-assessment-item xmlns="{NAMESPACE}" identifier="{identifier}" title="{title}" adaptive="false" time-dependent="false">
  <qti-response-declaration identifier="RESPONSE" cardinality="single" base-type="identifier">
    <qti-correct-response><qti-value>A</qti-value></qti-correct-response>
  </qti-response-declaration>
  <qti-outcome-declaration identifier="SCORE" cardinality="single" base-type="float"/>
  {extra}<qti-item-body>
    <qti-choice-interaction response-identifier="RESPONSE" max-choices="1" shuffle="true">
      <qti-prompt>{body}</qti-prompt>
      <qti-simple-choice identifier="A">Caf\u00e9 &amp; <b>tea</b> <i>now</i></qti-simple-choice>
      <qti-simple-choice identifier="B">B</qti-simple-choice>
    </qti-choice-interaction>
  </qti-item-body>
  <qti-response-processing template="https://www.imsglobal.org/question/qti_v3p0/rptemplates/match_correct.xml"/>
</qti-assessment-item>
"""


def item_body(identifier: str = "q1", **more: object) -> dict[str, object]:
    """The body of a create or an update."""
    metadata = {"metadata": more.pop("metadata")} if "metadata" in more else {}
    return {"format": "xml", "xml": item_xml(identifier, **more)} | metadata


def stimulus_body(identifier: str = "s1", content: str = "<p>Read this.</p>", **more: object) -> dict[str, object]:
    return {"identifier": identifier, "title": "A text", "content": content} | more


def token(sandbox: Sandbox) -> str:
    form = {
        "grant_type": "client_credentials",
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
    }
    return httpx.post(sandbox.token_url, data=form, verify=False).raise_for_status().json()["access_token"]


def client(sandbox: Sandbox, **more: object) -> httpx.Client:
    """A client that is logged in; close it. Plain HTTP: loading certificates would take longer than the test."""
    headers = {"Authorization": f"Bearer {token(sandbox)}"}
    return httpx.Client(base_url=sandbox.base_url, headers=headers, verify=False, **more)
