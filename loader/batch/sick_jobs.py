"""Which jobs of a run are in trouble, since when, and when each is looked at again: one sick job stops no other.

What may pass is tried again in later rounds, less and less often. It is given up, with an error, when the API has
answered otherwise for a long time, or at once where nobody is to wait; an outage of all is waited out.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime

from loader.batch.provider import Provider
from loader.batch.report import Report
from loader.errors import ApiError

GIVE_UP_SECONDS = 600.0  # how long a sick job is waited for while the API answers
MOST_SECONDS_BETWEEN = 60.0
TELL_AGAIN_SECONDS = 600.0


@dataclass
class _Trouble:
    since: float  # by the monotonic clock
    since_at: datetime
    next_at: float
    told_at: float
    times: int = 0


class SickJobs:
    """The jobs at one API that could not be read or landed."""

    def __init__(self, api: Provider, report: Report) -> None:
        self.give_up_seconds: float | None = None  # how long one is waited for, whatever else the API answers
        self._api = api
        self._report = report
        self._passing: dict[str, _Trouble] = {}
        self._failed: dict[str, ApiError] = {}

    def is_due(self, job_id: str) -> bool:
        """Whether a job is to be looked at in this round."""
        return job_id not in self._passing or time.monotonic() >= self._passing[job_id].next_at

    def is_worth_waiting(self, job_id: str, error: ApiError) -> bool:
        """Note a trouble that may pass; whether the job is to be looked at again. If not, it has failed."""
        now = time.monotonic()
        trouble = self._passing.get(job_id)
        if trouble is None:
            trouble = self._passing[job_id] = _Trouble(now, self._api.now(), now, now - TELL_AGAIN_SECONDS)
        if not self._api.is_patient or self.is_hopeless(trouble.since):
            self.fail(job_id, error)
            return False
        trouble.times += 1
        trouble.next_at = now + min(0.5 * 2**trouble.times, MOST_SECONDS_BETWEEN)
        if now - trouble.told_at >= TELL_AGAIN_SECONDS:
            trouble.told_at = now
            self._report.say(f"waiting for job {job_id} since {trouble.since_at:%H:%M} UTC: {error}")
        return True

    def is_hopeless(self, since: float) -> bool:
        """Whether what has been in trouble since then is to be waited for no longer."""
        waited = time.monotonic() - since
        if self.give_up_seconds is not None:
            return waited > self.give_up_seconds
        return waited > GIVE_UP_SECONDS and self._api.answered_at > since

    def fail(self, job_id: str, error: ApiError) -> None:
        """Note what will not pass in this run."""
        self._passing.pop(job_id, None)
        self._failed[job_id] = error

    def heal(self, job_id: str) -> None:
        """The job was read or landed."""
        self._passing.pop(job_id, None)
        self._failed.pop(job_id, None)

    def errors(self) -> list[ApiError]:
        """What has failed, in the order in which it did."""
        return list(self._failed.values())

    def raise_first(self) -> None:
        """Raise what has failed, if anything has; the others are said before."""
        errors = self.errors()
        for error in errors[1:]:
            self._report.say(str(error))
        if errors:
            raise errors[0]
