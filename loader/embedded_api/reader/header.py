"""What a receipt says as a whole: date and total."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from loader.embedded_api.reader import words
from loader.embedded_api.reader.amounts import Amount, amounts
from loader.embedded_api.reader.rows import Row

HEAD = 8  # rows that may speak of the shop
OLDEST, NEWEST = 2010, 2039  # years of receipts, should a date be read in more than one way
SEPARATOR = r"\s?[-/.]\s?"
NUMERIC = re.compile(  # the time may follow without a space
    rf"(?<!\d)(\d{{1,4}}){SEPARATOR}(\d{{1,2}}){SEPARATOR}(20\d\d(?!\d(?!\d?:)|:\d\d)|\d\d(?!\d(?!\d?:)))"
)
EASTERN = re.compile(r"(20\d\d)\s?年\s?(\d{1,2})\s?月\s?(\d{1,2})")
NAMED = re.compile(r"(?<!\d)(\d{1,2})(?:st|nd|rd|th|\.)?[\s/.,-]*([^\W\d_]{3,10})\.?[\s/.,'-]*(20\d\d|\d\d)(?!\d)")
NAMED_FIRST = re.compile(
    r"(?<![^\W\d_])([^\W\d_]{3,10})\.?\s*(\d{1,2})(?:(?:st|nd|rd|th)?[\s,]+(20\d\d)|\s?['’ ]\s?(\d\d))(?![\d:])"  # noqa: RUF001
)
GLUED = re.compile(
    r"(?<![^\W\d_])([^\W\d_]{3})\.?\s?(\d\d)\W?(\d\d)(?=\D|\d\d?:\d\d|$)(?!:)"
)  # `Dec08'23`, its mark lost
COMPACT = re.compile(r"(?<!\d)(\d\d)[-/.]?(\d\d)[-/.]?(20\d\d)(?!\d)")  # separators lost
NOT_FINAL = frozenset(
    {"subtotal", "count", "tax", "service", "tip", "rounding", "discount", "points", "change", "payment"}
)


def head_of(rows: Sequence[Row], decimals: bool) -> list[Row]:
    """The upper rows of a receipt, which speak of the shop: those without an amount."""
    return [row for row in rows[:HEAD] if not amounts(row, decimals)]


def purchased_on(rows: Sequence[Row], month_first: bool) -> str | None:
    """The day of purchase as an ISO date; rows that call it a date come first, rows that speak of an end last."""
    best: tuple[int, date] | None = None
    for row in rows:
        found = _date_in(row.text, month_first)
        if found is None:
            continue
        kinds = words.kinds(row.text)
        rank = 2 if "date" in kinds else 0 if "expiry" in kinds else 1
        if best is None or rank > best[0]:
            best = (rank, found)
    if best is None:
        for row in rows:
            for day, month, year in COMPACT.findall(row.text):
                if compact := _valid(int(year), int(month), int(day)):
                    return compact.isoformat()
    return best[1].isoformat() if best else None


def _date_in(text: str, month_first: bool) -> date | None:
    for year, month, day in EASTERN.findall(text):
        if found := _valid(int(year), int(month), int(day)):
            return found
    for first, second, third in NUMERIC.findall(text):
        if found := _numeric(first, second, third, month_first):
            return found
    text = re.sub(r"(?i)\b0(?=ct)", "O", text)
    day_first = [(day, name, year) for day, name, year in NAMED.findall(text)]
    name_first = [(day, name, year or short) for name, day, year, short in NAMED_FIRST.findall(text)]
    for day, name, year in [*name_first, *day_first] if month_first else [*day_first, *name_first]:
        if (month := _month(name)) and (found := _valid(_year(year), month, int(day))):
            return found
    for name, day, year in GLUED.findall(text):
        if (month := _month(name)) and (found := _valid(_year(year), month, int(day))):
            return found
    return None


def _numeric(first: str, second: str, third: str, month_first: bool) -> date | None:
    if len(first) == 4:
        return _valid(int(first), int(second), int(third[:2]))
    if len(first) == 3:
        return None
    day, month = (second, first) if month_first else (first, second)
    year = _year(third)
    if len(third) == 2 and year < OLDEST <= _year(first) <= NEWEST:
        return _valid(_year(first), int(second), int(third))  # `24/11/02`, the year first
    return _valid(year, int(month), int(day)) or _valid(year, int(day), int(month))


def _year(text: str) -> int:
    return int(text) if len(text) == 4 else 2000 + int(text)


def _month(name: str) -> int | None:
    for kind in words.kinds(name):
        if kind.startswith("month-"):
            return int(kind.removeprefix("month-"))
    return None


def _valid(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day) if 2000 <= year <= 2099 else None
    except ValueError:
        return None


def totals_of(rows: Sequence[Row], decimals: bool) -> list[Amount]:
    """What the receipt calls its total, after tax and rounding: the likeliest first."""
    candidates: list[tuple[int, int, Amount]] = []
    paid = _paid(rows, decimals)
    for position, row in enumerate(rows):
        kinds = words.kinds(row.text)
        found = amounts(row, decimals)
        if not kinds & {"total", "grand"}:
            candidates += [(1, position, amount) for amount in found[-1:] if amount.value in paid]
            continue
        if not found and position + 1 < len(rows) and not kinds & NOT_FINAL:
            following = rows[position + 1]
            found = amounts(following, decimals) if len(following.cells) == 1 else []
        if not found or found[-1].value <= 0:
            continue
        rank = 3 if "grand" in kinds else 2
        if kinds & {"count", "points", "subtotal"}:
            rank = 0
        elif kinds & NOT_FINAL and not kinds & {"rounding"}:
            rank = 2 if "grand" in kinds else 1
        candidates.append((rank, position, found[-1]))
    repeated = Counter(amount.value for row in rows for amount in amounts(row, decimals))

    def score(candidate: tuple[int, int, Amount]) -> tuple[Decimal | int, ...]:
        rank, position, amount = candidate
        return (rank > 0, amount.value in paid, rank, repeated[amount.value], position)

    ranked = sorted(candidates, key=score, reverse=True)
    return [amount for rank, _, amount in ranked if rank]


def plain_sum(rows: Sequence[Row], decimals: bool) -> Amount | None:
    """What stands for a total where none is printed: the last subtotal, else what was paid."""
    for kind in ("subtotal", "payment"):
        for row in reversed(rows):
            if kind in words.kinds(row.text) and (found := amounts(row, decimals)):
                return found[-1]
    return None


def _paid(rows: Sequence[Row], decimals: bool) -> set[Decimal]:
    """What was handed over less the change."""
    back = _values(rows, "change", decimals)
    return {given - abs(returned) for given in _values(rows, "payment", decimals) for returned in back} - {Decimal(0)}


def _values(rows: Sequence[Row], kind: str, decimals: bool) -> list[Decimal]:
    return [found[-1].value for row in rows if kind in words.kinds(row.text) and (found := amounts(row, decimals))]
