"""What people set right: rows of raw.corrections, each a field of a receipt or of one of its items.

Append-only: the latest row on a field counts, and a row `withdraw` takes one back, so that the one before it counts
again. Which ones count, and what they do to the marts, is dbt's: `int_corrections__standing` and what follows it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache

import duckdb

from loader.errors import CorrectionError
from loader.warehouse.correction_values import ITEM, LINKS, WITHDRAW, check_text, stored
from loader.warehouse.raw import moment

STANDING = "int_corrections__standing"
LAST_ITEM = 1_000_000
"""An item's number that no receipt comes near."""


@dataclass(frozen=True)
class Correction:
    """A row of raw.corrections. `value` None clears a field; `corrected_at` None: now, when it is appended.

    An item of an answer is named by `answer_id` and `item_number`, one that a person added by `item_number` alone,
    which is above those of every answer to the receipt.
    """

    receipt_id: str
    field: str
    value: str | None
    corrected_by: str
    answer_id: str | None = None
    item_number: int | None = None
    reason: str | None = None
    correction_id: str = ""
    corrected_at: datetime | None = None

    @property
    def place(self) -> tuple[object, ...]:
        """What it corrects: of two at one place the later counts."""
        of_item = (self.answer_id, self.item_number) if self.field in ITEM else ()
        other = (self.value,) if self.field in (*LINKS, WITHDRAW) else ()
        return (self.receipt_id, "link" if self.field in LINKS else self.field, *of_item, *other)


COLUMNS = (
    *("correction_id", "receipt_id", "answer_id", "item_number", "field"),
    *("value", "reason", "corrected_by", "corrected_at"),
)
_TYPES = {"item_number": "bigint[]", "corrected_at": "timestamp[]"}


def checked(correction: Correction) -> Correction:
    """The correction with its value as it is stored. Raises CorrectionError for what can be no correction.

    Whether it fits what is in the warehouse, `append` looks.
    """
    field, number, by = correction.field, correction.item_number, correction.corrected_by.strip()
    value = stored(field, correction.value)
    if (number is not None) != (field in ITEM):
        what = "wants an item_number" if field in ITEM else "is of the whole receipt: leave item_number empty"
        raise CorrectionError(f"{field} {what}")
    if number is not None and not 1 <= number <= LAST_ITEM:
        raise CorrectionError(f"item_number is {number}: items are counted from 1, to {LAST_ITEM:,} at most")
    if not by:
        raise CorrectionError("corrected_by is empty: say who corrects")
    check_text(by)
    check_text(correction.reason or "")
    return replace(correction, value=value, corrected_by=by)


def append(connection: duckdb.DuckDBPyConnection, corrections: Sequence[Correction]) -> list[Correction]:
    """Append those that are not there yet; gives them as they are stored. Part of the caller's transaction.

    One with the id of a row that is there is that row, and what was taken back is not taken back again. Raises
    CorrectionError, with `position` saying which of them, for one that fits nothing: nothing is to be committed then.
    """
    known = _Known(connection, corrections)
    at = moment(connection, "corrections")
    rows: list[Correction] = []
    for position, given in enumerate(corrections):
        try:
            correction = checked(given)
            if correction.correction_id in known.correction_ids or known.has_taken_back(correction):
                continue
            known.check(correction)
        except CorrectionError as error:
            error.position = position
            raise
        correction = replace(
            correction,
            correction_id=correction.correction_id or secrets.token_hex(12),
            corrected_at=correction.corrected_at or at + timedelta(microseconds=position),
        )
        known.note(correction)
        rows.append(correction)
    if rows:
        unnested = ", ".join(f"unnest(${name}::{_TYPES.get(name, 'varchar[]')})" for name in COLUMNS)
        values = {name: [getattr(row, name) for row in rows] for name in COLUMNS}
        connection.execute(f"insert into raw.corrections ({', '.join(COLUMNS)}) select {unnested}", values)
    return rows


def read_corrections(
    connection: duckdb.DuckDBPyConnection, receipt_ids: Iterable[str] | None = None, *, standing: bool = False
) -> list[Correction]:
    """All rows, or those on these receipts, in the order in which they were made; `standing`: those that count."""
    wanted = None if receipt_ids is None else list(receipt_ids)
    rows = connection.execute(
        f"select {', '.join(COLUMNS)} from {_standing() if standing else 'raw.corrections'} "
        "where $wanted::varchar[] is null or receipt_id in (select unnest($wanted::varchar[])) "
        "order by corrected_at, correction_id",
        {"wanted": wanted},
    ).fetchall()
    return [Correction(**dict(zip(COLUMNS, row, strict=True))) for row in rows]


@cache
def _standing() -> str:
    from loader.warehouse.dbt_sql import render

    return f"({render(STANDING, {'raw.corrections': 'raw.corrections'})})"


class _Known:
    """What corrections can be about: receipts, the answers to them, and corrections that are there."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, corrections: Sequence[Correction]) -> None:
        named = {one.receipt_id for one in corrections}
        linked = {one.value for one in corrections if one.field in LINKS and one.value}
        given = {one.correction_id for one in corrections if one.correction_id}
        there = read_corrections(connection, named)
        self._receipts = _among(connection, "raw.receipts", "receipt_id", named | linked)
        self._of_receipt = {one.correction_id: one.receipt_id for one in there if one.field != WITHDRAW}
        self.correction_ids = _among(connection, "raw.corrections", "correction_id", given)
        self._taken_back = {one.value for one in there if one.field == WITHDRAW}
        self._added = _added(there)
        self._to_add = _added(corrections)
        self._same = set[tuple[str, str | None]]()
        if linked:
            # receipts that people made one: of three in a row none would count
            stands = read_corrections(connection, None, standing=True)
            self._same = {(one.receipt_id, one.value) for one in stands if one.field == "same_as"}
        self._items = None
        if any(one.item_number is not None or one.answer_id for one in corrections):
            self._items = _answers(connection, named)

    def note(self, correction: Correction) -> None:
        """It is there from now on."""
        self.correction_ids.add(correction.correction_id)
        if correction.field == WITHDRAW:
            self._taken_back.add(correction.value)
        else:
            self._of_receipt[correction.correction_id] = correction.receipt_id
        if correction.field == "same_as":
            self._same.add((correction.receipt_id, correction.value))

    def has_taken_back(self, correction: Correction) -> bool:
        """Whether it takes back what was taken back before."""
        return correction.field == WITHDRAW and correction.value in self._taken_back

    def check(self, correction: Correction) -> None:
        """Raise CorrectionError when it fits nothing that is there."""
        receipt_id, value = correction.receipt_id, correction.value or ""
        if receipt_id not in self._receipts:
            raise CorrectionError(f"there is no receipt {receipt_id!r}: `loader show receipts --json` has their ids")
        if correction.field in LINKS and (value == receipt_id or value not in self._receipts):
            what = "is the receipt itself" if value == receipt_id else "is not there"
            raise CorrectionError(f"{correction.field} names {value!r}, which {what}: name the other receipt")
        if correction.field == "same_as" and self._is_chain(receipt_id, value):
            raise CorrectionError(f"{receipt_id!r} or {value!r} is one with another already: name the one that counts")
        if correction.field == WITHDRAW and self._of_receipt.get(value) != receipt_id:
            raise CorrectionError(f"this receipt has no correction {value!r}: `loader show corrections` has their ids")
        if correction.item_number is not None or correction.answer_id is not None:
            self._check_item(correction)

    def _is_chain(self, receipt_id: str, other_id: str) -> bool:
        return (
            any(
                {one, other} != {receipt_id, other_id} and (one == other_id or other == receipt_id)
                for one, other in self._same
            )
            or (other_id, receipt_id) in self._same
        )

    def _check_item(self, correction: Correction) -> None:
        if self._items is None:
            raise CorrectionError("nothing has been built that says what was read: run `make build` first")
        answers, number = self._items.get(correction.receipt_id, {}), correction.item_number
        if correction.answer_id is not None:
            if correction.answer_id not in answers:
                raise CorrectionError(f"this receipt has no answer {correction.answer_id!r}: see marts.answers")
            if number is not None and number > answers[correction.answer_id]:
                raise CorrectionError(f"that answer has {answers[correction.answer_id]} items, and no item {number}")
            return
        if (correction.receipt_id, number) in self._added:
            return  # an answer that has come since may have as many items: dbt numbers added ones after its own
        most = max(answers.values(), default=0)
        if number is not None and number <= most:
            raise CorrectionError(
                f"item {number} without answer_id is one that is added, and an answer has {most}: "
                f"name its answer, or number it from {most + 1}"
            )
        if (correction.receipt_id, number) not in self._to_add:
            raise CorrectionError(f"item {number} is added and has no price: give it one in a row of its own")


def _added(corrections: Iterable[Correction]) -> set[tuple[str, int | None]]:
    """Receipt and number of the items that these add."""
    return {(one.receipt_id, one.item_number) for one in corrections if one.field == "price" and not one.answer_id}


def _answers(connection: duckdb.DuckDBPyConnection, receipt_ids: set[str]) -> dict[str, dict[str, int]] | None:
    """Receipt -> answer -> how many items it has, by the last build; None when nothing has been built."""
    # looked up first: an error would end the transaction
    known = connection.execute(
        "select 1 from information_schema.tables where table_schema = 'marts' and table_name = 'answers'"
    ).fetchone()
    if known is None:
        return None
    rows = connection.execute(
        "select receipt_id, answer_id, item_count from marts.answers where receipt_id in (select unnest(?::varchar[]))",
        [list(receipt_ids)],
    ).fetchall()
    found: dict[str, dict[str, int]] = {}
    for receipt_id, answer_id, item_count in rows:
        found.setdefault(receipt_id, {})[answer_id] = item_count or 0
    return found


def _among(connection: duckdb.DuckDBPyConnection, table: str, column: str, values: set[str]) -> set[str]:
    rows = connection.execute(
        f"select distinct {column} from {table} where {column} in (select unnest(?::varchar[]))", [list(values)]
    ).fetchall()
    return {row[0] for row in rows}
