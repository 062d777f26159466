"""Reads receipts without a model: OCR, rows, lines with their amounts, categories from a lexicon.

It does honest work and knows its limits: what it can't read isn't there in its answer. Whatever the bytes are,
`read_images` answers; an image without items gives none. The heavy libraries load with the first image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loader.embedded_api.reader import categories as lexicon
from loader.embedded_api.reader import header, ocr, purchase
from loader.embedded_api.reader.amounts import Amount, prints_decimals
from loader.embedded_api.reader.balance import Settled, settled
from loader.embedded_api.reader.currency import origin_of
from loader.embedded_api.reader.merchant import merchant_of
from loader.embedded_api.reader.rows import Row, rows_of_pages

TILTS = (0.0, 0.03, -0.03, 0.06, -0.06)  # pixels a pixel


@dataclass(frozen=True)
class Item:
    """A line that was bought: `price` is the amount of the line as printed, without currency (`1,020.00`, `-5.00`)."""

    name: str
    price: str
    classification: str


@dataclass(frozen=True)
class Reading:
    """What a receipt says; what it doesn't say, or can't be read, is None or missing.

    `purchased_on` is an ISO date, `purchased_at` HH:MM, `currency` an ISO 4217 code where it or a sign of it is
    printed, `country` an ISO 3166 code where an address, a number or the language shows it, `payment_method` cash,
    card or other, `document_type` receipt, refund, card_slip or other; amounts are as printed, without currency.
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
    country: str | None = None


NOTHING = Reading()


def read_receipt(image: bytes, categories: Sequence[str] = ()) -> Reading:
    """Reads the one image of a receipt; see `read_images`."""
    return read_images([image], categories)


def read_images(images: Sequence[bytes], categories: Sequence[str] = ()) -> Reading:
    """Reads the images of one receipt (of `loader.image_formats.FORMATS`, upright): its pages or pieces, in order.

    `categories` are the names to choose from; what belongs to none of them becomes the last one. Empty: those of
    the seed. Never raises on an image, whatever it holds.
    """
    return reading_of_pages([ocr.read_page(image) for image in images], categories)


def reading_of(boxes: Sequence[ocr.TextBox], categories: Sequence[str] = ()) -> Reading:
    """What the pieces of text on an image say; `categories` as for `read_images`."""
    return reading_of_pages([ocr.Page(tuple(boxes))], categories)


def reading_of_pages(pages: Sequence[ocr.Page], categories: Sequence[str] = ()) -> Reading:
    """What the pages of a receipt say; `categories` as for `read_images`.

    Where the amounts do not add up as the rows lie, those of bent paper are tried: amounts a little higher or lower.
    """
    likeliest: tuple[list[Row], bool, Settled] | None = None
    for tilt in TILTS:
        rows = rows_of_pages(pages, tilt)
        decimals = prints_decimals(rows)
        money = settled(rows, decimals)
        if likeliest is None or money.is_balanced:
            likeliest = (rows, decimals, money)
        if money.is_balanced:
            break
    return _reading(*likeliest, categories) if likeliest and likeliest[0] else NOTHING


def _reading(rows: Sequence[Row], decimals: bool, money: Settled, categories: Sequence[str]) -> Reading:
    origin = origin_of(rows, decimals)
    shop = " ".join(row.text for row in header.head_of(rows, decimals))
    charges = money.charges
    kind = purchase.document_type(rows, [line.name for line in money.lines])
    lines = () if kind == "card_slip" else money.lines
    return Reading(
        tuple(Item(line.name, line.price, lexicon.category_of(line.name, shop, categories)) for line in lines),
        merchant_of(rows, decimals),
        header.purchased_on(rows, month_first=origin.currency == "USD"),
        origin.printed_currency,
        _printed(money.total),
        kind,
        purchase.purchased_at(rows),
        purchase.receipt_number(rows),
        purchase.payment_method(rows, decimals),
        _printed(charges.subtotal),
        tuple(tax.printed for tax in charges.taxes),
        _printed(charges.tip),
        _printed(charges.service_charge),
        _printed(charges.rounding),
        origin.country,
    )


def _printed(amount: Amount | None) -> str | None:
    return amount.printed if amount else None
