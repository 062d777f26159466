"""Receipts in storage behind a URL: a folder in a bucket or on a web server, or one file there.

What is there is listed, and nothing is read for that but archives and tables. A file whose name has no end may
be a receipt, and is read to see; all others are told by their names. What a store says of a file (its mark, size and
time) is its version; a web server's list says nothing, so that its files are read by every load.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, BinaryIO, TypeVar, cast
from urllib.parse import quote, unquote

from loader.errors import SourceError
from loader.sources import archives, file_kinds
from loader.sources.contents import ArchiveFile
from loader.sources.folder import Survey
from loader.sources.locations import printable
from loader.sources.receipt import MAX_FILE_BYTES, NAMED, Image, PassedOver, ReadPath, Receipt, Source, too_large
from loader.stores import is_url, open_store, said, without_secrets

READ_AHEAD = 16
"""A store takes a while to answer, however many ask."""
ATTEMPTS = 3
MOST_FAILURES = 20
"""After so many files in a row that the store did not give, the run stops rather than reject the rest."""
_DEEPEST = 50
_BLOCK = 1 << 20
_LARGEST_COPY = 4 << 30
"""Of an archive or a table that a web server gives: it lies on this machine's disk meanwhile."""
_MARKS = ("ETag", "etag", "md5Hash", "checksum", "generation")
_TIMES = ("LastModified", "last_modified", "updated", "mtime", "Last-Modified")

# A file is read by one request, without asking for its size first; and what failed is tried again here.
_S3 = {"max_concurrency": 1, "config_kwargs": {"retries": {"mode": "standard", "total_max_attempts": 2}}}
_OPTIONS: dict[str, dict[str, Any]] = {"s3": _S3, "s3a": _S3}

T = TypeVar("T")


@dataclass(frozen=True)
class Found:
    """A file in a store: its path there, its key in the folder, and what the list says of it."""

    path: str
    key: str
    location: str
    size: int | None
    version: str | None

    @property
    def name(self) -> str:
        return self.key.rpartition("/")[2]


class Store:
    """A store, opened at a URL. Its methods can be called by several threads at once."""

    def __init__(self, url: str) -> None:
        """Raises SettingsError."""
        scheme, _, rest = without_secrets(url).partition("://")
        self.files, self.root = open_store(url, use_listings_cache=False, **_OPTIONS.get(scheme.lower(), {}))
        self.place = f"{'s3' if scheme.lower() == 's3a' else scheme.lower()}://{rest.rstrip('/')}"
        self.is_web = scheme.lower() in ("http", "https")
        self._is_s3 = scheme.lower() in _OPTIONS
        self._failures = 0
        self._lock = threading.Lock()

    def single(self) -> Found | None:
        """The file that the URL itself names; None where it is a folder. Raises SourceError."""
        try:
            about = self._tried(partial(self.files.info, self.root))
        except FileNotFoundError:
            return None
        except Exception as error:  # of the store's own library
            raise self._trouble("cannot be opened", error) from error
        if about["type"] != "file":
            return None
        key = printable(unquote(self.place) if self.is_web else self.place).rpartition("/")[2]
        return Found(self.root, key, self.place, about.get("size"), _version(about))

    def listed(self) -> Iterator[Found]:
        """All files, sorted within each folder, as those of a folder of this machine are. Raises SourceError.

        Of S3 a page is held at a time, of other stores a folder.
        """
        found = self._listed_by_key() if self._is_s3 else self._listed(self.root, "", 0)
        with suppress(FileNotFoundError):
            if (first := next(found, None)) is not None:
                yield first
                yield from found
                return
        raise SourceError(f"there is nothing at {self.place}: name a folder or file that is there")

    def _listed_by_key(self) -> Iterator[Found]:
        """The objects of a bucket in their own order, which is that of folders."""
        bucket, start, _ = self.files.split_path(self.root)
        prefix = f"{start}/" if start else ""
        token: dict[str, str] = {}
        while True:
            page = self._list(partial(self.files.call_s3, "list_objects_v2", Bucket=bucket, Prefix=prefix, **token))
            for entry in page.get("Contents", ()):
                name = entry["Key"][len(prefix) :]
                if name and not (name.endswith("/") and not entry["Size"]):  # such are marks of folders
                    yield self._found(f"{bucket}/{entry['Key']}", name, {"size": entry["Size"], **entry})
            if not page.get("IsTruncated"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def _listed(self, folder: str, within: str, depth: int) -> Iterator[Found]:
        if depth > _DEEPEST:
            raise SourceError(f"{self.place} has folders in folders without end ({within[:100]}…): name one of them")
        entries = self._list(partial(self.files.ls, folder, detail=True))
        named = {}
        for entry in entries:
            name = self._name(entry["name"], folder)
            if name is not None:
                named[name + "/" * (entry["type"] == "directory")] = entry
        del entries
        for name, entry in sorted(named.items()):
            if any(name[: at + 1] in named for at, letter in enumerate(name[:-1]) if letter == "/"):
                continue  # a page links into a folder that it links as well
            if not name.endswith("/"):
                yield self._found(entry["name"], within + name, entry)
                continue
            with suppress(FileNotFoundError):  # it went while its siblings were read
                yield from self._listed(entry["name"], within + name, depth + 1)

    def _found(self, path: str, name: str, about: dict[str, Any]) -> Found:
        key = printable(name)
        return Found(path, key, f"{self.place}/{key}", about.get("size"), _version(about))

    def _list(self, call: Callable[[], T]) -> T:
        """What a call for a list gives. Raises FileNotFoundError where nothing is, else SourceError."""
        try:
            return self._tried(call)
        except FileNotFoundError:
            raise
        except Exception as error:  # of the store's own library
            raise self._trouble("cannot be listed", error) from error

    def _name(self, path: str, folder: str) -> str | None:
        """The name of an entry in a folder's list; None for what is no entry: the folder itself, other links.

        A web page may link what lies deeper: its name has slashes.
        """
        start = folder.rstrip("/") + "/"
        name = path[len(start) :].rstrip("/") if path.startswith(start) else ""
        parts = name.split("/")
        if self.is_web:
            parts = [] if set(name) & set("?#:") else [unquote(part) for part in parts]
        elif len(parts) > 1:
            return None
        is_entry = parts and not any(part in ("", ".", "..") or "/" in part for part in parts)
        return "/".join(parts) if is_entry else None

    def read(self, found: Found) -> Image:
        """A file's bytes, or None and why not. Raises SourceError when the store seems to have gone."""
        if found.size is not None and found.size > MAX_FILE_BYTES:
            return None, too_large(found.size)
        try:
            data = self._tried(partial(self._whole, found))
        except FileNotFoundError:
            return None, "cannot be read: it is not there any more"
        except TooLargeError as error:
            return None, str(error)
        except Exception as error:  # as above; keys that have expired are no permission for any file
            with self._lock:
                self._failures += 1
            if self._failures >= MOST_FAILURES:
                raise self._trouble("does not answer any more", error) from error
            return None, f"cannot be read: {said(error)}"
        self._failures = 0
        return data, None

    def _whole(self, found: Found) -> bytes:
        """All of a file. Raises TooLargeError, and what the store's library raises."""
        if self.is_web:
            return b"".join(self._streamed(found.path, MAX_FILE_BYTES))
        if found.size is None and (size := self.files.info(found.path)["size"]) > MAX_FILE_BYTES:
            raise TooLargeError(too_large(size))
        data: bytes = self.files.cat_file(found.path)
        if found.size is not None and len(data) != found.size:
            size = self.files.info(found.path)["size"]  # it may be another file by now
            if len(data) != size:
                raise OSError(f"{len(data):,} of {size:,} bytes came")
        return data

    def _streamed(self, path: str, most: int) -> Iterator[bytes]:
        """A web server's file, which may have no end: nobody says its size before. Raises TooLargeError."""
        came = 0
        with self.files.open(path, "rb", block_size=0, size=most) as file:  # a size: else it is asked for first
            while data := file.read(_BLOCK):
                came += len(data)
                if came > most:
                    raise TooLargeError(f"a file of more than {most:,} bytes: too large")
                yield data

    def open(self, found: Found) -> BinaryIO:
        """A file, to be read from any place in it: from the store, or a copy where that cannot be. Raises OSError."""
        try:
            if not self.is_web:
                file = self.files.open(found.path, "rb", block_size=_BLOCK, cache_type="readahead")
                return cast(BinaryIO, _Remote(file, self._tried))
            copy = tempfile.TemporaryFile()  # noqa: SIM115  whoever reads it closes it
            copy.writelines(self._streamed(found.path, _LARGEST_COPY))
            copy.seek(0)
            return copy
        except Exception as error:  # as above
            raise OSError(said(error)) from error

    def inside(self, table: Found) -> ReadPath:
        """Reads image files that a table names, within its own folder only."""
        folder = table.path.rpartition("/")[0]

        def read(name: str) -> Image:
            parts = name.split("/")
            if ".." in parts or name.startswith("/") or is_url(name):
                return None, f"its image is outside the dataset's folder: {parts[-1]}"
            path = f"{folder}/{quote(name) if self.is_web else name}"
            return self.read(Found(path, name, "", None, None))

        return read

    def _tried(self, call: Callable[[], T]) -> T:
        """What a call gives, tried again after a fault."""
        from tenacity import Retrying, retry_if_not_exception_type, stop_after_attempt, wait_random_exponential

        final = (TooLargeError, FileNotFoundError, PermissionError, NotADirectoryError, IsADirectoryError)
        attempts = Retrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.2, max=5),
            retry=retry_if_not_exception_type(final),
            reraise=True,
        )
        return attempts(call)

    def _trouble(self, what: str, error: Exception) -> SourceError:
        return SourceError(f"{self.place} {what}: {said(error)}; mend that or name another place, then run it again")


class TooLargeError(Exception):
    """A file that is too large to be read."""


class _Remote:
    """A file in a store, whose troubles are those of files."""

    def __init__(self, file: Any, tried: Callable[[Callable[[], bytes]], bytes]) -> None:
        self._file, self._tried = file, tried
        self.seek, self.tell, self.seekable, self.close = file.seek, file.tell, file.seekable, file.close
        self.readable, self.writable = file.readable, file.writable

    @property
    def closed(self) -> bool:
        return bool(self._file.closed)

    def read(self, size: int = -1) -> bytes:
        try:
            return self._tried(partial(self._file.read, size))
        except Exception as error:  # of the store's own library
            raise OSError(said(error)) from error

    def __enter__(self) -> _Remote:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _version(about: dict[str, Any]) -> str | None:
    """What a store's list says of a file's content; None where that is too little to know it by."""
    marks = [str(about[name]).strip('"') for name in _MARKS if about.get(name)]
    times = [str(about[name]) for name in _TIMES if about.get(name)]
    if about.get("size") is None or not marks:
        return None
    return "-".join([str(about["size"]), *marks, *times])


def open_folder(url: str, limit: int | None) -> Source:
    """The receipts behind a URL. Raises SourceError when there are none, SettingsError when it cannot be opened."""
    store = Store(url)
    end = file_kinds.suffix(store.place)
    is_file = end in file_kinds.IMAGE_SUFFIXES | file_kinds.ARCHIVE_SUFFIXES | file_kinds.TABLE_SUFFIXES
    single = store.single() if is_file else None

    def found() -> Iterator[Found]:
        return store.listed() if single is None else iter([single])

    def receipts() -> Iterator[Receipt]:
        for file in found():
            if _kind(file) is None and not _is_table(file):
                yield from _receipts_of(store, file, "" if single else file.key)

    surveyed = _survey(store, found(), is_single=single is not None)
    if surveyed.tables:
        source = _open_tables(store, found, surveyed, limit)
        if source is not None:
            return source
    if not surveyed.images and limit != 0:
        instead = f" ({surveyed.passed_over.in_words(with_names=True)})" if surveyed.passed_over.counts else ""
        raise SourceError(f"no images or parquet files in {store.place}{instead}: name a folder with some")
    return Source(store.place, receipts, lambda: surveyed.images, limit, surveyed.passed_over, read_ahead=READ_AHEAD)


def _kind(file: Found) -> str | None:
    """How a file is reported that is no receipt; None for one that may be, and for archives and tables."""
    for part in file.key.split("/"):
        if (hidden := file_kinds.hidden_kind(part)) is not None:
            return hidden
    end = file_kinds.suffix(file.name)
    if not file.name:
        return file_kinds.kind(file.name)
    if end in file_kinds.IMAGE_SUFFIXES or not end or archives.is_archive_name(file.name) or _is_table(file):
        return None
    return file_kinds.kind(file.name)


def _is_table(file: Found) -> bool:
    return file_kinds.suffix(file.name) in file_kinds.TABLE_SUFFIXES


def _open_tables(
    store: Store, found: Callable[[], Iterator[Found]], surveyed: Survey, limit: int | None
) -> Source | None:
    from loader.sources.parquet import Table, open_beside_images

    def table(file: Found) -> Table:
        return Table(file.key, file.location, file.location, partial(store.open, file), store.inside(file))

    def first_images() -> list[str]:
        keys = (file.key for file in found() if _kind(file) is None and not _is_table(file))
        return list(islice(keys, NAMED))

    tables = [table(file) for file in found() if _kind(file) is None and _is_table(file)]
    return open_beside_images(store.place, store.place, tables, surveyed, first_images, limit)


def _survey(store: Store, files: Iterator[Found], *, is_single: bool) -> Survey:
    """Count what is there, by names alone but for archives, which are looked into."""
    surveyed = Survey(passed_over=PassedOver())
    for file in files:
        kind = _kind(file)
        if kind is not None:
            surveyed.passed_over.add(kind, file.key)
        elif _is_table(file):
            surveyed.tables += 1
        elif archives.is_archive_name(file.name):
            surveyed.note_archive(_archive(store, file, "" if is_single else file.key))
        else:
            surveyed.images += 1
    return surveyed


def _receipts_of(store: Store, file: Found, key: str) -> Iterator[Receipt]:
    if archives.is_archive_name(file.name):
        yield from archives.receipts(store.place, _archive(store, file, key))
        return
    read = partial(store.read, file)
    yield Receipt(store.place, file.key, location=file.location, version=file.version, read=read)


def _archive(store: Store, file: Found, key: str) -> ArchiveFile:
    open_it = partial(store.open, file)
    return ArchiveFile(key, file_kinds.suffix(file.name), file.location, file.version, open_it)
