"""The whole path as a newcomer walks it: samples, the embedded server with its real reader, dbt, the published file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest

from loader.sources.samples import draw
from tests.helpers.answers import answer_line, jsonl
from tests.helpers.warehouses import rows

SETTINGS = ("MISTRAL_API_KEY", "MISTRAL_SERVER_URL", "RECEIPTS", "RECEIPTS_CURRENCY", "MODEL")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("end_to_end")


def loader(place: Path, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    environment |= {"WAREHOUSE": str(place / "w.duckdb"), "BI_DATABASE": str(place / "bi.duckdb")}
    ended = subprocess.run(
        [sys.executable, "-m", "loader", *arguments],
        env=environment, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def marts(place: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published file after a load of the samples, a build and a publish."""
    said = loader(place, "load")
    assert "no MISTRAL_API_KEY is set" in said and "12 lines landed" in said
    loader(place, "dbt", "build", "--quiet")
    loader(place, "publish")
    with duckdb.connect(str(place / "bi.duckdb"), read_only=True) as connection:
        yield connection


@cache
def labels() -> dict[str, dict[str, Any]]:
    return {sample.receiptId: json.loads(sample.text) for sample in draw()}


def amount(printed: str, label: dict[str, Any]) -> Decimal:
    """What a printed amount of a sample is worth: its digits, with the decimals that its currency prints."""
    sign = -1 if "-" in printed else 1
    decimals = {"IDR": 0, "JPY": 0, "KWD": 3}.get(label["currency"], 2)
    return sign * Decimal("".join(c for c in printed if c.isdigit())).scaleb(-decimals)


def alike(one: str, other: str) -> bool:
    return SequenceMatcher(None, one.lower(), other.lower()).ratio() >= 0.6


def test_what_was_drawn_is_what_the_marts_say(marts: duckdb.DuckDBPyConnection) -> None:
    found: dict[str, list[tuple[str, Decimal]]] = {}
    for key, name, price in marts.execute("select source_key, name, price from marts.receipt_items").fetchall():
        found.setdefault(key, []).append((name, price))
    right = total = 0
    for key, label in labels().items():
        left = list(found.get(key, []))
        for item in label["line_items"]:
            total += 1
            price = amount(item["item_value"], label)
            match = next((one for one in left if one[1] == price and alike(one[0], item["item_name"])), None)
            if match:
                left.remove(match)
                right += 1
    kept = sum(len(items) for items in found.values())
    assert total > 50
    assert right / total >= 0.9, "recall on drawn receipts"
    assert right / kept >= 0.9, "precision on drawn receipts: what is not an item must not become one"


def test_totals_and_currencies_are_read(marts: duckdb.DuckDBPyConnection) -> None:
    found = marts.execute("select source_key, currency, total from marts.receipts").fetchall()
    read = {key: (currency, total) for key, currency, total in found}
    truth = labels()
    assert set(read) == set(truth)
    right = sum(read[key] == (label["currency"], amount(label["total"], label)) for key, label in truth.items())
    assert right >= 0.9 * len(truth)


def test_most_categories_are_right(marts: duckdb.DuckDBPyConnection) -> None:
    truth = {
        (key, amount(item["item_value"], label)): item["category"]
        for key, label in labels().items()
        for item in label["line_items"]
    }
    outcomes = Counter(
        truth[key, price] == category
        for key, price, category in marts.execute(
            "select source_key, price, category from marts.receipt_items"
        ).fetchall()
        if (key, price) in truth
    )
    assert outcomes[True] / outcomes.total() >= 0.85


def test_every_row_says_that_the_embedded_reader_made_it(marts: duckdb.DuckDBPyConnection) -> None:
    assert marts.execute("select distinct model, status from marts.receipts").fetchall() == [("local-ocr", "extracted")]


def test_a_second_load_asks_nothing(marts: duckdb.DuckDBPyConnection, place: Path) -> None:
    assert "0 requests in 0 jobs; 0 lines landed" in loader(place, "load")


def test_samples_step_aside_once_anything_else_is_loaded(marts: duckdb.DuckDBPyConnection, place: Path) -> None:
    content = '{"items": [{"name": "Es Teh", "price": 25.000, "classification": "Beverage"}]}'
    (place / "own.jsonl").write_text(jsonl(answer_line("0", content)))
    loader(place, "land", str(place / "own.jsonl"), "--currency", "IDR")
    loader(place, "dbt", "run", "--quiet", "--select", "+receipt_items")
    shown = rows(place / "w.duckdb", "select source, name, price from marts.receipt_items")
    assert shown == [("own.jsonl", "Es Teh", Decimal(25000))]
