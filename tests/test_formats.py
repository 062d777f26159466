"""Figures as people write them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from loader.formats import dollars, figure, money, percent


@pytest.mark.parametrize(
    ("column", "value", "currency", "text"),
    [
        ("spend", Decimal("1272500.000"), "IDR", "1,272,500"),
        ("spend", Decimal("-30000.000"), "IDR", "−30,000"),  # noqa: RUF001
        ("spend", Decimal("585.700"), "EUR", "585.70"),
        ("spend", Decimal("3.123"), "EUR", "3.123"),
        ("average_price", Decimal("16.619"), "EUR", "16.62"),
        ("average_price", Decimal("47946.429"), "IDR", "47,946"),
        ("spend", Decimal("1.250"), "KWD", "1.250"),
        ("spend", Decimal("25000.000"), None, "25,000"),
        ("spend", Decimal("12.500"), None, "12.50"),
        ("spend", Decimal("0.000"), "EUR", "0.00"),
        ("share_of_spend", 0.18529, "EUR", "18.5 %"),
        ("cost_usd", Decimal("0.00019432"), "EUR", "0.00019"),
        ("cost_usd", Decimal("12.34567800"), None, "12.35"),
        ("cost_usd", Decimal("0E-8"), None, "0.00"),
        ("item_count", 1234567, None, "1,234,567"),
        ("is_credit", True, "EUR", "yes"),
        ("answered_at", datetime(2026, 3, 1, 9, 8, 7, 654321), None, "2026-03-01 09:08:07"),
        ("purchased_on", date(2026, 3, 1), None, "2026-03-01"),
        ("merchant", None, None, ""),
    ],
)
def test_figures(column: str, value: Any, currency: str | None, text: str) -> None:
    assert figure(column, value, currency) == text


def test_money_dollars_and_percent_keep_their_signs() -> None:
    assert money(Decimal("-0.5"), "USD") == "−0.50"  # noqa: RUF001
    assert dollars(Decimal("-1")) == "−1.00"  # noqa: RUF001
    assert percent(-0.05) == "−5.0 %"  # noqa: RUF001
