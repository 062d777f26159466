"""Which receipts are worth a second opinion: those whose reading does not add up, by what dbt built last."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from loader.errors import WarehouseError


@dataclass(frozen=True)
class Doubtful:
    """Receipts that a stronger model may read better. `is_stale`: more has landed since they were judged."""

    receipt_ids: frozenset[str]
    is_stale: bool


def doubtful_receipts(connection: duckdb.DuckDBPyConnection, source: str, model: str) -> Doubtful:
    """Those that are `off`, `unreadable`, `truncated` or `empty` and that neither this model nor a person has answered.

    Not those of which another image counts, nor those that this model is being asked about, whatever the question.

    Raises WarehouseError when nothing has been built that says so.
    """
    try:
        found = connection.execute(
            """
            select receipt_id
            from marts.receipts
            where source = $source
                and (reconciliation = 'off' or status in ('unreadable', 'truncated', 'empty'))
                and status not in ('duplicate', 'replaced')
                and receipt_id not in (
                    select receipt_id from raw.corrections
                    where field <> 'withdraw'
                        and correction_id not in (select value from raw.corrections where field = 'withdraw')
                )
                and receipt_id not in (
                    select receipt_id from ledger.requests
                    where model = $model and state in ('planned', 'sent', 'answered', 'unreadable', 'truncated')
                )
            """,
            {"source": source, "model": model},
        ).fetchall()
        stale = connection.execute(
            """
            select max(landed_at) > (select min(started_at) from audit.build_results where kind = 'model')
            from raw.batch_output
            """
        ).fetchone()
    except duckdb.CatalogException as error:
        raise WarehouseError(
            "nothing has been built that says which receipts add up: run `make build` first"
        ) from error
    return Doubtful(frozenset(receipt_id for (receipt_id,) in found), bool(stale and stale[0]))
