"""Whether a job will do more, by what it says of itself and the server's clock (`now`: UTC, without a zone)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

CLOCK_SKEW = timedelta(days=1)
ENDED = ("SUCCESS", "FAILED", "TIMEOUT_EXCEEDED", "CANCELLED")
NOT_ENDED = ("QUEUED", "RUNNING", "CANCELLATION_REQUESTED")
FILES_COME_WITHIN = timedelta(minutes=10)  # of a job's end


def ended_at(job: dict[str, Any], now: datetime) -> datetime | None:
    """When a job ended (UTC), if what it says of that can be true."""
    ended = job.get("completed_at") or 0
    latest = now.replace(tzinfo=UTC) + CLOCK_SKEW
    if not (job.get("created_at") or 1) <= ended <= latest.timestamp():
        return None
    return datetime.fromtimestamp(ended, UTC).replace(tzinfo=None)


def has_ended(job: dict[str, Any], now: datetime) -> bool:
    """Whether a job will do no more; one of a status that the contract doesn't list has when it says since when."""
    return job["status"] in ENDED or (job["status"] not in NOT_ENDED and ended_at(job, now) is not None)


def is_over(job: dict[str, Any], now: datetime) -> bool:
    """Whether a job has ended and its results can be fetched.

    One that has just ended may count answers and not name their file yet. To take that for the end would lose them.
    """
    if not has_ended(job, now):
        return False
    ended = ended_at(job, now)
    is_waiting_for_file = not job.get("output_file") and job["succeeded_requests"] > 0
    return not (is_waiting_for_file and ended is not None and now - ended < FILES_COME_WITHIN)
