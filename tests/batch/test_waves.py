"""A load that is larger than what may be pending at once: it goes in waves, and the disk holds one wave at most."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import duckdb
import pytest

from loader.batch import jobs
from loader.batch.mistral import BatchApi
from loader.batch.run import Limits, Run
from loader.requests.estimate import estimate
from loader.requests.question import Question
from loader.requests.request_files import MAX_PENDING_REQUESTS
from loader.sources.open_source import open_source
from loader.warehouse.duckdb_file import Warehouse
from tests.bench.data import write_tiny
from tests.helpers.servers import ApiServer

RECEIPTS = 60
SHARD = 5


class Watching:
    """A run's report that looks at something whenever a receipt passes."""

    def __init__(self, look: Callable[[], int]) -> None:
        self.seen: list[int] = []
        self._look = look

    def say(self, message: str) -> None:
        """Nothing here needs saying."""

    def progress(self, stage: str, done: int, total: int | None) -> None:
        if stage == "receipts":
            self.seen.append(self._look())


def run(
    server: ApiServer, folder: Path, pending: int, look: Callable[[Path], int], wait: bool = True
) -> tuple[Watching, Warehouse]:
    """Load the receipts of a folder with at most `pending` requests at once."""
    warehouse = Warehouse(folder.parent / "w.duckdb")
    work_dir = warehouse.path.with_suffix(".files")
    work_dir.mkdir()
    warehouse.prepare()
    api = BatchApi("here", lambda: (server.child.url, server.child.token))
    report = Watching(lambda: look(work_dir))
    limits = Limits(max_cost_usd=0.0, max_shard_requests=SHARD, max_pending_requests=pending)
    loading = Run(warehouse, api, open_source(str(folder)), Question("local-ocr"), limits, report, work_dir)
    assert loading.execute(wait).status == ("finished" if wait else "incomplete")
    return report, warehouse


def tiny_receipts(directory: Path, count: int = RECEIPTS) -> Path:
    write_tiny(directory / "receipts", count)
    return directory / "receipts"


def files(work_dir: Path) -> int:
    return sum(len(list((work_dir / name).glob("*"))) for name in ("shards", "downloads"))


def test_a_large_load_goes_in_waves_and_keeps_few_files(api_server: ApiServer, tmp_path: Path) -> None:
    folder = tiny_receipts(tmp_path)
    report, warehouse = run(api_server, folder, 2 * SHARD, files)
    # The shard being built, the one being sent and, for a moment, what has just been downloaded.
    assert max(report.seen) <= 4
    assert files(warehouse.path.with_suffix(".files")) == 0
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        jobs_made, answered = connection.execute(
            "select count(distinct shard_id), count(*) from ledger.requests where state = 'answered'"
        ).fetchall()[0]
        # Requests are sent shard by shard; a wave begins when answers of the one before have landed.
        (landed_before_the_last_was_sent,) = connection.execute(
            "select count(*) from raw.batch_output where landed_at < (select max(requested_at) from raw.batch_requests)"
        ).fetchall()[0]
    assert (jobs_made, answered) == (RECEIPTS // SHARD, RECEIPTS)
    assert landed_before_the_last_was_sent >= RECEIPTS - 2 * SHARD


def test_answers_are_fetched_while_more_is_sent(
    api_server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a slow line a wave may take longer to send than its first results are kept."""
    monkeypatch.setattr(jobs, "BUSY_POLL_SECONDS", 0.0)
    monkeypatch.setattr(jobs, "BUSY_POLL_SHARE", 1.0)
    seen = 0

    def wait_for_answers(work_dir: Path) -> int:
        nonlocal seen
        seen += 1
        deadline = time.monotonic() + 30
        while seen == RECEIPTS - 2 * SHARD + 1 and time.monotonic() < deadline:
            if api_server.client.batch.jobs.list(status=["SUCCESS"]).total >= 5:
                break
            time.sleep(0.05)
        return seen

    _, warehouse = run(api_server, tiny_receipts(tmp_path), MAX_PENDING_REQUESTS, wait_for_answers)
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        (landed_before_the_last_was_sent,) = connection.execute(
            "select count(*) from raw.batch_output where landed_at < (select max(requested_at) from raw.batch_requests)"
        ).fetchall()[0]
    assert landed_before_the_last_was_sent >= 5 * SHARD


def test_a_shard_opens_the_warehouse_as_often_as_it_must(
    api_server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planned, admitted, and a note before and after each call: not more the more shards there are."""
    opened = 0
    transaction = Warehouse.transaction

    def counted(warehouse: Warehouse) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        nonlocal opened
        opened += 1
        return transaction(warehouse)

    monkeypatch.setattr(Warehouse, "transaction", counted)
    times = []
    for shards in (1, 4):
        opened = 0
        (tmp_path / str(shards)).mkdir()
        folder = tiny_receipts(tmp_path / str(shards), shards * SHARD)
        run(api_server, folder, MAX_PENDING_REQUESTS, lambda work_dir: 0, wait=False)
        times.append(opened)
    assert (times[1] - times[0]) / 3 == len(["planned", "admitted", "uploading", "uploaded", "creating", "submitted"])


def test_a_dry_run_says_waves_and_days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loader.requests.estimate.MAX_PENDING_REQUESTS", 20)
    warehouse = Warehouse(tmp_path / "w.duckdb")
    warehouse.prepare()
    source = open_source(str(tiny_receipts(tmp_path)))
    expected = estimate(warehouse, source, Question("local-ocr"))
    assert (expected.requests, expected.waves, expected.days) == (RECEIPTS, 3, 3)
