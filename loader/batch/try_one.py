"""One image or PDF, one live call: the quick look before a batch is paid for. Nothing is landed.

What the answer says is read by dbt's own rules, as a batch's lines are, so that the look shows what a build would see.
"""

from __future__ import annotations

from typing import Any

import orjson

from loader.batch.provider import Provider
from loader.errors import SourceError
from loader.requests.images import prepare
from loader.requests.pictures import RejectedImage
from loader.requests.question import live_body
from loader.settings import Style

HEADER = (
    "document_type",
    "merchant",
    "country",
    "purchased_on",
    "purchased_at",
    "receipt_number",
    "currency",
    "subtotal",
    "taxes",
    "tip",
    "service_charge",
    "rounding",
    "total",
    "payment_method",
)
AMOUNTS = ("subtotal", "taxes", "tip", "service_charge", "rounding", "total")


def ask_one(api: Provider, model: str, image: bytes, name: str, style: Style) -> dict[str, Any]:
    """The answer to one image: `status`, `items`, the header fields as printed, tokens, `model`.

    One that a build could not read has `unreadable`, the text as it came, and `reason`. Amounts are texts, `taxes` the
    JSON of a list. Raises SourceError for an image that cannot be sent, ApiError.
    """
    try:
        prepared = prepare(image)
    except RejectedImage as rejected:
        raise SourceError(f"{name}: {rejected.reason}; name another image") from rejected
    answer = api.ask(model, live_body(prepared, style))
    return {**_read(answer), "model": answer.get("model")}


def _read(answer: dict[str, Any]) -> dict[str, Any]:
    import duckdb

    from loader.warehouse.dbt_sql import expression, render

    line = orjson.dumps({"custom_id": "look", "response": {"status_code": 200, "body": answer}}).decode()
    landed = """(
        select
            'look' as job_id, 'look' as file_id, 'output' as file_kind, 1::bigint as line_number, $line as line,
            0::bigint as line_bytes, 'look' as load_id, timestamp '2000-01-01' as landed_at
    )"""
    columns = {field: expression("as_written", f"{field}_text") for field in AMOUNTS}
    columns["purchased_on"] = "purchased_on_raw"
    header = ", ".join(f"{columns.get(field, field)} as {field}" for field in HEADER)
    item = f"{{name: item.name, price: {expression('as_written', 'item.price')}, classification: item.classification}}"
    with duckdb.connect() as connection:
        result = connection.execute(
            f"""
            select
                {header}, list_transform(coalesce(items, []), lambda item: {item}) as items, status,
                unreadable_because as reason, coalesce(prompt_tokens, 0) as prompt_tokens,
                coalesce(completion_tokens, 0) as completion_tokens
            from ({render("int_output_lines__read", {"raw.batch_output": landed})})
            """,
            {"line": line},
        )
        names = [column[0] for column in result.description or []]
        read = dict(zip(names, result.fetchall()[0], strict=True))
    if read["status"] in ("unreadable", "failed"):
        read["unreadable"] = _content(answer)
    return {name: value for name, value in read.items() if value is not None}


def _content(answer: dict[str, Any]) -> str:
    """The text of an answer, whatever it is."""
    try:
        content = answer["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):  # an answer without a message, however it lacks one
        return ""
    return content if isinstance(content, str) else orjson.dumps(content).decode() if content else ""
