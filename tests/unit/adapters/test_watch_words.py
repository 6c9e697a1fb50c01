from __future__ import annotations

import errno

import pytest

from qtisync.adapters.watch_words import why


@pytest.mark.parametrize(
    ("number", "setting"),
    [
        (errno.ENOSPC, "sysctl fs.inotify.max_user_watches=524288"),
        (errno.EMFILE, "sysctl fs.inotify.max_user_instances=1024, or LimitNOFILE= of the service"),
        (errno.ENFILE, "sysctl fs.inotify.max_user_instances=1024, or LimitNOFILE= of the service"),
    ],
)
def test_a_limit_of_the_kernel_is_told_with_the_setting_that_raises_it(number, setting):
    words = why(OSError(number, "inotify limit reached"), "/srv/content.git")

    assert words.endswith(setting)
    assert "changes are noticed by polling only" in words


def test_a_folder_that_is_gone_or_closed_to_us_is_named():
    assert [why(OSError(number, "x"), "/srv/c.git") for number in (errno.ENOENT, errno.EACCES)] == [
        "/srv/c.git is not there: changes are noticed by polling only, until it is back.",
        (
            "/srv/c.git may not be watched: changes are noticed by polling only there. "
            "Let the user that qtisync runs as read the folder."
        ),
    ]


def test_any_other_fault_is_told_in_the_systems_own_words():
    assert [why(OSError(errno.EIO, "Input/output error"), "/srv/c.git"), why(RuntimeError("no thread"), None)] == [
        "/srv/c.git cannot be watched (Input/output error): changes are noticed by polling only.",
        "The repository cannot be watched (no thread): changes are noticed by polling only.",
    ]
