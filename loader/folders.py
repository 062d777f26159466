"""Files in folders: listed in order however many there are, and read without raising."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path, PurePath

from loader.errors import SourceError

MAX_FILE_BYTES = 200_000_000
"""A larger file is no photograph of a receipt, and reading it would fill the memory."""
_NAMES_AT_A_TIME = 150_000

ReadPath = Callable[[str], tuple[bytes | None, str | None]]
"""Reads the file that a path names: its bytes, or None and why not in one line."""


def files(folder: Path, suffixes: frozenset[str]) -> Iterator[str]:
    """Paths within the folder (with `/`) of the files that end so, sorted within each folder."""
    for name in _sorted_names(folder, suffixes):
        if name.endswith("/"):
            yield from (name + inner for inner in files(folder / name, suffixes))
        else:
            yield name


def count(folder: Path, suffixes: frozenset[str], limit: int | None = None) -> int:
    """How many files within the folder end so, up to `limit`; in no order, so at the speed of listing."""

    def found(inner: Path) -> Iterator[str]:
        for name in _names(inner, suffixes):
            if name.endswith("/"):
                yield from found(inner / name)
            else:
                yield name

    return sum(1 for _ in islice(found(folder), limit))


def _sorted_names(folder: Path, suffixes: frozenset[str]) -> Iterator[str]:
    """What is in a folder: wanted files, and folders with a `/` at the end.

    Holds at most twice `_NAMES_AT_A_TIME` names, the next in order, and lists the folder again for the rest.
    """
    last = ""
    while True:
        names: list[str] = []
        bound = None  # what comes after it waits for the next time
        for name in _names(folder, suffixes):
            if name > last and (bound is None or name <= bound):
                names.append(name)
                if len(names) == 2 * _NAMES_AT_A_TIME:
                    names.sort()
                    del names[_NAMES_AT_A_TIME:]
                    bound = names[-1]
        names.sort()
        yield from names
        if bound is None:
            return
        last = bound


def _names(folder: Path, suffixes: frozenset[str]) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    yield entry.name + "/"
                elif entry.name[entry.name.rfind(".") :].lower() in suffixes and entry.is_file():
                    yield entry.name
    except OSError as error:
        message = f"cannot list {folder}: {error.strerror}; mend that or name another folder"
        raise SourceError(message) from error


def file_bytes(path: Path) -> tuple[bytes | None, str | None]:
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_FILE_BYTES:
                return None, f"a file of {size:,} bytes: too large for an image"
            return file.read(), None
    except OSError as error:
        return None, f"cannot be read: {error.strerror or type(error).__name__}"


def printable(name: str) -> str:
    """A file name as text that any program can store: bytes that are no UTF-8 become the replacement
    character."""
    return os.fsencode(name).decode("utf-8", "replace")


def inside(folder: Path) -> ReadPath:
    """Reads image files that a dataset names, within its own folder only: a data set is not to fetch other
    files."""
    root = folder.resolve()

    def read(name: str) -> tuple[bytes | None, str | None]:
        path = (root / name).resolve()
        if not path.is_relative_to(root):
            return None, f"its image is outside the dataset's folder: {PurePath(name).name}"
        return file_bytes(path)

    return read
