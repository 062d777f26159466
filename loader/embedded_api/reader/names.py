"""The name of an item: what is left of a row without codes, quantities, units, prices and tax marks."""

from __future__ import annotations

import re

from loader.embedded_api.reader import words
from loader.embedded_api.reader.amounts import Amount
from loader.embedded_api.reader.rows import Row

CODE = re.compile(r"^[#*]?[A-Z]{0,4}\d[\dA-Z./-]*[:.]?$|^\W+$", re.IGNORECASE)
LONG_CODE = re.compile(r"^(?:\S{1,2}\s)?\S?\d{5,}[\s.:-]*(?=.*[^\W\d_]{2})")  # an article number, a tax code before it
CODE_BEHIND = re.compile(r"(?<=[^\W\d_]{2}) +\d{8,}(?: ?[A-Z]{1,2})?\W*$")  # an article number with a tax code
FIGURE = re.compile(r"\W*|@?\W*(?:RM|Rp)?\d+[.,]\d\d\d?|\d*\s?[x@×]|[x@]\d+", re.IGNORECASE)  # noqa: RUF001


MEASURE = (  # `0,412 kg * 24,90`, `5 ks x 2,90`, `0.334 kg @ £1.83/kg`
    r"\d+(?:[.,]\d+)?\s?(?:[^\W\d_]{1,4}\.?)?\s?[x×*@à]\s?(?:[^\W\d_]{2,3}|[€$£])?\s?"  # noqa: RUF001
    r"\d+[.,]\d\d(?:\s?(?:[^\W\d_]{2,3}|[€$£]))?(?:\s?/\s?[^\W\d_]{1,3})?"
)
MEASURED = re.compile(rf"^\W*{MEASURE}(?![\w.,])|(?<!\S)(?=\S*\s){MEASURE}\W*$", re.IGNORECASE)


def words_beside(row: Row, amount: Amount | None) -> str:
    """What stands left of the amount, without the cells that only hold a quantity, a unit or a tax mark."""
    text: list[str] = []
    for cell in row.cells:
        if amount is not None and cell.left >= amount.left - 1:
            continue
        before = cell.text
        if amount is not None and cell.right > amount.left + 1:
            share = (amount.left - cell.left) / max(1.0, cell.right - cell.left)
            before = cell.text[: round(share * len(cell.text))]
        if not text or has_name(before):
            text.append(before)
    return " ".join(text)


def trimmed(text: str) -> str:
    """A name without the codes and quantities before it and the quantities and prices behind it."""
    pieces = CODE_BEHIND.sub("", LONG_CODE.sub("", MEASURED.sub("", text))).split()
    while pieces and (CODE.match(pieces[0]) or FIGURE.fullmatch(pieces[0])):
        pieces.pop(0)
    end = len(pieces)
    while end and (FIGURE.fullmatch(pieces[end - 1]) or (end < len(pieces) and pieces[end - 1].isdigit())):
        end -= 1
    return " ".join(pieces[:end]).strip(" -*#:.,;|@")


def has_name(text: str) -> bool:
    """Whether a text holds a name: letters besides codes and units."""
    spelt = [word for word in trimmed(text).split() if any(c.isalpha() for c in word)]
    names = [word for word in spelt if not CODE.match(word) and not is_head_word(word)]
    return letters("".join(names)) >= 2


def letters(text: str) -> int:
    return sum(c.isalpha() for c in text)


def is_head_word(word: str) -> bool:
    kinds = words.kinds(word)
    return bool(kinds & {"column", "unit"}) and "discount" not in kinds
