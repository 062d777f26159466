"""What `loader dbt` sets up for engines beside DuckDB."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import CalledProcessError

import pytest

from loader.errors import SettingsError
from loader.marts import run_dbt as engines
from loader.marts.run_dbt import dbt_target, embedded_sail, engine


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

    def build(content: str, code: int) -> None:
        with suppress(CalledProcessError), engine("sail", tmp_path / "w.duckdb", server) as environment:
            assert environment["RAW_PARTS"] == str(tmp_path / "raw")
            assert environment["SPARK_REMOTE"] == "sc://127.0.0.1:1"
            made = Path(environment["LAKE"]) / "marts"
            assert list(made.parent.iterdir()) == []
            made.mkdir()
            (made / "part").write_text(content)
            if code:
                raise CalledProcessError(code, "dbt")

    for content, code, expected in (("one", 0, "one"), ("two", 1, "one"), ("three", 0, "three")):
        build(content, code)
        assert (lake / "marts" / "part").read_text() == expected
    assert {path.name for path in tmp_path.iterdir()} == {"raw", "lake"}


def test_a_server_that_is_named_is_used_and_keeps_its_own_tables(tmp_path: Path) -> None:
    environment = {"SPARK_REMOTE": "sc://engine:15002", "RAW_PARTS": "s3://bucket/raw"}
    for target in ("sail", "spark"):
        with engine(target, tmp_path / "w.duckdb", environment) as found:
            assert found == environment


@pytest.mark.usefixtures("no_server")
@pytest.mark.parametrize("server", [None, "sc://engine:15002"])
def test_behind_a_url_every_build_on_sail_has_a_folder_of_its_own(tmp_path: Path, server: str | None) -> None:
    environment = {"LAKE": "s3://bucket/lake", "RAW_PARTS": "s3://bucket/raw"}
    if server:
        environment["SPARK_REMOTE"] = server
    with engine("sail", tmp_path / "w.duckdb", environment) as found:
        assert found["SPARK_REMOTE"] == (server or "sc://127.0.0.1:1")
        assert re.fullmatch(r"s3://bucket/lake/\d{8}T\d{6}Z", found["LAKE"])
    assert list(tmp_path.iterdir()) == [], "a URL is not taken for a folder"


def test_without_an_export_the_command_to_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="loader export"), engine("sail", tmp_path / "w.duckdb", {}):
        pass


def test_without_sail_the_way_to_install_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pysail.spark", None)
    with pytest.raises(SettingsError, match="pip install"), embedded_sail():
        pass
