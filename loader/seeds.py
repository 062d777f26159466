"""What the loader knows from dbt's seeds: categories, currencies and model prices stand there and nowhere else."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SEEDS = Path(__file__).resolve().parent.parent / "dbt_project" / "seeds"

OTHER = "Other"  # the category that takes what fits nowhere else, wherever it stands; SQL's is in macros/names.sql


@dataclass(frozen=True)
class Category:
    """A category of spend and what belongs to it."""

    name: str
    description: str


@dataclass(frozen=True)
class ModelPrice:
    """US dollars per million tokens at the live price, and the share of it that a batch is let off."""

    input_usd_per_million: float
    output_usd_per_million: float
    batch_discount: float

    def batch_cost_usd(self, prompt_tokens: float, completion_tokens: float) -> float:
        """Cost in US dollars of so many tokens, sent through a batch."""
        live = prompt_tokens * self.input_usd_per_million + completion_tokens * self.output_usd_per_million
        return live / 1e6 * (1 - self.batch_discount)


def _rows(seed: str) -> list[dict[str, str]]:
    with (SEEDS / f"{seed}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def categories() -> tuple[Category, ...]:
    """The categories, in the order of the seed."""
    return tuple(Category(row["category"], row["description"]) for row in _rows("categories"))


@cache
def currency_symbols() -> dict[str, tuple[str, ...]]:
    """ISO 4217 code -> the symbols and codes by which receipts name that currency."""
    return {row["currency"]: tuple(row["symbols"].split()) for row in _rows("currencies")}


@cache
def currencies_by_sign() -> dict[str, frozenset[str]]:
    """Printed symbol or code -> the currencies that it may mean; a sign that many share means all of them."""
    signs: dict[str, set[str]] = {}
    for row in _rows("currencies"):
        for sign in {*row["symbols"].split(), row["shared_symbol"]} - {"", "XXX"}:
            signs.setdefault(sign, set()).add(row["currency"])
    return {sign: frozenset(codes) for sign, codes in signs.items()}


@cache
def currency_decimals() -> dict[str, int]:
    """ISO 4217 code -> how many decimals receipts in that currency print, where that is known."""
    return {row["currency"]: int(row["printed_decimals"]) for row in _rows("currencies") if row["printed_decimals"]}


@cache
def currency_of_country() -> dict[str, str]:
    """ISO 3166 code of a country -> the ISO 4217 code of its currency."""
    return {row["country"]: row["currency"] for row in _rows("countries")}


@cache
def model_prices() -> dict[str, ModelPrice]:
    """Dated model id -> its price."""
    return {
        row["model"]: ModelPrice(
            float(row["input_usd_per_million"]),
            float(row["output_usd_per_million"]),
            float(row["batch_discount"]),
        )
        for row in _rows("model_prices")
    }
