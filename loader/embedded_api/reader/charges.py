"""What a receipt prints beside its items and total: subtotal, taxes, tip, service charge, rounding."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from loader.embedded_api.reader import words
from loader.embedded_api.reader.amounts import Amount, amounts
from loader.embedded_api.reader.rows import Row

RATE = re.compile(r"(\d{1,2}(?:[.,]\d{1,3})?)\s?%")
POINT_LOST = re.compile(r"\W*?(-?)0(0\d)")
CENT = Decimal("0.02")  # a tax is rounded, of each line or of their sum
PARTS = frozenset({"subtotal", "count", "tax", "tip", "service"})  # what is summed up in a total that is not the last
SUMMED_UP = frozenset({"total", "grand", "subtotal", "count", "points", "change", "payment", "base"})


@dataclass(frozen=True)
class Charges:
    """None, or no tax, where the receipt prints none."""

    subtotal: Amount | None
    taxes: tuple[Amount, ...]
    tip: Amount | None
    service_charge: Amount | None
    rounding: Amount | None


def charges_of(rows: Sequence[Row], decimals: bool) -> Charges:
    """What stands beside the items; `decimals`: whether the receipt prints amounts with decimals."""
    return Charges(
        _last(rows, "subtotal", frozenset({"grand", "tax"}), decimals),
        _taxes(rows, decimals),
        _last(_without_suggestions(rows), "tip", SUMMED_UP, decimals),
        _last(rows, "service", SUMMED_UP | {"tax"}, decimals),
        _last(rows, "rounding", SUMMED_UP, decimals) or _rounding_without_point(rows),
    )


def _rounding_without_point(rows: Sequence[Row]) -> Amount | None:
    """A rounding whose decimal point the OCR lost: `002`, `-001`."""
    for row in rows:
        cell = row.cells[-1]
        digits = POINT_LOST.fullmatch(cell.text)
        if digits and "rounding" in words.kinds(row.text):
            printed = f"{digits[1]}0.{digits[2]}"
            return Amount(printed, Decimal(printed), cell.left, cell.right, False, (), True)
    return None


def _without_suggestions(rows: Sequence[Row]) -> list[Row]:
    """The rows without tips that are suggested: they have a rate and stand behind the first total."""
    said = [words.kinds(row.text) for row in rows]
    totals = (at for at, kinds in enumerate(said) if kinds & {"total", "grand"} and not kinds & PARTS)
    end = next(totals, 0)
    return [row for position, row in enumerate(rows) if position < end or not RATE.search(row.text)]


def _last(rows: Sequence[Row], kind: str, other: frozenset[str], decimals: bool) -> Amount | None:
    """The amount of the last row of this kind that is of no other."""
    for row in reversed(rows):
        kinds = words.kinds(row.text)
        if kind in kinds and not kinds & other and (found := amounts(row, decimals)):
            return found[-1]
    return None


def _taxes(rows: Sequence[Row], decimals: bool) -> tuple[Amount, ...]:
    """Every tax, without one that sums up the others; of a row of a tax table the amount that its rate makes."""
    taxes: list[Amount] = []
    total: list[Amount] = []
    for row in rows:
        kinds = words.kinds(row.text)
        found = amounts(row, decimals)
        rate = RATE.search(row.text)
        if not found or kinds & {"points", "change", "payment"}:
            continue
        if rate and len(found) > 1:
            taxes += _by_rate(found, Decimal(rate[1].replace(",", ".")))
        elif "tax" in kinds and not kinds & SUMMED_UP and len(found) == 1:
            taxes.append(found[0])
        elif kinds & SUMMED_UP == {"total"} and "tax" in kinds and len(found) == 1:
            total.append(found[0])
    if len(taxes) > 2 and taxes[-1].value == sum(tax.value for tax in taxes[:-1]):
        taxes.pop()
    return tuple(taxes or total[:1])


def _by_rate(found: Sequence[Amount], rate: Decimal) -> list[Amount]:
    """The amount that is the rate's share of another, be that without the tax or with it."""
    for tax in found:
        for base in found:
            shares = (base.value * rate / 100, base.value * rate / (100 + rate))
            if tax is not base and tax.value and any(abs(tax.value - share) <= CENT for share in shares):
                return [tax]
    return []
