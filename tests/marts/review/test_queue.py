"""The queue of a large warehouse: the first page within a second of work, and memory that stays flat."""

from __future__ import annotations

import json
import time
from pathlib import Path

from tests.helpers.warehouses import change
from tests.marts.review.conftest import serving
from tests.marts.review.test_access import ask, cookie

COUNT = 50_000


def resident(pid: int) -> float:
    """Megabytes of memory that a process has."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_50_000_receipts(warehouse: Path) -> None:
    for table, key in (("receipts", "receipt_id"), ("receipt_items", "receipt_item_id")):
        change(
            warehouse,
            f"create table marts.many as select many.* replace (concat(receipt_id, '-', n) as receipt_id"
            f"{', concat(receipt_item_id, n) as receipt_item_id' if table == 'receipt_items' else ''}) "
            f"from marts.{table} as many, range({COUNT // 8}) as numbers(n)",
            f"drop table marts.{table}",
            f"alter table marts.many rename to {table}",
        )
        assert key
    with serving(warehouse) as served:
        pid = served.process.pid
        json.loads(ask(served, "/api/queue", cookie(served)).read())
        used, began = processor_seconds(pid), time.monotonic()
        first = json.loads(ask(served, "/api/queue?state=all", cookie(served)).read())
        assert len(first["rows"]) == 50 and first["count"] >= COUNT
        assert processor_seconds(pid) - used < 1.0, f"{time.monotonic() - began:.2f} s"
        seen = {row["receipt_id"] for row in first["rows"]}
        before = resident(pid)
        for offset in range(50, 1550, 50):
            page = json.loads(ask(served, f"/api/queue?state=all&offset={offset}", cookie(served)).read())
            seen |= {row["receipt_id"] for row in page["rows"]}
        assert len(seen) == 1550, "every receipt is on one page"
        assert resident(pid) - before < 60
