"""A second opinion is asked of what does not add up, and of nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from loader.errors import WarehouseError
from loader.requests.question import Question
from loader.warehouse.duckdb_file import Warehouse
from loader.warehouse.recheck import doubtful_receipts
from tests.helpers.warehouses import change, empty_warehouse

RECONCILED = {
    "balanced": ("balanced", "extracted"),
    "off": ("off", "extracted"),
    "unknown": ("unknown", "extracted"),
    "unreadable": ("unknown", "unreadable"),
    "cut off": ("off", "truncated"),
    "empty": ("unknown", "empty"),
    "of another source": ("off", "extracted"),
    "asked before": ("off", "extracted"),
    "being asked with another question": ("off", "extracted"),
    "duplicate": ("off", "duplicate"),
    "replaced": ("off", "replaced"),
    "accepted by a person": ("off", "extracted"),
    "taken back by a person": ("off", "extracted"),
}
IDS = {name: f"{number:064x}" for number, name in enumerate(RECONCILED)}
MODEL = "mistral-large-2512"


def built(path: Path, landed_at: str) -> Path:
    """A warehouse with what dbt says of its receipts."""
    empty_warehouse(path)
    receipts = ", ".join(
        f"('{IDS[name]}', '{'b' if name == 'of another source' else 'a'}', '{reconciliation}', '{status}')"
        for name, (reconciliation, status) in RECONCILED.items()
    )
    change(
        path,
        "create schema marts",
        "create schema audit",
        "create table marts.receipts (receipt_id varchar, source varchar, reconciliation varchar, status varchar)",
        f"insert into marts.receipts values {receipts}",
        "create table audit.build_results (kind varchar, started_at timestamp)",
        "insert into audit.build_results values ('model', '2026-03-01 12:00:00')",
        f"""insert into raw.batch_output (job_id, file_id, file_kind, line_number, line, load_id, landed_at)
        values ('j', 'f', 'output', 1, '', 'l', '{landed_at}')""",
        *(
            f"""insert into ledger.requests by name
            select 's' as shard_id, '{name}' as custom_id, '{IDS[name]}' as receipt_id, '{MODEL}' as model,
                1 as attempt, 100 as max_tokens, '{state}' as state"""
            for name, state in (("asked before", "answered"), ("being asked with another question", "sent"))
        ),
        f"""insert into raw.corrections by name
        select * from (values
            ('1', '{IDS["accepted by a person"]}', 'accepted', null),
            ('2', '{IDS["taken back by a person"]}', 'accepted', null),
            ('3', '{IDS["taken back by a person"]}', 'withdraw', '2')
        ) as corrections (correction_id, receipt_id, field, value),
        (select 'ann' as corrected_by, timestamp '2026-03-01' as corrected_at)""",
    )
    return path


@pytest.mark.parametrize(("landed_at", "is_stale"), [("2026-03-01 11:00:00", False), ("2026-03-01 13:00:00", True)])
def test_only_what_does_not_add_up_or_could_not_be_read(tmp_path: Path, landed_at: str, is_stale: bool) -> None:
    warehouse = Warehouse(built(tmp_path / "w.duckdb", landed_at))
    with warehouse.transaction() as connection:
        doubtful = doubtful_receipts(connection, "a", MODEL)
        decisions = Question(MODEL, again=True, only=doubtful.receipt_ids).decisions(connection)
    assert doubtful.is_stale is is_stale
    asked = {name for name, receipt_id in IDS.items() if decisions[receipt_id] is not None}
    assert asked == {"off", "unreadable", "cut off", "empty", "taken back by a person"}
    assert doubtful.receipt_ids == {IDS[name] for name in asked}


def test_without_a_build_it_says_what_to_do(tmp_path: Path) -> None:
    warehouse = empty_warehouse(tmp_path / "w.duckdb")
    with warehouse.transaction() as connection, pytest.raises(WarehouseError, match="make build"):
        doubtful_receipts(connection, "a", MODEL)
