"""The DuckDB 1.x that BI tools embed reads the published file, whatever the loader, dbt and a publish do meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from loader.marts.publish import publish_marts
from tests.helpers.built_warehouse import built_warehouse
from tests.helpers.environments import answer, make_environment
from tests.helpers.warehouses import rows

pytestmark = pytest.mark.slow

READ_EVERYTHING = """
import duckdb, json, sys
connection = duckdb.connect(sys.argv[1], read_only=True)
tables = connection.execute("select schema_name || '.' || table_name from duckdb_tables() order by 1").fetchall()
counts = {table: len(connection.execute(f"select * from {table}").fetchall()) for (table,) in tables}
spend = connection.execute(
    "select typeof(spend), sum(spend)::varchar from marts.spend_by_category group by 1").fetchone()
print(json.dumps([duckdb.__version__, counts, spend]))
"""
HOLD = (
    "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read(); held.close()"
)
PUBLISH_ON_AND_ON = (
    "import sys; from pathlib import Path; from loader.marts.publish import publish_marts\n"
    "while True: publish_marts(Path(sys.argv[1]), Path(sys.argv[2])); print('published', flush=True)"
)


@pytest.mark.parametrize("version", ["1.0", "1.4", "1.5"])
def test_opens_and_reads_every_table(tmp_path: Path, version: str) -> None:
    python = make_environment(tmp_path / "venv", f"duckdb=={version}.*")
    warehouse, bi = built_warehouse(tmp_path), tmp_path / "bi.duckdb"
    done = publish_marts(warehouse, bi)
    expected = {"main.published": 1, **{f"marts.{table}": count for table, count in done.rows.items()}}
    ((total,),) = rows(bi, "select sum(spend)::varchar from marts.spend_by_category")

    def check() -> None:
        used, counts, spend = json.loads(answer(python, READ_EVERYTHING, bi))
        assert used.startswith(version)
        assert counts == expected
        assert spend == ["DECIMAL(18,3)", total]

    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(warehouse)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout and writer.stdout.readline() == b"open\n"
        check()  # the warehouse is held for writing
        writer.communicate()
    with subprocess.Popen(
        [sys.executable, "-c", PUBLISH_ON_AND_ON, str(warehouse), str(bi)], stdout=subprocess.PIPE
    ) as publisher:
        assert publisher.stdout and publisher.stdout.readline() == b"published\n"
        for _ in range(10):
            check()
        assert publisher.poll() is None
        publisher.kill()
