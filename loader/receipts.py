"""Where receipts come from: samples, a folder of images, parquet or arrow files, a Hugging Face dataset.

`open_source` finds out which one a name means and fails at once, in one line, when there is nothing to read.
What it gives streams: memory stays flat however many receipts there are, and iterating again starts again. An
image that cannot be read is a receipt with an `error`; the rest goes on. Images come as the bytes that were
stored, never decoded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from loader import folders, tables
from loader.errors import SourceError
from loader.settings import SAMPLES

IMAGE_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".mpo", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic")
)
"""HEIC is not read, and a receipt that is one is rejected with that reason rather than passed over."""
TABLE_SUFFIXES = frozenset((".parquet", ".arrow"))


@dataclass(frozen=True)
class Receipt:
    """A receipt as its source offers it.

    `source`: `samples`, a hub id, or the folder's or file's name. `source_key`: the dataset's receiptId, the
    path of the image in the folder (with `/`), or the number of the row (from 0). `image`: the bytes as
    stored; None when they could not be read, and then `error` says why in one line. `currency` and `label`:
    what the dataset's columns `currency` and `text` hold (JSON text when structured), None when nothing.
    """

    source: str
    source_key: str
    image: bytes | None
    error: str | None = None
    currency: str | None = None
    label: str | None = None


class Source:
    """At most `limit` receipts of one source: iterable as often as wanted, read as they are asked for."""

    def __init__(
        self,
        name: str,
        receipts: Callable[[], Iterator[Receipt]],
        count: Callable[[], int | None],
        limit: int | None,
    ) -> None:
        self.name = name
        self._receipts = receipts
        self._count = count
        self._limit = limit

    def __iter__(self) -> Iterator[Receipt]:
        """Raises SourceError when the source as a whole stops being readable."""
        return islice(self._receipts(), self._limit)

    def count(self) -> int | None:
        """How many receipts there are, without reading an image; None when that isn't known."""
        count = self._count()
        return count if count is None or self._limit is None else min(count, self._limit)


def open_source(name: str, *, limit: int | None = None, token: str | None = None) -> Source:
    """The receipts that `name` means, at most `limit` of them.

    `name` is `samples` (drawn: `limit` of them, or twelve), a folder of images (searched through, in order of
    their paths; hidden files and links to folders are left out), an image, a parquet or arrow file or a
    folder of them, a folder written by `save_to_disk`, or the id of a Hugging Face dataset, `owner/name` (its
    split `train`, else its first). What exists here wins over a hub id. `token`: for the hub; None uses its
    own login.

    Raises SourceError when there is no such thing, it holds no images, or the hub can't be reached or
    refuses.
    """
    if name == SAMPLES:
        return _samples(limit)
    try:
        path = Path(name).expanduser()
        if path.is_dir():
            return _open_folder(path, limit)
        if path.is_file():
            return _open_file(path, limit)
    except (RuntimeError, OSError, ValueError) as error:  # no such home, too long a name, no permission on the way
        raise SourceError(f"{name[:200]!r} cannot be opened ({error}): name a folder that can be read") from error
    if re.fullmatch(r"[\w][\w.-]*/[\w][\w.-]*", name):
        return _open_hub(name, limit, token)
    raise SourceError(
        f"no folder or file {name!r} (looked in {Path.cwd()}): give a folder of images, a parquet file, "
        f"a Hugging Face dataset as owner/name, or {SAMPLES}"
    )


def _samples(limit: int | None) -> Source:
    from loader import samples

    def receipts() -> Iterator[Receipt]:
        # No currency: whoever reads the image must find it there.
        for sample in samples.draw(count):
            yield Receipt(SAMPLES, sample.receiptId, sample.image, label=sample.text)

    count = samples.DEFAULT_COUNT if limit is None else limit
    return Source(SAMPLES, receipts, lambda: count, limit)


# Folders and files


def _open_folder(folder: Path, limit: int | None) -> Source:
    if (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file():
        return _open_saved(folder, limit)
    name = folders.printable(folder.resolve().name) or str(folder)
    if folders.count(folder, IMAGE_SUFFIXES, limit=1):
        return Source(
            name,
            lambda: _images(name, folder, folders.files(folder, IMAGE_SUFFIXES)),
            lambda: folders.count(folder, IMAGE_SUFFIXES, limit),
            limit,
        )
    files = [folder / file for file in folders.files(folder, TABLE_SUFFIXES)]
    if files:
        return _open_tables(name, files, limit)
    raise SourceError(f"no images or parquet files in {folder}: images end in {', '.join(sorted(IMAGE_SUFFIXES))}")


def _open_file(path: Path, limit: int | None) -> Source:
    suffix = path.suffix.lower()
    if suffix in TABLE_SUFFIXES:
        return _open_tables(folders.printable(path.name), [path], limit)
    if suffix in IMAGE_SUFFIXES:
        return Source(
            folders.printable(path.name),
            lambda: _images(folders.printable(path.name), path.parent, [path.name]),
            lambda: 1,
            limit,
        )
    raise SourceError(f"{path} is neither an image nor a parquet or arrow file: name a folder or such a file")


def _images(name: str, folder: Path, files: Iterable[str]) -> Iterator[Receipt]:
    for file in files:
        image, error = folders.file_bytes(folder / file)
        yield Receipt(name, folders.printable(file), image, error)


# Rows of a dataset, wherever they come from


def _row_receipt(
    source: str, row: Mapping[str, Any], number: int, columns: tables.Columns, read: folders.ReadPath
) -> Receipt:
    def text(column: str | None) -> str | None:
        value = row.get(column) if column is not None else None
        if value is None or isinstance(value, str):
            return value
        return json.dumps(value, ensure_ascii=False, default=str)

    value = row.get(columns.image)
    if isinstance(value, Mapping):
        value = value["bytes"] if value.get("bytes") is not None else value.get("path")
    image: bytes | None = None
    error: str | None = None
    if isinstance(value, bytes):
        image = value
    elif isinstance(value, str):
        image, error = read(value)
    else:
        error = "no image in this row"
    currency = (text(columns.currency) or "").strip() or None
    return Receipt(source, text(columns.key) or str(number), image, error, currency, text(columns.label))


# Parquet and arrow files


def _open_tables(name: str, files: list[Path], limit: int | None) -> Source:
    import pyarrow as pa

    try:
        tables.table_columns(files[0])
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{files[0]} cannot be read: {_one_line(error)}") from error

    def receipts() -> Iterator[Receipt]:
        number = 0
        for file in files:
            read = folders.inside(file.parent)
            try:
                columns = tables.table_columns(file)
                for batch in tables.batches(file, columns.names):
                    for row in batch.to_pylist():
                        yield _row_receipt(name, row, number, columns, read)
                        number += 1
            except (OSError, pa.ArrowException, SourceError) as error:
                yield Receipt(name, str(number), None, f"{file.name} cannot be read on: {_one_line(error)}")
                number += 1

    def count() -> int | None:
        try:
            return sum(tables.row_count(file) for file in files)
        except (OSError, pa.ArrowException):
            return None

    return Source(name, receipts, count, limit)


# What needs `datasets`


def _datasets() -> Any:
    """The library, quiet: no progress bars, no warnings on the screen, no telemetry."""
    import datasets
    import huggingface_hub

    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = False
    huggingface_hub.utils.logging.set_verbosity(50)  # its retries are told as errors
    huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY = True
    return datasets


def _open_saved(folder: Path, limit: int | None) -> Source:
    datasets = _datasets()
    try:
        dataset = _one_split(datasets.load_from_disk(str(folder)))
    except Exception as error:  # whatever a broken folder makes the library raise
        raise SourceError(f"{folder} cannot be read as a saved dataset: {_one_line(error)}") from error
    return _dataset_source(folders.printable(folder.resolve().name), dataset, folders.inside(folder), limit)


def _open_hub(name: str, limit: int | None, token: str | None) -> Source:
    datasets = _datasets()
    import huggingface_hub

    try:
        # Asked first because it answers or fails at once; load_dataset tries for half a minute.
        huggingface_hub.HfApi(token=token).dataset_info(name, timeout=10)
        dataset = _one_split(datasets.load_dataset(name, streaming=True, token=token))
        if dataset.features:  # by the cast below alone, folders of images would already be decoded
            dataset = dataset.decode(False)
        return _dataset_source(name, dataset, _reader_of_the_hub(token), limit)
    except SourceError:
        raise
    except Exception as error:  # errors of four libraries
        raise SourceError(_hub_trouble(name, error)) from error


def _reader_of_the_hub(token: str | None) -> folders.ReadPath:
    """Reads the images that a dataset on the hub names, on the hub only: not on this machine or elsewhere."""
    from datasets import DownloadConfig
    from datasets.download.streaming_download_manager import xopen

    config = DownloadConfig(token=token)

    def read(path: str) -> tuple[bytes | None, str | None]:
        if not path.rpartition("::")[2].startswith("hf://"):  # `zip://a.jpg::hf://…` is inside an archive there
            return None, "its image is not in the dataset"
        try:
            with xopen(path, "rb", download_config=config) as file:
                return file.read(), None
        except Exception as error:  # as above
            return None, f"cannot be read: {_one_line(error)}"

    return read


def _one_split(dataset: Any) -> Any:
    if isinstance(dataset, dict):
        return dataset["train"] if "train" in dataset else next(iter(dataset.values()))
    return dataset


def _dataset_source(name: str, dataset: Any, read: folders.ReadPath, limit: int | None) -> Source:
    from datasets import Image

    names = dataset.column_names or list(next(_in_a_thread(dataset), {}))
    images = [column for column, kind in (dataset.features or {}).items() if isinstance(kind, Image)]
    columns = tables.find_columns(name, names, images, shaped=[])
    for image in images:
        dataset = dataset.cast_column(image, Image(decode=False))  # the bytes as stored

    def receipts() -> Iterator[Receipt]:
        number = 0
        try:
            for number, row in enumerate(_in_a_thread(dataset)):
                yield _row_receipt(name, row, number, columns, read)
        except (OSError, ValueError, RuntimeError) as error:
            raise SourceError(f"reading {name} stopped at row {number}: {_one_line(error)}; run it again") from error

    def count() -> int | None:
        if hasattr(dataset, "num_rows"):
            return int(dataset.num_rows)
        split = (dataset.info.splits or {}).get(str(dataset.split))
        return split.num_examples or None if split is not None else None

    return Source(name, receipts, count, limit)


def _in_a_thread(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rows, fetched in a thread: a Ctrl-C is heard while pyarrow waits for megabytes from the hub."""
    iterator = iter(rows)
    thread = ThreadPoolExecutor(1)
    try:
        while (row := thread.submit(next, iterator, None).result()) is not None:
            yield row
    finally:
        thread.shutdown(wait=False)


def _hub_trouble(name: str, error: BaseException) -> str:
    """One line on why the hub does not give a dataset, and what to do."""
    from huggingface_hub import errors

    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, errors.GatedRepoError) or status == 403 or "is a gated dataset" in str(error):
        return f"the dataset {name} is gated: accept its terms on its page at the hub and set HF_TOKEN"
    if isinstance(error, errors.RepositoryNotFoundError) or status in (401, 404):
        return (
            f"no dataset {name} on the Hugging Face hub (or it is private: then set HF_TOKEN), "
            f"and no folder or file of that name here"
        )
    if isinstance(error, ConnectionError | TimeoutError) or type(error).__module__.startswith("httpx"):
        return (
            f"the Hugging Face hub can't be reached for {name} ({_one_line(error)}): check the network, "
            f"or name a folder of images or a parquet file that is here, or {SAMPLES}"
        )
    return f"the dataset {name} cannot be read: {_one_line(error)}"


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:199] + "…"
