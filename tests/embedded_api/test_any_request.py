"""Whatever a client sends, the server answers it or refuses it: no 5xx, and no answer but of the shape it documents.

schemathesis draws requests from the API's own OpenAPI document, and others that the document forbids. The vendor's
document can be tried too: MISTRAL_OPENAPI names its file.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.embedded_api import batch_lines
from tests.helpers.servers import ApiServer, wait_until

JOBS, CHAT = "/v1/batch/jobs", batch_lines.ENDPOINT
TEXT = [{"role": "user", "content": "hello"}]
OURS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
# Of the vendor's document we answer some calls; what we don't serve is 404 or 405 and no server error.
THEIRS = "not_a_server_error"
SERVED = r"^/v1/(models|files|batch/jobs|chat/completions)($|/)"


def ask(api: ApiServer, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(api.child.url.removeprefix("http://"), timeout=60)
    connection.request(method, path, body, {"Authorization": f"Bearer {api.child.token}", **headers})
    response = connection.getresponse()
    answer = response.status, json.loads(response.read())
    connection.close()
    return answer


def schema_request(schema: Any) -> dict[str, Any]:
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    return {"model": batch_lines.MODEL, **batch_lines.body(batch_lines.image("a"), response_format=form)}


def self_referring(levels: int) -> dict[str, Any]:
    """Definitions that double at each step."""
    steps = {
        f"d{level}": {
            "type": "object",
            "properties": {side: {"$ref": f"#/$defs/d{level + 1}"} for side in ("left", "right")},
            "required": ["left", "right"],
        }
        for level in range(levels)
    }
    return {"$ref": "#/$defs/d0", "$defs": {**steps, f"d{levels}": {"type": "string"}}}


def deep(levels: int) -> dict[str, Any]:
    node: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        node = {"type": "object", "properties": {"a": node}, "required": ["a"]}
    return node


@pytest.mark.parametrize(
    "query",
    [
        "page=" + "9" * 20,
        "page=-" + "9" * 20,
        "page_size=" + "9" * 5000,
        "page=NaN",
        "page_size=0",
        "page=1e3",
        "page=%EF%BC%91%F0%9F%99%82",
        "search=" + "x" * 1000,
        "model=" + "x" * 1000,
        "created_after=" + "9" * 400,
        "created_after=0001-01-01T00:00:00%2B23:59",
        "status=DONE",
        "sample_type=sig%E2%82%AC",
        "order_by=random()",
        "sort=asc" * 20,
        "inline=maybe",
    ],
)
def test_queries_that_cannot_be_obeyed(shared_server: ApiServer, query: str) -> None:
    answers = [ask(shared_server, "GET", f"{path}?{query}")[0] for path in ("/v1/files", JOBS, "/v1/models")]
    assert 422 in answers
    assert max(answers) < 500


@pytest.mark.parametrize("path", ["/v1/files", "/v1/models", f"{JOBS}/00000000-0000-4000-8000-000000000000"])
def test_a_filter_that_is_unknown_is_refused(shared_server: ApiServer, path: str) -> None:
    status, said = ask(shared_server, "GET", f"{path}?colour=red")
    assert status in (404, 422)
    assert status == 404 or said["detail"][0]["loc"] == ["query", "colour"]


NUMBER = "1" * 30
NOT_REQUESTS = {
    "a whole number of thirty digits": b'{"max_tokens": %b, "random_seed": %b}' % ((NUMBER.encode(),) * 2),
    "one where a text should be": b'{"stop": %b, "x": [%b]}' % ((NUMBER.encode(),) * 2),
    "NaN": b'{"temperature": NaN}',
    "infinity": b'{"temperature": 1e999}',
    "half a character": b'{"stop": "\\ud800"}',
    "bytes that are no text": b'{"stop": "\xff"}',
    "a list": b"[]",
    "a deep list": b'{"stop": ' + b"[" * 5000 + b"]" * 5000 + b"}",
}


@pytest.mark.parametrize("name", NOT_REQUESTS)
def test_json_that_is_odd_is_no_server_error_and_leaves_nothing(api_server: ApiServer, name: str) -> None:
    odd = NOT_REQUESTS[name]
    chat = b'{"model": "local-ocr", "messages": [{"content": "x"}], ' + odd[1:] if odd[:1] == b"{" else odd
    body = b'{"messages": [{"content": "x"}], ' + odd[1:] if odd[:1] == b"{" else odd
    job = b'{"endpoint": "/v1/chat/completions", "model": "local-ocr", "requests": [{"body": ' + body + b"}]}"
    for path, content in ((CHAT, chat), (JOBS, job), (JOBS, job.replace(b'"requests"', b'"metadata"'))):
        assert ask(api_server, "POST", path, content)[0] < 500
    wait_until(lambda: not any((api_server.state_dir / "uploads").iterdir()))  # a job's results pass through it


SCHEMAS: dict[str, Any] = {
    "properties that are a list": {"type": "object", "properties": ["items"]},
    "definitions that are a list": {"$defs": [1], "properties": {"items": {"$ref": "#/$defs/0"}}},
    "a type that is none": {"type": "money"},
    "types that are numbers": {"type": [1]},
    "required that is a text": {"type": "object", "required": "items"},
    "enum that is no list": {"properties": {"merchant": {"enum": "a"}}, "required": ["merchant"]},
    "a reference to nothing": {"properties": {"merchant": {"$ref": "#/nowhere"}}, "required": ["merchant"]},
    "a reference to itself": {"$ref": "#"},
    "a reference elsewhere": {"$ref": "http://127.0.0.1:1/schema.json"},
    "a file": {"$ref": "file:///etc/passwd"},
    "definitions that double": self_referring(40),
    "very deep": deep(300),
    "a pattern that is none": {
        "properties": {"merchant": {"type": "string", "pattern": "("}},
        "required": ["merchant"],
    },
    "nothing fits": {"properties": {"merchant": False}, "required": ["merchant"]},
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_that_cannot_be_obeyed_is_refused(shared_server: ApiServer, name: str) -> None:
    request = json.dumps(schema_request(SCHEMAS[name])).encode()
    assert ask(shared_server, "POST", CHAT, request)[0] == 400


UPLOADS = [
    "form-data; name=\"file\"; filename*=no-such-set'x'%E2%82%AC",
    "form-data; name=\"file\"; filename*=utf-8''%FF",
    'form-data; name="file"; filename="' + "x" * 300 + '"',
    'form-data; name="file"; filename="' + "x" * 100_000 + '"',
    "form-data; name=file\r\nX-Long: " + "y" * 100_000,
    "form-data; name=file\r\n" + "".join(f"X-{number}: y\r\n" for number in range(2000)) + "X: y",
    "form-data",
    "",
]


@pytest.mark.parametrize("disposition", UPLOADS)
def test_odd_parts_of_an_upload(shared_server: ApiServer, disposition: str) -> None:
    body = f"--b\r\nContent-Disposition: {disposition}\r\n\r\nx\r\n--b--\r\n".encode()
    status, _ = ask(shared_server, "POST", "/v1/files", body, **{"Content-Type": "multipart/form-data; boundary=b"})
    assert status in (200, 422)


def schemathesis(document: Path, api: ApiServer, checks: str, examples: int, *more: str) -> None:
    """Draw requests from a document, so many an operation, and fail with the report where a check fails."""
    command = ["-m", "schemathesis.cli", "run", str(document), "--url", api.child.url, "--checks", checks]
    command += ["-H", f"Authorization: Bearer {api.child.token}", "--max-examples", str(examples), "--seed", "1", *more]
    command += ["--phases", "examples,coverage,fuzzing", "--generation-database", "none", "--request-timeout", "60"]
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, check=False, timeout=900, cwd=document.parent
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


@pytest.mark.slow
def test_drawn_requests_are_answered_as_documented(api_server: ApiServer, tmp_path: Path) -> None:
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(ask(api_server, "GET", "/openapi.json")[1]))
    schemathesis(document, api_server, OURS, 20)


@pytest.mark.slow
def test_requests_drawn_from_the_vendors_document_are_no_server_error(api_server: ApiServer, tmp_path: Path) -> None:
    named = os.environ.get("MISTRAL_OPENAPI")
    if not named:
        pytest.skip("MISTRAL_OPENAPI names no file of the vendor's OpenAPI document")
    document = tmp_path / "vendor.yaml"
    document.write_bytes(Path(named).read_bytes())
    schemathesis(document, api_server, THEIRS, 5, "--include-path-regex", SERVED)
