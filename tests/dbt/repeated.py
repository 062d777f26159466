"""Receipts that are one with another, may be, or only look alike."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.dbt.raw_tables import RawTables, answer_line


@dataclass(frozen=True)
class Seen:
    """A receipt as it was read: what differs from the usual one, and where its image lay."""

    header: dict[str, Any] = field(default_factory=dict)
    prices: tuple[str, ...] = ("3.00", "2.00")
    location: str | None = None
    load: str = "load"
    minutes: float = 0
    is_answered: bool = True
    rejected_reason: str | None = None
    back_after: float | None = None  # minutes after which it lay there again


@dataclass(frozen=True)
class Repeated:
    """Receipts of one shop; for each the number (from 0) of the one that counts instead, its own where it counts."""

    name: str
    receipts: tuple[Seen, ...]
    counts: tuple[int, ...]
    doubtful: tuple[int, ...] = ()  # those that may be one with another


USUAL = {"purchased_on": "2026-02-14", "currency": "EUR", "total": "5.00", "taxes": [], "purchased_at": "08:30"}
PHOTO, SCAN = Seen(location="/a/photo.jpg"), Seen(location="/b/scan.jpg", minutes=1)
NO_TIME = {"purchased_at": None}


def _with(number: str | None = None, **header: Any) -> Seen:
    return Seen({"receipt_number": number, **header})


CASES = [
    Repeated("a photo and a scan", (PHOTO, SCAN), (0, 0)),
    Repeated("three of it", (PHOTO, SCAN, Seen(location="/c/mail.pdf", minutes=2)), (0, 0, 0)),
    Repeated("one number, no time", (_with("17", **NO_TIME), _with("17", **NO_TIME)), (0, 0)),
    Repeated("one number, one knows the time", (_with("17"), _with("17", **NO_TIME)), (0, 0)),
    Repeated("one number, written otherwise", (_with("A-17"), _with("a 17")), (0, 0)),
    Repeated("a shop written otherwise", (_with(merchant="ALDI  Sued"), _with(merchant="Aldi-Sued")), (0, 0)),
    Repeated("the balanced one counts", (Seen({"receipt_number": "1"}, ("3.00",)), _with("1")), (1, 1)),
    Repeated("two coffees at other times", (_with(), _with(purchased_at="15:10")), (0, 1)),
    Repeated("two coffees of other numbers", (_with("17"), _with("18")), (0, 1)),
    Repeated("one number at two times", (_with("17"), _with("17", purchased_at="15:10")), (0, 1)),
    Repeated("one time, other items", (Seen(), Seen(prices=("4.00", "1.00"))), (0, 1), doubtful=(1,)),
    Repeated("neither number nor time", (_with(**NO_TIME), _with(**NO_TIME)), (0, 1), doubtful=(1,)),
    Repeated("another day", (_with("17"), _with("17", purchased_on="2026-02-15")), (0, 1)),
    Repeated("another total", (_with("17"), _with("17", total="6.00")), (0, 1)),
    Repeated("another currency", (_with("17"), _with("17", currency="USD")), (0, 1)),
    Repeated("no shop", (_with("17", merchant=None), _with("17", merchant=None)), (0, 1)),
    Repeated("no date", (_with("17", purchased_on=None), _with("17", purchased_on=None)), (0, 1)),
    Repeated("no currency", (_with("17", currency=None), _with("17", currency=None)), (0, 1)),
    Repeated(
        "what lies between two is one with the first alone",
        (
            _with("17"),
            Seen({"receipt_number": "17", **NO_TIME}, minutes=1),
            Seen({"receipt_number": "17", "purchased_at": "15:10"}, minutes=2),
        ),
        (0, 0, 2),
    ),
    Repeated(
        "what may be either of two is one of them, and they stay two",
        (
            Seen({"receipt_number": "17", **NO_TIME}),
            Seen({"receipt_number": "17"}, minutes=1),
            Seen({"receipt_number": "17", "purchased_at": "15:10"}, minutes=2),
        ),
        (0, 0, 2),
    ),
    Repeated(
        "one shows the number, one the time, one both",
        (Seen({"receipt_number": "17", **NO_TIME}), Seen(minutes=1), Seen({"receipt_number": "17"}, minutes=2)),
        (0, 0, 0),
    ),
    Repeated(
        "what looks alike is told also where both differ from the first",
        (
            Seen({"receipt_number": "5", "purchased_at": "09:00"}),
            Seen(minutes=1),
            Seen({"receipt_number": "7", **NO_TIME}, minutes=2),
        ),
        (0, 1, 2),
        doubtful=(2,),
    ),
    # at one place
    Repeated(
        "saved again twice, and the latest is not read yet",
        (
            Seen(NO_TIME, location="/c/x.jpg"),
            Seen(NO_TIME, location="/c/x.jpg", load="next", minutes=9),
            Seen(location="/c/x.jpg", load="much later", minutes=18, is_answered=False),
        ),
        (1, 1, 2),
        doubtful=(1,),
    ),
    Repeated(
        "saved again in place",
        (Seen(NO_TIME, location="/d/x.jpg"), Seen(NO_TIME, location="/d/x.jpg", load="next", minutes=9)),
        (1, 1),
    ),
    Repeated(
        "saved again in place, and back to what it was",
        (
            Seen(NO_TIME, location="/d/y.jpg", back_after=18),
            Seen(NO_TIME, location="/d/y.jpg", load="next", minutes=9),
        ),
        (0, 0),
    ),
    Repeated(
        "a file that could not be read once",
        (
            Seen(location="/e/x.jpg", is_answered=False, rejected_reason="cannot be read"),
            Seen(location="/e/x.jpg", load="next", minutes=9),
        ),
        (1, 1),
    ),
    Repeated(
        "a camera that starts again",
        (Seen(location="/f/1.jpg"), Seen({"total": "7.00"}, ("7.00",), "/f/1.jpg", "next", 9)),
        (0, 1),
        doubtful=(0,),
    ),
    Repeated(
        "the later one is not read yet",
        (Seen(location="/g/x.jpg"), Seen(location="/g/x.jpg", load="next", minutes=9, is_answered=False)),
        (0, 1),
        doubtful=(0,),
    ),
    Repeated(
        "two of one load at one place",
        (Seen(NO_TIME, location="/h/x.jpg"), Seen({"total": "7.00"}, ("7.00",), "/h/x.jpg", minutes=1)),
        (0, 1),
    ),
]  # fmt: skip


def receipt_of(case: Repeated, number: int) -> str:
    """The id of a case's receipt."""
    return f"twice {case.name} {number}"


def write_repeated(raw: RawTables) -> None:
    """All cases, as receipts of one source."""
    lines, asked = [], {}
    for case in CASES:
        for number, seen in enumerate(case.receipts):
            receipt_id = receipt_of(case, number)
            times = {seen.load: seen.minutes}
            if seen.back_after is not None:
                times["much later"] = seen.back_after
            for load_id, minutes in times.items():
                raw.receipts(
                    [receipt_id],
                    source="twice",
                    minutes=minutes,
                    location=seen.location,
                    load_id=load_id,
                    rejected_reason=seen.rejected_reason,
                )
            if seen.is_answered:
                asked[receipt_id] = receipt_id
                items = [{"name": "Bun", "price": price, "classification": "Food"} for price in seen.prices]
                content = {"merchant": f"Shop {case.name}", **USUAL, **seen.header, "items": items}
                lines.append(answer_line(receipt_id, json.dumps(content)))
    raw.requests("twice", asked)
    raw.job("twice", "twice")
    raw.lines("twice", "twice", lines)
