"""A folder that grows: what is known and has not changed is not read again, and the counts are as if it were."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from loader.requests import known, planner
from loader.requests.estimate import estimate
from loader.requests.images import ImagePolicy, PreparedImage
from loader.requests.pictures import RejectedImage
from loader.requests.planner import Planner
from loader.requests.question import Question
from loader.sources import mails, zips
from loader.sources.contents import ArchiveFile
from loader.sources.folder import file_version
from loader.sources.open_source import open_source
from loader.sources.receipt import Image
from loader.warehouse.duckdb_file import Warehouse
from tests.bench.data import tiny
from tests.helpers.archives import mail, zipped
from tests.helpers.opened_files import opened_in
from tests.helpers.warehouses import rows

QUESTION = Question("mistral-small-2603")
YEAR = 365 * 86_400


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """Four images and one that is none, written long enough ago to be known."""
    folder = tmp_path / "inbox"
    folder.mkdir()
    for number in range(4):
        (folder / f"{number}.jpg").write_bytes(tiny(number))
    (folder / "none.jpg").write_bytes(b"no image")
    settle()
    return folder


def settle() -> None:
    """Let the tick pass in which files were written."""
    time.sleep(0.08)


def load(
    warehouse: Warehouse, folder: Path, question: Question = QUESTION, *, rehash: bool = False, currency: str = "EUR"
) -> tuple[list[str], dict[str, int]]:
    """Plan the folder's receipts: the files that were read, in order, and the counts."""
    plan = Planner(
        warehouse,
        open_source(str(folder)),
        question,
        api="test",
        default_currency=currency,
        load_id="load",
        directory=warehouse.path.parent / "shards",
        rehash=rehash,
    )
    with opened_in(folder) as opened:
        list(plan.shards())
    counted = {"planned": plan.planned, "skipped": plan.skipped, "rejected": plan.rejected}
    assert sum(counted.values()) == plan.receipts
    return sorted(opened), counted


ALL = ["0.jpg", "1.jpg", "2.jpg", "3.jpg", "none.jpg"]
FIRST = {"planned": 4, "skipped": 0, "rejected": 1}
AGAIN = {"planned": 0, "skipped": 4, "rejected": 1}


def test_a_second_load_reads_nothing_and_counts_the_same(warehouse: Warehouse, inbox: Path) -> None:
    assert load(warehouse, inbox) == (ALL, FIRST)
    noted = rows(warehouse, "from raw.receipts order by all")
    assert load(warehouse, inbox) == ([], AGAIN)
    assert rows(warehouse, "from raw.receipts order by all") == noted
    assert load(warehouse, inbox, rehash=True) == (ALL, AGAIN)


def test_what_came_since_is_read(warehouse: Warehouse, inbox: Path) -> None:
    load(warehouse, inbox)
    (inbox / "2b.jpg").write_bytes(tiny(9))
    (inbox / "copy.jpg").write_bytes(tiny(1))
    settle()
    assert load(warehouse, inbox) == (["2b.jpg", "copy.jpg"], {"planned": 1, "skipped": 5, "rejected": 1})
    assert load(warehouse, inbox) == ([], {"planned": 0, "skipped": 6, "rejected": 1})


def test_what_is_in_archives_is_known_too(warehouse: Warehouse, inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive is listed by every load; of what is in it only that is read which is not known."""
    read: list[str] = []
    for module in (zips, mails):
        monkeypatch.setattr(module, "_read", partial(_read_and_noted, module._read, read))
    (inbox / "a.zip").write_bytes(zipped({"x.jpg": tiny(11), "y.jpg": tiny(12)}))
    (inbox / "m.eml").write_bytes(mail(("z.jpg", tiny(13))).as_bytes())
    settle()
    assert load(warehouse, inbox)[1] == {"planned": 7, "skipped": 0, "rejected": 1}
    assert sorted(read) == ["a.zip", "a.zip", "m.eml"]
    read.clear()
    assert load(warehouse, inbox)[1] == {"planned": 0, "skipped": 7, "rejected": 1}
    assert read == []
    (inbox / "a.zip").write_bytes(zipped({"x.jpg": tiny(11), "y.jpg": tiny(14)}))
    settle()
    assert load(warehouse, inbox)[1] == {"planned": 1, "skipped": 6, "rejected": 1}
    assert read == ["a.zip", "a.zip"]


def _read_and_noted(read: Callable[..., Image], noted: list[str], archive: ArchiveFile, *more: object) -> Image:
    noted.append(archive.key)
    return read(archive, *more)


def keep_times(path: Path, change: Callable[[], object]) -> None:
    """Carry out a change that leaves the file's size and date as they were."""
    before = path.stat()
    change()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size


def replaced(folder: Path) -> None:
    keep_times(
        folder / "1.jpg", lambda: ((folder / "new").write_bytes(OTHER), (folder / "new").replace(folder / "1.jpg"))
    )


def swapped(folder: Path) -> None:
    (folder / "1.jpg").rename(folder / "x")
    (folder / "2.jpg").rename(folder / "1.jpg")
    (folder / "x").rename(folder / "2.jpg")


OTHER = tiny(1)[:-3] + b"x" + tiny(1)[-2:]  # of the same size
CHANGES: dict[str, tuple[Callable[[Path], object], list[str], int]] = {
    "longer": (lambda folder: (folder / "1.jpg").write_bytes(tiny(1) + b"\0"), ["1.jpg"], 1),
    "of the same size": (lambda folder: (folder / "1.jpg").write_bytes(OTHER), ["1.jpg"], 1),
    "in place, its date kept": (
        lambda folder: keep_times(folder / "1.jpg", lambda: (folder / "1.jpg").write_bytes(OTHER)),
        ["1.jpg"],
        1,
    ),
    "replaced, its date kept": (replaced, ["1.jpg"], 1),
    "swapped": (swapped, ["1.jpg", "2.jpg"], 0),
    "touched": (lambda folder: (folder / "1.jpg").touch(), ["1.jpg"], 0),
    "renamed": (lambda folder: (folder / "1.jpg").rename(folder / "1b.jpg"), ["1b.jpg"], 0),
    "gone": (lambda folder: (folder / "1.jpg").unlink(), [], 0),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changed_is_read_again(warehouse: Warehouse, inbox: Path, change: str) -> None:
    alter, read, new = CHANGES[change]
    load(warehouse, inbox)
    alter(inbox)
    settle()
    opened, counted = load(warehouse, inbox)
    assert (opened, counted["planned"]) == (read, new)
    assert load(warehouse, inbox)[0] == []


def test_a_file_of_this_moment_is_not_taken_for_known(warehouse: Warehouse, inbox: Path) -> None:
    """It may change once more within the tick of the clock by which it is dated."""
    (inbox / "new.jpg").write_bytes(tiny(8))
    [status] = [(inbox / "new.jpg").stat()]
    assert file_version(status) is None
    settle()
    assert file_version((inbox / "new.jpg").stat()) is not None


@pytest.mark.parametrize(
    ("written", "changed", "is_known"),
    [
        (-YEAR, -YEAR, True),
        (YEAR, -YEAR, True),  # a camera whose clock is wrong
        (0, -YEAR, False),
        (0.5, -YEAR, False),  # a clock that was set back a little
        (-YEAR, 0, False),
        (-YEAR, YEAR, False),  # a server whose clock is ahead
        (-0.5, -0.5, True),
        (-1, -1, "not where seconds are all that is kept"),
        (-3, -3, True),
    ],
)
def test_which_times_tell_versions_apart(written: float, changed: float, is_known: bool | str) -> None:
    def status(is_coarse: bool) -> os.stat_result:
        now = time.time_ns()
        times = [now + round(seconds * 1e9) for seconds in (written, changed)]
        times = [at // 10**9 * 10**9 if is_coarse else at | 1 for at in times]
        whole = [at // 10**9 for at in times]
        return os.stat_result(
            (0o100644, 1, 1, 1, 0, 0, 5, 0, *whole), {"st_mtime_ns": times[0], "st_ctime_ns": times[1]}
        )

    assert (file_version(status(is_coarse=False)) is not None) == bool(is_known)
    if isinstance(is_known, str):
        assert file_version(status(is_coarse=True)) is None


def test_a_file_is_known_only_once_its_receipt_is_noted(
    warehouse: Warehouse, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a load is killed half way."""
    monkeypatch.setattr(planner, "UNCOMMITTED_RECEIPTS", 2)
    plan = Planner(
        warehouse,
        open_source(str(inbox)),
        QUESTION,
        api="test",
        default_currency=None,
        load_id="load",
        directory=warehouse.path.parent / "shards",
        max_shard_requests=3,
    )
    next(plan.shards())
    noted = [key for (key,) in rows(warehouse, "select source_key from raw.receipts order by 1")]
    assert [
        Path(str(at)).name for (at,) in rows(warehouse, "select location from ledger.known_files order by 1")
    ] == noted
    assert 0 < len(noted) < len(ALL)
    opened, counted = load(warehouse, inbox)
    assert set(ALL) - set(noted) <= set(opened)
    assert counted == {"planned": 1, "skipped": 3, "rejected": 1}


def test_a_known_receipt_that_is_to_be_asked_is_read(warehouse: Warehouse, inbox: Path) -> None:
    load(warehouse, inbox)
    with warehouse.transaction() as connection:
        connection.execute("update ledger.requests set state = 'failed'")
    assert load(warehouse, inbox) == (ALL[:4], FIRST)


def test_what_other_rules_rejected_is_looked_at_again(
    warehouse: Warehouse, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(warehouse, inbox)
    monkeypatch.setattr(known, "rules", lambda: "of another version")
    assert load(warehouse, inbox) == (["none.jpg"], AGAIN)
    assert load(warehouse, inbox) == ([], AGAIN)
    assert load(warehouse, inbox, Question("mistral-small-2603", policy=ImagePolicy(max_side=1540))) == (
        ["none.jpg"],
        AGAIN,
    )


def test_what_was_rejected_for_a_reason_that_may_pass_is_looked_at_again(
    warehouse: Warehouse, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PDF that took too long on a busy machine, say."""

    def too_slow(data: bytes, policy: ImagePolicy) -> tuple[PreparedImage, ...]:
        raise RejectedImage("PDF: it takes longer than 60 seconds to read", may_pass=True)

    with monkeypatch.context() as patched:
        patched.setattr(planner, "prepare", too_slow)
        assert load(warehouse, inbox) == (ALL, {"planned": 0, "skipped": 0, "rejected": 5})
    assert load(warehouse, inbox) == (ALL[:-1], FIRST)


def test_the_rules_are_those_of_the_code() -> None:
    assert len(known.rules()) == 16


def test_a_file_of_several_names_is_known_by_each(warehouse: Warehouse, inbox: Path) -> None:
    (inbox / "link.jpg").symlink_to(inbox / "1.jpg")
    (inbox / "hard.jpg").hardlink_to(inbox / "2.jpg")
    (inbox.parent / "another").symlink_to(inbox)
    settle()
    load(warehouse, inbox)
    assert load(warehouse, inbox) == ([], {"planned": 0, "skipped": 6, "rejected": 1})
    opened, counted = load(warehouse, inbox.parent / "another")
    assert (opened, counted) == ([], {"planned": 0, "skipped": 6, "rejected": 1})
    (inbox / "link.jpg").unlink()
    (inbox / "link.jpg").symlink_to(inbox / "3.jpg")
    assert load(warehouse, inbox)[0] == []


def test_another_currency_is_noted_without_reading(warehouse: Warehouse, inbox: Path) -> None:
    load(warehouse, inbox)
    assert load(warehouse, inbox, currency="MYR") == ([], AGAIN)
    noted = (
        "select source_key, default_currency, media_type, image_bytes, rejected_reason from raw.receipts order by all"
    )
    found = rows(warehouse, noted)
    assert len(found) == 10
    assert {row[:1] + row[2:] for row in found if row[1] == "MYR"} == {
        row[:1] + row[2:] for row in found if row[1] == "EUR"
    }


def test_a_dry_run_reads_nothing_that_is_known(warehouse: Warehouse, inbox: Path) -> None:
    load(warehouse, inbox)
    with opened_in(inbox) as opened:
        expected = estimate(warehouse, open_source(str(inbox)), QUESTION)
    assert (opened, expected.already_asked, expected.rejected, expected.requests) == ([], 4, 1, 0)


@pytest.mark.parametrize("at_once", [1, 2, 3, 100])
def test_receipts_stay_in_order_however_many_are_looked_up(
    warehouse: Warehouse, inbox: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(known, "AT_ONCE", at_once)
    load(warehouse, inbox)
    (inbox / "0b.jpg").write_bytes(tiny(9))
    found = list(known.Lookup(warehouse, QUESTION.policy).beside(open_source(str(inbox))))
    assert [receipt.source_key for receipt, _ in found] == ["0.jpg", "0b.jpg", *ALL[1:]]
    assert [file is not None for _, file in found] == [True, False, True, True, True, True]
