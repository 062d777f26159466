"""The run: take up what is unfinished, plan, submit, wait, land, ask again, reconcile.

It can be killed anywhere and loses nothing. Every step with an effect on the server is noted in the ledger before it
begins and after it ends, each in a short transaction, and the warehouse is closed while anything is waited for. The
next run finds a shard in one of the states that `ledger` lists and goes on from there: an upload or a job that was
begun is looked for on the server first, by the file's name and the job's metadata, and adopted. The only thing that
could be paid for twice is a job whose creation the server carries out after it was looked for several times; that is
why an unclear creation is followed by waits (`SETTLE_SECONDS`).
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from loader import ledger
from loader.batch_api import (
    ENDLESS_PATIENCE_SECONDS,
    TERMINAL,
    BatchApi,
    GoneError,
    NotDoneError,
    UnclearError,
    result_files,
)
from loader.errors import ApiError, BudgetError, LoaderError, WarehouseError
from loader.ledger import ShardRecord
from loader.plan import Planner, Question
from loader.receipts import Source
from loader.shards import MAX_SHARD_BYTES, MAX_SHARD_REQUESTS, shard_path
from loader.warehouse import Warehouse, append_job, append_load, append_output

MAX_PENDING_REQUESTS = 1_000_000
RESULTS_KEPT = timedelta(hours=24)
# After an unclear creation the server is asked this often, after these waits, before the job is created again.
SETTLE_SECONDS = (5.0, 15.0, 40.0)
EMBEDDED_SETTLE_SECONDS = (0.5, 1.0)
NOT_DONE_WAIT_SECONDS = 5.0
CLOCK_SKEW = timedelta(days=1)


class Report(Protocol):
    """How a run tells what it does."""

    def say(self, message: str) -> None:
        """A line that a person should read."""

    def progress(self, stage: str, done: int, total: int | None) -> None:
        """`done` of `total` (None: unknown) in a stage: `receipts` or `answers`."""


@dataclass(frozen=True)
class Limits:
    """What bounds a run; the defaults are the API's limits."""

    max_cost_usd: float
    max_shard_bytes: int = MAX_SHARD_BYTES
    max_shard_requests: int = MAX_SHARD_REQUESTS
    max_pending_requests: int = MAX_PENDING_REQUESTS


@dataclass
class Summary:
    """What a run did and how the requests of its source stand."""

    load_id: str
    receipts: int = 0
    rejected: int = 0
    already_answered: int = 0
    requests: int = 0
    jobs: int = 0
    lines: int = 0
    estimated_cost_usd: float = 0.0
    pending: int = 0
    still_open: list[ledger.Open] = field(default_factory=list)

    @property
    def status(self) -> str:
        """How the run is noted in raw.loads."""
        return "incomplete" if self.pending or self.still_open else "finished"


def new_load_id() -> str:
    """An id for a run that sorts by time: `20261123T062141Z-3f9a`."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


class Run:
    """One run of the loader over one source."""

    def __init__(
        self,
        warehouse: Warehouse,
        api: BatchApi,
        source: Source,
        question: Question,
        limits: Limits,
        report: Report,
        work_dir: Path,
        currency: str | None = None,
    ) -> None:
        self._warehouse = warehouse
        self._api = api
        self._source = source
        self._question = question
        self._limits = limits
        self._report = report
        self._shard_dir = work_dir / "shards"
        self._download_dir = work_dir / "downloads"
        self._currency = currency
        self._settle_seconds = EMBEDDED_SETTLE_SECONDS if api.name == "embedded" else SETTLE_SECONDS
        self._job_seen: dict[str, dict[str, Any]] = {}
        self.summary = Summary(new_load_id())

    def execute(self, wait: bool = True) -> Summary:
        """Do it all; with `wait` false, stop once everything is submitted. Raises LoaderError."""
        self._note_load("started")
        try:
            self._clean_up()
            self._take_up()
            self._plan_and_submit()
            while wait:
                self._wait_for_jobs()
                if not self._is_anything_to_ask_again() or not self._plan_and_submit():
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

    # Taking up what is unfinished

    def _clean_up(self) -> None:
        """Remove what a killed run left half-made: parts, and shards that the ledger does not know."""
        known = {shard_path(self._shard_dir, shard.shard_id).name for shard in self._unfinished()}
        for path in (*self._shard_dir.glob("*"), *self._download_dir.glob("*.part")):
            if path.name not in known:
                path.unlink()

    def _take_up(self) -> None:
        """Go on with the shards of earlier runs: first fetch what is finished, then send what was planned."""
        elsewhere = [shard for shard in self._unfinished() if shard.api != self._api.name]
        for api in sorted({shard.api for shard in elsewhere}):
            count = sum(shard.request_count for shard in elsewhere if shard.api == api)
            self._report.say(f"{count} requests are still open at {api}; they are fetched when it is used again")
        mine = [shard for shard in self._unfinished() if shard.api == self._api.name]
        if any(shard.state == "submitted" for shard in mine):
            self._report.say(f"taking up {len(mine)} unfinished shards of an earlier run")
            self._poll()
        for shard in mine:
            if shard.state != "submitted":
                self._take_up_unsent(shard)

    def _take_up_unsent(self, shard: ShardRecord) -> None:
        """A shard without a known job: adopt the job if there is one, else send it if it is still what is asked."""
        if shard.state == "creating" and self._adopt_job(shard, self._settle_seconds):
            return
        is_wanted = shard.model == self._question.model and shard.prompt_id == self._question.prompt_id
        if is_wanted and (shard.input_file_id or shard_path(self._shard_dir, shard.shard_id).exists()):
            self._send(shard)
            return
        self._report.say(f"dropping {shard.request_count} prepared requests for {shard.model} that were never sent")
        self._abandon(shard)

    def _abandon(self, shard: ShardRecord) -> None:
        if shard.input_file_id:
            self._api.delete_file(shard.input_file_id)
        with self._warehouse.transaction() as connection:
            ledger.abandon(connection, shard.shard_id)
        shard_path(self._shard_dir, shard.shard_id).unlink(missing_ok=True)

    # Planning and sending

    def _plan_and_submit(self) -> int:
        """Go through the source once and send what is to be asked; how many requests that was."""
        planner = Planner(
            self._warehouse,
            self._source,
            self._question,
            api=self._api.name,
            currency=self._currency,
            load_id=self.summary.load_id,
            directory=self._shard_dir,
            max_shard_bytes=self._limits.max_shard_bytes,
            max_shard_requests=self._limits.max_shard_requests,
            on_receipt=lambda seen: self._report.progress("receipts", seen, self._source.count()),
        )
        try:
            for shard in planner.shards():
                self._submit_planned(shard.shard_id)
        except OSError as error:
            raise _no_space(error, self._shard_dir) from error
        self.summary.receipts = planner.seen
        self.summary.rejected = planner.rejected
        self.summary.requests += planner.planned
        if not self.summary.jobs:
            self.summary.already_answered = planner.skipped
        return planner.planned

    def _submit_planned(self, shard_id: str) -> None:
        record = next(shard for shard in self._unfinished() if shard.shard_id == shard_id)
        with self._warehouse.transaction() as connection:
            cost = ledger.spent_usd(connection, self.summary.load_id)
        if cost > self._limits.max_cost_usd:
            self._abandon(record)
            raise BudgetError(
                f"this load would cost about ${cost:.2f} and may cost ${self._limits.max_cost_usd:.2f}: "
                f"allow it with --max-cost {_rounded_up(cost)} (or MAX_COST_USD)"
            )
        self.summary.estimated_cost_usd = cost
        while self._pending_requests(except_for=shard_id) + record.request_count > self._limits.max_pending_requests:
            self._poll_after_a_while()
        self._send(record)

    def _pending_requests(self, except_for: str) -> int:
        return sum(
            shard.request_count
            for shard in self._unfinished()
            if shard.api == self._api.name and shard.shard_id != except_for
        )

    def _send(self, shard: ShardRecord) -> None:
        """Bring a shard from any state before `submitted` to it."""
        self._api.patience_seconds = ENDLESS_PATIENCE_SECONDS if self.summary.jobs else self._api.patience_seconds
        file_id = shard.input_file_id or self._upload(shard)
        self._create_job(shard, file_id)
        shard_path(self._shard_dir, shard.shard_id).unlink(missing_ok=True)
        self.summary.jobs += 1

    def _upload(self, shard: ShardRecord) -> str:
        path = shard_path(self._shard_dir, shard.shard_id)
        file_id = self._api.find_file(path.name) if shard.state == "uploading" else None
        self._note(shard, "uploading")
        while file_id is None:
            try:
                file_id = self._api.upload(path)
            except (NotDoneError, UnclearError) as error:
                # A file that was uploaded twice costs nothing, so once is looked for it and no more.
                self._wait_out(error)
                file_id = self._api.find_file(path.name)
        self._note(shard, "uploaded", input_file_id=file_id)
        return file_id

    def _create_job(self, shard: ShardRecord, file_id: str) -> None:
        self._note(shard, "creating")
        while True:
            try:
                job = self._api.create_job(file_id, shard.model, _metadata(shard))
            except NotDoneError as error:
                self._wait_out(error)
            except UnclearError as error:
                self._report.say(f"{error}; looking whether the job was made before making it again")
                if self._adopt_job(shard, self._settle_seconds):
                    return
            except ApiError:
                self._note(shard, "uploaded")  # refused: certainly no job
                raise
            else:
                self._note_submitted(shard, job)
                return

    def _adopt_job(self, shard: ShardRecord, waits: tuple[float, ...]) -> bool:
        """Look for the job of a shard several times; note it if it is there."""
        since = datetime.strptime(shard.load_id[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) - CLOCK_SKEW
        for wait in (0.0, *waits):
            time.sleep(wait)
            job = self._api.find_job(_metadata(shard), since)
            if job is not None:
                self._note_submitted(shard, job)
                return True
        return False

    def _note_submitted(self, shard: ShardRecord, job: dict[str, Any]) -> None:
        with self._warehouse.transaction() as connection:
            ledger.note_submitted(connection, shard, job["id"])
            append_job(connection, job, shard.shard_id)
        self._job_seen[job["id"]] = job

    def _wait_out(self, error: Exception) -> None:
        if not self.summary.jobs and "cannot reach" in str(error):
            raise ApiError(f"{error}: check the network, then run the same command again") from error
        self._report.say(f"{error}; trying again in {NOT_DONE_WAIT_SECONDS:.0f} s")
        time.sleep(NOT_DONE_WAIT_SECONDS)

    # Waiting and landing

    def _wait_for_jobs(self) -> None:
        while self._poll():
            time.sleep(self._interval)

    @property
    def _interval(self) -> float:
        """Seconds between polls: a twentieth of the time that the oldest open job has taken, 0.2 to 30."""
        started = [job["created_at"] for job in self._job_seen.values() if job["status"] not in TERMINAL]
        if not started:
            return 0.2
        return min(max((time.time() - min(started)) / 20, 0.2), 30.0)

    def _poll_after_a_while(self) -> None:
        time.sleep(self._interval)
        self._poll()

    def _poll(self) -> int:
        """Look at every submitted job once and land those that have ended; how many are still running."""
        running = [s for s in self._unfinished() if s.api == self._api.name and s.state == "submitted"]
        self._api.patience_seconds = ENDLESS_PATIENCE_SECONDS if running else self._api.patience_seconds
        ended = 0
        for shard in running:
            job = self._look_at(shard)
            if job["status"] in TERMINAL:
                self._land(shard, job)
                ended += 1
        done = sum(job["completed_requests"] for job in self._job_seen.values())
        self._report.progress("answers", done, self._requests_seen())
        return len(running) - ended

    def _requests_seen(self) -> int:
        with self._warehouse.transaction() as connection:
            row = connection.execute(
                "select coalesce(sum(request_count), 0) from ledger.shards where job_id in (select unnest(?::varchar[]))",
                [list(self._job_seen)],
            ).fetchone()
        return int(row[0]) if row else 0

    def _look_at(self, shard: ShardRecord) -> dict[str, Any]:
        """The job of a shard as it is now; a snapshot is kept when its status has changed and it has not ended."""
        job_id = shard.job_id or ""
        try:
            job = self._api.get_job(job_id)
        except GoneError as error:
            raise ApiError(
                f"{self._api.name} does not know job {job_id}: use the key of the workspace that made it; if the job was "
                "deleted, `loader cancel --forget` gives it up and lets its requests be asked again"
            ) from error
        before = self._job_seen.get(job_id)
        self._job_seen[job_id] = job
        if job["status"] not in TERMINAL and (before is None or before["status"] != job["status"]):
            with self._warehouse.transaction() as connection:
                append_job(connection, job, shard.shard_id)
        return job

    def _land(self, shard: ShardRecord, job: dict[str, Any]) -> None:
        """Fetch both files of a job that has ended, whatever its status, and land them with its last snapshot."""
        ended = datetime.fromtimestamp(job.get("completed_at") or time.time(), UTC).replace(tzinfo=None)
        with self._warehouse.transaction() as connection:
            ledger.note_expiry(connection, shard.shard_id, ended + RESULTS_KEPT)
        fetched: list[tuple[str, str, Path]] = []
        for file_id, kind in result_files(job):
            path = self._download_dir / f"{file_id}.jsonl"
            try:
                if not path.exists():
                    self._api.download(file_id, path)
                fetched.append((file_id, kind, path))
            except GoneError:
                self._report.say(f"the {kind} file of job {job['id']} has expired; its requests will be asked again")
            except OSError as error:
                raise _no_space(error, self._download_dir) from error
        with self._warehouse.transaction() as connection:
            for file_id, kind, path in fetched:
                self.summary.lines += append_output(
                    connection, job["id"], file_id, kind, path, self.summary.load_id
                )
            append_job(connection, job, shard.shard_id)
            ledger.settle(connection, shard.shard_id, job["id"])
        for _, _, path in fetched:
            path.unlink()
        if job["status"] != "SUCCESS":
            reasons = "; ".join(str(error.get("message")) for error in job.get("errors") or [])
            self._report.say(f"job {job['id']} ended as {job['status']}{f': {reasons[:200]}' if reasons else ''}")

    # Accounts

    def _is_anything_to_ask_again(self) -> bool:
        with self._warehouse.transaction() as connection:
            still_open = ledger.open_requests(connection, self._source.name, self._question.model)
        again = [request for request in still_open if request.attempt < self._question.max_attempts]
        if again:
            counts = Counter(request.state for request in again)
            words = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
            self._report.say(f"{words}: asking those {len(again)} again")
        return bool(again)

    def _reconcile(self) -> None:
        with self._warehouse.transaction() as connection:
            self.summary.still_open = ledger.open_requests(connection, self._source.name, self._question.model)
        self.summary.pending = self._pending_requests(except_for="")

    def _unfinished(self) -> list[ShardRecord]:
        with self._warehouse.transaction() as connection:
            return ledger.unfinished_shards(connection)

    def _note(self, shard: ShardRecord, state: str, input_file_id: str | None = None) -> None:
        with self._warehouse.transaction() as connection:
            ledger.note_state(connection, shard.shard_id, state, input_file_id=input_file_id)

    def _note_load(self, status: str) -> None:
        with self._warehouse.transaction() as connection:
            append_load(
                connection,
                self.summary.load_id,
                self._source.name,
                self._question.model,
                self._question.prompt_id,
                status,
            )


def _metadata(shard: ShardRecord) -> dict[str, str]:
    """By what a job is known as ours: `shard_id` decides, the rest is for people."""
    return {"shard_id": shard.shard_id, "load_id": shard.load_id}


def _rounded_up(dollars: float) -> str:
    return f"{dollars * 1.1 + 0.01:.2f}"


def _no_space(error: OSError, directory: Path) -> WarehouseError:
    return WarehouseError(
        f"cannot write in {directory} ({error.strerror}): make room or mend its permissions, and run the same command again"
    )
