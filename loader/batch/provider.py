"""The boundary to whoever sells batch jobs: what the loader asks of a provider, and how that can end.

`mistral.BatchApi` is the one there is. Another one is another file beside it with these methods; the rest of the loader
sees nothing else of it. There is no idempotency key: a job that is created twice is paid for twice. So an upload or a
creation is never repeated by a provider; when its end is unclear (`UnclearError`), the caller first looks for what
may have been done. All methods raise ApiError, in one line, for what the user must mend.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from loader.batch.job import Job
from loader.errors import ApiError

UNCLEAR_WAIT_SECONDS = 5.0
SHORT_SUFFIX = ".short"  # of a result file that came shorter than it is said to be


class UnclearError(Exception):
    """A call that changes something ended so that the server may or may not have done it; look after `wait_seconds`."""

    def __init__(self, message: str, wait_seconds: float) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


class UnreachableError(Exception):
    """A call that changes something was certainly not carried out: no connection was made."""


class GoneError(Exception):
    """A file or a job is not (or no longer) there."""


class TroubleError(ApiError):
    """A read did not succeed in its time, and may succeed later: the server is in trouble or cannot be reached."""

    is_answer = False  # whether the server did answer, and that it has failed


class NoFileYetError(ApiError):
    """A job was refused as its file is not known: right after its upload a server may not know it yet."""


@dataclass(frozen=True)
class Failure:
    """Why a request failed, in one line, and whether asking again cannot mend it."""

    reason: str
    is_final: bool


class Provider(Protocol):
    """A batch API at one address. What it hands on is checked: an id can stand in a path."""

    name: str  # as the ledger knows it, and messages
    is_patient: bool  # whether outages are waited out

    @property
    def answered_at(self) -> float:
        """When the server last answered without trouble, by the monotonic clock."""

    def now(self) -> datetime:
        """This moment by the server's clock, in UTC without a zone."""

    def be_patient(self) -> None:
        """Wait outages out from now on, if that makes sense."""

    def upload(self, path: Path) -> str:
        """Upload a request file; its id. Raises UnclearError or UnreachableError when it may or must be repeated."""

    def find_file(self, name: str) -> str | None:
        """The id of an uploaded file of this name, or None."""

    def delete_file(self, file_id: str) -> None:
        """Delete an uploaded file; one that is already gone is fine."""

    def create_job(self, file_id: str, model: str, metadata: dict[str, str]) -> Job:
        """Create a batch job over an uploaded file. Raises UnclearError, UnreachableError, NoFileYetError."""

    def find_job(self, metadata: dict[str, str]) -> Job | None:
        """A job that carries this metadata, or None."""

    def get_job(self, job_id: str) -> Job:
        """The job as it is now. Raises GoneError when the API does not know it."""

    def cancel_job(self, job_id: str) -> None:
        """Ask for a job to be cancelled (asking twice does no harm). Raises GoneError."""

    def download(self, file_id: str, path: Path, may_be_short: bool = False) -> Path:
        """Fetch a result file to `path`, whole and synced; where it is then. Raises GoneError when it has expired.

        One that comes shorter than the API says is a TroubleError, unless it `may_be_short`: then it stands under
        another name (SHORT_SUFFIX), which no later run takes for whole.
        """

    def failure_of(self, line: str | bytes) -> Failure:
        """Why the request of a failed line of a result file failed."""

    def ask(self, model: str, body: dict[str, Any]) -> dict[str, Any]:
        """One live chat completion; the answer as the API gives it."""
