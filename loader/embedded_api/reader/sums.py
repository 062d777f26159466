"""Lines bought against the sums that the receipt prints: where they don't add up, one mistake at most is mended.

A reading that adds up is left alone; one that no single change makes add up is left alone too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from loader.embedded_api.reader import words
from loader.embedded_api.reader.amounts import SUMS, Amount, amounts
from loader.embedded_api.reader.rows import Row

SIGN_AS_DIGIT = re.compile(r"[58]\d{1,3}[.,]\d\d$")
ROUNDING = Decimal("0.05")  # of the currencies that print decimals: cash is rounded to it


@dataclass(frozen=True)
class Line:
    """One thing bought: its name, its amount as printed, and what that is worth."""

    name: str
    price: str
    value: Decimal
    instead: tuple[Amount, ...] = ()  # other amounts on the row, should this not be the right one


def printed_sums(rows: Sequence[Row], decimals: bool) -> list[Decimal]:
    """What the receipt says that its lines add up to: subtotals and totals, before and after tax."""
    sums = [found[-1].value for row in rows if words.kinds(row.text) & SUMS and (found := amounts(row, decimals))]
    return [value for value in sums if value > 0]


def mended(lines: Sequence[Line], strays: Sequence[Line], sums: Sequence[Decimal]) -> list[Line]:
    """The lines, with the one change that makes them add up to a printed sum, if they don't and one does.

    `strays` are rows that look like a line but whose amount stands outside the amount column.
    """
    if not lines or adds_up(lines, sums):
        return list(lines)
    return next((changed for changed in _changes(lines, strays) if value_of(changed) in sums), list(lines))


def adds_up(lines: Sequence[Line], sums: Sequence[Decimal]) -> bool:
    """Whether the lines make one of the printed sums, but for rounding."""
    return bool(lines) and any(abs(value_of(lines) - printed) <= ROUNDING for printed in sums)


def without_sign(printed: str) -> tuple[str, Decimal] | None:
    """What stands behind a `$` that the OCR read as a digit, `22.95` of `522.95`, and its value; else None."""
    return (printed[1:], Decimal(printed[1:].replace(",", "."))) if SIGN_AS_DIGIT.match(printed) else None


def value_of(lines: Sequence[Line]) -> Decimal:
    """What the lines come to."""
    return sum((line.value for line in lines), Decimal(0))


def _changes(lines: Sequence[Line], strays: Sequence[Line]) -> Iterator[list[Line]]:
    """What may have gone wrong, the likeliest first."""
    yield [_negated(line) if _is_unsigned_discount(line) else line for line in lines]
    for position, line in enumerate(lines):
        for other in line.instead:
            swapped = replace(line, price=other.printed, value=other.value)
            yield [*lines[:position], swapped, *lines[position + 1 :]]
        if less := without_sign(line.price):
            yield [*lines[:position], replace(line, price=less[0], value=less[1]), *lines[position + 1 :]]
    for stray in strays:
        yield [*lines, stray]
    for position in range(len(lines)):
        if len(lines) > 1:
            yield [*lines[:position], *lines[position + 1 :]]
    for end in range(len(lines) - 2, 1, -1):  # sums of the kinds of goods behind them
        yield list(lines[:end])


def _is_unsigned_discount(line: Line) -> bool:
    return line.value > 0 and bool(words.kinds(line.name) & {"discount", "void"})


def _negated(line: Line) -> Line:
    """A discount that is printed without its minus."""
    return replace(line, price=f"-{line.price}", value=-line.value)
