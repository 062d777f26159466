"""What the reader makes of a country whose receipts taught it no words: for `tests.measure_reader`.

A word of the reader's tables that stands on receipts of one labelled country and on those of no other was learned
there, or may have been. Without these words a country's receipts are read as if nobody had looked at them. What stands
on no labelled receipt came out of dictionaries and stays. Rules in code cannot be taken away like this.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from unittest.mock import patch

from loader.embedded_api.reader import amounts, categories, currency, ocr, tables, words
from loader.embedded_api.reader.rows import rows_of_pages

Words = set[tuple[str, str]]
"""Table, and a word of it as it is written there."""


def learned_from(receipts: Sequence[tuple[str, Sequence[ocr.Page]]]) -> dict[str, Words]:
    """Country -> words that stand on its receipts alone; `receipts` are the country and the pages of each."""
    texts: dict[str, str] = {}
    for country, pages in receipts:
        rows = " ".join(words.fold(row.text) for row in rows_of_pages(pages))
        texts[country] = f"{texts.get(country, '')} {rows} "
    learned: dict[str, Words] = {country: set() for country in texts}
    for table in tables.TABLES:
        for word in {word for _, some in tables.rows(table) for word in some}:
            where = [country for country, text in texts.items() if _stands(word, text)]
            if len(where) == 1:
                learned[where[0]].add((table, word))
    return learned


def _stands(word: str, text: str) -> bool:
    """Whether a word of a table, which may have a `*` for what goes on, stands in a folded text."""
    folded = words.fold(word)
    if not folded.isascii():
        return folded in text
    start, end = "" if word.lstrip("^").startswith("*") else " ", "" if word.endswith("*") else " "
    return f"{start}{folded}{end}" in text


@contextmanager
def without(some: Words) -> Iterator[None]:
    """Here the reader does not know these words."""
    whole = tables.rows

    def rest(table: str) -> Iterator[tuple[dict[str, str], list[str]]]:
        for row, known in whole(table):
            yield row, [word for word in known if (table, word) not in some]

    with patch.object(tables, "rows", rest):
        _forget()
        yield
    _forget()


def _forget() -> None:
    for module in (amounts, categories, currency, words):
        for each in vars(module).values():
            if hasattr(each, "cache_clear"):
                each.cache_clear()
