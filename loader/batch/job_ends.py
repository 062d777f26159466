"""How a job ended: what its status, its counts and its lines together say of the requests for which it gave no line.

it says that some succeeded and gives no line of any of its requests    nobody knows: the user is asked
CANCELLED                                                   cancelled: no attempt, not sent again by the same run
more succeeded than it gives answers                        missing: they may have been paid for; an attempt
SUCCESS, and something failed or has a line                 missing
else (FAILED, TIMEOUT_EXCEEDED, nothing at all)             unprocessed: no attempt, sent again after a while
"""

from __future__ import annotations

from collections.abc import Mapping

from loader.batch.job import Job
from loader.errors import ApiError

NOT_ANSWERS = ("missing", "failed")


class UnansweredError(ApiError):
    """A job says that it has answers and gives none: to ask again could cost twice, so the user decides."""


def without_line(job: Job, states: Mapping[str, int], landed: int, may_lack: bool = False) -> str:
    """The state of those requests of a job for which no line came. Raises UnansweredError, unless it `may_lack` them.

    `states` counts its requests by state, `landed` the lines that it gave.
    """
    answers = sum(count for state, count in states.items() if state not in NOT_ANSWERS)
    has_lines = sum(states.values()) > states.get("missing", 0)
    if job.succeeded > 0 and not has_lines and not may_lack:
        raise UnansweredError(
            f"job {job.id} says {job.status} and {job.succeeded} succeeded, but none of its {landed} lines answers "
            "a request of it: nothing was landed or is asked again, as it may have been paid for; look at its files in "
            "the provider's console and run the same command again, or give it up with `loader cancel --forget`, "
            "which lets its requests be asked again"
        )
    if job.status == "CANCELLED":
        return "cancelled"
    if job.succeeded > answers or (job.status == "SUCCESS" and (job.failed or has_lines)):
        return "missing"
    return "unprocessed"
