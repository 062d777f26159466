"""Runs a side of the benchmark in a process of its own and says what it took.

The time is that of the function itself, its imports left out (those of its module, and what `IMPORTS` there names for
it), as far as can be also that in which a virtual machine finds memory for what is written (`_touch_memory`). The peak
is the most memory that the process held at once, imports included. Processes that it starts and waits for count in its
CPU time.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Measure:
    """Seconds on the clock, CPU-seconds, peak memory in MB (10^6 bytes), and what the function gave back."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    result: Any


def measured(function: str, *arguments: Any, touches: int = 0) -> Measure:
    """Call `module:function` of this package in a process of its own; the arguments travel as JSON.

    `touches` is how many bytes it will hold or write, at most: the machine finds so many before its time begins.
    """
    os.sync()  # what was written before is not to slow this side's writing
    command = [sys.executable, "-m", __name__, function, json.dumps(arguments, default=str), str(touches)]
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=False)
    if run.returncode != 0:
        raise SystemExit(f"error: {function} ended with {run.returncode}; what it said stands above")
    return Measure(**json.loads(run.stdout.splitlines()[-1]))


def _peak_mb() -> float:
    """The most that this program held at once; `ru_maxrss` would begin with what its parent held."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        return int(lines["VmHWM"].split()[0]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _touch_memory(byte_count: int) -> None:
    """Write a file of this size and remove it.

    A virtual machine finds memory when it is first written to, and that takes ten times as long as writing it again. A
    side would measure whether another one has just been there.
    """
    with tempfile.TemporaryFile(dir=ROOT / "data") as file:
        for _ in range(byte_count >> 20):
            file.write(bytes(1 << 20))


def _main() -> None:
    name, _, function = sys.argv[1].partition(":")
    module = importlib.import_module(f"tests.bench.{name}")
    for needed in getattr(module, "IMPORTS", {}).get(function, ()):
        importlib.import_module(needed)
    call = getattr(module, function)
    arguments = json.loads(sys.argv[2])
    _touch_memory(int(sys.argv[3]))
    started, cpu = time.perf_counter(), os.times()
    result = call(*arguments)
    seconds, after = time.perf_counter() - started, os.times()
    cpu_seconds = sum(after[:4]) - sum(cpu[:4])
    measure = Measure(seconds, cpu_seconds, _peak_mb(), result)
    print(json.dumps(asdict(measure), default=str))


if __name__ == "__main__":
    _main()
