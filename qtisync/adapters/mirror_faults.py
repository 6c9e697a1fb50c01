"""Why a fetch failed, in words for people: from what git, ssh, curl and the other side said."""

from __future__ import annotations

import re
from pathlib import Path

from qtisync.adapters.remote import Remote, without_credentials
from qtisync.errors import RepositoryError

_MASK = "[redacted]"
_LONGEST = 300
_DENIED = "The host of {url} refused our {proof}."
_AWAY = "{url} cannot be reached: {words}"
_AWAY_HINT = "Is the host up, and reachable from this machine? The next fetch tries again."
_KEY_HINT = (
    "Look at the key with `ssh-keyscan {host}`, compare its fingerprint with what the owner of the host publishes, and "
    "put it into {hosts}."
)

_FAULTS: tuple[tuple[tuple[str, ...], str, str, str], ...] = (
    (
        ("No space left on device", "Disk quota exceeded", "file write error"),
        "disk-full",
        "The disk has no room for the mirror {path}.",
        "Make room in the state directory; the next fetch goes on.",
    ),
    (
        ("Read-only file system", "insufficient permission for adding an object", "unable to create temporary file"),
        "mirror-unusable",
        "The mirror {path} cannot be written: {words}",
        "Let the user that qtisync runs as write the state directory.",
    ),
    (
        ("REMOTE HOST IDENTIFICATION HAS CHANGED", "Offending "),
        "host-key-changed",
        "The host key of {url} is another one than before: somebody may be in between. Nothing was fetched.",
        "If the host really has a new key, remove the old one from {hosts}. " + _KEY_HINT,
    ),
    (
        ("Host key verification failed", "host key is known for"),
        "host-key-unknown",
        "The host key of {url} is not known here, so nobody can say who answers. Nothing was fetched.",
        _KEY_HINT,
    ),
    (
        ("invalid format", "error in libcrypto", "bad permissions", "incorrect passphrase", "UNPROTECTED PRIVATE KEY"),
        "fetch-denied",
        "The ssh key for {url} cannot be used: {words}",
        "repository.ssh_key must name a private key without a passphrase that only the user of qtisync may read.",
    ),
    (
        (
            "Permission denied (",
            "Too many authentication failures",
            "Authentication failed",
            "could not read Username",
            "could not read Password",
            "returned error: 401",
            "returned error: 403",
        ),
        "fetch-denied",
        _DENIED,
        "Check {keys}, and that it may read this repository.",
    ),
    (
        (
            "not found",
            "does not appear to be a git repository",
            "returned error: 404",
            "does not exist",
            "not a git repository",
            "not valid: is this a git repository",
        ),
        "remote-missing",
        "There is no repository at {url}, or we may not see it.",
        "Check repository.url, and that {keys} may read this repository.",
    ),
    (
        ("returned error: 30",),
        "fetch-redirected",
        "{url} sends us to another address, which is not followed: it would get our credentials.",
        "Write the repository's final address in repository.url (often the same with .git at its end).",
    ),
    (
        ("couldn't find remote ref",),
        "ref-unknown",
        "{words} at {url}.",
        "Check repository.ref.",
    ),
    (
        ("SSL certificate", "certificate verif", "SSL: no alternative", "server certificate"),
        "fetch-unreachable",
        "The certificate of {url} cannot be trusted: {words}",
        "Check the address, the clock, and the certificates of this machine.",
    ),
    (
        (
            "Could not resolve",
            "Name or service not known",
            "Temporary failure in name resolution",
            "Failed to connect",
            "Couldn't connect",
            "Connection refused",
            "Connection timed out",
            "Network is unreachable",
            "No route to host",
            "Connection closed by",
            "Connection reset",
            "kex_exchange_identification",
            "timed out",
            "Operation too slow",
            "returned error: 5",
            "returned error: 429",
        ),
        "fetch-unreachable",
        _AWAY,
        _AWAY_HINT,
    ),
    (
        ("early EOF", "unexpected disconnect", "hung up unexpectedly", "RPC failed", "Empty reply", "transfer closed"),
        "fetch-unreachable",
        "{url} broke off in the middle of a fetch: {words}",
        _AWAY_HINT,
    ),
)
"""What was said (always English: LC_ALL=C), and what it means. The first row that fits."""


def explain_fetch(remote: Remote, path: Path, said: bytes, secrets: tuple[str, ...]) -> RepositoryError | None:
    """The error for a fetch into ``path`` that failed after this was said; ``None``: it is not about reaching it."""
    text = scrubbed(said.decode("utf-8", "replace"), secrets)
    for needles, reference, message, hint in _FAULTS:
        found = [needle for needle in needles if needle in text]
        if found:
            values = {
                "url": remote.shown,
                "path": path,
                "words": _line(text, found[0]),
                "proof": "ssh key" if remote.protocol == "ssh" else "user name and token",
                "keys": "repository.ssh_key"
                if remote.protocol == "ssh"
                else "repository.username and repository.token",
                "host": host_of(remote.url),
                "hosts": remote.known_hosts or "~/.ssh/known_hosts",
            }
            return RepositoryError(message.format(**values), hint=hint.format(**values), reference=reference)
    return None


def scrubbed(text: str, secrets: tuple[str, ...]) -> str:
    """A text without our secrets and without credentials in addresses."""
    for secret in secrets:
        text = text.replace(secret, _MASK) if secret else text
    return without_credentials(text)


def took_too_long(remote: Remote, seconds: float) -> RepositoryError:
    """A fetch was ended because of its time limit."""
    return RepositoryError(
        f"Fetching {remote.shown} took longer than {seconds:g} s and was ended.",
        hint="The next fetch tries again. If the first one of a large repository needs longer, raise "
        "repository.fetch_timeout.",
        reference="fetch-timeout",
    )


def host_of(url: str) -> str:
    """The host of an address, with ``-p PORT`` before it as ssh-keyscan wants it."""
    match = re.match(r"(?:[a-z]+://)?(?:[^@/]*@)?(\[[^\]]+\]|[^:/]+)(?::(\d+)/)?", url)
    if match is None:
        return "HOST"
    host = match[1].strip("[]")
    return f"-p {match[2]} {host}" if match[2] and url.startswith("ssh://") else host


def _line(text: str, needle: str) -> str:
    line = next((line for line in text.splitlines() if needle in line), "")
    for start in ("fatal: ", "error: ", "remote: ", "ssh: "):
        line = line.strip().removeprefix(start)
    return "".join(sign for sign in line if sign.isprintable())[:_LONGEST]
