"""The folder beside the warehouse: only what a run made there goes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from loader.batch.jobs import Jobs
from loader.warehouse.duckdb_file import Warehouse
from loader.work_folder import claim as claim_work

DEAR = "dear to me"


def test_a_work_folder_of_version_0_1_is_known_and_only_our_names_go(tmp_path: Path) -> None:
    place = tmp_path / "w.files"
    for name in ("shards", "downloads", "local_api"):
        (place / name).mkdir(parents=True)
    ours = [
        f"shards/receipts-{'0' * 32}.jsonl",
        "shards/building.part",
        "downloads/a.jsonl.part",
        "downloads/a2.short",
    ]
    for name in ("load.lock", *ours):
        (place / name).touch()
    claim_work(tmp_path / "w.duckdb")
    mine = ["shards/mine.jsonl", "downloads/film.part", "downloads/notes.txt"]
    for name in mine:
        (place / name).write_text(DEAR)
    (tmp_path / "photos").write_text(DEAR)
    link = place / "shards" / f"receipts-{'1' * 32}.jsonl"
    link.symlink_to(tmp_path / "photos")
    warehouse = Warehouse(tmp_path / "w.duckdb")
    warehouse.prepare()

    class Api:
        name = "embedded"

    report = SimpleNamespace(say=print)
    Jobs(warehouse, Api(), report, place, "load").clean_up()  # type: ignore[arg-type]
    assert not any((place / name).exists() for name in ours)
    assert all((place / name).read_text() == DEAR for name in mine)
    assert link.is_symlink()
