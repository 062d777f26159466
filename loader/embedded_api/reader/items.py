"""Rows -> the lines of a receipt that were bought: name and amount of each.

A name stands on the row of its amount, else on the rows above or below it, whichever way this receipt is laid out.
Where the items end and which column is theirs may be read in more than one way (`region`): `balance` chooses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from loader.embedded_api.reader import words
from loader.embedded_api.reader.amounts import Amount, amounts
from loader.embedded_api.reader.names import has_name, letters, trimmed, words_beside
from loader.embedded_api.reader.region import LINE_PITCH, Column, columns, ends, first_row
from loader.embedded_api.reader.rows import Row
from loader.embedded_api.reader.sums import Line, printed_sums, value_of

NOTE = re.compile(r"^\W*(?:@|x\s?\d|\d+\s?[x@])", re.IGNORECASE)
NO_NAME = frozenset({"subtotal", "total", "grand", "count"})  # a row of these kinds is no second line of a name


@dataclass(frozen=True)
class Guess:
    """One way to read the items: the lines, rows that may be lines too, the row that ends them, and the amount there
    where the lines make it."""

    lines: list[Line]
    strays: list[Line]
    end: int
    sum_row: Amount | None = None


@dataclass(frozen=True)
class _Entry:
    """A row of the item region: its amount in the amount column if it has one, and the words beside it."""

    row: Row
    amount: Amount | None
    words: str
    instead: tuple[Amount, ...] = ()


def guesses(rows: Sequence[Row], decimals: bool) -> Iterator[Guess]:
    """Readings of the items, the likeliest first: the region may end later, another column may be the amounts'."""
    start = first_row(rows, decimals)
    highest = max(printed_sums(rows, decimals), default=Decimal("Infinity"))
    for end in ends(rows, start, decimals):
        region = rows[start:end]
        for column in columns(region, decimals):
            entries = [_entry(row, column, decimals) for row in region]
            guess = _guess(entries, end)
            cut = _sum_row(entries)
            before = _guess(entries[:cut], start + cut, entries[cut].amount) if cut is not None else None
            if before and value_of(guess.lines) > highest:
                yield before
            yield guess
            if before and highest == Decimal("Infinity"):
                yield before


def _guess(entries: Sequence[_Entry], end: int, sum_row: Amount | None = None) -> Guess:
    lines = [line for line in _named(entries) if line.name]
    return Guess(lines, [_stray(entry) for entry in entries if _is_stray(entry)], end, sum_row)


def _entry(row: Row, column: Column, decimals: bool) -> _Entry:
    found = amounts(row, decimals)
    if "note" in words.kinds(row.text) and not has_name(row.text):
        return _Entry(row, None, row.text)
    at = next((p for p, amount in enumerate(found) if abs(amount.right - column.right) <= column.tolerance), None)
    if at is None or found[at].is_factor:
        return _Entry(row, None, row.text, tuple(found))
    while at > 0 and found[at].value == 0 and not found[at - 1].is_factor:
        at -= 1  # a nought at the end is a discount or a tax
    others = tuple(amount for amount in found if amount is not found[at])
    return _Entry(row, found[at], words_beside(row, found[at]), others)


def _sum_row(entries: Sequence[_Entry]) -> int | None:
    """The first entry that is the sum of the others so far: a subtotal whose word could not be read."""
    so_far = Decimal(0)
    count = 0
    for position, entry in enumerate(entries):
        if entry.amount is None:
            continue
        if count > 1 and so_far == entry.amount.value and entry.amount.value != 0:
            return position
        so_far += entry.amount.value
        count += 1
    return None


def _named(entries: Sequence[_Entry]) -> list[Line]:
    """Each amount with its name, by the way the receipt is laid out."""
    priced = [position for position, entry in enumerate(entries) if entry.amount is not None]
    if not priced:
        return []
    own = [position for position in priced if has_name(entries[position].words)]
    below = len(own) < len(priced) / 2 and _names_stand_below(entries, priced)
    name_rows = max((below - above - 1 for above, below in pairwise(priced)), default=1) or 1
    lines = []
    for number, position in enumerate(priced):
        amount = entries[position].amount
        assert amount is not None
        before = priced[number - 1] if number else -1
        after = priced[number + 1] if number + 1 < len(priced) else len(entries)
        if position in own:
            goes_on = after in own or after == len(entries)
            name = _joined(entries, [position, *(_following(entries, position, after) if goes_on else [])])
        elif below:
            name = _joined(entries, range(position + 1, after))
        else:
            name = _joined(entries, range(max(before + 1, position - name_rows), position))
        name = name or trimmed(entries[position].words) or entries[position].words.strip()
        if not amount.value and not entries[position].row.text[:1].isdigit():
            continue  # an option of a dish, which has no number and costs nothing
        lines.append(Line(name, amount.printed, amount.value, entries[position].instead))
    return lines


def _names_stand_below(entries: Sequence[_Entry], priced: Sequence[int]) -> bool:
    """Whether the names follow their amounts: one does after the last, and none leads before the first."""
    before = any(has_name(entry.words) for entry in entries[: priced[0]])
    after = any(has_name(entry.words) for entry in entries[priced[-1] + 1 :])
    return after and not before


def _following(entries: Sequence[_Entry], position: int, after: int) -> list[int]:
    """The next row when it goes on with the name: close below, words only."""
    following = position + 1
    if following >= after or following >= len(entries):
        return []
    row, below = entries[position].row, entries[following].row
    if (
        len(below.cells) > 1
        or below.middle - row.middle > LINE_PITCH * row.height
        or NOTE.match(below.text)
        or words.kinds(below.text) & NO_NAME
        or not has_name(below.text)
    ):
        return []
    return [following]


def _joined(entries: Sequence[_Entry], positions: Sequence[int] | range) -> str:
    names = [trimmed(entries[position].words) for position in positions if has_name(entries[position].words)]
    if names:
        return " ".join(names)
    return max((entries[position].words for position in positions), key=letters, default="")


def _is_stray(entry: _Entry) -> bool:
    """A row with a name and an amount that isn't in the amount column."""
    strays = [amount for amount in entry.instead if not amount.is_factor]
    return entry.amount is None and bool(strays) and has_name(words_beside(entry.row, strays[-1]))


def _stray(entry: _Entry) -> Line:
    amount = [amount for amount in entry.instead if not amount.is_factor][-1]
    return Line(trimmed(words_beside(entry.row, amount)), amount.printed, amount.value)
