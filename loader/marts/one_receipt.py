"""All that is known of one receipt: where it came from, what was answered, what counts, and what people set right."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from loader.errors import WarehouseError
from loader.warehouse.corrections import Correction, read_corrections

if TYPE_CHECKING:
    import duckdb

SHORTEST_ID = 6
NAMED = 5


@dataclass(frozen=True)
class OneReceipt:
    """Rows about a receipt, each as column -> value.

    `offers`: of raw.receipts, the latest first; `reading`, `items`, `rejected` and `answers`: of the marts, as the last
    build made them (none before the first); `corrections`: all, also those that were taken back.
    """

    receipt_id: str
    offers: list[dict[str, Any]]
    reading: dict[str, Any] | None
    items: list[dict[str, Any]]
    rejected: list[dict[str, Any]]
    answers: list[dict[str, Any]]
    corrections: list[Correction]

    @property
    def locations(self) -> list[str]:
        """Where its image was offered, the latest first."""
        return [offer["location"] for offer in self.offers if offer["location"]]

    def as_json(self) -> dict[str, Any]:
        """The same for machines."""
        return asdict(self)


def find_receipt(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    """The id of the receipt that is meant: its id or the beginning of it, its key in its source, or its location.

    Raises WarehouseError when there is none, or several.
    """
    found = connection.execute(
        """
        select distinct receipt_id
        from raw.receipts
        where receipt_id = $name
            or (length($name) >= $shortest and starts_with(receipt_id, lower($name)))
            or source_key = $name
            or location = $name
        order by receipt_id
        limit $most
        """,
        {"name": name, "shortest": SHORTEST_ID, "most": NAMED + 1},
    ).fetchall()
    ids = [receipt_id for (receipt_id,) in found]
    if not ids:
        raise WarehouseError(f"there is no receipt {name!r}: `loader show receipts` has their keys and ids")
    if len(ids) > 1:
        shown = ", ".join(one[:12] for one in ids[:NAMED]) + (", …" if len(ids) > NAMED else "")
        raise WarehouseError(f"{name!r} may be several receipts: name one by its id ({shown})")
    return str(ids[0])


def read_receipt(connection: duckdb.DuckDBPyConnection, receipt_id: str) -> OneReceipt:
    """All that the warehouse says of a receipt."""
    wanted = [receipt_id]
    reading = _of_mart(connection, "receipts", "receipt_id = ?", wanted)
    return OneReceipt(
        receipt_id,
        _rows(connection, "select * from raw.receipts where receipt_id = ? order by loaded_at desc", wanted),
        reading[0] if reading else None,
        _of_mart(connection, "receipt_items", "receipt_id = ? order by item_number", wanted),
        _of_mart(connection, "rejected_items", "receipt_id = ? order by item_number", wanted),
        _of_mart(
            connection, "answers", "receipt_id = ? order by is_current desc, answered_at desc, attempt desc", wanted
        ),
        read_corrections(connection, wanted),
    )


def _of_mart(connection: duckdb.DuckDBPyConnection, mart: str, where: str, values: list[Any]) -> list[dict[str, Any]]:
    known = connection.execute(
        "select 1 from information_schema.tables where table_schema = 'marts' and table_name = ?", [mart]
    ).fetchone()
    return _rows(connection, f"select * from marts.{mart} where {where}", values) if known else []


def _rows(connection: duckdb.DuckDBPyConnection, query: str, values: list[Any]) -> list[dict[str, Any]]:
    result = connection.execute(query, values)
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
