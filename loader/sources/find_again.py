"""Images found again where they came from, by what raw.receipts notes of them: none is stored twice.

What lies there now may be another image, or nothing: the bytes count only when their hash is the receipt's.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from loader.errors import LoaderError, SourceError, one_line
from loader.settings import SAMPLES
from loader.sources import archives, file_kinds, locations
from loader.sources.folder import archive_file, file_bytes
from loader.sources.open_source import open_source
from loader.sources.receipt import Image, Receipt
from loader.stores import is_url, without_secrets

_HUB = locations.of_hub("")
NOWHERE = "where it lies was not noted: its answer was landed by hand, or by an older version"


def image_of(receipt_id: str, places: Iterable[str]) -> Image:
    """The bytes of a receipt's file, from the first of these locations that still holds it; else None and why not."""
    reasons = []
    for place in dict.fromkeys(places):
        image, reason = image_at(place)
        if image is not None and hashlib.sha256(image).hexdigest() == receipt_id:
            return image, None
        reasons.append(reason or f"another image is there now: {place}")
    return None, "; ".join(reasons) or NOWHERE


def image_at(location: str) -> Image:
    """What lies at a location now: its bytes, or None and why not in one line."""
    try:
        path = locations.path_of(location) if location.startswith("/") else None
        if path is not None and path.is_file():
            return file_bytes(path)
        if path is not None and (archive := next((one for one in path.parents if one.is_file()), None)) is not None:
            return _among(archives.receipts("", archive_file(str(archive), "")), location)
        if is_url(location) and not location.startswith(_HUB):
            return _in_store(location)
        dataset, is_row, _ = location.rpartition("#")
        if is_row:
            return _in_dataset(dataset, location)
    except (LoaderError, OSError, ValueError, RuntimeError) as error:
        return None, f"cannot be read: {one_line(error)}"
    return None, f"it is gone: {location}"


def _in_dataset(dataset: str, location: str) -> Image:
    """The image in a row of a data set, which is read up to there."""
    if dataset == SAMPLES:
        number = re.fullmatch(r"sample-(\d{2,6})", location.rpartition("#")[2])
        if number:
            from loader.sources import samples

            return samples.one(int(number[1])).image, None
        return None, f"there is no such sample: {location}"
    name = dataset.removeprefix(_HUB) if dataset.startswith(_HUB) else str(locations.path_of(dataset))
    if not dataset.startswith(_HUB) and not Path(name).exists():
        return None, f"it is gone: {dataset}"
    return _among(open_source(name), location)


def _in_store(location: str) -> Image:
    """The image behind a URL: the file that it names, a row of the table there, or a file in the archive there."""
    archive = re.match(rf".+?(?:{'|'.join(map(re.escape, sorted(file_kinds.ARCHIVE_SUFFIXES)))})(?=/)", location, re.I)
    table = location.rpartition("#")[0]
    found: Image = None, f"it is gone: {without_secrets(location)}"
    for place in filter(None, (archive and archive[0], table, location)):
        with suppress(SourceError):
            found = _among(open_source(place), location)
            if found[0] is not None:
                break
    return found


def _among(receipts: Iterable[Receipt], location: str) -> Image:
    for receipt in receipts:
        if receipt.location == location:
            found = receipt.with_image()
            return found.image, found.error
    return None, f"it is gone: {location}"
