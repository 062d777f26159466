"""Receipts beside what is known of their files: one that was read before, and has not changed, need not be read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from loader.requests.candidates import Candidate
from loader.requests.images import ImagePolicy
from loader.sources.receipt import Receipt
from loader.warehouse.decisions import Decisions
from loader.warehouse.duckdb_file import Warehouse
from loader.warehouse.known_files import KnownFile, find

AT_ONCE = 10_000
"""So many receipts are looked up in one transaction. They hold no images meanwhile."""
_DECODERS = ("pillow", "pi-heif", "pypdfium2")

Beside = tuple[Receipt, KnownFile | None]


@cache
def rules() -> str:
    """What tells the rules that reject images from those of another version: their text, and whose decoders they use.

    A number that is to be raised by hand would be forgotten.
    """
    here = Path(__file__).parent
    found = hashlib.sha256()
    for path in (*sorted(here.glob("*.py")), *sorted(here.parent.glob("image_*.py"))):
        found.update(path.read_bytes())
    for name in _DECODERS:
        try:
            found.update(f"{name} {metadata.version(name)}".encode())
        except metadata.PackageNotFoundError:
            continue
    return found.hexdigest()[:16]


@dataclass(frozen=True)
class Lookup:
    """Looks up receipts in the ledger. With `rehash`, none is known: every byte is looked at."""

    warehouse: Warehouse
    policy: ImagePolicy
    rehash: bool = False

    @property
    def rules(self) -> str:
        """By which rules an image is rejected now; the policy has a say in it."""
        return f"{rules()}/{self.policy.fingerprint}"

    def beside(self, receipts: Iterable[Receipt]) -> Iterator[Beside]:
        """Each receipt, in their order, with what is known of its file."""
        waiting: list[Receipt] = []
        for receipt in receipts:
            if receipt.read is None:  # its image is in memory, where few have room
                yield from self._looked_up(waiting)
                waiting = []
                yield receipt, None
                continue
            waiting.append(receipt)
            if len(waiting) == AT_ONCE:
                yield from self._looked_up(waiting)
                waiting = []
        yield from self._looked_up(waiting)

    def _looked_up(self, receipts: list[Receipt]) -> Iterator[Beside]:
        versions = {r.location: r.version for r in receipts if r.location is not None and r.version is not None}
        known: dict[str, KnownFile] = {}
        if versions and not self.rehash:
            with self.warehouse.transaction() as connection:
                known = find(connection, versions, self.rules)
        for receipt in receipts:
            file = known.get(receipt.location or "")
            yield receipt, file if file is not None and file.version == receipt.version else None

    def found(self, candidate: Candidate, rejected_reason: str | None, may_pass: bool) -> KnownFile | None:
        """What is to be noted of a receipt that has been read; None where its file cannot be known again, or what it
        is rejected for `may_pass`."""
        receipt = candidate.receipt
        if may_pass:
            return None
        if receipt.image is None or candidate.byte_count is None or receipt.location is None or receipt.version is None:
            return None
        return KnownFile(
            location=receipt.location,
            version=receipt.version,
            rules=self.rules,
            receipt_id=candidate.receipt_id,
            media_type=candidate.media_type,
            width=candidate.width,
            height=candidate.height,
            image_bytes=candidate.byte_count,
            rejected_reason=rejected_reason,
        )


def known_and_unasked(beside: Beside, decisions: Decisions) -> Candidate | None:
    """A receipt that need not be read: its file is known, and it is rejected or not to be asked. None when it must."""
    receipt, known = beside
    if known is None or (known.rejected_reason is None and decisions[known.receipt_id] is not None):
        return None
    return Candidate(
        receipt,
        known.receipt_id,
        known.media_type,
        known.width,
        known.height,
        known.rejected_reason,
        known.image_bytes,
    )
