"""Requests as the loader sends them, small, and how to wait for what becomes of them."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from mistralai.client import Mistral
from mistralai.client.models import BatchJob
from PIL import Image

MODEL = "local-ocr"
ENDPOINT = "/v1/chat/completions"
SCHEMA = {
    "type": "object",
    "properties": {
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "price": {"type": "string"},
                    "classification": {"type": "string", "enum": ["Food", "Travel"]},
                },
            },
        },
        "merchant": {"type": ["string", "null"]},
        "total": {"type": ["string", "null"]},
        "mood": {"type": "string"},
    },
}
STRICT = {"type": "json_schema", "json_schema": {"name": "receipt", "schema": SCHEMA, "strict": True}}


@cache
def _png(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (width, height)).save(buffer, "PNG")
    return buffer.getvalue()


def image(mark: object, size: tuple[int, int] = (28, 28)) -> bytes:
    """A PNG that no other mark gives."""
    return _png(*size) + f"mark {mark}".encode()


def digest(mark: object) -> str:
    """By which `instant_reader` knows an image."""
    return hashlib.sha256(image(mark)).hexdigest()


def body(picture: bytes, **more: Any) -> dict[str, Any]:
    """A chat request with one image."""
    url = "data:image/png;base64," + base64.b64encode(picture).decode()
    content = [{"type": "text", "text": "Items as JSON, please"}, {"type": "image_url", "image_url": url}]
    return {"messages": [{"role": "user", "content": content}], "max_tokens": 1000, **more}


def lines(count: int, **more: Any) -> bytes:
    """`count` request lines, custom_id `r0`, `r1`, …, each with the image of its number."""
    requests = ({"custom_id": f"r{number}", "body": body(image(number), **more)} for number in range(count))
    return b"".join(json.dumps(request).encode() + b"\n" for request in requests)


def start_job(client: Mistral, content: bytes, **more: Any) -> BatchJob:
    """Upload request lines and create a job over them."""
    file = client.files.upload(file={"file_name": "requests.jsonl", "content": content}, purpose="batch")
    return client.batch.jobs.create(input_files=[file.id], endpoint=ENDPOINT, model=MODEL, **more)


def wait_for(job: Callable[[], BatchJob], condition: Callable[[BatchJob], bool], seconds: float = 30) -> BatchJob:
    """Poll until the condition holds."""
    end = time.monotonic() + seconds
    while not condition(current := job()):
        assert time.monotonic() < end, current
        time.sleep(0.05)
    return current


def finished(client: Mistral, job_id: str) -> BatchJob:
    """The job once it is over."""
    unfinished = ("QUEUED", "RUNNING", "CANCELLATION_REQUESTED")
    return wait_for(lambda: client.batch.jobs.get(job_id=job_id), lambda job: job.status not in unfinished)


def download(client: Mistral, file_id: str | None) -> list[dict[str, Any]]:
    """The lines of a file, parsed; none when there is no file."""
    if file_id is None:
        return []
    response = client.files.download(file_id=file_id)
    return [json.loads(line) for line in response.read().split(b"\n") if line]


def custom_ids(results: Sequence[dict[str, Any]]) -> list[str]:
    """Sorted custom_ids of result lines."""
    return sorted(line["custom_id"] for line in results)
