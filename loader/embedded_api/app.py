"""The routes of the embedded Mistral API: /v1/models, /v1/files, /v1/batch/jobs, /v1/chat/completions.

Answers and refusals have the vendor's shapes. As with the vendor, nothing is idempotent: the same upload
sent twice makes two files, the same create two jobs.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from loader.embedded_api import schemas, state_folder
from loader.embedded_api.access import Gate
from loader.embedded_api.batches import BatchRunner
from loader.embedded_api.bodies import BATCH, REQUEST, Limits
from loader.embedded_api.errors import (
    ApiRefusal,
    bad_request,
    internal_error,
    invalid,
    invalid_model,
    no_access_to_model,
    no_such_model,
    not_found,
    too_large,
)
from loader.embedded_api.faults import Faults, FaultyCalls
from loader.embedded_api.inputs import check
from loader.embedded_api.patience import Patience
from loader.embedded_api.pool import WorkerPool
from loader.embedded_api.results import write_synced
from loader.embedded_api.store import TERMINAL, NewFile, Store
from loader.embedded_api.uploads import Upload
from loader.errors import LoaderError

MAX_INLINE_RESULTS = 10_000
MODEL = "local-ocr"
EVENTS = "text/event-stream"
STARTED_AT = int(time.time())


def create_app(
    state_dir: Path,
    token: str,
    *,
    models: Sequence[str] = (MODEL,),
    reader: str = "loader.embedded_api.reader:read_receipt",
    workers: int | None = None,
    faults: int | None = None,
) -> Starlette:
    """The API over the state in `state_dir`, for holders of `token`.

    `models` are the names under which the reader answers; `faults` the seed of those that are played (see `faults`).
    `reader` is "module:function" (see `completions.Reader`), loaded in the `workers` processes (default: one
    a core). Raises LoaderError when the reader isn't there or another server has the state directory.
    """
    found = None
    with contextlib.suppress(ImportError, ValueError):
        found = importlib.util.find_spec(reader.partition(":")[0])
    if found is None:
        raise LoaderError(f"The receipt reader {reader} cannot be found: name it as module:function")
    try:
        store = Store(state_dir)
    except (OSError, sqlite3.Error) as error:
        raise state_folder.unusable(state_dir, error) from None
    pool = WorkerPool(reader, workers, state_dir / "workers")
    played = None if faults is None else Faults(faults)
    api = Api(store, pool, BatchRunner(store, pool, played), models)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        api.runner.start()
        try:
            yield
        finally:
            await run_in_threadpool(api.runner.stop)
            store.close()

    return Starlette(
        routes=api.routes(),
        middleware=[
            Middleware(Gate, token=token),
            Middleware(Patience),
            *([Middleware(FaultyCalls, faults=played)] if played else []),
        ],
        exception_handlers={
            ApiRefusal: _refused,
            HTTPException: _http_error,
            ClientDisconnect: _gone,
            Exception: _failed,
        },
        lifespan=lifespan,
    )


async def _refused(_: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, ApiRefusal)
    return JSONResponse(refusal.body, refusal.status)


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"detail": error.detail}, error.status_code, headers=error.headers)


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=400)  # nobody reads it: the client left in the middle of its request


async def _failed(_: Request, error: Exception) -> Response:
    refusal = internal_error(f"Internal server error ({type(error).__name__})")
    return JSONResponse(refusal.body, refusal.status)


class Api:
    """The endpoints."""

    def __init__(self, store: Store, pool: WorkerPool, runner: BatchRunner, models: Sequence[str]) -> None:
        self.store = store
        self.pool = pool
        self.runner = runner
        self._models = models

    def routes(self) -> list[Route]:
        """All routes; those whose endpoint is no coroutine run in a thread, as they wait for the disk."""
        return [
            Route("/openapi.json", self.describe, methods=["GET"]),
            Route("/v1/models", self.list_models, methods=["GET"]),
            Route("/v1/models/{model_id:path}", self.get_model, methods=["GET"]),
            Route("/v1/files", self.list_files, methods=["GET"]),
            Route("/v1/files", self.upload_file, methods=["POST"]),
            Route("/v1/files/{file_id}", self.get_file, methods=["GET"]),
            Route("/v1/files/{file_id}", self.delete_file, methods=["DELETE"]),
            Route("/v1/files/{file_id}/content", self.download_file, methods=["GET"]),
            Route("/v1/batch/jobs", self.list_jobs, methods=["GET"]),
            Route("/v1/batch/jobs", self.create_job, methods=["POST"]),
            Route("/v1/batch/jobs/{job_id}", self.get_job, methods=["GET"]),
            Route("/v1/batch/jobs/{job_id}", self.delete_job, methods=["DELETE"]),
            Route("/v1/batch/jobs/{job_id}/cancel", self.cancel_job, methods=["POST"]),
            Route(schemas.CHAT_ENDPOINT, self.complete_chat, methods=["POST"]),
        ]

    def describe(self, request: Request) -> Response:
        """What is served here, as an OpenAPI document."""
        from loader.embedded_api.openapi import document

        return JSONResponse(document())

    # ---- models

    def list_models(self, request: Request) -> Response:
        query = schemas.parse_fields(schemas.ModelFilters, _query(request), "query")
        cards = [_model_card(name) for name in self._models if query.model in (None, name)]
        return JSONResponse({"object": "list", "data": cards})

    def get_model(self, request: Request) -> Response:
        name = request.path_params["model_id"]
        if name not in self._models:
            raise no_such_model(name)
        return JSONResponse(_model_card(name))

    # ---- files

    async def upload_file(self, request: Request) -> Response:
        with Upload(self.store.upload_path()) as upload:
            await upload.receive(request.headers.get("content-type", ""), request.stream())
            fields = schemas.parse_fields(schemas.UploadFields, upload.fields, "body")
            return JSONResponse(await run_in_threadpool(self._keep, upload, fields))

    def _keep(self, upload: Upload, fields: schemas.UploadFields) -> dict[str, Any]:
        upload.have_on_disk()
        if fields.purpose == "batch":
            check(upload.path)
        filename = upload.filename or "upload.jsonl"
        return self.store.add_file(
            NewFile(
                upload.path,
                filename,
                fields.purpose,
                "batch_request" if fields.purpose == "batch" else "instruct",
                "upload",
                upload.num_lines,
                "application/jsonl" if filename.endswith(".jsonl") else upload.content_type or None,
                fields.visibility,
            )
        )

    def list_files(self, request: Request) -> Response:
        query = schemas.parse_fields(
            schemas.FileFilters, _query(request, lists=("sample_type", "source", "mimetypes")), "query"
        )
        files, total = self.store.files(
            query.page,
            query.page_size,
            purpose=query.purpose,
            search=query.search,
            source=query.source,
            sample_type=query.sample_type,
            mimetypes=query.mimetypes,
        )
        return JSONResponse({"object": "list", "data": files, "total": total if query.include_total else None})

    def get_file(self, request: Request) -> Response:
        return JSONResponse({**self._file(request), "deleted": False})

    def delete_file(self, request: Request) -> Response:
        file_id = schemas.parse_id("file_id", request.path_params["file_id"])
        if not self.store.delete_file(file_id):
            raise not_found(f"File {file_id}")
        return JSONResponse({"id": file_id, "object": "file", "deleted": True})

    def download_file(self, request: Request) -> Response:
        file = self._file(request)
        return FileResponse(self.store.file_path(file["id"]), media_type="application/octet-stream")

    def _file(self, request: Request) -> dict[str, Any]:
        file_id = schemas.parse_id("file_id", request.path_params["file_id"])
        file = self.store.file(file_id)
        if file is None:
            raise not_found(f"File {file_id}")
        return file

    # ---- batch jobs

    async def create_job(self, request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(self._create_job, await _body(request, BATCH)))

    def _create_job(self, body: bytearray) -> dict[str, Any]:
        new = schemas.parse_json(schemas.CreateJob, body, BATCH)
        body.clear()  # not to be held twice
        if new.endpoint != schemas.CHAT_ENDPOINT:
            raise bad_request(f"Only {schemas.CHAT_ENDPOINT} is served here")
        if not new.model:
            raise invalid(["body", "model"], "Field required", "missing")
        if new.model not in self._models:
            raise no_access_to_model()
        if bool(new.input_files) == bool(new.requests):
            raise invalid(["body"], "Give either `input_files` or `requests`")
        for number, inline_request in enumerate(new.requests or ()):
            if problem := schemas.problem_of(vars(inline_request)):
                raise invalid(["body", "requests", number], problem)
        input_files = [str(file_id) for file_id in new.input_files or ()]
        for file_id in input_files:
            file = self.store.file(file_id)
            if file is None:
                raise not_found(f"File {file_id}")
            if file["purpose"] != "batch":
                raise invalid(["body", "input_files"], f"File {file_id} was not uploaded with purpose `batch`")
        inline = self._write_inline(new.requests) if new.requests else None
        try:
            job = self.store.add_job(
                model=new.model,
                endpoint=new.endpoint,
                input_files=input_files,
                inline=inline,
                metadata=new.metadata,
                timeout_hours=new.timeout_hours,
            )
        except FileNotFoundError:
            raise not_found("An input file") from None
        self.runner.add(job["id"])
        return job

    def _write_inline(self, requests: Sequence[schemas.BatchRequest]) -> Path:
        path = self.store.upload_path()
        write_synced(path, (orjson.dumps(vars(request), option=orjson.OPT_APPEND_NEWLINE) for request in requests))
        return path

    def list_jobs(self, request: Request) -> Response:
        query = schemas.parse_fields(schemas.JobFilters, _query(request, lists=("status",)), "query")
        others = {key: value for key, value in _query(request).items() if key not in schemas.JobFilters.model_fields}
        metadata = schemas.parse_fields(schemas.JobMetadata, {"metadata": others}, "query").metadata
        if query.agent_id is not None:  # no job here is an agent's
            return JSONResponse({"object": "list", "data": [], "total": 0})
        jobs, total = self.store.jobs(
            query.page,
            query.page_size,
            model=query.model,
            status=query.status,
            created_after=query.created_after_seconds(),
            metadata=metadata,
            newest_first=query.order_by == "-created",
        )
        return JSONResponse({"object": "list", "data": jobs, "total": total})

    def get_job(self, request: Request) -> Response:
        """A job; with `inline`, its result lines too (up to 10,000, as many as can be sent inline)."""
        job = self._job(request)
        query = schemas.parse_fields(schemas.InlineQuery, _query(request), "query")
        if query.inline and job["status"] in TERMINAL and job["completed_requests"] <= MAX_INLINE_RESULTS:
            job["outputs"] = [
                orjson.loads(line)
                for file_id in (job["output_file"], job["error_file"])
                if file_id is not None and self.store.file(file_id) is not None
                for line in self.store.file_path(file_id).read_bytes().split(b"\n")
                if line
            ]
        return JSONResponse(job)

    def cancel_job(self, request: Request) -> Response:
        self.runner.cancel(self._job(request)["id"])
        return JSONResponse(self._job(request))

    def delete_job(self, request: Request) -> Response:
        job = self._job(request)
        if job["status"] not in TERMINAL:
            raise bad_request(f"Job {job['id']} is {job['status']}: cancel it first")
        self.store.delete_job(job["id"])
        return JSONResponse({"id": job["id"], "object": "batch", "deleted": True})

    def _job(self, request: Request) -> dict[str, Any]:
        job_id = schemas.parse_id("job_id", request.path_params["job_id"])
        job = self.store.job(job_id)
        if job is None:
            raise not_found(f"Job {job_id}")
        return job

    # ---- chat

    async def complete_chat(self, request: Request) -> Response:
        body = await _body(request, REQUEST)
        chat = await run_in_threadpool(schemas.parse_json, schemas.ChatRequest, body, REQUEST)
        if chat.model not in self._models:
            raise invalid_model(chat.model)
        is_stream = bool(chat.stream)
        del chat.messages  # not to be held twice
        try:
            answer = await run_in_threadpool(self.pool.answer_chat, body, chat.model, is_stream)
            status, content = await asyncio.wrap_future(answer)
        except BrokenProcessPool:
            raise internal_error("The receipt reader crashed on this request") from None
        return Response(content, status, media_type=EVENTS if is_stream and status == 200 else "application/json")


def _model_card(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "type": "base",
        "created": STARTED_AT,
        "owned_by": "local",
        "name": name,
        "description": "Reads receipts with OCR on this machine",
        "max_context_length": 32768,
        "aliases": [],
        "capabilities": {"completion_chat": True, "vision": True, "ocr": False, "function_calling": False},
    }


def _query(request: Request, lists: Sequence[str] = ()) -> dict[str, Any]:
    """The query's parameters; those in `lists` may be given several times."""
    params = request.query_params
    return {key: params.getlist(key) if key in lists else params[key] for key in params}


async def _body(request: Request, limits: Limits) -> bytearray:
    """The whole body of a JSON request; ApiRefusal (413) once it has been read when it is too large."""
    body = bytearray()
    size = 0
    async for block in request.stream():
        size += len(block)
        if size <= limits.size:
            body += block
    if size > limits.size:
        raise too_large("The request", limits.size)
    return body
