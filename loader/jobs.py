"""Shards to jobs and back: upload, create, adopt, poll, download, land. Every step can be taken up after a kill.

Each step with an effect on the server is noted in the ledger before it begins and after it ends. A shard found in
`creating` may or may not have reached the server: its job is looked for by metadata, and adopted. One that has no job
is dropped, as nothing was paid for, and planned anew. The only thing that could be paid for twice is a job whose
creation the server carries out after it was looked for several times; that is why an unclear creation is followed by
waits (`SETTLE_SECONDS`).
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Any, Protocol

from loader import job_ends, ledger, verdicts
from loader.batch_api import (
    SHORT_SUFFIX,
    UNCLEAR_WAIT_SECONDS,
    BatchApi,
    GoneError,
    UnclearError,
    UnreachableError,
    in_a_line,
    result_files,
)
from loader.errors import ApiError, LoaderError, WarehouseError
from loader.job_ends import UnansweredError
from loader.ledger import ShardRecord
from loader.shards import shard_path
from loader.warehouse import Warehouse, append_job, append_output, now

# Loaded while the API works anyway; DuckDB loads pandas when it is given Arrow.
LANDING_NEEDS = ("loader.lines", "pandas")
BUSY_POLL_SECONDS = 30.0
BUSY_POLL_SHARE = 0.05  # of the time of a run that is busy sending, at most
# After an unclear creation the server is asked for the job at once and after each of these waits, in seconds, before
# it is created again.
SETTLE_SECONDS = (5.0, 15.0, 40.0)
EMBEDDED_SETTLE_SECONDS = (0.5, 1.0)
RETRY_JOBS_SECONDS = (10.0, 40.0)  # before what was in jobs that failed as a whole is sent again
CLOCK_SKEW = timedelta(days=1)
ENDED = ("SUCCESS", "FAILED", "TIMEOUT_EXCEEDED", "CANCELLED")
NOT_ENDED = ("QUEUED", "RUNNING", "CANCELLATION_REQUESTED")
FILES_COME_WITHIN = timedelta(minutes=10)  # of a job's end
SHOWN_IDS = 100


class Report(Protocol):
    """How a run tells what it does."""

    def say(self, message: str) -> None:
        """A line that a person should read."""

    def progress(self, stage: str, done: int, total: int | None) -> None:
        """`done` of `total` (None: unknown) in a stage: `receipts` or `answers`."""


class Jobs:
    """The shards of a warehouse at one API. `created` and `lines` count what this object did."""

    def __init__(
        self,
        warehouse: Warehouse,
        api: BatchApi,
        report: Report,
        work_dir: Path,
        load_id: str,
        setbacks: ledger.Setbacks | None = None,
    ) -> None:
        self.shard_dir = work_dir / "shards"
        self.created = self.lines = 0
        self._warehouse = warehouse
        self._api = api
        self._report = report
        self._download_dir = work_dir / "downloads"
        self._load_id = load_id
        self._settle_seconds = EMBEDDED_SETTLE_SECONDS if api.name == "embedded" else SETTLE_SECONDS
        self._poll_again_at = time.monotonic() + BUSY_POLL_SECONDS
        self._jobs: dict[str, dict[str, Any]] = {}  # as last seen, by id
        self._sizes: dict[str, int] = {}  # requests of each
        self._setbacks = setbacks or ledger.Setbacks()
        self._waits = list(EMBEDDED_SETTLE_SECONDS if api.name == "embedded" else RETRY_JOBS_SECONDS)
        self._unanswered: list[ApiError] = []  # jobs that only the user can decide about

    def unfinished(self) -> list[ShardRecord]:
        """The shards at this API that have not landed."""
        return [shard for shard in self.unfinished_anywhere() if shard.api == self._api.name]

    def unfinished_anywhere(self) -> list[ShardRecord]:
        """The shards at any API that have not landed."""
        with self._warehouse.transaction() as connection:
            return ledger.unfinished_shards(connection)

    def submitted(self) -> list[ShardRecord]:
        """The shards at this API that have a job and have not landed."""
        return [shard for shard in self.unfinished() if shard.state == "submitted"]

    def clean_up(self) -> None:
        """Remove what a killed run left: shards (sent or planned anew), parts of downloads, and those that landed."""
        downloads = list(self._download_dir.glob("*"))
        with self._warehouse.transaction() as connection:
            landed = ledger.landed_files(connection, [path.stem for path in downloads])
        for path in self.shard_dir.glob("*"):
            path.unlink()
        for path in downloads:
            if path.suffix in (".part", SHORT_SUFFIX) or path.stem in landed:
                path.unlink()

    def abandon(self, shard: ShardRecord) -> None:
        """Drop a shard that has no job: nothing was paid for, and its requests will be planned anew."""
        if shard.input_file_id:
            try:
                self._api.delete_file(shard.input_file_id)
            except ApiError as error:  # it only takes up room, and goes after a month
                self._report.say(f"file {shard.input_file_id} stays on the server: {error}")
        with self._warehouse.transaction() as connection:
            ledger.abandon(connection, shard.shard_id)
        shard_path(self.shard_dir, shard.shard_id).unlink(missing_ok=True)

    # Sending

    def send(self, shard: ShardRecord) -> None:
        """Bring a planned shard to `submitted`. Raises ApiError."""
        self._create(shard, self._upload(shard))
        self._api.be_patient()  # from here on something is paid for, so an outage is no reason to give up

    def _upload(self, shard: ShardRecord) -> str:
        path = shard_path(self.shard_dir, shard.shard_id)
        self._note(shard, "uploading")
        file_id = None
        while file_id is None:
            try:
                file_id = self._api.upload(path)
            except UnreachableError as error:
                self._wait_out(error)
            except UnclearError as error:
                # A file that is uploaded twice costs nothing, so looking for it once is enough.
                self._report.say(f"{error}; looking whether the file has arrived")
                time.sleep(error.wait_seconds)
                file_id = self._api.find_file(path.name)
        self._note(shard, "uploaded", input_file_id=file_id)
        return file_id

    def _create(self, shard: ShardRecord, file_id: str) -> None:
        self._note(shard, "creating")
        while True:
            try:
                job = self._api.create_job(file_id, shard.model, _metadata(shard))
            except UnreachableError as error:
                self._wait_out(error)
            except UnclearError as error:
                self._report.say(f"{error}; looking whether the job was made before making it again")
                time.sleep(error.wait_seconds)
                if self._adopt(shard):
                    return
            except LoaderError:
                self._note(shard, "uploaded")  # refused: certainly no job
                raise
            else:
                self._note_submitted(shard, job)
                return

    def adopt_if_made(self, shard: ShardRecord) -> bool:
        """Whether a job was made for a shard that an earlier run left before `submitted`; it is noted then."""
        return shard.state == "creating" and self._adopt(shard)

    def _adopt(self, shard: ShardRecord) -> bool:
        """Look several times for a job that was made for this shard; note it if it is there."""
        made = datetime.strptime(shard.load_id[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        for wait in (0.0, *self._settle_seconds):
            time.sleep(wait)
            job = self._api.find_job(_metadata(shard), created_after=made - CLOCK_SKEW)
            if job is not None:
                self._note_submitted(shard, job)
                return True
        return False

    def _note_submitted(self, shard: ShardRecord, job: dict[str, Any]) -> None:
        with self._warehouse.transaction() as connection:
            ledger.note_submitted(connection, shard, job["id"])
            if not _has_ended(job):  # the last snapshot commits with the job's lines, never before
                append_job(connection, job, shard.shard_id)
        shard_path(self.shard_dir, shard.shard_id).unlink(missing_ok=True)
        self._jobs[job["id"]] = job
        self.created += 1

    def _note(self, shard: ShardRecord, state: str, input_file_id: str | None = None) -> None:
        with self._warehouse.transaction() as connection:
            ledger.note_state(connection, shard.shard_id, state, input_file_id=input_file_id)

    def _wait_out(self, error: UnreachableError) -> None:
        if not self._api.is_patient:
            raise ApiError(f"{error}: check the network, then run the same command again") from error
        self._report.say(f"{error}; trying again in {UNCLEAR_WAIT_SECONDS:.0f} s")
        time.sleep(UNCLEAR_WAIT_SECONDS)

    # Waiting and landing

    def wait(self) -> None:
        """Until every job has ended and landed. Raises LoaderError."""
        running = self.poll()
        while running:
            _load_ahead()
            self.sleep()
            running = self.poll(running)
        self.ask_the_user()

    def ask_the_user(self) -> None:
        """Stop when a job says that it has answers and gives none. Raises ApiError."""
        if self._unanswered:
            raise self._unanswered[0]

    def back_off_seconds(self) -> float:
        """How long to wait before jobs that failed as a whole are made again: longer each time."""
        return self._waits.pop(0) if len(self._waits) > 1 else self._waits[0]

    def poll_now_and_then(self) -> None:
        """Poll, unless the last time was a moment ago: for a run that is busy sending, as results expire."""
        started = time.monotonic()
        if started >= self._poll_again_at:
            self.poll()
            self.ask_the_user()
            ended = time.monotonic()
            self._poll_again_at = ended + max(BUSY_POLL_SECONDS, (ended - started) / BUSY_POLL_SHARE)

    def sleep(self) -> None:
        """A fortieth of the time that the oldest running job has taken so far, 0.1 to 30 seconds."""
        made = [job["created_at"] for job in self._jobs.values() if not _is_over(job)]
        time.sleep(min(max((time.time() - min(made)) / 40, 0.1), 30.0) if made else 0.1)

    def poll(self, submitted: list[ShardRecord] | None = None) -> list[ShardRecord]:
        """Look at every submitted job once and land those that have ended; the shards whose jobs still run.

        Who knows them gives them as `submitted`: nobody else writes to the ledger during a run, and to read it
        would keep others from the warehouse.
        """
        if submitted is None:
            submitted = self.submitted()
        if submitted:
            self._api.be_patient()
        running: list[ShardRecord] = []
        troubles: list[ApiError] = []
        for shard in submitted:
            self._sizes[shard.job_id or ""] = shard.request_count
            try:
                job = self._look_at(shard)
                if _is_over(job):
                    self._land(shard, job)
                else:
                    running.append(shard)
            except UnansweredError as error:
                self._unanswered.append(error)
            except ApiError as error:  # the other jobs are looked at all the same
                troubles.append(error)
        if troubles:
            raise troubles[0]
        done = sum(job["completed_requests"] for job in self._jobs.values())
        self._report.progress("answers", done, sum(self._sizes.values()))
        return running

    def _look_at(self, shard: ShardRecord) -> dict[str, Any]:
        """The job of a shard as it is now; a snapshot is kept when its status has changed and it has not ended."""
        job_id = shard.job_id or ""
        try:
            job = self._api.get_job(job_id)
        except GoneError as error:
            raise ApiError(
                f"{self._api.name} does not know job {job_id}: use the key of the workspace that made it; "
                "if the job was deleted, `loader cancel --forget` gives it up and lets its requests be asked again"
            ) from error
        before = self._jobs.get(job_id)
        self._jobs[job_id] = job
        if not _has_ended(job) and (before is None or before["status"] != job["status"]):
            if job["status"] not in NOT_ENDED:
                self._report.say(f"job {job_id} is {job['status']}, which is not known: waiting until it ends")
            with self._warehouse.transaction() as connection:
                append_job(connection, job, shard.shard_id)
        return job

    def _land(self, shard: ShardRecord, job: dict[str, Any], is_given_up: bool = False) -> None:
        """Fetch both files of a job that has ended, whatever its status, and land them with its last snapshot.

        A file that is not there is only given up when it can have expired, or when `is_given_up`. Raises ApiError.
        """
        ended = _ended_at(job) or now()
        with self._warehouse.transaction() as connection:
            ledger.note_expiry(connection, shard.shard_id, ended + ledger.RESULTS_KEPT)
        fetched: list[tuple[str, str, Path]] = []
        is_gone = False
        for file_id, kind in result_files(job):
            path = self._download_dir / f"{file_id}.jsonl"
            try:
                if not path.exists():
                    path = self._api.download(file_id, path, may_be_short=is_given_up)
                fetched.append((file_id, kind, path))
            except GoneError as error:
                kept_until = ended + ledger.RESULTS_KEPT
                if now() < kept_until and not is_given_up:
                    raise ApiError(
                        f"the {kind} file of job {job['id']} is not there ({error}), though it is kept until "
                        f"{kept_until:%Y-%m-%d %H:%M} UTC: run the same command again later; "
                        "`loader cancel --forget` gives it up and lets its requests be asked again"
                    ) from error
                is_gone = True
                self._report.say(f"the {kind} file of job {job['id']} has expired; what it held is asked again")
            except OSError as error:
                raise no_space(error, self._download_dir) from error
        try:
            landed, states = self._settle(shard, job, fetched, may_lack=is_given_up or is_gone)
        except UnansweredError:
            _remove(fetched)  # to be fetched anew: they may come better another time
            raise
        self.lines += landed
        _remove(fetched)
        self._tell_end(shard, job, states)

    def _settle(
        self, shard: ShardRecord, job: dict[str, Any], fetched: list[tuple[str, str, Path]], may_lack: bool
    ) -> tuple[int, dict[str, int]]:
        """Land files and last snapshot of a job and note what became of its requests; how many lines, and states.

        Raises UnansweredError, and lands nothing, when it says that it has answers and there is none, unless it
        `may_lack` them.
        """
        with self._warehouse.transaction() as connection:
            landed = sum(
                append_output(connection, job["id"], file_id, kind, path, self._load_id)
                for file_id, kind, path in fetched
            )
            append_job(connection, job, shard.shard_id)
            states = ledger.settle(connection, shard.shard_id, job["id"])
            if states.get("missing"):
                lacking = job_ends.without_line(job, states, landed, may_lack)
                ledger.note_without_line(connection, shard.shard_id, lacking)
                states[lacking] = states.pop("missing")
        if states.get("unprocessed"):
            self._setbacks.failed.append(shard.shard_id)
        if job["status"] == "CANCELLED":
            self._setbacks.cancelled.append(shard.shard_id)
        return landed, states

    def _tell_end(self, shard: ShardRecord, job: dict[str, Any], states: dict[str, int]) -> None:
        if job["status"] != "SUCCESS":
            reasons = in_a_line("; ".join(str(error.get("message")) for error in job.get("errors") or []))
            self._report.say(f"job {job['id']} ended as {job['status']}{f': {reasons[:200]}' if reasons else ''}")
        if states.get("unprocessed"):
            self._report.say(
                f"job {job['id']} did not come to {states['unprocessed']} of its {shard.request_count} requests; "
                "that is no attempt at them"
            )
        if states.get("cancelled"):
            self._report.say(
                f"{states['cancelled']} requests of job {job['id']} were cancelled before they were answered: this run "
                "does not send them again, the next one does"
            )
        if states.get("missing"):
            with self._warehouse.transaction() as connection:
                missing = ledger.missing_requests(connection, shard.shard_id)
            names = ", ".join(missing[:SHOWN_IDS]) + (", …" if len(missing) > SHOWN_IDS else "")
            self._report.say(
                f"job {job['id']} says {job['status']} and {job['succeeded_requests']} succeeded; "
                f"{len(missing)} of its {shard.request_count} requests have no line: {names}"
            )

    # Giving up

    def cancel(self) -> int:
        """Drop what was not sent and ask the API to cancel every job that may still run; how many it was asked for.

        What was finished is landed by `wait`.
        """
        asked = 0
        for shard in self.unfinished():
            if shard.state != "submitted" and not self.adopt_if_made(shard):
                self.abandon(shard)
        for shard in self.unfinished():
            try:
                self._api.cancel_job(shard.job_id or "")
                asked += 1
            except (ApiError, GoneError) as error:
                self._report.say(f"job {shard.job_id} cannot be cancelled: {error}")
        return asked

    def forget(self) -> list[str]:
        """Give up jobs that the API does not know or whose results are gone; their ids.

        Their requests count as missing, and may be asked again.
        """
        forgotten = []
        for shard in self.submitted():
            job_id = shard.job_id or ""
            try:
                job = self._api.get_job(job_id)
            except GoneError as error:
                self._forget(shard, str(error))
                forgotten.append(job_id)
            else:
                if _has_ended(job):
                    self._land(shard, job, is_given_up=True)
                    forgotten.append(job_id)
        return forgotten

    def _forget(self, shard: ShardRecord, reason: str) -> None:
        job = {
            "id": shard.job_id,
            "status": "FAILED",
            "errors": [{"message": f"given up by the loader: {reason}", "count": 1}],
            "model": shard.model,
            "total_requests": 0,
            "completed_requests": 0,
            "succeeded_requests": 0,
            "failed_requests": 0,
        }
        with self._warehouse.transaction() as connection:
            append_job(connection, job, shard.shard_id)
            ledger.settle(connection, shard.shard_id, shard.job_id or "")


def _remove(fetched: list[tuple[str, str, Path]]) -> None:
    for _, _, path in fetched:
        path.unlink()


def _ended_at(job: dict[str, Any]) -> datetime | None:
    """When a job ended (UTC), if what it says of that can be true."""
    ended = job.get("completed_at") or 0
    if not job["created_at"] <= ended <= time.time() + CLOCK_SKEW.total_seconds():
        return None
    return datetime.fromtimestamp(ended, UTC).replace(tzinfo=None)


def _has_ended(job: dict[str, Any]) -> bool:
    """Whether a job will do no more; one of a status that the contract doesn't list has when it says since when."""
    return job["status"] in ENDED or (job["status"] not in NOT_ENDED and _ended_at(job) is not None)


def _is_over(job: dict[str, Any]) -> bool:
    """Whether a job has ended and its results can be fetched.

    One that has just ended may count answers and not name their file yet. To take that for the end would lose them.
    """
    if not _has_ended(job):
        return False
    ended = _ended_at(job)
    is_waiting_for_file = not job.get("output_file") and job["succeeded_requests"] > 0
    return not (is_waiting_for_file and ended is not None and now() - ended < FILES_COME_WITHIN)


@cache
def _load_ahead() -> None:
    """Load what landing needs, once; in a thread, since Ctrl-C in an import comes out as some other error."""

    def load() -> None:
        for needed in LANDING_NEEDS:
            import_module(needed)
        verdicts.prepare()

    Thread(target=load, daemon=True).start()


def _metadata(shard: ShardRecord) -> dict[str, str]:
    """By what a job is known as ours; both must match, as other warehouses may ask the same of the same workspace."""
    return {"shard_id": shard.shard_id, "load_id": shard.load_id}


def no_space(error: OSError, directory: Path) -> WarehouseError:
    """A file of the run cannot be written: which folder, why, and what to do."""
    return WarehouseError(
        f"cannot write in {directory} ({error.strerror}): make room or mend its permissions, "
        "then run the same command again"
    )
