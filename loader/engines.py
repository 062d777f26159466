"""What dbt needs around it on engines beside DuckDB: where the raw parts are, and a Sail server where none is named.

Sail forgets its tables when a session ends (unless its server has a catalog that lasts) and writes only into empty
folders. So where LAKE says where its tables are, every build makes all of them anew: in a new folder beside the old
one, which takes its place when the build has succeeded; behind a URL, in a folder of the build's own.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from loader.errors import SettingsError
from loader.folder_swap import swap_in_folder

TARGET_FLAGS = ("--target", "-t")


def dbt_target(arguments: Sequence[str]) -> str:
    """The target that dbt's arguments name, `duckdb` when none does."""
    for flag, value in zip(arguments, [*arguments[1:], ""], strict=True):
        if flag in TARGET_FLAGS:
            return value
        if flag.startswith("--target="):
            return flag.partition("=")[2]
    return "duckdb"


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


def run_on(target: str, warehouse: Path, environment: dict[str, str], run: Callable[[dict[str, str]], int]) -> int:
    """Run dbt, by `run` with an environment, on a target; its exit code.

    Folders that are not set are beside the warehouse: RAW_PARTS, what `loader export` wrote, and for an embedded Sail
    LAKE, the folder of its tables. Raises SettingsError when there is no export or no Sail.
    """
    if target == "duckdb":
        return run(environment)
    parts = environment.get("RAW_PARTS") or str(warehouse.parent / "raw")
    if "://" not in parts and not Path(parts).is_dir():
        raise SettingsError(f"{parts} does not exist: run `loader export {parts}` first, or name it in RAW_PARTS")
    environment = {**environment, "RAW_PARTS": parts}
    if target != "sail":
        return run(environment)
    server = environment.get("SPARK_REMOTE")
    with nullcontext(server) if server else embedded_sail() as url:
        return _run_on_sail({**environment, "SPARK_REMOTE": url}, None if server else warehouse.parent / "lake", run)


def _run_on_sail(environment: dict[str, str], default: Path | None, run: Callable[[dict[str, str]], int]) -> int:
    place = environment.get("LAKE") or default
    if place is None:  # the server's own catalog says where
        return run(environment)
    if "://" in str(place):
        return run({**environment, "LAKE": f"{place}/{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}"})
    lake = Path(place).resolve()
    made = lake.with_name(f".{lake.name}.part")
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    try:
        ended = run({**environment, "LAKE": str(made)})
        if ended == 0 and (made / "marts").is_dir():
            swap_in_folder(made, lake)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return ended
