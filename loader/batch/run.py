"""The run: take up what is unfinished, plan, submit, wait, land, ask again, reconcile.

It can be killed anywhere and loses nothing. What was planned, sent or answered stands in the ledger before the next
step begins (see `jobs` and `ledger`), each in a short transaction, and the warehouse is closed while anything is waited
for; the next run goes on from there. Results are fetched before more is sent.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from loader.batch import failures
from loader.batch.jobs import Jobs
from loader.batch.provider import Provider
from loader.batch.report import Report
from loader.errors import ApiError, BudgetError, LoaderError, cannot_write
from loader.requests.planner import Planner
from loader.requests.question import Question
from loader.requests.request_files import MAX_PENDING_REQUESTS, MAX_SHARD_BYTES, MAX_SHARD_REQUESTS
from loader.sources.receipt import Source, in_a_line
from loader.threads import Background
from loader.warehouse import ledger
from loader.warehouse.decisions import Open, open_requests, unanswered_receipts
from loader.warehouse.duckdb_file import Warehouse
from loader.warehouse.raw import append_load


@dataclass(frozen=True)
class Limits:
    """What bounds a run; but for the money, the defaults are the API's own limits."""

    max_cost_usd: float
    max_shard_bytes: int = MAX_SHARD_BYTES
    max_shard_requests: int = MAX_SHARD_REQUESTS
    max_pending_requests: int = MAX_PENDING_REQUESTS


@dataclass
class Summary:
    """What a run did, and how the requests of its source stand."""

    load_id: str
    receipts: int = 0
    rejected: int = 0
    already_asked: int = 0
    requests: int = 0
    jobs: int = 0
    lines: int = 0
    estimated_cost_usd: float = 0.0
    pending: int = 0
    open_elsewhere: int = 0  # at another API: sent before, and not landed
    image_notes: list[dict[str, Any]] = field(default_factory=list)  # note, count, first receipts
    still_open: list[Open] = field(default_factory=list)

    @property
    def status(self) -> str:
        """How the run is noted in raw.loads."""
        return "incomplete" if self.pending or self.open_elsewhere or self.still_open else "finished"


def new_load_id() -> str:
    """An id for a run that sorts by time: `20261123T062141Z-3f9a`."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


@dataclass(frozen=True)
class Fetched:
    """What was landed of earlier runs, and what could not be taken up: an error that the run ends with."""

    lines: int = 0
    trouble: ApiError | None = None


def fetch_first(
    warehouse: Warehouse, api: Provider, report: Report, work_dir: Path, setbacks: ledger.Setbacks | None = None
) -> Fetched:
    """Take up what earlier runs left, before anything else. Raises LoaderError.

    Results expire and are paid for: neither the source nor the budget of a new run has a say in that. A job that was
    made and not noted is adopted; what was never sent is dropped, to be planned again by what is asked then. What
    cannot be taken up now stays as it is, and stops neither the others nor the new run.
    """
    judge_again(warehouse, report)
    jobs = Jobs(warehouse, api, report, work_dir, new_load_id(), setbacks)
    jobs.clean_up()
    if not jobs.unfinished():
        return Fetched()
    with _noted(warehouse, jobs.load_id):
        troubles = jobs.take_up()
        sent = jobs.submitted()
        if sent:
            count = sum(shard.request_count for shard in sent)
            until = min(shard.expires_at for shard in sent if shard.expires_at is not None)
            report.say(
                f"taking up {count} requests of an earlier run; their answers are kept until {until:%F %H:%M} UTC"
            )
            jobs.poll(sent)
            jobs.ask_the_user()
        for error in [*troubles, *jobs.troubles()]:
            report.say(str(error))
    return Fetched(jobs.lines, troubles[0] if troubles else None)


@dataclass(frozen=True)
class GivenUp:
    """What became of the jobs that were to be cancelled or forgotten."""

    jobs: int
    lines: int
    trouble: ApiError | None


def give_up(warehouse: Warehouse, api: Provider, report: Report, work_dir: Path, forget: bool) -> GivenUp:
    """Cancel what runs and land what was finished, or forget the jobs that give nothing. Raises LoaderError."""
    jobs = Jobs(warehouse, api, report, work_dir, new_load_id())
    with _noted(warehouse, jobs.load_id):
        count = len(jobs.forget()) if forget else jobs.cancel()
        if not forget:
            with suppress(ApiError):  # it is among the troubles
                jobs.wait()
    return GivenUp(count, jobs.lines, next(iter(jobs.troubles()), None))


@contextmanager
def _noted(warehouse: Warehouse, load_id: str) -> Iterator[None]:
    """Note a run that asks nothing in raw.loads, as the lines that it lands bear its id."""

    def note(status: str) -> None:
        with warehouse.transaction() as connection:
            append_load(connection, load_id, None, None, None, status)

    note("started")
    try:
        yield
    except KeyboardInterrupt:
        note("incomplete")
        raise
    except LoaderError:
        note("failed")
        raise
    note("finished")


def judge_again(warehouse: Warehouse, report: Report) -> None:
    """Judge the answers of earlier runs by the rules of now, job by job: what dbt no longer reads is asked again."""
    with warehouse.transaction() as connection:
        others = ledger.judged_otherwise(connection)
    if others:
        report.say(f"the rules that say what an answer is have changed: judging those of {len(others)} jobs again")
    for shard_id, job_id in others:
        with warehouse.transaction() as connection:
            ledger.settle(connection, shard_id, job_id)


class Run:
    """One run of the loader over one source."""

    def __init__(
        self,
        warehouse: Warehouse,
        api: Provider,
        source: Source,
        question: Question,
        limits: Limits,
        report: Report,
        work_dir: Path,
        default_currency: str | None = None,
        setbacks: ledger.Setbacks | None = None,
        rehash: bool = False,
    ) -> None:
        self.summary = Summary(new_load_id())
        self._warehouse = warehouse
        self._api = api
        self._source = source
        self._question = replace(question, setbacks=setbacks or ledger.Setbacks())
        self._limits = limits
        self._report = report
        self._default_currency = default_currency
        self._rehash = rehash
        self._unanswered: set[str] = set()  # the receipts that had no good answer when the run began
        self._passed: set[str] = set()  # those of them that the source has offered to this run
        self._jobs = Jobs(warehouse, api, report, work_dir, self.summary.load_id, self._question.setbacks)

    def execute(self, wait: bool = True) -> Summary:
        """Do it all; with `wait` false, stop once everything is submitted. Raises LoaderError."""
        self._note_load("started")
        try:
            self._look_back()
            self._submit(wait)
            while wait:
                self._jobs.wait()
                self._question = replace(self._question, is_retry=True)
                if not self._is_anything_to_ask_again() or not self._submit(wait):
                    break
            self._reconcile()
        except KeyboardInterrupt:
            self._note_load("incomplete")
            raise
        except LoaderError:
            self._note_load("failed")
            raise
        self._note_load(self.summary.status)
        return self.summary

    def _look_back(self) -> None:
        """Note what earlier runs left unanswered; say what is open at other APIs, as it is fetched only there."""
        with self._warehouse.transaction() as connection:
            self._unanswered = unanswered_receipts(connection, self._question.model)
        elsewhere = Counter[str]()
        for shard in self._jobs.unfinished_anywhere():
            if shard.api != self._api.name:
                elsewhere[shard.api] += shard.request_count
        for api, count in sorted(elsewhere.items()):
            self._report.say(f"{count} requests are still open at {api}; they are fetched when it is used again")
            self.summary.open_elsewhere += count

    def _submit(self, wait: bool) -> int:
        """Plan and submit. What was sent before something failed is waited for and landed before that is raised."""
        try:
            return self._plan_and_submit()
        except (ApiError, BudgetError) as error:
            if wait and self._jobs.submitted():
                self._report.say(f"{error}; before that ends this run, what was sent is fetched")
                with suppress(ApiError):  # the first error is the one to show
                    self._jobs.wait()
            raise

    def _plan_and_submit(self) -> int:
        """Go through the source once and send what is to be asked; how many requests that was."""
        total = self._source.count()
        is_first_pass = self.summary.receipts == 0

        def on_receipt(receipt_id: str, count: int) -> None:
            if receipt_id in self._unanswered:
                self._passed.add(receipt_id)
            self._report.progress("receipts", count, total)

        planner = Planner(
            self._warehouse,
            self._source,
            self._question,
            api=self._api.name,
            default_currency=self._default_currency,
            load_id=self.summary.load_id,
            directory=self._jobs.shard_dir,
            max_shard_bytes=self._limits.max_shard_bytes,
            max_shard_requests=self._limits.max_shard_requests,
            on_receipt=on_receipt,
            rehash=self._rehash and is_first_pass,
        )
        try:
            with Background() as sending:
                for shard in planner.shards():
                    sending.join()
                    self._admit(shard)
                    sending.start(partial(self._send, shard))
        except OSError as error:
            raise cannot_write(self._jobs.shard_dir, error) from error
        if is_first_pass:
            self.summary.receipts = planner.receipts
            self.summary.rejected = planner.rejected
            self.summary.already_asked = planner.skipped
            self.summary.image_notes = planner.notes.by_kind()
            for note in self.summary.image_notes:
                more = ", …" if note["count"] > len(note["first"]) else ""
                names = ", ".join(map(in_a_line, note["first"]))
                self._report.say(f"{note['count']:,} receipts: {note['kind']} ({names}{more})")
        self.summary.requests += planner.planned
        return planner.planned

    def _admit(self, shard: ledger.ShardRecord) -> None:
        """Wait until the window of pending requests allows to send a planned shard. Raises BudgetError."""
        with self._warehouse.transaction() as connection:
            cost = ledger.estimated_cost_usd(connection, self.summary.load_id)
            pending = ledger.pending_requests(connection, self._api.name)
        if cost > self._limits.max_cost_usd:
            self._jobs.abandon(shard)
            raise over_budget(cost, self._limits.max_cost_usd)
        self.summary.estimated_cost_usd = cost
        while pending > self._limits.max_pending_requests and self._jobs.poll():
            self._jobs.sleep()
            pending = self._pending_requests()
        self._jobs.ask_the_user()

    def _send(self, shard: ledger.ShardRecord) -> None:
        self._jobs.sending.send(shard)
        self._jobs.poll_now_and_then()

    def _pending_requests(self) -> int:
        with self._warehouse.transaction() as connection:
            return ledger.pending_requests(connection, self._api.name)

    def _is_anything_to_ask_again(self) -> bool:
        """Whether there is, said and, where jobs failed as a whole, waited for."""
        found = [request for request in self._still_open() if request.may_be_asked]
        again = [request for request in found if not request.is_final]
        if len(again) < len(found):
            final = failures.in_words([request for request in found if request.is_final])
            self._report.say(f"{final}: not asked again, as that cannot mend it")
        if again:
            has_failed_jobs = any(request.state == "unprocessed" for request in again)
            wait = self._jobs.back_off_seconds() if has_failed_jobs else 0.0
            self._report.say(f"{failures.in_words(again)}: asking again{f' in {wait:.0f} s' if wait else ''}")
            time.sleep(wait)
        return bool(again)

    def _still_open(self) -> list[Open]:
        question = self._question
        with self._warehouse.transaction() as connection:
            return open_requests(connection, question.model, question.bounds, self.summary.load_id, self._passed)

    def _reconcile(self) -> None:
        # What was cut off behind an item has an answer whose complete items are kept.
        self.summary.still_open = [
            request for request in self._still_open() if request.state != "truncated" or request.reason
        ]
        self.summary.pending = self._pending_requests()
        self.summary.jobs = self._jobs.sending.created
        self.summary.lines = self._jobs.lines

    def _note_load(self, status: str) -> None:
        question = self._question
        with self._warehouse.transaction() as connection:
            append_load(
                connection,
                self.summary.load_id,
                self._source.name,
                question.model,
                question.prompt_id,
                status,
            )


def over_budget(cost_usd: float, allowed_usd: float) -> BudgetError:
    """The estimated cost is above what was allowed: the figure, and how to allow it."""
    enough = cost_usd * 1.1 + 0.01
    return BudgetError(
        f"this load would cost about ${cost_usd:.2f} and may cost ${allowed_usd:.2f}: "
        f"allow it with --max-cost {enough:.2f} (or MAX_COST_USD={enough:.2f})"
    )
