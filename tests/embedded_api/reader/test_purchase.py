"""Time, number, payment and kind of a receipt."""

from __future__ import annotations

import pytest

from loader.embedded_api.reader import purchase, reading_of
from tests.embedded_api.reader.printed import boxes_of, rows


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
        ("JOE'S SPORTS BAR\nSODA   2.49\nTOTAL   2.49", None),
        ("CARD SHOP\nTEH   2.00\nCASH   2.00", "cash"),
    ],
)
def test_payment(text: str, expected: str | None) -> None:
    assert purchase.payment_method(rows(text), decimals=True) == expected


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("REFUND\nTEH   2.00", ["TEH"], "refund"),
        ("No refund after 7 days\nTEH   2.00", ["TEH"], "receipt"),
        ("TEH   2.00", ["TEH"], "receipt"),
        ("Good morning", [], "other"),
        ("MERCHANT COPY\nVISA   APPROVAL: 012345\nAID: A0000000031010\nAMOUNT   12.50", [], "card_slip"),
        ("MERCHANT COPY\nAPPROVAL: 012345\nAID: A0000000031010\nTEH   2.00", ["TEH"], "receipt"),
        ("CUSTOMER COPY\nAPPROVAL: 012345\nAID: A0000000031010\nGreeting Card   2.00", ["Greeting Card"], "receipt"),
        ("CUSTOMER COPY\nAPPROVAL: 012345\nAID: A0000000031010\nTable Lamp   9.00", ["Table Lamp"], "receipt"),
        ("Approval pending\nTotal   2.00", [], "other"),
    ],
)
def test_kind(text: str, names: list[str], expected: str) -> None:
    assert purchase.document_type(rows(text), names) == expected


SLIPS = {
    "us": """
        BLUE MOON DINER
        12 Main St
        Merchant ID: 4456789   Terminal ID: 0001
        Sale
        VISA   XXXXXXXXXXXX1234
        Entry Mode: Chip Read
        Approval: 02345B
        AID: A0000000031010
        Amount:   $58.40
        Tip:
        Total:
        I agree to pay the above total
        MERCHANT COPY
        """,
    "de": """
        BÄCKEREI MÜLLER
        * * Kundenbeleg * *
        Terminal-ID: 54123456
        TA-Nr. 001122   BNr 0456
        Kartenzahlung
        girocard
        EUR   12,50
        AID: D27600002545500000100
        Genehmigungs-Nr. 123456
        Zahlung erfolgt
        """,
}


@pytest.mark.parametrize("country", SLIPS)
def test_a_card_terminal_s_slip_has_no_items(country: str) -> None:
    reading = reading_of(boxes_of(SLIPS[country]))
    assert (reading.items, reading.document_type) == ((), "card_slip")
