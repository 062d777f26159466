"""A receipt reader without OCR: its answer follows from the image's bytes, so a test knows it beforehand.

The environment can ask for more: INSTANT_READER_LOG names a file to which it appends the SHA-256 of each
image that it reads, INSTANT_READER_SECONDS lets it take its time. An image whose bytes hold `kill-the-worker`
ends the process that reads it, one with `raise-an-error` makes it raise.
"""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

SPEC = f"{__name__}:read_images"


@dataclass(frozen=True)
class Item:
    name: str
    price: str
    classification: str


@dataclass(frozen=True)
class Reading:
    items: tuple[Item, ...] = ()
    merchant: str | None = None
    purchased_on: str | None = None
    currency: str | None = None
    total: str | None = None


def read_images(images: Sequence[bytes], categories: Sequence[str] = ()) -> Reading:
    """What `read_receipt` says of each image: all items, the header of the first."""
    first, *others = (read_receipt(image, categories) for image in images)
    return replace(first, items=first.items + tuple(item for other in others for item in other.items))


def read_receipt(image: bytes, categories: Sequence[str] = ()) -> Reading:
    """Three items, named and priced after the image's SHA-256."""
    digest = hashlib.sha256(image).hexdigest()
    if log := os.environ.get("INSTANT_READER_LOG"):
        with Path(log).open("a") as file:
            file.write(digest + "\n")
    if b"kill-the-worker" in image:
        os.kill(os.getpid(), signal.SIGKILL)
    if b"raise-an-error" in image:
        raise ValueError("text of a receipt")
    time.sleep(float(os.environ.get("INSTANT_READER_SECONDS", "0")))
    allowed = list(categories) or ["Other"]
    items = tuple(
        Item(f"Item {part}", f"{int(part, 16)}.00", allowed[int(part, 16) % len(allowed)])
        for part in (digest[start : start + 2] for start in range(0, 6, 2))
    )
    return Reading(items, merchant=f"Shop {digest[:4]}", purchased_on=None, currency="EUR", total=None)
