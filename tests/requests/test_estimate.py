"""What a load would take, before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from loader.requests.estimate import estimate
from loader.requests.question import Question
from loader.sources.open_source import open_source
from loader.warehouse.duckdb_file import Warehouse
from tests.bench.data import write_tiny


def test_a_dry_run_says_waves_and_days(warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loader.requests.estimate.MAX_PENDING_REQUESTS", 20)
    write_tiny(tmp_path / "receipts", 60)
    source = open_source(str(tmp_path / "receipts"))
    expected = estimate(warehouse, source, Question("local-ocr"))
    assert (expected.requests, expected.waves, expected.days) == (60, 3, 3)
