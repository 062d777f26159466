"""The engines beside DuckDB, each started in the ways that `docs/spark.md` names, and dbt run on them.

Sail and Spark can't share an environment, so Spark's programs are those of `.venv-spark` (`make` sets it up) unless
this environment has Spark.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from loader.marts.run_dbt import embedded_sail
from tests.parity.servers import HOST, JIT_FOR_SHORT_RUNS, sail_server, spark_cluster, spark_connect

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "dbt_project"


@dataclass(frozen=True)
class Engine:
    """A way to run an engine: dbt's target, and what gives the environment that dbt needs for it."""

    target: str
    start: Callable[[Path], AbstractContextManager[dict[str, str]]]


def spark_programs() -> Path | None:
    """Where the programs of an environment with Spark are, None when there is none."""
    for place in (Path(sys.prefix), ROOT / ".venv-spark"):
        if list(place.glob("lib/python*/site-packages/pyspark/jars")):
            return place / "bin"
    return None


def missing(name: str) -> str:
    """Why an engine can't run here, '' when it can."""
    if ENGINES[name].target == "sail":
        return "" if importlib.util.find_spec("pysail") else "pysail is not installed (make .venv/.sail)"
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        return "there is no Java"
    return "" if spark_programs() else "Spark is not installed (make .venv-spark/.installed)"


def run_dbt(
    target: str, folder: Path, *arguments: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run dbt on a target, with the warehouse and dbt's own files in a folder."""
    programs = spark_programs() if target == "spark" else Path(sys.prefix) / "bin"
    assert programs is not None
    return subprocess.run(
        [str(programs / "dbt"), "--no-use-colors", "--quiet", *arguments, "--target", target],
        cwd=PROJECT,
        env={
            **os.environ,
            "WAREHOUSE": str(folder / "warehouse.duckdb"),
            "DBT_TARGET_PATH": str(folder / f"target-{target}"),
            "DBT_LOG_PATH": str(folder / f"target-{target}"),
            "PYTHONWARNINGS": "ignore",
            **(environment or {}),
        },
        capture_output=True,
        text=True,
        check=False,
    )


@contextmanager
def _embedded_sail(folder: Path) -> Iterator[dict[str, str]]:
    with embedded_sail() as url:
        yield {"SPARK_REMOTE": url}


@contextmanager
def _sail_server(folder: Path) -> Iterator[dict[str, str]]:
    with sail_server(folder) as url:
        yield {"SPARK_REMOTE": url}


@contextmanager
def _sail_cluster(folder: Path) -> Iterator[dict[str, str]]:
    with sail_server(folder, cluster=True) as url:
        yield {"SPARK_REMOTE": url}


@contextmanager
def _spark_in_process(folder: Path) -> Iterator[dict[str, str]]:
    # what only makes a short run shorter: little data on few cores, a catalog that is forgotten
    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": str(folder / "spark-warehouse"),
        "spark.driver.defaultJavaOptions": f"{JIT_FOR_SHORT_RUNS} -Dderby.stream.error.file={folder}/derby.log",
        "spark.hadoop.javax.jdo.option.ConnectionURL": "jdbc:derby:memory:metastore;create=true",
    }
    words = [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
    yield {
        "PYSPARK_SUBMIT_ARGS": shlex.join(["--driver-memory", "2g", *words, "pyspark-shell"]),
        "SPARK_LOCAL_IP": HOST,
    }


@contextmanager
def _spark_connect(folder: Path) -> Iterator[dict[str, str]]:
    with spark_connect(spark_home(), folder) as url:
        yield {"SPARK_REMOTE": url}


@contextmanager
def _spark_cluster(folder: Path) -> Iterator[dict[str, str]]:
    with spark_cluster(spark_home(), folder) as url:
        yield {"SPARK_REMOTE": url}


def spark_home() -> Path:
    """Where the wheel of pyspark keeps Spark."""
    programs = spark_programs()
    assert programs is not None
    return next(programs.parent.glob("lib/python*/site-packages/pyspark"))


ENGINES = {
    "sail": Engine("sail", _embedded_sail),
    "sail-server": Engine("sail", _sail_server),
    "sail-cluster": Engine("sail", _sail_cluster),
    "spark": Engine("spark", _spark_in_process),
    "spark-connect": Engine("spark", _spark_connect),
    "spark-cluster": Engine("spark", _spark_cluster),
}
