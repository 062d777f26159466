"""The house: data flows one way through the folders of `loader/`, and so do the imports. See CONTRIBUTING.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LOADER = ROOT / "loader"
TEXTS = [
    *(ROOT / name for name in ("CONTRIBUTING.md", "README.md", "Makefile", "pyproject.toml")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted(path for folder in ("loader", "tests") for path in (ROOT / folder).rglob("*.py")),
    *sorted(LOADER.rglob("*.toml")),
]

# From the ground up: a module imports only what stands beside it or before it. The warehouse stands before the stations
# that note in it what they do; `embedded_api` is reached over HTTP alone, so that it knows the ground and nothing else.
GROUND = (
    *("errors", "files", "formats", "image_formats", "image_tokens", "loopback", "owned_folder"),
    *("plain_signs", "seeds", "settings", "stores", "threads", "work_folder"),
)
STATIONS = ("warehouse", "sources", "requests", "batch", "marts")
APART = "embedded_api"
ENTRY = ("__init__", "__main__", "cli", "cli_marts", "load_in_words", "receipt_on_screen", "session", "terminal")

# Where alone a library may be imported.
ONLY_IN = {
    "mistralai": ("batch/mistral",),
    "httpx2": ("batch/",),
    "PIL": ("requests/", "sources/sample", "embedded_api/"),
    "pypdfium2": ("requests/pdf_renderer.py",),
    "pi_heif": ("image_formats.py",),
    "datasets": ("sources/",),
    "fsspec": ("stores.py",),
    "huggingface_hub": ("sources/",),
    "rapidocr": ("embedded_api/",),
    "cv2": ("embedded_api/",),
    "starlette": ("embedded_api/", "marts/review/"),
    "uvicorn": ("loopback.py", "embedded_api/", "marts/review/"),
}


# Each small job is done in one place, which all others call.
DONE_IN = {
    "fsync(": "files.py",
    "Thread(": "threads.py",
    "cannot write in": "errors.py",
    "Could not set lock": "warehouse/duckdb_file.py",
    "LOCK_POLL_SECONDS": "warehouse/duckdb_file.py",
}


def modules() -> list[Path]:
    return sorted(path.relative_to(LOADER) for path in LOADER.rglob("*.py"))


def imports(module: Path) -> Iterator[str]:
    """The dotted names that a module imports, wherever in it; `from a import b` gives `a.b`."""
    for node in ast.walk(ast.parse((LOADER / module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(part: str) -> str:
    """The folder, or the module at the top, of a path or a dotted name below `loader`."""
    return part.split("/", maxsplit=1)[0].split(".", maxsplit=1)[0]


def may_know(room_: str) -> set[str]:
    """The rooms that one may import from."""
    if room_ in GROUND:
        return set(GROUND)
    if room_ == APART:
        return {*GROUND, APART}
    if room_ in STATIONS:
        return {*GROUND, *STATIONS[: STATIONS.index(room_) + 1]}
    assert room_ in ENTRY, f"{room_} has no place yet: give it one here and in CONTRIBUTING.md"
    return {*GROUND, *STATIONS, APART, *ENTRY}


@pytest.mark.parametrize("module", modules(), ids=str)
def test_a_module_imports_only_from_what_stands_before_it(module: Path) -> None:
    here = room(module.as_posix().removesuffix(".py"))
    known = may_know(here)
    for name in imports(module):
        if name.startswith("loader."):
            there = room(name.removeprefix("loader."))
            assert there in known or there == "__version__", f"{module} must not import {name}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    names = {
        ".".join(("loader", *module.with_suffix("").parts)).removesuffix(".__init__"): module for module in modules()
    }
    arrows = {
        name: {
            next((known for known in (one, one.rpartition(".")[0]) if known in names), name) for one in imports(module)
        }
        - {name}
        for name, module in names.items()
    }
    TopologicalSorter(arrows).prepare()  # raises CycleError, which names them


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_has_its_place(library: str) -> None:
    users = [m.as_posix() for m in modules() if any(name.split(".")[0] == library for name in imports(m))]
    assert users, f"nobody imports {library}: take it out of the list"
    assert [user for user in users if not user.startswith(ONLY_IN[library])] == []


def test_the_warehouse_is_opened_in_two_places() -> None:
    """Who else needs it is given a connection."""
    openers = {m.parts[0] for m in modules() if "duckdb.connect(" in (LOADER / m).read_text(encoding="utf-8")}
    assert openers == {"warehouse", "marts"}


@pytest.mark.parametrize("job", DONE_IN)
def test_a_small_job_is_done_in_one_place(job: str) -> None:
    assert [m.as_posix() for m in modules() if job in (LOADER / m).read_text(encoding="utf-8")] == [DONE_IN[job]]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: str(text.relative_to(ROOT)))
def test_a_path_that_is_named_exists(text: Path) -> None:
    """In comments, documents and messages, too. A template, an example with a wildcard or `…` is no path."""
    named = re.findall(r"\b(?:loader|tests|docs|dbt_project)/[\w/.-]+\.(?:py|md|csv|sql|toml|yml)\b", text.read_text())
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize(
    "package", sorted(m for m in modules() if m.name == "__init__.py" and len(m.parts) == 2), ids=str
)
def test_a_package_imports_nothing_by_itself(package: Path) -> None:
    """So that `loader --help` imports no more than it needs: a docstring at most."""
    assert [node for node in ast.parse((LOADER / package).read_text()).body if not isinstance(node, ast.Expr)] == []
