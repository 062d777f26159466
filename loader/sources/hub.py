"""Data sets of the library `datasets`: on the Hugging Face hub, streamed, or saved to disk by it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from loader.errors import SourceError, one_line
from loader.settings import SAMPLES
from loader.sources import folder as folders
from loader.sources import locations
from loader.sources.receipt import PassedOver, ReadPath, Receipt, Source
from loader.sources.rows import Row, find_columns, row_receipt
from loader.threads import fetched_in_a_thread

OTHER_SPLITS = "other splits"


def _datasets() -> Any:
    """The library, quiet: no progress bars, no warnings on the screen, no telemetry."""
    import datasets
    import huggingface_hub

    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = False
    huggingface_hub.utils.logging.set_verbosity(50)  # it reports its retries as errors
    huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY = True
    return datasets


def open_saved(folder: Path, limit: int | None) -> Source:
    """A data set in a folder that `save_to_disk` wrote. Raises SourceError."""
    datasets = _datasets()
    name, place = locations.printable(folder.resolve().name), locations.of_file(folder)
    try:
        dataset, passed_over = _one_split(datasets.load_from_disk(str(folder)))
    except Exception as error:  # whatever a broken folder makes the library raise
        raise SourceError(f"{place} cannot be read as a saved dataset: {one_line(error)}") from error
    return _dataset_source(name, place, dataset, folders.inside(folder), limit, passed_over)


def open_hub(name: str, limit: int | None, token: str | None) -> Source:
    """A data set on the hub. Raises SourceError."""
    datasets = _datasets()
    import huggingface_hub

    try:
        # Asked first because it answers or fails at once; load_dataset tries for half a minute.
        huggingface_hub.HfApi(token=token).dataset_info(name, timeout=10)
        dataset, passed_over = _one_split(datasets.load_dataset(name, streaming=True, token=token))
        if dataset.features:  # by the cast below alone, folders of images would already be decoded
            dataset = dataset.decode(False)
        return _dataset_source(name, locations.of_hub(name), dataset, _reader_of_the_hub(token), limit, passed_over)
    except SourceError:
        raise
    except Exception as error:  # errors of four libraries
        raise SourceError(_hub_trouble(name, error)) from error


def _reader_of_the_hub(token: str | None) -> ReadPath:
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
            return None, f"cannot be read: {one_line(error)}"

    return read


def _one_split(dataset: Any) -> tuple[Any, PassedOver]:
    """The split `train`, else the first, and the others as passed over."""
    passed_over = PassedOver()
    if not isinstance(dataset, dict):
        return dataset, passed_over
    chosen = "train" if "train" in dataset else next(iter(dataset))
    for split in dataset:
        if split != chosen:
            passed_over.add(OTHER_SPLITS, str(split))
    return dataset[chosen], passed_over


def _undecoded(kind: Any) -> Any:
    """The same kind of column, its images as the bytes that are stored."""
    from datasets import Image, LargeList, List

    if isinstance(kind, Image):
        return Image(decode=False)
    return type(kind)(_undecoded(kind.feature)) if isinstance(kind, List | LargeList) else kind


def _dataset_source(
    name: str, place: str, dataset: Any, read: ReadPath, limit: int | None, passed_over: PassedOver
) -> Source:
    names = dataset.column_names or list(next(fetched_in_a_thread(dataset), {}))
    stored = {column: _undecoded(kind) for column, kind in (dataset.features or {}).items()}
    typed = [column for column, kind in stored.items() if _is_image(kind)]
    for column in typed:
        dataset = dataset.cast_column(column, stored[column])

    def peek(columns: Sequence[str]) -> list[Row]:
        return list(islice(fetched_in_a_thread(dataset), 1))

    possible = [column for column in names if column not in stored or _may_hold_images(stored[column])]
    columns = find_columns(name, names, typed=typed, possible=possible, peek=peek)

    def receipts() -> Iterator[Receipt]:
        number = 0
        try:
            for number, row in enumerate(fetched_in_a_thread(dataset)):
                yield row_receipt(name, row, number, columns, read, (place, locations.of_row(place, number)))
        except (OSError, ValueError, RuntimeError) as error:
            raise SourceError(f"reading {name} stopped at row {number}: {one_line(error)}; run it again") from error

    def count() -> int | None:
        if hasattr(dataset, "num_rows"):
            return int(dataset.num_rows)
        split = (dataset.info.splits or {}).get(str(dataset.split))
        return split.num_examples or None if split is not None else None

    note = columns.note(name)
    return Source(name, receipts, count, limit, passed_over, (note,) if note else ())


def _is_image(kind: Any) -> bool:
    from datasets import Image, LargeList, List

    return _is_image(kind.feature) if isinstance(kind, List | LargeList) else isinstance(kind, Image)


def _may_hold_images(kind: Any) -> bool:
    """Whether a column may hold images that its type does not tell: as bytes, text or paths, one or several."""
    from datasets import LargeList, List, Value

    if isinstance(kind, List | LargeList):
        return _may_hold_images(kind.feature)
    texts = ("string", "large_string", "binary", "large_binary", "null")
    return _is_image(kind) or isinstance(kind, dict) or (isinstance(kind, Value) and kind.dtype in texts)


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
            f"the Hugging Face hub can't be reached for {name} ({one_line(error)}): check the network, "
            f"or name a folder of images or a parquet file that is here, or {SAMPLES}"
        )
    return f"the dataset {name} cannot be read: {one_line(error)}"
