"""A worker process: reads request lines, has them answered, writes each answer down before the next.

An answer is in the worker's own results file (one write a line, never torn by another worker) before
anyone hears of it, so a server that is killed loses none: its workers notice, finish the request in their
hands, write it and leave. Until then they hold a lock that the next server waits for. Nothing of a
receipt is ever logged.
"""

from __future__ import annotations

import errno
import importlib
import logging
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
import time
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol, cast

import filelock
import orjson

from loader.embedded_api.completions import Reader, as_event_stream, complete
from loader.embedded_api.errors import ApiRefusal, bad_request, internal_error
from loader.threads import begin

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Chunk:
    """Requests of one job: `spans` are (request number from 0, input number, byte offset, byte length)."""

    job_dir: Path
    model: str
    inputs: tuple[Path, ...]
    spans: tuple[tuple[int, int, int, int], ...]


@dataclass(frozen=True)
class Tally:
    """What became of a chunk; `seconds` is the time it took."""

    succeeded: int
    failed: int
    seconds: float


class Stop(Protocol):
    """Memory shared with the server: a value other than 0 says to take no further request."""

    value: int


class _State:
    """This process's part of the pool, set by `start`."""

    reader: str
    stop: Stop
    lock: filelock.BaseFileLock


_answering = threading.Lock()
_parent_gone = threading.Event()


def start(reader: str, workers_dir: Path, stop: Stop) -> None:
    """Make this process a worker; `reader` is "module:function", `stop` says: no further request."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's to handle
    _State.reader = reader
    _State.stop = stop
    _State.lock = filelock.FileLock(workers_dir / f"{os.getpid()}.lock", mode=0o600)
    _State.lock.acquire()
    begin(_leave_with_parent)


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        _parent_gone.set()
        with _answering:
            os._exit(0)


def answer_chunk(chunk: Chunk) -> Tally:
    """Answer the requests of a chunk, a line each in this worker's files; OSError when it can't write."""
    started = time.monotonic()
    counts = {"output": 0, "error": 0}
    with ExitStack() as stack:
        inputs = [stack.enter_context(path.open("rb")) for path in chunk.inputs]
        results = {kind: stack.enter_context(_Results(chunk.job_dir, kind)) for kind in counts}
        for number, input_number, offset, length in chunk.spans:
            with _answering:
                if _State.stop.value or _parent_gone.is_set():
                    break
                line = os.pread(inputs[input_number].fileno(), length, offset)
                kind, result = _answer_line(number, line, chunk)
                results[kind].append(result)
                counts[kind] += 1
    return Tally(counts["output"], counts["error"], time.monotonic() - started)


def answer_chat(body: bytearray, model: str, is_stream: bool) -> tuple[int, bytes]:
    """Answer one live request: HTTP status and body, JSON or (when it went well) an event stream."""
    with _answering:
        status, answer = _answer(orjson.loads(body), model)
    return status, as_event_stream(answer) if is_stream and status == 200 else orjson.dumps(answer)


def result_line(job_dir: Path, number: int, custom_id: str | None, status: int, body: dict[str, Any]) -> bytes:
    """A line of an output or error file; its id ends in the number by which a restart knows it.

    The body of a failure is JSON in a text, as the vendor has it.
    """
    return orjson.dumps(
        {
            "id": f"batch-{job_dir.name[:8]}-{uuid.uuid4().hex[:8]}-{number}",
            "custom_id": custom_id,
            "response": {"status_code": status, "body": body if status == 200 else orjson.dumps(body).decode()},
            "error": None,
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


def _answer_line(number: int, line: bytes, chunk: Chunk) -> tuple[str, bytes]:
    request = orjson.loads(line)
    custom_id, body = request.get("custom_id"), request["body"]
    if body.get("stream"):
        refusal = bad_request("`stream` is not taken in a batch: leave it out")
        status, answer = refusal.status, refusal.body
    else:
        status, answer = _answer(body, chunk.model)
    return "output" if status == 200 else "error", result_line(chunk.job_dir, number, custom_id, status, answer)


def _answer(body: dict[str, Any], model: str) -> tuple[int, dict[str, Any]]:
    try:
        return 200, complete(body, model, _reader(_State.reader))
    except ApiRefusal as refusal:
        return refusal.status, refusal.body
    except (
        Exception
    ) as error:  # a reader that fails on one receipt must not end the job; its text may hold the receipt's
        logger.error("the reader failed: %s", type(error).__name__)
        failure = internal_error(f"The receipt reader failed ({type(error).__name__})")
        return failure.status, failure.body


@cache
def _reader(spec: str) -> Reader:
    module, _, function = spec.partition(":")
    return cast(Reader, getattr(importlib.import_module(module), function))


class _Results:
    """This worker's file of output or error lines of a job, made when the first line comes."""

    def __init__(self, job_dir: Path, kind: str) -> None:
        self._path = job_dir / f"{kind}-{os.getpid()}.jsonl"
        self._descriptor: int | None = None

    def __enter__(self) -> _Results:
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)

    def append(self, line: bytes) -> None:
        """Write a whole line or nothing."""
        if self._descriptor is None:
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        written = os.write(self._descriptor, line)
        if written < len(line):  # so a full disk shows, and the next write would say it
            os.ftruncate(self._descriptor, os.fstat(self._descriptor).st_size - written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
