"""What is appended to schema raw: once, whole or not at all, and the latest row is the last one."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from loader.warehouse import ledger
from loader.warehouse.corrections import Correction
from loader.warehouse.corrections import append as append_corrections
from loader.warehouse.duckdb_file import Warehouse, now
from loader.warehouse.ledger import Request, Shard
from loader.warehouse.raw import STAMPS, append_job, append_load, append_output, append_receipts
from tests.helpers.warehouses import receipt, rows


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


def test_bytes_that_come_back_to_a_place_are_appended_there_again(warehouse: Warehouse) -> None:
    old, new = (receipt(receipt_id=name, location="/inbox/a.jpg") for name in ("old", "new"))
    copy = receipt(receipt_id="old", source_key="copy.jpg", location="/inbox/copy.jpg")
    offers = [([old, copy], 2), ([new, copy], 1), ([new, copy], 0), ([old, copy], 1), ([old, copy], 0), ([new], 1)]
    for number, (offered, appended) in enumerate(offers):
        with warehouse.transaction() as connection:
            assert append_receipts(connection, offered, f"load{number}") == appended, number
    latest = "select arg_max(receipt_id, loaded_at) from raw.receipts where location = '/inbox/a.jpg'"
    assert rows(warehouse, latest) == [("new",)]


def test_several_receipts_of_one_place_stay_apart(warehouse: Warehouse) -> None:
    """Rows of a data set whose ids are not unique, committed in two portions."""
    first, second, third, fourth = (receipt(receipt_id=name, location="set#7") for name in ("1", "2", "3", "4"))
    for load_id, portions in (("a", [([first], 1), ([second, third], 2)]), ("b", [([first, second], 0), ([third], 0)])):
        for offered, appended in portions:
            with warehouse.transaction() as connection:
                assert append_receipts(connection, offered, load_id) == appended
    for load_id, appended in (("c", 1), ("d", 0), ("e", 0)):  # a fourth has come, and nothing comes back
        with warehouse.transaction() as connection:
            assert append_receipts(connection, [first, second, third, fourth], load_id) == appended


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
        elif table == "corrections":
            append_receipts(connection, [receipt()], name)
            append_corrections(connection, [Correction("r1", "total", name, "ann")])
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
