"""Data sets of the library `datasets`, on the hub and saved to disk: their images come as they are stored."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loader.sources import samples
from loader.sources.open_source import open_source
from loader.sources.receipt import Receipt
from tests.helpers.fake_hub import fake_hub
from tests.helpers.fresh_python import python
from tests.helpers.pictures import picture, saved, struct_table

JPEG, PNG = saved(picture(), "JPEG"), saved(picture(), "PNG")
TOKEN = "hf_secret"


# Saved to disk


def test_datasets_saved_to_disk_are_read(tmp_path: Path) -> None:
    import datasets

    features = datasets.Features({"image": datasets.Image(), "receiptId": datasets.Value("string")})
    rows = {"image": [{"bytes": b"not decoded", "path": None}, None], "receiptId": ["r-1", "r-2"]}
    plain = datasets.Dataset.from_dict(rows, features=features)
    plain.save_to_disk(str(tmp_path / "plain"))
    datasets.DatasetDict({"test": plain.select([1]), "train": plain}).save_to_disk(str(tmp_path / "split"))
    for name in ("plain", "split"):
        source = open_source(str(tmp_path / name))
        first, second = source
        assert first == Receipt(name, "r-1", b"not decoded", location=f"{tmp_path / name}#r-1")
        assert (second.source_key, second.error) == ("r-2", "no image in this row")
        assert source.count() == 2
    assert source.passed_over.by_kind() == [{"kind": "other splits", "count": 1, "first": ["test"]}]


def test_lists_of_images_in_a_saved_dataset_stay_undecoded(tmp_path: Path) -> None:
    import datasets

    features = datasets.Features({"pages": datasets.List(datasets.Image()), "name": datasets.Value("string")})
    page = {"bytes": b"not decoded", "path": None}
    rows = {"pages": [[page], [page, page], []], "name": ["a", "b", "c"]}
    datasets.Dataset.from_dict(rows, features=features).save_to_disk(str(tmp_path / "set"))
    one, two, none = open_source(str(tmp_path / "set"))
    assert one.image == b"not decoded"
    assert "a list of 2 images" in (two.error or "")
    assert none.error == "no image in this row"


# On the hub


class Answer(NamedTuple):
    """What a process gets from the hub for a dataset: rows of key, image hash and label, the count; or the refusal."""

    rows: list[list[Any]]
    count: int | None
    refused: str


def from_hub(directory: Path, address: str, asked: Mapping[str, str], **environment: str) -> dict[str, Answer]:
    """Answers for datasets by name, each asked for with a token; in one process, as the library takes long to import.

    A process of its own, because the library looks at HF_ENDPOINT only once.
    """
    script = (
        "import hashlib, json, os, sys\n"
        "from loader.errors import SourceError\n"
        "from loader.sources.open_source import open_source\n"
        "def sha(image): return image and hashlib.sha256(image).hexdigest()\n"
        "for name, os.environ['HF_TOKEN'] in json.loads(sys.argv[1]).items():\n"
        "    try:\n"
        "        source = open_source(name.partition(' ')[0])\n"
        "        place = f'hf://datasets/{source.name}'\n"
        "        assert [r.location for r in source] == [f'{place}#{r.source_key}' for r in source]\n"
        "        rows = [[r.source_key, sha(r.image), r.label] for r in source]\n"
        "        print(json.dumps([name, rows, source.count(), '']))\n"
        "    except SourceError as error: print(json.dumps([name, [], None, str(error)]))\n"
        "sys.stdout.flush()\n"
        "os._exit(0)\n"  # as the program ends, and for the same reason (loader/__main__.py)
    )
    done = python(script, json.dumps(asked), HF_ENDPOINT=address, HF_HOME=str(directory / "hf"), **environment)
    assert done.stderr == ""
    answers = {name: Answer(*answer) for name, *answer in map(json.loads, done.stdout.splitlines())}
    assert not any("\n" in answer.refused for answer in answers.values())
    return answers


def parquet(table: pa.Table) -> bytes:
    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer)
    return buffer.getvalue().to_pybytes()


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    """What a hub answers for each of its datasets."""
    table = struct_table(
        image=[{"bytes": b"one", "path": None}, {"bytes": b"two", "path": "2.jpg"}],
        receiptId=["a", "b"],
        text=["label", None],
    )
    features = {"image": {"_type": "Image"}} | {
        column: {"dtype": "string", "_type": "Value"} for column in ("receiptId", "text")
    }
    typed = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    files = {"data/train-0.parquet": parquet(typed), "data/test-0.parquet": b"unread"}
    splits = "[{name: test, num_examples: 9}, {name: train, num_examples: 2}]"
    kinds = "[{name: image, dtype: image}, {name: receiptId, dtype: string}, {name: text, dtype: string}]"
    card = f"---\ndataset_info: {{features: {kinds}, splits: {splits}}}\n---\n".encode()
    text = [base64.b64encode(JPEG).decode(), f"data:image/png;base64,{base64.b64encode(PNG).decode()}"]
    [sample] = samples.draw(1)
    datasets = {
        "owner/plain": files,
        "owner/described": {**files, "README.md": card},
        "owner/text": {"t.parquet": parquet(pa.table({"image": [1, 2], "id": ["a", "b"], "content": text}))},
        "owner/folder": {"train/a.jpg": sample.image, "train/b.jpg": sample.image[:100]},
        "owner/numbers": {"t.parquet": parquet(pa.table({"a": [1], "b": ["x"]}))},
    }
    asked = dict.fromkeys((*datasets, "owner/none"), "") | {"owner/folder": TOKEN, "owner/folder without a token": ""}
    with fake_hub(datasets, tokens={"owner/folder": TOKEN}) as address:
        return from_hub(tmp_path_factory.mktemp("hub"), address, asked)


def test_a_dataset_on_the_hub_streams_with_its_bytes_as_stored(hub: dict[str, Answer]) -> None:
    rows = [["a", sha(b"one"), "label"], ["b", sha(b"two"), None]]
    assert hub["owner/plain"] == (rows, None, "")
    assert hub["owner/described"] == (rows, 2, "")


def test_a_dataset_on_the_hub_is_read_by_what_its_columns_hold(hub: dict[str, Answer]) -> None:
    assert hub["owner/text"] == ([["a", sha(JPEG), None], ["b", sha(PNG), None]], None, "")


def test_a_folder_of_images_on_the_hub_comes_undecoded(hub: dict[str, Answer]) -> None:
    [sample] = samples.draw(1)
    expected = [["0", sha(sample.image), None], ["1", sha(sample.image[:100]), None]]
    assert hub["owner/folder"].rows == expected
    refused = hub["owner/folder without a token"].refused
    assert "no dataset owner/folder on the Hugging Face hub (or it is private" in refused


def test_a_hub_dataset_without_images_or_files_is_refused_in_one_line(hub: dict[str, Answer]) -> None:
    assert "no image column in owner/numbers: it has a, b" in hub["owner/numbers"].refused
    assert "no dataset owner/none" in hub["owner/none"].refused


@pytest.mark.parametrize(
    ("said", "environment"),
    [
        ("the Hugging Face hub can't be reached for owner/name", {}),
        pytest.param("offline mode is enabled", {"HF_HUB_OFFLINE": "1"}, marks=pytest.mark.slow),
    ],
)
def test_a_hub_that_cannot_be_reached_is_told_quickly_with_the_way_out(
    said: str, environment: dict[str, str], tmp_path: Path
) -> None:
    started = time.monotonic()
    refused = from_hub(tmp_path, "http://127.0.0.1:9", {"owner/name": ""}, **environment)["owner/name"].refused
    assert time.monotonic() - started < 20
    assert said in refused and "folder of images or a parquet file" in refused


def test_a_ctrl_c_while_the_hub_is_silent_ends_at_once_and_in_one_line(tmp_path: Path) -> None:
    """pyarrow's threads wait for the hub: they must neither keep the process nor abort it (exit code 134)."""
    rows = struct_table(image=[{"bytes": os.urandom(1_000_000), "path": None} for _ in range(12)])
    pq.write_table(rows, tmp_path / "t.parquet", row_group_size=4)
    is_silent, is_over = Event(), Event()

    def before_part(start: int) -> None:
        if start >= 6_000_000:  # in the second group of rows
            is_silent.set()
            is_over.wait()

    files = {"data/train-0.parquet": (tmp_path / "t.parquet").read_bytes()}
    with fake_hub({"owner/name": files}, before_part=before_part) as address:
        process = subprocess.Popen(
            [sys.executable, "-m", "loader", "load", "--dry-run", "--receipts", "owner/name"],
            env={**os.environ, "HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "hf")},
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert is_silent.wait(timeout=30)
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=10)[1]
        finally:
            process.kill()
            is_over.set()
    assert (process.returncode, said) == (
        130,
        "\ninterrupted: nothing is lost; `loader load` goes on where this ended\n",
    )
