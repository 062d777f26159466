"""Receipts as a source offers them -> named by a hash, and their image's header looked at."""

from __future__ import annotations

from dataclasses import dataclass

from loader.requests.images import inspect
from loader.requests.pictures import RejectedImage
from loader.requests.question import receipt_id
from loader.sources.receipt import Receipt
from loader.warehouse.raw import ReceiptRow


@dataclass(frozen=True)
class Candidate:
    """A receipt as it came, what its header says, and why it cannot be sent (if it can't)."""

    receipt: Receipt
    receipt_id: str
    media_type: str | None = None
    width: int | None = None
    height: int | None = None
    rejected_reason: str | None = None
    byte_count: int | None = None
    """Size of the image as it came; None when it could not be read."""
    may_pass: bool = False  # what it is rejected for, on another day

    def row(self, default_currency: str | None, rejected_reason: str | None) -> ReceiptRow:
        """What raw.receipts notes of it."""
        return ReceiptRow(
            receipt_id=self.receipt_id,
            source=self.receipt.source,
            source_key=self.receipt.source_key,
            location=self.receipt.location,
            media_type=self.media_type,
            width=self.width,
            height=self.height,
            image_bytes=self.byte_count,
            currency=self.receipt.currency,
            label=self.receipt.label,
            rejected_reason=rejected_reason,
            default_currency=default_currency,
        )


def look_at(receipt: Receipt) -> Candidate:
    """Name a receipt, read now where it was not yet, and look at its image's header."""
    receipt = receipt.with_image()
    if receipt.image is None:
        # There are no bytes to hash: the place where they should be is all that is known.
        place = (receipt.location or f"{receipt.source}/{receipt.source_key}").encode()
        return Candidate(receipt, receipt_id(place), rejected_reason=receipt.error or "cannot be read")
    name, size = receipt_id(receipt.image), len(receipt.image)
    try:
        return Candidate(receipt, name, *inspect(receipt.image), byte_count=size)
    except RejectedImage as rejected:
        return Candidate(receipt, name, rejected_reason=rejected.reason, byte_count=size, may_pass=rejected.may_pass)
