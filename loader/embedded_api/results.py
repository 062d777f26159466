"""The lines answered so far: a file a worker and kind, put together when the job ends."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from loader.files import sync
from loader.owned_folder import open_new

KINDS = ("output", "error")


@dataclass(frozen=True)
class Done:
    """Which requests of a job have a line: a byte each, 1 for yes."""

    numbers: bytearray
    succeeded: int
    failed: int


def recover(job_dir: Path, total: int) -> Done:
    """Which of `total` requests have a line; a line torn by a kill is cut off. Nobody may be writing."""
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
    with open_new(job_dir / f"{kind}-server.jsonl", "ab") as file:
        file.write(line)


def statuses(job_dir: Path) -> list[dict[str, Any]]:
    """What a job says of its failed requests: each HTTP status with its count, whatever the job's own status."""
    found: Counter[int] = Counter()
    for path in _parts(job_dir, "error"):
        with path.open("rb") as file:
            for line in file:
                response = orjson.loads(line)["response"] if line.endswith(b"\n") else None
                found.update([response["status_code"]] if response else [])
    return [{"message": f"HTTP Error, status code: {status}", "count": found[status]} for status in sorted(found)]


def put_together(job_dir: Path, kind: str, target: Path) -> int:
    """Copy all lines of a kind into one synced file, made when there are any; how many there are.

    A line that was torn by a kill is left out.
    """
    lines = 0

    def whole_lines() -> Iterator[bytes]:
        nonlocal lines
        for path in parts:
            with path.open("rb") as part:
                for line in part:
                    if line.endswith(b"\n"):
                        lines += 1
                        yield line

    parts = _parts(job_dir, kind)
    if parts:
        write_synced(target, whole_lines())
    return lines


def write_synced(path: Path, blocks: Iterable[bytes]) -> None:
    """Write a new file and have it on disk; where that fails nothing stays."""
    try:
        with open_new(path, "xb") as file:
            file.writelines(blocks)
        sync(path)
    except OSError:
        path.unlink(missing_ok=True)
        raise


def _parts(job_dir: Path, kind: str) -> list[Path]:
    return sorted(path for path in job_dir.glob(f"{kind}-*.jsonl") if path.stat().st_size)


def _number(line: bytes) -> int:
    """The request's number, in which a line's id ends (`{"id":"batch-1a2b3c4d-5e6f7a8b-17"`).

    In lines of a server of version 0.2 or older the id begins with it (`{"id":"17-…`).
    """
    parts = line[7 : line.index(b'"', 7)].split(b"-")
    return int(parts[-1] if parts[0] == b"batch" else parts[0])
