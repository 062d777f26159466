"""Request lines: checked once, when their file comes, and from then on known by where they stand."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from loader.embedded_api.bodies import REQUEST, excess
from loader.embedded_api.errors import invalid_file
from loader.embedded_api.schemas import problem_of

MOST_PROBLEMS = 20  # that are named


class InvalidInput(Exception):
    """A job has nothing to do; `errors` is what it reports."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__("invalid input")
        self.errors = errors


def check(path: Path) -> None:
    """Check each line of a batch file as a live request is, one in memory at a time; ApiRefusal (422) names the bad."""
    found, problems = 0, []
    with path.open("rb") as file:
        for number, line in enumerate(_lines(file), start=1):
            problem = _problem(line) if line.strip() else None
            if problem is not None:
                found += 1
                problems += [(number, problem)] if found <= MOST_PROBLEMS else []
    if found:
        raise invalid_file(found, problems)


@dataclass
class Requests:
    """The requests of a job, numbered from 0 over all its inputs: 20 bytes of memory each."""

    inputs: tuple[Path, ...]
    _input_numbers: array[int] = field(default_factory=lambda: array("I"))
    _offsets: array[int] = field(default_factory=lambda: array("Q"))
    _lengths: array[int] = field(default_factory=lambda: array("Q"))

    def add(self, input_number: int, offset: int, length: int) -> None:
        """Note where the next request stands."""
        self._input_numbers.append(input_number)
        self._offsets.append(offset)
        self._lengths.append(length)

    def __len__(self) -> int:
        return len(self._offsets)

    def span(self, number: int) -> tuple[int, int, int, int]:
        """Request number, input number, byte offset, byte length."""
        return number, self._input_numbers[number], self._offsets[number], self._lengths[number]


def index_requests(job_dir: Path) -> Requests:
    """Where the requests of a job stand, whose lines were checked when they came; InvalidInput when there are none."""
    requests = Requests(tuple(sorted(job_dir.glob("input-*.jsonl"))))
    for input_number, path in enumerate(requests.inputs):
        offset = 0
        with path.open("rb") as file:
            for line in _lines(file):
                if line.strip():
                    requests.add(input_number, offset, len(line))
                offset += len(line)
    if not requests:
        raise InvalidInput([{"message": "The input has no requests", "count": 1}])
    return requests


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file; of one that is too large for a request, as much as shows it."""
    while line := file.readline(REQUEST.size + 1):
        yield line
        while len(line) > REQUEST.size and not line.endswith(b"\n"):
            line = file.readline(REQUEST.size + 1)


def _problem(line: bytes) -> str | None:
    """Why a line is no request, without a word of what it says."""
    if refusal := excess(line, REQUEST):
        return str(refusal.body["detail"])
    try:
        request = orjson.loads(line)
    except orjson.JSONDecodeError:
        return "Invalid JSON"
    return problem_of(request)
