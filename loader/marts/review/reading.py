"""What was read of one receipt, as the page shows it, and what a person made of it so far."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import duckdb

from loader.errors import WarehouseError
from loader.seeds import currency_decimals
from loader.warehouse.correction_values import AMOUNTS, HEADER
from loader.warehouse.corrections import read_corrections

_DECIMALS = 2


def plain(amount: Decimal | None, currency: str) -> str | None:
    """An amount as a person would type it: a plain decimal with as many places as its currency prints."""
    if amount is None:
        return None
    least = currency_decimals().get(currency, 0 if amount == amount.to_integral_value() else _DECIMALS)
    normal = amount.normalize()
    places = max(least, -int(normal.as_tuple().exponent), 0)
    return f"{normal:.{places}f}"


def read_one(connection: duckdb.DuckDBPyConnection, receipt_id: str) -> dict[str, Any]:
    """The receipt as the last build read it, and the corrections that stand now. Raises WarehouseError."""
    receipts = _rows(connection, "from marts.receipts where receipt_id = ?", receipt_id)
    if not receipts:
        raise WarehouseError(f"the last build has no receipt {receipt_id[:12]}: `make build` brings in what is new")
    (receipt,) = receipts
    answers = _rows(connection, "from intermediate.int_answers__ranked where receipt_id = ? and is_current", receipt_id)
    answer = answers[0] if answers else {}
    currency = answer.get("currency") or receipt["currency"]
    items = _rows(
        connection,
        "from intermediate.int_items__valued where answer_id = ? order by item_number",
        answer.get("answer_id"),
    )
    (most,) = connection.execute(
        "select coalesce(max(item_count), 0) from intermediate.int_answers__ranked where receipt_id = ?", [receipt_id]
    ).fetchone() or (0,)
    standing = read_corrections(connection, [receipt_id], standing=True)
    return {
        "receipt_id": receipt_id,
        **{name: receipt[name] for name in ("source", "source_key", "status", "model", "duplicate_of")},
        "answer_id": answer.get("answer_id"),
        "most_items": most,
        "header": {name: _text(answer.get(name), name, currency) for name in HEADER} | {"currency": currency},
        "items": [_item(item, currency) for item in items],
        "corrections": [
            {
                **{
                    name: getattr(one, name) for name in ("correction_id", "field", "value", "answer_id", "item_number")
                },
                "corrected_by": one.corrected_by,
                "corrected_at": f"{one.corrected_at:%Y-%m-%d %H:%M}",
            }
            for one in standing
        ],
        "suspected": _rows(
            connection,
            "select duplicate_of, why, is_certain from marts.duplicates where receipt_id = ?",
            receipt_id,
        ),
        "rejected_reason": _first(
            connection,
            "select rejected_reason from raw.receipts where receipt_id = ? order by loaded_at desc limit 1",
            receipt_id,
        ),
    }


def _item(item: dict[str, Any], currency: str) -> dict[str, Any]:
    kept = {name: item[name] for name in ("answer_id", "item_number", "name", "price_raw", "category", "reason")}
    return {**kept, "price": plain(item["price"], currency), "is_price_ambiguous": item["is_price_ambiguous"]}


def _text(value: Any, name: str, currency: str) -> str | None:
    if value is None:
        return None
    return plain(value, currency) if name in AMOUNTS else str(value)


def read_places(connection: duckdb.DuckDBPyConnection, receipt_id: str) -> list[str]:
    """Where its image was offered, the latest first."""
    rows = connection.execute(
        "select location from raw.receipts where receipt_id = ? and location is not null order by loaded_at desc",
        [receipt_id],
    ).fetchall()
    return [row[0] for row in rows]


def items_of(connection: duckdb.DuckDBPyConnection, receipt_ids: list[str]) -> list[tuple[str, str, int]]:
    """Receipt, answer and number of each item of these receipts that the last build kept as it was read."""
    return connection.execute(
        "select receipt_id, answer_id, item_number from intermediate.int_items__counted "
        "where receipt_id in (select unnest(?::varchar[])) and reason is null and not is_added order by all",
        [receipt_ids],
    ).fetchall()


def _rows(connection: duckdb.DuckDBPyConnection, query: str, value: str | None) -> list[dict[str, Any]]:
    result = connection.execute(query, [value])
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _first(connection: duckdb.DuckDBPyConnection, query: str, value: str) -> Any:
    row = connection.execute(query, [value]).fetchone()
    return row[0] if row else None
