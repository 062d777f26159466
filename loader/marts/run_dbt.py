"""Running dbt, and what it needs on engines beside DuckDB: where the raw parts are, a Sail server where none is named.

Sail forgets its tables when a session ends (unless its server has a catalog that lasts) and writes only into empty
folders. So where LAKE says where its tables are, every build makes all of them: in a new folder beside the old
one, which takes its place when the build has succeeded; behind a URL, in a folder of the build's own.
"""

from __future__ import annotations

import datetime as dt
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from loader import owned_folder, work_folder
from loader.errors import SettingsError, cannot_write
from loader.files import swap_in_folder
from loader.marts.built_from import built_from
from loader.plain_signs import PLAIN_ASCII
from loader.warehouse.dbt_sql import PROJECT

SCHEMAS = ("default", "raw", "reference", "staging", "intermediate", "marts", "audit")
_SCHEMA_FOLDERS = dict.fromkeys(SCHEMAS, owned_folder.ANY)
LAKE = owned_folder.Kind(
    "lake",
    files=r"(?!)",
    folders=_SCHEMA_FOLDERS,
    is_replaced=True,
    is_older=lambda lake: all((lake / table).is_dir() for table in ("marts/spend_by_category", "reference/currencies")),
)
# Where the next one is built. Version 0.1 built it there without a folder between.
BUILDING = owned_folder.Kind(
    "build",
    files=r"(?!)",
    folders={"lake": owned_folder.ANY, "lake.old": owned_folder.ANY, **_SCHEMA_FOLDERS},
    is_replaced=True,
    is_older=lambda building: (building / "reference" / "currencies").is_dir(),
)
TARGET_FLAGS = ("--target", "-t")
CHOOSING_FLAGS = ("--resource-type", "--exclude-resource-type", "--select", "-s", "--selector", "--models", "-m")
# Not dbt's script: after a copy of the checkout that is the original's. The client of Spark takes a program that has no
# `__file__` for its own doctests.
DBT = (sys.executable, "-c", "__file__ = 'dbt'; from dbt.cli.main import cli; cli(prog_name='dbt')")


def dbt_target(arguments: Sequence[str]) -> str:
    """The target that dbt's arguments name, `duckdb` when none does."""
    named = _flag(arguments, TARGET_FLAGS)
    return "duckdb" if named is None else named


def _flag(arguments: Sequence[str], names: Sequence[str]) -> str | None:
    """What a flag of dbt's arguments says, None when it isn't there."""
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        if argument in names:
            return following
        if argument.startswith("--") and argument.partition("=")[0] in names:
            return argument.partition("=")[2]
    return None


@contextmanager
def embedded_sail() -> Iterator[str]:
    """The URL of a Sail server in this process. Raises SettingsError when it is not installed."""
    try:
        from pysail.spark import SparkConnectServer
    except ImportError as error:
        raise SettingsError(
            "Sail is not installed: pip install -c constraints.txt -e '.[sail]', or name a server in SPARK_REMOTE"
        ) from error
    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    try:
        host, port = server.listening_address or ("", 0)
        yield f"sc://{host}:{port}"
    finally:
        server.stop()


@dataclass(frozen=True)
class Ended:
    """How a run of dbt ended."""

    code: int
    target: str


def run_dbt(arguments: Sequence[str], warehouse: Path, environment: dict[str, str], say: Callable[..., None]) -> Ended:
    """Run dbt with these arguments on a warehouse.

    `say` prints where the log of a run that ended badly is, and where the page of `docs generate` is. Raises
    SettingsError when there is no export or no Sail for an engine that needs it.
    """
    environment = _with_places(environment, warehouse)
    target, code = dbt_target(arguments), 0
    if "build" in arguments:
        if not any(argument.startswith(CHOOSING_FLAGS) for argument in arguments):
            # unit tests test the SQL, not the data: `make test` runs them
            environment.setdefault("DBT_EXCLUDE_RESOURCE_TYPES", "unit_test")
        if target == "duckdb":  # only this one is published
            environment["BUILT_FROM"] = built_from(warehouse) or ""
    try:
        with engine(target, warehouse, environment) as its_environment:
            subprocess.run([*DBT, *arguments], cwd=PROJECT, env=its_environment, check=True)
    except subprocess.CalledProcessError as error:
        code = error.returncode
    if code:
        log = PROJECT / (_flag(arguments, ("--log-path",)) or environment["DBT_LOG_PATH"]) / "dbt.log"
        where = f"its log is {log}" if log.exists() else f"it could not write its log, {log}: name another WAREHOUSE"
        say(f"dbt ended with {code}; {where}", err=True)
    elif {"docs", "generate", "--static"} <= set(arguments):
        page = PROJECT / (_flag(arguments, ("--target-path",)) or environment["DBT_TARGET_PATH"]) / "static_index.html"
        say(f"the documentation of the tables: {page}")
    return Ended(code, target)


def _with_places(environment: dict[str, str], warehouse: Path) -> dict[str, str]:
    """The environment, with the warehouse and where dbt writes `target` and `logs`.

    That is the folder beside the warehouse, unless the environment names another place: the checkout may be one that
    nobody can write in.
    """
    place = work_folder.claim(warehouse) / "dbt"
    defaults = {"DBT_TARGET_PATH": str(place / "target"), "DBT_LOG_PATH": str(place / "logs")}
    environment = {**defaults, **environment, "WAREHOUSE": str(warehouse)}
    encoding = sys.stdout.encoding or "utf-8"
    if not encoding.startswith("utf"):
        environment["PYTHONIOENCODING"] = f"{'ascii' if encoding == PLAIN_ASCII else encoding}:replace"
    return environment


@contextmanager
def engine(target: str, warehouse: Path, environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """The environment in which dbt finds the engine of a target, which is there for the length of the block.

    Folders that are not set are beside the warehouse: RAW_PARTS, what `loader export` wrote, and for an embedded Sail
    LAKE, the folder of its tables; it is replaced unless the block raises. Raises SettingsError when there is no
    export or no Sail.
    """
    if target == "duckdb":
        yield environment
        return
    parts = environment.get("RAW_PARTS") or str(warehouse.parent / "raw")
    if "://" not in parts and not Path(parts).is_dir():
        raise SettingsError(f"{parts} does not exist: run `loader export {parts}` first, or name it in RAW_PARTS")
    environment = {**environment, "RAW_PARTS": parts}
    if target != "sail":
        yield environment
        return
    with ExitStack() as stack:
        server = environment.get("SPARK_REMOTE")
        environment["SPARK_REMOTE"] = server or stack.enter_context(embedded_sail())
        lake = environment.get("LAKE") or ("" if server else str(warehouse.parent / "lake"))
        if "://" in lake:
            environment["LAKE"] = f"{lake}/{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}"
        elif lake:  # else the server's own catalog says where its tables are
            environment["LAKE"] = str(stack.enter_context(_new_lake(Path(lake).resolve())))
        yield environment


@contextmanager
def _new_lake(lake: Path) -> Iterator[Path]:
    """An empty folder for a build's tables. It takes the place of `lake` at the end of the block, if it has marts."""
    building = lake.with_name(f".{lake.name}.part")
    made = building / "lake"
    try:
        owned_folder.claim(lake, LAKE)
        owned_folder.claim(building, BUILDING)
        _clear(building)
        owned_folder.claim(building, BUILDING)
        made.mkdir()  # empty, as Sail wants it
        try:
            yield made
            if (made / "marts").is_dir():
                owned_folder.claim(lake, LAKE)  # again, after so long a time
                (made / LAKE.mark).touch()
                swap_in_folder(made, lake)
        finally:
            _clear(building)
    except OSError as error:
        raise cannot_write(lake, error) from error


def _clear(building: Path) -> None:
    """Remove what a build makes in its folder, and the folder, which is ours and holds nothing else."""
    for name in BUILDING.folders:
        if owned_folder.is_folder(building / name):
            shutil.rmtree(building / name)
    owned_folder.remove_folder(building, re.escape(BUILDING.mark))
