"""A program of the tests in a process of its own that begins with its modules imported, which takes most of the time.

Each is a fork of a server of forks that has imported what a load needs (preloaded.py) and has done nothing else: it can
be killed, interrupted and waited for like any other process.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["tests.helpers.preloaded"])


class Forked:
    """As much of `subprocess.Popen` as the tests use; what the process prints comes with `communicate`."""

    def __init__(
        self,
        program: Callable[[], None],
        arguments: list[str],
        environment: Mapping[str, str],
        directory: Path | None = None,
    ) -> None:
        self._printed = tempfile.TemporaryDirectory(prefix="forked-")
        place = Path(self._printed.name)
        start = (program, arguments, dict(environment), directory or Path.cwd(), place)
        self._process = _forks.Process(target=_begin, args=start, daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid
        self._out, self._err = place / "out", place / "err"

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self._process.kill()

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
        return self._process.exitcode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it printed, once it has ended; a process that was killed may not have come to print at all."""
        self.wait(timeout)
        out, err = (file.read_text() if file.exists() else "" for file in (self._out, self._err))
        return out, err


def _begin(
    program: Callable[[], None], arguments: list[str], environment: dict[str, str], directory: Path, place: Path
) -> None:
    for number, name in ((1, "out"), (2, "err")):
        with (place / name).open("wb") as file:
            os.dup2(file.fileno(), number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(directory)
    sys.argv[1:] = arguments
    program()
