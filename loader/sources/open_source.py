"""Where receipts come from: samples, a folder of images, an archive, parquet or arrow files, a Hugging Face dataset.

`open_source` finds out which one a name means and fails at once, in one line, when there is nothing to read.
What it gives streams: memory stays flat however many receipts there are, and iterating again starts again. An
image that cannot be read is a receipt with an `error`; the rest goes on. Images come as the bytes that were
stored, never decoded. What a source holds and is not read stands in its `passed_over`, by kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from urllib.request import url2pathname

from loader.errors import SourceError
from loader.settings import SAMPLES
from loader.sources import file_kinds, locations
from loader.sources import folder as folders
from loader.sources.receipt import NAMED, PassedOver, Receipt, Source
from loader.stores import is_url, without_secrets


def open_source(name: str, *, limit: int | None = None, token: str | None = None) -> Source:
    """The receipts that `name` means, at most `limit` of them.

    `name` is `samples` (drawn: `limit` of them, or twelve), a folder of images (searched through, in order of
    their paths), an image, a zip archive, a mail, a parquet or arrow file or a folder of them, a folder written by
    `save_to_disk`, the URL of a folder or file in a store, or the id of a Hugging Face dataset, `owner/name` (its
    split `train`, else its first). What exists here wins over a hub id. `token`: for the hub; None uses its own login.

    Raises SourceError when there is no such thing, it holds no images, or the hub or store can't be reached or
    refuses; SettingsError for a URL that nothing installed here opens.
    """
    if name == SAMPLES:
        return _samples(limit)
    if name.lower().startswith("file://"):
        name = url2pathname(name[len("file://") :])
    if is_url(name):
        from loader.sources import store

        return store.open_folder(name, limit)
    try:
        path = Path(name).expanduser()
        if path.is_dir():
            return _open_folder(path, limit)
        if path.is_file():
            return _open_file(path, limit)
    except (RuntimeError, OSError, ValueError) as error:  # no such home, too long a name, no permission on the way
        raise SourceError(f"{name[:200]!r} cannot be opened ({error}): name a folder that can be read") from error
    if re.fullmatch(r"[\w][\w.-]*/[\w][\w.-]*", name):
        from loader.sources.hub import open_hub

        return open_hub(name, limit, token)
    raise SourceError(
        f"no folder or file {without_secrets(name)!r} (looked in {Path.cwd()}): give a folder of images, "
        f"a parquet file, a Hugging Face dataset as owner/name, or {SAMPLES}"
    )


def _samples(limit: int | None) -> Source:
    from loader.sources import samples

    def receipts() -> Iterator[Receipt]:
        # No currency: whoever reads the image must find it there.
        for sample in samples.draw(count):
            location = locations.of_row(SAMPLES, sample.receiptId)
            yield Receipt(SAMPLES, sample.receiptId, sample.image, label=sample.text, location=location)

    count = samples.DEFAULT_COUNT if limit is None else limit
    return Source(SAMPLES, receipts, lambda: count, limit)


def _open_folder(folder: Path, limit: int | None) -> Source:
    if (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file():
        from loader.sources.hub import open_saved

        return open_saved(folder, limit)
    name = locations.printable(folder.resolve().name) or str(folder)
    found = folders.survey(folder)
    if found.tables:
        source = _open_tables(name, folder, found, limit)
        if source is not None:
            return source
    if not found.images:
        raise _nothing_in(locations.printable(str(folder)), found.passed_over)
    return folders.open_images(name, folder, found, limit)


def _nothing_in(place: str, passed_over: PassedOver) -> SourceError:
    instead = f" ({passed_over.in_words(with_names=True)})" if passed_over.counts else ""
    return SourceError(
        f"no images or parquet files in {place}{instead}: name a folder with some "
        "(JPEG, PNG, WebP, HEIC, TIFF, GIF, BMP, AVIF or PDF, also in zip archives and mails)"
    )


def _open_tables(name: str, folder: Path, found: folders.Survey, limit: int | None) -> Source | None:
    from loader.sources.parquet import open_beside_images, table_file

    def first_images() -> list[str]:
        return [locations.printable(name) for name in islice(folders.files(folder, folders.is_image), NAMED)]

    tables = [table_file(folder / file, folder) for file in folders.files(folder, folders.is_table)]
    return open_beside_images(name, locations.of_file(folder), tables, found, first_images, limit)


def _open_file(path: Path, limit: int | None) -> Source:
    name = locations.printable(path.name)
    if file_kinds.suffix(path.name) in file_kinds.TABLE_SUFFIXES:
        from loader.sources.parquet import open_tables, table_file

        return open_tables(name, locations.of_file(path), [table_file(path, path)], limit)
    if file_kinds.suffix(path.name) in file_kinds.ARCHIVE_SUFFIXES:
        source = folders.open_archive(name, str(path.parent.resolve() / path.name), limit)
        if limit != 0 and not source.count():
            raise _nothing_in(locations.printable(str(path)), source.passed_over)
        return source
    if file_kinds.suffix(path.name) in file_kinds.IMAGE_SUFFIXES or folders.begins_like_an_image(path):
        place = str(path.parent.resolve() / path.name)
        return Source(name, lambda: iter([folders.file_receipt(name, place, path.name)]), lambda: 1, limit)
    shown = locations.printable(str(path))
    raise SourceError(
        f"{shown} is neither an image, a PDF, a zip archive or mail of some, nor a parquet or arrow file: "
        "name a folder or such a file"
    )
