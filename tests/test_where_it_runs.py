"""The commands on odd ground: clashing file names, copied and read-only checkouts, poor encodings, sick disks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from loader.marts.publish import publish_marts
from tests.helpers.built_warehouse import ROOT, built_warehouse, settings
from tests.helpers.warehouses import rows


@pytest.mark.parametrize("name", ["my-marts", "2026.marts", "published", "select", 'it\'s "ours"'])
def test_a_file_name_that_is_taken_can_be_read(name: str, tmp_path: Path) -> None:
    file = tmp_path / f"{name}.duckdb"
    publish_marts(built_warehouse(tmp_path), file)
    assert rows(file, "select count(*) from marts.receipts") == [(9,)]
    assert rows(file, "select tests from published") == [("passed",)]


@pytest.mark.parametrize(
    ("warehouse", "cause"),
    [
        ("/proc/nowhere/w.duckdb", "No such file or directory"),
        ("file/w.duckdb", "Not a directory"),
        ("x" * 300 + ".duckdb", "File name too long"),
        ("sealed/w.duckdb", "Read-only file system"),
        ("loop/w.duckdb", "Symlink loop"),
        ("caf\udce9.duckdb", "surrogates not allowed"),
    ],
)
def test_a_place_that_cannot_be_written_is_told_in_a_line(warehouse: str, cause: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "sealed").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with sealed(tmp_path / "sealed") if "sealed" in warehouse else nothing():
        environment = settings(tmp_path / warehouse, tmp_path / "bi.duckdb")
        command = [sys.executable, "-m", "loader", "load", "--receipts", "samples", "--dry-run"]
        ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1), ended.stderr
    assert cause in ended.stderr and "make room" not in ended.stderr


def test_too_many_open_files_is_not_a_full_disk(tmp_path: Path) -> None:
    script = f'ulimit -n 5; exec "{sys.executable}" -m loader samples "{tmp_path / "s"}"'
    ended = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "Too many open files" in ended.stderr and "make room" not in ended.stderr


class nothing:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


class sealed:
    """A folder on which nothing can be written; mounting needs root (CI has it)."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __enter__(self) -> None:
        bind = ["mount", "--bind", str(self.place), str(self.place)]
        if os.geteuid() or subprocess.run(bind, capture_output=True, check=False).returncode:
            pytest.skip("a read-only folder can be mounted by root only")
        subprocess.run(["mount", "-o", "remount,ro,bind", str(self.place)], check=True)

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", str(self.place)], check=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    """A copy of this checkout, but for its environment."""
    made = tmp_path / "copy"
    left_out = shutil.ignore_patterns(".git", ".venv*", "__pycache__", "target", "logs", ".*_cache", "data", "tests")
    shutil.copytree(ROOT, made, ignore=left_out)
    (made / "data").mkdir()
    yield made


@pytest.mark.slow
def test_a_checkout_that_is_read_only_works(checkout: Path, tmp_path: Path) -> None:
    environment = settings(built_warehouse(tmp_path), tmp_path / "bi.duckdb") | {"PYTHONPATH": str(checkout)}
    for name in ("DBT_TARGET_PATH", "DBT_LOG_PATH"):
        del environment[name]

    def loader(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "loader", *arguments]
        return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)

    with sealed(checkout):
        built = loader("dbt", "run", "--quiet", "--select", "spend_categories")
        assert (built.returncode, built.stderr) == (0, ""), built.stdout
        assert loader("publish").returncode == 0
        place = tmp_path / "warehouse.files" / "dbt"
        assert (place / "logs" / "dbt.log").exists() and (place / "target" / "manifest.json").exists()

        failed = loader("dbt", "run", "--select", "no_such_model", "--no-such-flag")
        assert failed.returncode == 2 and f"its log is {place / 'logs' / 'dbt.log'}" in failed.stderr
        environment["DBT_LOG_PATH"] = str(checkout / "logs")
        mute = loader("dbt", "run", "--select", "spend_categories")
        assert mute.returncode and f"could not write its log, {checkout / 'logs' / 'dbt.log'}" in mute.stderr

        del environment["WAREHOUSE"], environment["DBT_LOG_PATH"]
        refused = loader("load", "--receipts", "samples", "--dry-run")
        assert refused.returncode == 1 and "Read-only file system" in refused.stderr


def test_make_works_on_the_checkout_that_it_stands_in(checkout: Path, tmp_path: Path) -> None:
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    (checkout / ".venv" / ".installed").touch()
    os.utime(checkout / ".venv" / ".installed", (2**32, 2**32))
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "RECEIPTS": "no-such-folder"}

    def make(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["make", *arguments]
        return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)

    planned = make("--dry-run", "load").stdout
    assert planned.index("rm -rf .venv") < planned.index("-m venv .venv") < planned.index("-m loader load")

    (checkout / ".venv" / ".installed").unlink()
    shutil.rmtree(checkout / ".venv")
    (checkout / ".venv").symlink_to(Path(sys.executable).parent.parent)  # a link is somebody's choice
    assert "rm -rf" not in make("--dry-run", "load").stdout
    if not (checkout / ".venv" / ".installed").exists():
        return
    ended = make("--old-file=.venv/.installed", "load")
    assert "no-such-folder" in ended.stderr, ended.stderr
    assert (checkout / "data" / "warehouse.duckdb").exists()


def test_make_clean_leaves_what_make_did_not_make(checkout: Path) -> None:
    mine = ["data/__pycache__/a", "photos/__pycache__/b", ".venv/mine"]
    made = ["loader/__pycache__/x", ".venv-spark/.installed", ".ruff_cache/y"]
    for name in [*mine, *made]:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text("")
    ended = subprocess.run(["make", "clean"], cwd=checkout, capture_output=True, text=True, check=True)
    assert ".venv was not made by make" in ended.stdout
    assert all((checkout / name).exists() for name in mine)
    assert not any((checkout / name).exists() for name in made)


ENCODINGS = [
    ({"PYTHONIOENCODING": "ascii"}, []),
    ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, []),
    ({"PYTHONIOENCODING": "cp1252"}, pytest.mark.slow),
    ({"PYTHONIOENCODING": "latin-1"}, pytest.mark.slow),
    ({"LC_ALL": "C"}, pytest.mark.slow),
]


@pytest.mark.parametrize(
    "encoding",
    [pytest.param(e, marks=marks, id=" ".join(f"{k}={v}" for k, v in e.items())) for e, marks in ENCODINGS],
)
def test_an_encoding_without_the_tables_signs_gives_no_traceback(encoding: dict[str, str], tmp_path: Path) -> None:
    warehouse = built_warehouse(tmp_path)
    publish_marts(warehouse, tmp_path / "bi.duckdb")
    (tmp_path / "caf\N{LATIN SMALL LETTER E WITH ACUTE}\N{MINUS SIGN}").mkdir()
    commands = [
        ("show",),
        ("show", "receipt_items"),
        ("show", "receipt_items", "--json"),
        ("status",),
        ("load", "--receipts", "\N{MINUS SIGN}\N{HIRAGANA LETTER A}"),
        ("samples", str(tmp_path / "caf\N{LATIN SMALL LETTER E WITH ACUTE}\N{MINUS SIGN}"), "--count", "1"),
        ("report", str(tmp_path / "\N{MINUS SIGN}.html")),
    ]
    said_without_trouble(commands, settings(warehouse, tmp_path / "bi.duckdb") | encoding)


@pytest.mark.slow
def test_dbt_in_an_encoding_without_the_tables_signs_gives_no_traceback(tmp_path: Path) -> None:
    signs = "select '\N{MINUS SIGN}\N{HIRAGANA LETTER A}' as sign"
    environment = settings(built_warehouse(tmp_path), tmp_path / "bi.duckdb") | {"PYTHONIOENCODING": "ascii"}
    said_without_trouble([("dbt", "show", "--quiet", "--inline", signs)], environment)


def said_without_trouble(commands: list[tuple[str, ...]], environment: dict[str, str]) -> None:
    """Run commands in an encoding: no traceback, and no sign that it lacks."""
    for arguments in commands:
        command = [sys.executable, "-m", "loader", *arguments]
        ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)
        said = (ended.stdout + ended.stderr).decode("utf-8", "replace")
        assert "Traceback" not in said and "codec" not in said, (arguments, said)
        assert ended.returncode == (arguments[0] == "load"), (arguments, said)
        if environment.get("PYTHONIOENCODING") == "ascii":
            assert ended.stdout.isascii(), arguments
        if "--json" in arguments:
            json.loads(ended.stdout)
