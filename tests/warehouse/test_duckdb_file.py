"""The warehouse file: its version, its migrations, its lock, and what is appended to raw."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from loader.errors import WarehouseError
from loader.warehouse import ledger
from loader.warehouse.duckdb_file import Warehouse, now
from loader.warehouse.ledger import Request, Shard
from loader.warehouse.migrations import MIGRATIONS
from loader.warehouse.raw import STAMPS, ReceiptRow, append_job, append_load, append_output, append_receipts
from tests.helpers.warehouses import empty_warehouse, rows


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return empty_warehouse(tmp_path / "w.duckdb", wait_seconds=0.5)


def receipt(**changes: object) -> ReceiptRow:
    values: dict[str, object] = {
        "receipt_id": "r1", "source": "s", "source_key": "a.jpg", "media_type": "image/jpeg", "width": 10,
        "height": 20, "image_bytes": 30, "currency": None, "label": None, "rejected_reason": None,
    }  # fmt: skip
    return ReceiptRow(**{**values, **changes})  # type: ignore[arg-type]


def older_warehouse(path: Path, version: int) -> duckdb.DuckDBPyConnection:
    """A warehouse as the version of that many migrations made it."""
    connection = duckdb.connect(str(path))
    connection.execute("create schema ledger")
    connection.execute("create table ledger.migrations (version integer, name varchar, applied_at timestamp)")
    for number, name, statements in MIGRATIONS[:version]:
        connection.execute(statements)
        connection.execute("insert into ledger.migrations values (?, ?, now()::timestamp)", [number, name])
    return connection


def test_the_file_can_be_opened_by_older_versions(warehouse: Warehouse) -> None:
    tags = rows(warehouse, "select tags from duckdb_databases() where not internal")
    assert "v1.0.0" in str(tags)


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


def test_a_file_that_is_no_warehouse_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    path.write_bytes(b"this is not a database" * 1000)
    with pytest.raises(WarehouseError, match="not a DuckDB file"):
        Warehouse(path).prepare()


def test_a_locked_file_names_who_holds_it(warehouse: Warehouse) -> None:
    program = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True); "
        "print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(warehouse.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as reader:
        assert reader.stdout is not None and reader.stdin is not None
        reader.stdout.readline()
        told: list[str] = []
        waiting = Warehouse(warehouse.path, wait_seconds=0.6, on_wait=told.append)
        with pytest.raises(WarehouseError, match=rf"in use by python.*PID {reader.pid}"):
            waiting.prepare()
        assert len(told) == 1, "who waits says so once"
        reader.stdin.close()
        reader.wait()
    waiting.prepare()


def test_a_failed_transaction_changes_nothing(warehouse: Warehouse) -> None:
    with pytest.raises(RuntimeError), warehouse.transaction() as connection:
        connection.execute("insert into raw.loads values ('l', 's', 'm', 'p', 'finished', now()::timestamp)")
        raise RuntimeError
    assert rows(warehouse, "select count(*) from raw.loads") == [(0,)]


def test_a_ctrl_c_during_a_query_is_one_and_changes_nothing(warehouse: Warehouse) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from loader.warehouse.duckdb_file import Warehouse\n"
        "try:\n"
        "    with Warehouse(Path(sys.argv[1])).transaction() as connection:\n"
        "        connection.execute('create table half as select 1')\n"
        "        connection.execute('set threads to 1')\n"  # else DuckDB may leave the query, and the signal, waiting
        "        print('begun', flush=True)\n"
        "        connection.execute('select count(*) from range(10_000_000_000) a(x) where x % 3 = 1')\n"
        "except KeyboardInterrupt: print('interrupted')\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(warehouse.path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30)[0] == "interrupted\n"
    assert rows(warehouse, "select count(*) from duckdb_tables() where table_name = 'half'") == [(0,)]


def test_a_receipt_is_appended_again_only_when_something_changed(warehouse: Warehouse) -> None:
    offers = [
        ([receipt()], 1),
        ([receipt()], 0),
        ([receipt(currency="MYR")], 1),
        ([receipt(currency="MYR"), receipt(currency="MYR", source_key="copy.jpg")], 1),
        ([receipt()], 1),
        ([receipt(location="/here/inbox/a.jpg"), receipt(location="/there/inbox/a.jpg")], 2),
        ([receipt(location="/here/inbox/a.jpg")], 0),
        ([receipt(location="/there/inbox/a.jpg")], 0),
    ]
    for number, (offered, appended) in enumerate(offers):
        with warehouse.transaction() as connection:
            assert append_receipts(connection, offered, f"load{number}") == appended


@pytest.mark.parametrize("days", [-3, 0, 3])
@pytest.mark.parametrize("table", STAMPS)
def test_the_latest_row_is_the_last_one_however_the_clock_is_set(
    warehouse: Warehouse, tmp_path: Path, table: str, days: int
) -> None:
    """Rows are appended, the clock is set by some days in the place of that they are, and more rows are appended."""
    path = tmp_path / "file.jsonl"
    path.write_text("{}\n")

    def append(connection: duckdb.DuckDBPyConnection, number: int) -> None:
        name = str(number)
        if table == "loads":
            append_load(connection, name, "s", "m", "p", "started")
        elif table == "receipts":
            assert append_receipts(connection, [receipt(source_key=name)], name) == 1
        elif table == "batch_jobs":
            append_job(connection, {"id": name}, "shard")
        elif table == "batch_output":
            append_output(connection, name, name, "output", path, name)
        else:
            shard = Shard(name, path, 2, (Request(name, name, 1, 10, 0.0),))
            record = ledger.plan_shard(connection, shard, api="a", model="m", prompt_id="p", style="s", load_id=name)
            ledger.note_submitted(connection, record, name)

    for number in range(1, 5):
        with warehouse.transaction() as connection:
            append(connection, number)
            if number == 2:
                connection.execute(f"update raw.{table} set {STAMPS[table]} = {STAMPS[table]} + to_days(?)", [days])
    moments = [moment for (moment,) in rows(warehouse, f"select {STAMPS[table]} from raw.{table} order by rowid")]
    assert len(moments) == 4 and moments == sorted(set(moments))  # type: ignore[type-var]
    assert (moments[-1] > now() + timedelta(days=2)) == (days > 0)  # type: ignore[operator]


def test_landing_a_file_twice_adds_nothing(warehouse: Warehouse, tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    path.write_bytes(b'{"a": 1}\n\n\xff\n')
    for expected in (3, 0):
        with warehouse.transaction() as connection:
            assert append_output(connection, "job", "file", "output", path, "load") == expected
    landed = rows(warehouse, "select line_number, line, line_bytes from raw.batch_output order by 1")
    assert landed == [(1, '{"a": 1}', None), (2, "", None), (3, "\ufffd", b"\xff")]


def test_a_crash_while_landing_leaves_no_line(warehouse: Warehouse, tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    path.write_bytes(b"line\n" * 10)
    with pytest.raises(RuntimeError), warehouse.transaction() as connection:
        append_output(connection, "job", "file", "output", path, "load")
        raise RuntimeError
    assert rows(warehouse, "select count(*) from raw.batch_output") == [(0,)]
    assert rows(warehouse, "select count(*) from ledger.files") == [(0,)]


def test_threads_take_turns(warehouse: Warehouse) -> None:
    def note(number: int) -> None:
        time.sleep(number % 4 / 2000)
        with warehouse.transaction() as connection:
            connection.execute(
                "insert into raw.loads values (?, 's', 'm', 'p', 'started', now()::timestamp)", [str(number)]
            )

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(note, range(120)))
    assert rows(warehouse, "select count(*) from raw.loads") == [(120,)]
