"""The lines answered so far: a file a worker and kind in the job's directory, put together when the job ends."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

KINDS = ("output", "error")


@dataclass(frozen=True)
class Done:
    """Which requests of a job have a line: a byte each, 1 for yes."""

    numbers: bytearray
    succeeded: int
    failed: int


def recover(job_dir: Path, total: int) -> Done:
    """Read which of `total` requests have a line; a last line that a kill tore is cut off. Nobody may be writing."""
    numbers = bytearray(total)
    counts = dict.fromkeys(KINDS, 0)
    for kind in KINDS:
        for path in _parts(job_dir, kind):
            whole = 0
            with path.open("rb") as file:
                for line in file:
                    if line.endswith(b"\n"):
                        numbers[_number(line)] = 1
                        counts[kind] += 1
                        whole += len(line)
            os.truncate(path, whole)
    return Done(numbers, counts["output"], counts["error"])


def append(job_dir: Path, kind: str, line: bytes) -> None:
    """Add a line of the server's own."""
    with (job_dir / f"{kind}-server.jsonl").open("ab") as file:
        file.write(line)


def put_together(job_dir: Path, kind: str, target: Path) -> int:
    """Copy all whole lines of a kind into one synced file, made when there are any; how many there are."""
    lines = 0
    parts = _parts(job_dir, kind)
    if parts:
        with target.open("wb") as whole:
            for path in parts:
                with path.open("rb") as part:
                    lines += sum(
                        block.count(b"\n") for block in _blocks(part)
                    )
                    part.seek(0)
                    shutil.copyfileobj(part, whole, 1 << 20)
            whole.flush()
            os.fsync(whole.fileno())
    return lines


def _parts(job_dir: Path, kind: str) -> list[Path]:
    return sorted(path for path in job_dir.glob(f"{kind}-*.jsonl") if path.stat().st_size)


def _number(line: bytes) -> int:
    """The request's number, with which a line's id begins: `{"id":"17-…`."""
    return int(line[7 : line.index(b"-", 7)])


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(1 << 20):
        yield block
