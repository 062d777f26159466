"""Amounts in a row: what is money, what it is worth, how it is printed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from loader.embedded_api.reader.amounts import amounts, prints_decimals
from tests.embedded_api.reader.printed import rows


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
        ("0,99 B", "0,99", "0.99"),
        ("3.49 T", "3.49", "3.49"),
        ("2,50*", "2,50", "2.5"),
        ("1,29 *A", "1,29", "1.29"),
        ("*12,50", "12,50", "12.5"),
        ("1.99-T", "1.99-", "-1.99"),
        ("105. –", "105.-", "105"),  # noqa: RUF001
        ("3,—", "3,-", "3"),
        ("12.50 Fr.-", "12.50", "12.5"),
        ("500 Rs.-", "500", "500"),
        ("kr 49:-", "49:-", "49"),
        ("500/-", "500/-", "500"),
        ("1,250/=", "1,250/=", "1250"),
        ("1,23,456", "1,23,456", "123456"),
        ("Rs. 1,23,456.50", "1,23,456.50", "123456.5"),
        ("Rs. 500", "500", "500"),
        ("‒3.00", "-3.00", "-3"),  # noqa: RUF001
        ("120.00 CR", "120.00 CR", "-120"),
        ("SGD$4.90", "4.90", "4.9"),
        ("NZD $100.70", "100.70", "100.7"),
        ("１２．５０", "12.50", "12.5"),  # noqa: RUF001
        ("१२.५०", "१२.५०", "12.5"),
        ("١٢٫٥٠", "١٢.٥٠", "12.5"),  # noqa: RUF001
        ("12,50\u200e €", "12,50", "12.5"),
        ("1 234,50 kr", "1234,50", "1234.5"),
        ("VITAMIN E 12.00", "12.00", "12"),
        (".75", "0.75", "0.75"),
        ("$.83", "0.83", "0.83"),
        ("10.7S", "10.75", "10.75"),
        ("4.O0", "4.00", "4"),
        ("C6,47", "6,47", "6.47"),
        ("0,86 G", "0,86", "0.86"),
    ],
)
def test_one_amount(text: str, printed: str, value: str) -> None:
    assert read(text) == [(printed, Decimal(value))]


@pytest.mark.parametrize(
    ("text", "printed", "value"),
    [
        ("¥1,200", "1,200", "1200"),
        ("¥1,200-", "1,200-", "1200"),
        ("－50", "-50", "-50"),  # noqa: RUF001
        ("▲100", "-100", "-100"),
        ("Rp 25.000, -", "25.000,-", "25000"),
        ("Rs.500/-", "500/-", "500"),
        ("1,250/=", "1,250/=", "1250"),
        ("1,23,456", "1,23,456", "123456"),
        ("KShs 450", "450", "450"),
        ("1 250 Ft", "1250", "1250"),
    ],
)
def test_one_amount_where_no_decimals_are_printed(text: str, printed: str, value: str) -> None:
    assert read(text, decimals=False) == [(printed, Decimal(value))]


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
        "902.520.522",
        "9555916500133",
        "WA45-12.50",
        "2",
        "GS1 6%",
        "(R05)",
        "PEPSI L 2",
        "AEON CO. (M) BHD 12345",
        "KEDAI SDN. BHD. 1234.50",
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
        ("Chai  40/-\nSamosa  1,250/=\nTOTAL  1,290/=", False),
        ("Sofa  1,23,456\nTOTAL  1,23,456", False),
        ("Chai  40\nSamosa  30\nTOTAL  70", False),
    ],
)
def test_whether_a_receipt_prints_decimals(receipt: str, decimals: bool) -> None:
    assert prints_decimals(rows(receipt)) is decimals
