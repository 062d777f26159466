"""200 publishes under 4 busy readers: no query fails, and none sees the half of one and the half of another."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from loader.marts.publish import publish_marts

pytestmark = pytest.mark.slow

PUBLISHES = 200
READERS = 4
# Opens the file, asks a few times with one connection, and again. Both tables hold the number of their publish in
# every row, so a torn read would show two numbers.
READ = """
import duckdb, json, sys, pathlib
path, stop, queries, seen, torn = sys.argv[1], pathlib.Path(sys.argv[2]), 0, [], 0
while not stop.exists():
    connection = duckdb.connect(path, read_only=True)
    for _ in range(3):
        numbers = connection.execute(
            "select min(n), max(n), count(*) from (from marts.first union all from marts.second)").fetchone()
        torn += numbers[0] != numbers[1] or numbers[2] != 20000
        queries += 1
    seen.append(numbers[0])
    connection.close()
print(json.dumps([queries, torn, seen == sorted(seen), len(set(seen))]))
"""


def test_no_query_fails_and_no_read_is_torn(tmp_path: Path) -> None:
    warehouse, bi, stop = tmp_path / "warehouse.duckdb", tmp_path / "bi.duckdb", tmp_path / "stop"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema raw")
        connection.execute("create table raw.loads (load_id varchar, status varchar, recorded_at timestamp)")
        connection.execute("create table raw.batch_output (landed_at timestamp)")
        connection.execute("create schema marts")
        for table in ("first", "second"):
            connection.execute(f"create table marts.{table} as select 0::bigint as n from range(10000)")
    publish_marts(warehouse, bi)
    command = [sys.executable, "-c", READ, str(bi), str(stop)]
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(READERS)]
    try:
        for number in range(1, PUBLISHES + 1):
            with duckdb.connect(str(warehouse)) as connection:
                connection.execute(f"update marts.first set n = {number}; update marts.second set n = {number}")
            publish_marts(warehouse, bi)
    finally:
        stop.touch()
    for reader in readers:
        out, _ = reader.communicate(timeout=60)
        assert reader.returncode == 0
        queries, torn, in_order, publishes_seen = json.loads(out)
        assert torn == 0
        assert in_order
        assert queries > PUBLISHES
        assert publishes_seen > 10
