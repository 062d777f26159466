"""How figures of the marts are written for people: grouped money, percent, plain dates."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from loader.seeds import currency_decimals

UNKNOWN_DECIMALS = 2
MINUS = "\N{MINUS SIGN}"


def money(value: Decimal, currency: str | None, is_rounded: bool = False) -> str:
    """An amount with as many decimals as its currency prints, or more where it has more (unless `is_rounded`)."""
    known = currency_decimals().get(currency or "")
    is_whole = value == value.to_integral_value()
    decimals = (0 if is_whole else UNKNOWN_DECIMALS) if known is None else known
    if not is_rounded and not is_whole:
        decimals = max(decimals, -int(value.normalize().as_tuple().exponent))
    return _signed(value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN))


def dollars(value: Decimal) -> str:
    """US dollars; below a dollar with the two leading digits that count, since a receipt costs a fraction of a cent."""
    decimals = 2 if value == 0 or abs(value) >= 1 else max(2, 1 - value.adjusted())
    return _signed(value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN))


def percent(share: float) -> str:
    """A share of 1 as percent with one decimal."""
    return f"{share:.1%}".replace("%", " %").replace("-", MINUS)


def _signed(value: Decimal) -> str:
    return f"{value:,}".replace("-", MINUS)


def figure(column: str, value: Any, currency: str | None = None) -> str:
    """A value of a mart's column as text; nothing for null. `currency` is that of its row."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        is_rounded = column.startswith("average")
        return dollars(value) if column.endswith("_usd") else money(value, currency, is_rounded)
    if isinstance(value, int | float):
        return percent(value) if column.startswith("share") else f"{value:,}".replace("-", MINUS)
    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else str(value)
