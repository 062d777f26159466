"""The ledger: a shard's way from planned to landed, and what became of each of its requests."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb

from loader.warehouse import ledger
from loader.warehouse.duckdb_file import Warehouse
from loader.warehouse.ledger import Request, Shard, ShardRecord
from loader.warehouse.raw import append_output
from tests.helpers.answers import answer_line, jsonl
from tests.helpers.warehouses import rows

STATES = "select custom_id, state from ledger.requests order by custom_id"
ITEM = {"name": "Tea", "price": "1.20", "classification": "Beverage"}


def plan(connection: duckdb.DuckDBPyConnection, shard_id: str = "shard", load_id: str = "load") -> ShardRecord:
    """A shard of five requests, of which each is estimated to cost a cent."""
    requests = tuple(Request(f"{shard_id}-{number}", f"receipt-{number}", 1, 4096, 0.01) for number in range(5))
    shard = Shard(shard_id, Path("unused"), 10, requests)
    return ledger.plan_shard(connection, shard, api="api", model="m", prompt_id="p", style="s", load_id=load_id)


def test_a_shard_is_unfinished_until_it_has_landed(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        planned = plan(connection)
        assert ledger.unfinished_shards(connection) == [planned]
        ledger.note_state(connection, "shard", "uploaded", input_file_id="file")
        ledger.note_state(connection, "shard", "creating")
        [creating] = ledger.unfinished_shards(connection)
        assert (creating.state, creating.input_file_id, creating.job_id) == ("creating", "file", None)
        assert ledger.pending_requests(connection, "api") == 5 and ledger.pending_requests(connection, "other") == 0
        ledger.note_submitted(connection, creating, "job")
        [submitted] = ledger.unfinished_shards(connection)
        assert (submitted.state, submitted.job_id, submitted.expires_at is None) == ("submitted", "job", False)
        ledger.settle(connection, "shard", "job")
        assert ledger.unfinished_shards(connection) == [] and ledger.pending_requests(connection, "api") == 0


def test_requests_stand_in_raw_once_their_job_is_known(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        planned = plan(connection)
    assert rows(warehouse, "select count(*) from raw.batch_requests") == [(0,)]
    with warehouse.transaction() as connection:
        ledger.note_submitted(connection, planned, "job")
    noted = "select custom_id, receipt_id, model, prompt_id, shard_id, attempt, max_tokens, load_id"
    assert rows(warehouse, f"{noted} from raw.batch_requests order by 1 limit 1") == [
        ("shard-0", "receipt-0", "m", "p", "shard", 1, 4096, "load")
    ]
    assert rows(warehouse, "select distinct state from ledger.requests") == [("sent",)]


def test_what_became_of_each_request_is_noted_by_its_best_line(warehouse: Warehouse, tmp_path: Path) -> None:
    good = json.dumps({"items": [ITEM]})
    lines = [
        answer_line("shard-0", good),
        answer_line("shard-1", good[:20], finish_reason="length"),
        answer_line("shard-2", "I cannot read this."),
        answer_line("shard-3", response=None, error="overloaded"),
        answer_line("shard-0", response=None, error="overloaded"),
        answer_line("somebody else's", good),
    ]
    (tmp_path / "lines").write_text(jsonl(*lines))
    with warehouse.transaction() as connection:
        ledger.note_submitted(connection, plan(connection), "job")
        append_output(connection, "job", "file", "output", tmp_path / "lines", "load")
        counts = ledger.settle(connection, "shard", "job")
        assert counts == dict.fromkeys(("answered", "truncated", "unreadable", "failed", "missing"), 1)
        assert ledger.missing_requests(connection, "shard") == ["shard-4"]
        assert ledger.landed_files(connection, ["file", "another"]) == {"file"}
        assert ledger.judged_otherwise(connection) == []
        ledger.note_without_line(connection, "shard", "cancelled")
    states = ["answered", "truncated", "unreadable", "failed", "cancelled"]
    assert rows(warehouse, STATES) == [(f"shard-{number}", state) for number, state in enumerate(states)]


def test_a_shard_that_is_abandoned_leaves_nothing(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        plan(connection, "kept")
        plan(connection, "shard")
        ledger.abandon(connection, "shard")
    assert rows(warehouse, "select shard_id from ledger.shards") == [("kept",)]
    assert rows(warehouse, "select distinct shard_id from ledger.requests") == [("kept",)]


def test_a_load_costs_what_was_processed_for_it(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        for shard_id in ("answered", "failed as a whole"):
            plan(connection, shard_id)
        plan(connection, "of another load", "other")
        connection.execute("update ledger.requests set state = 'unprocessed' where shard_id = 'failed as a whole'")
        assert round(ledger.estimated_cost_usd(connection, "load"), 9) == 0.05
        assert ledger.estimated_cost_usd(connection, "never begun") == 0
