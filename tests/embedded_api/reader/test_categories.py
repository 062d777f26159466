"""Categories from the lexicon."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from loader import seeds
from loader.embedded_api.reader import categories
from loader.embedded_api.reader.categories import category_of


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("PANADOL 500MG", "Medical"),
        ("FISH OIL CAPSULES", "Medical"),
        ("Hustensaft", "Medical"),
        ("NASI LEMAK AYAM", "Food"),
        ("Roggenbrot 750g", "Food"),
        ("MILK CHOCOLATE", "Food"),
        ("CHOCOLATE MILK", "Beverage"),
        ("Jus d'orange", "Beverage"),
        ("ORANGE JUICE 1L", "Beverage"),
        ("Apfelsaft", "Beverage"),
        ("Pay parking ticket", "Travel"),
        ("RON95 PETROL", "Travel"),
        ("PLASTIC BAGS", "Other"),
        ("BANDAGES 40CT", "Medical"),
        ("緑茶", "Beverage"),
    ],
)
def test_by_the_name(name: str, expected: str) -> None:
    assert category_of(name, "") == expected


@pytest.mark.parametrize(
    ("shop", "expected"),
    [
        ("RESTORAN WAN SHENG", "Food"),
        ("FARMASI SIHAT SDN BHD", "Medical"),
        ("PETRONAS JALAN KUCHING", "Travel"),
        ("ENW HARDWARE CENTRE", "Other"),
        ("NOBODY KNOWS", "Other"),
        ("NOBODY KNOWS Table 5 Guests: 2", "Food"),
        ("NOBODY KNOWS Tisch-Nr: 411", "Food"),
        ("NOBODY'S COFFEE Table 5", "Beverage"),
    ],
)
def test_by_the_shop_where_the_name_says_nothing(shop: str, expected: str) -> None:
    assert category_of("XQ-17 SPECIAL", shop) == expected


def test_a_discount_takes_no_category_from_the_shop() -> None:
    assert category_of("Member Discount 10%", "RESTORAN WAN SHENG") == "Other"


def test_what_is_not_allowed_becomes_the_last_that_is() -> None:
    assert category_of("PANADOL", "", ["Food", "Household"]) == "Household"
    assert category_of("NASI GORENG", "", ["Food", "Household"]) == "Food"


def test_the_lexicon_knows_only_categories_of_the_seed() -> None:
    known = {category.name for category in seeds.categories()}
    with Path(categories.__file__).with_name("lexicon.csv").open(encoding="utf-8", newline="") as file:
        assert {row["category"] for row in csv.DictReader(file)} <= known


def test_the_order_of_the_seed_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (seeds.SEEDS / "categories.csv").read_text(encoding="utf-8").splitlines()
    monkeypatch.setattr(seeds, "SEEDS", tmp_path)
    for turned in range(len(rows) - 1):
        shuffled = rows[1 + turned :] + rows[1 : 1 + turned]
        (tmp_path / "categories.csv").write_text("\n".join([rows[0], *shuffled, ""]), encoding="utf-8")
        seeds.categories.cache_clear()
        found = [category_of(name, "") for name in ("XQ-17 SPECIAL", "Member Discount 10%", "PANADOL")]
        assert found == ["Other", "Other", "Medical"], shuffled
    seeds.categories.cache_clear()
