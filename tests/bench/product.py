"""The product's own sides of the benchmark: the code that `make load` and `make build` run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from loader.images import POLICIES
from loader.plan import Planner, Question
from loader.receipts import open_source
from loader.warehouse import Warehouse, append_output

MODEL = "mistral-small-2603"


def build(folder: str, directory: str, images: str) -> dict[str, Any]:
    """Images to request shards: hashed, looked up, noted in the ledger, written and synced."""
    warehouse = _warehouse(directory)
    planner = Planner(
        warehouse,
        open_source(folder),
        Question(MODEL, policy=POLICIES[images]),
        api="bench",
        currency=None,
        load_id="bench",
        directory=Path(directory) / "shards",
    )
    written = 0
    for shard in planner.shards():
        written += shard.byte_count
    return {"images": planner.planned, "bytes": written}


def land(path: str, directory: str) -> dict[str, Any]:
    """An output file into raw.batch_output."""
    warehouse = _warehouse(directory)
    with warehouse.transaction() as connection:
        return {"lines": append_output(connection, "job", "file", "output", Path(path), "bench")}


def _warehouse(directory: str) -> Warehouse:
    warehouse = Warehouse(Path(directory) / "warehouse.duckdb")
    warehouse.path.with_suffix(".files").mkdir(parents=True, exist_ok=True)
    warehouse.prepare()
    return warehouse
