"""A load from its start to its end: in waves, within its budget, one at a time, and taken up where it was left."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import duckdb
import pytest

from loader import seeds
from loader.batch import jobs
from loader.batch.mistral import BatchApi
from loader.batch.run import Limits, Run
from loader.embedded_api.serve import Child
from loader.errors import BudgetError
from loader.requests.question import Question
from loader.requests.request_files import MAX_PENDING_REQUESTS
from loader.sources.open_source import open_source
from loader.warehouse.duckdb_file import Warehouse
from tests.bench.data import write_tiny
from tests.helpers.fault_proxy import Fault, FaultProxy, fault_proxy
from tests.helpers.fault_runs import RECEIPTS, LoaderRuns, draw_receipts, states
from tests.helpers.rewrites import fields
from tests.helpers.servers import ApiServer, wait_until
from tests.helpers.warehouses import change

MANY = 60
SHARD = 5


class Silent:
    """A run's report that nobody reads."""

    def say(self, message: str) -> None:
        """Nothing here needs saying."""

    def progress(self, stage: str, done: int, total: int | None) -> None:
        """Nor this."""


class Watching(Silent):
    """A run's report that looks at something whenever a receipt passes."""

    def __init__(self, look: Callable[[], int]) -> None:
        self.seen: list[int] = []
        self._look = look

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


def tiny_receipts(directory: Path, count: int = MANY) -> Path:
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
    assert (jobs_made, answered) == (MANY // SHARD, MANY)
    assert landed_before_the_last_was_sent >= MANY - 2 * SHARD


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
        while seen == MANY - 2 * SHARD + 1 and time.monotonic() < deadline:
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


@pytest.mark.parametrize("kill_at", [None, "loader.batch.mistral.BatchApi.create_job:after:1"])
def test_answers_are_fetched_although_the_receipts_have_gone(
    kill_at: str | None, runs: LoaderRuns, proxy: FaultProxy
) -> None:
    """Those of a job that was never noted, too."""
    assert runs.run("load", "--no-wait", kill_at=kill_at)[0] == (-signal.SIGKILL if kill_at else 0)
    runs.folder.rename(runs.folder.with_name("moved"))
    runs.run()
    runs.run()
    assert states(runs) == [(1, "answered", RECEIPTS)]


def test_interrupted_by_ctrl_c_it_cancels_nothing_and_says_how_to_go_on(
    runs: LoaderRuns, undisturbed: LoaderRuns, proxy: FaultProxy
) -> None:
    proxy.rewrites["get_job"] = fields(lambda job: {**job, "status": "RUNNING"})
    process = runs.start()
    wait_until(lambda: proxy.calls["get_job"] > 0)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130 and "`loader load` goes on" in err and "Traceback" not in out + err
    assert proxy.calls["cancel_job"] == 0
    proxy.rewrites.clear()
    runs.assert_healed(undisturbed)


def test_two_loaders_at_once_do_not_send_twice(runs: LoaderRuns, undisturbed: LoaderRuns, proxy: FaultProxy) -> None:
    proxy.rewrites["get_job"] = fields(lambda job: {**job, "status": "RUNNING"})
    first = runs.start()
    wait_until(lambda: proxy.calls["get_job"] > 0)
    code, said = runs.run()
    assert code == 1 and f"another load is running on {runs.warehouse} (process {first.pid})" in said
    proxy.rewrites.clear()
    assert first.wait(timeout=30) == 0
    first.communicate()
    runs.assert_healed(undisturbed)


@pytest.mark.slow
def test_a_load_beside_a_reader_of_the_warehouse_waits_for_it(
    runs: LoaderRuns, undisturbed: LoaderRuns, proxy: FaultProxy
) -> None:
    assert runs.run("load", "--no-wait")[0] == 0
    with duckdb.connect(str(runs.warehouse), read_only=True):
        process = runs.start()
        time.sleep(1.5)
        assert process.poll() is None
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0 and "w.duckdb is in use by python" in err, out + err
    runs.assert_healed(undisturbed)


def test_no_key_and_no_image_is_left_behind(runs: LoaderRuns, proxy: FaultProxy) -> None:
    proxy.begin(Fault("create_job", "502", after=True), Fault("get_job", "500"))
    code, said = runs.run()
    assert code == 0
    image = (runs.folder / "0001.jpg").read_bytes()
    place = runs.warehouse.parent
    kept = [
        said.encode(),
        *(path.read_bytes() for path in place.rglob("*") if path.is_file() and runs.folder not in path.parents),
    ]
    import base64

    for content in kept:
        assert runs.server.token.encode() not in content
        assert base64.b64encode(image)[:60] not in content
    assert (runs.warehouse.with_suffix(".files").stat().st_mode & 0o077) == 0


def test_what_is_asked_again_counts_towards_the_budget(
    server: Child, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    price = seeds.ModelPrice(1.0, 1.0, 0.5)
    monkeypatch.setattr(seeds, "model_prices", lambda: {"local-ocr": price})
    runs = LoaderRuns(draw_receipts(tmp_path / "receipts", RECEIPTS), tmp_path / "w.duckdb", server)
    work_dir = runs.warehouse.with_suffix(".files")
    work_dir.mkdir()
    warehouse, question = Warehouse(runs.warehouse), Question("local-ocr")
    warehouse.prepare()
    once = RECEIPTS * question.request_cost_usd([(40, 60)])

    def load(allowed: float) -> str:
        api = BatchApi("here", lambda: (proxy.url, server.token))
        limits = Limits(max_cost_usd=allowed)
        run = Run(warehouse, api, open_source(str(runs.folder)), question, limits, Silent(), work_dir)
        return run.execute().status

    with fault_proxy(server.url) as proxy:
        proxy.rewrites["download"] = lambda body: body.splitlines(keepends=True)[0].ljust(len(body), b"\n")
        with pytest.raises(BudgetError, match="allow it with --max-cost"):
            load(1.5 * once)
        assert set(runs.times_sent().values()) == {1}, "it was not asked again"
        proxy.rewrites.clear()
        assert load(1.5 * once) == "finished", "the next load has a budget of its own"
    assert runs.query("select attempt, state, count(*) from ledger.requests group by all order by all") == [
        (1, "answered", 1),
        (1, "missing", RECEIPTS - 1),
        (2, "answered", RECEIPTS - 1),
    ]


def test_a_second_opinion_is_asked_of_what_does_not_add_up_alone(runs: LoaderRuns) -> None:
    assert runs.run()[0] == 0
    again = ("load", "--recheck", "--model", "mistral-large-2512", "--dry-run", "--json")
    code, said = runs.run(*again)
    assert code == 1 and "make build" in said
    change(
        runs.warehouse,
        "create schema marts",
        "create schema audit",
        """create table marts.receipts as
        select distinct on (receipt_id) receipt_id, source, 'extracted' as status,
            case when source_key in ('0001.jpg', '0002.jpg') then 'off' else 'balanced' end as reconciliation
        from raw.receipts""",
        "create table audit.build_results as select 'model' as kind, now()::timestamp as started_at",
    )
    code, said = runs.run(*again)
    assert code == 0 and '"requests": 2' in said, said
