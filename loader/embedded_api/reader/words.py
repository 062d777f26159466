"""The words on receipts that are not items, by kind and in several languages: a view of `words.csv`.

Kinds: `column` (head of a column), `subtotal`, `total`, `grand` (a total that is surely the last), `count` (number of
items), `tax`, `service`, `tip`, `rounding`, `payment`, `change`, `points`, `slip` (of a card terminal), `discount`,
`void`, `meta` (number, table, cashier, telephone), `date`, `expiry`, `company`, `chain` (names of chains of shops),
`unit`, and `month-1` to `month-12`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

from loader.embedded_api.reader import tables

LOOK_ALIKE = str.maketrans({"i": "l", "1": "l", "|": "l", "!": "l", "0": "o", "ß": "ss"}) | str.maketrans(
    "αβεζηικλμνοπρςτυχ",
    "abezhlkamnonpσtyx",  # noqa: RUF001  Greek capitals, which the OCR reads as Latin ones
)
LONG = 8  # letters; what is this long is also found where the OCR lost the spaces or misread a letter
REMEMBERED = 4096  # texts; a receipt asks for its rows again and again
LEAST_MISREAD = 6  # letters of a word; below, one letter makes another word


@lru_cache(REMEMBERED)
def fold(text: str) -> str:
    """Text as it is compared: no case, accents or punctuation, and letters that OCR confuses made the same."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return " ".join(re.findall(r"[^\W_]+", plain.translate(LOOK_ALIKE))).replace("rn", "m")


def found(phrase: str, text: str) -> bool:
    """Whether a folded phrase stands in a folded text, as whole words where its script has spaces."""
    if f" {phrase} " in f" {text} ":
        return True
    if phrase.isascii():
        if len(phrase) < LONG:
            return False
        wanted, glued = _spelt(phrase)
        if len(glued) < LONG:
            return False
        words, all_words = _spelt(text)
        return glued in all_words or _nearly_found(wanted, words)
    return _spelt(phrase)[1] in _spelt(text)[1]


@lru_cache(REMEMBERED)
def _spelt(text: str) -> tuple[list[str], str]:
    """The words of a folded text, and the text without the spaces between them."""
    words = text.split()
    return words, "".join(words)


def _nearly_found(phrase: list[str], text: list[str]) -> bool:
    """Whether the words of a phrase stand in a text with a letter misread here or there."""
    first = phrase[0]
    return any(
        word[0] == first[0]
        and abs(len(word) - len(first)) <= 1
        and all(
            wanted == read or (len(wanted) >= LEAST_MISREAD and _one_letter_off(wanted, read))
            for wanted, read in zip(phrase, text[start:], strict=False)
        )
        for start, word in enumerate(text[: len(text) - len(phrase) + 1])
    )


def _one_letter_off(expected: str, read: str) -> bool:
    """Whether two words differ in one letter at most: read wrongly, lost or added."""
    if abs(len(expected) - len(read)) > 1 or expected[0] != read[0]:
        return False
    same = 0
    while same < min(len(expected), len(read)) and expected[same] == read[same]:
        same += 1
    return expected[same + 1 :] in (read[same:], read[same + 1 :]) or expected[same:] == read[same + 1 :]


@lru_cache(REMEMBERED)
def kinds(text: str) -> frozenset[str]:
    """The kinds of words that a row's text holds."""
    folded = fold(text)
    return frozenset(kind for kind, phrases in _phrases().items() if any(found(phrase, folded) for phrase in phrases))


def count(kind: str, text: str) -> int:
    """How many different words of a kind a text holds."""
    folded = fold(text)
    return sum(found(phrase, folded) for phrase in _phrases()[kind])


@cache
def _phrases() -> dict[str, tuple[str, ...]]:
    phrases: dict[str, tuple[str, ...]] = {}
    for row, some in tables.rows("words"):
        phrases[row["kind"]] = tuple(dict.fromkeys(fold(word) for word in some))
    return phrases
