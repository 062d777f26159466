"""A warehouse with marts for each test here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.built_warehouse import built_warehouse


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A warehouse with marts that the settings name, and `bi.duckdb` beside it for what is published."""
    made = built_warehouse(tmp_path)
    monkeypatch.setenv("WAREHOUSE", str(made))
    monkeypatch.setenv("BI_DATABASE", str(tmp_path / "bi.duckdb"))
    monkeypatch.chdir(tmp_path)  # no .env of the developer's
    return made
