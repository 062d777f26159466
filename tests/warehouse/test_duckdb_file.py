"""The warehouse file: its format, its lock, and transactions that are whole or not at all."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from loader.errors import WarehouseError
from loader.warehouse.duckdb_file import Warehouse
from tests.helpers.warehouses import empty_warehouse, rows


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return empty_warehouse(tmp_path / "w.duckdb", wait_seconds=0.5)


def test_the_file_can_be_opened_by_older_versions(warehouse: Warehouse) -> None:
    tags = rows(warehouse, "select tags from duckdb_databases() where not internal")
    assert "v1.0.0" in str(tags)


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
        "import signal, sys\n"
        "from pathlib import Path\n"
        "from loader.warehouse.duckdb_file import Warehouse\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background job ignores it
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
