"""Writing a file or a folder whole: made under another name, on disk, then put in its place in one step.

Killed at any moment, there is the old one or the new one in that place. Shards alone are not synced, as
`requests/request_files.py` says.
"""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

AT_FDCWD = -100
RENAME_EXCHANGE = 2


def sync(path: Path) -> None:
    """Have the content of a file, or the names in a folder, on disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def put_in_place(made: Path, target: Path) -> None:
    """Give a finished file the place of `target`, on the same disk. Raises OSError."""
    sync(made)
    made.replace(target)
    sync(target.parent)


def swap_in_folder(made: Path, target: Path) -> None:
    """Give `made` the place of `target`. Where there was one, it is at `made` afterwards. Raises OSError.

    On Linux the two change places at once. Elsewhere, and on file systems that cannot, there is no folder at `target`
    for the moment between two renames.
    """
    sync(made)
    if not target.exists():
        made.rename(target)
    elif not _exchanged(made, target):
        aside = made.with_name(made.name + ".old")
        target.rename(aside)
        made.rename(target)
        aside.rename(made)
    sync(target.parent)


def _exchanged(made: Path, target: Path) -> bool:
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    if rename(AT_FDCWD, os.fsencode(made), AT_FDCWD, os.fsencode(target), RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        return False
    raise OSError(code, os.strerror(code), str(target))
