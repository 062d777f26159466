"""Which receipts may have been seen before, in 8 MB however many there are.

With it a receipt that is new, as most are, needs no look into the ledger: opening the warehouse for each handful of
images would take longer than making their requests.
"""

from __future__ import annotations

from collections.abc import Iterator

_BITS = 26
_MASK = (1 << _BITS) - 1


class SeenBefore:
    """A set of receipt ids (a Bloom filter): what was added is in it, always; what was not is, once in a while.

    That is one id in 10,000 after a million were added, and one in 20 after ten millions.
    """

    def __init__(self) -> None:
        self._bits = bytearray(1 << (_BITS - 3))

    def add(self, receipt_id: str) -> None:
        """Remember an id, a hash in hex."""
        for place in _places(receipt_id):
            self._bits[place >> 3] |= 1 << (place & 7)

    def __contains__(self, receipt_id: str) -> bool:
        return all(self._bits[place >> 3] & 1 << (place & 7) for place in _places(receipt_id))


def _places(receipt_id: str) -> Iterator[int]:
    """Three bits for an id: a hash needs no further hashing."""
    number = int(receipt_id[:24], 16)
    return iter((number & _MASK, number >> 32 & _MASK, number >> 64 & _MASK))
