"""Which fields people can correct, and what may be written in them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime

from loader import seeds
from loader.errors import CorrectionError

AMOUNTS = ("subtotal", "tax", "tip", "service_charge", "rounding", "total")
HEADER = ("merchant", "purchased_on", "purchased_at", "receipt_number", "payment_method", "currency", *AMOUNTS)
"""Fields of a receipt as a whole."""
ITEM = ("name", "price", "category", "dropped")
"""Fields of an item; `dropped` is one that is none."""
VERDICTS = ("accepted", "not_a_receipt")
"""All is right; this is no receipt."""
LINKS = ("same_as", "not_same_as")
"""This one and the receipt in `value` are one purchase, or are two."""
WITHDRAW = "withdraw"
"""Takes back the correction whose id is in `value`."""
FIELDS = (*HEADER, *ITEM, *VERDICTS, *LINKS, WITHDRAW)

PAYMENT_METHODS = ("cash", "card", "other")
UNKNOWN_CURRENCY = "XXX"
LONGEST_TEXT = 10_000
MOST_DIGITS = 12
"""Of an amount before its point: the marts' DECIMAL(18, 3) has 15, and sums of many must have their place there."""
TRUE = "true"
# Fields that cannot be cleared, and what to do instead.
_NEEDED = {
    "price": "drop the item instead",
    "category": "name one",
    "currency": f"{UNKNOWN_CURRENCY} is the unknown one",
    "same_as": "name the other receipt",
    "not_same_as": "name the other receipt",
    WITHDRAW: "name the correction to take back",
}


def stored(field: str, value: str | None) -> str | None:
    """A value as it is stored, in one spelling; None clears the field. Raises CorrectionError."""
    if field not in FIELDS:
        raise CorrectionError(f"there is no field {field!r}: name one of {', '.join(FIELDS)}")
    value = (value or "").strip() or None
    if field in (*VERDICTS, "dropped"):
        return _truth(field, value)
    if value is None:
        if field in _NEEDED:
            raise CorrectionError(f"{field} has no value: {_NEEDED[field]}")
        return None
    check_text(value)
    return _READ[field](field, value) if field in _READ else value


def check_text(text: str) -> None:
    """Raise CorrectionError for text that nothing prints."""
    if len(text) > LONGEST_TEXT or "\0" in text:
        raise CorrectionError(f"a text of {len(text):,} characters, or with a zero byte in it: shorten it")


def _truth(field: str, value: str | None) -> str:
    if (value or TRUE).lower() not in (TRUE, "1", "yes"):
        raise CorrectionError(f"{field} is {value!r}: leave its value empty, and take one back with {WITHDRAW}")
    return TRUE


def _amount(field: str, value: str) -> str:
    found = re.fullmatch(r"\+?(-?)0*(\d+)(?:(\.\d{1,3})0*)?", value, re.ASCII)
    if not found:
        raise CorrectionError(f"{field} is {value!r}: write a plain decimal such as 1234.50")
    if len(found[2]) > MOST_DIGITS:
        raise CorrectionError(f"{field} is {value[:30]!r}: write at most {MOST_DIGITS} digits before the point")
    return found[1] + found[2] + (found[3] or "")


def _category(field: str, value: str) -> str:
    known = {category.name.casefold(): category.name for category in seeds.categories()}
    if value.casefold() not in known:
        raise CorrectionError(f"there is no {field} {value!r}: name one of {', '.join(known.values())}")
    return known[value.casefold()]


def _currency(field: str, value: str) -> str:
    if value.upper() not in (*seeds.currency_symbols(), UNKNOWN_CURRENCY):
        raise CorrectionError(f"unknown {field} {value!r}: use an ISO 4217 code such as EUR")
    return value.upper()


def _payment_method(field: str, value: str) -> str:
    if value.lower() not in PAYMENT_METHODS:
        raise CorrectionError(f"{field} is {value!r}: say {', '.join(PAYMENT_METHODS)}")
    return value.lower()


def _date(field: str, value: str) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError as error:
        raise CorrectionError(f"{field} is {value!r}: write a date like 2026-03-01") from error


def _time(field: str, value: str) -> str:
    try:
        return f"{datetime.strptime(value, '%H:%M'):%H:%M}"
    except ValueError as error:
        raise CorrectionError(f"{field} is {value!r}: write a time like 17:05") from error


_READ: dict[str, Callable[[str, str], str]] = {
    **dict.fromkeys(("price", *AMOUNTS), _amount),
    "category": _category,
    "currency": _currency,
    "payment_method": _payment_method,
    "purchased_on": _date,
    "purchased_at": _time,
}
