"""Nothing is removed, renamed or overwritten that the loader did not make, whatever folder or file it is given."""

from __future__ import annotations

import shutil
import sqlite3
import uuid
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from loader.embedded_api.store import Store
from loader.errors import LoaderError, NotOursError, WarehouseError
from loader.marts.publish import publish_marts
from loader.marts.report import write_report
from loader.marts.run_dbt import engine
from loader.sources.samples import write_folder
from loader.warehouse.duckdb_file import Warehouse
from loader.warehouse.export import export_raw
from loader.work_folder import claim as claim_work
from tests.helpers.built_warehouse import built_warehouse, run
from tests.helpers.folders import everything

DEAR = "dear to me"


def serve(place: Path, tmp_path: Path) -> None:
    Store(place).close()


def work(place: Path, tmp_path: Path) -> None:
    place.rename(tmp_path / "w.files")
    try:
        claim_work(tmp_path / "w.duckdb")
    finally:
        (tmp_path / "w.files").rename(place)


def parquet(place: Path, tmp_path: Path) -> None:
    publish_marts(built_warehouse(tmp_path), tmp_path / "bi.duckdb", place)


def export(place: Path, tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "export.duckdb")
    warehouse.prepare()
    export_raw(warehouse, str(place))


def samples(place: Path, tmp_path: Path) -> None:
    write_folder(place, 1)


def lake(place: Path, tmp_path: Path) -> None:
    environment = {"RAW_PARTS": "memory://raw", "SPARK_REMOTE": "sc://127.0.0.1:1", "LAKE": str(place)}
    with engine("sail", tmp_path / "w.duckdb", environment) as found:
        (Path(found["LAKE"]) / "marts").mkdir()


COMMANDS = [serve, work, parquet, export, samples, lake]
# What somebody may have in a folder; a name that ends with `/` is a folder, one with `->` a link to `elsewhere`.
STRANGERS = [
    ["thesis.txt"],
    [".hidden"],
    ["files/notes.txt"],
    ["files/", "uploads/", "jobs/", "workers/"],
    ["files/holiday/beach.jpg", "uploads/song.mp3", "jobs/2026/cv.pdf"],
    ["files/0f2f1ab8-53a5-4f36-9a1e-2f0f7b0c1d2e"],
    ["uploads/0f2f1ab853a54f369a1e2f0f7b0c1d2e"],
    ["server.log"],
    ["state.sqlite3/"],
    ["files->"],
    ["shards/building.part"],
    ["shards/receipts-0123.jsonl", "downloads/film.part"],
    ["downloads/film.jsonl"],
    ["load.lock", "shards/mine.txt"],
    ["mine.parquet"],
    ["published.parquet"],
    ["loads/part-000000000000.parquet"],
    ["manifest.json"],
    ["sample-01.jpg"],
    ["labels.jsonl"],
    ["receipts.parquet"],
    ["marts/table/part.parquet", "photos/a.jpg"],
    ["marts/orders/part.parquet", "raw/orders/part.parquet"],
    [".receipts-to-spend-state->", "files/a"],
    [".receipts-to-spend-samples/"],
]


def fill(place: Path, names: list[str]) -> None:
    place.mkdir()
    (place.parent / "elsewhere").mkdir()
    (place.parent / "elsewhere" / str(uuid.uuid4())).write_text(DEAR)
    for name in names:
        path = place / name.rstrip("/->")
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("->"):
            path.symlink_to(place.parent / "elsewhere")
        elif name.endswith("/"):
            path.mkdir()
        else:
            path.write_text(DEAR)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
@pytest.mark.parametrize("names", STRANGERS, ids=" ".join)
def test_a_folder_that_holds_anything_else_is_refused_and_left_as_it_is(
    names: list[str], command: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    place = tmp_path / "mine"
    fill(place, names)
    before, elsewhere = everything(place), everything(tmp_path / "elsewhere")
    with pytest.raises((LoaderError, OSError, sqlite3.Error)) as refusal:
        command(place, tmp_path)
    assert "\n" not in str(refusal.value)
    assert everything(place) == before
    assert everything(tmp_path / "elsewhere") == elsewhere


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
def test_an_empty_folder_becomes_ours_and_stays_so(command: Callable[[Path, Path], None], tmp_path: Path) -> None:
    place = tmp_path / "mine"
    place.mkdir(mode=0o777)
    command(place, tmp_path)
    assert any(place.iterdir())
    command(place, tmp_path)
    if command in (serve, work):
        for path in (place, *place.rglob("*")):
            assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_only_what_was_published_is_replaced(tmp_path: Path) -> None:
    warehouse, bi, folder = built_warehouse(tmp_path), tmp_path / "bi.duckdb", tmp_path / "parts"
    others: list[Callable[[], object]] = [
        lambda: bi.write_text(DEAR),
        lambda: duckdb.connect(str(bi)).execute("create table published as select 'a novel' as title").close(),
        lambda: bi.symlink_to(tmp_path / "nowhere"),
        lambda: bi.with_name("bi.duckdb.wal").write_text("the log of a file that was moved"),
    ]
    for make in others:
        make()
        before = {name: kept for name, kept in everything(tmp_path).items() if name.startswith("bi.")}
        with pytest.raises(WarehouseError, match="move it away"):
            publish_marts(warehouse, bi, folder)
        assert {name: kept for name, kept in everything(tmp_path).items() if name.startswith("bi.")} == before
        assert not folder.exists()
        for path in tmp_path.glob("bi.*"):
            path.unlink()
    publish_marts(warehouse, bi, folder)
    for path in folder.iterdir():
        path.chmod(0o644)  # as a copy would be
    publish_marts(warehouse, bi, folder)
    shutil.copy(folder / "receipts.parquet", folder / "mine.parquet")
    with pytest.raises(WarehouseError, match=r"did not publish \(mine.parquet\)"):
        publish_marts(warehouse, bi, folder)
    assert (folder / "mine.parquet").exists()


def test_a_parquet_folder_of_version_0_1_is_known(tmp_path: Path) -> None:
    warehouse, bi, folder = built_warehouse(tmp_path), tmp_path / "bi.duckdb", tmp_path / "parts"
    publish_marts(warehouse, bi, folder)
    published = folder / "published.parquet"
    duckdb.execute(f"copy (from '{published}') to '{tmp_path}/plain.parquet'")
    shutil.move(tmp_path / "plain.parquet", published)
    published.chmod(0o444)
    publish_marts(warehouse, bi, folder)
    assert (folder / "receipts.parquet").exists()


@pytest.mark.parametrize("name", ["backup", "abcdefgh"])
def test_folders_beside_the_published_file_stay(name: str, tmp_path: Path) -> None:
    mine = tmp_path / f".bi.duckdb.{name}.part"
    mine.mkdir()
    (mine / "thesis.txt").write_text(DEAR)
    publish_marts(built_warehouse(tmp_path), tmp_path / "bi.duckdb")
    assert (mine / "thesis.txt").read_text() == DEAR


def test_a_report_replaces_only_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAREHOUSE", str(built_warehouse(tmp_path)))
    monkeypatch.setenv("BI_DATABASE", str(tmp_path / "bi.duckdb"))
    page = tmp_path / "page.html"
    write_report(page)
    write_report(page)
    page.write_text("<title>Spend by category</title> my own page")
    with pytest.raises(NotOursError, match="not a report of this program"):
        write_report(page)
    assert "my own page" in page.read_text()


def test_samples_are_written_again_where_they_were(tmp_path: Path) -> None:
    write_folder(tmp_path / "new", 2)
    (tmp_path / "new" / ".receipts-to-spend-samples").unlink()  # as version 0.1 left it
    write_folder(tmp_path / "new", 1)
    (tmp_path / "mine.txt").write_text(DEAR)
    (tmp_path / "new" / "labels.jsonl").unlink()
    (tmp_path / "new" / "labels.jsonl").symlink_to(tmp_path / "mine.txt")
    with pytest.raises(NotOursError, match="is a link"):
        write_folder(tmp_path / "new", 1)
    assert (tmp_path / "mine.txt").read_text() == DEAR


def test_the_commands_refuse_in_one_line(tmp_path: Path) -> None:
    place = tmp_path / "mine"
    place.mkdir()
    (place / "thesis.txt").write_text(DEAR)
    warehouse = built_warehouse(tmp_path)
    for arguments in (("serve", "--port", "0", "--state"), ("samples",), ("export",), ("publish", "--parquet")):
        ended = run(*arguments, str(place), warehouse=warehouse)
        assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1), ended.stderr
        assert "thesis.txt" in ended.stderr
    place.rename(tmp_path / "w.files")
    ended = run("load", "--receipts", "samples", "--dry-run", warehouse=tmp_path / "w.duckdb")
    assert ended.returncode == 1 and "thesis.txt" in ended.stderr and len(ended.stderr.splitlines()) == 1
