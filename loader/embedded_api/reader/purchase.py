"""Of a purchase: its time, the receipt's number, how it was paid, what kind of paper it is."""

from __future__ import annotations

import re
from collections.abc import Sequence

from loader.embedded_api.reader import words
from loader.embedded_api.reader.amounts import amounts
from loader.embedded_api.reader.rows import Row

TIME = re.compile(r"(?<![\d:.,])([01]?\d|2[0-3]):([0-5]\d)(?::[0-5]\d)?(?![\d:])\s*(?:([ap])\.?m\b)?", re.IGNORECASE)
NUMBER = re.compile(
    r"(?:receipt|rcpt|invoice|inv|bill|bon|beleg|ticket|rechnung|trans(?:action)?|check|chk|order|slip|doc(?:ument)?)"
    r"[\s-]*(?:no|nr|num(?:ber)?|n[°º]|id|#)?[\s.]*[:#]?\s*([A-Z]{0,5}[-/]?\d[A-Z0-9/-]*)",
    re.IGNORECASE,
)
CARD = (
    *("card", "karte", "kartenzahlung", "carte", "tarjeta", "carta", "kartu", "visa", "mastercard", "master", "amex"),
    *("maestro", "debit", "credit", "girocard", "eftpos"),
)
CASH = (
    *("cash", "bar", "bargeld", "tunai", "especes", "efectivo", "contant", "contanti", "dinheiro", "numerario"),
    *("nakit", "gotowka"),
)
SLIP_WORDS = 3
NOT_BOUGHT = frozenset({"slip", "payment", "meta", "total"})
REFUND = re.compile(
    r"\W*(?:refund|credit note|gutschrift|retoure|avoir|nota de credito|return receipt)\W*", re.IGNORECASE
)


def purchased_at(rows: Sequence[Row]) -> str | None:
    """The time as HH:MM of 24 hours: beside the date where one stands there, else the first that is printed."""
    found = [(row, match) for row in rows if (match := TIME.search(row.text))]
    if not found:
        return None
    _, match = next(((row, match) for row, match in found if "date" in words.kinds(row.text)), found[0])
    hour, half = int(match[1]), (match[3] or "").lower()
    if half and hour <= 12:
        hour = hour % 12 + (12 if half == "p" else 0)
    return f"{hour:02d}:{match[2]}"


def receipt_number(rows: Sequence[Row]) -> str | None:
    """The receipt's own number, as printed."""
    for row in rows:
        match = NUMBER.search(row.text)
        if match and "date" not in words.kinds(match[0]):
            return match[1]
    return None


def payment_method(rows: Sequence[Row], decimals: bool) -> str | None:
    """`cash` or `card`; `other` where both or neither are said of a payment, None where none is.

    Payment stands below the first amount: above it, a bar is one.
    """
    first = next((position for position, row in enumerate(rows) if amounts(row, decimals)), len(rows))
    rows = rows[first:]
    paid = [set(words.fold(row.text).split()) for row in rows if words.kinds(row.text) & {"payment", "change"}]
    if not paid:
        return None
    said = set().union(*paid)
    by_card = bool(said & {words.fold(word) for word in CARD})
    in_cash = bool(said & {words.fold(word) for word in CASH}) or any("change" in words.kinds(row.text) for row in rows)
    return "card" if by_card and not in_cash else "cash" if in_cash and not by_card else "other"


def document_type(rows: Sequence[Row], names: Sequence[str]) -> str:
    """What kind of paper it is, on which these names of items were read: `refund` where it calls itself one,
    `card_slip` where it speaks as a terminal's does and names nothing that was bought, `receipt`, or without items
    `other`."""
    if any(REFUND.fullmatch(row.text) for row in rows):
        return "refund"
    said = words.count("slip", " ".join(row.text for row in rows))
    if said >= SLIP_WORDS and not any(_names_something(name) for name in names):
        return "card_slip"
    return "receipt" if names else "other"


def _names_something(name: str) -> bool:
    """Whether a name has a word that is none of a slip's own: of a greeting card one, of `AID: A0000000031010` none."""
    return any(not words.kinds(word) & NOT_BOUGHT for word in re.findall(r"[^\W\d_]{3,}", name))
