"""One answer, that has not landed, as dbt's own rules read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import orjson

from loader.warehouse.dbt_sql import expression, render

AMOUNTS = ("subtotal", "taxes", "tip", "service_charge", "rounding", "total")


def read_answer(answer: dict[str, Any], header: Sequence[str]) -> dict[str, Any]:
    """The body of a chat completion -> `status`, `items`, those of the `header` fields that are there, tokens.

    Amounts are texts as written, `taxes` the JSON of a list. What could not be read has `unreadable`, the text as it
    came, and `reason`.
    """
    line = orjson.dumps({"custom_id": "look", "response": {"status_code": 200, "body": answer}}).decode()
    landed = """(
        select
            'look' as job_id, 'look' as file_id, 'output' as file_kind, 1::bigint as line_number, $line as line,
            0::bigint as line_bytes, 'look' as load_id, timestamp '2000-01-01' as landed_at
    )"""
    columns = {field: expression("as_written", f"{field}_text") for field in AMOUNTS}
    columns["purchased_on"] = "purchased_on_raw"
    fields = ", ".join(f"{columns.get(field, field)} as {field}" for field in header)
    item = f"{{name: item.name, price: {expression('as_written', 'item.price')}, classification: item.classification}}"
    with duckdb.connect() as connection:
        result = connection.execute(
            f"""
            select
                {fields}, list_transform(coalesce(items, []), lambda item: {item}) as items, status,
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
