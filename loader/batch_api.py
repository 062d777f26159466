"""Upload, create, poll, download: the only module that talks to the Mistral API, through its own client.

Reads are repeated until they succeed or patience ends. An upload or a creation is never repeated here: when its end is
unclear (`UnclearError`), the caller first looks for what the server may have done. There is no idempotency key, and
a job that was created twice is paid for twice.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property, partial
from itertools import count
from pathlib import Path
from typing import Any, Literal, TypeVar

import httpx2
import orjson
from mistralai.client import Mistral
from mistralai.client.errors import MistralError, NoResponseError
from mistralai.client.models import ListBatchJobsResponse
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

from loader.bounded_stream import bound
from loader.errors import ApiError

T = TypeVar("T")

ENDPOINT: Literal["/v1/chat/completions"] = "/v1/chat/completions"
JOB_TIMEOUT_HOURS = 24
READ_TIMEOUT_MS = 60_000
SEND_TIMEOUT_MS = 300_000  # for each phase, not for the whole upload
PAGE_SIZE = 100
MAX_WAIT_SECONDS = 60.0
UNCLEAR_WAIT_SECONDS = 5.0
SHORT_SUFFIX = ".short"
SHORT_WAITS_SECONDS = (2.0, 10.0)  # before a result file that came too short is fetched again
# Only these answers to an upload or a creation say for certain that nothing was done.
REFUSALS = (400, 401, 402, 403, 404, 405, 413, 422)
NETWORK_FAULTS = (httpx2.HTTPError, httpx2.StreamError, NoResponseError)
# The shortest time for which a server that cannot be reached is tried again before anything was sent.
FIRST_PATIENCE_SECONDS = 10.0
ENDLESS_PATIENCE_SECONDS = 7 * 24 * 3600.0
SAFE_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


class UnclearError(Exception):
    """A call that changes something ended so that the server may or may not have done it; look after `wait_seconds`."""

    def __init__(self, message: str, wait_seconds: float) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


class UnreachableError(Exception):
    """A call that changes something was certainly not carried out: no connection was made."""


class GoneError(Exception):
    """A file or a job is not (or no longer) there."""


class BatchApi:
    """The Batch API at one address.

    `patience_seconds` is how long a read is repeated while the server cannot be reached or is in trouble; `on_trouble`
    is told each time. `access` gives the server's URL (None: the vendor's) and the key; it is called with the first
    request, so that a server which has to be started is not when there is nothing to ask. All methods raise ApiError,
    in one line, for what the user must mend.
    """

    def __init__(
        self,
        name: str,
        access: Callable[[], tuple[str | None, str]],
        on_trouble: Callable[[str], None] = lambda message: None,
    ) -> None:
        self.name = name
        self.patience_seconds = FIRST_PATIENCE_SECONDS
        self._access = access
        self._key = ""
        self._on_trouble = on_trouble
        # No redirects: the API makes none, and the key must not follow one to another host. A proxy of the environment
        # is not for the embedded server.
        self._http = httpx2.Client(
            follow_redirects=False, trust_env=name != "embedded", event_hooks={"response": [bound]}
        )

    @cached_property
    def _client(self) -> Mistral:
        server_url, self._key = self._access()
        return Mistral(api_key=self._key, server_url=server_url, client=self._http)

    @property
    def is_patient(self) -> bool:
        """Whether outages are waited out, however long."""
        return self.patience_seconds >= ENDLESS_PATIENCE_SECONDS

    def be_patient(self) -> None:
        """Wait outages out from now on. An embedded server that is gone does not come back, so it is not waited for."""
        if self.name != "embedded":
            self.patience_seconds = ENDLESS_PATIENCE_SECONDS

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # Calls that change something

    def upload(self, path: Path) -> str:
        """Upload a request file; its id. Raises UnclearError or UnreachableError when it may or must be repeated."""
        with path.open("rb") as file:
            answer = self._change(
                lambda: self._client.files.upload(
                    file={"file_name": path.name, "content": file, "content_type": "application/jsonl"},
                    purpose="batch",
                    timeout_ms=SEND_TIMEOUT_MS,
                )
            )
        return _checked_id(answer.id)

    def create_job(self, file_id: str, model: str, metadata: dict[str, str]) -> dict[str, Any]:
        """Create a batch job over an uploaded file; the job as the API describes it.

        Raises UnclearError or UnreachableError.
        """
        job = self._change(
            lambda: self._client.batch.jobs.create(
                endpoint=ENDPOINT,
                input_files=[file_id],
                model=model,
                metadata=metadata,
                timeout_hours=JOB_TIMEOUT_HOURS,
                timeout_ms=SEND_TIMEOUT_MS,
            ),
            model=model,
        )
        try:
            return _as_job(job)
        except ApiError as error:  # the job was made, whatever its id: it is looked for
            raise UnclearError(str(error), UNCLEAR_WAIT_SECONDS) from error

    def cancel_job(self, job_id: str) -> None:
        """Ask for a job to be cancelled (asking twice does no harm)."""
        self._read(lambda: self._client.batch.jobs.cancel(job_id=job_id, timeout_ms=READ_TIMEOUT_MS), may_be_gone=True)

    def delete_file(self, file_id: str) -> None:
        """Delete an uploaded file; one that is already gone is fine."""
        try:
            self._read(lambda: self._client.files.delete(file_id=file_id, timeout_ms=READ_TIMEOUT_MS), may_be_gone=True)
        except GoneError:
            return

    # Reads

    def get_job(self, job_id: str) -> dict[str, Any]:
        """The job as it is now. Raises GoneError when the API does not know it."""
        job = _as_job(
            self._read(lambda: self._client.batch.jobs.get(job_id=job_id, timeout_ms=READ_TIMEOUT_MS), may_be_gone=True)
        )
        if job["id"] != job_id:
            raise ApiError(f"{self.name} told of job {job['id']} when asked for {job_id}: run the same command again")
        return job

    def find_job(self, metadata: dict[str, str], created_after: datetime) -> dict[str, Any] | None:
        """The oldest job that carries this metadata, or None.

        The metadata is compared here: how the server would match it is not documented. Oldest first, so that
        jobs which appear meanwhile move no page.
        """
        for job in self._jobs(created_after):
            carried = job.get("metadata") or {}
            if all(carried.get(key) == value for key, value in metadata.items()):
                return job
        return None

    def _jobs(self, created_after: datetime) -> Iterator[dict[str, Any]]:
        """All jobs, up to a page without new ones: a page may hold fewer than were asked for and not be the last."""
        seen: set[str] = set()
        for page in count():
            answer = self._read(partial(self._list_jobs, page, created_after))
            new = [job for job in map(_as_job, answer.data or []) if job["id"] not in seen]
            if not new:
                return
            seen.update(job["id"] for job in new)
            yield from new

    def _list_jobs(self, page: int, created_after: datetime) -> ListBatchJobsResponse:
        return self._client.batch.jobs.list(
            page=page,
            page_size=PAGE_SIZE,
            created_after=created_after,
            order_by="created",
            timeout_ms=READ_TIMEOUT_MS,
        )

    def find_file(self, name: str) -> str | None:
        """The id of an uploaded file of this name, or None."""
        answer = self._read(
            lambda: self._client.files.list(
                search=name, purpose="batch", page_size=PAGE_SIZE, timeout_ms=READ_TIMEOUT_MS
            )
        )
        return next((_checked_id(file.id) for file in answer.data if file.filename == name), None)

    def download(self, file_id: str, path: Path, may_be_short: bool = False) -> Path:
        """Fetch a result file to `path`, whole and synced; where it is then. Raises GoneError when it has expired.

        One that comes shorter than the API says is fetched again, and refused (ApiError) if that doesn't help, unless
        it `may_be_short`: then it stands under another name, which no later run takes for whole.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        size = self._file_size(file_id)
        for wait in (0.0, *SHORT_WAITS_SECONDS):
            time.sleep(wait)
            self._read(partial(self._fetch, file_id, part), may_be_gone=True)
            got = part.stat().st_size
            if got >= size or may_be_short:
                return part.rename(path if got >= size else path.with_suffix(SHORT_SUFFIX))
            self._on_trouble(f"{self.name} gave {got} of the {size} bytes of file {file_id}")
        raise ApiError(
            f"{self.name} gives {got} of the {size} bytes of file {file_id}: run the same command again later; "
            "`loader cancel --forget` takes what comes and lets the rest be asked again"
        )

    def _file_size(self, file_id: str) -> int:
        """The size of a file as the API says it, in bytes; 0 where it doesn't: its download tells if it is there."""
        retrieve = partial(self._client.files.retrieve, file_id=file_id, timeout_ms=READ_TIMEOUT_MS)
        try:
            return self._read(retrieve, may_be_gone=True).size_bytes or 0
        except GoneError:
            return 0

    def _fetch(self, file_id: str, part: Path) -> None:
        response = self._client.files.download(file_id=file_id, timeout_ms=READ_TIMEOUT_MS)
        try:
            with part.open("wb") as file:
                for chunk in response.iter_bytes():
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
        finally:
            response.close()

    def ask(self, model: str, body: dict[str, Any]) -> dict[str, Any]:
        """One live chat completion; the answer as the API gives it."""
        try:
            answer = self._change(
                lambda: self._client.chat.complete(model=model, timeout_ms=SEND_TIMEOUT_MS, **body), model=model
            )
        except (UnclearError, UnreachableError) as error:
            raise ApiError(
                f"{error}: it was not asked again, as that may cost twice; run the same command again"
            ) from error
        return _as_dict(answer)

    # How calls end

    def _change(self, call: Callable[[], T], model: str | None = None) -> T:
        try:
            return call()
        except MistralError as error:
            if error.status_code in REFUSALS:
                raise self._refusal(error, model) from error
            wait = _retry_after(error)
            raise UnclearError(self._trouble(error), UNCLEAR_WAIT_SECONDS if wait is None else wait) from error
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            raise UnreachableError(self._trouble(error)) from error
        except NETWORK_FAULTS as error:
            raise UnclearError(self._trouble(error), UNCLEAR_WAIT_SECONDS) from error

    def _read(self, call: Callable[[], T], may_be_gone: bool = False) -> T:
        try:
            for attempt in Retrying(
                retry=retry_if_exception(_is_passing),
                wait=_wait,
                stop=stop_after_delay(self.patience_seconds),
                before_sleep=self._tell,
                reraise=True,
            ):
                with attempt:
                    return call()
        except MistralError as error:
            if may_be_gone and error.status_code in (404, 410):
                raise GoneError(self._trouble(error)) from error
            raise self._refusal(error, None) from error
        except NETWORK_FAULTS as error:
            raise ApiError(
                f"{self._trouble(error)}: check the network and MISTRAL_SERVER_URL, then run the same command again"
            ) from error
        raise AssertionError("unreachable: Retrying returns or raises")

    def _tell(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        wait = state.next_action.sleep if state.next_action else 0.0
        if error is not None:
            self._on_trouble(f"{self._trouble(error)}; trying again in {wait:.0f} s")

    def _trouble(self, error: BaseException) -> str:
        """What went wrong, in a few words, without the key."""
        if isinstance(error, MistralError):
            return f"{self.name} answered {error.status_code}{self._said(error)}"
        said = str(error) or type(error).__name__
        return f"cannot reach {self.name} ({said.splitlines()[0][:120].replace(self._key, '…')})"

    def _said(self, error: MistralError) -> str:
        words = self._without_key(_message_of(error.body or ""))[:200]
        return f": {words}" if words else ""

    def _without_key(self, text: str) -> str:
        return text.replace(self._key, "…") if self._key else text

    def _refusal(self, error: MistralError, model: str | None) -> ApiError:
        said = self._said(error)
        match error.status_code:
            case 401 | 403:
                return ApiError(f"{self.name} rejected the key ({error.status_code}): check MISTRAL_API_KEY")
            case 402:
                return ApiError(
                    f"{self.name} wants batch billing to be enabled (402): enable it for your workspace, then run the "
                    "same command again"
                )
            case 400 | 404 | 422 if model and "model" in said.lower():
                return ApiError(f"model {model!r} was refused{said}: name a current one in MODEL")
        return ApiError(f"{self.name} answered {error.status_code}{said}")


def _message_of(body: str) -> str:
    """What the body of a refusal says, in one line, without what it may quote of the request (an image, say)."""
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        return in_a_line(body)
    if not isinstance(fields, dict):
        return ""
    said = fields.get("message") or fields.get("detail") or ""
    if isinstance(said, list):
        said = "; ".join(str(one.get("msg", "")) for one in said if isinstance(one, dict))
    return in_a_line(str(said))


def in_a_line(said: str) -> str:
    """Words of the server in one line, without what a terminal would obey and what may be an image in base64."""
    plain = "".join(character if character.isprintable() else " " for character in said[:2000])
    return re.sub(r"[A-Za-z0-9+/=_-]{50,}", "…", re.sub(r" +", " ", plain))


def _is_passing(error: BaseException) -> bool:
    """Whether a read that ended like this may succeed when it is repeated."""
    if isinstance(error, MistralError):
        return error.status_code in (408, 425, 429) or error.status_code >= 500 or error.status_code < 300
    return isinstance(error, NETWORK_FAULTS)


_backoff = wait_random_exponential(multiplier=0.5, max=MAX_WAIT_SECONDS)


def _wait(state: RetryCallState) -> float:
    """Seconds until the next try: what `Retry-After` says (within reason), else backoff with jitter."""
    error = state.outcome.exception() if state.outcome else None
    wait = _retry_after(error) if isinstance(error, MistralError) else None
    return _backoff(state) if wait is None else wait


def _retry_after(error: MistralError) -> float | None:
    """Seconds that the server asks to wait (a number or a date), within reason; None when it does not say."""
    said = error.headers.get("retry-after", "")
    try:
        seconds = float(said)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return min(max(seconds, 0.0), 10 * MAX_WAIT_SECONDS)


def _as_dict(answer: Any) -> dict[str, Any]:
    fields: dict[str, Any] = answer.model_dump(mode="json", warnings=False)  # a status may be a new one
    return fields


def _as_job(answer: Any) -> dict[str, Any]:
    job = _as_dict(answer)
    _checked_id(job["id"])
    return job


def _checked_id(value: str) -> str:
    """An id from the server, once it is sure that it can stand in a path. Raises ApiError."""
    if not SAFE_ID.fullmatch(value):
        raise ApiError(f"the server gave an id that is none ({value[:40]!r}): is MISTRAL_SERVER_URL right?")
    return value


def result_files(job: dict[str, Any]) -> list[tuple[str, str]]:
    """The (file id, `output` or `error`) of the files that a job has, whatever its status. Raises ApiError."""
    kinds = (("output_file", "output"), ("error_file", "error"))
    return [(_checked_id(job[key]), kind) for key, kind in kinds if job.get(key)]
