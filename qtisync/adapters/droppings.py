"""Files that editors and file managers leave beside the real ones while somebody works: never content."""

from __future__ import annotations

import re

_DROPPING = re.compile(
    r"""
      \.[^/]*\.(?:sw[a-px]|swpx|kate-swp)   # vim, nano, kate: .x.swp
    | \d{4,5}                               # vim tries whether it may write: 4913 and further
    | .*~                                   # backups of vim, emacs, gedit
    | \#.*\# | \.\#.*                       # emacs: unsaved text, lock
    | \.goutputstream-\w+                   # gedit and all of GNOME
    | .*\.(?:tmp|temp|part|crswap|vsctmp|crdownload) | \.tmp.*   # saves by rename; downloads
    | .*___jb_(?:tmp|old|bak)___            # JetBrains
    | sed\w{6}                              # sed -i
    | \.~lock\..*\# | ~\$.*                 # LibreOffice, Microsoft
    | \._.* | \.DS_Store | Thumbs\.db | desktop\.ini   # macOS, Windows
    | \.[^/]+\.(?=[^/]*[A-Z0-9])[A-Za-z0-9]{6}   # rsync, QSaveFile: .x.xml.aB3dE6
    | \.nfs[0-9a-f]{8,} | \.fuse_hidden[0-9a-f]+   # deleted while it was open
    """,
    re.VERBOSE | re.DOTALL,
)


def is_dropping(name: str) -> bool:
    """Whether a file with this name (without its folder) is one. What is in git's index is never asked for."""
    return _DROPPING.fullmatch(name) is not None
