"""What the API says when something is wrong, in whatever shape it says it, and whether asking again can mend it.

Errors come as objects, as texts, as JSON within a text, and nested: `{"detail": [{"msg": …}]}` in a `message`, say.
Nothing here raises, and nothing shows what an error may quote of a request (an image).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson

from loader.batch.provider import Failure
from loader.errors import ApiError

# Where words may stand in an error, the most telling first.
WORDS_AT = ("message", "msg", "detail", "error", "errors", "description", "reason", "title", "raw")
CODES_AT = ("code", "raw_status_code", "status_code", "status", "type")
DEEPEST = 6
LONGEST_REASON = 200

# Statuses that are about the request or its model. Others are about the moment, the key or the bill.
FINAL_STATUSES = frozenset({400, 403, 404, 405, 406, 410, 411, 413, 414, 415, 422})
FINAL_CODES = frozenset({"1500", "1910", "3310"})  # no such model, a model of another tier, an invalid request
PASSING_CODES = frozenset({"1300", "3505"})  # too many requests, too little capacity
PASSING_WORDS = re.compile(
    r"rate.?limit|capacity|too many requests|overload|temporar|time.?d?.?out|api key|unauthori|billing|quota", re.I
)
FINAL_WORDS = re.compile(
    r"\binvalid|validation error|unsupported|not supported|not allowed|malformed|corrupt|does not exist|unknown model"
    r"|too (?:large|long|big)|cannot identify|could not (?:be )?(?:read|decode|identif)",
    re.I,
)
NO_SUCH_FILE = re.compile(
    r"\bfile\b.*\b(?:not (?:found|exist|available)|no longer)|(?:cannot|could not|can't) find|(?:no such|unknown) file",
    re.I,
)
MODEL_TYPES = re.compile(r"tier_not_allowed|labs_not_enabled|model", re.I)


def json_or_none(text: str | bytes) -> Any:
    """What a text holds as JSON; None where it is not JSON."""
    try:
        return orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeError):
        return None


def message_of(body: Any, depth: int = 0) -> str:
    """The words in an error: of a text, or of what an object or list holds. Empty where there are none."""
    body = _unfolded(body)
    if isinstance(body, str):
        return in_a_line(body).strip()
    if isinstance(body, list) and depth < DEEPEST:
        return "; ".join(dict.fromkeys(words for one in body[:20] if (words := message_of(one, depth + 1))))
    if isinstance(body, dict) and depth < DEEPEST:
        found = (message_of(body[key], depth + 1) for key in WORDS_AT if key in body)
        words = next((words for words in found if words), "")
        listed = body.get("errors")
        first = message_of(listed[0], depth + 1) if isinstance(listed, list) and listed else ""
        return words if first in words else f"{words} ({first})"  # of a refused file: which line, as it were
    return ""


def in_a_line(said: str) -> str:
    """Words of the server in one line, without what a terminal would obey and what may be an image in base64."""
    plain = "".join(character if character.isprintable() else " " for character in said[:2000])
    return re.sub(r"[A-Za-z0-9+/=_-]{50,}", "…", re.sub(r" +", " ", plain))


def is_about_the_model(body: Any) -> bool:
    """Whether a refusal is of the model, such as one of another tier, and not of the key."""
    codes = set(_codes(body))
    return bool(codes & {"1500", "1910"} or any(MODEL_TYPES.search(code) for code in codes)) or (
        "model" in message_of(body).lower()
    )


def is_about_a_file(status: int, body: Any) -> bool:
    """Whether the creation of a job was refused as its file is not there."""
    if status == 404:
        return not is_about_the_model(body)
    return status in (400, 422) and bool(NO_SUCH_FILE.search(message_of(body)))


def refusal(api: str, status: int, body: Any, said: str, model: str | None) -> ApiError:
    """A definite refusal in one line: what was said (`: …`, or nothing) and what to do next."""
    named = f"model {model!r}" if model else "the model"
    if status == 402:
        return ApiError(
            f"{api} wants batch billing to be enabled (402){said}: enable it for your workspace, then run "
            "the same command again"
        )
    if status == 403 and is_about_the_model(body):
        return ApiError(f"{named} was refused (403){said}: name another one in MODEL")
    if status in (401, 403):
        return ApiError(f"{api} rejected the key ({status}){said}: check MISTRAL_API_KEY")
    if status in (400, 404, 422) and model and is_about_the_model(body):
        return ApiError(f"{named} was refused{said}: name a current one in MODEL")
    return ApiError(f"{api} answered {status}{said}")


def failure_of(line: str | bytes) -> Failure:
    """Why the request of a failed line failed."""
    fields = json_or_none(line)
    if not isinstance(fields, dict):
        return Failure("the line is not JSON", False)
    response = fields.get("response")
    response = response if isinstance(response, dict) else {}
    body = _unfolded(response.get("body"))
    parts = [fields.get("error"), {**body, "choices": None} if isinstance(body, dict) else body]
    said = next((words for words in map(message_of, parts) if words), "")
    codes = [str(response.get("status_code")), *(code for part in parts for code in _codes(part))]
    statuses = {int(code) for code in codes if re.fullmatch(r"[1-5][0-9]{2}", code)} - {200}
    code = next((code for code in codes[1:] if code.isdigit() and int(code) not in statuses), None)
    reason = said[:LONGEST_REASON] or (f"HTTP status {min(statuses)}" if statuses else "no message came")
    if code and code not in reason:
        reason += f" (code {code})"
    return Failure(reason, _is_final(statuses, set(codes), " ".join([said, *codes])))


def _is_final(statuses: set[int], codes: set[str], words: str) -> bool:
    if codes & PASSING_CODES or PASSING_WORDS.search(words) or any(status >= 500 for status in statuses):
        return False
    if statuses:
        return statuses <= FINAL_STATUSES
    return bool(codes & FINAL_CODES or FINAL_WORDS.search(words))


def _codes(part: Any, depth: int = 0) -> Iterator[str]:
    """Codes, statuses and types that stand anywhere in an error."""
    part = _unfolded(part)
    if depth >= DEEPEST:
        return
    if isinstance(part, list):
        for one in part[:20]:
            yield from _codes(one, depth + 1)
    elif isinstance(part, dict):
        for key in CODES_AT:
            if isinstance(part.get(key), str | int) and not isinstance(part[key], bool):
                yield str(part[key])[:100]
        for key, value in part.items():
            if key in WORDS_AT:
                yield from _codes(value, depth + 1)


def _unfolded(value: Any) -> Any:
    """The JSON that a text holds, when it is an object, a list or a text; else the value itself."""
    for _ in range(2):  # a text in a text: errors are passed on as texts, by more than one
        if not isinstance(value, str) or not value.lstrip()[:1] or value.lstrip()[0] not in '{["':
            return value
        held = json_or_none(value)
        if not isinstance(held, dict | list | str):
            return value
        value = held
    return value
