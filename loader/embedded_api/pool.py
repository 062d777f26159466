"""The worker processes: one a core, started when there is work, replaced when one dies."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import filelock

from loader.embedded_api import worker
from loader.embedded_api.state_folder import STATE
from loader.owned_folder import own_entries

ORPHAN_SECONDS = 120.0

logger = logging.getLogger(__name__)


class WorkerPool:
    """A pool of worker processes that share a reader; safe to use from several threads."""

    def __init__(self, reader: str, workers: int | None, workers_dir: Path) -> None:
        """`reader` is "module:function"; `workers` defaults to the number of cores."""
        self.size = workers or os.cpu_count() or 1
        self._context = multiprocessing.get_context("spawn")
        self._stop = self._context.RawValue("b", 0)  # no lock: a worker killed in one would hold it for ever
        self._start_arguments = (reader, workers_dir, self._stop)
        self._workers_dir = workers_dir
        self._lock = threading.Lock()
        self._shared: ProcessPoolExecutor | None = None
        self._single: ProcessPoolExecutor | None = None
        self._single_lock = threading.Lock()

    def executor(self) -> ProcessPoolExecutor:
        """The shared pool; when it turns out to be broken, hand it to `mend` and ask again."""
        with self._lock:
            if self._shared is None:
                self._shared = self._new(self.size)
            return self._shared

    def mend(self, broken: ProcessPoolExecutor) -> None:
        """Wait until the last process of a broken pool is gone; the next `executor()` is a new one."""
        with self._lock:
            if self._shared is broken:
                broken.shutdown(wait=True)
                self._shared = None
                logger.warning("a worker process died; the pool was replaced")

    def answer_alone(self, chunk: worker.Chunk) -> worker.Tally:
        """Answer a chunk in a process of its own: on BrokenProcessPool it was this chunk that killed it."""
        with self._single_lock:
            if self._single is None:
                self._single = self._new(1)
            try:
                return self._single.submit(worker.answer_chunk, chunk).result()
            except BrokenProcessPool:
                self._single.shutdown(wait=True)
                self._single = None
                raise

    def answer_chat(self, body: bytearray, model: str, is_stream: bool) -> Future[tuple[int, bytes]]:
        """Answer one live request; the future raises BrokenProcessPool when a worker died."""
        executor = self.executor()
        try:
            future = executor.submit(worker.answer_chat, body, model, is_stream)
        except BrokenProcessPool:
            self.mend(executor)
            future = self.executor().submit(worker.answer_chat, body, model, is_stream)
        return future

    def wait_for_orphans(self) -> None:
        """Wait until the workers of a server that was killed have written what they had in hand."""
        for path in own_entries(self._workers_dir, STATE.folders["workers"]):
            lock = filelock.FileLock(path)
            try:
                lock.acquire(timeout=ORPHAN_SECONDS)
            except filelock.Timeout:
                logger.warning("a worker of an earlier server is still running (%s); going on without it", path.stem)
                continue
            lock.release()
            with contextlib.suppress(FileNotFoundError):
                path.unlink()

    def refuse_further_work(self) -> None:
        """Let workers end after the request that they have in hand."""
        self._stop.value = 1

    def stop(self) -> None:
        """End all workers."""
        self.refuse_further_work()
        for executor in (self._shared, self._single):
            if executor is not None:
                executor.shutdown(wait=True, cancel_futures=True)

    def _new(self, size: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            size, mp_context=self._context, initializer=worker.start, initargs=self._start_arguments
        )
