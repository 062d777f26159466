"""The product's own sides of the benchmark: the code that `make load` and `make build` run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.request import Request, urlopen

from loader.batch.mistral import BatchApi
from loader.batch.run import Limits, Run
from loader.requests.estimate import estimate
from loader.requests.images import POLICIES
from loader.requests.planner import Planner
from loader.requests.question import Question
from loader.sources.open_source import open_source
from loader.warehouse.duckdb_file import Warehouse
from loader.warehouse.raw import append_output

IMPORTS = {"land": ["loader.warehouse.lines"]}
MODEL = "mistral-small-2603"


def prepare(directory: str) -> None:
    """An empty warehouse in this folder."""
    warehouse = _warehouse(directory)
    warehouse.path.with_suffix(".files").mkdir(parents=True, exist_ok=True)
    warehouse.prepare()


def _warehouse(directory: str) -> Warehouse:
    return Warehouse(Path(directory) / "warehouse.duckdb")


def build(folder: str, directory: str, images: str, rehash: bool = False) -> dict[str, Any]:
    """Images to request shards: hashed, looked up, noted in the ledger and written."""
    before = _bytes_read()
    planner = Planner(
        _warehouse(directory),
        open_source(folder),
        Question(MODEL, policy=POLICIES[images]),
        api="bench",
        default_currency=None,
        load_id="bench",
        directory=Path(directory) / "shards",
        rehash=rehash,
    )
    written = sum(shard.byte_count for shard in planner.shards())
    return {
        "images": planner.planned,
        "bytes": written,
        "renderers_mb": _children_peak_mb(),
        "known": planner.skipped,
        "bytes_read": _bytes_read() - before,
    }


def _children_peak_mb() -> float:
    """The most that the processes held that this one has started and not ended (the PDF renderers), added up."""
    peaks = []
    for children in Path("/proc/self/task").glob("*/children"):
        for child in children.read_text().split():
            status = Path(f"/proc/{child}/status").read_text()
            peaks.append(int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6)
    return sum(peaks)


def _bytes_read() -> int:
    """What this process has read of files, from the disk or the system's memory."""
    return int(Path("/proc/self/io").read_text().split()[1])


def land(path: str, directory: str) -> dict[str, Any]:
    """An output file into raw.batch_output."""
    with _warehouse(directory).transaction() as connection:
        return {"lines": append_output(connection, "job", "file", "output", Path(path), "bench")}


def dry_run(folder: str, directory: str) -> dict[str, Any]:
    """What `loader load --dry-run` says of a folder."""
    prepare(directory)
    return asdict(estimate(_warehouse(directory), open_source(folder), Question(MODEL)))


def best_of_five(arguments: list[str], warehouse: str) -> dict[str, Any]:
    """The shortest time that the command `loader` takes with these arguments, over this warehouse."""
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "loader", *arguments],
            env={**os.environ, "WAREHOUSE": warehouse},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        seconds.append(time.perf_counter() - started)
    return {"seconds": min(seconds)}


class _Watch(Thread):
    """Notes for how long a server had jobs, and how much disk a folder took at most."""

    def __init__(self, url: str, token: str, folder: Path) -> None:
        super().__init__(daemon=True)
        self.most_mb = 0.0
        self.began: float | None = None
        self.ended: float | None = None
        self.is_done = Event()
        # Asked ten times a second: the SDK would take a good part of a core for that.
        address = f"{url}/v1/batch/jobs?status=QUEUED&status=RUNNING&page_size=1"
        self._jobs = Request(address, headers={"Authorization": f"Bearer {token}"})
        self._folder = folder

    def run(self) -> None:
        while not self.is_done.wait(0.1):
            self.most_mb = max(self.most_mb, _size_mb(self._folder))
            with urlopen(self._jobs) as answer:
                is_at_work = json.load(answer)["total"] > 0
            if is_at_work:
                self.began, self.ended = self.began or time.perf_counter(), None
            elif self.began and not self.ended:
                self.ended = time.perf_counter()


def _size_mb(folder: Path) -> float:
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return total / 1e6


class _Memory:
    """A run's report that notes how much memory the process holds as the receipts pass."""

    def __init__(self) -> None:
        self.held_mb: dict[int, float] = {}

    def say(self, message: str) -> None:
        print(message, file=sys.stderr)

    def progress(self, stage: str, done: int, total: int | None) -> None:
        if stage == "receipts" and total and done % max(1, total // 4) == 0:
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            self.held_mb[done] = pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def load(folder: str, directory: str, url: str, token: str, pending: int, shard: int) -> dict[str, Any]:
    """A whole load against a running server, with at most `pending` requests at once, `shard` to a file."""
    warehouse = _warehouse(directory)
    work_dir = warehouse.path.with_suffix(".files")
    api = BatchApi("bench", lambda: (url, token))
    report = _Memory()
    limits = Limits(max_cost_usd=0.0, max_shard_requests=shard, max_pending_requests=pending)
    run = Run(warehouse, api, open_source(folder), Question("local-ocr"), limits, report, work_dir)
    watch = _Watch(url, token, work_dir)
    watch.start()
    summary = run.execute()
    ended = time.perf_counter()
    watch.is_done.set()
    watch.join()
    api_ended = watch.ended or ended
    return {
        "lines": summary.lines,
        "jobs": summary.jobs,
        "api_seconds": api_ended - (watch.began or api_ended),
        "after_the_api_seconds": ended - api_ended,
        "disk_mb": watch.most_mb,
        "held_mb": report.held_mb,
    }
