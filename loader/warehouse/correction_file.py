"""Corrections from a table that people keep: a CSV with the columns of raw.corrections, landed all or none."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime
from pathlib import Path

from loader.errors import CorrectionError, SourceError, system_trouble
from loader.warehouse.corrections import COLUMNS, Correction, append, checked, read_corrections
from loader.warehouse.duckdb_file import Warehouse, now

WANTED = ("receipt_id", "field", "value")


def land_file(warehouse: Warehouse, path: Path, corrected_by: str, reason: str | None = None) -> tuple[int, int]:
    """Append the rows of a CSV in one transaction: how many, and how many more said what stands already.

    `corrected_by` and `reason` are those of rows that have none of their own. Raises CorrectionError, naming the line,
    for a row that fits nothing; SourceError when the file is no such table.
    """
    rows = _rows(path, corrected_by, reason)
    places: dict[tuple[object, ...], int] = {}
    for line, row in rows:
        first = places.setdefault((row.correction_id, *row.place), line)
        if first != line:
            raise CorrectionError(f"{path.name}, line {line}: corrects what line {first} does; keep one of them")
    with warehouse.transaction() as connection:
        there = read_corrections(connection, {row.receipt_id for _, row in rows}, standing=True)
        values = {one.place: one.value for one in there}
        new = [
            (line, row)
            for line, row in rows
            if row.correction_id or row.place not in values or values[row.place] != row.value
        ]
        try:
            appended = append(connection, [row for _, row in new])
        except CorrectionError as error:
            raise CorrectionError(f"{path.name}, line {new[error.position or 0][0]}: {error}") from error
    return len(appended), len(rows) - len(appended)


def _rows(path: Path, corrected_by: str, reason: str | None) -> list[tuple[int, Correction]]:
    """Number of the line, and what it corrects. Raises CorrectionError, SourceError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is not UTF-8: save it as CSV in UTF-8") from error
    except FileNotFoundError as error:
        raise SourceError(f"there is no file {path}: name a CSV with the columns {', '.join(COLUMNS)}") from error
    except OSError as error:
        raise SourceError(system_trouble(f"cannot read {path}", error)) from error
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    table = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restkey="", strict=True)
    found: list[tuple[int, Correction]] = []
    try:
        names = [(name or "").strip().lower() for name in table.fieldnames or []]
        unknown = [name for name in names if name not in COLUMNS]
        if unknown or not set(WANTED) <= set(names):
            raise SourceError(
                f"{path} has the columns {', '.join(names) or 'none'}: it must have {', '.join(WANTED)} "
                f"and may have {', '.join(name for name in COLUMNS if name not in WANTED)}"
            )
        table.fieldnames = names
        for cells in table:
            if "" in cells:
                raise CorrectionError(
                    f"{path.name}, line {table.line_num}: more cells than columns: quote those with {delimiter!r}"
                )
            row = {name: (cell or "").strip() or None for name, cell in cells.items()}
            if any(row.values()):
                try:
                    found.append((table.line_num, _correction(row, corrected_by, reason)))
                except CorrectionError as error:
                    raise CorrectionError(f"{path.name}, line {table.line_num}: {error}") from error
    except csv.Error as error:
        raise SourceError(f"{path}, line {table.line_num}: no CSV ({error}): save it again as CSV") from error
    if not found:
        raise SourceError(f"{path} holds no rows below its columns: write a row a correction")
    return found


def _correction(row: dict[str, str | None], corrected_by: str, reason: str | None) -> Correction:
    number, at = row.get("item_number"), row.get("corrected_at")
    if number is not None and not re.fullmatch("[0-9]{1,9}", number):
        raise CorrectionError(f"item_number is {number[:30]!r}: write a whole number, or leave it empty")
    if not row["receipt_id"]:
        raise CorrectionError("receipt_id is empty: `loader show receipts --json` has their ids")
    return checked(
        Correction(
            receipt_id=row["receipt_id"],
            field=(row["field"] or "").lower(),
            value=row["value"],
            corrected_by=row.get("corrected_by") or corrected_by,
            answer_id=row.get("answer_id"),
            item_number=int(number) if number else None,
            reason=row.get("reason") or reason,
            correction_id=row.get("correction_id") or "",
            corrected_at=_moment(at) if at else None,
        )
    )


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError) as error:
        raise CorrectionError(
            f"corrected_at is {text!r}: write a moment like 2026-03-01 17:05, or leave it empty"
        ) from error
    if moment > now():
        raise CorrectionError(f"corrected_at is {text!r}, which is yet to come (UTC): leave it empty")
    return moment
