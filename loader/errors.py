"""Errors that a user can act on. Each message is one line: what, where, and what to do next.

The command line prints the message and ends with `exit_code`; anything else that is raised is a bug.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

# What to do about what the system says.
ADVICE = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.EACCES: "mend the permissions or name another place",
    errno.EPERM: "mend the permissions or name another place",
    errno.EROFS: "name a place that can be written",
    errno.ENOENT: "name a place that exists",
    errno.ENOTDIR: "name a folder where a file is named",
    errno.EISDIR: "name a file, as this is a folder",
    errno.EEXIST: "name another place, as this one is taken",
    errno.ENAMETOOLONG: "name it shorter",
    errno.ELOOP: "mend the link or name another place",
    errno.EMFILE: "allow more open files (ulimit -n)",
    errno.ENFILE: "close other programs",
    errno.ENOMEM: "close other programs",
    errno.EFBIG: "allow larger files (ulimit -f) or name another disk",
    errno.EBUSY: "close the program that uses it",
    errno.ETXTBSY: "close the program that uses it",
    errno.EIO: "look after the disk",
    errno.ESTALE: "look after the disk",
}


def system_trouble(doing: str, error: Exception) -> str:
    """What could not be done, the cause as the system says it, and what to do about that cause.

    `error` is an OSError, or an error of a library that has the system's words in its text.
    """
    code, said = system_cause(error)
    return f"{doing} ({said}): {ADVICE.get(code, 'mend that')}, then run the same command again"


def cannot_write(directory: Path, error: OSError) -> WarehouseError:
    """A file of a run cannot be written in its folder."""
    return WarehouseError(system_trouble(f"cannot write in {directory}", error))


def system_cause(error: Exception) -> tuple[int, str]:
    """The system's number for an error (0: it has none) and its words, in one line."""
    text = " ".join(str(error).split())
    if isinstance(error, OSError) and error.errno:
        return error.errno, error.strerror or text
    # the longest, as "Too many open files" also begins what is said of the whole system's
    found = [code for code in ADVICE if os.strerror(code) in text]
    code = max(found, key=lambda code: len(os.strerror(code)), default=0)
    if "out of disk" in text.lower():
        code = errno.ENOSPC
    return code, os.strerror(code) if code else text


class LoaderError(Exception):
    """Something that a user can mend; its text says how."""

    exit_code = 1


class SettingsError(LoaderError):
    """A setting is missing or cannot be read."""


class SourceError(LoaderError):
    """The receipts cannot be found or read."""


class ApiError(LoaderError):
    """The Batch API refused or could not be reached."""


class WarehouseError(LoaderError):
    """The DuckDB file cannot be opened or written."""


class WarehouseInUseError(WarehouseError):
    """Another program has the DuckDB file open; later it can be had."""


class NotOursError(LoaderError):
    """A folder or file would be changed that somebody else made."""


class BudgetError(LoaderError):
    """The estimated cost is above what was allowed."""


class CorrectionError(LoaderError):
    """A correction fits nothing. `position`: which of several."""

    position: int | None = None


class IncompleteError(LoaderError):
    """The run ended, and some requests stayed failed or missing after all attempts."""

    exit_code = 3


def one_line(error: BaseException) -> str:
    """What another program's error says, in one line that is not too long."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:199] + "…"
