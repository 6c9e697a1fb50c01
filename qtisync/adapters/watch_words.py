"""Why files cannot be watched, in words for people, with what to set. Values in, words out."""

from __future__ import annotations

import errno

_POLLING = "changes are noticed by polling only"

NO_EVENTS = f"This system has no file events that qtisync can use: {_POLLING}."
OVERFLOWED = (
    "More file events came at once than the kernel keeps, and some were lost: what they told is noticed by polling. "
    "If this happens often: sysctl fs.inotify.max_queued_events=131072"
)


def why(fault: Exception, path: str | None) -> str:
    """What a fault of the kernel, or of a folder, means for whoever waits for changes."""
    number = fault.errno if isinstance(fault, OSError) else None
    if number == errno.ENOSPC:
        return (
            f"The kernel watches no further folder: {_POLLING}. "
            "Raise the limit with sysctl fs.inotify.max_user_watches=524288"
        )
    if number in {errno.EMFILE, errno.ENFILE}:
        return (
            f"The kernel opens no further watcher or file: {_POLLING}. Raise the limit with "
            "sysctl fs.inotify.max_user_instances=1024, or LimitNOFILE= of the service"
        )
    if number in {errno.ENOENT, errno.ENOTDIR}:
        return f"{path} is not there: {_POLLING}, until it is back."
    if number in {errno.EACCES, errno.EPERM}:
        return f"{path} may not be watched: {_POLLING} there. Let the user that qtisync runs as read the folder."
    reason = fault.strerror if isinstance(fault, OSError) and fault.strerror else str(fault)
    return f"{path or 'The repository'} cannot be watched ({reason}): {_POLLING}."
