"""The twelve macros that engines spell in their own way: each gives the same on every engine."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest

from tests.parity.engines import ENGINES, PROJECT, missing, run_dbt

ENTRIES = '[{"name": "Tea", "name": "Bun", "price": "1"}, "{\\"name\\": 1}", null]'

# The columns that the cases speak of.
TEXTS = {
    "doc": '{"id": "a \\"b\\"", "n": 25.0, "no": null, "list": [1, "[2]"], "text": "[1]", "o": {"a":  [{"b": "c d"}]}}',
    "comma": "[1,]",
    "deep": "[" * 1000 + "]" * 1000,
    "open": "[" * 1000 + "]" * 999,
    "two": "{} {}",
    "nothing": "",
    "chunks": '[{"text": "a "}, {"type": "x"}, {"type": "thinking", "text": "hm"}, {"text": "b\\n"}]',
    "empty": "[]",
    "entries": ENTRIES,
    "under_key": f'{{"items": {ENTRIES}}}',
    "three_deep": '{"a": {"b": {"c": [{"name": "Tea"}, {"name": "Bun"}, 5]}}}',
    "single": '{"items": {"name": "Tea"}}',
    "none": '{"items": []}',
    "a_text": '{"items": "[]"}',
    "digits": "b12 c34",
    "line_end": "12\n",
    "quote": "it's \u00a0x",
    "marked": "\ufeff x",
}
ITEMS = "json_entries('%s', 'items', ['name', 'price'])"
LENGTH = "{{ list_length(" + ITEMS + ") }}"
FIRST = "{{ list_item(" + ITEMS + ", 1) }}.name"
PICKED = "{{ list_item(json_texts('doc', ['$.id', '$.n', '$.no', '$.list[1]', '$.text', '$.o', '$.o.a[0].b']), %s) }}"
UNNESTED = (
    "select_unnested('(select 7 as id, ' ~ json_texts('doc', ['$.n', '$.id']) ~ ' as l from given)', ['id'], 'l')"
)

CASES: dict[str, list[tuple[str, str | None]]] = {
    "json_or_null": [
        ("{{ json_or_null('doc') }} is null", "false"),
        ("{{ json_or_null('comma') }} is null", "false"),
        ("{{ json_or_null('deep') }} is null", "false"),
        ("{{ json_or_null('open') }} is null", "true"),
        ("{{ json_or_null('two') }} is null", "true"),
        ("{{ json_or_null('nothing') }} is null", "true"),
        ("{{ json_or_null('null') }} is null", "true"),
    ],
    "json_texts": [
        (PICKED % 1, 'a "b"'),
        (PICKED % 2, "25.0"),
        (PICKED % 3, None),
        (PICKED % 4, "[2]"),
        (PICKED % 5, "[1]"),
        (PICKED % 6, '{"a":[{"b":"c d"}]}'),
        (PICKED % 7, "c d"),
    ],
    "json_chunks_joined": [
        ("{{ json_chunks_joined('chunks') }}", "a b\n"),
        ("{{ json_chunks_joined('empty') }}", ""),
    ],
    "json_is_list": [
        ("{{ json_is_list('doc', '$.list') }}", "true"),
        ("{{ json_is_list('doc', '$.o.a') }}", "true"),
        ("{{ json_is_list('doc', '$.text') }}", "false"),
        ("{{ json_is_list('doc', '$.missing') }}", "false"),
    ],
    "json_entries": [
        *((LENGTH % text, "3") for text in ("entries", "under_key", "three_deep")),
        *((FIRST % text, "Tea") for text in ("entries", "under_key", "three_deep", "single")),
        ("{{ list_item(" + (ITEMS % "entries") + ", 2) }}.name", None),
        (LENGTH % "single", "1"),
        (LENGTH % "none", "0"),
        (LENGTH % "a_text", None),
    ],
    "list_item": [
        ("{{ list_item(json_texts('doc', ['$.n', '$.id']), 2) }}", 'a "b"'),
        ("{{ list_item(json_texts('doc', ['$.n', '$.id']), 3) }}", None),
    ],
    "list_length": [
        ("{{ list_length(json_texts('doc', ['$.n', '$.id'])) }}", "2"),
        (LENGTH % "none", "0"),
        (LENGTH % "doc", None),
    ],
    "select_unnested": [
        ("(select max(concat(id, ' ', element, ' ', position)) from ({{ " + UNNESTED + " }}) as made)", '7 a "b" 2'),
        ("(select count(*) from ({{ " + UNNESTED + " }}) as made)", "2"),
    ],
    "regexp_first": [
        ("{{ regexp_first('digits', '([a-z])([0-9]+)', 2) }}", "12"),
        ("{{ regexp_first('digits', '[0-9]+$') }}", "34"),
        ("{{ regexp_first('line_end', '^[0-9]+$') }}", ""),
        ("{{ regexp_first('quote', \"'s\\\\s+\") }}", "'s "),
    ],
    "regexp_all": [
        ("{{ list_length(regexp_all('digits', '[a-z][0-9]+')) }}", "2"),
        ("{{ list_item(regexp_all('digits', '[a-z]([0-9]+)'), 2) }}", "c34"),
        ("{{ list_length(regexp_all('nothing', '[0-9]')) }}", "0"),
    ],
    "regexp_replace_all": [
        ("{{ regexp_replace_all('digits', '([a-z])([0-9]+)', '\\\\2.\\\\1') }}", "12.b 34.c"),
        ("{{ regexp_replace_all('marked', '^[\\\\s\\\\x{FEFF}]+', '') }}", "x"),
    ],
    "unix_to_timestamp": [
        ("{{ unix_to_timestamp('cast(1790000000 as bigint)') }}", "2026-09-21 14:13:20"),
        ("{{ unix_to_timestamp('cast(99999999999 as bigint)') }}", None),
        ("{{ unix_to_timestamp('cast(-1 as bigint)') }}", None),
    ],
}


def test_there_are_twelve_at_most_and_each_is_tested() -> None:
    sources = "".join(path.read_text() for path in (PROJECT / "macros" / "cross_engine").glob("*.sql"))
    dispatched = re.findall(r"adapter\.dispatch\('(\w+)'\)", sources)
    assert len(dispatched) <= 12
    assert sorted(dispatched) == sorted(CASES)


@cache
def answers(engine: str, folder: Path) -> dict[str, list[str | None]]:
    """What an engine says to all cases, asked at once."""
    quoted = (f'{{{{ "\'" ~ escape_single_quotes({json.dumps(text)}) ~ "\'" }}}}' for text in TEXTS.values())
    given = f"select * from (values ({', '.join(quoted)})) as given ({', '.join(TEXTS)})"
    asked = (
        f"select '{macro}' as macro, {number} as number, cast({sql} as {{{{ dbt.type_string() }}}}) as said from given"
        for macro, cases in CASES.items()
        for number, (sql, _) in enumerate(cases)
    )
    sql = f"with given as ({given}) select * from ({' union all '.join(asked)}) as a order by 1, 2"
    arguments = ("show", "--inline", sql, "--limit", "200", "--output", "json")
    if engine == "duckdb":
        ended = run_dbt("duckdb", folder, *arguments)
    else:
        with ENGINES[engine].start(folder) as environment:
            ended = run_dbt(ENGINES[engine].target, folder, *arguments, environment=environment)
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-4000:]
    said: dict[str, list[str | None]] = {}
    for row in json.loads(ended.stdout[ended.stdout.index("{") :])["show"]:
        said.setdefault(row["macro"], []).append(row["said"])
    return said


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("macros")


@pytest.mark.parametrize("macro", CASES)
@pytest.mark.parametrize(
    "engine", ["duckdb", pytest.param("sail", marks=pytest.mark.slow), pytest.param("spark", marks=pytest.mark.slow)]
)
def test_a_macro_gives_the_same_on_every_engine(engine: str, macro: str, folder: Path) -> None:
    if engine != "duckdb" and missing(engine):
        pytest.skip(missing(engine))
    said = answers(engine, folder)[macro]
    assert [(sql, found) for (sql, _), found in zip(CASES[macro], said, strict=True)] == CASES[macro]
