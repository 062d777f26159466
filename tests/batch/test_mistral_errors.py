"""What the API says is told in its words, and what asking again cannot mend is known by its codes or its words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from loader.batch.mistral_bodies import NotReadableError, read_job
from loader.batch.mistral_errors import failure_of, message_of

IMAGE = {
    "object": "error",
    "message": "Invalid image",
    "type": "invalid_request_file",
    "param": None,
    "code": "3310",
    "raw_status_code": 400,
}

# A body of an error, and the words that are told.
WORDS: list[tuple[Any, str]] = [
    ({"detail": "Invalid API Key"}, "Invalid API Key"),
    ({"message": "Unauthorized", "request_id": "a"}, "Unauthorized"),
    (
        {"message": {"detail": [{"loc": ["body"], "msg": "Extra inputs", "input": "x"}, {"msg": "b"}]}},
        "Extra inputs; b",
    ),
    ({"detail": [{"type": "missing", "loc": ["body", "model"], "msg": "Field required"}]}, "Field required"),
    ({"object": "error", "message": {"message": "deep"}}, "deep"),
    ({"error": {"message": "quota", "type": "x"}}, "quota"),
    ({"error": "busy"}, "busy"),
    ({"errors": ["a", {"message": "b"}]}, "a; b"),
    (
        {"detail": "Invalid file format.", "errors": [{"line_number": 2, "message": "bad role"}, {"message": "b"}]},
        "Invalid file format. (bad role)",
    ),
    ({"message": "x", "errors": []}, "x"),
    (json.dumps(IMAGE), "Invalid image"),
    (json.dumps(json.dumps(IMAGE)), "Invalid image"),
    ("upstream connect error\nreset", "upstream connect error reset"),
    ({"message": json.dumps({"detail": "inner"})}, "inner"),
    ({"weird": {"a": 1}}, ""),
    ({"message": None, "detail": None}, ""),
    ({"message": 5}, ""),
    ([], ""),
    ("{not json", "{not json"),
    ("", ""),
    ({"message": "x" * 80 + " is no image"}, "… is no image"),
]


@pytest.mark.parametrize(("body", "words"), WORDS)
def test_the_words_of_an_error(body: Any, words: str) -> None:
    assert message_of(body) == words
    if not isinstance(body, str):
        assert message_of(json.dumps(body)) == words


def test_words_nested_without_end_do_no_harm() -> None:
    body: Any = "end"
    for _ in range(5000):
        body = {"message": body}
    assert message_of(body) == ""


def answered(status: int | None, body: Any, error: Any = None) -> dict[str, Any]:
    return {"custom_id": "a", "response": {"status_code": status, "body": body}, "error": error}


# A failed line, the reason that is told, and whether asking again cannot mend it.
FAILURES: list[tuple[dict[str, Any], str, bool]] = [
    (answered(400, json.dumps(IMAGE)), "Invalid image (code 3310)", True),
    (answered(400, IMAGE), "Invalid image (code 3310)", True),
    (answered(200, None, {"code": "3310", "message": "Invalid image"}), "Invalid image (code 3310)", True),
    (answered(400, {"message": "Invalid model: x", "code": 1500}), "Invalid model: x (code 1500)", True),
    (
        answered(403, {"message": "Other tier", "type": "tier_not_allowed", "code": "1910"}),
        "Other tier (code 1910)",
        True,
    ),
    (answered(404, {"message": "no such model"}), "no such model", True),
    (answered(413, "Payload too large"), "Payload too large", True),
    (answered(415, "unsupported"), "unsupported", True),
    (answered(422, {"detail": [{"msg": "Field required"}]}), "Field required", True),
    (answered(422, None), "HTTP status 422", True),
    ({"custom_id": "a", "response": None, "error": "1 validation error for X"}, "1 validation error for X", True),
    (answered(429, {"message": "Rate limit exceeded", "code": "1300"}), "Rate limit exceeded (code 1300)", False),
    (answered(400, {"message": "No capacity", "code": "3505"}), "No capacity (code 3505)", False),
    (answered(400, json.dumps({"message": "x", "raw_status_code": 503})), "x", False),
    (answered(408, "Request timeout"), "Request timeout", False),
    (answered(500, {"message": "Invalid state"}), "Invalid state", False),
    (answered(502, "<html>"), "<html>", False),
    (answered(401, {"detail": "Invalid API Key"}), "Invalid API Key", False),
    (answered(402, "pay"), "pay", False),
    (answered(200, None, {"code": 503, "message": "invalid upstream"}), "invalid upstream", False),
    (answered(200, {"choices": [{"finish_reason": "error"}]}), "no message came", False),
    ({"custom_id": "a", "response": None, "error": "overloaded"}, "overloaded", False),
    ({"custom_id": "a", "response": None, "error": {"code": None, "message": None}}, "no message came", False),
    ({"custom_id": "a"}, "no message came", False),
]


@pytest.mark.parametrize(("line", "reason", "is_final"), FAILURES)
def test_why_a_request_failed(line: dict[str, Any], reason: str, is_final: bool) -> None:
    failure = failure_of(json.dumps(line))
    assert (failure.reason, failure.is_final) == (reason, is_final)


def test_the_oddest_lines_have_a_reason_too() -> None:
    for line in (
        "",
        "[]",
        "5",
        '"x"',
        '{"response": []}',
        '{"response": {"status_code": {}, "body": [[[]]]}}',
        "\ud83d",
    ):
        assert failure_of(line).reason and not failure_of(line).is_final


JOB = {"id": "a", "status": "SUCCESS", "object": "batch", "errors": [], "created_at": 5, "succeeded_requests": 1}

# What is odd in a job, by the name that the vendor gives it, and what it is read as.
ODD: list[tuple[dict[str, Any], str, Any]] = [
    ({"errors": None}, "errors", ()),
    ({"errors": {"message": "x"}}, "errors", ("x",)),
    ({"errors": ["x", None]}, "errors", ("x",)),
    ({"succeeded_requests": None}, "succeeded_requests", 0),
    ({"succeeded_requests": "3"}, "succeeded_requests", 3),
    ({"succeeded_requests": []}, "succeeded_requests", 0),
    ({"created_at": 5.9}, "created_at", 5),
    ({"completed_at": "1970-01-01T00:00:07+00:00"}, "completed_at", 7),
    ({"completed_at": "soon"}, "completed_at", None),
    ({"completed_at": float("nan")}, "completed_at", None),
    ({"output_file": ""}, "output_file", None),
    ({"output_file": ["f"]}, "output_file", "f"),
    ({"metadata": None}, "metadata", {}),
    ({"status": " success "}, "status", "SUCCESS"),
    ({"id": None}, "id", "asked"),
]


@pytest.mark.parametrize(("change", "key", "value"), ODD)
def test_an_odd_job_is_read_and_told_by_name(change: dict[str, Any], key: str, value: Any) -> None:
    job, odd = read_job({**JOB, **change}, "asked")
    assert getattr(job, key.removesuffix("_requests")) == value
    assert key == "errors" or job.snapshot[key] == value, "dbt reads it, too"
    assert job.raw == {**JOB, **change} or key == "completed_at", "as it came"
    assert all(words.startswith(f"{key} is ") for words in odd)


@pytest.mark.parametrize("fields", [None, [], {}, {"id": "a"}, {**JOB, "status": None}, {**JOB, "output_file": [1, 2]}])
def test_what_cannot_be_read_is_named(fields: Any) -> None:
    with pytest.raises(NotReadableError):
        read_job(fields, "asked")
