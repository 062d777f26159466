"""Amounts in a row: what is money, what it is worth, how it is printed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from loader.local_api.reader.amounts import amounts, prints_decimals
from tests.local_api.reader.printed import rows


def read(text: str, decimals: bool = True) -> list[tuple[str, Decimal]]:
    return [(amount.printed, amount.value) for amount in amounts(rows(text)[0], decimals)]


@pytest.mark.parametrize(
    ("text", "printed", "value"),
    [
        ("9.00", "9.00", "9"),
        ("RM 9.00", "9.00", "9"),
        ("RM9.000", "9.000", "9"),
        ("1,020.00", "1,020.00", "1020"),
        ("1.234,50", "1.234,50", "1234.5"),
        ("1'234.50", "1'234.50", "1234.5"),
        ("12. 50", "12.50", "12.5"),
        ("27 00 SR", "27.00", "27"),
        ("40.00SR", "40.00", "40"),
        ("S7.10", "7.10", "7.1"),
        ("RMO.47", "0.47", "0.47"),
        ("-5.00", "-5.00", "-5"),
        ("-RM 0.02", "-0.02", "-0.02"),
        ("RM -0.02", "-0.02", "-0.02"),
        ("5.00-", "5.00-", "-5"),
        ("(5.00)", "(5.00)", "-5"),
        ("3,20 €", "3,20", "3.2"),
        ("¥1,200", "1,200", "1200"),
    ],
)
def test_one_amount(text: str, printed: str, value: str) -> None:
    assert read(text, decimals="¥" not in text) == [(printed, Decimal(value))]


@pytest.mark.parametrize(("text", "value"), [("25.000", "25000"), ("Rp 1.250.000", "1250000"), ("Rp8.500,-", "8500")])
def test_thousands_where_no_decimals_are_printed(text: str, value: str) -> None:
    assert [amount for _, amount in read(text, decimals=False)] == [Decimal(value)]


@pytest.mark.parametrize(
    "text",
    [
        "25/12/2018",
        "14.05.2024",
        "14:05",
        "10%",
        "3,8%",
        "0.845 kg",
        "1.5L",
        "012-2673122",
        "9555916500133",
        "WA45-12.50",
        "2",
    ],
)
def test_no_amount(text: str) -> None:
    assert read(text) == []


def test_the_price_of_one_is_a_factor() -> None:
    found = amounts(rows("2 x 3.50  7.00")[0], decimals=True)
    assert [(amount.printed, amount.is_factor) for amount in found] == [("3.50", True), ("7.00", False)]


def test_right_edges_follow_the_letters() -> None:
    (amount,) = amounts(rows("COKE 2.10 SR")[0], decimals=True)
    assert amount.right == pytest.approx(90, abs=1)


@pytest.mark.parametrize(
    ("receipt", "decimals"),
    [
        ("A  9.000  9.00\nB  4.50\nTOTAL  13.50", True),
        ("Nasi  25.000\nTeh  7.500\nTOTAL  Rp 32.500", False),
        ("Bowl  ¥1,200\nTea  ¥150\nTOTAL  ¥1,350", False),
        ("Brot  3,20\nSUMME  3,20", True),
    ],
)
def test_whether_a_receipt_prints_decimals(receipt: str, decimals: bool) -> None:
    assert prints_decimals(rows(receipt)) is decimals
