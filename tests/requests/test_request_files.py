"""Shards: whole files within the limits, named by what is in them."""

from __future__ import annotations

import stat
from pathlib import Path

from loader.requests.request_files import ShardWriter
from loader.warehouse.ledger import Request


def request(number: int, attempt: int = 1) -> Request:
    return Request(f"id{number}", f"receipt{number}", attempt, 100, 0.0)


def test_a_shard_rolls_at_bytes_and_at_requests(tmp_path: Path) -> None:
    writer = ShardWriter(tmp_path, max_bytes=100, max_requests=3)
    assert writer.fits(1000), "a line that is larger than a shard still gets one of its own"
    writer.add(request(1), [b"x" * 50, b"x" * 10])
    assert writer.fits(40) and not writer.fits(41)
    writer.add(request(2), [b"y"])
    writer.add(request(3), [b"z"])
    assert not writer.fits(0)
    shard = writer.finish()
    assert shard is not None
    assert shard.path.read_bytes() == b"x" * 60 + b"yz"
    assert (shard.byte_count, len(shard.requests)) == (62, 3)
    assert writer.finish() is None


def test_the_same_requests_make_the_same_shard(tmp_path: Path) -> None:
    ids = []
    for numbers in ((1, 2), (2, 1), (1, 3)):
        writer = ShardWriter(tmp_path)
        for number in numbers:
            writer.add(request(number), [b"line\n"])
        shard = writer.finish()
        assert shard is not None
        ids.append(shard.shard_id)
    assert ids[0] == ids[1] != ids[2]


def test_what_is_not_finished_leaves_no_file(tmp_path: Path) -> None:
    writer = ShardWriter(tmp_path)
    writer.add(request(1), [b"line\n"])
    writer.close()
    assert list(tmp_path.iterdir()) == []


def test_a_shard_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    writer = ShardWriter(tmp_path)
    writer.add(request(1), [b"line\n"])
    shard = writer.finish()
    assert shard is not None and stat.S_IMODE(shard.path.stat().st_mode) == 0o600
