"""What a sandbox is told when it starts. Each switch names the evidence (tag of ``api.md``) that it stands for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

READ_SCOPE = "https://purl.imsglobal.org/spec/qti/v3/scope/readonly"
WRITE_SCOPE = "https://purl.imsglobal.org/spec/qti/v3/scope/createput"
DELETE_SCOPE = "https://purl.imsglobal.org/spec/qti/v3/scope/delete"
ALL_SCOPES = (READ_SCOPE, WRITE_SCOPE, DELETE_SCOPE)

MetadataOnPut = Literal["replace", "merge", "keep-if-absent"]
MetadataEndpoint = Literal["merge", "replace", "ignore", "merge_wrongly", "reset_all", "creates", "404"]
PathMismatch = Literal["400", "ignore-path", "ignore-xml", "rename"]
RetryAfterForm = Literal["seconds", "decimal", "date", "none", "garbage", "huge"]
RateHeaders = Literal["none", "ietf", "x"]
StimulusXml = Literal["500", "accept"]

RAW_XML_MODES = (
    "verbatim",
    "declaration_stripped",
    "reordered_attributes",
    "reflowed",
    "expanded",
    "entities",
)
DROP_ELEMENT = "drop_element:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How this sandbox behaves. Times are seconds, sizes bytes; a wrong value raises ``ValueError``."""

    host: str = "127.0.0.1"
    """The address to listen on."""
    port: int = 0
    """0: any free port."""
    rate: float | None = None
    """Requests a second that the API allows; ``None``: no limit (C11: no published limit)."""
    burst: int | None = None
    """Requests allowed at once; ``None``: one second's worth, at least one."""
    retry_after: RetryAfterForm = "seconds"
    """The form of ``Retry-After`` in a 429 of the real limit (C11: nobody has seen one)."""
    rate_headers: RateHeaders = "none"
    """``RateLimit-*`` (ietf) or ``X-RateLimit-*`` (x) on every API answer."""
    token_life: float = 3600.0
    """How long a token works (OBS-I, OBS-G: 3600)."""
    token_claim: int | None = None
    """What ``expires_in`` says, if that is not the truth: clock skew."""
    client_id: str = "sandbox-client"
    client_secret: str = "sandbox-secret"  # noqa: S105 - the secret of an emulator on loopback is public
    scopes: tuple[str, ...] = ALL_SCOPES
    """Granted to the client (OA); without ``WRITE_SCOPE`` writes answer 403 (OBS-I)."""
    metadata_on_put: MetadataOnPut = "replace"
    """C3: replace (OBS-I, OBS-G), merge (SDK-T-git), or kept where the body has none (OBS-A, OBS-B, OBS-N)."""
    metadata_endpoint: MetadataEndpoint = "merge"
    """C1: four incompatible descriptions. See ``metadata_calls``."""
    raw_xml: str = "verbatim"
    """C4: what the server does to the XML: one of ``RAW_XML_MODES`` or ``drop_element:<name>``."""
    typed_fields_lag: bool = False
    """C4: an XML PUT changes rawXml but not the typed fields (OBS-I, April 2026)."""
    path_mismatch: PathMismatch = "400"
    """C5: a PUT whose path and XML name two different items; what really happens is unknown."""
    invalid_xml_status: Literal[400, 422, 500] = 400
    """C8: 400 (OA), 422 (OBS-N), 500 (OBS-I)."""
    stimulus_xml_put: StimulusXml = "500"
    """C9: a stimulus PUT in XML form answers 500 (OBS-I) or is accepted (OBS-B)."""
    grader_hosts: tuple[str, ...] = ()
    """C8: hosts that a custom operator may name (OBS-I, OBS-H)."""
    list_key: Literal["items", "data"] = "items"
    """1d: ``data`` is OBS-I only."""
    limit_max: int = 100
    """C15: a larger ``limit`` is clamped; the true maximum is unknown."""
    body_max: int = 10_000_000
    """C11: a larger body answers 413; the true limit is unknown."""
    latency: tuple[float, float] = (0.0, 0.0)
    """Shortest and longest time that an API answer takes."""
    seed: int = 0
    """For latency and for percentages in the fault script."""
    faults: tuple[str, ...] = ()
    """The fault script at the start: see ``fault_rules``."""
    state_file: Path | None = None
    """Items and stimuli are loaded from here at the start and written here after each change."""
    control: bool = True
    """Whether ``/_sandbox/`` answers."""

    def __post_init__(self) -> None:
        _one_of("metadata_on_put", self.metadata_on_put, get_args(MetadataOnPut))
        _one_of("metadata_endpoint", self.metadata_endpoint, get_args(MetadataEndpoint))
        _one_of("path_mismatch", self.path_mismatch, get_args(PathMismatch))
        _one_of("retry_after", self.retry_after, get_args(RetryAfterForm))
        _one_of("rate_headers", self.rate_headers, get_args(RateHeaders))
        _one_of("stimulus_xml_put", self.stimulus_xml_put, get_args(StimulusXml))
        _one_of("list_key", self.list_key, ("items", "data"))
        _one_of("invalid_xml_status", self.invalid_xml_status, (400, 422, 500))
        if not self.raw_xml.startswith(DROP_ELEMENT) or self.raw_xml == DROP_ELEMENT:
            _one_of("raw_xml", self.raw_xml, (*RAW_XML_MODES, f"{DROP_ELEMENT}<name>"))
        if self.rate is not None and not self.rate > 0:
            raise ValueError(f"rate: {self.rate} is not a number of requests a second; leave it out for no limit")
        if self.burst is not None and self.burst < 1:
            raise ValueError(f"burst: {self.burst} is less than one request")
        if not 0 <= self.latency[0] <= self.latency[1]:
            raise ValueError(f"latency: {self.latency} is not a range (shortest, longest) in seconds")


def _one_of(name: str, value: object, allowed: tuple[object, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name}: {value!r} is not one of {', '.join(map(str, allowed))}")
