"""A warehouse of an older version is brought up to date, and nothing that it holds is lost; a newer one is refused."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from loader.errors import WarehouseError
from loader.warehouse.duckdb_file import Warehouse
from loader.warehouse.migrations import MIGRATIONS
from loader.warehouse.raw import append_receipts
from tests.helpers.warehouses import older_warehouse, receipt, rows


def test_preparing_twice_records_each_migration_once(warehouse: Warehouse) -> None:
    warehouse.prepare()
    assert rows(warehouse, "select version from ledger.migrations order by version") == [(m[0],) for m in MIGRATIONS]


def test_a_warehouse_of_an_older_version_is_brought_up_to_date(tmp_path: Path) -> None:
    with older_warehouse(tmp_path / "old.duckdb", version=1) as connection:
        connection.execute("insert into raw.loads values ('l', 's', 'm', 'p', 'finished', now()::timestamp)")
    warehouse = Warehouse(tmp_path / "old.duckdb")
    warehouse.prepare()
    assert rows(warehouse, "select count(*) from ledger.shards") == [(0,)]
    assert rows(warehouse, "select load_id from raw.loads") == [("l",)]


def test_an_older_warehouse_learns_the_one_name_of_an_api(tmp_path: Path) -> None:
    """Jobs that were made under another spelling of the address are taken up all the same."""
    noted = {
        "embedded": "embedded", "api.mistral.ai": "api.mistral.ai", "api.mistral.ai:443": "api.mistral.ai",
        "localhost:8765": "127.0.0.1:8765", "[::1]:8765": "127.0.0.1:8765", "localhost": "127.0.0.1",
        "127.0.0.1:80": "127.0.0.1", "proxy.example.com:8443": "proxy.example.com:8443",
        "localhost.lan:1": "localhost.lan:1",
    }  # fmt: skip
    warehouse = Warehouse(tmp_path / "w.duckdb")
    with older_warehouse(warehouse.path, version=2) as connection:
        for name in noted:
            connection.execute(
                "insert into ledger.shards values (?, ?, 'm', 'p', 's', 'l', 'submitted', 1, 1, 0, null, 'j', null, ?)",
                [name, name, datetime(2026, 1, 1)],
            )
    warehouse.prepare()
    assert dict(rows(warehouse, "select shard_id, api from ledger.shards")) == noted  # type: ignore[arg-type]


def test_receipts_of_an_older_warehouse_lie_nowhere_and_get_their_place_with_the_next_load(tmp_path: Path) -> None:
    with older_warehouse(tmp_path / "old.duckdb", version=3) as connection:
        connection.execute(
            "insert into raw.receipts values "
            "('r1', 's', 'a.jpg', 'image/jpeg', 10, 20, 30, null, null, null, 'l', timestamp '2026-01-01')"
        )
    warehouse = Warehouse(tmp_path / "old.duckdb")
    warehouse.prepare()
    for appended in (1, 0):
        with warehouse.transaction() as connection:
            assert append_receipts(connection, [receipt(location="/inbox/a.jpg")], "later") == appended
    query = "select location, default_currency from raw.receipts order by loaded_at"
    assert rows(warehouse, query) == [(None, None), ("/inbox/a.jpg", None)]


def test_a_currency_that_an_older_version_had_from_its_setting_is_noted_as_such(tmp_path: Path) -> None:
    """(receipt, source, currency, run) as they were noted -> the latest (currency, default_currency) of the receipt."""
    noted = [
        ("folder", "inbox", "MYR", "1"), ("folder 2", "inbox", "MYR", "1"),
        ("sample", "samples", "USD", "1"),
        ("set before", "scans", None, "1"), ("set before", "scans", "MYR", "2"),
        ("set otherwise", "trips", "MYR", "1"), ("set otherwise", "trips", "SGD", "2"),
        ("no longer set", "trips 2", "MYR", "1"), ("no longer set", "trips 2", None, "2"),
        ("column EUR", "set.parquet", "EUR", "1"), ("column USD", "set.parquet", "USD", "1"),
        ("column new", "set.parquet", "USD", "2"),
        ("column none", "half.parquet", None, "1"), ("column some", "half.parquet", "USD", "1"),
        ("by hand", "lines.jsonl", "IDR", "1"),
        ("in two places", "inbox", "MYR", "1"), ("in two places", "half.parquet", "EUR", "3"),
    ]  # fmt: skip
    with older_warehouse(tmp_path / "old.duckdb", version=3) as connection:
        for number, (name, source, currency, run) in enumerate(noted):
            connection.execute(
                "insert into raw.receipts values (?, ?, ?, 'image/jpeg', 1, 2, 3, ?, null, null, ?, ?)",
                [name, source, name, currency, run, datetime(2026, 1, 1, 0, 0, 0, number)],
            )
        connection.execute(
            "insert into raw.batch_requests values ('0', 'by hand', 'm', null, 's', 1, null, '1', now()::timestamp)"
        )
    warehouse = Warehouse(tmp_path / "old.duckdb")
    for _ in range(2):
        warehouse.prepare()
    latest = rows(
        warehouse,
        "select receipt_id, currency, default_currency from raw.receipts "
        "qualify row_number() over (partition by receipt_id order by loaded_at desc) = 1",
    )
    assert {str(name): (currency, default) for name, currency, default in latest} == {
        "folder": (None, "MYR"), "folder 2": (None, "MYR"), "sample": (None, "USD"), "set before": (None, "MYR"),
        "set otherwise": (None, "SGD"), "no longer set": (None, None),
        "column EUR": ("EUR", None), "column USD": ("USD", None), "column new": ("USD", None),
        "column none": (None, None), "column some": ("USD", None), "by hand": ("IDR", None),
        "in two places": ("EUR", None),
    }  # fmt: skip
    assert rows(warehouse, "select count(*) from raw.receipts where default_currency is null") == [(len(noted),)]


def test_a_newer_schema_is_refused(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        connection.execute("insert into ledger.migrations values (999, 'future', now()::timestamp)")
    with pytest.raises(WarehouseError, match="newer version of this program"):
        warehouse.prepare()
