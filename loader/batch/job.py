"""A batch job as the loader knows it, whoever the provider is, and whether it will do more.

`now` is the provider's time: UTC, without a zone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

CLOCK_SKEW = timedelta(days=1)
ENDED = ("SUCCESS", "FAILED", "TIMEOUT_EXCEEDED", "CANCELLED")
NOT_ENDED = ("QUEUED", "RUNNING", "CANCELLATION_REQUESTED")
FILES_COME_WITHIN = timedelta(minutes=10)  # of a job's end


@dataclass(frozen=True)
class Job:
    """A job as its provider described it; times in Unix seconds."""

    id: str
    status: str  # one of ENDED or NOT_ENDED, or one that no contract lists
    model: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    created_at: int | None = None
    started_at: int | None = None
    completed_at: int | None = None
    total: int = 0
    completed: int = 0
    succeeded: int = 0
    failed: int = 0
    output_file: str | None = None
    error_file: str | None = None
    errors: tuple[str, ...] = ()
    raw: dict[str, Any] = field(default_factory=dict)  # the JSON as it came

    @property
    def snapshot(self) -> dict[str, Any]:
        """What stands in raw.batch_jobs: the JSON as it came, but what dbt reads in the names and types it expects."""
        return {
            "model": self.model,
            "errors": [{"message": message} for message in self.errors],
            **self.raw,
            "id": self.id,
            "status": self.status,
            "metadata": self.metadata,
            "created_at": self.created_at,
            "started_at": self.started_at,
            "completed_at": self.completed_at,
            "total_requests": self.total,
            "completed_requests": self.completed,
            "succeeded_requests": self.succeeded,
            "failed_requests": self.failed,
            "output_file": self.output_file,
            "error_file": self.error_file,
        }

    @property
    def result_files(self) -> list[tuple[str, Literal["output", "error"]]]:
        """The files that it has, whatever its status: the id and what is in it."""
        files: list[tuple[str | None, Literal["output", "error"]]] = [
            (self.output_file, "output"),
            (self.error_file, "error"),
        ]
        return [(file_id, kind) for file_id, kind in files if file_id]

    @property
    def is_of_known_status(self) -> bool:
        """Whether the contract lists its status."""
        return self.status in (*ENDED, *NOT_ENDED)

    def ended_at(self, now: datetime) -> datetime | None:
        """When it ended (UTC), if what it says of that can be true."""
        latest = now.replace(tzinfo=UTC) + CLOCK_SKEW
        if not (self.created_at or 1) <= (self.completed_at or 0) <= latest.timestamp():
            return None
        return datetime.fromtimestamp(self.completed_at or 0, UTC).replace(tzinfo=None)

    def has_ended(self, now: datetime) -> bool:
        """Whether it will do no more; one of a status that the contract doesn't list has when it says since when."""
        return self.status in ENDED or (self.status not in NOT_ENDED and self.ended_at(now) is not None)

    def is_over(self, now: datetime) -> bool:
        """Whether it has ended and its results can be fetched.

        One that has just ended may count answers and not name their file yet. To take that for the end would lose them.
        """
        if not self.has_ended(now):
            return False
        ended = self.ended_at(now)
        is_waiting_for_file = not self.output_file and self.succeeded > 0
        return not (is_waiting_for_file and ended is not None and now - ended < FILES_COME_WITHIN)
