"""What the page can ask for and do, each in one short step on the warehouse, which is free for others in between."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb

from loader import seeds
from loader.errors import CorrectionError, WarehouseError
from loader.formats import money
from loader.marts.review.queue import DOUBTS, read_options, read_proven, read_queue
from loader.marts.review.reading import items_of, plain, read_one, read_places
from loader.marts.review.rules import Price, Rules
from loader.warehouse.correction_values import AMOUNTS, PAYMENT_METHODS, UNKNOWN_CURRENCY
from loader.warehouse.corrections import Correction, append, read_corrections
from loader.warehouse.duckdb_file import Warehouse

PRICED = ("price", *AMOUNTS)
MOST_AT_ONCE = 1000
BULK_FIELDS = ("currency", "category")


class ChangedError(CorrectionError):
    """Somebody else has corrected the receipt since it was looked at."""


@dataclass
class Desk:
    """The page's side of a warehouse. `by`: who corrects."""

    warehouse: Warehouse
    by: str

    def __post_init__(self) -> None:
        with self.warehouse.transaction() as connection:
            if not _is_built(connection):
                raise WarehouseError("nothing has been built that could be reviewed: run `make` first")
            self._rules = Rules(connection.sql("from reference.currencies").to_arrow_table())

    def options(self) -> dict[str, Any]:
        """What does not change while one works."""
        with self.warehouse.transaction() as connection:
            found = read_options(connection)
        return {
            **found,
            "category": [category.name for category in seeds.categories()],
            "currencies": sorted({*seeds.currency_symbols(), UNKNOWN_CURRENCY}),
            "payment_methods": PAYMENT_METHODS,
            "doubt": DOUBTS,
            "by": self.by,
            "desk": hashlib.sha256(str(self.warehouse.path).encode()).hexdigest()[:8],
        }

    def queue(self, state: str, filters: dict[str, str | None], offset: int) -> dict[str, Any]:
        """A page of the queue."""
        with self.warehouse.transaction() as connection:
            page = read_queue(connection, state, filters, offset)
        return {"rows": [_row(row) for row in page.rows], "count": page.count}

    def proven(self) -> list[dict[str, Any]]:
        """How much of the spend is proven, by currency."""
        with self.warehouse.transaction() as connection:
            found = read_proven(connection)
        return [
            {
                "currency": one.currency,
                "share": float(one.proven / one.spend) if one.spend else None,
                "proven": money(one.proven, one.currency),
                "spend": money(one.spend, one.currency),
                "receipts": one.receipts,
            }
            for one in found
        ]

    def receipt(self, receipt_id: str) -> dict[str, Any]:
        """One receipt, as read and as corrected so far."""
        with self.warehouse.transaction() as connection:
            return read_one(connection, receipt_id)

    def places(self, receipt_id: str) -> list[str]:
        """Where its image may lie."""
        with self.warehouse.transaction() as connection:
            return read_places(connection, receipt_id)

    def verdict(self, typed: dict[str, Any]) -> dict[str, Any]:
        """What is typed means, and whether it adds up.

        `typed`: `currency`, `payment_method`, `amounts` (field -> text) and `items`, each with its `price` as text;
        `is_plain` where that is a plain decimal already.
        """
        currency = typed.get("currency") or UNKNOWN_CURRENCY
        items, amounts = typed.get("items") or [], typed.get("amounts") or {}
        texts = [item["price"] for item in items if item.get("price") and not item.get("is_plain")]
        texts += [one["text"] for one in amounts.values() if one.get("text") and not one.get("is_plain")]
        known = self._rules.prices(texts, currency)

        def read(text: str | None, is_plain: bool) -> Price | None:
            if not text or not text.strip():
                return None
            return Price(Decimal(text), False, None) if is_plain else known[text]

        prices = [read(item.get("price"), bool(item.get("is_plain"))) for item in items]
        values = {name: read(one.get("text"), bool(one.get("is_plain"))) for name, one in amounts.items()}
        verdict = self._rules.verdict(
            currency,
            typed.get("payment_method"),
            [price.amount for price in prices if price is not None and price.amount is not None],
            {name: value.amount for name, value in values.items() if value is not None and value.amount is not None},
        )
        return {
            "items": [_price(price, currency) for price in prices],
            "amounts": {name: _price(value, currency) for name, value in values.items()},
            "reconciliation": verdict.reconciliation,
            "unexplained": None if verdict.unexplained is None else money(verdict.unexplained, currency),
            "spend": money(verdict.spend, currency),
        }

    def correct(self, receipt_id: str, sent: dict[str, Any]) -> dict[str, Any]:
        """Append corrections of one receipt. Raises CorrectionError, ChangedError.

        `sent`: `corrections`, each with the id that the page gave it, `field`, `value` (prices as typed, in `currency`)
        and what item it is about; `seen`, the ids of those that stood when the page looked; `reason`.
        """
        currency = sent.get("currency") or UNKNOWN_CURRENCY
        corrections = []
        for position, one in enumerate(sent["corrections"]):
            try:
                corrections.append(self._correction(receipt_id, one, currency, sent.get("reason")))
            except CorrectionError as error:
                error.position = position
                raise
        with self.warehouse.transaction() as connection:
            standing = {one.correction_id for one in read_corrections(connection, [receipt_id], standing=True)}
            own = {one.correction_id for one in corrections}
            if sent.get("seen") is not None and not standing <= {*sent["seen"], *own}:
                raise ChangedError("somebody else has corrected this receipt meanwhile: look at it again")
            append(connection, corrections)
        return {"saved": [one.correction_id for one in corrections]}

    def _correction(self, receipt_id: str, sent: dict[str, Any], currency: str, reason: str | None) -> Correction:
        value = sent.get("value")
        if sent["field"] in PRICED and value:
            price = self._rules.prices([value], currency)[value]
            if price.amount is None:
                raise CorrectionError(f"{sent['field']} {value!r}: {price.reason}")
            value = plain(price.amount, currency)
        return Correction(
            receipt_id=receipt_id,
            field=sent["field"],
            value=value,
            corrected_by=self.by,
            answer_id=sent.get("answer_id"),
            item_number=sent.get("item_number"),
            reason=reason or None,
            correction_id=sent["correction_id"],
        )

    def correct_many(self, sent: dict[str, Any]) -> dict[str, Any]:
        """One currency or category for all receipts that are selected. Raises CorrectionError."""
        field, value, receipt_ids = sent["field"], sent["value"], list(dict.fromkeys(sent["receipt_ids"]))
        if field not in BULK_FIELDS:
            raise CorrectionError(f"{field} cannot be set for several: set {' or '.join(BULK_FIELDS)}")
        if len(receipt_ids) > MOST_AT_ONCE:
            raise CorrectionError(f"{len(receipt_ids):,} receipts at once: select at most {MOST_AT_ONCE:,}")
        with self.warehouse.transaction() as connection:
            places: list[tuple[str, str | None, int | None]] = [(receipt_id, None, None) for receipt_id in receipt_ids]
            if field == "category":
                places = [(one, answer, number) for one, answer, number in items_of(connection, receipt_ids)]
            saved = append(
                connection,
                [
                    Correction(receipt_id, field, value, self.by, answer_id=answer_id, item_number=number)
                    for receipt_id, answer_id, number in places
                ],
            )
        return {"saved": [[one.receipt_id, one.correction_id] for one in saved]}


def _is_built(connection: duckdb.DuckDBPyConnection) -> bool:
    wanted = ["receipts", "int_answers__corrected"]  # an older version made marts without corrections
    found = connection.execute(
        "select count(*) from information_schema.tables where table_name in (select unnest(?::varchar[])) "
        "and table_schema in ('marts', 'intermediate')",
        [wanted],
    ).fetchall()
    return bool(found[0][0] == len(wanted))


def _row(row: dict[str, Any]) -> dict[str, Any]:
    currency = row["currency"]
    kept = ("receipt_id", "merchant", "currency", "status", "source_key", "is_done", "is_corrected", "doubt")
    amount = row["total"] if row["total"] is not None else row["spend"]
    return {
        **{name: row[name] for name in kept},
        "purchased_on": row["purchased_on"] and str(row["purchased_on"]),
        "amount": None if amount is None else money(amount, currency),
        "unexplained": money(row["unexplained"], currency) if row["unexplained"] else None,
    }


def _price(price: Price | None, currency: str) -> dict[str, Any] | None:
    if price is None:
        return None
    return {
        "amount": plain(price.amount, currency),
        "shown": None if price.amount is None else money(price.amount, currency),
        "is_ambiguous": price.is_ambiguous,
        "reason": price.reason,
    }
