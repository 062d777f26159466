"""What was seen is known, always; what was not is rarely taken for it."""

from __future__ import annotations

import hashlib

from loader.requests.seen import SeenBefore


def ids(first: int, last: int) -> list[str]:
    return [hashlib.sha256(str(number).encode()).hexdigest() for number in range(first, last)]


def test_what_was_added_is_in_it() -> None:
    seen = SeenBefore()
    for receipt_id in ids(0, 5000):
        seen.add(receipt_id)
    assert all(receipt_id in seen for receipt_id in ids(0, 5000))


def test_what_was_not_added_is_hardly_ever_in_it() -> None:
    seen = SeenBefore()
    assert not any(receipt_id in seen for receipt_id in ids(0, 1000)), "an empty one holds nothing"
    for receipt_id in ids(0, 50_000):
        seen.add(receipt_id)
    assert sum(receipt_id in seen for receipt_id in ids(50_000, 100_000)) <= 5
