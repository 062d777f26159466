"""What a chat request is answered with, by the shape in which it was asked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from mistralai.client import errors

from loader.embedded_api.completions import complete
from loader.embedded_api.errors import ApiRefusal
from tests.embedded_api import batch_lines
from tests.helpers import instant_reader
from tests.helpers.servers import ApiServer

READING = instant_reader.read_receipt(batch_lines.image("a"))
ITEMS = [{"name": i.name, "price": i.price, "classification": "Other"} for i in READING.items]


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


def test_an_image_that_is_none_among_others_is_left_out() -> None:
    request = batch_lines.body(b"not an image")
    request["messages"][0]["content"].append(batch_lines.body(batch_lines.image("a"))["messages"][0]["content"][1])
    assert content(request) == {"items": ITEMS}


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


def test_what_is_no_image_gives_no_items() -> None:
    assert content(batch_lines.body(b"not an image")) == {"items": []}
    answer = content(batch_lines.body(b"", response_format=batch_lines.STRICT))
    assert answer == {"items": [], "merchant": None, "total": None}


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
    "request_body",
    [
        {},
        {"messages": "hello"},
        {"messages": []},
        {"messages": [None, "x", {"content": [None, 1, {"type": "text"}]}]},
        {"messages": [{"role": "user", "content": "no image"}]},
        batch_lines.body(batch_lines.image("a"), stream=True),
        batch_lines.body(batch_lines.image("a"), response_format={"type": "json_schema"}),
    ],
)
def test_requests_that_cannot_be_answered(request_body: dict[str, Any]) -> None:
    with pytest.raises(ApiRefusal) as refused:
        complete(request_body, "m", instant_reader.read_images)
    assert refused.value.status == 400


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
