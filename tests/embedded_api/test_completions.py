"""What a chat request is answered with, by the shape in which it was asked."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import pytest
from mistralai.client import errors
from PIL import Image

from loader.embedded_api import schemas
from loader.embedded_api.completions import complete
from loader.embedded_api.errors import ApiRefusal
from tests.embedded_api import batch_lines
from tests.helpers import instant_reader
from tests.helpers.servers import ApiServer

READING = instant_reader.read_receipt(batch_lines.image("a"))
ITEMS = [{"name": i.name, "price": float(i.price), "classification": "Other"} for i in READING.items]


def content(request: dict[str, Any]) -> Any:
    answer = complete(request, "some-model", instant_reader.read_images)
    assert answer["choices"][0]["finish_reason"] == "stop"
    return json.loads(answer["choices"][0]["message"]["content"])


def test_a_schema_gets_its_own_properties_and_categories() -> None:
    answer = content(batch_lines.body(batch_lines.image("a"), response_format=batch_lines.STRICT))
    assert list(answer) == ["items", "merchant", "total"]  # what no reader can know is left out
    assert (answer["merchant"], answer["total"]) == (READING.merchant, None)
    assert [item["name"] for item in answer["items"]] == [item["name"] for item in ITEMS]
    assert {item["classification"] for item in answer["items"]} <= {"Food", "Travel"}


def test_a_schema_may_use_references() -> None:
    schema = {
        "$defs": {
            "Category": {"enum": ["Only this"]},
            "Item": {"properties": {"classification": {"$ref": "#/$defs/Category"}}},
        },
        "properties": {"items": {"type": "array", "items": {"$ref": "#/$defs/Item"}}},
    }
    style = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    answer = content(batch_lines.body(batch_lines.image("a"), response_format=style))
    assert answer == {"items": [{"classification": "Only this"}] * 3}


@pytest.mark.parametrize("style", [{"type": "json_object"}, {"type": "text"}, None])
def test_other_styles_get_items_only(style: dict[str, str] | None) -> None:
    assert content(batch_lines.body(batch_lines.image("a"), response_format=style)) == {"items": ITEMS}


def test_the_prefix_style_begins_with_the_brace() -> None:
    request = batch_lines.body(batch_lines.image("a"), response_format={"type": "json_object"})
    request["messages"].append({"role": "assistant", "content": "{", "prefix": True})
    assert content(request) == {"items": ITEMS}


def test_an_image_may_come_as_an_object_and_on_several_pages() -> None:
    request = batch_lines.body(batch_lines.image("a"))
    parts = request["messages"][0]["content"]
    parts[1]["image_url"] = {"url": parts[1]["image_url"]}
    assert content(request) == {"items": ITEMS}
    parts.append(parts[1])
    assert content(request) == {"items": ITEMS + ITEMS}


def test_several_images_are_read_as_one_receipt_and_more_than_eight_are_refused(shared_server: ApiServer) -> None:
    read: list[list[bytes]] = []

    def reader(images: Sequence[bytes], categories: Sequence[str]) -> instant_reader.Reading:
        read.append(list(images))
        return instant_reader.read_images(images, categories)

    pages = [batch_lines.image(mark) for mark in "abcdefgh"]
    request = batch_lines.body(pages[0])
    parts = request["messages"][0]["content"]
    parts += [batch_lines.body(page)["messages"][0]["content"][1] for page in pages[1:]]
    answer = complete(request, "m", reader)
    assert read == [pages]
    assert answer["usage"]["prompt_tokens"] == 6 + len(pages) * 2
    parts.append(parts[1])
    with pytest.raises(errors.SDKError) as refused:
        shared_server.client.chat.complete(model="local-ocr", **request)
    assert refused.value.status_code == 400
    assert "9 images: at most 8 are taken" in str(refused.value)


def test_usage_counts_text_and_pixels() -> None:
    small = complete(batch_lines.body(batch_lines.image("a", (280, 56))), "m", instant_reader.read_images)
    large = complete(batch_lines.body(batch_lines.image("a", (3000, 3000))), "m", instant_reader.read_images)
    text = 6  # 21 characters
    assert small["usage"]["prompt_tokens"] == text + 11 * 2
    assert large["usage"]["prompt_tokens"] == text + 56 * 55
    answer = small["choices"][0]["message"]["content"]
    assert small["usage"]["completion_tokens"] == -(-len(answer) // 4)
    assert small["usage"]["total_tokens"] == sum(small["usage"][k] for k in ("prompt_tokens", "completion_tokens"))


def test_max_tokens_cuts_the_answer_off() -> None:
    whole = complete(batch_lines.body(batch_lines.image("a")), "m", instant_reader.read_images)
    cut = complete(batch_lines.body(batch_lines.image("a"), max_tokens=10), "m", instant_reader.read_images)
    assert cut["choices"][0]["finish_reason"] == "length"
    assert cut["usage"]["completion_tokens"] == 10
    assert cut["choices"][0]["message"]["content"] == whole["choices"][0]["message"]["content"][:40]


def damaged() -> dict[str, bytes]:
    photo = io.BytesIO()
    Image.effect_noise((300, 300), 60).save(photo, "JPEG")
    scan = io.BytesIO()
    Image.effect_noise((300, 300), 60).save(scan, "PNG")
    return {
        "empty": b"",
        "no image": b"not an image",
        "half a JPEG": photo.getvalue()[: len(photo.getvalue()) // 2],
        "half a PNG": scan.getvalue()[: len(scan.getvalue()) // 2],
        "a header alone": scan.getvalue()[:40],
        "a bomb": pixels_claimed(scan.getvalue(), 60_000),
        "more than the reader takes": pixels_claimed(scan.getvalue(), 9_000),
    }


def pixels_claimed(png: bytes, side: int) -> bytes:
    header = b"IHDR" + struct.pack(">II", side, side) + png[24:29]
    return png[:12] + header + struct.pack(">I", zlib.crc32(header)) + png[33:]


@pytest.mark.parametrize("kind", damaged())
def test_an_image_that_cannot_be_decoded_is_no_empty_answer(kind: str) -> None:
    """Alone, where the reader finds nothing on it, and among others."""
    others = batch_lines.body(batch_lines.image("a"))
    others["messages"][0]["content"].append(batch_lines.body(damaged()[kind])["messages"][0]["content"][1])
    for request in (batch_lines.body(damaged()[kind]), others):
        with pytest.raises(ApiRefusal) as refused:
            complete(request, "m", lambda images, categories: instant_reader.Reading())
        assert (refused.value.status, refused.value.body["code"]) == (400, "3310")
        assert refused.value.body["type"] == "invalid_request_file"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://example.org/receipt.jpg", "nothing is fetched"),
        ("file:///etc/passwd", "nothing is fetched"),
        ("data:text/html;base64,AAAA", "nothing is fetched"),
        ("data:image/png;base64,???", "not valid base64"),
        ("data:image/png;base64," + "A" * 14_000_000, "at most 10485760"),
    ],
)
def test_images_that_cannot_be_taken(url: str, reason: str) -> None:
    request = batch_lines.body(b"")
    request["messages"][0]["content"][1]["image_url"] = url
    with pytest.raises(ApiRefusal) as refused:
        complete(request, "m", instant_reader.read_images)
    assert refused.value.status == 400
    assert reason in refused.value.body["message"]


@pytest.mark.parametrize(
    ("request_body", "status"),
    [
        ({}, 422),
        ({"messages": "hello"}, 422),
        ({"messages": []}, 422),
        ({"messages": [None, "x"]}, 422),
        ({"messages": [{"role": "user", "content": [1]}]}, 422),
        (batch_lines.body(batch_lines.image("a"), max_tokens=-5), 422),
        (batch_lines.body(batch_lines.image("a"), response_format={"type": "json_schema"}), 422),
        ({"messages": [{"role": "user", "content": "no image"}]}, 400),
        ({"messages": [{"content": [{"type": "text"}, {"type": "image_url"}]}]}, 400),
    ],
)
def test_requests_that_cannot_be_answered(request_body: dict[str, Any], status: int) -> None:
    with pytest.raises(ApiRefusal) as refused:
        schemas.parse_fields(schemas.ChatBody, request_body, "body")
        complete(request_body, "m", instant_reader.read_images)
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]}, "`tools`"),
        ({"n": 2}, "`n`"),
        ({"messages": [{"content": [{"type": "document_url", "document_url": "https://x.example"}]}]}, "document_url"),
    ],
)
def test_what_would_change_the_answer_and_is_not_served_is_refused_by_name(more: dict[str, Any], name: str) -> None:
    with pytest.raises(ApiRefusal) as refused:
        complete({**batch_lines.body(batch_lines.image("a")), **more}, "m", instant_reader.read_images)
    assert refused.value.status == 400
    assert name in refused.value.body["message"]


def test_a_live_chat_as_a_stream_is_one_chunk_and_its_end(shared_server: ApiServer) -> None:
    request = batch_lines.body(batch_lines.image("a"), response_format={"type": "json_object"})
    (event,) = shared_server.client.chat.stream(model="local-ocr", **request)
    assert json.loads(str(event.data.choices[0].delta.content)) == {"items": ITEMS}
    assert (event.data.choices[0].finish_reason, event.data.model) == ("stop", "local-ocr")
    with pytest.raises(errors.SDKError) as refused:
        shared_server.client.chat.stream(model="local-ocr", messages=[{"role": "user", "content": "no image"}])
    assert refused.value.status_code == 400


def test_a_live_chat(shared_server: ApiServer) -> None:
    request = batch_lines.body(batch_lines.image("a"), response_format={"type": "json_object"})
    answer = shared_server.client.chat.complete(model="local-ocr", **request)
    assert json.loads(str(answer.choices[0].message.content)) == {"items": ITEMS}
    assert answer.model == "local-ocr"
    assert shared_server.read_images()[-1:] == [batch_lines.digest("a")]


def test_a_live_chat_that_crashes_the_reader(shared_server: ApiServer) -> None:
    deadly = batch_lines.body(batch_lines.image("kill-the-worker"))
    with pytest.raises(errors.SDKError) as refused:
        shared_server.client.chat.complete(model="local-ocr", **deadly)
    assert refused.value.status_code == 500
    fine = shared_server.client.chat.complete(model="local-ocr", **batch_lines.body(batch_lines.image("a")))
    assert fine.choices[0].finish_reason == "stop"
