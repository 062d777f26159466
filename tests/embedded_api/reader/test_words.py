"""Words that are not items, read as badly as OCR reads them."""

from __future__ import annotations

import pytest

from loader.embedded_api.reader import words


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("SUB-TOTAL", "subtotal"),
        ("Sub Totai :", "subtotal"),
        ("Zwischensumme", "subtotal"),
        ("T0TAL", "total"),
        ("GrandTotal", "grand"),
        ("Total Arnt Payable", "grand"),
        ("Anount Incl. GST", "grand"),
        ("RCUNDING ADJ", "rounding"),
        ("MwSt. 19%", "tax"),
        ("dont TVA 5,5%", "tax"),
        ("Service Charge 10%", "service"),
        ("Rückgeld", "change"),
        ("Kembali", "change"),
        ("Efectivo", "payment"),
        ("消費税", "tax"),
        ("12 Março", "month-3"),
    ],
)
def test_kind(text: str, kind: str) -> None:
    assert kind in words.kinds(text)


@pytest.mark.parametrize("text", ["TAXI FARE", "SUBTLE TOTALLY", "CASHEW NUTS", "POINTED PEN", "CHARGER"])
def test_parts_of_words_are_no_words(text: str) -> None:
    assert not words.kinds(text) & {"tax", "total", "payment", "points", "change"}


@pytest.mark.parametrize(
    ("text", "kind"), [("MEPIKO ΣYNOΛO", "subtotal"), ("NAHPΩTEO", "total"), ("ΠΛΗΡΩΤΕΟ", "total")]
)
def test_greek_capitals_read_as_latin_ones(text: str, kind: str) -> None:
    assert kind in words.kinds(text)
