"""Files in folders: listed in order however many there are, each read or counted, and read without raising."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePath

from loader.errors import SourceError
from loader.sources import archives, file_kinds
from loader.sources.contents import ArchiveFile, BrokenArchiveError
from loader.sources.file_kinds import hidden_kind
from loader.sources.locations import of_file, printable
from loader.sources.receipt import MAX_FILE_BYTES, Image, PassedOver, ReadPath, Receipt, Source, too_large

_NAMES_AT_A_TIME = 150_000

Wanted = Callable[["os.DirEntry[str]"], bool]


@dataclass
class Survey:
    """What is in a folder and the folders in it: images and tables by their number, all else as passed over."""

    images: int = 0
    tables: int = 0
    passed_over: PassedOver = field(default_factory=PassedOver)

    def note_archive(self, archive: ArchiveFile) -> None:
        """Count what is in an archive; one that cannot be read counts as a receipt, and is rejected."""
        try:
            contents = archives.look_into(archive)
        except BrokenArchiveError:
            self.images += 1
            return
        self.images += len(contents.members)
        for kind, name in contents.passed_over:
            self.passed_over.add(kind, archive.below(name))


def survey(folder: Path) -> Survey:
    """Look at every name, in no order, so at the speed of listing; files whose names say nothing are looked into.

    Raises SourceError when a folder cannot be listed; one of the system's is only counted then.
    """
    found = Survey()
    images = 0
    waiting: list[tuple[str, str, str | None]] = [(str(folder), "", None)]
    while waiting:
        place, within, outside = waiting.pop()
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    name = entry.name
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append((entry.path, f"{within}{name}/", outside or hidden_kind(name)))
                    elif outside is None and file_kinds.is_image_name(name) and _is_file(entry):
                        images += 1
                    else:
                        _note(found, entry, within + name, outside or hidden_kind(name))
        except OSError as error:
            if outside is None:
                raise _cannot_list(place, error) from error
            found.passed_over.add(outside, printable(within))
    found.images += images
    return found


def _note(found: Survey, entry: os.DirEntry[str], path: str, passed: str | None) -> None:
    """Count a file that is no image by its name."""
    kind = passed or _odd_kind(entry)
    if kind is None and file_kinds.suffix(entry.name) in file_kinds.TABLE_SUFFIXES:
        found.tables += 1
        return
    if kind is None and archives.is_archive_name(entry.name):
        found.note_archive(archive_file(entry.path, printable(path)))
        return
    if kind is None and file_kinds.is_worth_a_look(entry.name):
        head = _head(entry.path)
        if head is not None and file_kinds.is_image_head(head):
            found.images += 1
            return
        kind = file_kinds.UNREADABLE if head is None else None
    found.passed_over.add(kind or file_kinds.kind(entry.name), printable(path))


def _odd_kind(entry: os.DirEntry[str]) -> str | None:
    """What an entry is that is no file: a link into nothing or to a folder, a pipe, …"""
    try:
        if entry.is_file():
            return None
        if entry.is_symlink():
            return "links to folders" if entry.is_dir() else "broken links"
    except OSError:  # a link to itself
        return "broken links"
    return "special files"


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def _head(path: str | Path) -> bytes | None:
    try:
        with Path(path).open("rb", buffering=0) as file:
            return file.read(file_kinds.HEAD_BYTES)
    except OSError:
        return None


def begins_like_an_image(path: str | Path) -> bool:
    """Whether a file is an image by its first bytes."""
    return file_kinds.is_image_head(_head(path) or b"")


def is_image(entry: os.DirEntry[str]) -> bool:
    """Whether an entry of a folder is read as an image, or as an archive of some."""
    if file_kinds.is_image_name(entry.name):
        return _is_file(entry)
    if archives.is_archive_name(entry.name):
        return hidden_kind(entry.name) is None and _is_file(entry)
    if not file_kinds.is_worth_a_look(entry.name) or hidden_kind(entry.name) or not _is_file(entry):
        return False
    return begins_like_an_image(entry.path)


def is_table(entry: os.DirEntry[str]) -> bool:
    """Whether an entry of a folder is read as a table."""
    is_named_so = file_kinds.suffix(entry.name) in file_kinds.TABLE_SUFFIXES
    return is_named_so and hidden_kind(entry.name) is None and _is_file(entry)


def files(folder: Path, wanted: Wanted) -> Iterator[str]:
    """Paths within the folder (with `/`) of the files that are wanted, sorted within each folder."""
    for name in _sorted_names(folder, wanted):
        if name.endswith("/"):
            yield from (name + inner for inner in files(folder / name, wanted))
        else:
            yield name


def _sorted_names(folder: Path, wanted: Wanted) -> Iterator[str]:
    """What is in a folder: wanted files, and folders with a `/` at the end.

    Holds at most twice `_NAMES_AT_A_TIME` names, the next in order, and lists the folder again for the rest.
    """
    last = ""
    while True:
        names: list[str] = []
        bound: str | None = None  # what comes after it waits for the next time
        for name, entry in _names(folder):
            # asked last, as it may look into the file
            if name > last and (bound is None or name <= bound) and (name.endswith("/") or wanted(entry)):
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


def _names(folder: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """The files in a folder, and the folders that are searched, with a `/` at the end."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    yield entry.name, entry
                elif hidden_kind(entry.name) is None:
                    yield entry.name + "/", entry
    except OSError as error:
        raise _cannot_list(folder, error) from error


def _cannot_list(folder: str | Path, error: OSError) -> SourceError:
    return SourceError(f"cannot list {printable(str(folder))}: {error.strerror}; mend that or name another folder")


def file_bytes(path: str | Path) -> Image:
    """The file's bytes, or None and why not in one line."""
    try:
        with Path(path).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_FILE_BYTES:
                return None, too_large(size)
            return file.read(), None
    except OSError as error:
        return None, f"cannot be read: {error.strerror or type(error).__name__}"


def inside(folder: Path) -> ReadPath:
    """Reads image files that a dataset names, within its own folder only: a data set is not to fetch other
    files."""
    root = folder.resolve()

    def read(name: str) -> Image:
        try:
            path = (root / name).resolve()
        except (OSError, ValueError, RuntimeError):  # too long, a character that no path has, a link to itself
            return None, "its image is text that is no path of a file"
        if not path.is_relative_to(root):
            return None, f"its image is outside the dataset's folder: {PurePath(name).name}"
        return file_bytes(path)

    return read


def open_images(name: str, folder: Path, found: Survey, limit: int | None) -> Source:
    """The images of a folder that has been looked at."""

    def receipts() -> Iterator[Receipt]:
        root = os.path.realpath(folder).rstrip("/")
        for file in files(folder, is_image):
            if archives.is_archive_name(file):
                yield from archives.receipts(name, archive_file(f"{root}/{file}", printable(file)))
            else:
                yield file_receipt(name, f"{root}/{file}", file)

    return Source(name, receipts, lambda: found.images, limit, found.passed_over)


def file_receipt(source: str, path: str, key: str) -> Receipt:
    """The receipt in an image file, not read yet. The path of its folder is absolute and without links."""
    location, version = _place(path)
    return Receipt(source, printable(key), location=location, version=version, read=partial(file_bytes, path))


def archive_file(path: str, key: str) -> ArchiveFile:
    """The archive at a path, that of its folder absolute and without links; no `key` where it is the whole source."""
    location, version = _place(path)
    return ArchiveFile(key, file_kinds.suffix(path), location, version, lambda: Path(path).open("rb"))


def open_archive(name: str, path: str, limit: int | None) -> Source:
    """What is in an archive that was named itself."""
    found = Survey()
    found.note_archive(archive_file(path, ""))
    return Source(
        name,
        lambda: archives.receipts(name, archive_file(path, "")),
        lambda: found.images,
        limit,
        found.passed_over,
    )


def _place(path: str) -> tuple[str, str | None]:
    """Where a file lies, links resolved, and its version. The path of its folder is absolute and without links."""
    try:
        status = os.lstat(path)
        if not stat.S_ISLNK(status.st_mode):
            return printable(path), file_version(status)
        return of_file(Path(path)), file_version(Path(path).stat())
    except OSError:  # it has gone: reading it says so
        return printable(path), None


_SECOND = 1_000_000_000
_FINE_TICK, _COARSE_TICK = _SECOND // 20, 2 * _SECOND  # Linux counts in hundredths of a second, FAT in two seconds


def file_version(status: os.stat_result) -> str | None:
    """What tells one content of a file from another: its size, and when it and its entry were last changed.

    None while a further change could bear the same times: those are of this moment, or of one that is yet to come.
    The time of the entry cannot be set, so that neither a copy that keeps dates nor a camera's clock matters.
    """
    written, changed = status.st_mtime_ns, status.st_ctime_ns
    is_coarse = written % _SECOND == changed % _SECOND == 0
    settled = time.time_ns() - (_COARSE_TICK if is_coarse else _FINE_TICK)
    if changed >= settled or settled <= written < settled + _COARSE_TICK:
        return None
    return f"{status.st_size}-{written}-{changed}"
