"""The published file: the marts alone, in types that every tool reads, whole or not at all."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from loader.errors import WarehouseError
from loader.marts.publish import publish_marts
from tests.helpers.built_warehouse import ONLY_IN_RAW, run
from tests.helpers.warehouses import change, rows

TABLES = "select table_schema, table_name from information_schema.tables order by all"
HOLD = (
    "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read(); held.close()"
)
PUBLISH = (
    "import sys; from pathlib import Path; from loader.marts.publish import publish_marts; "
    "publish_marts(Path(sys.argv[1]), Path(sys.argv[2]))"
)


@pytest.fixture
def bi(tmp_path: Path) -> Path:
    return tmp_path / "published" / "bi.duckdb"


def test_holds_the_marts_and_nothing_else(warehouse: Path, bi: Path) -> None:
    done = publish_marts(warehouse, bi)
    marts = [table for schema, table in rows(warehouse, TABLES) if schema == "marts"]
    assert {"receipts", "receipt_items", "spend_by_category", "answers"} <= set(marts)
    assert rows(bi, TABLES) == [("main", "published"), *(("marts", table) for table in marts)]
    assert list(done.rows) == marts
    for table, count in done.rows.items():
        everything = f"select * from marts.{table} order by all"
        assert rows(bi, everything) == rows(warehouse, everything)
        assert count == len(rows(bi, everything))
    assert done.rows["receipt_items"] > 5
    assert ONLY_IN_RAW.encode() in warehouse.read_bytes()
    assert ONLY_IN_RAW.encode() not in bi.read_bytes()


def test_file_is_read_only_in_the_old_format_and_stands_alone(warehouse: Path, bi: Path) -> None:
    publish_marts(warehouse, bi)
    stale_log = bi.with_name("bi.duckdb.wal")
    stale_log.write_bytes(b"the log of another file")
    publish_marts(warehouse, bi)
    assert bi.stat().st_mode & 0o777 == 0o444
    assert {path.name for path in bi.parent.iterdir()} == {"bi.duckdb", ".bi.duckdb.lock"}
    ((tags,),) = rows(bi, "select tags from duckdb_databases() where database_name = 'bi'")
    assert tags["storage_version"].startswith("v1.0.0")


def test_says_when_from_which_loads_with_which_versions_and_tests(warehouse: Path, bi: Path) -> None:
    change(warehouse, "insert into raw.loads values ('later', null, null, null, 'started', timestamp '2999-01-01')")
    publish_marts(warehouse, bi)
    ((published_at, built_at, load_count, last_load, loads),) = rows(
        bi, "select published_at, built_at, load_count, last_load_id, load_ids from published"
    )
    ((load_id,),) = rows(warehouse, "select distinct load_id from raw.loads where load_id <> 'later'")
    assert published_at > built_at
    assert (load_count, last_load, loads) == (1, load_id, load_id)
    ((tests, passed, failed, failing, loader, dbt, engine),) = rows(
        bi,
        "select tests, tests_passed, tests_failed, failing, loader_version, dbt_version, duckdb_version from published",
    )
    assert (tests, failed, failing) == ("passed", 0, None)
    assert passed > 0
    assert all(version[0].isdigit() for version in (loader, dbt, engine))


def test_keeps_comments_and_makes_views_tables(warehouse: Path, bi: Path) -> None:
    change(
        warehouse,
        "create view marts.read_receipts as select receipt_id from marts.receipts join raw.receipts using (receipt_id)",
        "comment on view marts.read_receipts is 'It''s a \"view\"; drop table x'",
        "comment on table marts.receipts is 'One row per receipt'",
        "comment on column marts.receipts.spend is 'Sum of its items'",
    )
    assert publish_marts(warehouse, bi).rows["read_receipts"] == 9
    comments = dict(rows(bi, "select table_name, comment from duckdb_tables()"))
    assert comments["read_receipts"] == 'It\'s a "view"; drop table x'
    assert comments["receipts"] == "One row per receipt"
    assert rows(bi, "select comment from duckdb_columns() where table_name = 'receipts' and column_name = 'spend'") == [
        ("Sum of its items",)
    ]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("1::hugeint", "HUGEINT"),
        ("1::decimal(19, 3)", "DECIMAL(19,3)"),
        ("now()", "TIMESTAMP WITH TIME ZONE"),
        ("[1]", "INTEGER[]"),
        ("'{}'::json", "JSON"),
        ("uuid()", "UUID"),
        ("1::smallint", "SMALLINT"),
    ],
)
def test_refuses_a_type_that_some_tool_misreads(warehouse: Path, bi: Path, value: str, kind: str) -> None:
    publish_marts(warehouse, bi)
    before = bi.read_bytes()
    change(warehouse, f"create table marts.odd as select {value} as odd_column")
    with pytest.raises(WarehouseError, match=r"marts\.odd\.odd_column is") as refusal:
        publish_marts(warehouse, bi)
    assert kind in str(refusal.value)
    assert bi.read_bytes() == before


def test_failing_tests_are_not_published_unless_told_to(warehouse: Path, bi: Path, tmp_path: Path) -> None:
    other = warehouse.rename(tmp_path / "other.duckdb")
    warehouse.write_bytes(other.read_bytes())
    publish_marts(warehouse, bi)
    before = bi.read_bytes()
    change(
        warehouse,
        "create or replace temp table kept as from raw.loads",
        "drop table raw.loads",
        "create table raw.loads as from kept",
        "update raw.loads set status = 'nonsense'",
    )
    assert run("dbt", "test", "--quiet", "--select", "source:raw.loads", warehouse=warehouse).returncode == 1

    refused = run("publish", warehouse=warehouse, bi_database=bi)
    assert refused.returncode == 1
    assert refused.stderr.startswith(
        "error: the last dbt build left 1 failing: source_accepted_values_raw_loads_status"
    )
    assert "--despite-failures" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert bi.read_bytes() == before
    publish_marts(other, bi.with_name("other.duckdb"))  # its own tests passed

    told = run("publish", "--despite-failures", warehouse=warehouse, bi_database=bi)
    assert (told.returncode, "tests failed" in told.stdout) == (0, True)
    assert rows(bi, "select tests, tests_failed from published") == [("failed", 1)]

    change(warehouse, "update raw.loads set status = 'finished'")
    assert run("dbt", "test", "--quiet", "--select", "source:raw.loads", warehouse=warehouse).returncode == 0
    assert publish_marts(warehouse, bi).tests == "passed"


@pytest.mark.parametrize("status", ["started", "empty"])
def test_a_build_that_was_broken_off_is_not_published(warehouse: Path, bi: Path, status: str) -> None:
    change(warehouse, f"update audit.build_results set status = '{status}' where kind = 'invocation'")
    with pytest.raises(WarehouseError, match="the last `dbt build` was broken off or had --empty"):
        publish_marts(warehouse, bi)


def test_warnings_do_not_stop_it_and_a_skipped_model_does(warehouse: Path, bi: Path) -> None:
    change(warehouse, "update audit.build_results set status = 'warn' where kind = 'test'")
    assert publish_marts(warehouse, bi).tests == "passed"
    change(warehouse, "update audit.build_results set status = 'skipped' where node like 'model.%.receipts'")
    with pytest.raises(WarehouseError, match="1 failing: receipts;"):
        publish_marts(warehouse, bi)


def test_a_warehouse_without_noted_results_is_published_as_unknown(warehouse: Path, bi: Path) -> None:
    change(warehouse, "drop table audit.build_results")
    assert publish_marts(warehouse, bi).tests == "unknown"
    assert rows(bi, "select tests, built_at, tests_passed from published") == [("unknown", None, None)]


def test_says_what_landed_after_the_build(warehouse: Path, bi: Path) -> None:
    assert publish_marts(warehouse, bi).unbuilt_lines == 0
    change(
        warehouse,
        "insert into raw.batch_output select job_id, 'new', file_kind, line_number, line, line_bytes, load_id, "
        "timestamp '2999-01-01' from raw.batch_output limit 3",
    )
    told = run("publish", warehouse=warehouse, bi_database=bi)
    assert "3 lines landed after the last dbt build" in told.stdout


def test_parquet_folder_holds_one_file_a_mart_and_is_swapped_whole(warehouse: Path, bi: Path, tmp_path: Path) -> None:
    folder = tmp_path / "marts"
    change(warehouse, "create table marts.gone_later as select 1 as one")
    publish_marts(warehouse, bi, folder)
    assert (folder / "gone_later.parquet").exists()
    with (folder / "receipts.parquet").open("rb") as old:
        change(warehouse, "drop table marts.gone_later")
        done = publish_marts(warehouse, bi, folder)
        assert old.read(4) == b"PAR1"  # who reads the old one keeps it
    assert {path.name for path in folder.iterdir()} == {f"{table}.parquet" for table in [*done.rows, "published"]}
    spend = pq.read_table(folder / "spend_by_category.parquet")
    assert spend.num_rows == done.rows["spend_by_category"]
    assert str(spend.schema.field("spend").type) == "decimal128(18, 3)"
    assert {path.name for path in tmp_path.glob(".marts*")} == {".marts.lock"}


def test_a_folder_that_holds_other_things_is_not_replaced(warehouse: Path, bi: Path, tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "thesis.txt").write_text("dear to me")
    with pytest.raises(WarehouseError, match=r"holds more than Parquet files \(thesis.txt\)"):
        publish_marts(warehouse, bi, folder)
    assert (folder / "thesis.txt").read_text() == "dear to me"


def test_what_a_killed_publish_left_is_removed(warehouse: Path, bi: Path) -> None:
    left = bi.parent / ".bi.duckdb.abc_1234.part"
    left.mkdir(parents=True)
    (left / "bi.duckdb").write_bytes(b"half")
    publish_marts(warehouse, bi)
    assert not left.exists()


def test_waits_for_a_writer_and_says_for_whom(warehouse: Path, bi: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(warehouse)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert writer.stdin and writer.stdout
    writer.stdout.readline()
    told: list[str] = []
    with pytest.raises(WarehouseError, match=rf"is in use by .*{writer.pid}"):
        publish_marts(warehouse, bi, wait_seconds=0)

    def let_go(message: str) -> None:
        told.append(message)
        threading.Timer(0.3, writer.communicate).start()

    publish_marts(warehouse, bi, wait_seconds=30, on_wait=let_go)
    assert len(told) == 1
    assert str(writer.pid) in told[0]


def test_a_full_disk_leaves_the_old_file(warehouse: Path, bi: Path) -> None:
    publish_marts(warehouse, bi)
    before = bi.read_bytes()
    limited = ["bash", "-c", 'ulimit -f 600; exec "$@"', "-", sys.executable, "-c", PUBLISH, str(warehouse), str(bi)]
    ended = subprocess.run(limited, capture_output=True, text=True, check=False)
    assert "(File too large): allow larger files (ulimit -f)" in ended.stderr.splitlines()[-1]
    assert bi.read_bytes() == before
    assert not list(bi.parent.glob(".*.part"))


def test_two_at_once_take_turns(warehouse: Path, bi: Path) -> None:
    command = [sys.executable, "-c", PUBLISH, str(warehouse), str(bi)]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
    assert rows(bi, "select count(*) from published") == [(1,)]


def test_reads_what_a_killed_loader_left_in_the_log(warehouse: Path, bi: Path) -> None:
    script = (
        "import duckdb, os, sys; c = duckdb.connect(sys.argv[1]); c.execute(\"set checkpoint_threshold = '1GB'\"); "
        "c.execute(\"insert into marts.categories values ('Late', 'in the log')\"); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, str(warehouse)], check=False)
    assert warehouse.with_name("warehouse.duckdb.wal").exists()
    publish_marts(warehouse, bi)
    assert rows(bi, "select description from marts.categories where category = 'Late'") == [("in the log",)]


def test_says_what_to_do_when_there_is_nothing_to_publish(warehouse: Path, bi: Path, tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="does not exist yet: run `make` first"):
        publish_marts(tmp_path / "none.duckdb", bi)
    change(warehouse, "drop schema marts cascade")
    with pytest.raises(WarehouseError, match="has no marts yet: run `make build` first"):
        publish_marts(warehouse, bi)
    with pytest.raises(WarehouseError, match="BI_DATABASE and WAREHOUSE are both"):
        publish_marts(warehouse, warehouse)
    (tmp_path / "file").write_text("")
    with pytest.raises(WarehouseError, match="cannot publish"):
        publish_marts(warehouse, tmp_path / "file" / "bi.duckdb")


def test_open_readers_keep_the_old_file_until_they_open_it_again(warehouse: Path, bi: Path) -> None:
    publish_marts(warehouse, bi)
    script = (
        "import duckdb, sys\n"
        "ask = lambda c: print(c.execute('select count(*) from marts.categories').fetchone()[0], flush=True)\n"
        "c = duckdb.connect(sys.argv[1], read_only=True); ask(c); sys.stdin.readline(); ask(c); c.close()\n"
        "ask(duckdb.connect(sys.argv[1], read_only=True))"
    )
    reader = subprocess.Popen(
        [sys.executable, "-c", script, str(bi)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert reader.stdin and reader.stdout
    count = int(reader.stdout.readline())
    change(warehouse, "insert into marts.categories values ('New', '')")
    publish_marts(warehouse, bi)
    out, _ = reader.communicate("go\n")
    assert [int(line) for line in out.split()] == [count, count + 1]
