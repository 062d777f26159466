"""What the API answers, as plain fields, however oddly it is written: an id, a status, files and counts suffice.

The vendor's client refuses a whole body for one field that is null, and drops another that is no text. So the body is
read as it came, and what is wrong with it is named.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from mistralai.client.errors import MistralError

from loader.batch.job import Job
from loader.batch.mistral_errors import in_a_line, json_or_none, message_of
from loader.errors import ApiError

SAFE_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
MOST_ERRORS = 20  # of a job that are worth reading


class NotReadableError(Exception):
    """A body lacks a field without which nothing can be done; the text names it."""


def fields_of(call: Callable[[], Any], body: Callable[[], str]) -> dict[str, Any]:
    """The fields of the body that a call of the client brings, as they came.

    The client refuses some bodies for a field, and of others it drops one without a word.
    """
    refused = None
    try:
        call()
    except MistralError as error:
        if not 200 <= error.status_code < 300:
            raise
        refused = error
    fields = json_or_none(body())
    if refused and not isinstance(fields, dict):
        raise refused
    return fields if isinstance(fields, dict) else {}


def read_job(fields: Any, job_id: str | None = None) -> tuple[Job, list[str]]:
    """The job in these fields, and what was odd about them, by name.

    `job_id` is the one that was asked for, where there is one. Raises NotReadableError, ApiError for an unsafe id.
    """
    if not isinstance(fields, dict):
        raise NotReadableError("no object")
    odd: list[str] = []
    found_id = _id_of(fields, job_id, odd)
    status, model, metadata = (fields.get(key) for key in ("status", "model", "metadata"))
    if not isinstance(status, str) or not status.strip():
        raise NotReadableError(f"status is {_shown(status)}" if "status" in fields else "it has no status")
    job = Job(
        id=found_id,
        status=status.strip().upper(),
        model=model if isinstance(model, str) else None,
        metadata=metadata if isinstance(metadata, dict) else {},
        created_at=_number(fields, "created_at", odd),
        started_at=_number(fields, "started_at", odd, may_be_null=True),
        completed_at=_number(fields, "completed_at", odd, may_be_null=True),
        total=_number(fields, "total_requests", odd) or 0,
        completed=_number(fields, "completed_requests", odd) or 0,
        succeeded=_number(fields, "succeeded_requests", odd) or 0,
        failed=_number(fields, "failed_requests", odd) or 0,
        output_file=_file_id(fields, "output_file", odd),
        error_file=_file_id(fields, "error_file", odd),
        errors=_errors(fields, odd),
        raw=fields,
    )
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
    """The id of a result file; one that is an object or a list of one gives its id. Raises ApiError."""
    value = fields.get(key)
    if value is not None and not isinstance(value, str):
        odd.append(f"{key} is {_shown(value)}")
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, dict):
            value = value.get("id")
    if value and not isinstance(value, str):
        raise NotReadableError(f"{key} is {_shown(value)}")
    return checked_id(value) if value else None


def _errors(fields: dict[str, Any], odd: list[str]) -> tuple[str, ...]:
    """What a job says of its failure, each message once."""
    value = fields.get("errors", [])
    if not isinstance(value, list):
        odd.append(f"errors is {_shown(value)}")
        value = [value]
    return tuple(dict.fromkeys(words for one in value[:MOST_ERRORS] if (words := message_of(one))))


def _shown(value: Any) -> str:
    return "null" if value is None else in_a_line(repr(value))[:40]


def checked_id(value: Any) -> str:
    """An id from the server, once it is sure that it can stand in a path. Raises ApiError."""
    if not isinstance(value, str) or not SAFE_ID.fullmatch(value):
        raise ApiError(f"the server gave {str(value)[:40]!r}, which is not an id: is MISTRAL_SERVER_URL right?")
    return value
