"""A small warehouse with marts, made by the product itself: landed, then built by dbt. Built once a run, then copied.

Of dbt's tests only one is run on it, to be quick.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock

from loader import __main__ as program
from tests.helpers.answers import answer_line, jsonl
from tests.helpers.forked import Forked
from tests.helpers.warehouses import move

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "<script>alert('item')</script> & \N{RIGHT-TO-LEFT OVERRIDE}gnp.exe"
HOSTILE_MERCHANT = '"><img src=x onerror=alert(1)>'
ONLY_IN_RAW = "only-in-the-raw-line"


def receipt(currency: str | None, *items: tuple[str, str, str], total: str | None = None) -> str:
    """What a model answers to a receipt: items of name, price and category."""
    listed = [{"name": name, "price": price, "classification": category} for name, price, category in items]
    header = {"merchant": HOSTILE_MERCHANT, "purchased_on": "2026-03-01", "currency": currency, "total": total}
    return json.dumps({"items": listed, **header})


def answer(key: str, content: str, finish_reason: str = "stop") -> dict[str, Any]:
    """An answer that bears what must not leave schema raw."""
    line = answer_line(key, content, finish_reason=finish_reason, model="mistral-small-2603")
    line["response"]["body"]["id"] = ONLY_IN_RAW
    return line


LINES = [
    answer("0", receipt("IDR", ("Nasi Putih", "25.000", "Food"), ("Es Teh", "7500", "Beverage"))),
    answer("1", receipt("IDR", ("Nasi Putih", "1.250.000", "Food"), ("Diskon", "-2.500", "Food"))),
    answer("2", receipt("EUR", (HOSTILE, "3,20", "Food"), ("Diesel", "50,10", "Travel"), total="53,30")),
    answer("3", receipt("EUR", ("Ibuprofen", "4,99", "Medicine"), ("Bread", "25K", "Food"), total="9,99")),
    answer("4", receipt(None, ("Rice", "25.000", "Food"))),
    answer("5", receipt("EUR")),
    answer("6", "I cannot read this."),
    answer("7", receipt("EUR", ("Milk", "1,10", "Beverage"), ("Cheese", "5,00", "Food"))[:150], "length"),
    {"id": "8", "custom_id": "8", "response": None, "error": {"message": "internal error", "code": 500}},
]


def settings(warehouse: Path, bi_database: Path) -> dict[str, str]:
    """An environment with a test's own settings alone."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "PYTHONPATH")}
    target = str(_directory() / "target")  # of this process, so that tests that run at once do not meet in it
    return {
        **kept,
        "WAREHOUSE": str(warehouse),
        "BI_DATABASE": str(bi_database),
        "DBT_TARGET_PATH": target,
        "DBT_LOG_PATH": target,
        "DO_NOT_TRACK": "1",
    }


def run(*arguments: str, warehouse: Path, bi_database: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run `loader …` on a warehouse, with settings of its own alone.

    dbt reads its project anew, which takes most of its time, when the path of the warehouse is another than before: so
    the file stands in one place while dbt runs, and goes back.
    """
    environment = settings(warehouse, bi_database or warehouse.with_name("bi.duckdb"))
    if arguments[0] != "dbt":
        return _run(arguments, environment)
    place = shared() / "dbt" / "warehouse.duckdb"
    place.parent.mkdir(exist_ok=True)
    target = str(place.parent / "target")
    with FileLock(place.with_name("lock")):
        move(warehouse, place)
        try:
            names = {"WAREHOUSE": str(place), "DBT_TARGET_PATH": target, "DBT_LOG_PATH": target}
            return _run(arguments, environment | names)
        finally:
            move(place, warehouse)


def _run(arguments: tuple[str, ...], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    process = Forked(program.main, [*arguments], environment, ROOT)
    out, err = process.communicate(timeout=300)
    return subprocess.CompletedProcess(arguments, process.wait(), out, err)


@cache
def _directory() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="built-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return directory


def shared() -> Path:
    """A folder that the processes of a test run share; see conftest.py."""
    return Path(os.environ["TEST_RUN_FOLDER"])


@cache
def _built() -> Path:
    built = shared() / "built"
    with FileLock(shared() / "built.lock"):
        if not built.exists():
            building = shared() / "building"
            building.mkdir()
            _build(building / "warehouse.duckdb")
            building.rename(built)
    return built / "warehouse.duckdb"


def _build(warehouse: Path) -> None:
    lines = warehouse.with_name("output.jsonl")
    lines.write_text(jsonl(*LINES))
    nodes = ("resource_type:model", "resource_type:seed", "source_accepted_values_raw_loads_status*")
    build = ("dbt", "build", "--quiet", "--indirect-selection", "empty", "--select", *nodes)
    for arguments in (("land", str(lines)), build):
        ended = run(*arguments, warehouse=warehouse)
        assert ended.returncode == 0, ended.stdout + ended.stderr


def built_warehouse(directory: Path) -> Path:
    """A copy of the warehouse in a folder of the test's own."""
    return Path(shutil.copy(_built(), directory / "warehouse.duckdb"))
