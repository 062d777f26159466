"""A request line: what the API is asked, and the ids that make it one request, ever."""

from __future__ import annotations

import base64
import json

import pytest

from loader import seeds
from loader.embedded_api.bodies import REQUEST
from loader.image_tokens import MAX_IMAGES
from loader.requests import question as requests
from loader.requests.images import MAX_BYTES, POLICIES, PreparedImage
from loader.requests.question import Question
from loader.requests.request_files import MAX_SHARD_BYTES
from loader.settings import STYLES, Style

IMAGE = PreparedImage(b"\xff\xd8 not really \xff\xd9", "image/jpeg", 784, 1000)


@pytest.mark.parametrize("style", STYLES)
def test_a_line_is_json_with_the_image_in_it(style: Style) -> None:
    line = bytes(Question("m", style).line("a1", [IMAGE], 1234))
    assert line.endswith(b"}\n") and line.count(b"\n") == 1
    request = json.loads(line)
    assert request["custom_id"] == "a1"
    assert request["body"] == requests.live_body([IMAGE], style, 1234)
    assert "model" not in request["body"]
    text, image = request["body"]["messages"][0]["content"]
    assert text["text"] == requests.prompt(style)
    assert base64.b64decode(image["image_url"].removeprefix("data:image/jpeg;base64,")) == IMAGE.data


@pytest.mark.parametrize("style", STYLES)
def test_several_images_of_a_receipt_stand_in_one_line_in_their_order(style: Style) -> None:
    several = [PreparedImage(bytes([number]) * number, f"image/{number}", 1, 1) for number in range(1, MAX_IMAGES + 1)]
    line = Question("m", style).line("a1", several, 1234)
    assert len(line) == len(bytes(line))
    body = json.loads(bytes(line))["body"]
    assert body == requests.live_body(several, style, 1234)
    text, *images = body["messages"][0]["content"]
    assert "pages or pieces, in order and without overlap" in text["text"]
    urls = [f"data:{i.media_type};base64,{base64.b64encode(i.data).decode()}" for i in several]
    assert images == [{"type": "image_url", "image_url": url} for url in urls]


def test_the_longest_line_is_within_what_the_api_takes() -> None:
    full = PreparedImage(bytes(MAX_BYTES), "image/jpeg", 1, 1)
    line = Question("m").line("a", [full] * MAX_IMAGES)
    assert len(line) < REQUEST.size < MAX_SHARD_BYTES


@pytest.mark.parametrize("size", [0, 1, 2, 3, requests.CHUNK_BYTES - 1, requests.CHUNK_BYTES, requests.CHUNK_BYTES + 1])
def test_a_line_in_pieces_knows_its_length(size: int) -> None:
    image = PreparedImage(bytes(range(256)) * (size // 256) + b"x" * (size % 256), "image/png", 1, 1)
    line = Question("m").line("a", [image], 1)
    assert len(line) == len(bytes(line)) == sum(map(len, line))
    url = json.loads(bytes(line))["body"]["messages"][0]["content"][1]["image_url"]
    assert base64.b64decode(url.removeprefix("data:image/png;base64,"), validate=True) == image.data


def test_the_schema_is_strict_and_its_categories_come_from_the_seed() -> None:
    body = json.loads(bytes(Question("m").line("a", [IMAGE], 1)))["body"]
    wanted = body["response_format"]["json_schema"]
    assert wanted["strict"] is True
    schema = wanted["schema"]
    assert schema["required"] == list(schema["properties"]), "strict schemas leave nothing out"
    assert schema["required"][-1] == "items", "an answer that is cut off has its header"
    assert {"document_type", "country", "taxes", "tip", "service_charge", "rounding", "total"} < set(schema["required"])
    item = schema["properties"]["items"]["items"]
    assert item["required"] == ["name", "price", "classification"] and item["additionalProperties"] is False
    names = [category.name for category in seeds.categories()]
    assert item["properties"]["classification"]["enum"] == names
    for category in seeds.categories():
        assert category.description in requests.prompt("schema")


def test_the_notebook_style_ends_in_an_assistant_prefix() -> None:
    body = json.loads(bytes(Question("m", "notebook").line("a", [IMAGE], 1)))["body"]
    assert body["response_format"] == {"type": "json_object"}
    assert body["messages"][-1] == {"role": "assistant", "content": "{", "prefix": True}
    assert "JSON" in requests.prompt("notebook")


def test_prompt_id_follows_style_and_image_policy_and_nothing_else() -> None:
    ids = {Question("m", style, policy).prompt_id for style in STYLES for policy in POLICIES.values()}
    assert len(ids) == len(STYLES) * len(POLICIES)
    assert Question("other", "schema", POLICIES["original"], max_attempts=7, again=True).prompt_id in ids


def test_custom_id_is_a_hash_of_receipt_model_and_prompt() -> None:
    receipt = requests.receipt_id(b"image")
    one = Question("model").custom_id(receipt)
    assert one == Question("model", again=True).custom_id(receipt)
    others = {Question("other").custom_id(receipt), Question("model", "notebook").custom_id(receipt)}
    assert len({one, *others, Question("model").custom_id(requests.receipt_id(b"other"))}) == 4
    assert len(one) == 32


def test_max_tokens_doubles_after_a_truncated_answer_up_to_a_limit() -> None:
    assert requests.max_tokens_for(None) == requests.MAX_TOKENS
    assert requests.max_tokens_for(4096) == 8192
    assert requests.max_tokens_for(requests.MAX_TOKENS_LIMIT) == requests.MAX_TOKENS_LIMIT


def test_images_are_counted_each_by_the_vendors_rule() -> None:
    question = Question("mistral-small-2603")
    text = question.prompt_tokens([])
    assert question.prompt_tokens([(5000, 5000)]) - text == 56 * 55
    assert question.prompt_tokens([(5000, 5000), (280, 56)]) - text == 56 * 55 + 11 * 2
    assert question.request_cost_usd([(280, 56)] * 2) > question.request_cost_usd([(280, 56)])
