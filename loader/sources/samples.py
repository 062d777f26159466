"""Sample receipts, drawn with Pillow: a newcomer sees the whole path in a minute, and tests know the truth.

The same number and seed give the same bytes on one machine, and a sample depends on these two alone: more
samples begin with the same ones. Shops and goods stand in `samples.toml`. A sample is rung up (`_ring_up`),
laid out as rows of print (`_slip`), and photographed (`sample_photos`). One of the first twelve is a weekly shop on a
strip several times as high as wide, one a HEIC photo, one a PDF of two pages.

The label is JSON with amounts as printed. Discounts and returned deposits are line items with negative
amounts; taxes, service, rounding, totals and payments are no items. Beside the keys of the public dataset it
has `currency`, `service`, `rounding`, `tax_included`, and per item its `category`.
"""

from __future__ import annotations

import json
import math
import random
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from loader import owned_folder
from loader.errors import SourceError, system_trouble
from loader.sources.sample_photos import Cell, Row, photograph, scan

SEED = 7
DEFAULT_COUNT = 12
STRIP, HEIC, PDF = 3, 7, 12  # the numbers of those that are something else than an ordinary photograph
ITEMS_ON_STRIP = 48
# No reader of HEIC that is free to ship can write it, so this one is a file: `photographs` draws sample 7, and
# `pillow_heif` 1.8 (x265) wrote it, in an environment of its own, with `image.save(path, "HEIF", quality=40)`.
_HEIC_FILE = Path(__file__).with_name("sample-07.heic")
_GOODS = Path(__file__).with_name("samples.toml")


def _is_older(directory: Path) -> bool:
    """Whether files of these names are samples of version 0.1: by the columns of the table, which it wrote last."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        names: list[str] = pq.read_schema(directory / "receipts.parquet").names
    except (OSError, pa.ArrowException):
        return False
    return names == ["image", "receiptId", "text"]


FOLDER = owned_folder.Kind(
    "samples", files=r"sample-\d{2,}\.(?:jpg|heic|pdf)|labels\.jsonl|receipts\.parquet", is_older=_is_older
)


@dataclass(frozen=True)
class Sample:
    """A drawn receipt: a file (JPEG, HEIC or PDF) and its label as JSON text. The fields are the public dataset's
    columns."""

    receiptId: str
    image: bytes
    text: str

    @property
    def file_name(self) -> str:
        """Under which it is written to a folder."""
        suffix = ".pdf" if self.image.startswith(b"%PDF") else ".heic" if self.image[4:8] == b"ftyp" else ".jpg"
        return self.receiptId + suffix


def draw(count: int = DEFAULT_COUNT, seed: int = SEED) -> Iterator[Sample]:
    """That many samples, `sample-01` onwards, no two alike; each is drawn only when it is asked for."""
    for number in range(1, count + 1):
        yield one(number, seed)


def one(number: int, seed: int = SEED) -> Sample:
    """The sample of this number, counted from 1."""
    if number == STRIP:
        return strip(ITEMS_ON_STRIP, seed, number)
    if number == PDF:
        return _sample(number, seed, lambda rows, rng: scan([rows[: len(rows) // 2], rows[len(rows) // 2 :]], rng))
    if number == HEIC and seed == SEED:
        return _sample(number, seed, lambda rows, rng: _HEIC_FILE.read_bytes())
    return _sample(number, seed, photograph)


def photographs(count: int, seed: int = SEED) -> Iterator[Sample]:
    """The same, all of them JPEGs of ordinary receipts."""
    for number in range(1, count + 1):
        yield _sample(number, seed, photograph)


def scans(count: int, seed: int = SEED) -> Iterator[Sample]:
    """The same, all of them PDFs of one page."""
    for number in range(1, count + 1):
        yield _sample(number, seed, lambda rows, rng: scan([rows], rng))


def strip(items: int, seed: int = SEED, number: int = STRIP) -> Sample:
    """The photograph of a weekly shop: so many lines were bought."""
    return _sample(number, seed, photograph, items)


def _sample(number: int, seed: int, made: Callable[[list[Row], random.Random], bytes], items: int = 0) -> Sample:
    rng = random.Random(f"{seed}/{number}")
    sale = _ring_up(_shops()[(number - 1) % len(_shops())], rng, items)
    rows = list(_slip(sale, rng))
    return Sample(f"sample-{number:02}", made(rows, rng), json.dumps(_label(sale)))


def write_folder(directory: Path, count: int = DEFAULT_COUNT, seed: int = SEED) -> int:
    """Writes samples into a folder (made if need be): their images, `labels.jsonl`, and `receipts.parquet`
    with both.

    Gives the number written. Raises SourceError when the folder cannot be written, NotOursError when it holds anything
    but samples.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    # The note by which `datasets` shows a column of bytes as images.
    note = {
        "info": {
            "features": {"image": {"_type": "Image"}}
            | {column: {"dtype": "string", "_type": "Value"} for column in ("receiptId", "text")}
        }
    }
    schema = pa.schema(
        [("image", image), ("receiptId", pa.string()), ("text", pa.string())],
        metadata={"huggingface": json.dumps(note)},
    )
    try:
        owned_folder.claim(directory, FOLDER)
        with (
            (directory / "labels.jsonl").open("w", encoding="utf-8") as labels,
            (directory / "receipts.parquet").open("wb") as file,  # Arrow takes no name that is not UTF-8
            pq.ParquetWriter(file, schema) as table,
        ):
            for sample in draw(count, seed):
                name = sample.file_name
                (directory / name).write_bytes(sample.image)
                labels.write(json.dumps({"receiptId": sample.receiptId, "text": sample.text}) + "\n")
                row = {
                    "image": {"bytes": sample.image, "path": name},
                    "receiptId": sample.receiptId,
                    "text": sample.text,
                }
                table.write_batch(pa.RecordBatch.from_pylist([row], schema=schema))
    except OSError as error:
        raise SourceError(system_trouble(f"cannot write samples to {directory}", error)) from error
    return count


# The sale


@dataclass(frozen=True)
class _Item:
    """A line of the sale; money in the smallest unit printed. `price` is per piece, None where none is
    printed."""

    name: str
    category: str
    amount: int
    quantity: int = 1
    price: int | None = None
    code: str = ""


@dataclass(frozen=True)
class _Sale:
    shop: dict[str, Any]
    when: datetime
    items: list[_Item]
    subtotal: int
    service: int
    tax: int
    rounding: int
    total: int

    def money(self, amount: int, prefix: str = "") -> str:
        """An amount as this shop prints it."""
        style = self.shop["money"]
        whole, fraction = divmod(abs(amount), 10 ** style["decimals"])
        text = f"{whole:,}".replace(",", style["group"])
        if style["decimals"]:
            text += f"{style['decimal']}{fraction:0{style['decimals']}}"
        text = prefix + text
        return self.shop["minus"].format(amount=text) if amount < 0 else text

    def item_money(self, amount: int) -> str:
        return self.money(amount, self.shop["money"]["item_prefix"])

    def total_money(self, amount: int) -> str:
        return self.money(amount, self.shop["money"]["total_prefix"])


@cache
def _shops() -> list[dict[str, Any]]:
    shops: list[dict[str, Any]] = tomllib.loads(_GOODS.read_text(encoding="utf-8"))["shop"]
    return shops


def _ring_up(shop: dict[str, Any], rng: random.Random, lines: int = 0) -> _Sale:
    """A sale in this shop: some of its goods, now and then several pieces, a discount where it gives any.

    `lines`: so many goods, in sizes and kinds, for a weekly shop.
    """
    items: list[_Item] = []
    goods = rng.sample(shop["goods"], rng.randint(4, len(shop["goods"]) - 1))
    if lines:
        kinds = [[f"{name} {kind}", *more] for kind in shop["kinds"] for name, *more in shop["goods"]]
        goods = rng.sample(kinds, lines)
    for name, category, low, high, step in goods:
        price, quantity = rng.randrange(low, high + 1, step), rng.choice((1, 1, 1, 2, 2, 3))
        code = f"{rng.randrange(10**5, 10**6)}" if shop.get("codes") else ""
        items.append(_Item(name, category, price * quantity, quantity, price, code))
    if discount := shop.get("discount"):
        text, per_cent = discount
        at = rng.randrange(len(items))
        items.insert(at + 1, _Item(text, "Other", -round(items[at].amount * per_cent / 100)))
    if extra := shop.get("extra"):
        text, category, price, most = extra
        items.append(_Item(text, category, -price * rng.randint(2, most)))

    subtotal = sum(item.amount for item in items)
    service = round(subtotal * shop["service"][1] / 100) if "service" in shop else 0
    rate = shop["tax"][1] if "tax" in shop else 0
    if shop.get("tax_included"):
        tax, due = round(subtotal * rate / (100 + rate)), subtotal + service
    else:
        tax = round((subtotal + service) * rate / 100)
        due = subtotal + service + tax
    step = shop["rounding"][1] if "rounding" in shop else 1
    total = round(due / step) * step
    # Days after the 12th: no reader can take the month for the day.
    when = datetime(2025, rng.randint(1, 12), rng.randint(13, 28)) + timedelta(minutes=rng.randint(480, 1320))
    return _Sale(shop, when, items, subtotal, service, tax, total - due, total)


def _label(sale: _Sale) -> dict[str, Any]:
    shop = sale.shop
    return {
        "store_name": shop["name"],
        "store_addr": ", ".join(shop["address"]),
        "telephone": shop["phone"],
        "date": f"{sale.when:%Y-%m-%d}",
        "time": f"{sale.when:%H:%M}",
        "currency": shop["currency"],
        "subtotal": sale.item_money(sale.subtotal) if "subtotal" in shop else None,
        "service": sale.item_money(sale.service) if "service" in shop else None,
        "tax": sale.item_money(sale.tax) if "tax" in shop else None,
        "tax_included": bool(shop.get("tax_included")),
        "rounding": sale.item_money(sale.rounding) if "rounding" in shop else None,
        "total": sale.total_money(sale.total),
        "line_items": [
            {
                "item_key": item.code,
                "item_name": item.name,
                "item_value": sale.item_money(item.amount),
                "item_quantity": item.quantity,
                "category": item.category,
            }
            for item in sale.items
        ],
    }


# The rows of print

_GAP = Row(height=0.5)
_RULE = Row(height=0.6, rule=True)


def _centred(text: str, height: float = 1.0, bold: bool = False) -> Row:
    return Row((Cell(0.5, "m", text),), height, bold)


def _pair(left: str, right: str, height: float = 1.0, bold: bool = False) -> Row:
    return Row((Cell(0.0, "l", left), Cell(1.0, "r", right)), height, bold)


def _slip(sale: _Sale, rng: random.Random) -> Iterator[Row]:
    """The rows of print, from the shop's name to its thanks."""
    shop = sale.shop
    yield _centred(shop["name"], 1.4, bold=True)
    for text in (*shop["address"], f"Tel {shop['phone']}"):
        yield _centred(text)
    yield _GAP
    yield _pair(sale.when.strftime(shop["date"]), f"{sale.when:%H:%M}")
    yield _pair(f"No. {rng.randrange(10**5):06}", f"POS {rng.randint(1, 9):02}")
    yield _RULE
    yield from _item_rows(sale)
    yield _RULE
    yield from _total_rows(sale)
    yield _pair(shop["total"], sale.total_money(sale.total), 1.3, bold=True)
    if "card" in shop:
        yield _pair(f"{shop['card']} **** {rng.randrange(10**4):04}", sale.item_money(sale.total))
    else:
        note = rng.choice([note for note in shop["notes"] if note <= 2 * sale.total] or shop["notes"][:1])
        given = math.ceil(sale.total / note) * note
        yield _pair(shop["paid"][0], sale.item_money(given))
        yield _pair(shop["paid"][1], sale.item_money(given - sale.total))
    if shop.get("tax_included"):
        yield _GAP
        yield _pair(shop["tax"][0], sale.item_money(sale.tax))
    yield _GAP
    for text in shop["footer"]:
        yield _centred(text)


def _total_rows(sale: _Sale) -> Iterator[Row]:
    """What stands between the items and the total."""
    shop = sale.shop
    if "subtotal" in shop:
        yield _pair(shop["subtotal"], sale.item_money(sale.subtotal))
    if "service" in shop:
        yield _pair(shop["service"][0], sale.item_money(sale.service))
    if "tax" in shop and not shop.get("tax_included"):
        yield _pair(shop["tax"][0], sale.item_money(sale.tax))
    if "rounding" in shop:
        yield _pair(shop["rounding"][0], sale.item_money(sale.rounding))


def _item_rows(sale: _Sale) -> Iterator[Row]:
    if sale.shop["layout"] == "columns":
        ends = ((0.0, "l"), (0.11, "l"), (0.76, "r"), (1.0, "r"))
        yield Row(tuple(Cell(*end, text) for end, text in zip(ends, sale.shop["headers"], strict=True)))
        yield _RULE
        for item in sale.items:
            counted = str(item.quantity) if item.price is not None else ""
            each = sale.item_money(item.price) if item.price is not None else ""
            texts = (counted, item.name, each, sale.item_money(item.amount))
            yield Row(tuple(Cell(*end, text) for end, text in zip(ends, texts, strict=True)))
        return
    for item in sale.items:
        amount = sale.item_money(item.amount)
        name = f"{item.code} {item.name}" if item.code else item.name
        if item.price is None:
            yield _pair(name, amount)
            continue
        count = sale.shop["quantity"].format(quantity=item.quantity, price=sale.item_money(item.price))
        if sale.shop["layout"] == "under":
            yield Row((Cell(0.0, "l", name),))
            yield Row((Cell(0.06, "l", count), Cell(1.0, "r", amount)))
        else:
            yield _pair(name, amount)
            if item.quantity > 1:
                yield Row((Cell(0.06, "l", count),))
