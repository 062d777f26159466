"""A disk that is full while a load writes: one clear line, nothing half-landed, and the next load heals it.

The work folder and the warehouse stand on a small tmpfs that is filled up; mounting needs root (CI has it).
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.fault_proxy import FaultProxy
from tests.helpers.fault_runs import RECEIPTS, LoaderRuns

DISK_BYTES = 12_000_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(place)], capture_output=True, check=False
    ) if os.geteuid() == 0 else None  # fmt: skip
    if mounted is None or mounted.returncode:
        pytest.skip("a small disk can be mounted by root only")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def fill(disk: Path, leave: int) -> Path:
    """Fill the disk up to `leave` bytes."""
    filler = disk / "filler"
    space = os.statvfs(disk)
    filler.write_bytes(b"\0" * (space.f_bavail * space.f_frsize - leave))
    return filler


@pytest.fixture
def on_small_disk(runs: LoaderRuns, small_disk: Path) -> LoaderRuns:
    runs.warehouse = small_disk / "w.duckdb"
    code, said = runs.run("load", "--receipts", "samples", "--limit", "1", "--dry-run")  # makes the warehouse
    assert code == 0, said
    return runs


@pytest.mark.parametrize("leave", [4_096, pytest.param(16_384, marks=pytest.mark.slow), 65_536])
def test_full_while_planning(leave: int, on_small_disk: LoaderRuns, undisturbed: LoaderRuns, proxy: FaultProxy) -> None:
    filler = fill(on_small_disk.warehouse.parent, leave)
    code, said = on_small_disk.run()
    assert code == 1 and "Traceback" not in said, said
    assert sum(line.startswith("error: ") for line in said.splitlines()) == 1
    filler.unlink()
    on_small_disk.assert_healed(undisturbed)


@pytest.mark.parametrize("padding", [100_000, 5_000_000])
def test_full_while_results_arrive(
    padding: int, on_small_disk: LoaderRuns, undisturbed: LoaderRuns, proxy: FaultProxy
) -> None:
    """The result file is far larger than the space that is left: for the download, or only for its landing."""
    proxy.rewrites["download"] = lambda body: body.rstrip(b"\n") + b"\n" + b"\n" * padding
    filler: list[Path] = []

    def fill_now(body: bytes) -> bytes:
        if not filler and b'"SUCCESS"' in body:
            filler.append(fill(on_small_disk.warehouse.parent, padding // 2))
        return body

    proxy.rewrites["get_job"] = fill_now
    code, said = on_small_disk.run()
    assert code == 1 and "Traceback" not in said, said
    assert on_small_disk.query("select count(*) from raw.batch_output") == [(0,)], "nothing half-landed"
    filler[0].unlink()
    proxy.rewrites.clear()
    code, said = on_small_disk.run()
    assert code == 0, said
    assert on_small_disk.query("select count(*) from ledger.requests where state = 'answered'") == [(RECEIPTS,)]
    assert set(on_small_disk.times_sent().values()) == {1}


@pytest.mark.slow
def test_full_when_a_job_has_just_been_made(
    on_small_disk: LoaderRuns, undisturbed: LoaderRuns, proxy: FaultProxy
) -> None:
    """The job cannot be noted; the next load finds it on the server."""
    filler: list[Path] = []

    def fill_now(body: bytes) -> bytes:
        filler.append(fill(on_small_disk.warehouse.parent, 0))
        return body

    proxy.rewrites["create_job"] = fill_now
    code, said = on_small_disk.run()
    assert code == 1 and "Traceback" not in said, said
    assert sum(line.startswith("error: ") for line in said.splitlines()) == 1
    filler[0].unlink()
    proxy.rewrites.clear()
    on_small_disk.assert_healed(undisturbed)
