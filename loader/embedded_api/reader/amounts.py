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

from loader import seeds
from loader.embedded_api.reader import words
from loader.embedded_api.reader.rows import Cell, Row

# As printed, but for what the OCR or another script writes differently: wide forms, dashes, marks, signs of direction.
LEGIBLE = {
    **str.maketrans("￥，．：（）＊％＠＄￡／＝０１２３４５６７８９", "¥,.:()*%@$£/=0123456789"),  # noqa: RUF001
    **str.maketrans("－﹣−–—―‒‐‑⁻▲△٫٬", "------------.,"),  # noqa: RUF001
    **dict.fromkeys([0x00AD, 0x061C, 0x2060, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]),
}
MARKS = ".,'’"  # noqa: RUF001
NUMBER = rf"\d+(?:\s?[{MARKS}]\s?\d+)*"
NO_DECIMALS = (
    r"\s?[.,:]\s?-{1,3}|\s?/[-=]|-{2,3}"  # `105.-`, `500/-`, `49:-`: nothing behind the decimal mark, no minus
)
MULTIPLIED = re.compile(r"(?:[@x×]|\d\s?\*)\s?$", re.IGNORECASE)  # noqa: RUF001
NOT_MONEY = re.compile(
    r"\s?(?:[%:/°]|[@x×*]\s?\d|\.\d|-\d|(?:kgs?|gms?|gs|(?-i:g)|gr|ml|cl|l|lt|ltr|litre|liter|cm|mm|m|oz|lbs?|inch|pcs?|pax|mah)\b)"  # noqa: RUF001
    r"|[^\W\d_]{3,}",
    re.IGNORECASE,
)
COMPANY = re.compile(
    r"(?:\b(?:sdn|s|b)|\(m\))\W*bhd\W*$", re.IGNORECASE
)  # what is behind it is a number of the company's
SUMS = frozenset({"subtotal", "total", "grand"})
WHOLE_SUM = re.compile(r"(?<![\w.,:/-])[1-9]\d{1,7}$")
GROUPED_BY_SPACE = re.compile(r"^\D{0,5}\d{1,3}(?: \d{3})+(?:[.,]\d\d)?(?!\d)(?=.{0,5}$)")
MOST_DIGITS = 10
DIGITS = str.maketrans("OoSsIl", "005511")
DECIMALS = re.compile(r"(?<=\d[.,])(?:\d[OoSsIl]|[OoSsIl]\d)(?!\w)")  # one of the two misread


@dataclass(frozen=True)
class Amount:
    """A figure of money: as printed (without its currency), its value, its edges in pixels."""

    printed: str
    value: Decimal
    left: float
    right: float
    is_factor: bool  # the price of one, in `2 x 3.50`
    signs: tuple[str, ...]  # of money that stand beside it
    leads: bool  # whether nothing stands before it in its piece of text


def prints_decimals(rows: Sequence[Row]) -> bool:
    """Whether this receipt prints its amounts with decimals; false for rupiah or yen."""
    with_decimals = without = 0
    for cell in (cell for row in rows for cell in row.cells):
        for figure in _figures(legible(cell.text)):
            *groups, last = re.split(rf"[{MARKS}]", figure.number)
            with_decimals += bool(groups) and len(last) == 2
            whole = (
                (len(last) == 3 and figure.number[0] != "0" and _groups(figure.number)) if groups else figure.is_money
            )
            without += whole or figure.is_whole
    if not with_decimals and not without:
        return not any(words.kinds(row.text) & SUMS and WHOLE_SUM.search(row.text) for row in rows)
    return with_decimals >= without


def amounts(row: Row, decimals: bool) -> list[Amount]:
    """The amounts of a row from left to right; `decimals`: whether the receipt prints any."""
    return [amount for cell in row.cells for amount in _amounts(cell, decimals)]


@lru_cache(4096)  # a receipt asks for its rows again and again
def _amounts(cell: Cell, decimals: bool) -> tuple[Amount, ...]:
    found = []
    text = legible(cell.text)
    per_letter = (cell.right - cell.left) / max(1, len(text))
    for figure in _figures(text):
        value = _value(figure, decimals)
        if value is None:
            continue
        before = text[: figure.start]
        found.append(
            Amount(
                figure.printed,
                -value if figure.is_negative(decimals) else value,
                cell.left + figure.start * per_letter,
                cell.left + figure.end * per_letter,
                bool(MULTIPLIED.search(before)),
                figure.signs,
                not any(c.isalnum() for c in before),
            )
        )
    return tuple(found)


def legible(text: str) -> str:
    """What the OCR misreads: wide forms, letters for digits and signs, a blank for the decimal point; tills leave out
    the nought before it."""
    text = re.sub(r"[Oo](?=[.,]\d\d(?!\d))", "0", text.translate(LEGIBLE))
    text = DECIMALS.sub(lambda match: match[0].translate(DIGITS), text)
    text = re.sub(r"(?:(?<=^)|(?<=[\s$€£]))(?=\.\d\d(?:\s?[A-Z])?$)", "0", text)
    if (grouped := GROUPED_BY_SPACE.match(text)) and (
        re.search(r"[.,]", grouped[0]) or len(text) > grouped.end() or grouped[0][0].isdigit()
    ):
        text = re.sub(r"(?<=\d) (?=\d)", "", grouped[0]) + text[grouped.end() :]
    text = re.sub(r"^(\D{0,4}\d{1,4}) (?=\d\d(?:\s?[A-Z]{1,2})?$)", r"\1.", text)
    text = re.sub(r"(?<!\w)[CÇ](?=\d{1,4},\d\d(?!\d))", "€", text)
    return re.sub(r"(?<!\w)S(?=\d+[.,]\d\d(?!\d))", "$", text)


@dataclass(frozen=True)
class _Figure:
    """What could be money: the number without spaces, its signs, and what stands at its ends."""

    number: str
    signs: tuple[str, ...]
    start: int
    end: int
    minus: str  # "-" before, "-" or "CR" after, "()" around, or nothing
    dash: str  # what says that there are no decimals

    @property
    def is_whole(self) -> bool:
        return bool(self.dash)

    def is_negative(self, decimals: bool) -> bool:
        """Where no decimals are printed, a dash behind stands for them: `¥1,200-`."""
        return bool(self.minus) and (decimals or self.minus != "-")

    @property
    def is_money(self) -> bool:
        """Whether it is surely money, without decimals too."""
        known = seeds.currencies_by_sign()
        return self.is_whole or any(sign in known and not _is_letter(sign) for sign in self.signs)

    @property
    def printed(self) -> str:
        number = self.number + self.dash
        return {"": number, "()": f"({number})", "CR": f"{number} CR", "<": f"-{number}"}.get(self.minus, f"{number}-")


def _figures(text: str) -> list[_Figure]:
    """All that could be money in a text."""
    figures = []
    for match in _pattern().finditer(text):
        number = re.sub(r"\s", "", match["number"])
        if sum(c.isdigit() for c in number) > MOST_DIGITS or NOT_MONEY.match(text, match.end()):
            continue
        if COMPANY.search(text, 0, match.start("number")):
            continue
        signs = tuple(sign for sign in (match["before"], match["second"], match["letter"], match["after"]) if sign)
        figures.append(
            _Figure(
                number, signs, match.start(), match.end("number"), _minus(match), re.sub(r"\s", "", match["dash"] or "")
            )
        )
    return figures


def _minus(match: re.Match[str]) -> str:
    tail = (match["tail"] or "").strip()
    if match["bracket"] and tail == ")":
        return "()"
    if match["minus"] or match["minus_inside"]:
        return "<"
    if tail == "-" and (match["after"] or "").endswith("."):
        return ""  # `500 Rs.-`: the dash stands for decimals
    return tail if tail != ")" else ""


def _is_letter(sign: str) -> bool:
    return len(sign) == 1 and sign.isascii() and sign.isalpha()


@cache
def _pattern() -> re.Pattern[str]:
    """Single letters are signs before a number only, where no word is: behind it they are tax marks."""
    signs = [sign for sign in seeds.currencies_by_sign() if not _is_letter(sign)]
    long = "|".join(re.escape(sign) for sign in sorted(signs, key=len, reverse=True))
    letters = "".join(sign for sign in seeds.currencies_by_sign() if sign not in signs)
    return re.compile(
        rf"(?<![\w.,:/#%-])(?P<bracket>\()?(?P<minus>-\s?)?"
        rf"(?:(?i:(?P<before>{long})\s?(?P<second>{long})?)\s?|(?:(?P<letter>[{letters}])(?:(?=\d)|(?<=^.)\s)))?"
        rf"(?P<minus_inside>-\s?)?(?P<number>{NUMBER})(?P<dash>{NO_DECIMALS})?"
        rf"(?:\s?(?P<after>{long})(?![^\W_]))?(?P<tail>\)|-(?!\s?\d)|\s?CR\b)?(?!\d)",
    )


def currencies_of(sign: str) -> frozenset[str]:
    """The ISO 4217 codes that a printed sign may stand for; letter case counts only where it tells two apart."""
    signs = seeds.currencies_by_sign()
    return signs.get(sign) or _folded_signs().get(sign.casefold(), frozenset())


@cache
def _folded_signs() -> dict[str, frozenset[str]]:
    folded: dict[str, frozenset[str]] = {}
    for sign, codes in seeds.currencies_by_sign().items():
        folded[sign.casefold()] = folded.get(sign.casefold(), frozenset()) | codes
    return folded


def _groups(number: str) -> bool:
    """Whether the marks of a number stand where thousands are grouped, as in India too (`1,23,456`)."""
    first, *rest = re.split(rf"[{MARKS}]", number)
    by_two = len(rest) > 1 and "," in number and len(first) <= 2 and all(len(part) == 2 for part in rest[:-1])
    return (
        1 <= len(first) <= 3
        and len(rest[-1:][0] if rest else "000") == 3
        and (by_two or all(len(part) == 3 for part in rest))
    )


def _value(figure: _Figure, decimals: bool) -> Decimal | None:
    """What a printed number is worth on such a receipt; None when it isn't money."""
    number = figure.number
    *groups, last = re.split(rf"[{MARKS}]", number)
    marks = re.findall(rf"[{MARKS}]", number)
    if not marks:
        worth = figure.is_money if decimals else (figure.is_money or len(number) >= 2) and number[0] != "0"
        return Decimal(number) if worth else None
    is_grouped = len(set(marks)) == 1 and _groups(number)
    if is_grouped and (figure.is_whole or not decimals or (len(marks) > 1 and marks[0] != ".")):
        return Decimal("".join((*groups, last)))
    if is_grouped and len(marks) > 1:
        return None  # a telephone, where amounts have decimals
    if len(marks) > 1 and not _groups(number[: -len(last) - 1]):
        return None
    if len(last) == 2 or (len(last) == 3 and (decimals or marks[-1] != marks[0])):
        return Decimal("".join(groups) + "." + last)
    return None
