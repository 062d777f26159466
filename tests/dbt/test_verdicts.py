"""The loader and dbt judge every line alike: what the ledger says of a request is what its answer is in the marts."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import duckdb
import pytest

from loader.warehouse import dbt_sql, ledger, verdicts
from loader.warehouse.duckdb_file import Warehouse
from tests.dbt.build import dbt_or_fail
from tests.dbt.corpus import ITEMS
from tests.dbt.raw_tables import RawTables, answer_line

AS_STATE = {"extracted": "answered", "empty": "answered"}
# Contents of a line and how it ended: one request may get any two of these.
KINDS = {
    "good": (f'{{"items": {ITEMS}}}', "stop"),
    "empty": ('{"items": []}', "stop"),
    "cut off": (f'{{"items": {ITEMS[:-20]}', "length"),
    "cut off at once": ("", "length"),
    "prose": ("no receipt", "stop"),
    "gave up": ("", "error"),
}


ENDED = "select shard_id, job_id from intermediate.int_batch_jobs__latest where is_terminal"


def settled(path: Path, jobs: str = "select shard_id, job_id from raw.batch_jobs") -> list[tuple[str, str, str]]:
    """(job, custom_id, state) of all requests, as the ledger settles them."""
    with Warehouse(path).transaction() as connection:
        connection.execute(
            """
            insert into ledger.requests
            select custom_id, attempt, shard_id, receipt_id, coalesce(model, '?'), 1, 'sent' from raw.batch_requests
            """
        )
        for shard_id, job_id in connection.execute(jobs).fetchall():
            ledger.settle(connection, shard_id, job_id)
        return connection.execute(
            "select shard_id, custom_id, state from ledger.requests where state <> 'sent' order by all"
        ).fetchall()


def in_the_marts(path: Path) -> list[tuple[str, str, str]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(
            """
            select requests.shard_id, answers.custom_id, answers.status
            from intermediate.int_answers__matched as answers
            inner join staging.stg_loader__batch_requests as requests on answers.answer_id = requests.answer_id
            where answers.status <> 'pending'
            order by all
            """
        ).fetchall()


def as_states(rows: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    return sorted((shard, custom_id, AS_STATE.get(status, status)) for shard, custom_id, status in rows)


def test_every_answer_of_the_corpus_is_judged_as_dbt_judges_it(built_corpus: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.duckdb"
    copy.write_bytes(built_corpus.read_bytes())
    expected = as_states(in_the_marts(copy))
    found = [row for row in settled(copy, ENDED) if row[:2] in {(shard, custom_id) for shard, custom_id, _ in expected}]
    assert len(found) > 200 and found == expected


def test_of_two_lines_for_a_request_the_same_one_counts(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    with RawTables(path) as raw:
        pairs = list(itertools.product(KINDS, KINDS))
        ids = [f"{first}, {second}" for first, second in pairs]
        raw.receipts(ids)
        raw.requests("shard", dict(zip(ids, ids, strict=True)))
        raw.job("job", "shard")
        for number, kind in enumerate(("output", "error")):
            lines = [
                answer_line(", ".join(pair), KINDS[pair[number]][0], finish_reason=KINDS[pair[number]][1])
                for pair in pairs
            ]
            raw.lines("job", f"file-{kind}", lines, kind=kind)
    untested = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
    dbt_or_fail("build", "--select", "+int_answers__matched", *untested, warehouse=path)
    assert settled(path) == as_states(in_the_marts(path))


def test_a_model_renders_without_dbt_and_what_it_reads_must_be_known() -> None:
    sql = dbt_sql.render("int_output_lines__read", {"raw.batch_output": "landed"})
    assert "from landed" in sql and "{{" not in sql
    with pytest.raises(LookupError, match=r"raw\.batch_requests, and no relation"):
        dbt_sql.render("stg_loader__batch_requests", {"raw.receipts": "receipts"})


def test_rules_are_other_ones_when_their_sql_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not by a comment, nor by a macro that judges nothing."""
    caches = (dbt_sql._names, verdicts._select, verdicts.best_lines, verdicts.rules)

    def rules() -> str:
        for cache in caches:
            cache.cache_clear()
        return verdicts.rules()

    project = Path(shutil.copytree(dbt_sql.PROJECT / "macros", tmp_path / "macros")).parent
    shutil.copytree(dbt_sql.PROJECT / "models", project / "models")
    monkeypatch.setattr(dbt_sql, "PROJECT", project)
    monkeypatch.setattr(dbt_sql, "MACROS", project / "macros")
    before = rules()
    try:
        other = project / "macros" / "spend_by.sql"
        other.write_text("{# a note #}" + other.read_text())
        assert rules() == before
        macro = project / "macros" / "search_answers.sql"
        macro.write_text(macro.read_text().replace("from compared", "from compared where true"))
        assert rules() != before
    finally:
        for cache in caches:
            cache.cache_clear()


def test_many_and_long_lines_are_judged_within_the_loader_s_memory(tmp_path: Path) -> None:
    """Answers of 6 KB, more of them than can be parsed at once; some of 3 MB, and one that no model can have given."""
    long = ITEMS.replace("Tea", "T" * 60)[1:-1]
    contents = {f"usual-{number}": f'{{"items": [{", ".join([long] * 30)}]}}' for number in range(3000)}
    contents |= {f"long-{number}": f'{{"items": [{", ".join([long] * 9000)}]}}' for number in range(3)}
    contents["absurd"] = f'{{"items": [{", ".join([long] * 90_000)}]}}'
    path = tmp_path / "w.duckdb"
    with RawTables(path) as raw:
        raw.requests("shard", {custom_id: custom_id for custom_id in contents})
        raw.job("job", "shard")
        raw.lines("job", "file", [answer_line(custom_id, content) for custom_id, content in contents.items()])
    assert {(custom_id, state) for _, custom_id, state in settled(path) if state != "answered"} == {
        ("absurd", "unreadable")
    }
