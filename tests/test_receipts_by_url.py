"""Receipts in a bucket, from the URL to the landed answer: what is known is not read again, and no secret is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loader.requests.planner import Planner
from loader.requests.question import Question
from loader.sources.open_source import open_source
from loader.warehouse.duckdb_file import Warehouse
from tests.bench.data import tiny
from tests.helpers.archives import zipped
from tests.helpers.commands import Run
from tests.helpers.fresh_python import python
from tests.helpers.object_store import KEY, SECRET, ObjectStore
from tests.helpers.servers import ApiServer
from tests.helpers.warehouses import rows

URL = "s3://receipts/r"


def test_a_second_load_of_a_bucket_reads_no_object_that_is_known(
    run: Run, api: ApiServer, s3: ObjectStore, tmp_path: Path
) -> None:
    s3.put("receipts", {f"r/{number}.jpg": tiny(number) for number in range(20)})
    s3.put("receipts", {"r/none.jpg": b"no image", "r/b.zip": zipped({"x.jpg": tiny(30)}), "r/notes.txt": b"text"})
    code, out, err = run("load", "--receipts", URL)
    assert code == 0, err
    assert out.startswith(
        f"22 receipts from {URL}; 1 rejected (raw.receipts says why); 21 requests in 1 jobs; 21 lines"
    )
    assert "1 .txt (notes.txt)" in err
    assert len(s3.read()) > 20

    s3.forget()
    code, out, err = run("load", "--receipts", URL, "--json")
    again = json.loads(out)
    assert (code, again["receipts"], again["already_asked"], again["rejected"]) == (0, 22, 21, 1)
    assert set(s3.read()) == {"/receipts/r/b.zip"}, "its list only"

    s3.put("receipts", {"r/3.jpg": tiny(40), "r/new.jpg": tiny(41)})
    s3.harm = lambda call: "500" if call.nth == 1 else None
    code, out, err = run("load", "--receipts", URL, "--json")
    assert (code, json.loads(out)["requests"]) == (0, 2), err
    assert set(s3.read()) == {"/receipts/r/b.zip", "/receipts/r/3.jpg", "/receipts/r/new.jpg"}

    found = rows(tmp_path / "w.duckdb", "select distinct source, location from raw.receipts")
    assert {source for source, _ in found} == {URL}
    assert {location for _, location in found} >= {f"{URL}/3.jpg", f"{URL}/b.zip/x.jpg", f"{URL}/none.jpg"}
    for secret in (KEY, SECRET):
        assert secret not in out + err and secret.encode() not in (tmp_path / "w.duckdb").read_bytes()


@pytest.mark.slow
def test_a_store_that_goes_away_stops_the_run_with_one_line_and_the_next_goes_on(
    run: Run, api: ApiServer, s3: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loader.sources.store.ATTEMPTS", 1)
    monkeypatch.setattr("loader.sources.store.MOST_FAILURES", 3)
    s3.put("receipts", {f"r/{number:02}.jpg": tiny(number) for number in range(60)})
    s3.harm = lambda call: None if call.is_list or call.path < "/receipts/r/20" else "500"
    code, _, err = run("load", "--receipts", URL)
    assert code == 1
    assert err.splitlines()[-1].startswith(f"{URL} does not answer any more: ") or URL in err.splitlines()[-1]
    s3.forget()
    code, out, err = run("load", "--receipts", URL, "--json")
    assert (code, json.loads(out)["status"]) == (0, "finished"), err
    assert json.loads(out)["receipts"] == 60 and json.loads(out)["rejected"] == 0


@pytest.mark.parametrize(("url", "package"), [("s3://receipts/r", "s3"), ("http://127.0.0.1:9/r", "http")])
def test_a_package_that_is_missing_is_named_in_one_line(url: str, package: str) -> None:
    script = (
        "import sys\nfor name in ('s3fs', 'aiohttp'):\n    sys.modules[name] = None\n"
        "from loader.sources.open_source import open_source\nfrom loader.errors import SettingsError\n"
        "try:\n    open_source(sys.argv[1])\nexcept SettingsError as error:\n    print(error)\n"
    )
    install = f"`pip install -c constraints.txt -e '.[{package}]'`"
    assert python(script, url).stdout == f"{url} needs a package that is missing: {install}\n"


def known(warehouse: Warehouse, s3: ObjectStore) -> tuple[int, int]:
    """Plan the bucket's receipts: how many were skipped, and how many objects were read."""
    s3.forget()
    planner = Planner(
        warehouse,
        open_source(URL),
        Question("mistral-small-2603"),
        api="test",
        default_currency=None,
        load_id="load",
        directory=warehouse.path.parent / "shards",
    )
    list(planner.shards())
    assert planner.receipts == 10_000
    return planner.skipped, len(s3.read())


@pytest.mark.slow
def test_ten_thousand_objects_that_are_known_are_listed_and_none_is_read(warehouse: Warehouse, s3: ObjectStore) -> None:
    s3.fill("receipts", {f"r/{number % 7}/{number:05}.jpg": tiny(number) for number in range(10_000)})
    assert known(warehouse, s3) == (0, 10_000)
    assert known(warehouse, s3) == (10_000, 0)
    assert len(s3.calls) <= 22, "the pages of two lists"
