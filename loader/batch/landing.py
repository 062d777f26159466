"""A job that has ended -> its lines in the warehouse and the states of its requests in the ledger, all or nothing."""

from __future__ import annotations

from pathlib import Path

from loader.batch import failures, job_ends
from loader.batch.job import Job
from loader.batch.job_ends import UnansweredError
from loader.batch.provider import GoneError, Provider, TroubleError
from loader.batch.report import Report
from loader.errors import ApiError, cannot_write
from loader.warehouse import ledger
from loader.warehouse.duckdb_file import Warehouse
from loader.warehouse.ledger import ShardRecord
from loader.warehouse.raw import append_job, append_output

SHOWN_IDS = 100


class Landing:
    """Lands the jobs of one API. `lines` counts what landed; what went wrong with jobs goes to `setbacks`."""

    def __init__(
        self,
        warehouse: Warehouse,
        api: Provider,
        report: Report,
        download_dir: Path,
        load_id: str,
        setbacks: ledger.Setbacks,
    ) -> None:
        self.lines = 0
        self._warehouse = warehouse
        self._api = api
        self._report = report
        self._download_dir = download_dir
        self._load_id = load_id
        self._setbacks = setbacks

    def land(self, shard: ShardRecord, job: Job, is_given_up: bool = False) -> None:
        """Fetch both files of a job that has ended, whatever its status, and land them with its last snapshot.

        A file that is not there is only given up when it can have expired, or when `is_given_up`. Raises ApiError.
        """
        now = self._api.now()
        ended = job.ended_at(now) or now
        with self._warehouse.transaction() as connection:
            ledger.note_expiry(connection, shard.shard_id, ended + ledger.RESULTS_KEPT)
        fetched: list[tuple[str, str, Path]] = []
        is_gone = False
        for file_id, kind in job.result_files:
            path = self._download_dir / f"{file_id}.jsonl"
            try:
                if not path.exists():
                    path = self._api.download(file_id, path, may_be_short=is_given_up)
                fetched.append((file_id, kind, path))
            except GoneError as error:
                kept_until = ended + ledger.RESULTS_KEPT
                if now < kept_until and not is_given_up:
                    raise ApiError(
                        f"the {kind} file of job {job.id} is not there ({error}), though it is kept until "
                        f"{kept_until:%Y-%m-%d %H:%M} UTC: run the same command again later; "
                        "`loader cancel --forget` gives it up and lets its requests be asked again"
                    ) from error
                is_gone = True
                self._report.say(f"the {kind} file of job {job.id} has expired; what it held is asked again")
            except TroubleError as error:
                if not (is_given_up and error.is_answer):
                    raise
                is_gone = True
                self._report.say(f"the {kind} file of job {job.id} is given up ({error}); what it held is asked again")
            except OSError as error:
                raise cannot_write(self._download_dir, error) from error
        try:
            landed, states = self._settle(shard, job, fetched, may_lack=is_given_up or is_gone)
        except UnansweredError:
            _remove(fetched)  # to be fetched again: they may come better another time
            raise
        self.lines += landed
        _remove(fetched)
        self._tell_end(shard, job, states)

    def _settle(
        self, shard: ShardRecord, job: Job, fetched: list[tuple[str, str, Path]], may_lack: bool
    ) -> tuple[int, dict[str, int]]:
        """Land files and last snapshot of a job and note what became of its requests; how many lines, and states.

        Raises UnansweredError, and lands nothing, when it says that it has answers and there is none, unless it
        `may_lack` them.
        """
        with self._warehouse.transaction() as connection:
            landed = sum(
                append_output(connection, job.id, file_id, kind, path, self._load_id) for file_id, kind, path in fetched
            )
            append_job(connection, job.snapshot, shard.shard_id)
            states = ledger.settle(connection, shard.shard_id, job.id)
            failures.note(connection, shard, job.id, self._api.failure_of)
            if states.get("missing"):
                lacking = job_ends.without_line(job, states, landed, may_lack)
                ledger.note_without_line(connection, shard.shard_id, lacking)
                states[lacking] = states.pop("missing")
        if states.get("unprocessed"):
            self._setbacks.failed.append(shard.shard_id)
        if job.status == "CANCELLED":
            self._setbacks.cancelled.append(shard.shard_id)
        return landed, states

    def _tell_end(self, shard: ShardRecord, job: Job, states: dict[str, int]) -> None:
        if job.status != "SUCCESS":
            reasons = "; ".join(job.errors)
            self._report.say(f"job {job.id} ended as {job.status}{f': {reasons[:200]}' if reasons else ''}")
        if states.get("unprocessed"):
            self._report.say(
                f"job {job.id} did not come to {states['unprocessed']} of its {shard.request_count} requests; "
                "that is no attempt at them"
            )
        if states.get("cancelled"):
            self._report.say(
                f"{states['cancelled']} requests of job {job.id} were cancelled before they were answered: this run "
                "does not send them again, the next one does"
            )
        if states.get("missing"):
            with self._warehouse.transaction() as connection:
                missing = ledger.missing_requests(connection, shard.shard_id)
            names = ", ".join(missing[:SHOWN_IDS]) + (", …" if len(missing) > SHOWN_IDS else "")
            self._report.say(
                f"job {job.id} says {job.status} and {job.succeeded} succeeded; "
                f"{len(missing)} of its {shard.request_count} requests have no line: {names}"
            )


def _remove(fetched: list[tuple[str, str, Path]]) -> None:
    for _, _, path in fetched:
        path.unlink()
