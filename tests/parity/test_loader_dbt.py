"""`loader dbt` as a user types it: an export is built on a server, and what has come since with the next build."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from loader.export import export_raw
from loader.warehouse import Warehouse
from tests.dbt.raw_tables import RawTables
from tests.dbt.scenarios import write_sources
from tests.parity.engines import missing
from tests.parity.hostile import CONTENTS, write_hostile
from tests.parity.servers import sail_server

MODELS = ("--resource-type", "seed", "--resource-type", "model")


def loader_dbt(*arguments: str, **environment: str) -> None:
    command = [str(Path(sys.executable).with_name("loader")), "dbt", *arguments]
    ended = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]


@pytest.mark.slow
def test_an_export_is_built_on_a_server_and_the_next_build_takes_its_place(tmp_path: Path) -> None:
    if missing("sail-server"):
        pytest.skip(missing("sail-server"))
    raw = RawTables(tmp_path / "w.duckdb")
    with raw:
        write_sources(raw)
    lake = tmp_path / "lake"
    places = {"WAREHOUSE": str(raw.path), "RAW_PARTS": str(tmp_path / "parts"), "LAKE": str(lake)}
    query = f"select count(*) from read_parquet('{lake}/marts/answers/*.parquet')"
    counts = []
    with sail_server(tmp_path) as url:
        for write in (lambda _: None, write_hostile):
            with raw:
                write(raw)
            export_raw(Warehouse(raw.path), places["RAW_PARTS"])
            loader_dbt("build", "--quiet", "--target", "sail", *MODELS, SPARK_REMOTE=url, **places)
            counts.append(duckdb.execute(query).fetchall()[0][0])
    assert counts[1] == counts[0] + len(CONTENTS)
    assert not (tmp_path / ".lake.part").exists()
