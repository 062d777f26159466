"""Rows -> the lines of a receipt that were bought: name and amount of each.

Three steps. The region: from below the column heads down to the first subtotal, tax, total or payment. The amount
column: where the last amounts of its rows end on the right. The names: on the row of the amount, else on the
rows above or below it, whichever way this receipt is laid out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from statistics import median

from loader.local_api.reader import words
from loader.local_api.reader.amounts import Amount, amounts
from loader.local_api.reader.rows import Row
from loader.local_api.reader.sums import SUMS, Line, adds_up, mended, printed_sums

END = frozenset({"subtotal", "total", "grand", "count", "tax", "service", "rounding", "payment", "change", "points"})
SURE = frozenset({"subtotal", "grand", "rounding", "service"})
PAID = frozenset({"payment", "change", "points"})
LEAST_COLUMN_WORDS = 2
MOST_ENDS, MOST_COLUMNS = 3, 4
PRINT_OFF, WIDTH_OFF = 1.2, 0.03  # how far off its column an amount may end: of the print's height, of the width
MOST_NAME_ROWS = 3
LINE_PITCH = 1.6  # of the height of print
CODE = re.compile(r"^[#*]?[A-Z]{0,4}\d[\dA-Z./-]*[:.]?$|^\W+$", re.IGNORECASE)
LONG_CODE = re.compile(r"^(?:\S{1,2}\s)?\S?\d{5,}[\s.:-]*(?=.*[^\W\d_]{2})")  # an article number, a tax code before it
FIGURE = re.compile(r"\W*|@?\W*(?:RM|Rp)?\d+[.,]\d\d\d?|\d*\s?[x@×]|[x@]\d+", re.IGNORECASE)  # noqa: RUF001
NOTE = re.compile(r"^\W*(?:@|x\s?\d|\d+\s?[x@])", re.IGNORECASE)


@dataclass(frozen=True)
class _Guess:
    """One way to read the items: the lines, rows that may be lines too, and the row that ends them."""

    lines: list[Line]
    strays: list[Line]
    end: int


@dataclass(frozen=True)
class _Column:
    """Where amounts end on the right, and how far off one may be, in pixels."""

    right: float
    tolerance: float


@dataclass(frozen=True)
class _Entry:
    """A row of the item region: its amount in the amount column if it has one, and the words beside it."""

    row: Row
    amount: Amount | None
    words: str
    instead: tuple[Amount, ...] = ()


def lines_of(rows: Sequence[Row], decimals: bool) -> list[Line]:
    """The lines bought, from the top; `decimals`: whether the receipt prints amounts with decimals."""
    sums = printed_sums(rows, decimals)
    first: _Guess | None = None
    for guess in _guesses(rows, decimals):
        if adds_up(guess.lines, sums):
            return guess.lines + _later_discounts(rows[guess.end :], decimals, guess.lines)
        first = first or guess
    if first is None:
        return []
    lines = mended(first.lines, first.strays, sums)
    return lines + _later_discounts(rows[first.end :], decimals, lines)


def _guesses(rows: Sequence[Row], decimals: bool) -> Iterator[_Guess]:
    """Readings of the items, the likeliest first: the region may end later, another column may be the amounts'."""
    start = _first_row(rows, decimals)
    highest = max(printed_sums(rows, decimals), default=Decimal("Infinity"))
    for end in _ends(rows, start, decimals):
        region = rows[start:end]
        for column in _columns(region, decimals):
            entries = [_entry(row, column, decimals) for row in region]
            guess = _guess(entries, end)
            if sum(line.value for line in guess.lines) > highest:
                yield _guess(_before_sum(entries), end)
            yield guess


def _guess(entries: Sequence[_Entry], end: int) -> _Guess:
    lines = [line for line in _named(entries) if line.name]
    return _Guess(lines, [_stray(entry) for entry in entries if _is_stray(entry)], end)


def _later_discounts(rows: Sequence[Row], decimals: bool, lines: Sequence[Line]) -> list[Line]:
    """Vouchers and the like between the first sum and the last, where they are printed with a minus."""
    sums = [position for position, row in enumerate(rows) if words.kinds(row.text) & {"total", "grand"}]
    known = {line.value for line in lines}
    found = []
    for row in rows[: sums[-1]] if sums and lines else []:
        last = amounts(row, decimals)[-1:]
        kinds = words.kinds(row.text)
        if last and last[0].value < 0 and "discount" in kinds and not kinds & SUMS and last[0].value not in known:
            found.append(Line(_trimmed(_words_beside(row, last[0])), last[0].printed, last[0].value))
    return found


def _ends(rows: Sequence[Row], start: int, decimals: bool) -> list[int]:
    """Rows before which the items may end: the first that sums up or pays, and further ones while none is sure."""
    ends = []
    for position in range(start, len(rows)):
        if _ends_items(rows, position, decimals):
            ends.append(position)
            if words.kinds(rows[position].text) & SURE or len(ends) == MOST_ENDS:
                break
    return ends or [len(rows)]


def _ends_items(rows: Sequence[Row], position: int, decimals: bool) -> bool:
    row = rows[position]
    found = words.kinds(row.text) & END
    last = amounts(row, decimals)[-1:]
    if found <= PAID and last:  # a chocolate bar, a greeting card: paid is after the sums
        sums = printed_sums(rows[position + 1 :], decimals)
        return bool(found) and not any(value >= last[0].value for value in sums)
    if last or found & {"subtotal", "grand"}:
        return bool(found)
    return "count" in found and words.count("column", row.text) <= LEAST_COLUMN_WORDS


def _first_row(rows: Sequence[Row], decimals: bool) -> int:
    heads = [
        position
        for position, row in enumerate(rows)
        if words.count("column", row.text) >= LEAST_COLUMN_WORDS and not any(c.isdigit() for c in row.text)
    ]
    first_total = next((p for p in range(len(rows)) if _ends_items(rows, p, decimals)), len(rows))
    before = [position for position in heads if position < first_total]
    if not before:
        return _first_amount(rows, decimals)
    last = before[0]
    while last + 1 < len(rows) and _is_head(rows[last + 1], decimals):
        last += 1
    return last + 1


def _is_head(row: Row, decimals: bool) -> bool:
    """A second row of column heads: units and currencies under the first."""
    names = [word for word in words.fold(row.text).split() if not word.isdigit()]
    return bool(names) and not amounts(row, decimals) and all(_is_head_word(word) for word in names)


def _is_head_word(word: str) -> bool:
    kinds = words.kinds(word)
    return bool(kinds & {"column", "unit"}) and "discount" not in kinds


def _first_amount(rows: Sequence[Row], decimals: bool) -> int:
    """The first row with an amount, or further up where its name stands above: rows that follow on without a gap."""
    first = next((position for position, row in enumerate(rows) if amounts(row, decimals)), len(rows))
    if first == len(rows) or _has_name(_words_beside(rows[first], amounts(rows[first], decimals)[-1])):
        return first
    up = first
    while up > max(0, first - MOST_NAME_ROWS) and _follows_on(rows[up - 1], rows[up]):
        up -= 1
    return up


def _follows_on(above: Row, below: Row) -> bool:
    """Whether two rows belong together: as close as lines of print, and the upper one is no head matter."""
    close = below.middle - above.middle < LINE_PITCH * min(above.height, below.height)
    return close and not words.kinds(above.text) & {"meta", "date", "company"}


def _entry(row: Row, column: _Column, decimals: bool) -> _Entry:
    found = amounts(row, decimals)
    at = next((p for p, amount in enumerate(found) if abs(amount.right - column.right) <= column.tolerance), None)
    if at is None or found[at].is_factor:
        return _Entry(row, None, row.text, tuple(found))
    while at > 0 and found[at].value == 0 and not found[at - 1].is_factor:
        at -= 1  # a nought at the end is a discount or a tax
    others = tuple(amount for amount in found if amount is not found[at])
    return _Entry(row, found[at], _words_beside(row, found[at]), others)


def _before_sum(entries: list[_Entry]) -> list[_Entry]:
    """The entries above one that is the sum of the others so far: a subtotal whose word could not be read."""
    so_far = Decimal(0)
    count = 0
    for position, entry in enumerate(entries):
        if entry.amount is None:
            continue
        if count > 1 and so_far == entry.amount.value and entry.amount.value != 0:
            return entries[:position]
        so_far += entry.amount.value
        count += 1
    return entries


def _columns(region: Sequence[Row], decimals: bool) -> list[_Column]:
    """The columns that amounts stand in: first the one of most rows' last amounts, then the others."""
    by_row = [found for row in region if (found := amounts(row, decimals))]
    if not by_row:
        return []
    tolerance = max(
        PRINT_OFF * median(row.height for row in region),
        WIDTH_OFF * max(found[-1].right for found in by_row),
    )
    last = [found[-1].right for found in by_row]
    others = [amount.right for found in by_row for amount in found[:-1]]
    columns: list[_Column] = []
    for edges in (last, others):
        for edge in sorted(edges, key=lambda edge: (-sum(abs(edge - e) <= tolerance for e in edges), -edge)):
            if all(abs(edge - column.right) > tolerance for column in columns):
                columns.append(_Column(edge, tolerance))
    return columns[:MOST_COLUMNS]


def _words_beside(row: Row, amount: Amount | None) -> str:
    """What stands left of the amount, without the cells that only hold a quantity, a unit or a tax mark."""
    text: list[str] = []
    for cell in row.cells:
        if amount is not None and cell.left >= amount.left - 1:
            continue
        before = cell.text
        if amount is not None and cell.right > amount.left + 1:
            share = (amount.left - cell.left) / max(1.0, cell.right - cell.left)
            before = cell.text[: round(share * len(cell.text))]
        if not text or _has_name(before):
            text.append(before)
    return " ".join(text)


def _trimmed(text: str) -> str:
    """A name without the codes and quantities before it and the quantities and prices behind it."""
    pieces = LONG_CODE.sub("", text).split()
    while pieces and (CODE.match(pieces[0]) or FIGURE.fullmatch(pieces[0])):
        pieces.pop(0)
    end = len(pieces)
    while end and (FIGURE.fullmatch(pieces[end - 1]) or (end < len(pieces) and pieces[end - 1].isdigit())):
        end -= 1
    return " ".join(pieces[:end]).strip(" -*#:.,;|@")


def _has_name(text: str) -> bool:
    """Whether a text holds a name: letters besides codes and units."""
    letters = [word for word in _trimmed(text).split() if any(c.isalpha() for c in word)]
    names = [word for word in letters if not CODE.match(word) and not _is_head_word(word)]
    return _letters("".join(names)) >= 2


def _letters(text: str) -> int:
    return sum(c.isalpha() for c in text)


def _named(entries: Sequence[_Entry]) -> list[Line]:
    """Each amount with its name, by the way the receipt is laid out."""
    priced = [position for position, entry in enumerate(entries) if entry.amount is not None]
    if not priced:
        return []
    own = [position for position in priced if _has_name(entries[position].words)]
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
        name = name or _trimmed(entries[position].words) or entries[position].words.strip()
        lines.append(Line(name, amount.printed, amount.value, entries[position].instead))
    return lines


def _names_stand_below(entries: Sequence[_Entry], priced: Sequence[int]) -> bool:
    """Whether the names follow their amounts: one does after the last, and none leads before the first."""
    before = any(_has_name(entry.words) for entry in entries[: priced[0]])
    after = any(_has_name(entry.words) for entry in entries[priced[-1] + 1 :])
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
        or not _has_name(below.text)
    ):
        return []
    return [following]


def _joined(entries: Sequence[_Entry], positions: Sequence[int] | range) -> str:
    names = [_trimmed(entries[position].words) for position in positions if _has_name(entries[position].words)]
    if names:
        return " ".join(names)
    return max((entries[position].words for position in positions), key=_letters, default="")


def _is_stray(entry: _Entry) -> bool:
    """A row with a name and an amount that isn't in the amount column."""
    strays = [amount for amount in entry.instead if not amount.is_factor]
    return entry.amount is None and bool(strays) and _has_name(_words_beside(entry.row, strays[-1]))


def _stray(entry: _Entry) -> Line:
    amount = [amount for amount in entry.instead if not amount.is_factor][-1]
    return Line(_trimmed(_words_beside(entry.row, amount)), amount.printed, amount.value)
