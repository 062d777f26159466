"""The folder beside the warehouse for what a run needs a while: shards, downloads, the state of a server."""

from __future__ import annotations

from pathlib import Path

from loader import owned_folder
from loader.errors import cannot_write

LOCKS = ("load.lock", "export.lock")


def _is_older(directory: Path) -> bool:
    """Whether these names are a run's of version 0.1: every command locked it, but a look at one image."""
    return any(owned_folder.is_file(directory / name) for name in LOCKS) or (directory / "local_api").is_dir()


WORK = owned_folder.Kind(
    "work",
    files=r"load\.(lock|pid)|export\.lock|review\.url",
    folders={
        "shards": r"receipts-[0-9a-f]{32}\.jsonl|building\.part",
        "downloads": r"[A-Za-z0-9_-]{1,128}(\.jsonl|\.jsonl\.part|\.short)",
        "spill": r"duckdb_temp.*",
        "local_api": owned_folder.ANY,  # which knows its own (embedded_api/state_folder.py)
        "dbt": owned_folder.ANY,
    },
    is_private=True,
    is_older=_is_older,
)


def work_dir(warehouse: Path) -> Path:
    """The folder of a warehouse."""
    return warehouse.with_suffix(".files")


def claim(warehouse: Path) -> Path:
    """The folder of a warehouse, made if need be and known as ours. Raises NotOursError, WarehouseError."""
    directory = work_dir(warehouse)
    try:
        owned_folder.claim(directory, WORK)
    except OSError as error:
        raise cannot_write(directory, error) from error
    return directory
