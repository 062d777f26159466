"""Receipts as a source offers them -> named by a hash and looked at, a few of them ahead, in threads.

Hashing, decoding and encoding release the GIL; reading the source stays in its order, in one thread.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from loader.requests import question as requests
from loader.requests.images import RejectedImage, inspect
from loader.sources.receipt import Receipt
from loader.warehouse.raw import ReceiptRow

THREADS = min(os.cpu_count() or 1, 4)  # each may hold a decoded image
AHEAD = 2 * THREADS
BATCH_RECEIPTS = 256  # so many, or of so many bytes, wait at most to be looked up in the ledger together
BATCH_BYTES = 12 * 1024 * 1024

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Offered:
    """A receipt as it came, what its header says, and why it cannot be sent (if it can't)."""

    receipt: Receipt
    receipt_id: str
    media_type: str | None = None
    width: int | None = None
    height: int | None = None
    rejected_reason: str | None = None

    @property
    def byte_count(self) -> int:
        """Size of the image as it came."""
        return len(self.receipt.image or b"")

    def row(self, default_currency: str | None, rejected_reason: str | None) -> ReceiptRow:
        """What raw.receipts notes of it."""
        image = self.receipt.image
        return ReceiptRow(
            receipt_id=self.receipt_id,
            source=self.receipt.source,
            source_key=self.receipt.source_key,
            location=self.receipt.location,
            media_type=self.media_type,
            width=self.width,
            height=self.height,
            image_bytes=None if image is None else len(image),
            currency=self.receipt.currency,
            label=self.receipt.label,
            rejected_reason=rejected_reason,
            default_currency=default_currency,
        )


def offer(receipt: Receipt) -> Offered:
    """Name a receipt and look at its image's header."""
    if receipt.image is None:
        # There are no bytes to hash: the place where they should be is all that is known.
        place = (receipt.location or f"{receipt.source}/{receipt.source_key}").encode()
        return Offered(receipt, requests.receipt_id(place), rejected_reason=receipt.error or "cannot be read")
    receipt_id = requests.receipt_id(receipt.image)
    try:
        return Offered(receipt, receipt_id, *inspect(receipt.image))
    except RejectedImage as rejected:
        return Offered(receipt, receipt_id, rejected_reason=rejected.reason)


def in_threads(function: Callable[[T], U], items: Iterable[T]) -> Iterator[U]:
    """What `function` makes of each item, in their order; a few items are worked on ahead."""
    with ThreadPoolExecutor(THREADS) as pool:
        ahead: deque[Future[U]] = deque()
        for item in items:
            ahead.append(pool.submit(function, item))
            if len(ahead) > AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
