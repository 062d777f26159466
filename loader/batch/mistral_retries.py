"""Which reads are repeated, and after how long."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2
from mistralai.client.errors import MistralError, NoResponseError
from tenacity import RetryCallState, wait_random_exponential

MAX_WAIT_SECONDS = 60.0
NETWORK_FAULTS = (httpx2.HTTPError, httpx2.StreamError, NoResponseError)

_backoff = wait_random_exponential(multiplier=0.5, max=MAX_WAIT_SECONDS)


def is_passing(error: BaseException) -> bool:
    """Whether a read that ended like this may succeed when it is repeated."""
    if isinstance(error, MistralError):
        return error.status_code in (408, 425, 429) or error.status_code >= 500 or error.status_code < 300
    return isinstance(error, NETWORK_FAULTS)


def wait_for_next_try(state: RetryCallState) -> float:
    """Seconds until the next try: what `Retry-After` says (within reason), else backoff with jitter."""
    error = state.outcome.exception() if state.outcome else None
    wait = retry_after(error) if isinstance(error, MistralError) else None
    return _backoff(state) if wait is None else wait


def retry_after(error: MistralError) -> float | None:
    """Seconds that the server asks to wait (a number or a date), within reason; None when it does not say."""
    said = error.headers.get("retry-after", "")
    try:
        seconds = float(said)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return min(max(seconds, 0.0), MAX_WAIT_SECONDS)
