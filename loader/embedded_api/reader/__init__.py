"""Reads receipts without a model: OCR, rows, lines with their amounts, categories from a lexicon.

It does honest work and knows its limits: what it can't read isn't there in its answer. Whatever the bytes are,
`read_images` answers; an image without items gives none. The heavy libraries load with the first image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loader.embedded_api.reader import categories as lexicon
from loader.embedded_api.reader import header, items, ocr, purchase
from loader.embedded_api.reader.amounts import prints_decimals
from loader.embedded_api.reader.charges import charges_of
from loader.embedded_api.reader.currency import currency_of_receipt
from loader.embedded_api.reader.rows import Row, rows_of, rows_of_pages


@dataclass(frozen=True)
class Item:
    """A line that was bought: `price` is the amount of the line as printed, without currency (`1,020.00`, `-5.00`)."""

    name: str
    price: str
    classification: str


@dataclass(frozen=True)
class Reading:
    """What a receipt says; what it doesn't say, or can't be read, is None or missing.

    `purchased_on` is an ISO date, `purchased_at` HH:MM, `currency` an ISO 4217 code, `payment_method` cash, card or
    other, `document_type` receipt, refund or other; amounts are as printed, without currency.
    """

    items: tuple[Item, ...] = ()
    merchant: str | None = None
    purchased_on: str | None = None
    currency: str | None = None
    total: str | None = None
    document_type: str | None = None
    purchased_at: str | None = None
    receipt_number: str | None = None
    payment_method: str | None = None
    subtotal: str | None = None
    taxes: tuple[str, ...] = ()
    tip: str | None = None
    service_charge: str | None = None
    rounding: str | None = None
    country: str | None = None  # the currency says what is known of it


NOTHING = Reading()


def read_receipt(image: bytes, categories: Sequence[str] = ()) -> Reading:
    """Reads the one image of a receipt; see `read_images`."""
    return read_images([image], categories)


def read_images(images: Sequence[bytes], categories: Sequence[str] = ()) -> Reading:
    """Reads the images of one receipt (of `loader.image_formats.FORMATS`, upright): its pages or pieces, in order.

    `categories` are the names to choose from; what belongs to none of them becomes the last one. Empty: those of
    the seed. Never raises on an image, whatever it holds.
    """
    return reading_of_rows(rows_of_pages([ocr.read_page(image) for image in images]), categories)


def reading_of(boxes: Sequence[ocr.TextBox], categories: Sequence[str] = ()) -> Reading:
    """What the pieces of text on an image say; `categories` as for `read_images`."""
    return reading_of_rows(rows_of(boxes), categories)


def reading_of_rows(rows: Sequence[Row], categories: Sequence[str] = ()) -> Reading:
    """What the rows of a receipt say; `categories` as for `read_images`."""
    if not rows:
        return NOTHING
    decimals = prints_decimals(rows)
    merchant = header.merchant_of(rows, decimals)
    currency = currency_of_receipt(rows, decimals)
    total = header.total_of(rows, decimals)
    shop = " ".join(row.text for row in header.head_of(rows, decimals))
    lines = items.lines_of(rows, decimals)
    charges = charges_of(rows, decimals)
    return Reading(
        tuple(Item(line.name, line.price, lexicon.category_of(line.name, shop, categories)) for line in lines),
        merchant,
        header.purchased_on(rows, month_first=currency == "USD"),
        currency,
        total.printed if total else None,
        purchase.document_type(rows, has_items=bool(lines)),
        purchase.purchased_at(rows),
        purchase.receipt_number(rows),
        purchase.payment_method(rows),
        charges.subtotal,
        charges.taxes,
        charges.tip,
        charges.service_charge,
        charges.rounding,
    )
