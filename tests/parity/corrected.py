"""Corrections on which engines could differ: what people write, and much that the loader would refuse."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.dbt.raw_tables import RawTables, answer_line, at

ANSWER = {
    "items": [
        {"name": "Tea", "price": "3.20", "classification": "Beverage"},
        {"name": "Bun", "price": "2.00", "classification": "Food"},
        {"name": "Rice", "price": "25.000", "classification": "Rice"},
    ],
    "merchant": "Kedai",
    "purchased_on": "2026-03-01",
    "purchased_at": "08:15",
    "currency": "MYR",
    "taxes": [],
    "total": "9.20",
}
UNANSWERED = "nothing was read"


@dataclass(frozen=True)
class Said:
    """A correction. `item`: the number of one that was read; `added`: of one that was added; `after`: minutes."""

    field: str
    value: str | None = None
    item: int | None = None
    added: int | None = None
    after: float = 0
    key: str | None = None


# What only some engines take for a number is none anywhere: an exponent, digits of another script.
AMOUNTS = ("0", "-0.00", "007.5", "0.001", "999999999999.999", "1,50", " 4.00 ", "1e3", "", "NaN", "٣", "9" * 40)
DATES = ("2026-02-29", "2026-2-1", "0001-01-01", "9999-12-31", "18.02.2017", "2026-03-01 23:59:59", "today", "", " ")
TEXTS = (
    "",
    " ",
    "'; drop table $1 {{ x }} %s --",
    "\N{RIGHT-TO-LEFT OVERRIDE}gnp",
    "a\nb\t\\",
    "é",
    "e\u0301",
    "x" * 9_999,
)

# Receipt -> what people said of it, in order.
CASES: dict[str, list[Said]] = {
    "all is right": [Said("accepted", "true")],
    "accepted with other words": [Said("accepted", None)],
    "no receipt": [Said("not_a_receipt", "true")],
    "no receipt, taken back": [Said("not_a_receipt", "true", key="k1"), Said("withdraw", "k1", after=1)],
    "taken back before it was said": [Said("withdraw", "k2"), Said("merchant", "X", key="k2", after=1)],
    "taking back taken back": [
        Said("merchant", "X", key="k3"),
        Said("withdraw", "k3", key="k4", after=1),
        Said("withdraw", "k4", after=2),
    ],
    "what another said is taken back here": [Said("withdraw", "k5")],
    "taken back elsewhere": [Said("merchant", "X", key="k5")],
    "the later counts": [Said("total", "1.00"), Said("total", "9.20", after=1), Said("total", "2.00", after=0.5)],
    "at one moment": [Said("total", "9.20", key="k7"), Said("total", "1.00", key="k6")],
    "another currency": [Said("currency", "IDR")],
    "no currency that is known": [Said("currency", "ABC")],
    "item dropped": [Said("dropped", "true", item=3), Said("total", "5.20")],
    "all items dropped": [Said("dropped", "true", item=number) for number in (1, 2, 3)],
    "dropped and taken back": [Said("dropped", "true", item=3, key="k8"), Said("withdraw", "k8", after=1)],
    "item mended": [Said("price", "4.00", item=3), Said("name", None, item=1), Said("category", "Food", item=1)],
    "category that is none": [Said("category", "Foods", item=1), Said("category", None, item=2)],
    "item that is not there": [Said("price", "4.00", item=9), Said("price", "1.00", item=-1)],
    "items added": [Said("price", "4.00", added=4), Said("name", "Egg", added=4), Said("price", "-4.00", added=9)],
    "added without a price": [Said("name", "Egg", added=4)],
    "added and dropped": [Said("price", "4.00", added=4), Said("dropped", "true", added=4, after=1)],
    "added under those of the answer": [Said("price", "4.00", added=1)],
    "one purchase": [Said("same_as", "corrected-two purchases")],
    "two purchases": [Said("not_same_as", "corrected-one purchase", after=1)],
    "one with itself": [Said("same_as", "corrected-one with itself")],
    "one with nothing": [Said("same_as", "nobody"), Said("same_as", None, after=1)],
    "in a ring, one": [Said("same_as", "corrected-in a ring, two")],
    "in a ring, two": [Said("same_as", "corrected-in a ring, one")],
    "a field that is none": [Said("colour", "blue"), Said("", "x"), Said("Total", "1.00"), Said("price", "1.00")],
    "header cleared": [
        Said(field) for field in ("merchant", "purchased_on", "purchased_at", "total", "payment_method")
    ],
    UNANSWERED: [Said("price", "4.00", added=1), Said("merchant", "X"), Said("total", "4.00")],
    **{f"amount {n}": [Said("total", text), Said("price", text, item=1)] for n, text in enumerate(AMOUNTS)},
    **{f"date {text!r}": [Said("purchased_on", text), Said("purchased_at", text)] for text in DATES},
    **{f"text {n}": [Said("merchant", text), Said("name", text, item=1)] for n, text in enumerate(TEXTS)},
}


def corrected_id(name: str) -> str:
    """The receipt of a case."""
    return f"corrected-{name}"


def write_corrected(raw: RawTables) -> None:
    """A receipt a case, all with one answer but `UNANSWERED`, and what was said of each."""
    ids = [corrected_id(name) for name in CASES]
    raw.receipts(ids)
    answered = [key for key in ids if key != corrected_id(UNANSWERED)]
    raw.requests("corrected", {key: key for key in answered})
    raw.job("corrected", "corrected")
    # a merchant each, or all of them would be one purchase
    lines = [answer_line(key, json.dumps({**ANSWER, "merchant": key})) for key in answered]
    raw.lines("corrected", "corrected-file", lines)
    raw.insert("corrections", [row for name, said in CASES.items() for row in _rows(name, said)])
    raw.insert(
        "corrections", _rows("receipt that is not there", [Said("total", "1.00"), Said("price", "1.00", added=1)])
    )


def _rows(name: str, said: list[Said]) -> Iterator[dict[str, Any]]:
    answer_id = hashlib.md5(f"request:corrected:{corrected_id(name)}:1".encode()).hexdigest()
    for number, one in enumerate(said):
        yield {
            "correction_id": one.key or f"{name}-{number}",
            "receipt_id": corrected_id(name),
            "answer_id": None if one.item is None else answer_id,
            "item_number": one.added if one.item is None else one.item,
            "field": one.field,
            "value": one.value,
            "reason": None,
            "corrected_by": "ann",
            "corrected_at": at(100 + one.after),
        }
