"""What dbt needs around it on engines beside DuckDB: where the raw parts are, and a Sail server where none is named.

Sail forgets its tables when a session ends (unless its server has a catalog that lasts) and writes only into empty
folders. So where LAKE says where its tables are, every build makes all of them anew: in a new folder beside the old
one, which takes its place when the build has succeeded; behind a URL, in a folder of the build's own.
"""

from __future__ import annotations

import datetime as dt
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from loader import owned_folder
from loader.errors import SettingsError, system_trouble
from loader.folder_swap import swap_in_folder

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


def _clear(building: Path) -> None:
    """Remove what a build makes in its folder, and the folder, which is ours and holds nothing else."""
    for name in BUILDING.folders:
        if owned_folder.is_folder(building / name):
            shutil.rmtree(building / name)
    owned_folder.remove_folder(building, re.escape(BUILDING.mark))


def _run_on_sail(environment: dict[str, str], default: Path | None, run: Callable[[dict[str, str]], int]) -> int:
    place = environment.get("LAKE") or default
    if place is None:  # the server's own catalog says where
        return run(environment)
    if "://" in str(place):
        return run({**environment, "LAKE": f"{place}/{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}"})
    lake = Path(place).resolve()
    building = lake.with_name(f".{lake.name}.part")
    made = building / "lake"
    try:
        owned_folder.claim(lake, LAKE)
        owned_folder.claim(building, BUILDING)
        _clear(building)
        owned_folder.claim(building, BUILDING)
        made.mkdir()  # empty, as Sail wants it
        try:
            ended = run({**environment, "LAKE": str(made)})
            if ended == 0 and (made / "marts").is_dir():
                owned_folder.claim(lake, LAKE)  # again, after so long a time
                (made / LAKE.mark).touch()
                swap_in_folder(made, lake)
        finally:
            _clear(building)
    except OSError as error:
        raise SettingsError(system_trouble(f"cannot write in {lake}", error)) from error
    return ended
