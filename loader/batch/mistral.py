"""Upload, create, poll, download: the Mistral API as a `provider`, through the vendor's own client.

Only the files that are named `mistral…` know that client and what its answers look like. Reads are repeated for
`patience_seconds`; what may pass after that is a TroubleError, and whoever reads goes on with what else there is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal, TypeVar

import httpx2
from mistralai.client import Mistral
from mistralai.client.errors import MistralError
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_delay

from loader.batch import mistral_errors
from loader.batch.job import Job
from loader.batch.mistral_bodies import NotReadableError, checked_id, fields_of, read_job
from loader.batch.mistral_errors import is_about_a_file, message_of, refusal
from loader.batch.mistral_http import Listener, open_client, opened_file
from loader.batch.mistral_retries import NETWORK_FAULTS, is_passing, retry_after, wait_for_next_try
from loader.batch.provider import (
    SHORT_SUFFIX,
    UNCLEAR_WAIT_SECONDS,
    GoneError,
    NoFileYetError,
    TroubleError,
    UnclearError,
    UnreachableError,
)
from loader.errors import ApiError
from loader.files import put_in_place
from loader.settings import proxy_variables

T = TypeVar("T")

ENDPOINT: Literal["/v1/chat/completions"] = "/v1/chat/completions"
JOB_TIMEOUT_HOURS = 24
READ_TIMEOUT_MS = 60_000
SEND_TIMEOUT_MS = 300_000  # for each phase, not for the whole upload
PAGE_SIZE = 100
MAX_PAGES = 1_000  # of a list of jobs, should a server never come to its end
SHORT_WAITS_SECONDS = (2.0, 10.0)  # before a result file that came too short is fetched again
# Only these answers to an upload or a creation say for certain that nothing was done.
REFUSALS = (400, 401, 402, 403, 404, 405, 413, 422)
# How long a read is repeated while the server cannot be reached or is in trouble.
FIRST_PATIENCE_SECONDS = 10.0
SIZE_PATIENCE_SECONDS = 2.0  # the size of a file is good to know, and no more


class BatchApi:
    """Mistral's Batch API at one address: a `Provider`.

    `patience_seconds` is how long a read is repeated while the server cannot be reached or is in trouble; `on_trouble`
    is called each time. `access` gives the server's URL (None: the vendor's) and the key; it is called with the first
    request, so that a server which has to be started is not when there is nothing to ask.
    """

    def __init__(
        self,
        name: str,
        access: Callable[[], tuple[str | None, str]],
        on_trouble: Callable[[str], None] = lambda message: None,
    ) -> None:
        self.name = name
        self.patience_seconds = FIRST_PATIENCE_SECONDS
        self.is_patient = False
        self._listener = Listener()
        self._access = access
        self._key = ""
        self._on_trouble = on_trouble
        self._http: httpx2.Client | None = None
        self._reported: set[str] = set()

    @cached_property
    def _client(self) -> Mistral:
        server_url, self._key = self._access()
        self._http = open_client(server_url, self._listener)
        # The client would make another one for asynchronous calls, of which there are none, and ask the environment.
        unused = httpx2.AsyncClient(trust_env=False)
        return Mistral(api_key=self._key, server_url=server_url, client=self._http, async_client=unused)

    def be_patient(self) -> None:
        """Wait outages out from now on. An embedded server that is gone does not come back, so it is not waited for."""
        self.is_patient = self.name != "embedded"

    def now(self) -> datetime:
        """This moment by the server's clock, in UTC without a zone."""
        return self._listener.now()

    @property
    def answered_at(self) -> float:
        """When the server last answered without trouble, by the monotonic clock."""
        return self._listener.answered_at

    def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            self._http.close()

    # Calls that change something

    def upload(self, path: Path) -> str:
        """Upload a request file; its id. Raises UnclearError or UnreachableError when it may or must be repeated."""
        with path.open("rb") as file:
            answer = self._change(
                lambda: self._fields_of(
                    lambda: self._client.files.upload(
                        file={"file_name": path.name, "content": file, "content_type": "application/jsonl"},
                        purpose="batch",
                        timeout_ms=SEND_TIMEOUT_MS,
                    )
                )
            )
        with _made():
            return checked_id(answer.get("id"))

    def create_job(self, file_id: str, model: str, metadata: dict[str, str]) -> Job:
        """Create a batch job over an uploaded file. Raises UnclearError, UnreachableError, NoFileYetError."""
        answer = self._change(
            lambda: self._fields_of(
                lambda: self._client.batch.jobs.create(
                    endpoint=ENDPOINT,
                    input_files=[file_id],
                    model=model,
                    metadata=metadata,
                    timeout_hours=JOB_TIMEOUT_HOURS,
                    timeout_ms=SEND_TIMEOUT_MS,
                )
            ),
            model=model,
            is_creation=True,
        )
        with _made():
            return self._as_job(answer if answer.get("status") else {**answer, "status": "QUEUED"})

    def cancel_job(self, job_id: str) -> None:
        """Ask for a job to be cancelled (asking twice does no harm)."""
        cancel = partial(self._client.batch.jobs.cancel, job_id=job_id, timeout_ms=READ_TIMEOUT_MS)
        self._read(partial(_done, cancel), may_be_gone=True)

    def delete_file(self, file_id: str) -> None:
        """Delete an uploaded file; one that is already gone is fine."""
        try:
            delete = partial(self._client.files.delete, file_id=file_id, timeout_ms=READ_TIMEOUT_MS)
            self._read(partial(_done, delete), may_be_gone=True)
        except GoneError:
            return

    # Reads

    def get_job(self, job_id: str) -> Job:
        """The job as it is now. Raises GoneError when the API does not know it."""
        fields = self._read(
            lambda: self._fields_of(lambda: self._client.batch.jobs.get(job_id=job_id, timeout_ms=READ_TIMEOUT_MS)),
            may_be_gone=True,
        )
        job = self._as_job(fields, job_id)
        if job.id != job_id:
            raise ApiError(f"{self.name} gave job {job.id} when asked for {job_id}: run the same command again")
        return job

    def find_job(self, metadata: dict[str, str]) -> Job | None:
        """A job that carries this metadata, or None.

        The metadata alone decides, and it is compared here: how the server would match it is not documented, and no
        clock has a say. Newest first, as what is looked for was made a moment ago; a job that appears meanwhile only
        moves others to a later page. Jobs of others may be as odd as they like.
        """
        for fields in self._jobs():
            carried = fields.get("metadata")
            if isinstance(carried, dict) and all(carried.get(key) == value for key, value in metadata.items()):
                return self._as_job(fields)
        return None

    def _jobs(self) -> Iterator[dict[str, Any]]:
        """All jobs, up to a page without new ones: a page may hold fewer than were asked for and not be the last."""
        seen: set[str] = set()
        for page in range(MAX_PAGES):
            answer = self._read(partial(self._fields_of, partial(self._list_jobs, page)))
            data = answer.get("data")
            jobs = [job for job in data if isinstance(job, dict)] if isinstance(data, list) else []
            new = [job for job in jobs if _mark(job) not in seen]
            if not new:
                return
            seen.update(map(_mark, new))
            yield from new

    def _list_jobs(self, page: int) -> Any:
        return self._client.batch.jobs.list(
            page=page, page_size=PAGE_SIZE, order_by="-created", timeout_ms=READ_TIMEOUT_MS
        )

    def _as_job(self, fields: dict[str, Any], job_id: str | None = None) -> Job:
        """The job in these fields; what is odd about it is reported once. Raises TroubleError where they are no job."""
        try:
            job, odd = read_job(fields, job_id)
        except NotReadableError as error:
            raise TroubleError(
                f"{self.name} describes job {job_id or fields.get('id')} in a way that cannot be read: {error}"
            ) from error
        new = [one for one in odd if one not in self._reported]
        if new:
            self._reported.update(new)
            self._on_trouble(f"{self.name} describes its jobs oddly, and they are read all the same: {', '.join(new)}")
        return job

    def find_file(self, name: str) -> str | None:
        """The id of an uploaded file of this name, or None."""
        answer = self._read(
            lambda: self._fields_of(
                lambda: self._client.files.list(
                    search=name, purpose="batch", page_size=PAGE_SIZE, timeout_ms=READ_TIMEOUT_MS
                )
            )
        )
        files = answer.get("data")
        files = [file for file in files if isinstance(file, dict)] if isinstance(files, list) else []
        return next((checked_id(file.get("id")) for file in files if file.get("filename") == name), None)

    def download(self, file_id: str, path: Path, may_be_short: bool = False) -> Path:
        """Fetch a result file to `path`, whole and synced; where it is then. Raises GoneError when it has expired.

        One that comes shorter than the API says is fetched again, and a TroubleError if that doesn't help, unless
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
                fetched = path if got >= size else path.with_suffix(SHORT_SUFFIX)
                put_in_place(part, fetched)
                return fetched
            self._on_trouble(f"{self.name} gave {got} of the {size} bytes of file {file_id}")
        raise TroubleError(
            f"{self.name} gives {got} of the {size} bytes of file {file_id}: run the same command again later; "
            "`loader cancel --forget` takes what comes and lets the rest be asked again"
        )

    def _file_size(self, file_id: str) -> int:
        """The size of a file as the API says it, in bytes; 0 where it doesn't: its download tells if it is there."""
        retrieve = partial(self._client.files.retrieve, file_id=file_id, timeout_ms=READ_TIMEOUT_MS)
        try:
            answer = self._read(partial(self._fields_of, retrieve), may_be_gone=True, patience=SIZE_PATIENCE_SECONDS)
        except (GoneError, ApiError):
            return 0
        size = answer.get("size_bytes") or answer.get("bytes")  # the client's name for it, and the API's
        return size if isinstance(size, int) else 0

    def _fetch(self, file_id: str, part: Path) -> None:
        base = self._client.sdk_configuration.get_server_details()[0].rstrip("/")
        assert self._http is not None
        url = f"{base}/v1/files/{file_id}/content"
        with opened_file(self._http, url, self._key, READ_TIMEOUT_MS / 1000) as response, part.open("wb") as file:
            for chunk in response.iter_bytes():
                file.write(chunk)

    failure_of = staticmethod(mistral_errors.failure_of)

    def ask(self, model: str, body: dict[str, Any]) -> dict[str, Any]:
        """One live chat completion; the answer as the API gives it."""
        try:
            return self._change(
                partial(
                    self._fields_of,
                    partial(self._client.chat.complete, model=model, timeout_ms=SEND_TIMEOUT_MS, **body),
                ),
                model=model,
            )
        except (UnclearError, UnreachableError) as error:
            raise ApiError(
                f"{error}: it was not asked again, as that may cost twice; run the same command again"
            ) from error

    # How calls end

    def _fields_of(self, call: Callable[[], Any]) -> dict[str, Any]:
        return fields_of(call, self._listener.body)

    def _change(self, call: Callable[[], T], model: str | None = None, is_creation: bool = False) -> T:
        try:
            return call()
        except MistralError as error:
            if is_creation and is_about_a_file(error.status_code, error.body or ""):
                raise NoFileYetError(str(self._refusal(error, None))) from error
            if error.status_code in REFUSALS:
                raise self._refusal(error, model) from error
            wait = retry_after(error)
            raise UnclearError(self._trouble(error), UNCLEAR_WAIT_SECONDS if wait is None else wait) from error
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            raise UnreachableError(self._trouble(error)) from error
        except NETWORK_FAULTS as error:
            raise UnclearError(self._trouble(error), UNCLEAR_WAIT_SECONDS) from error

    def _read(self, call: Callable[[], T], may_be_gone: bool = False, patience: float | None = None) -> T:
        try:
            for attempt in Retrying(
                retry=retry_if_exception(is_passing),
                wait=wait_for_next_try,
                stop=stop_after_delay(self.patience_seconds if patience is None else patience),
                before_sleep=self._tell,
                reraise=True,
            ):
                with attempt:
                    return call()
        except MistralError as error:
            if may_be_gone and error.status_code in (404, 410):
                raise GoneError(self._trouble(error)) from error
            if is_passing(error):
                trouble = TroubleError(f"{self._trouble(error)}: run the same command again later")
                trouble.is_answer = error.status_code >= 500
                raise trouble from error
            raise self._refusal(error, None) from error
        except NETWORK_FAULTS as error:
            raise TroubleError(
                f"{self._trouble(error)}: check {', '.join(self._on_the_way())}, then run the same command again"
            ) from error
        raise AssertionError("unreachable: Retrying returns or raises")

    def _on_the_way(self) -> list[str]:
        """What may keep the server from being reached."""
        proxies = [] if self.name == "embedded" else [name for name, _ in proxy_variables()]
        return ["the network", "MISTRAL_SERVER_URL", *proxies]

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
        words = self._without_key(message_of(error.body or ""))[:200]
        return f": {words}" if words else ""

    def _without_key(self, text: str) -> str:
        return text.replace(self._key, "…") if self._key else text

    def _refusal(self, error: MistralError, model: str | None) -> ApiError:
        return refusal(self.name, error.status_code, error.body or "", self._said(error), model)


@contextmanager
def _made() -> Iterator[None]:
    """Something was made, so that an answer which cannot be read is unclear: what was made is looked for."""
    try:
        yield
    except ApiError as error:
        raise UnclearError(str(error), UNCLEAR_WAIT_SECONDS) from error


def _done(call: Callable[[], Any]) -> None:
    """Make a call; only that it was carried out matters, whatever the answer holds."""
    try:
        call()
    except MistralError as error:
        if not 200 <= error.status_code < 300:
            raise


def _mark(job: dict[str, Any]) -> str:
    """By what a job of a list is known: its id, or all of it when it has none."""
    return str(job.get("id") or job)
