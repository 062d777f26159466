"""A warehouse with receipts to be set right: samples whose answers were made wrong on purpose, and hostile ones.

Made by the product itself but for the answers, which are the samples' labels; built once a run, then copied.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock

from loader.sources import samples
from tests.dbt.raw_tables import RawTables, answer_line
from tests.helpers.built_warehouse import run, shared

HOSTILE = "<script>document.title='got you'</script> & <b>\N{RIGHT-TO-LEFT OVERRIDE}gnp.exe"
HOSTILE_MERCHANT = '"><img src=x onerror="document.title=\'got you\'">'
LONG = "long " * 2_000
RIGHT_TO_LEFT = "سوق السلام"

MISREAD, MISSED, TAXED, RIGHT = 2, 5, 6, 8  # samples: a price ten times too high, an item missed, a total misread, none
TWINS = ("twin-a", "twin-b")


def sample(number: int) -> tuple[str, dict[str, Any]]:
    """The id of a sample receipt, and what its answer should be."""
    drawn = samples.one(number)
    label = json.loads(drawn.text)
    items = [
        {"name": one["item_name"], "price": one["item_value"], "classification": one["category"]}
        for one in label["line_items"]
    ]
    amounts = {name: label[name] for name in ("subtotal", "rounding", "total")}
    header = {
        "merchant": label["store_name"],
        "purchased_on": label["date"],
        "purchased_at": label["time"],
        "currency": label["currency"],
        "taxes": [label["tax"]] if label["tax"] else [],
        "service_charge": label["service"],
        "tip": None,
        "document_type": "receipt",
    }
    return hashlib.sha256(drawn.image).hexdigest(), {"items": items, **header, **amounts}


def _answers() -> dict[str, tuple[str | None, dict[str, Any]]]:
    """Receipt -> its location, and what was answered."""
    answers = {}
    for number in (MISREAD, MISSED, TAXED, RIGHT):
        receipt_id, answer = sample(number)
        if number == MISREAD:
            answer["items"][0]["price"] = "9" + answer["items"][0]["price"]
        if number == MISSED:
            del answer["items"][-1]
        if number == TAXED:
            answer["total"] = answer["total"].replace(answer["total"][-1], "7" if answer["total"][-1] != "7" else "1")
        answers[receipt_id] = (f"samples#sample-{number:02}", answer)
    header = {
        "merchant": HOSTILE_MERCHANT,
        "currency": "EUR",
        "total": "9,99",
        "taxes": [],
        "purchased_on": "2026-03-01",
    }
    items = [{"name": name, "price": "1,00", "classification": "Food"} for name in (HOSTILE, LONG, RIGHT_TO_LEFT)]
    answers["hostile"] = (None, {"items": items, **header})
    unknown = {"merchant": "Somewhere", "currency": None, "total": "9.000", "taxes": []}
    answers["unknown"] = (None, {"items": [{"name": "Rice", "price": "9.000", "classification": "Food"}], **unknown})
    for twin in TWINS:
        twin_header = {
            "merchant": "Twin Café",
            "currency": "EUR",
            "total": "3,00",
            "taxes": [],
            "purchased_on": "2026-02-01",
        }
        answers[twin] = (
            None,
            {"items": [{"name": "Tea", "price": "3,00", "classification": "Beverage"}], **twin_header},
        )
    return answers


@cache
def _built() -> Path:
    built = shared() / "to-review"
    with FileLock(shared() / "to-review.lock"):
        if not built.exists():
            building = shared() / "to-review-building"
            building.mkdir()
            _build(building / "warehouse.duckdb")
            building.rename(built)
    return built / "warehouse.duckdb"


def _build(path: Path) -> None:
    answers = _answers()
    with RawTables(path) as raw:
        for receipt_id, (location, _) in answers.items():
            key = f"{location.rpartition('#')[2]}.jpg" if location else receipt_id
            raw.receipts([receipt_id], location=location, source="inbox", source_key=key)
        raw.requests("shard", {f"c{number}": receipt_id for number, receipt_id in enumerate(answers)})
        raw.job("job", "shard")
        raw.lines("job", "file", [answer_line(f"c{n}", json.dumps(one)) for n, (_, one) in enumerate(answers.values())])
    build(path)


def build(path: Path, *arguments: str) -> None:
    """`dbt build` of a warehouse; all tests that would end it must pass."""
    ended = run("dbt", "build", "--quiet", *arguments, warehouse=path)
    assert ended.returncode == 0, ended.stdout[-5000:] + ended.stderr[-2000:]


def warehouse_to_review(directory: Path) -> Path:
    """A copy of the warehouse in a folder of the test's own."""
    return Path(shutil.copy(_built(), directory / "warehouse.duckdb"))


def value_of(number: int, at: int) -> str:
    """The price of a sample's item, as it should have been read."""
    return str(sample(number)[1]["items"][at]["price"])
