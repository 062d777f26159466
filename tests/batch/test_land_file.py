"""Files landed by hand: they bring their own ids, and landing them again adds nothing."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from loader.batch.land_file import land_file
from loader.errors import SourceError
from loader.requests.question import Question, receipt_id
from loader.warehouse import ledger
from loader.warehouse.decisions import Decision
from loader.warehouse.duckdb_file import Warehouse
from loader.warehouse.raw import append_job
from tests.helpers.answers import answer_line, jsonl
from tests.helpers.warehouses import rows


def write(path: Path, *lines: Any) -> Path:
    path.write_text(jsonl(*lines))
    return path


def test_each_id_becomes_a_receipt_and_a_request(warehouse: Warehouse, tmp_path: Path) -> None:
    path = write(
        tmp_path / "output.jsonl",
        answer_line("0", model="an-alias"),
        answer_line("1", model="an-alias"),
        "not json",
        answer_line("1", "again", model="an-alias"),
        "",
    )
    landed = land_file(warehouse, path, "IDR", "load1")
    assert (landed.lines, landed.requests) == (5, 2)
    receipts = rows(warehouse, "select source, source_key, currency from raw.receipts order by source_key")
    assert receipts == [("output.jsonl", "0", "IDR"), ("output.jsonl", "1", "IDR")]
    requests = rows(warehouse, "select custom_id, model, attempt, shard_id from raw.batch_requests order by 1")
    assert requests == [(key, "an-alias", 1, landed.file_id) for key in ("0", "1")]
    ((job,),) = rows(warehouse, "select job from raw.batch_jobs")
    assert json.loads(job) | {"created_at": 0, "completed_at": 0} == json.loads(job) | {
        "created_at": 0, "completed_at": 0, "id": landed.file_id, "status": "SUCCESS", "output_file": landed.file_id,
        "total_requests": 2, "succeeded_requests": 2, "failed_requests": 0,
    }  # fmt: skip


def test_landing_again_adds_no_line_and_corrects_the_currency(warehouse: Warehouse, tmp_path: Path) -> None:
    path = write(tmp_path / "output.jsonl", answer_line("0"), answer_line("1"))
    land_file(warehouse, path, None, "load1")
    assert land_file(warehouse, path, None, "load2").lines == 0
    changed = land_file(warehouse, path, "IDR", "load3")
    assert (changed.lines, changed.currency_changed) == (0, 2)
    again = land_file(warehouse, path, None, "load4")
    assert again.currency_changed == 0, "not naming a currency must not take one away"
    assert rows(warehouse, "select count(*) from raw.batch_output") == [(2,)]
    assert rows(warehouse, "select count(*) from raw.batch_requests") == [(2,)]
    latest = rows(warehouse, "select source_key, arg_max(currency, loaded_at) from raw.receipts group by 1 order by 1")
    assert latest == [("0", "IDR"), ("1", "IDR")]


def test_the_setting_stays_apart_from_a_correction(warehouse: Warehouse, tmp_path: Path) -> None:
    path = write(tmp_path / "output.jsonl", answer_line("0"))
    said = [  # --currency and the setting -> both as the latest row has them
        (None, None, (None, None)),
        (None, "MYR", (None, "MYR")),
        ("IDR", None, ("IDR", "MYR")),
        (None, "SGD", ("IDR", "SGD")),
        (None, None, ("IDR", "SGD")),
        ("EUR", "SGD", ("EUR", "SGD")),
    ]
    for number, (currency, default_currency, expected) in enumerate(said):
        land_file(warehouse, path, currency, f"load{number}", default_currency)
        query = "select currency, default_currency from raw.receipts order by loaded_at desc limit 1"
        assert rows(warehouse, query) == [expected], number


def test_two_files_with_the_same_ids_stay_apart(warehouse: Warehouse, tmp_path: Path) -> None:
    land_file(warehouse, write(tmp_path / "a.jsonl", answer_line("0", "one")), None, "load1")
    land_file(warehouse, write(tmp_path / "b.jsonl", answer_line("0", "two")), None, "load2")
    assert rows(warehouse, "select count(distinct receipt_id), count(distinct shard_id) from raw.batch_requests") == [
        (2, 2)
    ]


def test_a_copy_of_landed_lines_in_another_file_leaves_nothing(warehouse: Warehouse, tmp_path: Path) -> None:
    land_file(warehouse, write(tmp_path / "a.jsonl", answer_line("0"), answer_line("1")), None, "load1")
    copy = write(tmp_path / "b.jsonl", answer_line("1"), "")
    landed = land_file(warehouse, copy, None, "load2")
    assert (landed.lines, landed.known, landed.requests) == (0, 1, 0)
    assert rows(warehouse, "select count(*) from raw.batch_output") == [(2,)]
    assert rows(warehouse, "select distinct load_id from raw.loads") == [("load1",)]


def test_an_answer_to_a_request_of_the_loader_joins_its_receipt(warehouse: Warehouse, tmp_path: Path) -> None:
    with warehouse.transaction() as connection:
        connection.execute(
            "insert into raw.batch_requests values ('c1', 'r1', 'm', 'p', 'shard', 1, 10, 'load0', now()::timestamp)"
        )
        connection.execute("insert into ledger.requests values ('c1', 1, 'shard', 'r1', 'm', 10, 'missing')")
    land_file(warehouse, write(tmp_path / "console.jsonl", answer_line("c1")), None, "load1")
    requests = rows(warehouse, "select receipt_id, model, prompt_id, attempt from raw.batch_requests order by attempt")
    assert requests == [("r1", "m", "p", 1), ("r1", "m", "p", 2)]
    assert rows(warehouse, "select attempt, state from ledger.requests order by attempt") == [
        (1, "missing"),
        (2, "answered"),
    ]
    assert rows(warehouse, "select count(*) from raw.receipts") == [(0,)]


def test_answers_of_a_job_that_will_be_fetched_are_refused_until_it_has_landed(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    with warehouse.transaction() as connection:
        connection.execute(
            "insert into ledger.shards "
            "values ('shard', 'h', 'm', 'p', 's', 'l', 'submitted', 1, 1, 0, 'f', 'the-job', null, now())"
        )
        connection.execute("insert into ledger.requests values ('c1', 1, 'shard', 'r1', 'm', 10, 'sent')")
    path = write(tmp_path / "console.jsonl", answer_line("another's"), answer_line("c1"))
    with pytest.raises(SourceError, match=r"1 of its lines answer job the-job, which has not landed yet: run `loader"):
        land_file(warehouse, path, None, "load1")
    assert rows(warehouse, "select count(*) from raw.batch_output") == [(0,)]
    with warehouse.transaction() as connection:
        ledger.settle(connection, "shard", "the-job")  # as when it is given up
    assert land_file(warehouse, path, None, "load2").lines == 2


@pytest.mark.parametrize("content", ["", "\n\n", "hello\n", '{"custom_id": "1"}\n', "[1]\n", '{"response": 1}\n'])
def test_a_file_that_is_no_batch_output_is_refused(warehouse: Warehouse, tmp_path: Path, content: str) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(content)
    with pytest.raises(SourceError, match="is not batch output"):
        land_file(warehouse, path, None, "load1")
    assert rows(warehouse, "select count(*) from raw.loads") == [(0,)]


def test_a_missing_file_is_named(warehouse: Warehouse, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        land_file(warehouse, tmp_path / "none.jsonl", None, "load1")


def test_marks_and_empty_errors_do_not_make_an_answer_a_failure(warehouse: Warehouse, tmp_path: Path) -> None:
    lines = [
        "\ufeff" + json.dumps(answer_line("0")),
        "\u00a0 " + json.dumps(answer_line("1")),
        answer_line("2", error={}),
        answer_line("3", error=""),
    ]
    landed = land_file(warehouse, write(tmp_path / "odd.jsonl", *lines, answer_line("4", error="busy")), None, "load1")
    assert landed.requests == 5
    ((job,),) = rows(warehouse, "select job from raw.batch_jobs")
    assert (json.loads(job)["succeeded_requests"], json.loads(job)["failed_requests"]) == (4, 1)


def test_a_cut_off_answer_landed_by_hand_is_asked_again_with_more_tokens(warehouse: Warehouse, tmp_path: Path) -> None:
    question, receipt = Question("m"), receipt_id(b"an image")
    custom_id = question.custom_id(receipt)
    with warehouse.transaction() as connection:
        connection.execute(
            "insert into raw.batch_requests values (?, ?, 'm', ?, 'shard', 1, 10, 'load0', now()::timestamp)",
            [custom_id, receipt, question.prompt_id],
        )
        connection.execute(
            "insert into ledger.requests values (?, 1, 'shard', ?, 'm', 4096, 'missing')", [custom_id, receipt]
        )
    cut = answer_line(custom_id, '{"items": [{"name": "Tea", "price": "1', finish_reason="length")
    land_file(warehouse, write(tmp_path / "cut.jsonl", cut), None, "load1")
    with warehouse.transaction() as connection:
        decision = question.decisions(connection)[receipt]
    assert decision == Decision(attempt=3, truncated_at=4096)


def test_a_job_of_a_file_landed_by_hand_ended_now_in_any_time_zone(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        land_file(warehouse, write(tmp_path / "a.jsonl", answer_line("0")), None, "load1")
    finally:
        monkeypatch.undo()
        time.tzset()
    ((ended,),) = rows(warehouse, "select (job::json->>'completed_at')::bigint from raw.batch_jobs")
    assert abs(ended - time.time()) < 60


def test_a_job_of_a_file_landed_by_hand_is_the_latest_one_also_of_a_server_whose_clock_is_ahead(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    days_ahead = int(time.time()) + 3 * 86_400
    with warehouse.transaction() as connection:
        append_job(connection, {"id": "job", "created_at": days_ahead}, "shard")
        append_job(connection, {"id": "odd", "created_at": "soon"}, "shard")
    landed = land_file(warehouse, write(tmp_path / "a.jsonl", answer_line("0")), None, "load1")
    query = f"select (job::json->>'created_at')::bigint from raw.batch_jobs where job_id = '{landed.file_id}'"
    assert rows(warehouse, query) == [(days_ahead,)]
