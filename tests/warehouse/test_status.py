"""What `loader status` tells: counts of the latest attempts, what is open, and the last runs."""

from __future__ import annotations

from datetime import datetime

from loader.warehouse.duckdb_file import Warehouse
from loader.warehouse.raw import append_load, append_receipts
from loader.warehouse.status import SHOWN_LOADS, RequestCount, Status, Unfinished, read_status
from tests.helpers.warehouses import receipt


def test_an_empty_warehouse_has_nothing_to_tell(warehouse: Warehouse) -> None:
    assert read_status(warehouse) == Status(receipts=0, lines=0, requests=[], unfinished=[], loads=[])


def test_of_a_request_the_latest_attempt_counts(warehouse: Warehouse) -> None:
    attempts = [
        ("a", 1, "answered"),
        ("b", 1, "missing"),
        ("b", 2, "answered"),
        ("c", 1, "missing"),
        ("c", 2, "failed"),
    ]
    with warehouse.transaction() as connection:
        for custom_id, attempt, state in attempts:
            row = [custom_id, attempt, state]
            connection.execute("insert into ledger.requests values ($1, $2, 'shard', $1, 'm', 10, $3)", row)
    assert read_status(warehouse).requests == [RequestCount(2, "m", "answered"), RequestCount(1, "m", "failed")]


def test_a_receipt_counts_once_and_what_has_not_landed_is_open(warehouse: Warehouse) -> None:
    deadline = datetime(2026, 3, 2, 8)
    with warehouse.transaction() as connection:
        append_receipts(connection, [receipt(), receipt(source_key="copy.jpg"), receipt(receipt_id="r2")], "load")
        for shard_id, state, expires_at in (("1", "landed", None), ("2", "submitted", deadline)):
            row = [shard_id, state, expires_at]
            connection.execute(
                "insert into ledger.shards "
                "values ($1, 'api', 'm', 'p', 's', 'load', $2, 3, 1, 0, null, 'j', $3, now())",
                row,
            )
    told = read_status(warehouse)
    assert told.receipts == 2
    assert told.unfinished == [Unfinished("2", 3, "api", "submitted", "j", deadline)]


def test_the_last_loads_are_told_by_their_latest_state(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        for number in range(SHOWN_LOADS + 1):
            append_load(connection, f"load-{number}", "s", "m", "p", "started")
        append_load(connection, "load-3", "s", "m", "p", "finished")
    loads = [(load.load_id, load.status) for load in read_status(warehouse).loads]
    assert loads == [("load-3", "finished"), *((f"load-{number}", "started") for number in (5, 4, 2, 1))]
