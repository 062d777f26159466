"""Time, number, payment and kind of a receipt."""

from __future__ import annotations

import pytest

from loader.embedded_api.reader import purchase
from tests.embedded_api.reader.printed import rows


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("25/12/2018 8:13:39 PM", "20:13"),
        ("18-11-18 13:58 SH01", "13:58"),
        ("12:05 AM", "00:05"),
        ("12:05 pm", "12:05"),
        ("Uhrzeit: 09:41 Uhr", "09:41"),
        ("Open 24 hours", None),
        ("25:70", None),
        ("12.30", None),
        ("Opened 10:00\nDate 01/02/2024 11:30", "11:30"),
    ],
)
def test_time(text: str, expected: str | None) -> None:
    assert purchase.purchased_at(rows(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Receipt No: 0012345", "0012345"),
        ("INV-NO : CS00012/19", "CS00012/19"),
        ("Bon-Nr. 4711", "4711"),
        ("Check #182", "182"),
        ("Bill No B-17", "B-17"),
        ("Thank you, come again", None),
    ],
)
def test_number(text: str, expected: str | None) -> None:
    assert purchase.receipt_number(rows(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CASH   20.00\nCHANGE   3.00", "cash"),
        ("VISA   17.00", "card"),
        ("Bar   20,00\nRückgeld   3,00", "cash"),
        ("Kartenzahlung   17,00", "card"),
        ("CASH   10.00\nVISA   7.00", "other"),
        ("TEH   2.00", None),
    ],
)
def test_payment(text: str, expected: str | None) -> None:
    assert purchase.payment_method(rows(text)) == expected


@pytest.mark.parametrize(
    ("text", "has_items", "expected"),
    [
        ("REFUND\nTEH   2.00", True, "refund"),
        ("No refund after 7 days\nTEH   2.00", True, "receipt"),
        ("TEH   2.00", True, "receipt"),
        ("Good morning", False, "other"),
    ],
)
def test_kind(text: str, has_items: bool, expected: str) -> None:
    assert purchase.document_type(rows(text), has_items) == expected
