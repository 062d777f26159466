"""Zip archives: their directory is read, then one file at a time. What they say of themselves is not trusted."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from functools import lru_cache, partial
from typing import BinaryIO, cast

from loader.errors import one_line
from loader.sources.contents import MAX_MEMBERS, OPEN_AT_ONCE, ArchiveFile, BrokenArchiveError, Contents
from loader.sources.file_kinds import HEAD_BYTES
from loader.sources.receipt import MAX_FILE_BYTES, Image, too_large

_MAX_READ = 2 * MAX_FILE_BYTES  # at once; the directory is read at once
_MAX_RATIO, _RATIO_FROM = 100, 1_000_000_000  # images and PDFs are compressed already
_ENCRYPTED = 1
# The library unpacks other methods without a bound: a hundred bytes of bzip2 may be a gigabyte, whatever they say.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_TROUBLE = (
    OSError, EOFError, ValueError, RuntimeError, NotImplementedError, MemoryError,
    zipfile.BadZipFile, zlib.error, struct.error,
)  # fmt: skip

Mark = tuple[str, int, int]
"""What tells a file in an archive: name, check sum, size."""


class _File:
    """An archive's file, closed when nobody reads it any more, from which no hostile size is read at once."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell, self.seekable, self.close = file.seek, file.tell, file.seekable, file.close

    def read(self, size: int = -1) -> bytes:
        if size > _MAX_READ:
            raise zipfile.BadZipFile(f"a directory of {size:,} bytes")
        return self._file.read(size)

    def __del__(self) -> None:
        self._file.close()


def contents(archive: ArchiveFile) -> Contents:
    """What a zip archive holds. Raises BrokenArchiveError for one that is damaged or unpacks to far too much."""
    try:
        opened = _opened(archive)
    except _TROUBLE as error:
        raise BrokenArchiveError(f"zip: cannot be read: {_words(error)}") from error
    files = opened.infolist()
    _check_size(files)
    found = Contents()
    for number, file in enumerate(files):
        if file.filename.endswith("/"):  # is_dir() cannot take a member without a name
            continue
        if stat.S_ISLNK(file.external_attr >> 16):
            found.pass_over("links", file.filename)
            continue
        read = partial(_read, archive, number, _mark(file))
        version = None if archive.version is None else f"{archive.version}/{file.CRC:08x}-{file.file_size}"
        found.add(file.filename, version, read, partial(_head, opened, file))
    return found


def _check_size(files: list[zipfile.ZipInfo]) -> None:
    if len(files) > MAX_MEMBERS:
        raise BrokenArchiveError(f"zip: holds {len(files):,} files: unpack it")
    size, packed = sum(file.file_size for file in files), sum(file.compress_size for file in files)
    if size > _RATIO_FROM and size > _MAX_RATIO * packed:
        raise BrokenArchiveError(f"zip: {packed:,} bytes unpack to {size:,}: no archive of receipts")


@lru_cache(OPEN_AT_ONCE)
def _opened(archive: ArchiveFile) -> zipfile.ZipFile:
    # Given a file it leaves closing to us, and so does not count its readers, which threads would get wrong.
    return zipfile.ZipFile(cast(io.BytesIO, _File(archive.open())))


def _mark(file: zipfile.ZipInfo) -> Mark:
    return file.filename, file.CRC, file.file_size


def _closed(file: zipfile.ZipInfo) -> str | None:
    """Why a file is not unpacked, by what is said of it."""
    if file.flag_bits & _ENCRYPTED:
        return "encrypted: unpack its archive with the password"
    if file.compress_type not in _METHODS:
        return f"packed by method {file.compress_type}: only stored and deflated files are read, pack it again as one"
    return too_large(file.file_size) if file.file_size > MAX_FILE_BYTES else None


def _head(opened: zipfile.ZipFile, file: zipfile.ZipInfo) -> bytes | None:
    if _closed(file) is not None:
        return None
    try:
        with opened.open(file) as content:
            return content.read(HEAD_BYTES)
    except _TROUBLE:
        return None


def _read(archive: ArchiveFile, number: int, expected: Mark) -> Image:
    try:
        opened = _opened(archive)
        files = opened.infolist()
        if number >= len(files) or _mark(files[number]) != expected:
            return None, "cannot be read: its archive has changed since it was listed"
        file = files[number]
        if (reason := _closed(file)) is not None:
            return None, reason
        with opened.open(file) as content:  # which checks the sum at its end
            return content.read(file.file_size + 1), None  # without a size all would be unpacked, whatever it names
    except _TROUBLE as error:
        return None, f"cannot be read: {_words(error)}"


def _words(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "a name in it is no text"
    return getattr(error, "strerror", None) or one_line(error)
