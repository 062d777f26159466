"""The category of an item: a lexicon of words (`lexicon.csv`), with the shop's trade where the name says nothing.

A word of the lexicon may end with `*` (all words that begin so) or start with it (all that end so: `*saft`). The
longest phrase wins, of equals the last, as English puts it: "chocolate milk" is a milk, "milk chocolate" is not.
Where languages name the thing first ("jus d'orange"), a word with `^` wins when the name begins with it. Rows of kind
`trade` name shops, not items; those of kind `served` are said where people eat at tables, whatever the place is called.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from loader import seeds
from loader.embedded_api.reader import tables
from loader.embedded_api.reader.words import fold, found, kinds


@dataclass(frozen=True)
class _Word:
    """An entry of the lexicon: letters folded, and how they have to stand in a text."""

    folded: str
    category: str
    leads: bool  # only at the very beginning
    begins: bool  # all words that begin with it
    ends: bool

    @classmethod
    def parse(cls, word: str, category: str) -> _Word:
        return cls(fold(word), category, word.startswith("^"), word.endswith("*"), word.lstrip("^").startswith("*"))

    def rank(self, text: str) -> tuple[bool, int, int, int] | None:
        """How well it fits a folded text: whether it leads, its words, where it ends, its length; None when absent."""
        end = self._end(text)
        if end is None or (self.leads and not text.startswith(self.folded)):
            return None
        return (self.leads, len(self.folded.split()), end, len(self.folded))

    def _end(self, text: str) -> int | None:
        if not (self.begins or self.ends):
            written = next((word for word in (self.folded, f"{self.folded}s") if found(word, text)), None)
            return text.rfind(self.folded) + len(self.folded) if written else None
        end, hit = 0, None
        for word in text.split():
            end += len(word) + 1
            if (self.begins and word.startswith(self.folded)) or (self.ends and word.endswith(self.folded)):
                hit = end - 1
        return hit


def category_of(name: str, shop: str, categories: Sequence[str] = ()) -> str:
    """The category of an item by its name, in a shop described by `shop` (the upper lines of its receipt).

    One of `categories`, by default the seed's. What fits nowhere, and discounts, is `Other`, else the last.
    """
    allowed = tuple(categories) or tuple(category.name for category in seeds.categories())
    category = (
        None if kinds(name) & {"discount", "void"} else _best(name, "item") or trade_of(shop) or _best(shop, "served")
    )
    return next((one for one in (category, seeds.OTHER) if one in allowed), allowed[-1])


def trade_of(shop: str) -> str | None:
    """The category that a shop mostly sells, by the upper lines of its receipt; None when they don't tell."""
    return _best(shop, "trade")


def _best(text: str, kind: str) -> str | None:
    folded = fold(text)
    hits = [(rank, word.category) for word in _lexicon()[kind] if (rank := word.rank(folded)) is not None]
    return max(hits)[1] if hits else None


@cache
def _lexicon() -> dict[str, tuple[_Word, ...]]:
    lexicon: dict[str, list[_Word]] = {"item": [], "trade": [], "served": []}
    for row, words in tables.rows("lexicon"):
        lexicon[row["kind"]] += [_Word.parse(word, row["category"]) for word in words]
    return {kind: tuple(entries) for kind, entries in lexicon.items()}
