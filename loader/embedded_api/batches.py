"""Runs batch jobs over all workers: QUEUED -> RUNNING -> SUCCESS, FAILED, TIMEOUT_EXCEEDED or CANCELLED.

A job's directory is the truth about it: its inputs and, a file a worker, the lines answered so far. A
restart reads them and goes on with the requests that have no line, so nothing that was answered is
processed again. Memory stays flat: of a job only the byte offsets of its requests are held. Whatever ends
a job, the lines it has become its files.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from loader.embedded_api import results
from loader.embedded_api.errors import internal_error
from loader.embedded_api.faults import Faults
from loader.embedded_api.inputs import InvalidInput, Requests, index_requests
from loader.embedded_api.pool import WorkerPool
from loader.embedded_api.store import NewFile, Store
from loader.embedded_api.worker import Chunk, Tally, answer_chunk, result_line
from loader.threads import begin

JOBS_AT_ONCE = 4
LOOK_SECONDS = 0.2  # how often a running job looks for a cancellation and the clock
PROGRESS_SECONDS = 0.5  # how often its counters are written
CHUNK_SECONDS = 0.25  # how long a worker should be busy with what it is given at once
CHUNK_MAX = 500
AT_ONCE_SECONDS = 2.0  # that a cancellation waits for the end of a job that has not begun
RETRY_SECONDS = 5.0  # after a failed write, such as on a full disk

logger = logging.getLogger(__name__)


class BatchRunner:
    """Works through the store's unfinished jobs, the oldest first, a few at a time."""

    def __init__(self, store: Store, pool: WorkerPool, faults: Faults | None = None) -> None:
        self._store = store
        self._pool = pool
        self._faults = faults
        self._stopping = threading.Event()
        self._orphans_gone = threading.Event()
        self._threads = ThreadPoolExecutor(JOBS_AT_ONCE, thread_name_prefix="job")
        self._endings = ThreadPoolExecutor(1, thread_name_prefix="ending")  # of jobs that are cancelled in the queue
        self._futures: dict[str, Future[None]] = {}

    def start(self) -> None:
        """Take up what an earlier server left unfinished."""
        begin(self._wait_for_orphans)
        for job in self._store.unfinished_jobs():
            self.add(job["id"])

    def _wait_for_orphans(self) -> None:
        self._pool.wait_for_orphans()
        self._orphans_gone.set()

    def add(self, job_id: str) -> None:
        """Run a job when its turn comes."""
        self._futures[job_id] = self._threads.submit(self._run, job_id)

    def cancel(self, job_id: str) -> None:
        """Ask a job to end with what it has; one that waits for its turn needn't wait for that.

        It may have lines all the same, answered by an earlier server.
        """
        self._store.request_cancellation(job_id)
        future = self._futures.get(job_id)
        if future is not None and future.cancel():
            self._futures[job_id] = ending = self._endings.submit(self._run, job_id)
            wait([ending], timeout=AT_ONCE_SECONDS)  # as the vendor's does, it ends at once

    def stop(self) -> None:
        """Put all jobs down where they are, to be taken up by the next server, and end the workers."""
        self._stopping.set()
        self._orphans_gone.set()
        self._pool.refuse_further_work()
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._endings.shutdown(wait=True, cancel_futures=True)
        self._pool.stop()

    def _run(self, job_id: str) -> None:
        self._orphans_gone.wait()
        run = JobRun(job_id, self._store, self._pool, self._stopping, self._faults)
        step = run.run
        while not self._stopping.is_set():
            try:
                step()
                break
            except (OSError, sqlite3.Error) as error:  # a full disk, mostly: nothing is lost by waiting
                logger.warning("job %s: %s; trying again in %.0f s", job_id, error, RETRY_SECONDS)
            except Exception as error:
                logger.error("job %s failed: %s", job_id, type(error).__name__)
                step = partial(run.fail, type(error).__name__)
            self._stopping.wait(RETRY_SECONDS)
        self._futures.pop(job_id, None)


class JobRun:
    """One job from where it is to its end, or to where the server stops."""

    def __init__(
        self, job_id: str, store: Store, pool: WorkerPool, stopping: threading.Event, faults: Faults | None = None
    ) -> None:
        job = store.job(job_id)
        assert job is not None
        self._id = job_id
        self._model: str = job["model"]
        self._store = store
        self._pool = pool
        self._stopping = stopping
        self._faults = faults
        self._dir = store.job_dir(job_id)
        self._deadline = store.deadline(job_id)
        self._chunk_size = 1

    def run(self) -> None:
        """Run the job; OSError when something can't be written (running it again goes on from there)."""
        outcome = self._ended_by()
        if outcome is None:
            try:
                requests = index_requests(self._dir)
            except InvalidInput as invalid:
                self._store.finish_job(self._id, "FAILED", errors=invalid.errors)
                logger.info("job %s: FAILED, its input is invalid", self._id)
                return
            outcome = self._work_through(requests)
        if outcome is None:
            return
        said = None
        if outcome == "SUCCESS" and self._faults is not None:
            outcome, said = self._faults.spoil(self._dir)
        self._finish(outcome, errors=results.statuses(self._dir), said=said)

    def fail(self, reason: str) -> None:
        """End the job as FAILED, with what it has."""
        self._finish("FAILED", errors=[{"message": f"Internal error ({reason})", "count": 1}])

    def _ended_by(self) -> str | None:
        """The outcome that a cancellation or the clock imposes, if any."""
        job = self._store.job(self._id)
        if job is None or job["status"] == "CANCELLATION_REQUESTED":
            return "CANCELLED"
        return "TIMEOUT_EXCEEDED" if time.time() > self._deadline else None

    def _work_through(self, requests: Requests) -> str | None:
        """Answer what isn't answered yet; the outcome, or None when the server stops."""
        while True:
            done = results.recover(self._dir, len(requests))
            self._store.start_job(self._id, len(requests), done.succeeded, done.failed)
            executor = self._pool.executor()
            pending: dict[Future[Tally], Chunk] = {}
            try:
                return self._spread(requests, done, executor, pending)
            except BrokenProcessPool:
                self._pool.mend(executor)
                self._answer_suspects(len(requests), list(pending.values()))
            finally:
                for future in pending:
                    future.cancel()
                wait(pending)

    def _spread(
        self,
        requests: Requests,
        done: results.Done,
        executor: ProcessPoolExecutor,
        pending: dict[Future[Tally], Chunk],
    ) -> str | None:
        unanswered = (number for number in range(len(requests)) if not done.numbers[number])
        succeeded, failed, noted_at = done.succeeded, done.failed, time.monotonic()
        while not self._stopping.is_set():
            outcome = self._ended_by()
            if outcome is not None:
                return outcome
            while len(pending) < 2 * self._pool.size and (chunk := self._next_chunk(requests, unanswered)):
                pending[executor.submit(answer_chunk, chunk)] = chunk
            if not pending:
                return "SUCCESS"
            finished, _ = wait(pending, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)
            for future in finished:
                tally = future.result()
                chunk_length = len(pending.pop(future).spans)
                succeeded, failed = succeeded + tally.succeeded, failed + tally.failed
                self._adapt(chunk_length, tally.seconds)
            if finished and time.monotonic() - noted_at > PROGRESS_SECONDS:
                self._store.count(self._id, succeeded, failed)
                noted_at = time.monotonic()
        return None

    def _adapt(self, requests: int, seconds: float) -> None:
        """Size chunks by how long the last one took: slow receipts one by one, fast ones by the hundred."""
        fitting = int(CHUNK_SECONDS * requests / max(seconds, 1e-6))
        self._chunk_size = max(1, min(fitting, 4 * self._chunk_size, CHUNK_MAX))

    def _next_chunk(self, requests: Requests, unanswered: Iterator[int]) -> Chunk | None:
        numbers = list(islice(unanswered, self._chunk_size))
        return self._chunk(requests, numbers) if numbers else None

    def _chunk(self, requests: Requests, numbers: Sequence[int]) -> Chunk:
        return Chunk(self._dir, self._model, requests.inputs, tuple(requests.span(number) for number in numbers))

    def _answer_suspects(self, total: int, chunks: Sequence[Chunk]) -> None:
        """Answer what a dead pool had in hand one by one; what kills a worker again is a failed request."""
        done = results.recover(self._dir, total)
        for chunk in chunks:
            for span in chunk.spans:
                if done.numbers[span[0]] or self._stopping.is_set():
                    continue
                try:
                    self._pool.answer_alone(replace(chunk, spans=(span,)))
                except BrokenProcessPool:
                    results.recover(self._dir, total)
                    failure = internal_error("The receipt reader crashed on this request")
                    custom_id = self._custom_id(chunk, span)
                    line = result_line(self._dir, span[0], custom_id, failure.status, failure.body)
                    results.append(self._dir, "error", line)

    def _custom_id(self, chunk: Chunk, span: tuple[int, int, int, int]) -> str | None:
        _, input_number, offset, length = span
        with chunk.inputs[input_number].open("rb") as file:
            file.seek(offset)
            custom_id: str | None = orjson.loads(file.read(length)).get("custom_id")
        return custom_id

    def _finish(self, outcome: str, errors: Sequence[dict[str, Any]] = (), said: int | None = None) -> None:
        """Make the lines that there are the job's files; no worker has any of it in hand any more.

        `said` is how many the job says were answered, should it not be those that were.
        """
        counts: dict[str, int] = {}
        files: dict[str, NewFile | None] = {}
        for kind, sample_type in (("output", "batch_result"), ("error", "batch_error")):
            target = self._store.upload_path()
            counts[kind] = results.put_together(self._dir, kind, target)
            files[kind] = self._result_file(target, kind, sample_type, counts[kind]) if counts[kind] else None
        self._store.finish_job(
            self._id,
            outcome,
            succeeded=counts["output"] if said is None else said,
            failed=counts["error"],
            errors=errors,
            output=files["output"],
            error=files["error"],
        )
        logger.info("job %s: %s, %d answered, %d failed", self._id, outcome, counts["output"], counts["error"])

    def _result_file(self, path: Path, kind: str, sample_type: str, lines: int) -> NewFile:
        return NewFile(path, f"{self._id}-{kind}.jsonl", "batch", sample_type, "mistral", lines)
