"""The page's server: its routes, each a thin coat over `desk`. What a user can mend is one line of JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from loader.errors import CorrectionError, LoaderError, WarehouseInUseError
from loader.marts.review.access import Gate
from loader.marts.review.builds import Builds
from loader.marts.review.desk import ChangedError, Desk
from loader.marts.review.pictures import Cabinet
from loader.marts.review.queue import FILTERS

STATIC = Path(__file__).with_name("static")
MOST_BYTES = 4_000_000  # of what a page sends


def create_app(desk: Desk, builds: Builds, token: str, port: int) -> ASGIApp:
    """The page over a warehouse, for whoever has the token. `port`: where it is served."""
    cabinet = Cabinet(desk.places)

    async def page(request: Request) -> Response:
        return FileResponse(STATIC / "review.html", media_type="text/html; charset=utf-8")

    async def options(request: Request) -> Response:
        return await _answer(desk.options)

    async def proven(request: Request) -> Response:
        return await _answer(desk.proven)

    async def queue(request: Request) -> Response:
        asked = request.query_params
        state, offset = asked.get("state", "doubtful"), asked.get("offset", "0")
        if state not in ("doubtful", "done", "all") or not (offset.isdecimal() and len(offset) < 10):
            raise HTTPException(422, "state is doubtful, done or all, and offset a number")
        filters = {name: asked.get(name) for name in FILTERS}
        return await _answer(desk.queue, state, filters, int(offset))

    async def receipt(request: Request) -> Response:
        return await _answer(desk.receipt, request.path_params["receipt_id"])

    async def images(request: Request) -> Response:
        def listed(receipt_id: str) -> dict[str, Any]:
            found, reason = cabinet.pictures(receipt_id)
            sizes = [{"width": image.width, "height": image.height} for image in found]
            return {"images": sizes, "reason": reason}

        return await _answer(listed, request.path_params["receipt_id"])

    async def image(request: Request) -> Response:
        def data(receipt_id: str, number: int) -> Response:
            found, reason = cabinet.pictures(receipt_id)
            if number >= len(found):
                raise HTTPException(404, reason or "there is no such image")
            headers = {"Cache-Control": "private, max-age=3600"}
            return Response(found[number].data, media_type=found[number].media_type, headers=headers)

        return await _answer(data, request.path_params["receipt_id"], request.path_params["number"])

    async def correct(request: Request) -> Response:
        return await _answer(desk.correct, request.path_params["receipt_id"], await _sent(request, "corrections"))

    async def correct_many(request: Request) -> Response:
        return await _answer(desk.correct_many, await _sent(request, "field", "value", "receipt_ids"))

    async def verdict(request: Request) -> Response:
        return await _answer(desk.verdict, await _sent(request))

    async def build(request: Request) -> Response:
        if request.method == "POST":
            builds.start()
        return JSONResponse(builds.state())

    routes = [
        Route("/", page),
        Mount("/static", StaticFiles(directory=STATIC)),
        Route("/api/options", options),
        Route("/api/proven", proven),
        Route("/api/queue", queue),
        Route("/api/receipts/{receipt_id}", receipt),
        Route("/api/receipts/{receipt_id}", correct, methods=["POST"]),
        Route("/api/receipts/{receipt_id}/images", images),
        Route("/api/receipts/{receipt_id}/images/{number:int}", image),
        Route("/api/many", correct_many, methods=["POST"]),
        Route("/api/verdict", verdict, methods=["POST"]),
        Route("/api/build", build, methods=["GET", "POST"]),
    ]
    handlers: dict[Any, Any] = {HTTPException: _refused}
    return Gate(Starlette(routes=routes, exception_handlers=handlers), token, port)


async def _answer(call: Callable[..., Any], *arguments: Any) -> Response:
    """What a call gives, as JSON; in a thread, since it waits for the warehouse."""
    try:
        given = await run_in_threadpool(call, *arguments)
    except WarehouseInUseError as error:
        return JSONResponse({"error": str(error), "is_busy": True}, 503)
    except ChangedError as error:
        return JSONResponse({"error": str(error)}, 409)
    except (CorrectionError, KeyError, TypeError, ValueError, ArithmeticError) as error:
        said = str(error) if isinstance(error, CorrectionError) else "what the page sent cannot be read: reload it"
        return JSONResponse({"error": said, "position": getattr(error, "position", None)}, 422)
    except LoaderError as error:
        return JSONResponse({"error": str(error)}, 404)
    return given if isinstance(given, Response) else JSONResponse(given)


async def _sent(request: Request, *names: str) -> dict[str, Any]:
    """The JSON object that a page sent, which has these names. Raises HTTPException."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise HTTPException(413, "that is too much at once")
    try:
        sent = json.loads(body)
    except ValueError:
        sent = None
    if not isinstance(sent, dict) or any(name not in sent for name in names):
        raise HTTPException(422, f"send a JSON object with {', '.join(names) or 'what was typed'}")
    return sent


async def _refused(request: Request, error: HTTPException) -> Response:
    return JSONResponse({"error": error.detail}, error.status_code)
