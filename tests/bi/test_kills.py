"""A publish that is killed at any moment leaves a good file, and the next one cleans up after it."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from loader.marts.publish import publish_marts
from tests.helpers.built_warehouse import built_warehouse
from tests.helpers.warehouses import change, rows

pytestmark = pytest.mark.slow

KILLS = 60
PUBLISH = (
    "import sys; from pathlib import Path; from loader.marts.publish import publish_marts; print('ready', flush=True); "
    "publish_marts(*map(Path, sys.argv[1:]))"
)


def test_killed_anywhere_leaves_a_good_file(tmp_path: Path) -> None:
    warehouse, folder, bi = built_warehouse(tmp_path), tmp_path / "marts", tmp_path / "bi.duckdb"
    publish_marts(warehouse, bi, folder)
    started = time.monotonic()
    publish_marts(warehouse, bi, folder)
    whole = time.monotonic() - started
    dice = random.Random(5)
    killed = []
    seen = [5, 5]  # rows in the file and in the folder; killed between the two swaps, the folder is a publish behind
    for _ in range(KILLS):
        change(warehouse, "insert into marts.categories values ('one more', '')")
        process = subprocess.Popen(
            [sys.executable, "-c", PUBLISH, str(warehouse), str(bi), str(folder)], stdout=subprocess.PIPE
        )
        assert process.stdout and process.stdout.readline() == b"ready\n"
        time.sleep(dice.uniform(0, 1.5 * whole))
        process.kill()
        killed.append(process.wait() != 0)
        before, seen = (
            seen,
            [
                rows(bi, "select count(*) from marts.categories")[0][0],
                pq.read_metadata(folder / "categories.parquet").num_rows,
            ],
        )
        assert all(old <= new <= 5 + len(killed) for old, new in zip(before, seen, strict=True))
        assert len(list(folder.iterdir())) == len(rows(bi, "from duckdb_tables()"))
    assert sum(killed) > KILLS // 4  # in the midst of it
    publish_marts(warehouse, bi, folder)
    assert rows(bi, "select count(*) from marts.categories") == [(5 + KILLS,)]
    assert not list(tmp_path.glob(".*.part"))
