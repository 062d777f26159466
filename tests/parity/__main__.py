"""`make parity`: the same raw tables built by dbt on DuckDB and on Spark's kin, and all marts compared.

The rows are the edge cases that the dbt tests hold, the hostile contents, corrections and generated answers. Sail is
embedded here and Spark in process, where Java is, unless other ways to run them are named. Ends with 1 when anything
differs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from loader.warehouse.duckdb_file import Warehouse
from loader.warehouse.export import export_raw
from loader.warehouse.raw import append_output
from tests.bench import data
from tests.dbt.corpus import write_corpus
from tests.dbt.raw_tables import RawTables
from tests.dbt.scenarios import write_labelled, write_scenarios, write_sources
from tests.parity.compare import differences, marts_of_lake, marts_of_warehouse
from tests.parity.corrected import write_corrected
from tests.parity.engines import ENGINES, missing, run_dbt
from tests.parity.hostile import CONTENTS, hostile_id, write_hostile

LINES_A_FILE = 50_000


def write_raw(path: Path, answers: int) -> None:
    """A warehouse with the edge cases and so many generated answers."""
    raw = RawTables(path)
    with raw:
        for write in (write_corpus, write_scenarios, write_sources, write_labelled, write_hostile, write_corrected):
            write(raw)
    with tempfile.TemporaryDirectory() as folder, Warehouse(path).transaction() as connection:
        for first in range(0, answers, LINES_A_FILE):
            last = min(first + LINES_A_FILE, answers)
            file = Path(folder) / "output.jsonl"
            data.write_output(file, first, last)
            name = f"generated-{first}"
            append_output(connection, name, name, "output", file, "load")
            keys = [(data.receipt_id(number), data.custom_id(number)) for number in range(first, last)]
            connection.execute(
                """
                insert into raw.receipts
                select unnest($receipts), 'generated', unnest($receipts), 'image/jpeg', 800, 1200, 100000, null, null,
                    null, 'load', timestamp '2026-03-01 08:00:00', null, null
                """,
                {"receipts": [receipt for receipt, _ in keys]},
            )
            connection.execute(
                """
                insert into raw.batch_requests
                select unnest($ids), unnest($receipts), 'mistral-small-2603', 'prompt', $name, 1, 2000, 'load',
                    timestamp '2026-03-01 08:01:00'
                """,
                {"ids": [key for _, key in keys], "receipts": [receipt for receipt, _ in keys], "name": name},
            )
            job = f'{{"id": "{name}", "status": "SUCCESS", "model": "mistral-small-2603", "created_at": 1790000000}}'
            connection.execute(
                "insert into raw.batch_jobs values (?, ?, ?, timestamp '2026-03-01 08:10:00')", [name, name, job]
            )


def build(target: str, folder: Path, **environment: str) -> float:
    """Run dbt with all its tests; the seconds it took. Ends the program when it fails."""
    started = time.monotonic()
    # unit tests have their place in tests/dbt: here every mart is compared
    ended = run_dbt(target, folder, "build", "--exclude-resource-type", "unit_test", environment=environment)
    if ended.returncode:
        sys.exit(f"{target}: dbt build failed\n{ended.stdout[-6000:]}{ended.stderr[-2000:]}")
    return time.monotonic() - started


def build_lake(engine: str, folder: Path) -> tuple[Path, float]:
    """Build on an engine out of the exported parts: the folder of its tables, and the seconds."""
    lake = folder / f"lake-{engine}"
    lake.mkdir()
    places = {"RAW_PARTS": str(folder / "raw"), "LAKE": str(lake / "tables")}
    with ENGINES[engine].start(lake) as environment:
        return lake / "tables", build(ENGINES[engine].target, folder, **environment, **places)


def wrong_statuses(statuses: dict[str, str]) -> list[str]:
    """The hostile contents whose status is not the expected one."""
    return [
        f"content `{name}`: {statuses.get(hostile_id(number))} instead of {status}"
        for number, (name, (_, status)) in enumerate(CONTENTS.items())
        if statuses.get(hostile_id(number)) != status
    ]


def main() -> None:
    """Build everywhere, compare, print; end with 1 where the answers differ."""
    parser = argparse.ArgumentParser(prog="make parity", description=__doc__)
    parser.add_argument("--answers", type=int, default=100_000, help="generated answers beside the edge cases")
    parser.add_argument("--engine", choices=list(ENGINES), action="append", help="only these")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="parity-") as name:
        sys.exit(compare(Path(name), arguments.answers, arguments.engine or ["sail", "spark"]))


def compare(folder: Path, answers: int, wanted: list[str]) -> int:
    """Build and compare in a folder: 0 when all engines agree, else 1."""
    warehouse = folder / "warehouse.duckdb"
    write_raw(warehouse, answers)
    export_raw(Warehouse(warehouse), str(folder / "raw"))
    print(f"DuckDB: built and tested in {build('duckdb', folder):.0f} s", flush=True)
    expected = marts_of_warehouse(warehouse)
    query = "select custom_id, status from {} where custom_id like 'hostile-%'"
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        said = wrong_statuses(dict(connection.execute(query.format("marts.answers")).fetchall()))
    trouble = [f"DuckDB: {line}" for line in said]
    compared = 0
    for engine in wanted:
        if missing(engine):
            print(f"{engine}: left out, {missing(engine)}")
            continue
        lake, seconds = build_lake(engine, folder)
        statuses = duckdb.execute(query.format(f"read_parquet('{lake}/marts/answers/*.parquet')")).fetchall()
        said = differences(expected, marts_of_lake(lake)) + wrong_statuses(dict(statuses))
        print(
            f"{engine}: built and tested in {seconds:.0f} s, {len(said)} differences in {len(expected)} marts",
            flush=True,
        )
        trouble += [f"{engine}: {line}" for line in said]
        compared += 1
    for line in trouble:
        print(line)
    if not compared:
        print("nothing was compared: install an engine with pip install -e '.[sail]'")
    return 1 if trouble or not compared else 0


if __name__ == "__main__":
    main()
