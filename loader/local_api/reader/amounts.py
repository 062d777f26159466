"""Amounts of money in a row: the figure as printed, its value for adding up, and where it stands.

Whether `25.000` is twenty-five or twenty-five thousand shows on the receipt as a whole: most print two decimals
everywhere, some (rupiah, yen) none. The value serves to check sums only; what leaves the reader is the print.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache

from loader import reference
from loader.local_api.reader.rows import Cell, Row

WIDE_FORMS = str.maketrans("￥，．：（）－−–—＊％＠０１２３４５６７８９", "¥,.:()----*%@0123456789")  # noqa: RUF001
MARKS = ".,'’"  # noqa: RUF001
NUMBER = rf"\d+(?:\s?[{MARKS}]\s?\d+)*"
MULTIPLIED = re.compile(r"[@x×*]\s?$", re.IGNORECASE)  # noqa: RUF001
NOT_MONEY = re.compile(
    r"\s?(?:[%:/°]|[@x×*]\s?\d|\.\d|-\d|(?:kgs?|gm?s?|gr|ml|cl|l|lt|ltr|litre|liter|cm|mm|m|oz|lbs?|inch|pcs?|pax|mah)\b)"  # noqa: RUF001
    r"|[^\W\d_]{3,}",
    re.IGNORECASE,
)
MOST_DIGITS = 10


@dataclass(frozen=True)
class Amount:
    """A figure of money: as printed (without its currency), its value, its edges in pixels."""

    printed: str
    value: Decimal
    left: float
    right: float
    is_factor: bool  # the price of one, in `2 x 3.50`
    currency: str | None


def prints_decimals(rows: Sequence[Row]) -> bool:
    """Whether this receipt prints its amounts with decimals; false for rupiah or yen."""
    with_decimals = without = 0
    for cell in (cell for row in rows for cell in row.cells):
        for symbol, number, _ in _figures(_legible(cell.text)):
            tail = len(re.split(rf"[{MARKS}]", number)[-1]) if re.search(rf"[{MARKS}]", number) else 0
            with_decimals += tail == 2
            without += (tail == 3 and number[0] != "0" and _groups(number)) or (tail == 0 and symbol is not None)
    return with_decimals >= without


def amounts(row: Row, decimals: bool) -> list[Amount]:
    """The amounts of a row from left to right; `decimals`: whether the receipt prints any."""
    return [amount for cell in row.cells for amount in _amounts(cell, decimals)]


@lru_cache(4096)  # a receipt asks for its rows again and again
def _amounts(cell: Cell, decimals: bool) -> tuple[Amount, ...]:
    found = []
    text = _legible(cell.text)
    per_letter = (cell.right - cell.left) / max(1, len(text))
    for symbol, number, match in _figures(text):
        value = _value(number, decimals, symbol is not None)
        if value is None:
            continue
        printed, sign = _signed(number, match)
        found.append(
            Amount(
                printed,
                value * sign,
                cell.left + match.start() * per_letter,
                cell.left + match.end() * per_letter,
                bool(MULTIPLIED.search(text[: match.start()])),
                symbol and currency_of(symbol),
            )
        )
    return tuple(found)


def _legible(text: str) -> str:
    """What the OCR misreads: wide forms, O for a nought, S for a dollar sign, a blank for the decimal point."""
    text = re.sub(r"[Oo](?=[.,]\d\d(?!\d))", "0", text.translate(WIDE_FORMS))
    text = re.sub(r"^(\D{0,4}\d{1,4}) (?=\d\d(?:\s?[A-Z]{1,2})?$)", r"\1.", text)
    return re.sub(r"(?<!\w)S(?=\d+[.,]\d\d(?!\d))", "$", text)


def _figures(text: str) -> list[tuple[str | None, str, re.Match[str]]]:
    """(currency symbol, number without spaces, where it was found) for all that could be money."""
    figures = []
    for match in _pattern().finditer(text):
        number = re.sub(r"\s", "", match["number"])
        if sum(c.isdigit() for c in number) > MOST_DIGITS or NOT_MONEY.match(text, match.end()):
            continue
        figures.append((match["before"] or match["after"], number, match))
    return figures


@cache
def _pattern() -> re.Pattern[str]:
    symbol = "|".join(sorted(map(re.escape, _currencies()), key=len, reverse=True))
    return re.compile(
        rf"(?<![\w.,:/#%-])(?P<bracket>\()?(?P<minus>-\s?)?(?:(?P<before>{symbol})\s?)?(?P<minus_inside>-\s?)?"
        rf"(?P<number>{NUMBER})(?P<dash>,-|\.-)?(?:\s?(?P<after>{symbol})(?!\w))?(?P<tail>\)|-(?!\s?\d))?(?!\d)",
        re.IGNORECASE,
    )


@cache
def _currencies() -> dict[str, str]:
    return {symbol: code for code, symbols in reference.currency_symbols().items() for symbol in symbols}


def currency_of(symbol: str) -> str | None:
    """The ISO 4217 code that a printed symbol or code stands for."""
    folded = {known.casefold(): code for known, code in _currencies().items()}
    return folded.get(symbol.casefold())


def _groups(number: str) -> bool:
    """Whether the marks of a number stand where thousands are grouped."""
    first, *rest = re.split(rf"[{MARKS}]", number)
    return 1 <= len(first) <= 3 and all(len(part) == 3 for part in rest)


def _value(number: str, decimals: bool, has_symbol: bool) -> Decimal | None:
    """What a printed number is worth on such a receipt; None when it isn't money."""
    parts = re.split(rf"[{MARKS}]", number)
    marks = re.findall(rf"[{MARKS}]", number)
    if not marks:
        worth = has_symbol if decimals else (has_symbol or len(number) >= 2) and number[0] != "0"
        return Decimal(number) if worth else None
    if len(marks) > 1 and any(len(part) != 3 for part in parts[1:-1]):
        return None
    tail = len(parts[-1])
    if not decimals and _groups(number) and len(set(marks)) == 1:
        return Decimal("".join(parts))
    if tail == 2 or (tail == 3 and (decimals or marks[-1] != marks[0])):
        is_grouped = len(marks) > 1 and len(set(marks)) == 1 and tail == 3
        return Decimal("".join(parts)) if is_grouped else Decimal("".join(parts[:-1]) + "." + parts[-1])
    return None


def _signed(number: str, match: re.Match[str]) -> tuple[str, int]:
    """The number as printed with its sign, and the sign."""
    dash = match["dash"] or ""
    if match["bracket"] and match["tail"] == ")":
        return f"({number}{dash})", -1
    if match["minus"] or match["minus_inside"]:
        return f"-{number}{dash}", -1
    if match["tail"] == "-":
        return f"{number}{dash}-", -1
    return number + dash, 1
