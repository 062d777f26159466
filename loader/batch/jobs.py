"""Shards to jobs and back: upload, create, adopt, poll, download, land. Every step can be taken up after a kill.

Each step with an effect on the server is noted in the ledger before it begins and after it ends. A shard found in
`creating` may or may not have reached the server: its job is looked for by metadata, and adopted. One that has no job
is dropped, as nothing was paid for, and planned anew. The only thing that could be paid for twice is a job whose
creation the server carries out after it was looked for several times; that is why an unclear creation is followed by
waits (`SETTLE_SECONDS`).
"""

from __future__ import annotations

import time
from datetime import UTC
from functools import cache
from importlib import import_module
from pathlib import Path
from threading import Thread

from loader.batch.job import Job
from loader.batch.job_ends import UnansweredError
from loader.batch.landing import Landing
from loader.batch.provider import (
    SHORT_SUFFIX,
    UNCLEAR_WAIT_SECONDS,
    GoneError,
    NoFileYetError,
    Provider,
    TroubleError,
    UnclearError,
    UnreachableError,
)
from loader.batch.report import Report
from loader.batch.sick_jobs import SickJobs
from loader.errors import ApiError, LoaderError
from loader.owned_folder import is_file, own_entries, remove_files
from loader.requests.request_files import shard_path
from loader.warehouse import ledger, verdicts
from loader.warehouse.duckdb_file import Warehouse
from loader.warehouse.ledger import ShardRecord
from loader.warehouse.raw import append_job
from loader.work_folder import WORK

# Loaded while the API works anyway; DuckDB loads pandas when it is given Arrow.
LANDING_NEEDS = ("loader.warehouse.lines", "pandas")
POLL_SHARE = 1 / 40  # of the time that a job has taken so far is waited until the next look
SHORTEST_POLL_SECONDS, LONGEST_POLL_SECONDS = 0.1, 30.0
BUSY_POLL_SECONDS = 30.0
BUSY_POLL_SHARE = 0.05  # of the time of a run that is busy sending, at most
# After an unclear creation the server is asked for the job at once and after each of these waits, in seconds, before
# it is created again.
SETTLE_SECONDS = (5.0, 15.0, 40.0)
EMBEDDED_SETTLE_SECONDS = (0.5, 1.0)
RETRY_JOBS_SECONDS = (10.0, 40.0)  # before what was in jobs that failed as a whole is sent again
FIRST_SEND_SECONDS = 60.0  # how long a sick server is tried before anything was paid for
FILE_WAITS_SECONDS = (1.0, 3.0, 10.0, 20.0)  # until a server knows a file that it was given
CANCEL_SECONDS = 60.0  # how long a sick job is waited for after it was cancelled


class Jobs:
    """The shards of a warehouse at one API. `created` and `lines` count what this object did."""

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
        self.created = 0
        self._warehouse = warehouse
        self._api = api
        self._report = report
        self._download_dir = work_dir / "downloads"
        self.load_id = load_id
        self._settle_seconds = EMBEDDED_SETTLE_SECONDS if api.name == "embedded" else SETTLE_SECONDS
        self._poll_again_at = time.monotonic() + BUSY_POLL_SECONDS
        self._jobs: dict[str, Job] = {}  # as last seen, by id
        self._sizes: dict[str, int] = {}  # requests of each
        self._landing = Landing(warehouse, api, report, self._download_dir, load_id, setbacks or ledger.Setbacks())
        self._waits = list(EMBEDDED_SETTLE_SECONDS if api.name == "embedded" else RETRY_JOBS_SECONDS)
        self._sick = SickJobs(api, report.say)

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

    def clean_up(self) -> None:
        """Remove what a killed run left: shards (sent or planned anew), parts of downloads, and those that landed."""
        downloads = list(own_entries(self._download_dir, WORK.folders["downloads"]))
        with self._warehouse.transaction() as connection:
            landed = ledger.landed_files(connection, [path.stem for path in downloads])
        remove_files(self.shard_dir, WORK.folders["shards"])
        for path in downloads:
            if is_file(path) and (path.suffix in (".part", SHORT_SUFFIX) or path.stem in landed):
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
        since = time.monotonic()
        file_id = None
        while file_id is None:
            try:
                file_id = self._api.upload(path)
            except UnreachableError as error:
                self._wait_out(error)
            except UnclearError as error:
                # A file that is uploaded twice costs nothing, so looking for it once is enough.
                self._report.say(f"{error}; looking whether the file has arrived")
                self._hold_on(error, since, error.wait_seconds)
                try:
                    file_id = self._api.find_file(path.name)
                except TroubleError as trouble:
                    self._hold_on(trouble, since, 0.0)
        self._note(shard, "uploaded", input_file_id=file_id)
        return file_id

    def _create(self, shard: ShardRecord, file_id: str) -> None:
        self._note(shard, "creating")
        since = time.monotonic()
        file_waits = iter(FILE_WAITS_SECONDS)
        while True:
            try:
                job = self._api.create_job(file_id, shard.model, _metadata(shard))
            except UnreachableError as error:
                self._wait_out(error)
            except UnclearError as error:
                self._report.say(f"{error}; looking whether the job was made before making it again")
                self._hold_on(error, since, error.wait_seconds)
                if self._adopt_patiently(shard):
                    return
            except LoaderError as error:
                wait = next(file_waits, None) if isinstance(error, NoFileYetError) else None
                if wait is None:
                    self._note(shard, "uploaded")  # refused: certainly no job
                    raise
                self._report.say(f"{error}; it was just uploaded: trying again in {wait:.0f} s")
                time.sleep(wait)
            else:
                self._note_submitted(shard, job)
                return

    def _hold_on(self, error: Exception, since: float, seconds: float) -> None:
        """Wait a while in a send that has been in trouble since then; meanwhile, other jobs are looked at.

        Raises ApiError when it has lasted too long, for a server that answers otherwise or before anything was paid.
        """
        is_too_long = (
            self._sick.is_hopeless(since) if self._api.is_patient else time.monotonic() - since > FIRST_SEND_SECONDS
        )
        if is_too_long:
            raise error if isinstance(error, ApiError) else ApiError(f"{error}: run the same command again") from error
        time.sleep(seconds)
        self.poll_now_and_then()

    def adopt_if_made(self, shard: ShardRecord) -> bool:
        """Whether a job was made for a shard that an earlier run left before `submitted`; it is noted then."""
        return shard.state == "creating" and self._adopt(shard)

    def _adopt_patiently(self, shard: ShardRecord) -> bool:
        """Look for a job that was just made, until the server can be asked. Raises ApiError when that never ends."""
        since = time.monotonic()
        while True:
            try:
                return self._adopt(shard)
            except TroubleError as error:
                if not self._api.is_patient:
                    raise
                self._hold_on(error, since, UNCLEAR_WAIT_SECONDS)

    def _adopt(self, shard: ShardRecord) -> bool:
        """Look several times for a job that was made for this shard; note it if it is there."""
        for wait in (0.0, *self._settle_seconds):
            time.sleep(wait)
            job = self._api.find_job(_metadata(shard))
            if job is not None:
                self._note_submitted(shard, job)
                return True
        return False

    def _note_submitted(self, shard: ShardRecord, job: Job) -> None:
        with self._warehouse.transaction() as connection:
            ledger.note_submitted(connection, shard, job.id)
            if not job.has_ended(self._api.now()):  # the last snapshot commits with the job's lines, never before
                append_job(connection, job.snapshot, shard.shard_id)
        shard_path(self.shard_dir, shard.shard_id).unlink(missing_ok=True)
        self._jobs[job.id] = job
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
                if shard.state != "submitted" and not self.adopt_if_made(shard):
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
    """Load what landing needs, once; in a thread, since Ctrl-C in an import comes out as some other error."""

    def load() -> None:
        for needed in LANDING_NEEDS:
            import_module(needed)
        verdicts.prepare()

    Thread(target=load, daemon=True).start()


def _metadata(shard: ShardRecord) -> dict[str, str]:
    """By what a job is known as ours; both must match, as other warehouses may ask the same of the same workspace."""
    return {"shard_id": shard.shard_id, "load_id": shard.load_id}
