"""Starting the server: in this process (`serve`), or as a child that ends with its parent (`start_embedded`).

The child is told its token through its standard input and ends when that closes, so it ends with its
parent however that ends, a kill -9 included; jobs are put down and taken up by the next server on the
same state directory.
"""

from __future__ import annotations

import contextlib
import json
import logging
import secrets
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO

import uvicorn
from starlette.types import ASGIApp

from loader.embedded_api import state_folder
from loader.embedded_api.app import MODEL, create_app
from loader.embedded_api.patience import PatientProtocol
from loader.errors import LoaderError
from loader.loopback import HOST, Server, listen
from loader.threads import begin

READER = "loader.embedded_api.reader:read_images"
START_SECONDS = 60.0
STOP_SECONDS = 30.0

logger = logging.getLogger(__name__)


def serve(
    state_dir: Path,
    token: str,
    *,
    host: str = HOST,
    port: int = 0,
    reader: str = READER,
    workers: int | None = None,
    models: Sequence[str] = (),
    faults: int | None = None,
    on_ready: Callable[[str], None] = lambda url: None,
    until: Callable[[], object] | None = None,
) -> None:
    """Serve the API on loopback until a signal comes, or until the function `until` returns.

    Port 0 takes a free port; `on_ready` is called with the server's URL once it answers; `models` are further names
    for the reader. For `reader`, `workers` and `faults` see `create_app`. Raises LoaderError when the host isn't
    loopback, the port is taken, or the state directory is in use.
    """
    if host != HOST:
        raise LoaderError(f"The embedded server listens on {HOST} only, not on {host}: leave the host out")
    with listen(port) as listener:
        names = tuple(dict.fromkeys((MODEL, *models)))
        app = create_app(state_dir, token, models=names, reader=reader, workers=workers, faults=faults)
        serve_app(app, listener, on_ready, until)


def serve_app(
    app: ASGIApp,
    listener: socket.socket,
    on_ready: Callable[[str], None] = lambda url: None,
    until: Callable[[], object] | None = None,
) -> None:
    """Serve an app, the API's or one around it, on a bound socket; see `serve`."""
    url = f"http://{HOST}:{listener.getsockname()[1]}"
    config = uvicorn.Config(
        app,
        http=PatientProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        timeout_keep_alive=75,  # clients give up theirs earlier, so none writes into a closed one
        timeout_graceful_shutdown=5,
    )
    server = Server(config, lambda: on_ready(url))
    if until is not None:
        begin(partial(server.stop_after, until))
    server.run(sockets=[listener])


class Child:
    """A server in a process of its own; `url` and `token` are what a client needs."""

    def __init__(self, process: subprocess.Popen[str], url: str, token: str) -> None:
        self.process = process
        self.url = url
        self.token = token

    def stop(self) -> None:
        """End the server in order, by force when that takes too long; its state stays good either way."""
        _stdin(self.process).close()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        _stdout(self.process).close()


def launch(
    state_dir: Path,
    *,
    reader: str = READER,
    workers: int | None = None,
    models: Sequence[str] = (),
    faults: int | None = None,
) -> Child:
    """Start a server on a free port with a random token, and wait until it answers, else LoaderError. See `serve`."""
    log_path = _log_file(state_dir.resolve())
    command = [sys.executable, "-m", "loader.embedded_api", str(log_path.parent), "--reader", reader]
    if workers is not None:
        command += ["--workers", str(workers)]
    for model in models:
        command += ["--model", model]
    if faults is not None:
        command += ["--faults", str(faults)]
    token = secrets.token_urlsafe(32)
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,  # Ctrl-C is for the parent, which stops the server in order
        )
    answer = _handshake(process, token)
    if "url" in answer:
        return Child(process, answer["url"], token)
    Child(process, "", token).stop()
    raise LoaderError(answer.get("error") or f"The embedded server did not start: see {log_path}")


def _log_file(state_dir: Path) -> Path:
    """The child's log, made with its directory where they don't exist."""
    path = state_dir / state_folder.LOG
    try:
        state_folder.claim(state_dir)
        path.touch(mode=0o600)
    except OSError as error:
        raise LoaderError(f"The embedded server cannot write to {state_dir} ({error.strerror})") from None
    except sqlite3.Error as error:
        raise state_folder.unusable(state_dir, error) from None
    return path


def _handshake(process: subprocess.Popen[str], token: str) -> dict[str, str]:
    """Tell the child its token and hear its first line, a `url` or an `error`; empty when none comes."""
    timer = threading.Timer(START_SECONDS, process.kill)
    timer.start()
    try:
        _stdin(process).write(token + "\n")
        _stdin(process).flush()
        line = _stdout(process).readline()
    except BrokenPipeError:
        line = ""
    finally:
        timer.cancel()
    answer: dict[str, str] = json.loads(line) if line.endswith("\n") else {}
    return answer


@contextlib.contextmanager
def start_embedded(state_dir: Path, *, reader: str = READER, workers: int | None = None) -> Iterator[tuple[str, str]]:
    """A server for as long as the block runs: (server URL, token). See `launch`."""
    child = launch(state_dir, reader=reader, workers=workers)
    try:
        yield child.url, child.token
    finally:
        child.stop()


def _stdin(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stdin is not None
    return process.stdin


def _stdout(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stdout is not None
    return process.stdout
