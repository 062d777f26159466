"""Schema raw as Parquet parts: all of it, once, and whole whenever the export is killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest
from s3fs import S3FileSystem

from loader.errors import SettingsError, WarehouseError
from loader.warehouse import export
from loader.warehouse.duckdb_file import Warehouse
from loader.warehouse.export import TABLES, Folder, export_raw
from loader.warehouse.raw import append_job, append_load, append_output, append_receipts
from tests.helpers.object_store import ObjectStore
from tests.helpers.warehouses import empty_warehouse, older_warehouse, receipt

ODD_LINES = b'{"a": "25.000"}\r\n\n\xff\xfe broken \x00 bytes\n{"b": "\xe2\x80\xa8 \xc3\xa9"}\nno end'


def land(warehouse: Warehouse, tmp_path: Path, number: int, lines: bytes = ODD_LINES) -> None:
    """A load with a receipt, a job, and a file of odd lines, whose id is no file name."""
    path = tmp_path / "lines"
    path.write_bytes(lines)
    load_id = f"load-{number}"
    with warehouse.transaction() as connection:
        append_load(connection, load_id, "s", "m", "p", "started")
        append_receipts(connection, [receipt(receipt_id=f"r{number}", label="'\\\n\x00 \N{GRINNING FACE}")], load_id)
        append_job(connection, {"id": f"job/{number}"}, "shard")
        append_output(connection, f"job/{number}", f"../file {number}", "output", path, load_id)
        append_load(connection, load_id, "s", "m", "p", "finished")


def in_warehouse(warehouse: Warehouse, table: str) -> list[tuple[Any, ...]]:
    with warehouse.transaction() as connection:
        return sorted(connection.execute(f"from raw.{table}").fetchall(), key=repr)


def in_parts(place: Path, table: str) -> list[tuple[Any, ...]]:
    return sorted(duckdb.execute("from read_parquet(?)", [f"{place}/{table}/*.parquet"]).fetchall(), key=repr)


def files(place: Path) -> dict[str, bytes]:
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def test_the_parts_hold_raw_row_for_row_with_its_types(warehouse: Warehouse, tmp_path: Path) -> None:
    land(warehouse, tmp_path, 1)
    land(warehouse, tmp_path, 2)
    place = tmp_path / "it's here"
    exported = export_raw(warehouse, str(place))
    assert exported.rows == {
        "loads": 4,
        "receipts": 2,
        "batch_requests": 0,
        "batch_jobs": 2,
        "batch_output": 10,
        "corrections": 0,
    }
    assert exported.parts == {
        "loads": 1,
        "receipts": 1,
        "batch_requests": 1,
        "batch_jobs": 1,
        "batch_output": 2,
        "corrections": 1,
    }
    for table in TABLES:
        assert in_parts(place, table) == in_warehouse(warehouse, table)
        described = duckdb.execute("describe from read_parquet(?)", [f"{place}/{table}/*.parquet"]).fetchall()
        with warehouse.transaction() as connection:
            columns = connection.execute(f"describe raw.{table}").fetchall()
        assert [column[:2] for column in described] == [column[:2] for column in columns]
    odd = [row[5] for row in in_parts(place, "batch_output") if row[5] is not None]
    assert odd == [b"\xff\xfe broken \x00 bytes"] * 2
    compressions = duckdb.execute(
        "select distinct compression from parquet_metadata(?) where total_compressed_size > 0",
        [f"{place}/batch_output/*.parquet"],
    ).fetchall()
    assert compressions == [("ZSTD",)]


def test_a_second_export_adds_nothing_and_a_third_only_what_is_new(warehouse: Warehouse, tmp_path: Path) -> None:
    place = tmp_path / "export"
    assert sum(export_raw(warehouse, str(place)).rows.values()) == 0
    assert all(in_parts(place, table) == [] for table in TABLES), "a table without rows can be read"
    land(warehouse, tmp_path, 1)
    export_raw(warehouse, str(place))
    before = files(place)
    again = export_raw(warehouse, str(place))
    assert sum(again.parts.values()) == 0 and files(place) == before
    land(warehouse, tmp_path, 2)
    assert export_raw(warehouse, str(place)).rows["batch_output"] == 5
    after = files(place)
    kept = {name: content for name, content in before.items() if name != export.MANIFEST}
    assert kept.items() <= after.items(), "parts never change"
    for table in TABLES:
        assert in_parts(place, table) == in_warehouse(warehouse, table)


def test_columns_that_a_newer_version_adds_do_not_make_it_another_warehouse(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "older.duckdb")
    with older_warehouse(warehouse.path, version=3) as connection:
        connection.execute(
            "insert into raw.receipts values ('r0', 's', 'k', null, null, null, null, null, null, null, 'l', now())"
        )
    export_raw(warehouse, str(tmp_path / "export"))
    warehouse.prepare()
    land(warehouse, tmp_path, 1)
    assert export_raw(warehouse, str(tmp_path / "export")).rows["receipts"] == 1
    both = duckdb.execute(
        "select receipt_id, location from read_parquet(?, union_by_name = true) order by 1",
        [str(tmp_path / "export" / "receipts" / "*.parquet")],
    )
    assert both.fetchall() == [("r0", None), ("r1", None)]


def test_an_export_that_is_killed_leaves_whole_parts_and_the_next_writes_the_rest(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    for number in range(3):
        land(warehouse, tmp_path, number)
    place = tmp_path / "export"
    killed_at_each_file = """
import os, signal, sys
from contextlib import contextmanager
from pathlib import Path
from loader.warehouse import export
from loader.warehouse.duckdb_file import Warehouse
from tests.helpers.warehouses import empty_warehouse
left = int(sys.argv[3])
write = export.Folder.writing
@contextmanager
def dying(folder, name):
    global left
    left -= 1
    with write(folder, name) as path:
        if left == 0:
            path.write_bytes(b"half a part")
            os.kill(os.getpid(), signal.SIGKILL)
        yield path
export.Folder.writing = dying
export.export_raw(Warehouse(Path(sys.argv[1])), sys.argv[2])
"""
    kills = 0
    for step in range(1, 20):
        command = [sys.executable, "-c", killed_at_each_file, str(warehouse.path), str(place), str(step % 5 + 1)]
        ended = subprocess.run(command, check=False)
        for part in place.rglob("*.parquet"):
            if not part.name.startswith("."):
                duckdb.execute("from read_parquet(?)", [str(part)]).fetchall()
        if ended.returncode == 0:
            break
        assert ended.returncode == -signal.SIGKILL
        kills += 1
    assert kills >= 3
    export_raw(warehouse, str(place))
    for table in TABLES:
        assert in_parts(place, table) == in_warehouse(warehouse, table)
    assert not list(place.rglob(".*")), "nothing unfinished is left"


def test_a_part_that_was_written_but_not_noted_is_not_there_twice(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(warehouse, tmp_path, 1)
    place = tmp_path / "export"
    with monkeypatch.context() as patched:

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        patched.setattr(export, "_write_manifest", full)
        with pytest.raises(WarehouseError, match="No space left on device"):
            export_raw(warehouse, str(place))
    land(warehouse, tmp_path, 2)
    export_raw(warehouse, str(place))
    for table in TABLES:
        assert in_parts(place, table) == in_warehouse(warehouse, table)


def test_what_lands_while_an_export_writes_waits_for_the_next(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(warehouse, tmp_path, 1)
    place = tmp_path / "export"
    writing = Folder.writing

    @contextmanager
    def landing_meanwhile(folder: Folder, name: str) -> Iterator[Path]:
        monkeypatch.setattr(Folder, "writing", writing)
        land(warehouse, tmp_path, 2)
        with writing(folder, name) as path:
            yield path

    monkeypatch.setattr(Folder, "writing", landing_meanwhile)
    assert export_raw(warehouse, str(place)).rows["batch_output"] == 5
    assert {row[0] for row in in_parts(place, "batch_jobs")} == {"job/1"}, "one moment's state, in all tables"
    export_raw(warehouse, str(place))
    for table in TABLES:
        assert in_parts(place, table) == in_warehouse(warehouse, table)


def test_storage_behind_a_url_gets_the_same_parts(warehouse: Warehouse, tmp_path: Path) -> None:
    import fsspec

    land(warehouse, tmp_path, 1)
    export_raw(warehouse, "memory://bucket/raw")
    export_raw(warehouse, str(tmp_path / "export"))
    storage = fsspec.filesystem("memory")
    found = {name.removeprefix("/bucket/raw/"): storage.cat_file(name) for name in storage.find("/bucket/raw")}
    assert found == files(tmp_path / "export")
    assert sum(export_raw(warehouse, "memory://bucket/raw").parts.values()) == 0


def test_a_bucket_gets_the_same_parts(warehouse: Warehouse, tmp_path: Path, s3: ObjectStore) -> None:
    land(warehouse, tmp_path, 1)
    s3.put("lake", {})
    export_raw(warehouse, "s3://lake/raw")
    export_raw(warehouse, str(tmp_path / "export"))
    listed = s3.client().list_objects_v2(Bucket="lake")["Contents"]
    found = {one["Key"]: s3.client().get_object(Bucket="lake", Key=one["Key"])["Body"].read() for one in listed}
    assert {key.removeprefix("raw/"): data for key, data in found.items()} == files(tmp_path / "export")
    assert sum(export_raw(warehouse, "s3://lake/raw").parts.values()) == 0


@pytest.mark.parametrize("harm", ["denied", "500"])
def test_a_bucket_that_refuses_is_told_in_one_line(
    warehouse: Warehouse, s3: ObjectStore, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    S3FileSystem.clear_instance_cache()
    s3.harm = lambda call: harm
    with pytest.raises(WarehouseError, match="cannot export to s3://lake/raw, and what was exported") as refused:
        export_raw(warehouse, "s3://lake/raw")
    assert "\n" not in str(refused.value)


def test_an_export_of_another_warehouse_is_not_mixed_with(warehouse: Warehouse, tmp_path: Path) -> None:
    other = empty_warehouse(tmp_path / "other.duckdb")
    land(warehouse, tmp_path, 1)
    land(other, tmp_path, 7)
    export_raw(warehouse, str(tmp_path / "export"))
    before = files(tmp_path / "export")
    with pytest.raises(WarehouseError, match="another warehouse"):
        export_raw(other, str(tmp_path / "export"))
    assert files(tmp_path / "export") == before


@pytest.mark.parametrize("manifest", ["", "[]", "{}", json.dumps({"format": 99, "tables": {}})])
def test_a_folder_with_another_manifest_is_refused(warehouse: Warehouse, tmp_path: Path, manifest: str) -> None:
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / export.MANIFEST).write_text(manifest)
    with pytest.raises(WarehouseError, match="not a manifest"):
        export_raw(warehouse, str(tmp_path / "export"))


def test_a_place_that_cannot_be_opened_or_written_is_named(warehouse: Warehouse, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="nowhere"):
        export_raw(warehouse, "nowhere://bucket")
    (tmp_path / "file").write_text("")
    with pytest.raises(WarehouseError, match="cannot export to"):
        export_raw(warehouse, str(tmp_path / "file" / "export"))
