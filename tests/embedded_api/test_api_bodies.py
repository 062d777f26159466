"""Large and hostile JSON: what the API takes is taken, the rest is refused, and neither takes a server's memory."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from mistralai.client import errors

from loader.embedded_api import bodies
from tests.embedded_api import batch_lines
from tests.helpers.servers import ApiServer

JOBS, CHAT = "/v1/batch/jobs", batch_lines.ENDPOINT
LARGE = bodies.BATCH.size - 1000
HEAD = {
    JOBS: b'{"endpoint": "/v1/chat/completions", "model": "local-ocr", "requests": [{"body": ',
    CHAT: b'{"model": "local-ocr", "messages": [{"role": "user", "content": ',
}


def asked(path: str, content: bytes) -> bytes:
    """A request with this content, which is JSON."""
    return HEAD[path] + content + b"}]}"


def filled(piece: bytes, size: int) -> bytes:
    """A JSON list of so many bytes, of one piece again and again."""
    return b"[" + (piece + b",") * (size // (len(piece) + 1)) + piece + b"]"


def nested(count: int) -> bytes:
    """Objects within objects, as many, by hundreds."""
    return b"[" + b",".join([b'{"a":' * 100 + b"1" + b"}" * 100] * (count // 101)) + b"]"


EMOJI = '"😀'.encode()
BODIES: dict[str, tuple[str, Callable[[], bytes], int]] = {
    "lists": (JOBS, lambda: asked(JOBS, filled(b"[]", LARGE)), 413),
    "lists in a chat": (CHAT, lambda: asked(CHAT, filled(b"[]", bodies.REQUEST.text - 100)), 413),
    "objects": (JOBS, lambda: asked(JOBS, filled(b'{"a":1}', LARGE)), 413),
    "texts": (JOBS, lambda: asked(JOBS, filled(b'"abcdefghijklmnop"', LARGE)), 413),
    "a text": (JOBS, lambda: asked(JOBS, EMOJI + b"x" * LARGE + b'"'), 413),
    "an escaped text": (JOBS, lambda: asked(JOBS, b'"\\ud83d\\ude00' + b"\\n" * (LARGE // 2) + b'"'), 413),
    "a text said to be an image": (
        JOBS,
        lambda: asked(JOBS, b'"base64,' + EMOJI[1:] + b"x y" * (LARGE // 3) + b'"'),
        413,
    ),
    "a chat of 200 MB": (CHAT, lambda: asked(CHAT, b'"base64,' + b"A" * LARGE + b'"'), 413),
    "no objects": (JOBS, lambda: asked(JOBS, b"{}}, " + b"1," * 400_000 + b'{"body": {}'), 422),
    "no messages": (CHAT, lambda: b'{"model": "local-ocr", "messages": ' + filled(b"1", 90_000) + b"}", 422),
    "a long name": (JOBS, lambda: asked(JOBS, b"{}").replace(b"local-ocr", b"m" * 40_000_000), 422),
    "long metadata": (
        JOBS,
        lambda: asked(JOBS, b"{}")[:-1] + b', "metadata": {' + b",".join(b'"%d":1' % n for n in range(400_000)) + b"}}",
        422,
    ),
    "no JSON": (JOBS, lambda: asked(JOBS, b'"base64,' + b"A" * LARGE), 422),
    "as much as is taken": (
        JOBS,
        lambda: asked(
            JOBS,
            b'{"messages": [{}], "a": "base64,%b", "b": %b, "c": %b%b"}'
            % (b"A" * 140_000_000, nested(900_000), EMOJI, b"x" * (bodies.BATCH.text - 6_000_000)),
        ),
        200,
    ),
    "images": (
        JOBS,
        lambda: asked(JOBS, b'{"messages": [{}], "a": "data:image/png;base64,%b"}' % (b"A" * (LARGE - 220))),
        200,
    ),
}


def peak_mb(server: ApiServer) -> int:
    status = Path(f"/proc/{server.child.process.pid}/status")
    if not status.exists():
        pytest.skip("needs /proc to see the memory of another process")
    return int(re.findall(r"VmHWM:\s+(\d+)", status.read_text())[0]) // 1024


def post(server: ApiServer, path: str, body: bytes) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(server.child.url.removeprefix("http://"), timeout=60)
    connection.request("POST", path, body, {"Authorization": f"Bearer {server.child.token}"})
    response = connection.getresponse()
    answer = response.status, response.read()
    connection.close()
    return answer


@pytest.mark.slow
@pytest.mark.parametrize("name", BODIES)
def test_200_mb_of_json_take_less_than_a_gigabyte(api_server: ApiServer, name: str) -> None:
    path, body, expected = BODIES[name]
    status, answer = post(api_server, path, body())
    assert (status, len(answer) < 10_000) == (expected, True), answer[:500]
    assert ("detail" in json.loads(answer)) is (expected != 200)
    assert peak_mb(api_server) < 1000


def test_a_line_of_a_batch_file_has_the_bounds_of_a_request(api_server: ApiServer) -> None:
    lines = [
        batch_lines.lines(1),
        b'{"body": "' + b"x" * 2 * bodies.REQUEST.size + b'"}\n',
        b'{"body": ' + filled(b"{}", bodies.REQUEST.text - 100) + b"}\n",
    ]
    with pytest.raises(errors.MistralError) as refused:
        batch_lines.start_job(api_server.client, b"".join(lines))
    said = json.loads(refused.value.body)
    assert (refused.value.status_code, [error["line_number"] for error in said["errors"]]) == (422, [2, 3])
    assert len(refused.value.body) < 1000
    assert peak_mb(api_server) < 600


@pytest.mark.parametrize(
    ("body", "is_taken"),
    [
        (b'{"body": {}}', True),
        (asked(CHAT, b'"data:image/png;base64,' + b"A" * 3 * bodies.REQUEST.text + b'"'), True),
        (asked(CHAT, b'"' + b"A" * bodies.REQUEST.text + b'"'), False),
        (asked(CHAT, b'"base64,' + EMOJI[1:] + b"A" * bodies.REQUEST.text + b'"'), False),
        (asked(CHAT, filled(b"[]", 100_000)), True),
        (asked(CHAT, filled(b"[]", 200_000)), False),
        (asked(CHAT, nested(90_000)), True),
        (asked(CHAT, nested(101_000)), False),
        (b" " * (bodies.REQUEST.size + 1), False),
    ],
)
def test_what_is_too_much_for_a_request(body: bytes, is_taken: bool) -> None:
    refusal = bodies.excess(body, bodies.REQUEST)
    assert (refusal is None) is is_taken
    assert refusal is None or refusal.status == 413


def test_too_many_fields_of_an_upload_are_refused(shared_server: ApiServer) -> None:
    part = '--b\r\nContent-Disposition: form-data; name="f%d"\r\n\r\nx\r\n'
    body = "".join(part % number for number in range(1000)) + "--b--\r\n"
    connection = http.client.HTTPConnection(shared_server.child.url.removeprefix("http://"), timeout=60)
    headers = {
        "Authorization": f"Bearer {shared_server.child.token}",
        "Content-Type": "multipart/form-data; boundary=b",
    }
    connection.request("POST", "/v1/files", body, headers)
    response = connection.getresponse()
    assert (response.status, b"fields" in response.read()) == (422, True)
    connection.close()
