"""What the API answers, as plain fields, however oddly it is written: an id, a status, files and counts suffice.

The vendor's client refuses a whole body for one field that is null or has another type. Such a body is read as it
came, and what is wrong with it is named.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from mistralai.client.errors import MistralError

from loader.batch.mistral_errors import in_a_line, json_or_none
from loader.errors import ApiError

SAFE_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
COUNTS = ("total_requests", "completed_requests", "succeeded_requests", "failed_requests")
TIMES = ("created_at", "started_at", "completed_at")


class NotReadableError(Exception):
    """A body lacks a field without which nothing can be done; the text names it."""


def fields_of(call: Callable[[], Any]) -> dict[str, Any]:
    """The fields of what a call of the client answers, those of a body that the client refuses, too."""
    try:
        fields: dict[str, Any] = call().model_dump(mode="json", warnings=False)  # a status may be a new one
    except MistralError as error:
        body = json_or_none(error.body) if 200 <= error.status_code < 300 else None
        if not isinstance(body, dict):
            raise
        return body
    return fields


def read_job(fields: Any, job_id: str | None = None) -> tuple[dict[str, Any], list[str]]:
    """A job with every field that the loader reads in its type, and what was odd, by name.

    `job_id` is the one that was asked for, where there is one. Raises NotReadableError, ApiError for an unsafe id.
    """
    if not isinstance(fields, dict):
        raise NotReadableError("no object")
    odd: list[str] = []
    job = dict(fields)
    job["id"] = _id_of(fields, job_id, odd)
    status = fields.get("status")
    if not isinstance(status, str) or not status.strip():
        raise NotReadableError(f"status is {_shown(status)}" if "status" in fields else "it has no status")
    job["status"] = status.strip().upper()
    for key in COUNTS:
        job[key] = _number(fields, key, odd) or 0
    for key in TIMES:
        job[key] = _number(fields, key, odd, may_be_null=key != "created_at")
    for key in ("output_file", "error_file"):
        job[key] = _file_id(fields, key, odd)
    job["metadata"] = fields["metadata"] if isinstance(fields.get("metadata"), dict) else {}
    job["errors"] = _errors(fields, odd)
    if fields.get("object", "batch") != "batch":
        odd.append(f"object is {_shown(fields['object'])}")
    return job, odd


def _id_of(fields: dict[str, Any], job_id: str | None, odd: list[str]) -> str:
    found = fields.get("id")
    if isinstance(found, str) and found:
        return checked_id(found)
    if job_id is None:
        raise NotReadableError(f"id is {_shown(found)}" if "id" in fields else "it has no id")
    odd.append(f"id is {_shown(found)}")
    return job_id


def _number(fields: dict[str, Any], key: str, odd: list[str], may_be_null: bool = False) -> int | None:
    """A count or a time in Unix seconds, also where it is written as a fraction, a text or a date."""
    value = fields.get(key)
    if value is None and (may_be_null or key not in fields):
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    odd.append(f"{key} is {_shown(value)}")
    try:
        if isinstance(value, str) and not re.fullmatch(r"\s*-?[0-9.]+\s*", value):
            at = datetime.fromisoformat(value)
            return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
        return int(float(value)) if isinstance(value, str | float) else None
    except (ValueError, OverflowError):
        return None


def _file_id(fields: dict[str, Any], key: str, odd: list[str]) -> str | None:
    """The id of a result file; one that is an object or a list of one gives its id."""
    value = fields.get(key)
    if value is None or isinstance(value, str):
        return value or None
    odd.append(f"{key} is {_shown(value)}")
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict):
        value = value.get("id")
    if isinstance(value, str) or not value:
        return value or None
    raise NotReadableError(f"{key} is {_shown(value)}")


def _errors(fields: dict[str, Any], odd: list[str]) -> list[dict[str, Any]]:
    value = fields.get("errors", [])
    if not isinstance(value, list):
        odd.append(f"errors is {_shown(value)}")
        value = [] if value is None else [value]
    return [one if isinstance(one, dict) else {"message": str(one), "count": 1} for one in value if one is not None]


def _shown(value: Any) -> str:
    return "null" if value is None else in_a_line(repr(value))[:40]


def checked_id(value: Any) -> str:
    """An id from the server, once it is sure that it can stand in a path. Raises ApiError."""
    if not isinstance(value, str) or not SAFE_ID.fullmatch(value):
        raise ApiError(f"the server gave an id that is none ({str(value)[:40]!r}): is MISTRAL_SERVER_URL right?")
    return value


def result_files(job: dict[str, Any]) -> list[tuple[str, str]]:
    """The (file id, `output` or `error`) of the files that a job has, whatever its status. Raises ApiError."""
    kinds = (("output_file", "output"), ("error_file", "error"))
    return [(checked_id(job[key]), kind) for key, kind in kinds if job.get(key)]
