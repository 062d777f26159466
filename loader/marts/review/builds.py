"""`make build` from the page: dbt and a publish in processes of their own, one build at a time."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from loader.threads import begin
from loader.warehouse.duckdb_file import now

STEPS = (("dbt", "build", "--quiet"), ("publish",))
SHOWN_LINES = 12


class Builds:
    """The build that is running, or the last one. `environment`: that of the processes."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._turn = threading.Lock()
        self._state = "none"
        self._said: list[str] = []
        self._began: datetime | None = None
        self._ended: datetime | None = None

    def start(self) -> None:
        """Begin a build, unless one is running."""
        with self._turn:
            if self._state == "running":
                return
            self._state, self._said, self._began, self._ended = "running", [], now(), None
        begin(self._run)

    def state(self) -> dict[str, Any]:
        """`none`, `running`, `done` or `failed`, its last lines, and how many seconds it took so far."""
        with self._turn:
            seconds = ((self._ended or now()) - self._began).total_seconds() if self._began else 0.0
            return {"state": self._state, "said": self._said[-SHOWN_LINES:], "seconds": round(seconds)}

    def _run(self) -> None:
        state = "failed"
        try:
            for step in STEPS:
                ended = subprocess.run(
                    [sys.executable, "-m", "loader", *step],
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    errors="replace",
                    check=False,
                    start_new_session=True,  # a Ctrl-C ends the page, and lets the build come to its end
                )
                with self._turn:
                    self._said += [line for line in (ended.stdout + ended.stderr).splitlines() if line.strip()]
                if ended.returncode:
                    break
            else:
                state = "done"
        except OSError as error:
            self._said.append(f"cannot build: {error}")
        finally:
            with self._turn:
                self._state, self._ended = state, now()
