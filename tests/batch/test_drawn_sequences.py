"""Any sequence of loads, kills, faults, cancellations, new receipts and server restarts: in the end nothing shows.

Everything is real: the loader's processes, the sockets, the embedded server. A run without harm must succeed at once.
At the end, without harm, one more load must leave the receipts and answers of an undisturbed load; the server has
answered each request exactly once, and each of its lines has landed. The sequences are drawn, and the same each time.
"""

from __future__ import annotations

import json
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from mistralai.client import Mistral

from loader.embedded_api.serve import Child
from tests.helpers.fault_proxy import HARMS, Fault, FaultProxy, fault_proxy
from tests.helpers.fault_runs import TALLY, LoaderRuns, draw_receipts
from tests.helpers.loader_process import POINTS
from tests.helpers.servers import start_server

CALLS = ("upload", "find_file", "create_job", "list_jobs", "get_job", "cancel_job", "get_file", "download")
MOST_RECEIPTS = 12
LOAD = ("load", "--attempts", "20")  # a cancelled request has had an attempt

faults = st.builds(
    Fault, call=st.sampled_from(CALLS), harm=st.sampled_from(HARMS), nth=st.integers(1, 3), after=st.booleans()
).filter(lambda fault: fault.harm != "402" or not fault.after)  # a definite refusal is one
harm = st.lists(faults, min_size=1, max_size=4)
new_receipts = st.integers(0, 2)  # before a load, so that there is something to do
moments = st.builds("{}:{}:{}".format, st.sampled_from(POINTS), st.sampled_from(("before", "after")), st.integers(1, 2))


class Place:
    """What the sequences of a test share: the server, the proxy before it, and undisturbed loads to compare with."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.server = self._launch()
        self.proxy: FaultProxy
        self._undisturbed: dict[int, dict[str, Any]] = {}

    def _launch(self) -> Child:
        return start_server(self.directory / "server")

    def restart(self, by_kill: bool) -> None:
        """End the server, in order or not, and start one on the same state, at another port and with another token."""
        if by_kill:
            self.server.process.kill()
        self.server.stop()
        self.server = self._launch()
        self.proxy.upstream = self.server.url

    def undisturbed(self, receipts: int) -> dict[str, Any]:
        """What a load of so many receipts lands when nothing happens to it."""
        if receipts not in self._undisturbed:
            folder = self.directory / f"undisturbed-{receipts}"
            runs = LoaderRuns(draw_receipts(folder / "receipts", receipts), folder / "w.duckdb", self.server)
            code, said = runs.run(*LOAD)
            assert code == 0, said
            self._undisturbed[receipts] = landed(runs)
        return self._undisturbed[receipts]


def landed(runs: LoaderRuns) -> dict[str, Any]:
    """The receipts, the answers and the requests that they belong to: what must not depend on what happened."""
    contents = runs.contents()
    answered = runs.query(
        "select custom_id, receipt_id, model, max_tokens, count(*) from ledger.requests where state = 'answered' "
        "group by all order by all"
    )
    return {"receipts": contents["receipts"], "output": contents["output"], "answered": answered}


class Loads(RuleBasedStateMachine):
    """One warehouse, and all that may happen to it."""

    place: ClassVar[Place]

    @initialize()
    def begin(self) -> None:
        self.directory = Path(tempfile.mkdtemp(dir=self.place.directory))
        self.receipts = 0
        folder = self.directory / "receipts"
        self.runs = LoaderRuns(folder, self.directory / "w.duckdb", self.place.server, self.place.proxy.url)
        self.add_receipts(2)

    @rule(new=new_receipts, armed=harm, is_spelled_out=st.booleans())
    def load(self, new: int, armed: list[Fault], is_spelled_out: bool) -> None:
        self.add_receipts(new)
        self.runs.server_url = self.place.proxy.url.replace("127.0.0.1", "localhost" if is_spelled_out else "127.0.0.1")
        self.run(*LOAD, armed=armed)

    @rule(new=new_receipts, armed=harm)
    def submit_only(self, new: int, armed: list[Fault]) -> None:
        self.add_receipts(new)
        self.run(*LOAD, "--no-wait", armed=armed)

    @rule(new=new_receipts, armed=harm, moment=moments)
    def be_killed_at_a_step(self, new: int, armed: list[Fault], moment: str) -> None:
        self.add_receipts(new)
        self.run(*LOAD, armed=armed, kill_at=moment)

    @rule(new=new_receipts, armed=harm, seconds=st.floats(0.05, 1.2))
    def be_killed_at_a_moment(self, new: int, armed: list[Fault], seconds: float) -> None:
        self.add_receipts(new)
        self.run(*LOAD, armed=armed, kill_after=seconds)

    @precondition(lambda self: self.runs.warehouse.exists())
    @rule(armed=harm, options=st.sampled_from([(), ("--forget",)]))
    def cancel(self, armed: list[Fault], options: tuple[str, ...]) -> None:
        self.run("cancel", *options, armed=armed)

    @precondition(lambda self: self.runs.warehouse.exists())
    @rule(by_kill=st.booleans())
    def restart_the_server(self, by_kill: bool) -> None:
        self.place.restart(by_kill)
        self.runs.server = self.place.server

    def add_receipts(self, count: int) -> None:
        """Let the folder hold so many more receipts than it does."""
        self.receipts = min(self.receipts + count, MOST_RECEIPTS)
        shutil.rmtree(self.runs.folder, ignore_errors=True)
        draw_receipts(self.runs.folder, self.receipts)

    def run(
        self,
        *arguments: str,
        armed: Sequence[Fault] = (),
        kill_at: str | None = None,
        kill_after: float | None = None,
    ) -> None:
        """Run the loader amid the armed faults; what it says of what it meets is one clear line."""
        self.place.proxy.begin(*armed)
        process = self.runs.start(*arguments, kill_at=kill_at)
        if kill_after is not None:
            time.sleep(kill_after)
            process.kill()
        out, err = process.communicate(timeout=100)
        said = out + err
        killed = process.returncode == -signal.SIGKILL and bool(kill_at or kill_after)
        TALLY["faults tried"] += len(armed)
        TALLY["kills survived"] += killed
        assert killed or process.returncode in ((0, 1) if armed else (0,)), said
        assert "Traceback" not in said, said
        assert self.runs.server.token not in said, "the key must not be shown"
        errors = sum(line.startswith("error: ") for line in err.splitlines())
        assert errors == (process.returncode == 1), said
        assert not any(self.place.proxy.served_after_redirect), "the key has followed a redirect"

    def teardown(self) -> None:
        if not hasattr(self, "runs"):
            return
        self.run(*LOAD)
        expected, found, answered = self.place.undisturbed(self.receipts), landed(self.runs), self.answered()
        TALLY["lines lost"] += len(set(expected["output"]) - set(found["output"]))
        TALLY["requests paid twice"] += sum(times - 1 for times in answered.values())
        assert found == expected
        assert set(answered.values()) == {1}, f"answered more than once: {answered}"
        assert sum(answered.values()) == self.runs.query("select count(*) from raw.batch_output")[0][0]
        assert self.runs.query("select distinct state from ledger.shards") == [("landed",)]
        assert self.runs.query("select custom_id, attempt, shard_id from raw.batch_requests order by all") == (
            self.runs.query(
                "select custom_id, attempt, shard_id from ledger.requests where state in ('answered', 'missing') "
                "order by all"
            )
        ), "each attempt that was sent has one status"
        work = self.runs.warehouse.with_suffix(".files")
        assert [*(work / "shards").glob("*"), *(work / "downloads").glob("*")] == []

    def answered(self) -> Counter[str]:
        """How often the server has answered each request of this warehouse, over all of its jobs."""
        client = Mistral(api_key=self.runs.server.token, server_url=self.runs.server.url)
        mine = {load_id for (load_id,) in self.runs.query("select load_id from raw.loads")}
        counts: Counter[str] = Counter()
        for job in client.batch.jobs.list(page_size=1000).data or []:
            if (job.metadata or {}).get("load_id") in mine and job.output_file:
                for line in client.files.download(file_id=job.output_file).read().splitlines():
                    counts[json.loads(line)["custom_id"]] += 1
        return counts


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("INSTANT_READER_SECONDS", "0.05")  # so that jobs are killed and cancelled in the middle, too
    made = Place(tmp_path)
    with fault_proxy(made.server.url) as made.proxy:
        yield made
    made.server.stop()


@pytest.mark.parametrize("number", [0, *(pytest.param(number, marks=pytest.mark.slow) for number in range(1, 4))])
def test_any_sequence(number: int, place: Place) -> None:
    @seed(number)
    class Here(Loads):
        pass

    Here.place = place
    is_quick = number == 0
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Here,
        settings=settings(
            max_examples=3,  # the first is always the simplest: one load, one fault
            stateful_step_count=4 if is_quick else 6,
            deadline=None,
            database=None,
            phases=[Phase.generate],  # to shrink would take an hour, and what happens depends on the clock
            suppress_health_check=list(HealthCheck),
        ),
    )
