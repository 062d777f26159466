"""What `loader dbt` sets up for engines beside DuckDB."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from loader.errors import SettingsError
from loader.marts import run_dbt as engines
from loader.marts.run_dbt import dbt_target, embedded_sail, run_on


@pytest.mark.parametrize(
    ("arguments", "target"),
    [
        (["build"], "duckdb"),
        (["build", "--target", "sail"], "sail"),
        (["-t", "spark", "build"], "spark"),
        (["build", "--target=sail", "--quiet"], "sail"),
        (["build", "--target"], ""),
    ],
)
def test_the_target_is_read_from_dbts_arguments(arguments: list[str], target: str) -> None:
    assert dbt_target(arguments) == target


@pytest.fixture
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def server() -> Iterator[str]:
        yield "sc://127.0.0.1:1"

    monkeypatch.setattr(engines, "embedded_sail", server)


@pytest.mark.usefixtures("no_server")
@pytest.mark.parametrize("named", [False, True])
def test_a_build_takes_the_place_of_the_last_and_a_failed_one_does_not(tmp_path: Path, named: bool) -> None:
    (tmp_path / "raw").mkdir()
    lake = tmp_path / "lake"
    server = {"SPARK_REMOTE": "sc://127.0.0.1:1", "LAKE": str(lake)} if named else {}

    def build(content: str, code: int) -> int:
        def run(environment: dict[str, str]) -> int:
            assert environment["RAW_PARTS"] == str(tmp_path / "raw")
            assert environment["SPARK_REMOTE"] == "sc://127.0.0.1:1"
            made = Path(environment["LAKE"]) / "marts"
            assert list(made.parent.iterdir()) == []
            made.mkdir()
            (made / "part").write_text(content)
            return code

        return run_on("sail", tmp_path / "w.duckdb", server, run)

    for content, code, expected in (("one", 0, "one"), ("two", 1, "one"), ("three", 0, "three")):
        assert build(content, code) == code
        assert (lake / "marts" / "part").read_text() == expected
    assert {path.name for path in tmp_path.iterdir()} == {"raw", "lake"}


def test_a_server_that_is_named_is_used_and_keeps_its_own_tables(tmp_path: Path) -> None:
    given: list[dict[str, str]] = []
    environment = {"SPARK_REMOTE": "sc://engine:15002", "RAW_PARTS": "s3://bucket/raw"}

    def run(environment: dict[str, str]) -> int:
        given.append(environment)
        return 0

    for target in ("sail", "spark"):
        run_on(target, tmp_path / "w.duckdb", environment, run)
    assert given == [environment, environment]


@pytest.mark.usefixtures("no_server")
@pytest.mark.parametrize("server", [None, "sc://engine:15002"])
def test_behind_a_url_every_build_on_sail_has_a_folder_of_its_own(tmp_path: Path, server: str | None) -> None:
    given: list[dict[str, str]] = []
    environment = {"LAKE": "s3://bucket/lake", "RAW_PARTS": "s3://bucket/raw"}
    if server:
        environment["SPARK_REMOTE"] = server

    def run(environment: dict[str, str]) -> int:
        given.append(environment)
        return 0

    run_on("sail", tmp_path / "w.duckdb", environment, run)
    assert given[0]["SPARK_REMOTE"] == (server or "sc://127.0.0.1:1")
    assert re.fullmatch(r"s3://bucket/lake/\d{8}T\d{6}Z", given[0]["LAKE"])
    assert list(tmp_path.iterdir()) == [], "a URL is not taken for a folder"


def test_without_an_export_the_command_to_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="loader export"):
        run_on("sail", tmp_path / "w.duckdb", {}, lambda environment: 0)


def test_without_sail_the_way_to_install_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pysail.spark", None)
    with pytest.raises(SettingsError, match="pip install"), embedded_sail():
        pass
