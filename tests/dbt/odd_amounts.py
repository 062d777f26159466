"""What a receipt says beside its items, in every odd way of writing it, and whether the items add up to it."""

from __future__ import annotations

import json
from typing import Any

from tests.dbt.odd_answers import Shape

NONE = "None"
EUR: dict[str, Any] = {"currency": "EUR", "total": "11.00", "subtotal": "10.00", "taxes": ["1.00"]}
BALANCED = {"reconciliation": "balanced", "unexplained": "0.000"}
UNKNOWN = {"reconciliation": "unknown", "unexplained": NONE}


def _shape(
    name: str, header: dict[str, Any], expected: dict[str, str], price: str = "10.00", unread: str = ""
) -> Shape:
    item = {"name": "Bun", "price": price, "classification": "Food"}
    read = str(abs(float(price))) if not price.startswith("-") else price
    if header.get("document_type") == "refund" and not price.startswith("-"):
        read = f"-{read}"
    return Shape(
        f"amounts: {name}",
        json.dumps({**header, "items": [item]}).replace('"as is ', "").replace(' as is"', ""),
        items=() if header.get("document_type") == "card_slip" else (("Bun", read, "Food"),),
        rejected=("not an item",) if header.get("document_type") == "card_slip" else (),
        header=expected,
        unread_amounts=tuple(unread.split()),
    )


def _taxes() -> list[Shape]:
    """However taxes are written: what is read, and how many of them cannot be."""
    written: list[tuple[Any, str, str]] = [
        (["1.00"], "1.000", ""),
        (["0.60", "0.40"], "1.000", ""),
        ([1.00], "1.000", ""),
        ([0.6, 0.40], "1.000", ""),
        ("1.00", "1.000", ""),
        (1.00, "1.000", ""),
        ("EUR 1,00", "1.000", ""),
        ([{"name": "VAT 10%", "amount": "1.00"}], "1.000", ""),
        ([{"rate": "7%", "amount": 0.6}, {"rate": "19%", "amount": 0.4}], "1.000", ""),
        ({"name": "VAT", "amount": "1.00"}, "1.000", ""),
        # what stands beside it is not the tax
        ([{"name": "VAT", "rate": "10%", "net": "10.00", "tax": "1.00", "total": "11.00"}], "1.000", ""),
        ([{"amount": "0.60", "total": "6.60"}, {"value": "0.40", "price": "4.00"}], "1.000", ""),
        ([{"rate": 7, "tax": 0.60}, {"rate": 19, "value": 0.40}, {"tax_amount": 0.00}], "1.000", ""),
        ([{"tax": "VAT", "value": "1.00"}], "1.000", ""),
        (["0.60", {"amount": "0.40"}, {"name": "VAT"}], "1.000", "tax"),
        ([], NONE, ""),
        (None, NONE, ""),
        ("", NONE, ""),
        (["1.00", ""], "1.000", ""),
        (["included"], NONE, "tax"),
        (["1.00", "A 7%"], "1.000", "tax"),
        ({"VAT": "1.00"}, NONE, "tax"),
        ([["1.00"]], "1.000", ""),
        (True, NONE, "tax"),
    ]
    return [
        _shape(
            f"taxes {json.dumps(taxes)}",
            {**EUR, "taxes": taxes},
            {"tax": tax, "reconciliation": "off" if tax == NONE else "balanced"},
            unread=unread,
        )
        for taxes, tax, unread in written
    ]


def _refunds() -> list[Shape]:
    """Refunds with something taken off, kept back or rounded: printed prices, total, rounding, what was given back."""
    printed: list[tuple[str, str, str | None, str, str]] = [
        ("20.00 -2.00", "18.00", None, "-20.000 2.000", "balanced"),
        ("-20.00 2.00", "22.00", None, "-20.000 -2.000", "balanced"),
        ("20.00 2.00", "-22.00", None, "-20.000 -2.000", "balanced"),
        ("-20.00 -2.00", "22.00", None, "-20.000 -2.000", "balanced"),
        ("20.00 -2.00", "-18.00", None, "-20.000 2.000", "balanced"),
        ("10.02", "10.00", "-0.02", "-10.020", "balanced"),
        ("-10.02", "-10.00", "0.02", "-10.020", "balanced"),
        ("9.98", "10.00", "0.02", "-9.980", "balanced"),
        ("-9.98", "-10.00", "-0.02", "-9.980", "balanced"),
        ("20.00 -2.00", "22.00", None, "-20.000 2.000", "off"),
    ]
    shapes = []
    for prices, total, rounding, given_back, verdict in printed:
        items = [{"name": "Bun", "price": price, "classification": "Food"} for price in prices.split()]
        header = {"document_type": "refund", "currency": "MYR", "taxes": [], "total": total, "rounding": rounding}
        shapes.append(
            Shape(
                f"amounts: a refund of {prices}, rounded by {rounding}, of {total}",
                json.dumps({**header, "items": items}),
                items=tuple(("Bun", price, "Food") for price in given_back.split()),
                header={"reconciliation": verdict},
            )
        )
    return shapes


AMOUNTS = [
    *_taxes(),
    _shape(
        "all of them",
        {**EUR, "tip": "2.00", "service_charge": "0.50", "rounding": "0.00", "total": "13.50"},
        {"tax": "1.000", "tip": "2.000", "service_charge": "0.500", "rounding": "0.000", **BALANCED},
    ),
    _shape("as numbers", {"currency": "EUR", "taxes": [], "tip": 2.0, "total": 12.00}, {"tip": "2.000", **BALANCED}),
    _shape("a tip in words", {**EUR, "tip": "two euros"}, {"tip": NONE, **BALANCED}, unread="tip"),
    _shape("a tip in a list", {**EUR, "tip": ["2.00"], "total": "13.00"}, {"tip": NONE}, unread="tip"),
    _shape("a total in words", {**EUR, "total": "see above"}, {"total": NONE, **BALANCED}, unread="total"),
    _shape("the currency of another", {**EUR, "tip": "£2.00"}, {"tip": NONE, **BALANCED}, unread="tip"),
    _shape("no tax asked for", {"currency": "EUR", "total": "11.00"}, UNKNOWN),
    _shape("no tax asked for, none needed", {"currency": "EUR", "total": "10.00"}, BALANCED),
    _shape(
        "a refund that prints no sign",
        {**EUR, "document_type": "refund"},
        {"spend": "-10.000", "tax": "-1.000", "total": "-11.000", **BALANCED},
    ),
    _shape(
        "a refund with signs",
        {**EUR, "document_type": "Refund ", "total": "-11.00", "taxes": ["-1.00"], "subtotal": "-10.00"},
        {"spend": "-10.000", "total": "-11.000", **BALANCED},
        price="-10.00",
    ),
    *_refunds(),
    _shape(
        "a negative total of a receipt",
        {"currency": "EUR", "total": "-10.00", "taxes": []},
        {"spend": "-10.000", **BALANCED},
        price="-10.00",
    ),
    _shape("a card slip", {**EUR, "document_type": "card_slip"}, {**UNKNOWN, "spend": "0.000"}),
    _shape(
        "a rupiah literal",
        {"currency": "IDR", "total": "27.500", "subtotal": "as is 25.000 as is", "taxes": ["as is 2.500 as is"]},
        {"subtotal": "25000.000", "tax": "2500.000", **BALANCED},
        price="25000",
    ),
    _shape("what is known of the purchase", {"receipt_number": " A-17 ", "payment_method": "Card"}, {
        "receipt_number": "A-17", "payment_method": "card"
    }),
    *(
        _shape(f"time {written}", {"purchased_at": written}, {"purchased_at": read})
        for written, read in {
            "14:05": "14:05", "9:05": "09:05", "14:05:59": "14:05", "2:05 PM": "14:05", "12:05 am": "00:05",
            "12:05pm": "12:05", "2026-01-02T10:00:00Z": "10:00", "14.05": "14:05", "14h05": "14:05",
            "14:05 Uhr": "14:05", "25:00": NONE, "noon": NONE, "": NONE, "1405": NONE, "14:5": NONE,
        }.items()
    ),
]  # fmt: skip
