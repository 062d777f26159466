"""The shards of a warehouse at one API: taken up, waited for, landed, given up. `sending` makes their jobs.

Every step can be taken up after a kill. One sick job stops no other.
"""

from __future__ import annotations

import time
from datetime import UTC
from functools import cache
from pathlib import Path

from loader.batch.job import Job
from loader.batch.job_ends import UnansweredError
from loader.batch.landing import Landing
from loader.batch.provider import (
    SHORT_SUFFIX,
    GoneError,
    Provider,
    TroubleError,
)
from loader.batch.report import Report
from loader.batch.sending import Sending
from loader.batch.sick_jobs import SickJobs
from loader.errors import ApiError
from loader.owned_folder import is_file, own_entries, remove_files
from loader.requests.request_files import shard_path
from loader.threads import begin
from loader.warehouse import ledger, verdicts
from loader.warehouse.duckdb_file import Warehouse
from loader.warehouse.ledger import ShardRecord
from loader.warehouse.raw import append_job
from loader.work_folder import WORK

POLL_SHARE = 1 / 40  # of the time that a job has taken so far is waited until the next look
SHORTEST_POLL_SECONDS, LONGEST_POLL_SECONDS = 0.1, 30.0
BUSY_POLL_SECONDS = 30.0
BUSY_POLL_SHARE = 0.05  # of the time of a run that is busy sending, at most
RETRY_JOBS_SECONDS = (10.0, 40.0)  # before what was in jobs that failed as a whole is sent again
EMBEDDED_RETRY_JOBS_SECONDS = (0.5, 1.0)
CANCEL_SECONDS = 60.0  # how long a sick job is waited for after it was cancelled


class Jobs:
    """The shards of a warehouse at one API."""

    def __init__(
        self,
        warehouse: Warehouse,
        api: Provider,
        report: Report,
        work_dir: Path,
        load_id: str,
        setbacks: ledger.Setbacks | None = None,
    ) -> None:
        self.shard_dir = work_dir / "shards"
        self._warehouse = warehouse
        self._api = api
        self._report = report
        self._download_dir = work_dir / "downloads"
        self.load_id = load_id
        self._poll_again_at = time.monotonic() + BUSY_POLL_SECONDS
        self._jobs: dict[str, Job] = {}  # as last seen, by id
        self._sizes: dict[str, int] = {}  # requests of each
        self._landing = Landing(warehouse, api, report, self._download_dir, load_id, setbacks or ledger.Setbacks())
        self._waits = list(EMBEDDED_RETRY_JOBS_SECONDS if api.name == "embedded" else RETRY_JOBS_SECONDS)
        self._sick = SickJobs(api, report)
        self.sending = Sending(
            warehouse, api, report, self.shard_dir, self._sick, on_job=self._note_job, meanwhile=self.poll_now_and_then
        )

    @property
    def lines(self) -> int:
        """How many lines landed."""
        return self._landing.lines

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

    def _note_job(self, job: Job) -> None:
        self._jobs[job.id] = job

    def clean_up(self) -> None:
        """Remove what a killed run left: shards (sent or planned again), parts of downloads, and those that landed."""
        downloads = list(own_entries(self._download_dir, WORK.folders["downloads"]))
        with self._warehouse.transaction() as connection:
            landed = ledger.landed_files(connection, [path.stem for path in downloads])
        remove_files(self.shard_dir, WORK.folders["shards"])
        for path in downloads:
            if is_file(path) and (path.suffix in (".part", SHORT_SUFFIX) or path.stem in landed):
                path.unlink()

    def abandon(self, shard: ShardRecord) -> None:
        """Drop a shard that has no job: nothing was paid for, and its requests will be planned again."""
        if shard.input_file_id:
            try:
                self._api.delete_file(shard.input_file_id)
            except ApiError as error:  # it only takes up room, and goes after a month
                self._report.say(f"file {shard.input_file_id} stays on the server: {error}")
        with self._warehouse.transaction() as connection:
            ledger.abandon(connection, shard.shard_id)
        shard_path(self.shard_dir, shard.shard_id).unlink(missing_ok=True)

    # Waiting and landing

    def wait(self) -> None:
        """Until every job has ended and landed. Raises LoaderError, once all others have, for those that can't be."""
        running = self.poll()
        while running:
            _load_ahead()
            self.sleep()
            running = self.poll(running)
        self._sick.raise_first()

    def troubles(self) -> list[ApiError]:
        """What could not be read or landed."""
        return self._sick.errors()

    def ask_the_user(self) -> None:
        """Stop before more is sent when a job says that it has answers and gives none. Raises UnansweredError."""
        for error in self.troubles():
            if isinstance(error, UnansweredError):
                raise error

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
        """A share of the time that the oldest running job has taken so far."""
        now = self._api.now()
        made = [job.created_at for job in self._jobs.values() if job.created_at and not job.is_over(now)]
        taken = now.replace(tzinfo=UTC).timestamp() - min(made) if made else 0.0
        time.sleep(min(max(taken * POLL_SHARE, SHORTEST_POLL_SECONDS), LONGEST_POLL_SECONDS))

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
        for shard in submitted:  # whatever becomes of one, the others are looked at all the same
            job_id = shard.job_id or ""
            self._sizes[job_id] = shard.request_count
            try:
                if self._sick.is_due(job_id) and self._look_and_land(shard):
                    self._sick.heal(job_id)
                    continue
            except TroubleError as error:
                if not self._sick.is_worth_waiting(job_id, error):
                    continue
            except ApiError as error:
                self._sick.fail(job_id, error)
                continue
            running.append(shard)
        done = sum(job.completed for job in self._jobs.values())
        self._report.progress("answers", done, sum(self._sizes.values()))
        return running

    def _look_and_land(self, shard: ShardRecord) -> bool:
        """Whether the job of a shard has ended; it has landed then."""
        job = self._look_at(shard)
        if not job.is_over(self._api.now()):
            return False
        self._landing.land(shard, job)
        return True

    def _look_at(self, shard: ShardRecord) -> Job:
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
        if not job.has_ended(self._api.now()) and (before is None or before.status != job.status):
            if not job.is_of_known_status:
                self._report.say(f"job {job_id} is {job.status}, which is not known: waiting until it ends")
            with self._warehouse.transaction() as connection:
                append_job(connection, job.snapshot, shard.shard_id)
        return job

    # Giving up

    def take_up(self) -> list[ApiError]:
        """Adopt the jobs that were made and not noted, and drop what was not sent; what could not be found out."""
        troubles = []
        for shard in self.unfinished():
            try:
                if shard.state != "submitted" and not self.sending.adopt_if_made(shard):
                    self.abandon(shard)
            except ApiError as error:
                troubles.append(error)
        return troubles

    def cancel(self) -> int:
        """Drop what was not sent and ask the API to cancel every job that may still run; how many it was asked for.

        What was finished is landed by `wait`.
        """
        asked = 0
        self._sick.give_up_seconds = CANCEL_SECONDS
        for error in self.take_up():
            self._sick.fail("one that may have been made", error)
        for shard in self.submitted():
            try:
                self._api.cancel_job(shard.job_id or "")
                asked += 1
            except (ApiError, GoneError) as error:
                self._report.say(f"job {shard.job_id} cannot be cancelled: {error}")
        return asked

    def forget(self) -> list[str]:
        """Give up jobs that the API does not know or whose results are gone; their ids.

        Their requests count as missing, and may be asked again. What fails otherwise is in `troubles`.
        """
        forgotten = []
        for shard in self.submitted():
            job_id = shard.job_id or ""
            try:
                job = self._api.get_job(job_id)
                if job.has_ended(self._api.now()):
                    self._landing.land(shard, job, is_given_up=True)
                    forgotten.append(job_id)
            except GoneError as error:
                self._forget(shard, str(error))
                forgotten.append(job_id)
            except ApiError as error:
                self._sick.fail(job_id, error)
        return forgotten

    def _forget(self, shard: ShardRecord, reason: str) -> None:
        given_up = (f"given up by the loader: {reason}",)
        job = Job(shard.job_id or "", "FAILED", shard.model, errors=given_up)
        with self._warehouse.transaction() as connection:
            append_job(connection, job.snapshot, shard.shard_id)
            ledger.settle(connection, shard.shard_id, shard.job_id or "")


@cache
def _load_ahead() -> None:
    """Load what landing needs, once, while the API works anyway.

    In a thread, since Ctrl-C in an import comes out as some other error.
    """

    def load() -> None:
        import pandas  # noqa: F401 (DuckDB loads it when it is given Arrow)

        from loader.warehouse import lines  # noqa: F401

        verdicts.prepare()

    begin(load)
