"""The tables of words that the reader knows receipts by: CSV files beside this one, several words a cell."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

TABLES = ("words", "lexicon", "evidence")


def rows(table: str) -> Iterator[tuple[dict[str, str], list[str]]]:
    """The rows of a table, and the words of each."""
    with Path(__file__).with_name(f"{table}.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield row, row["words"].split(";")
