"""A shard to a job: upload, create, adopt.

Each step with an effect on the server is noted in the ledger before it begins and after it ends. A shard found in
`creating` may or may not have reached the server: its job is looked for by metadata, and adopted. One that has no job
is dropped, as nothing was paid for, and planned again. The only thing that could be paid for twice is a job whose
creation the server carries out after it was looked for several times; that is why an unclear creation is followed by
waits (`SETTLE_SECONDS`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from loader.batch.job import Job
from loader.batch.provider import (
    UNCLEAR_WAIT_SECONDS,
    NoFileYetError,
    Provider,
    TroubleError,
    UnclearError,
    UnreachableError,
)
from loader.batch.report import Report
from loader.batch.sick_jobs import SickJobs
from loader.errors import ApiError, LoaderError
from loader.requests.request_files import shard_path
from loader.warehouse import ledger
from loader.warehouse.duckdb_file import Warehouse
from loader.warehouse.ledger import ShardRecord
from loader.warehouse.raw import append_job

# After an unclear creation the server is asked for the job at once and after each of these waits, in seconds, before
# it is created again.
SETTLE_SECONDS = (5.0, 15.0, 40.0)
EMBEDDED_SETTLE_SECONDS = (0.5, 1.0)
FIRST_SEND_SECONDS = 60.0  # how long a sick server is tried before anything was paid for
FILE_WAITS_SECONDS = (1.0, 3.0, 10.0, 20.0)  # until a server knows a file that it was given


class Sending:
    """Sends shards to one API. `created` counts their jobs, each of which is passed to `on_job`.

    `meanwhile` is called while a server in trouble is waited for.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        api: Provider,
        report: Report,
        shard_dir: Path,
        sick: SickJobs,
        on_job: Callable[[Job], None],
        meanwhile: Callable[[], None],
    ) -> None:
        self.created = 0
        self._warehouse = warehouse
        self._api = api
        self._report = report
        self._shard_dir = shard_dir
        self._sick = sick
        self._on_job = on_job
        self._meanwhile = meanwhile
        self._settle_seconds = EMBEDDED_SETTLE_SECONDS if api.name == "embedded" else SETTLE_SECONDS

    def send(self, shard: ShardRecord) -> None:
        """Bring a planned shard to `submitted`. Raises ApiError."""
        self._create(shard, self._upload(shard))
        self._api.be_patient()  # from here on something is paid for, so an outage is no reason to give up

    def _upload(self, shard: ShardRecord) -> str:
        path = shard_path(self._shard_dir, shard.shard_id)
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
        self._meanwhile()

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
        shard_path(self._shard_dir, shard.shard_id).unlink(missing_ok=True)
        self._on_job(job)
        self.created += 1

    def _note(self, shard: ShardRecord, state: str, input_file_id: str | None = None) -> None:
        with self._warehouse.transaction() as connection:
            ledger.note_state(connection, shard.shard_id, state, input_file_id=input_file_id)

    def _wait_out(self, error: UnreachableError) -> None:
        if not self._api.is_patient:
            raise ApiError(f"{error}: check the network, then run the same command again") from error
        self._report.say(f"{error}; trying again in {UNCLEAR_WAIT_SECONDS:.0f} s")
        time.sleep(UNCLEAR_WAIT_SECONDS)


def _metadata(shard: ShardRecord) -> dict[str, str]:
    """By what a job is known as ours; both must match, as other warehouses may ask the same of the same workspace."""
    return {"shard_id": shard.shard_id, "load_id": shard.load_id}
