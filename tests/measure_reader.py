"""How well the embedded reader reads: `python -m tests.measure_reader FOLDER LABELS.json`.

LABELS.json maps the name of an image in FOLDER to what stands on it:

    {"001.jpg": {"items": [{"name": "TEH TARIK", "price": 4.5}, ...],
                 "merchant": "KEDAI KOPI", "date": "25/12/2018", "total": "RM 9.00", "currency": "MYR"}, ...}

`price` (or `amount`) is that of the line, as a number. Of the rest, what is missing or null isn't measured; dates are
day first, or year first, with figures or English months. An item is right when the price is equal and the name alike
(0.6 by difflib, case and punctuation aside); items are matched one to one, the most alike first. Printed are rates
from 0 to 1, CPU-seconds an image (after the first, which loads the models) and the peak memory of the process.

`--currency MYR` is that of the labels that name none. `--images 1540` reads each image as that policy would send it.
`--part even` or `--part odd` takes every other label, to develop on one half and check on the other; `--show` lists
what differs.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from loader.embedded_api.reader import Item, Reading, read_images
from loader.requests.images import POLICIES, prepare

ALIKE = 0.6
READ_AS = {"total": "total", "date": "purchased_on", "merchant": "merchant", "currency": "currency"}
DATES = ("%d/%m/%Y", "%d/%m/%y", "%d %b %Y", "%Y/%m/%d")


@dataclass
class Tally:
    """Counts over the receipts measured; a field of the header is a list of right (true) and wrong (false)."""

    matched: int = 0
    labelled: int = 0
    read: int = 0
    header: dict[str, list[bool]] = field(default_factory=lambda: {name: [] for name in READ_AS})
    seconds: list[float] = field(default_factory=list)

    def lines(self) -> list[str]:
        precision = self.matched / max(1, self.read)
        recall = self.matched / max(1, self.labelled)
        f1 = 2 * precision * recall / max(1e-9, precision + recall)
        rates = [f"{name} {sum(right) / len(right):.2f}" for name, right in self.header.items() if right]
        steady = self.seconds[1:] or self.seconds
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return [
            f"{len(self.seconds)} receipts, {self.labelled} items",
            f"items: F1 {f1:.3f}  precision {precision:.3f}  recall {recall:.3f}",
            "  ".join(rates),
            f"CPU-seconds an image: mean {sum(steady) / len(steady):.2f}  most {max(steady):.2f}",
            f"peak memory: {peak:.0f} MB",
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the embedded receipt reader on labelled images.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--images", choices=sorted(POLICIES), default="readable", help="as this policy sends them")
    parser.add_argument("--part", choices=("all", "even", "odd"), default="all")
    parser.add_argument("--currency", help="ISO 4217 code of the labels that name none")
    parser.add_argument("--show", action="store_true", help="list what differs from the labels")
    arguments = parser.parse_args()
    labels = list(json.loads(arguments.labels.read_text(encoding="utf-8")).items())
    part = {"all": labels, "even": labels[0::2], "odd": labels[1::2]}[arguments.part]
    tally, sent = Tally(), 0
    for name, label in part:
        images = prepare((arguments.folder / name).read_bytes(), POLICIES[arguments.images])
        sent += sum(len(image.data) for image in images)
        started = time.process_time()
        reading = read_images([image.data for image in images])
        tally.seconds.append(time.process_time() - started)
        differences = _compare(reading, {"currency": arguments.currency, **label}, tally)
        if arguments.show and differences:
            print(name, *differences, sep="\n    ")
    print(*tally.lines(), f"sent: {sent / 1000 / max(1, len(part)):.0f} KB an image", sep="\n")


def _compare(reading: Reading, label: dict[str, Any], tally: Tally) -> list[str]:
    """Adds one receipt to the tally; gives what differs, in words."""
    labelled = label.get("items", [])
    items = reading.items if "items" in label else ()
    pairs = matched(items, labelled)
    tally.matched += len(pairs)
    tally.labelled += len(labelled)
    tally.read += len(items)
    missed = [item for place, item in enumerate(labelled) if place not in pairs]
    extra = [item for place, item in enumerate(items) if place not in pairs.values()]
    differences = [f"not read: {item['name']} {_price(item)}" for item in missed]
    differences += [f"not labelled: {item.name} {item.price}" for item in extra]
    for name, expected, right in _header(reading, label):
        tally.header[name].append(right)
        if not right:
            differences.append(f"{name}: {expected}, read {getattr(reading, READ_AS[name])}")
    return differences


def _header(reading: Reading, label: dict[str, Any]) -> list[tuple[str, str, bool]]:
    """(field, what the label says, whether it was read) for the fields that the label has."""
    checks = []
    if total := label.get("total"):
        right = reading.total is not None and value(reading.total) == value(str(total))
        checks.append(("total", str(total), right))
    if date := label.get("date"):
        checks.append(("date", date, reading.purchased_on == _iso(date)))
    if merchant := label.get("merchant"):
        checks.append(("merchant", merchant, _alike(merchant, reading.merchant or "") >= ALIKE))
    if currency := label.get("currency"):
        checks.append(("currency", currency, reading.currency == currency))
    return checks


def matched(items: Sequence[Item], labelled: Sequence[dict[str, Any]]) -> dict[int, int]:
    """Place of a labelled item -> place of the item read that is the same."""
    candidates = [
        (_alike(wanted["name"], item.name), wanted_at, item_at)
        for wanted_at, wanted in enumerate(labelled)
        for item_at, item in enumerate(items)
        if abs(value(item.price) - Decimal(str(_price(wanted)))) < Decimal("0.005")
    ]
    pairs: dict[int, int] = {}
    for likeness, wanted_at, item_at in sorted(candidates, reverse=True):
        if likeness >= ALIKE and wanted_at not in pairs and item_at not in pairs.values():
            pairs[wanted_at] = item_at
    return pairs


def _price(labelled: dict[str, Any]) -> float:
    price: float = labelled["price"] if "price" in labelled else labelled["amount"]
    return price


def value(printed: str) -> Decimal:
    """A printed amount as a number: three figures after a lone mark are decimals where it starts with a nought or
    another mark groups, and thousands otherwise."""
    text = re.sub(r"[^\d.,]", "", printed).rstrip(".,")
    *groups, last = re.split(r"[.,]", text)
    number = "".join(groups) + ("." if groups and len(last) != 3 else "") + last
    is_negative = re.search(r"^\W*-|-\s*$|\(", printed.replace(",-", "").replace(".-", "")) is not None
    return Decimal(number or "0") * (-1 if is_negative else 1)


def _alike(first: str, second: str) -> float:
    return SequenceMatcher(None, _plain(first), _plain(second)).ratio()


def _plain(text: str) -> str:
    return re.sub(r"\W+", " ", text.casefold()).strip()


def _iso(date: str) -> str:
    text = re.sub(r"[-.]", "/", date).title()
    for form in DATES:
        try:
            return datetime.strptime(text, form).date().isoformat()
        except ValueError:
            continue
    raise SystemExit(f"The label's date {date} cannot be read: write it as 25/12/2018 or 2018-12-25")


if __name__ == "__main__":
    main()
