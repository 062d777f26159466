"""Planning: each receipt is asked once, in the order of its source, whether it is new, known or offered twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loader.requests import planner as plan
from loader.requests.planner import Planner
from loader.requests.question import Question, receipt_id
from loader.requests.request_files import shard_path
from loader.sources.receipt import Receipt, Source
from loader.warehouse.duckdb_file import Warehouse
from loader.warehouse.ledger import ShardRecord
from tests.bench.data import tiny

QUESTION = Question("mistral-small-2603")


def planned(warehouse: Warehouse, numbers: list[int], max_requests: int = 100) -> tuple[Planner, list[ShardRecord]]:
    """Plan receipts by number; a shard is noted and stays planned."""
    source = Source(
        "test",
        lambda: (Receipt("test", str(place), tiny(number)) for place, number in enumerate(numbers)),
        lambda: len(numbers),
        None,
    )
    planner = Planner(
        warehouse,
        source,
        QUESTION,
        api="test",
        default_currency=None,
        load_id="load",
        directory=warehouse.path.parent / "shards",
        max_shard_requests=max_requests,
    )
    return planner, list(planner.shards())


def file_of(warehouse: Warehouse, shard: ShardRecord) -> Path:
    return shard_path(warehouse.path.parent / "shards", shard.shard_id)


def asked(warehouse: Warehouse, shards: list[ShardRecord]) -> list[str]:
    """The ids in the shards' files, in their order, which must be those that the ledger has of these shards."""
    ids: list[str] = []
    for shard in shards:
        ids += [json.loads(line)["custom_id"] for line in file_of(warehouse, shard).read_bytes().splitlines()]
        with warehouse.transaction() as connection:
            noted = connection.execute(
                "select custom_id from ledger.requests where shard_id = ? order by rowid", [shard.shard_id]
            ).fetchall()
        assert ids[-shard.request_count :] == [custom_id for (custom_id,) in noted]
    return ids


def ids_of(numbers: list[int]) -> list[str]:
    return [QUESTION.custom_id(receipt_id(tiny(number))) for number in numbers]


def test_requests_stand_in_the_order_of_the_source(warehouse: Warehouse) -> None:
    planner, shards = planned(warehouse, list(range(40)), max_requests=15)
    assert asked(warehouse, shards) == ids_of(list(range(40)))
    assert [shard.request_count for shard in shards] == [15, 15, 10]
    assert [shard.byte_count for shard in shards] == [file_of(warehouse, shard).stat().st_size for shard in shards]
    assert (planner.receipts, planner.planned, planner.skipped, planner.rejected) == (40, 40, 0, 0)


@pytest.mark.parametrize("max_requests", [1, 3, 100])
def test_a_receipt_offered_twice_is_asked_once(warehouse: Warehouse, max_requests: int) -> None:
    """The second comes while the first is being prepared, in the open shard, or in one that was just given out."""
    numbers = [0, 0, 1, 2, 0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 2, 12, 13]
    planner, shards = planned(warehouse, numbers, max_requests)
    assert asked(warehouse, shards) == ids_of(list(range(14)))
    assert (planner.planned, planner.skipped) == (14, 6)


def test_a_copy_of_a_receipt_in_a_shard_that_closes_meanwhile_is_not_asked_again(warehouse: Warehouse) -> None:
    """600 closes the shard of the first 0, 1 and 2 while these are looked at again."""
    numbers = [*range(599), 598, 599, 600, 0, 1, 2]
    planner, shards = planned(warehouse, numbers, max_requests=600)
    assert asked(warehouse, shards) == ids_of(list(range(601)))
    assert (planner.planned, planner.skipped) == (601, 4)


def test_known_receipts_among_new_ones_are_not_asked_again(warehouse: Warehouse) -> None:
    planned(warehouse, [3, 4, 5, 11])
    planner, shards = planned(warehouse, [*range(15), 4, 14], max_requests=2)
    assert asked(warehouse, shards) == ids_of([0, 1, 2, 6, 7, 8, 9, 10, 12, 13, 14])
    assert (planner.receipts, planner.planned, planner.skipped) == (17, 11, 6)


def test_every_receipt_is_noted_with_its_place(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "UNCOMMITTED_RECEIPTS", 7)
    planned(warehouse, [0, 1, 2])
    planned(warehouse, [*range(20), 3])
    with warehouse.transaction() as connection:
        rows = connection.execute("select distinct source_key::integer from raw.receipts order by 1").fetchall()
        (receipts,) = connection.execute("select count(distinct receipt_id) from raw.receipts").fetchone() or (0,)
    assert [key for (key,) in rows] == list(range(21))
    assert receipts == 20
