"""Where the items of a receipt stand: the rows they begin and end at, and the columns of their amounts.

They begin below the column heads, or at the first amount where there are none, and end before the first row that sums
up or pays. Words mislead (a chocolate bar, a greeting card), so there may be more than one end to try.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from loader.embedded_api.reader import words
from loader.embedded_api.reader.amounts import amounts
from loader.embedded_api.reader.names import has_name, is_head_word, words_beside
from loader.embedded_api.reader.rows import Row
from loader.embedded_api.reader.sums import printed_sums

END = frozenset(
    {"subtotal", "total", "grand", "count", "tax", "service", "tip", "rounding", "payment", "change", "points", "base"}
)
SURE = frozenset({"subtotal", "grand", "rounding", "service"})
PAID = frozenset({"payment", "change", "points"})
LEAST_COLUMN_WORDS = 2
MOST_ENDS, MOST_COLUMNS = 3, 4
MOST_NAME_ROWS = 3
LINE_PITCH = 1.6  # of the height of print
PRINT_OFF, WIDTH_OFF = 1.2, 0.03  # how far off its column an amount may end: of the print's height, of the width


@dataclass(frozen=True)
class Column:
    """Where amounts end on the right, and how far off one may be, in pixels."""

    right: float
    tolerance: float


def first_row(rows: Sequence[Row], decimals: bool) -> int:
    """The row that the items begin at."""
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
    return bool(names) and not amounts(row, decimals) and all(is_head_word(word) for word in names)


def _first_amount(rows: Sequence[Row], decimals: bool) -> int:
    """The first row with an amount, or further up where its name stands above: rows that follow on without a gap."""
    first = next((position for position, row in enumerate(rows) if amounts(row, decimals)), len(rows))
    if first == len(rows) or has_name(words_beside(rows[first], amounts(rows[first], decimals)[-1])):
        return first
    up = first
    while up > max(0, first - MOST_NAME_ROWS) and _follows_on(rows[up - 1], rows[up]):
        up -= 1
    return up


def _follows_on(above: Row, below: Row) -> bool:
    """Whether two rows belong together: as close as lines of print, and the upper one is no head matter."""
    close = below.middle - above.middle < LINE_PITCH * min(above.height, below.height)
    return close and not words.kinds(above.text) & {"meta", "date", "company"}


def ends(rows: Sequence[Row], start: int, decimals: bool) -> list[int]:
    """Rows before which the items may end: the first that sums up or pays, and further ones while none is sure."""
    found = []
    first = next((at for at in range(start, len(rows)) if amounts(rows[at], decimals)), start)
    for position in range(first + 1, len(rows)):
        if _ends_items(rows, position, decimals):
            found.append(position)
            if words.kinds(rows[position].text) & SURE or len(found) == MOST_ENDS:
                break
    return found or [len(rows)]


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


def columns(region: Sequence[Row], decimals: bool) -> list[Column]:
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
    kept: list[Column] = []
    for edges in (last, others):
        for edge in sorted(edges, key=lambda edge: (-sum(abs(edge - e) <= tolerance for e in edges), -edge)):
            if all(abs(edge - column.right) > tolerance for column in kept):
                kept.append(Column(edge, tolerance))
    return kept[:MOST_COLUMNS]
