"""Other clients, each in an environment of its own, get what they ask for: the embedded API is not made for ours alone.

They come from the package registries in the versions of the day, but for the vendor's of its notebook (November 2024).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loader.embedded_api.serve import Child, launch
from tests.embedded_api import batch_lines
from tests.helpers import instant_reader
from tests.helpers.environments import make_environment

pytestmark = pytest.mark.slow

SCRIPTS = Path(__file__).parent / "clients"
MODEL = "pixtral-large-latest"
READING = instant_reader.read_receipt(batch_lines.image("client"), ["Food", "Travel"])
ITEMS = [{"name": item.name, "price": float(item.price), "classification": "Other"} for item in READING.items]
SCHEMA = {
    "type": "object",
    "properties": {
        "store": {"type": "string"},
        "total": {"anyOf": [{"type": "number"}, {"type": "null"}]},
        "items": {"type": "array", "items": {"$ref": "#/$defs/Item"}},
    },
    "required": ["store", "total", "items"],
    "additionalProperties": False,
    "$defs": {
        "Item": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "price": {"type": "number"},
                "category": {"enum": ["Food", "Travel"]},
            },
            "required": ["name", "price", "category"],
            "additionalProperties": False,
        }
    },
}
STRUCTURED = {
    "store": READING.merchant,
    "total": None,
    "items": [
        {"name": item.name, "price": float(item.price), "category": item.classification} for item in READING.items
    ],
}
LIVE = {"live": {"items": ITEMS}, "streamed": {"items": ITEMS}, "structured": STRUCTURED}
MODELS = {"models": ["local-ocr", MODEL]}
BATCH = {"batch": ["SUCCESS", 10, 10, 30], "of the first": [{"custom_id": "0", **item} for item in ITEMS]}
PYTHON: dict[str, tuple[tuple[str, ...], str, dict[str, Any]]] = {
    "mistralai of the notebook": (
        ("mistralai==1.2.3",),
        "use_mistralai.py",
        {**LIVE, **MODELS, **BATCH, "structured": None},
    ),
    "mistralai": (("mistralai",), "use_mistralai.py", {**LIVE, **MODELS, **BATCH}),
    "openai": (("openai",), "use_openai.py", {**LIVE, **MODELS}),
    "langchain-mistralai": (("langchain-mistralai",), "use_langchain.py", LIVE),
    "litellm": (("litellm",), "use_litellm.py", LIVE),
    "instructor": (
        ("instructor", "openai"),
        "use_instructor.py",
        {
            "classes": {
                "store_name": READING.merchant,
                "currency": READING.currency,
                "total_amount": None,
                "line_items": [{"name": item["name"], "price": item["price"], "category": "Other"} for item in ITEMS],
            }
        },
    ),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    child = launch(tmp_path_factory.mktemp("api"), reader=instant_reader.SPEC, workers=1, models=[MODEL])
    yield child
    child.stop()


@pytest.fixture
def environment(server: Child, tmp_path: Path) -> dict[str, str]:
    """What a script is told: the two lines that differ from a script for the vendor's API, and a receipt."""
    (tmp_path / "receipt.png").write_bytes(batch_lines.image("client"))
    return {
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        "MISTRAL_SERVER_URL": server.url,
        "MISTRAL_API_KEY": server.token,
        "IMAGE": str(tmp_path / "receipt.png"),
        "SCHEMA": json.dumps(SCHEMA),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it fetches one
        "NO_PROXY": "127.0.0.1",
    }


def said(command: list[str | Path], environment: dict[str, str], folder: Path) -> Any:
    """The JSON that a script prints last; the test fails with its error where it fails."""
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", PYTHON)
def test_a_client_for_python(name: str, environment: dict[str, str], tmp_path: Path) -> None:
    requirements, script, expected = PYTHON[name]
    python = make_environment(tmp_path / "venv", *requirements)
    more = ["structured"] if expected.get("structured") else []
    assert said([python, SCRIPTS / script, *more], environment, tmp_path) == expected


def test_the_vendors_client_for_javascript(environment: dict[str, str], tmp_path: Path) -> None:
    if not shutil.which("npm"):
        pytest.skip("needs node and npm, which are not here")
    subprocess.run(["npm", "init", "--yes"], cwd=tmp_path, check=True, capture_output=True)
    subprocess.run(["npm", "install", "--silent", "@mistralai/mistralai"], cwd=tmp_path, check=True)
    shutil.copy(SCRIPTS / "use_mistralai.mjs", tmp_path)
    assert said(["node", "use_mistralai.mjs"], environment, tmp_path) == {**LIVE, **MODELS, **BATCH}
