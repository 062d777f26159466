"""DuckDB and Sail (and Spark, where it is there) give the same marts; what compares them sees differences."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.parity.__main__ import compare
from tests.parity.compare import differences, marts_of_lake, marts_of_warehouse
from tests.parity.engines import missing

ROWS = "(1, 'a', 0.5::double, timestamp '2026-03-01 08:00:00'), (2, null, null, null)"


def warehouse_and_lake(folder: Path, in_lake: str) -> tuple[Path, Path]:
    made = "select * from (values {}) as listed (number, name, share, moment)"
    with duckdb.connect(str(folder / "w.duckdb")) as connection:
        connection.execute(f"create schema marts; create table marts.one as {made.format(ROWS)}")
    (folder / "lake" / "marts" / "one").mkdir(parents=True)
    duckdb.execute(f"copy ({made.format(in_lake)}) to '{folder}/lake/marts/one/part.parquet'")
    return folder / "w.duckdb", folder / "lake"


@pytest.mark.parametrize(
    ("in_lake", "expected"),
    [
        (ROWS, []),
        (ROWS.replace("timestamp", "timestamptz").replace("00:00'", "00:00+00'"), []),
        ("(2, null, null, null), (1, 'a', 0.5::double, timestamp '2026-03-01 08:00:00')", []),
        (ROWS.replace(", (2, null, null, null)", ""), ["2 rows and 1"]),
        (ROWS.replace("0.5", "0.6"), ["sums"]),
        (ROWS.replace("'a'", "'b'"), ["other values"]),
        (ROWS.replace("(2, null", "(2, ''"), ["other values"]),
        (ROWS.replace("08:00:00", "08:00:01"), ["other values"]),
    ],
)
def test_a_difference_in_any_column_is_seen_and_order_is_none(
    tmp_path: Path, in_lake: str, expected: list[str]
) -> None:
    warehouse, lake = warehouse_and_lake(tmp_path, in_lake)
    said = differences(marts_of_warehouse(warehouse), marts_of_lake(lake))
    assert len(said) == len(expected)
    assert all(word in line for word, line in zip(expected, said, strict=True))


def test_a_mart_that_is_missing_is_told(tmp_path: Path) -> None:
    warehouse, lake = warehouse_and_lake(tmp_path, ROWS)
    assert differences(marts_of_warehouse(warehouse), {}) == ["one: only built by one of the two"]
    assert marts_of_lake(lake).keys() == {"one"}


# `make parity` takes all six ways; here a cluster stands for a server and for the engine embedded, in which
# test_macros.py runs every macro.
@pytest.mark.slow
@pytest.mark.parametrize("engine", ["sail-cluster", "spark-cluster"])
def test_all_models_tests_and_marts_are_the_same(
    tmp_path: Path, engine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if missing(engine):
        pytest.skip(missing(engine))
    assert compare(tmp_path, 500, [engine]) == 0, capsys.readouterr().out
    if engine == "spark-cluster":
        started = {path.parent.parent.parent.name for path in tmp_path.glob("lake-*/worker-*/app-*/*/stdout")}
        assert started == {"worker-0", "worker-1"}, "both workers had an executor"
