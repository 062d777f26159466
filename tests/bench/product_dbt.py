"""dbt's sides of the benchmark: a warehouse full of answers, and `dbt build` over it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb

from loader.settings import ROOT
from loader.warehouse.duckdb_file import Warehouse, now
from loader.warehouse.raw import append_job, append_output
from tests.bench.data import write_output

JOB_ANSWERS = 100_000
SHOWN_MODELS = 10
TEXTS = {"model": "mistral-small-2603", "load": "bench"}


def fill(directory: str, first: int, last: int) -> dict[str, Any]:
    """Answers from `first` to before `last` in a warehouse, with receipts, requests and jobs, as the loader does."""
    warehouse = Warehouse(Path(directory) / "warehouse.duckdb")
    warehouse.path.with_suffix(".files").mkdir(parents=True, exist_ok=True)
    warehouse.prepare()
    lines = 0
    for start in range(first, last, JOB_ANSWERS):
        end = min(start + JOB_ANSWERS, last)
        path = Path(directory) / "output.jsonl"
        write_output(path, start, end)
        job = f"job-{start:09}"
        with warehouse.transaction() as connection:
            bounds = {"first": start, "last": end, "now": now(), "job": job, **TEXTS}
            connection.execute(RECEIPTS, {name: bounds[name] for name in ("first", "last", "now", "load")})
            connection.execute(REQUESTS, bounds)
            lines += append_output(connection, job, f"file-{start:09}", "output", path, TEXTS["load"])
            append_job(connection, _job(job, start, end - start), job)
        path.unlink()
    return {"lines": lines}


RECEIPTS = """
    insert into raw.receipts
    select sha256('receipt ' || number), 'bench', number::varchar, 'image/jpeg', 1080, 1920, 567000, null, null, null,
        $load, $now, null, null
    from range($first, $last) as numbers (number)
"""
REQUESTS = """
    insert into raw.batch_requests
    select left(sha256('request ' || number), 32), sha256('receipt ' || number), $model, 'prompt', $job, 1, 4096, $load,
        $now
    from range($first, $last) as numbers (number)
"""


def _job(job_id: str, start: int, count: int) -> dict[str, Any]:
    return {
        "id": job_id,
        "status": "SUCCESS",
        "model": TEXTS["model"],
        "metadata": {"shard_id": job_id},
        "created_at": 1_790_000_000 + start,
        "started_at": 1_790_000_000 + start,
        "completed_at": 1_790_100_000 + start,
        "input_files": [],
        "output_file": f"file-{start:09}",
        "error_file": None,
        "errors": [],
        "total_requests": count,
        "completed_requests": count,
        "succeeded_requests": count,
        "failed_requests": 0,
    }


def parse(directory: str) -> dict[str, Any]:
    """What dbt keeps of the project's files from one run to the next."""
    _dbt(directory, "parse")
    return {}


def build(directory: str) -> dict[str, Any]:
    """`dbt build` as make runs it; the seconds that its models took, and which took longest."""
    _dbt(directory, "build", "--exclude-resource-type", "unit_test")
    results = json.loads((Path(directory) / "target" / "run_results.json").read_text())["results"]
    models = {one["unique_id"]: one["execution_time"] for one in results if one["unique_id"].startswith("model.")}
    slowest = sorted(models, key=lambda model: -models[model])[:SHOWN_MODELS]
    return {"model_seconds": sum(models.values()), "slowest": {model: models[model] for model in slowest}}


def _dbt(directory: str, *arguments: str) -> None:
    os.environ["WAREHOUSE"] = str(Path(directory) / "warehouse.duckdb")
    os.environ["DBT_TARGET_PATH"] = str(Path(directory) / "target")
    os.environ["DBT_LOG_PATH"] = str(Path(directory) / "logs")
    os.environ["DO_NOT_TRACK"] = "1"
    os.chdir(ROOT / "dbt_project")
    from dbt.cli.main import dbtRunner

    if not dbtRunner().invoke(["--quiet", *arguments]).success:
        raise SystemExit(f"dbt {arguments[0]} failed: see {directory}/logs")


def floor(directory: str) -> dict[str, Any]:
    """The selects of the last build, one after another into temporary tables, by DuckDB alone with dbt's limits."""
    target = Path(directory) / "target"
    results = json.loads((target / "run_results.json").read_text())["results"]
    nodes = json.loads((target / "manifest.json").read_text())["nodes"]
    limits = {"memory_limit": "900MB", "threads": 2, "preserve_insertion_order": False}
    with duckdb.connect(str(Path(directory) / "warehouse.duckdb"), read_only=True, config=limits) as connection:  # type: ignore[arg-type]
        for node in (nodes[one["unique_id"]] for one in results if one["unique_id"] in nodes):
            if node["resource_type"] == "model" and node["config"]["materialized"] != "view":
                connection.execute(f"create temp table made as {node['compiled_code']}")
                connection.execute("drop table made")
    return {}


TEN_MODELS = {
    "dbt_project.yml": """
name: ten_models
version: "1.0.0"
profile: ten_models
models: {ten_models: {+materialized: table}}
flags: {send_anonymous_usage_stats: false}
""",
    "profiles.yml": "ten_models: {target: t, outputs: {t: {type: duckdb, path: ten.duckdb, threads: 2}}}",
    **{f"models/model_{number}.sql": f"select {number} as id, 'a text' as name" for number in range(10)},
}


def first_build(directory: str) -> dict[str, tuple[float, float]]:
    """Seconds and CPU-seconds of the first `dbt build` of twelve receipts, and of ten tables without a test."""
    for name, text in TEN_MODELS.items():
        path = Path(directory) / "ten" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    fill(directory, 0, 12)
    environment = {**os.environ, "WAREHOUSE": f"{directory}/warehouse.duckdb", "DO_NOT_TRACK": "1"}

    def seconds(folder: Path, *command: str) -> tuple[float, float]:
        started, cpu = time.monotonic(), sum(os.times()[2:4])
        subprocess.run([sys.executable, *command], cwd=folder, env=environment, check=True)
        return time.monotonic() - started, sum(os.times()[2:4]) - cpu

    of_ten = seconds(Path(directory) / "ten", "-c", "from dbt.cli.main import cli; cli()", "--quiet", "build")
    return {"build": seconds(ROOT, "-m", "loader", "dbt", "build", "--quiet"), "ten_models": of_ten}


def second_make(directory: str) -> dict[str, float]:
    """Seconds of the second `make` over the samples, and of importing dbt."""
    places = {"WAREHOUSE": f"{directory}/warehouse.duckdb", "BI_DATABASE": f"{directory}/bi.duckdb"}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MISTRAL")} | places

    def seconds(*command: str) -> float:
        started = time.monotonic()
        subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
        return time.monotonic() - started

    seconds("make")
    return {"make": seconds("make"), "import": seconds(sys.executable, "-c", "import dbt.cli.main")}


def spend(directory: str) -> dict[str, str]:
    """Spend by currency and category, as dbt built it."""
    with duckdb.connect(str(Path(directory) / "warehouse.duckdb"), read_only=True) as connection:
        rows = connection.execute("select currency, category, spend from marts.spend_by_category").fetchall()
    return {f"{currency} {category}": str(spend) for currency, category, spend in rows}
