"""What `loader show receipt` and `loader show corrections` print, and the image that `--open` opens. Part of `cli`."""

from __future__ import annotations

import mimetypes
import tempfile
from pathlib import Path
from typing import Any

import click

from loader.errors import SourceError
from loader.marts.one_receipt import OneReceipt, find_receipt, read_receipt
from loader.sources import locations
from loader.sources.find_again import image_of
from loader.terminal import show_json, show_table
from loader.warehouse.corrections import COLUMNS, Correction, read_corrections
from loader.warehouse.duckdb_file import Warehouse

CORRECTION_COLUMNS = ("corrected_at", "corrected_by", "receipt_id", "answer_id", "item_number", "field", "value")
OWN_COLUMNS = tuple(name for name in CORRECTION_COLUMNS if name != "receipt_id")  # of one receipt
ITEM_COLUMNS = ("item_number", "name", "price_raw", "price", "currency", "category", "reason")
ANSWER_COLUMNS = ("is_current", "model", "status", "item_count", "answered_at", "job_id", "file_id", "line_number")
OFFER_COLUMNS = ("loaded_at", "source", "source_key", "location")


def show_receipt(warehouse: Warehouse, name: str, as_json: bool, is_opened: bool) -> None:
    """Print all that is known of the receipt that `name` means, and open its image if that is wanted."""
    with warehouse.transaction() as connection:
        one = read_receipt(connection, find_receipt(connection, name))
    if as_json:
        show_json(one.as_json())
    else:
        _print(one)
    if is_opened:
        open_image(one)


def show_corrections(warehouse: Warehouse, name: str | None, limit: int | None, as_json: bool) -> None:
    """Print what people set right, of one receipt or of all, the latest last."""
    with warehouse.transaction() as connection:
        wanted = None if name is None else [find_receipt(connection, name)]
        found = read_corrections(connection, wanted)
        standing = {one.correction_id for one in read_corrections(connection, wanted, standing=True)}
    shown = found if limit is None else found[-limit:]
    if as_json:
        show_json([{**_row(one, COLUMNS), "is_standing": one.correction_id in standing} for one in shown])
        return
    columns = ["counts", *CORRECTION_COLUMNS, "reason", "correction_id"]
    rows = [[one.correction_id in standing, *_row(one, columns[1:]).values()] for one in shown]
    show_table(columns, rows)
    if len(shown) < len(found):
        click.echo(f"{len(found) - len(shown):,} earlier ones: --limit shows them")
    elif not found:
        click.echo("nothing has been corrected: `loader review`, or `loader correct FILE.csv`")


def open_image(one: OneReceipt) -> None:
    """Open the receipt's image in the system's program for it. Raises SourceError where image or program is missing."""
    for place in one.locations:
        path = locations.path_of(place)
        if path.is_absolute() and path.is_file() and image_of(one.receipt_id, [place])[0] is not None:
            _launch(path)
            return
    image, reason = image_of(one.receipt_id, one.locations)
    if image is None:
        raise SourceError(f"the image of receipt {one.receipt_id[:12]} cannot be shown: {reason}")
    suffix = mimetypes.guess_extension(one.offers[0]["media_type"] or "") or ""
    with tempfile.NamedTemporaryFile(prefix=f"receipt-{one.receipt_id[:12]}-", suffix=suffix, delete=False) as file:
        file.write(image)
    click.echo(f"a copy of its image: {Path(file.name)}", err=True)
    _launch(Path(file.name))


def _launch(path: Path) -> None:
    if click.launch(str(path)):
        raise SourceError(f"this system has no program that opens images: open {path} in one of your own")


def _print(one: OneReceipt) -> None:
    reading = one.reading or {"receipt_id": one.receipt_id, "status": "not built yet: run `make build`"}
    show_table(["of the receipt", "value"], [[name, value] for name, value in reading.items() if value is not None])
    kept = [_cells(item, ITEM_COLUMNS) for item in (*one.items, *one.rejected)]
    for title, columns, rows in (
        ("Items", ITEM_COLUMNS, kept),
        ("Answers", ANSWER_COLUMNS, [_cells(answer, ANSWER_COLUMNS) for answer in one.answers]),
        ("Where it came from", OFFER_COLUMNS, [_cells(offer, OFFER_COLUMNS) for offer in one.offers]),
        (
            "Set right by people",
            OWN_COLUMNS,
            [list(_row(correction, OWN_COLUMNS).values()) for correction in one.corrections],
        ),
    ):
        if rows:
            click.echo()
            show_table([column.replace("_", " ") for column in columns], rows, title=title)


def _cells(row: dict[str, Any], columns: tuple[str, ...]) -> list[Any]:
    return [row.get(column) for column in columns]


def _row(correction: Correction, columns: tuple[str, ...] | list[str]) -> dict[str, Any]:
    return {name: getattr(correction, name) for name in columns}
