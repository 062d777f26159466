"""The loader in a process of its own that is killed at a named point, for tests.

`KILL_AT` in the environment says where: `module.function:before:2` (SIGKILL before the second call) or `…:after:1`;
`SHARD_REQUESTS` how many requests a job has at most, `CLOCK_DAYS` how many days this machine's clock is ahead.
The waits between tries are short here, so that a test does not last as long as an outage.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from functools import partial
from typing import Any

from tenacity import wait_fixed

from loader import __main__ as program
from loader.batch import jobs, sending, sick_jobs
from loader.batch import mistral as batch_api
from loader.batch import run as load

# Every step with an effect, in the order of a load: on disk, in the warehouse, on the server.
POINTS = [
    "loader.warehouse.raw.append_load",
    "loader.warehouse.raw.append_receipts",
    "loader.requests.request_files.ShardWriter.add",
    "loader.requests.request_files.ShardWriter.finish",
    "loader.warehouse.ledger.plan_shard",
    "loader.warehouse.ledger.note_state",
    "loader.batch.mistral.BatchApi.upload",
    "loader.batch.mistral.BatchApi.create_job",
    "loader.warehouse.ledger.note_submitted",
    "loader.warehouse.raw.append_job",
    "loader.batch.mistral.BatchApi.get_job",
    "loader.warehouse.ledger.note_expiry",
    "loader.batch.mistral.BatchApi.download",
    "loader.warehouse.raw.append_output",
    "loader.warehouse.ledger.settle",
    "loader.warehouse.duckdb_file._commit",
]


def kill_at(point: str, when: str, nth: int) -> None:
    """Replace a function, wherever it was imported to, by one that ends the process at its nth call."""
    owner, name = _find(point)
    original = getattr(owner, name)
    calls = 0

    def watched(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == nth and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **kwargs)
        if calls == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, watched)
    _replace_imported(original, watched)


def _find(point: str) -> tuple[Any, str]:
    path, _, name = point.rpartition(".")
    try:
        return importlib.import_module(path), name
    except ModuleNotFoundError:  # a method
        module, _, owner = path.rpartition(".")
        return getattr(importlib.import_module(module), owner), name


def _modules() -> list[dict[str, Any]]:
    """The names of each module of the loader that has been imported; what is imported later finds the new ones."""
    return [vars(module) for name, module in list(sys.modules.items()) if name.startswith("loader.")]


def _replace_imported(original: Callable[..., Any], watched: Callable[..., Any]) -> None:
    for namespace in _modules():
        for name, value in list(namespace.items()):
            if value is original:
                namespace[name] = watched


def turn_the_clock(days: float) -> None:
    """Let this process believe that it is so many days later."""
    true_time = time.time

    class Turned(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(days=days)

    time.time = lambda: true_time() + days * 86_400
    for namespace in _modules():
        if namespace.get("datetime") is datetime:
            namespace["datetime"] = Turned


def main() -> None:
    """Run the loader's command line, to the end or to the point."""
    sending.SETTLE_SECONDS = (0.05, 0.1, 0.5)
    jobs.RETRY_JOBS_SECONDS = (0.05, 0.1)
    jobs.BUSY_POLL_SECONDS = 8.0
    sending.FILE_WAITS_SECONDS = (0.05, 0.1, 0.5)
    sending.FIRST_SEND_SECONDS = jobs.CANCEL_SECONDS = sick_jobs.GIVE_UP_SECONDS = 3.0
    sick_jobs.MOST_SECONDS_BETWEEN = 0.5
    batch_api.FIRST_PATIENCE_SECONDS, batch_api.SIZE_PATIENCE_SECONDS = 1.0, 0.2
    sending.UNCLEAR_WAIT_SECONDS = batch_api.UNCLEAR_WAIT_SECONDS = 0.05
    batch_api._backoff = wait_fixed(0.05)
    batch_api.SHORT_WAITS_SECONDS = (0.05, 0.05)
    if most := os.environ.get("SHARD_REQUESTS"):
        load.Limits = partial(load.Limits, max_shard_requests=int(most))  # type: ignore[assignment, misc]
    if days := os.environ.get("CLOCK_DAYS"):
        turn_the_clock(float(days))
    if at := os.environ.get("KILL_AT"):
        point, when, nth = at.rsplit(":", 2)
        kill_at(point, when, int(nth))
    program.main()
