"""What a command works with: one load at a time, a warehouse that is there, and the API that the settings mean."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from loader.errors import NotOursError, WarehouseError
from loader.session import existing_warehouse, one_load_at_a_time, open_api, open_warehouse
from loader.settings import Settings, read_settings
from tests.helpers.warehouses import rows


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in ("MISTRAL_API_KEY", "MISTRAL_SERVER_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return read_settings({"warehouse": str(tmp_path / "new" / "w.duckdb")})


def test_a_second_load_is_told_who_runs_the_first(settings: Settings) -> None:
    said = rf"another load is running on .*\(process {os.getpid()}\)"
    for _ in range(2):  # the lock is free again after the first
        with one_load_at_a_time(settings), pytest.raises(WarehouseError, match=said), one_load_at_a_time(settings):
            raise AssertionError("two loads run at once")


def test_the_lock_is_free_after_a_load_that_failed(settings: Settings) -> None:
    for _ in range(2):
        with pytest.raises(RuntimeError), one_load_at_a_time(settings):
            raise RuntimeError


def test_a_warehouse_is_made_by_a_load_and_not_by_a_look(settings: Settings) -> None:
    with pytest.raises(WarehouseError, match="does not exist yet: run `make load` first"):
        existing_warehouse(settings)
    assert not settings.warehouse.exists()
    open_warehouse(settings, print)
    assert rows(existing_warehouse(settings), "select count(*) from raw.receipts") == [(0,)]


def test_a_work_folder_of_somebody_else_is_not_taken(settings: Settings) -> None:
    settings.work_dir.mkdir(parents=True)
    (settings.work_dir / "thesis.txt").write_text("dear to me")
    with pytest.raises(NotOursError, match=r"thesis\.txt"):
        open_warehouse(settings, print)
    assert not settings.warehouse.exists()


def test_without_a_key_it_says_so_and_starts_no_server_before_the_first_request(settings: Settings) -> None:
    told: list[str] = []
    with open_api(settings, told.append) as api:
        assert api.name == "embedded" and not api.is_patient
    assert [message.partition(":")[0] for message in told] == ["no MISTRAL_API_KEY is set"]
    assert not settings.work_dir.exists()
