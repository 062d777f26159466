"""Refusals in the vendor's shapes, as recorded from the live API: they differ from route to route."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class ApiRefusal(Exception):
    """An answer other than 200: `status` is the HTTP status, `body` the JSON object that goes with it."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.body = body


def error_body(status: int, message: str, kind: str, code: str) -> dict[str, Any]:
    """The object by which the vendor reports an error of a request that was well-formed."""
    return {
        "object": "error",
        "message": message,
        "type": kind,
        "param": None,
        "code": code,
        "raw_status_code": status,
    }


def bad_request(message: str) -> ApiRefusal:
    """400: the request was understood and cannot be served."""
    return ApiRefusal(400, error_body(400, message, "invalid_request_error", "3051"))


def invalid_image(message: str) -> ApiRefusal:
    """400: an image that cannot be decoded."""
    return ApiRefusal(400, error_body(400, message, "invalid_request_file", "3310"))


def invalid_model(model: str) -> ApiRefusal:
    """400 in a chat: a model that is not served here."""
    return ApiRefusal(400, error_body(400, f"Invalid model: {model}", "invalid_model", "1500"))


def no_access_to_model() -> ApiRefusal:
    """422 of a job's creation: a model that is not served here."""
    return ApiRefusal(422, {"detail": "You do not have access to the model"})


def no_such_model(model: str) -> ApiRefusal:
    """404: the model that was looked for by its name."""
    return ApiRefusal(404, {"message": f"Model {model} was not found."})


def invalid_file(found: int, problems: Sequence[tuple[int, str]]) -> ApiRefusal:
    """422: a batch file with lines that are no requests; `problems` are the first of them: line (from 1) and why."""
    errors = [{"line_number": line, "message": problem} for line, problem in problems]
    body = {
        "detail": "Invalid file format.",
        "description": f"Found {found} errors in this file.",
        "errors": errors,
    }
    return ApiRefusal(422, body)


def internal_error(message: str) -> ApiRefusal:
    """500: the server failed, not the request."""
    return ApiRefusal(500, error_body(500, message, "internal_server_error", "3000"))


def no_space(reason: str) -> ApiRefusal:
    """507: what came in cannot be written."""
    message = f"The server cannot write what was sent ({reason})"
    return ApiRefusal(507, error_body(507, message, "internal_server_error", "3000"))


def not_found(what: str) -> ApiRefusal:
    """404: there is no such thing (any more)."""
    return ApiRefusal(404, {"detail": f"{what} not found"})


def too_large(what: str, limit_bytes: int) -> ApiRefusal:
    """413: more bytes than the API takes."""
    return ApiRefusal(413, {"detail": f"{what} is larger than {limit_bytes} bytes"})


def invalid(location: list[str | int], message: str, kind: str = "value_error") -> ApiRefusal:
    """422 for one field; `location` leads to it, from `body`, `query` or `path`."""
    return ApiRefusal(422, {"detail": [{"type": kind, "loc": location, "msg": message}]})
