"""A JPEG by its marks, nothing decoded: what kind it is, whether it ends, whether all its scans are there."""

from __future__ import annotations

import re
from collections.abc import Iterator

END = b"\xff\xd9"
_SCAN = 0xDA
_COMMON = (0xC0, 0xC1, 0xC2)  # baseline, extended, progressive, with Huffman codes
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_NEXT_MARK = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)  # inside a scan: no stuffed byte, no restart
_COEFFICIENTS = 64


def first_scan(data: bytes) -> tuple[int, bool] | None:
    """Where the first scan begins, and whether the kind is one that any decoder reads. None when there is no scan.

    Before it stand the headers, with a thumbnail perhaps that has marks of its own.
    """
    common = False
    for mark, at in _segments(data):
        common = common or mark in _COMMON
        if mark == _SCAN:
            return at, common
    return None


def has_end(data: bytes) -> bool:
    """Whether a scan is followed by the end mark."""
    scan = first_scan(data)
    return scan is not None and data.rfind(END, scan[0]) > 0


def without_end(data: bytes) -> bytes:
    """The data without what may stand where the end mark is missing: half of it, or zeros."""
    whole = data.rstrip(b"\0")
    if whole.endswith(b"\xff") and len(whole) < len(data):
        return whole + b"\0"  # a stuffed byte of the scan
    return whole.rstrip(b"\xff")


def has_all_scans(data: bytes) -> bool:
    """Whether the scans give every bit of every coefficient: a progressive JPEG may end after a coarse one."""
    missing: dict[int, set[int]] = {}
    for mark, at in _segments(data):
        if mark in _FRAMES:
            missing = {data[at + 10 + 3 * i]: set(range(_COEFFICIENTS)) for i in range(data[at + 9])}
        elif mark == _SCAN:
            count = data[at + 4]
            first, last, bits = data[at + 5 + 2 * count : at + 8 + 2 * count]
            for i in range(count if bits & 15 == 0 else 0):
                missing[data[at + 5 + 2 * i]].difference_update(range(first, last + 1))
    return bool(missing) and not any(missing.values())


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Mark and position of each segment, as far as they make sense."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        mark = data[at + 1]
        if mark == 0xFF:  # a fill byte
            at += 1
            continue
        yield mark, at
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if mark == _SCAN:
            found = _NEXT_MARK.search(data, at)
            if found is None:
                return
            at = found.start()
