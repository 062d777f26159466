"""A line that landed before adds nothing, in whatever file and form it comes again; another one is not lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.batch.known_lines import _identity
from loader.batch.land_file import Landed, land_file
from loader.warehouse.duckdb_file import Warehouse
from tests.helpers.answers import answer_line, jsonl
from tests.helpers.warehouses import rows

CONTENT = '{"items": [{"name": "Crème \\"brûlée\\" 🍮", "price": 25.000, "classification": "Food"}]}'


def answer(custom_id: Any, content: Any = CONTENT, **changes: Any) -> dict[str, Any]:
    return answer_line(custom_id, content, **changes)


def backwards(value: Any) -> Any:
    """The same JSON with the keys of every object in another order."""
    if isinstance(value, dict):
        return {key: backwards(value[key]) for key in reversed(value)}
    return [backwards(one) for one in value] if isinstance(value, list) else value


def again(change: Callable[[dict[str, Any]], str]) -> Callable[[str], str]:
    return lambda text: "".join(change(json.loads(line)) + "\n" for line in text.splitlines())


FORMS: dict[str, Callable[[str], str]] = {
    "under another name": lambda text: text,
    "with CRLF": lambda text: text.replace("\n", "\r\n"),
    "without its last line end": lambda text: text.rstrip("\n"),
    "compact": again(lambda line: json.dumps(line, separators=(",", ":"))),
    "with raw letters": again(lambda line: json.dumps(line, ensure_ascii=False)),
    "its keys in another order": again(lambda line: json.dumps(backwards(line))),
    "with blanks around": again(lambda line: f"  {json.dumps(line)} \t "),
    "with a byte order mark": lambda text: "\ufeff" + text,
    "with blank lines": lambda text: text.replace("\n", "\n\n"),
    "without its empty errors": again(
        lambda line: json.dumps({key: value for key, value in line.items() if key != "error"})
    ),
    "with another kind of empty error": again(lambda line: json.dumps({**line, "error": {}})),
    "with ids that are numbers": again(lambda line: json.dumps({**line, "custom_id": int(line["custom_id"])})),
    "with ids of a proxy": again(lambda line: json.dumps({**line, "id": "proxy"})),
    "in another order": lambda text: "".join(reversed(text.splitlines(keepends=True))),
    "twice": lambda text: text + text,
    "only its first half": lambda text: "".join(text.splitlines(keepends=True)[:2]),
}
WHOLE = jsonl(*(answer(str(number), CONTENT.replace("25.000", f"{number}.500")) for number in range(4)))


def land(warehouse: Warehouse, path: Path, text: str, currency: str | None = None) -> Landed:
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    return land_file(warehouse, path, currency, f"load of {path.name}")


def everything(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    tables = ("batch_output", "batch_requests", "batch_jobs", "receipts", "loads")
    return [(table, *rows(warehouse, f"select count(*) from raw.{table}")) for table in tables]


@pytest.mark.parametrize("form", FORMS)
def test_a_known_line_in_any_form_adds_nothing(form: str, warehouse: Warehouse, tmp_path: Path) -> None:
    land(warehouse, tmp_path / "own.jsonl", WHOLE)
    before = everything(warehouse)
    landed = land(warehouse, tmp_path / "again.jsonl", FORMS[form](WHOLE))
    counted = len([line for line in FORMS[form](WHOLE).splitlines() if line.strip("\ufeff \t\r")])
    assert (landed.lines, landed.known, landed.requests) == (0, counted, 0)
    assert everything(warehouse) == before


@pytest.mark.parametrize("form", FORMS)
def test_what_was_landed_in_part_is_added_to(form: str, warehouse: Warehouse, tmp_path: Path) -> None:
    """In any form: each answer is there once, with its receipt and its request."""
    land(warehouse, tmp_path / "part.jsonl", "".join(WHOLE.splitlines(keepends=True)[1:3]))
    land(warehouse, tmp_path / "whole.jsonl", FORMS[form](WHOLE))
    land(warehouse, tmp_path / "again.jsonl", WHOLE)
    assert everything(warehouse)[0] == ("batch_output", (4,))
    assert rows(warehouse, "select count(*), count(distinct custom_id) from raw.batch_requests") == [(4, 4)]
    assert rows(warehouse, "select source, count(*) from raw.receipts group by all having count(*) > 2") == []
    assert rows(warehouse, "select count(distinct receipt_id) from raw.receipts") == [(4,)]


def test_new_lines_keep_the_numbers_that_they_have_in_their_file(warehouse: Warehouse, tmp_path: Path) -> None:
    first, second, third, fourth = WHOLE.splitlines(keepends=True)
    land(warehouse, tmp_path / "part.jsonl", first + third)
    landed = land(warehouse, tmp_path / "whole.jsonl", WHOLE)
    assert (landed.lines, landed.known, landed.requests) == (2, 2, 2)
    kept = rows(
        warehouse, f"select line_number, line from raw.batch_output where file_id = '{landed.file_id}' order by 1"
    )
    assert kept == [(2, second.rstrip("\n")), (4, fourth.rstrip("\n"))]
    ((job,),) = rows(warehouse, f"select job from raw.batch_jobs where job_id = '{landed.file_id}'")
    assert json.loads(job)["total_requests"] == 2


OTHERS: dict[str, dict[str, Any]] = {
    "another id": answer("other"),
    "another price": answer("0", CONTENT.replace("25.000", "25.001")),
    "the same price, written otherwise": answer("0", CONTENT.replace("25.000", "25.0")),
    "a blank more in the answer": answer("0", CONTENT + " "),
    "another status": answer("0", response={**answer("0")["response"], "status_code": 500}),
    "an error": answer("0", error="busy"),
    "no response": answer("0", response=None),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_line_that_says_something_else_is_new(name: str, warehouse: Warehouse, tmp_path: Path) -> None:
    land(warehouse, tmp_path / "first.jsonl", jsonl(answer("0")))
    landed = land(warehouse, tmp_path / "second.jsonl", jsonl(OTHERS[name]))
    assert (landed.lines, landed.known) == (1, 0)
    assert land(warehouse, tmp_path / "third.jsonl", jsonl(OTHERS[name], answer("0"))).known == 2


def test_two_failures_of_one_id_are_two_lines(warehouse: Warehouse, tmp_path: Path) -> None:
    failures = [answer("0", response=None, error=error) for error in ("busy", {"message": "bad image"})]
    assert land(warehouse, tmp_path / "both.jsonl", jsonl(*failures)).lines == 2


ODD = [
    '{"custom_id": "caf\\u00e9 \\ud83d"}',
    "not json",
    '{"custom_id": "x", "response": {"n": ' + "9" * 400 + "}}",
    "[1]",
]


def test_lines_that_are_odd_are_known_again_too(warehouse: Warehouse, tmp_path: Path) -> None:
    text = "\n".join([json.dumps(answer("0")), *ODD, ""])
    assert land(warehouse, tmp_path / "a.jsonl", text).lines == 5
    landed = land(warehouse, tmp_path / "b.jsonl", text.replace("\n", " \r\n"))
    assert (landed.lines, landed.known) == (0, 5)


def test_another_currency_for_known_lines_corrects_their_receipts(warehouse: Warehouse, tmp_path: Path) -> None:
    first, second, *_ = WHOLE.splitlines(keepends=True)
    land(warehouse, tmp_path / "part.jsonl", first, "EUR")
    landed = land(warehouse, tmp_path / "renamed.jsonl", first.replace("\n", "\r\n") + second, "IDR")
    assert (landed.lines, landed.known, landed.currency_changed) == (1, 1, 1)
    latest = """
        select source, source_key, arg_max(currency, loaded_at) from raw.receipts group by all order by all
    """
    assert rows(warehouse, latest) == [("part.jsonl", "0", "IDR"), ("renamed.jsonl", "1", "IDR")]
    assert land(warehouse, tmp_path / "again.jsonl", first, "IDR").currency_changed == 0


def test_what_the_loader_fetched_itself_is_known(warehouse: Warehouse, tmp_path: Path) -> None:
    from loader.warehouse.raw import append_output

    path = tmp_path / "job.jsonl"
    path.write_text(WHOLE)
    with warehouse.transaction() as connection:
        append_output(connection, "job", "file", "output", path, "load0")
    landed = land(warehouse, tmp_path / "console.jsonl", FORMS["compact"](WHOLE))
    assert (landed.lines, landed.known) == (0, 4)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(JSON, JSON, st.sampled_from(sorted(set(FORMS) - {"twice", "with blank lines", "only its first half"})))
def test_the_key_follows_what_a_line_says_and_not_how(one: Any, other: Any, form: str) -> None:
    line = json.dumps(answer("0", one))
    _, key = _identity(line)
    assert _identity(FORMS[form](line + "\n").rstrip("\n"))[1] == key
    is_same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (_identity(json.dumps(answer("0", other)))[1] == key) == is_same
