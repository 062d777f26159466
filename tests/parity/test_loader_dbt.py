"""`loader dbt` as a user types it: an export is built on a server, and what has come since by the next build."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from loader.warehouse.duckdb_file import Warehouse
from loader.warehouse.export import export_raw
from tests.dbt.raw_tables import RawTables
from tests.dbt.scenarios import write_sources
from tests.parity.compare import differences, marts_of_lake, marts_of_warehouse
from tests.parity.engines import ENGINES, missing, run_dbt, spark_programs
from tests.parity.hostile import CONTENTS, write_hostile

MODELS = ("build", "--resource-type", "seed", "--resource-type", "model", "--select", "+answers", "+receipt_items")


def loader_dbt(programs: Path, *arguments: str, environment: dict[str, str]) -> None:
    command = [str(programs / "loader"), "dbt", *arguments]
    ended = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["sail-server", "spark-connect"])
def test_a_second_build_on_a_server_takes_in_what_has_come_since(tmp_path: Path, engine: str) -> None:
    """Sail has forgotten the first build and makes all again; Spark's catalog lasts, so that files are appended."""
    if missing(engine):
        pytest.skip(missing(engine))
    raw = RawTables(tmp_path / "warehouse.duckdb")
    with raw:
        write_sources(raw)
    target, lake = ENGINES[engine].target, tmp_path / "lake"
    places = {"WAREHOUSE": str(raw.path), "RAW_PARTS": str(tmp_path / "parts"), "LAKE": str(lake)}
    programs = spark_programs() if target == "spark" else Path(sys.prefix) / "bin"
    assert programs is not None
    counts = []
    with ENGINES[engine].start(tmp_path) as environment:
        for write in (lambda _: None, write_hostile):
            with raw:
                write(raw)
            export_raw(Warehouse(raw.path), places["RAW_PARTS"])
            loader_dbt(programs, *MODELS, "--quiet", "--target", target, environment={**environment, **places})
            query = f"select count(*) from read_parquet('{lake}/marts/answers/*.parquet')"
            counts.append(duckdb.execute(query).fetchall()[0][0])
    assert counts[1] == counts[0] + len(CONTENTS)
    assert not (tmp_path / ".lake.part").exists()
    assert run_dbt("duckdb", tmp_path, *MODELS).returncode == 0
    assert differences(marts_of_warehouse(raw.path), marts_of_lake(lake)) == []
