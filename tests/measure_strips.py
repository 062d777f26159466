"""What cutting long receipts is worth: `python -m tests.measure_strips [FOLDER OF SCANS]`.

Drawn strips of 40 to 120 items, five of each length, go through the embedded reader as the policies `original` and
`readable` send them; the reader gets what the vendor's shrinking leaves. An item is right when price and name are (as
for `measure_reader`). Printed is a table in Markdown: sizes and counts, no times.

With a folder of scans, these are set below each other as well, 900 pixels wide, two to five of them a strip. What is
right there is not known; counted are the amounts that were read on the scans alone and are read on the strip again.
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

from PIL import Image

from loader.embedded_api.reader import ocr, read_images
from loader.image_tokens import image_tokens, size_seen
from loader.requests.images import POLICIES, PreparedImage, prepare
from loader.sources import samples
from tests.measure_reader import matched, value

LENGTHS = (40, 60, 80, 100, 120)
SEEDS = range(1, 6)
STACKS = (2, 3, 4, 5)
WIDTH = 900
AMOUNT = re.compile(r"\d+[.,]\d\d\b")


@dataclass
class Tally:
    """Of one policy: images, tokens and least width that arrives, a strip; found of wanted; totals right."""

    images: int = 0
    tokens: int = 0
    width: int = 10_000
    found: int = 0
    wanted: int = 0
    totals: int = 0
    strips: int = 0

    def add(self, sent: Sequence[PreparedImage]) -> list[bytes]:
        """Count what is sent, and give the files."""
        self.strips += 1
        self.images += len(sent)
        self.tokens += sum(image_tokens(image.width, image.height) for image in sent)
        self.width = min(self.width, *(size_seen(image.width, image.height)[0] for image in sent))
        return [image.data for image in sent]

    def cells(self, *, with_totals: bool) -> list[str]:
        """Its part of a row."""
        shown = [
            f"{self.images / self.strips:.0f} of {self.width}",
            f"{self.tokens / self.strips:,.0f}",
            f"{self.found} of {self.wanted}",
        ]
        return [*shown, f"{self.totals} of {self.strips}"] if with_totals else shown


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    if folder is not None and len(list(folder.glob("*.jpg"))) < max(STACKS):
        raise SystemExit(f"{folder} has fewer than {max(STACKS)} scans (*.jpg): name a folder of some")
    print("Drawn strips, five of each length\n")
    _head("items, pixels", with_totals=True)
    for length in LENGTHS:
        strips = [samples.strip(length, seed) for seed in SEEDS]
        tallies = {policy: Tally() for policy in ("original", "readable")}
        for sample in strips:
            for policy, tally in tallies.items():
                _read_drawn(sample, policy, tally)
        _row(f"{length}, {_size(strips[0].image)}", tallies, with_totals=True)
    if folder is not None:
        print(f"\nScans set below each other, {WIDTH} pixels wide\n")
        _head("scans, pixels", with_totals=False)
        for count in STACKS:
            tallies = {policy: Tally() for policy in ("original", "readable")}
            size = ""
            for strip, amounts in _stacks(folder, count):
                size = size or _size(strip)
                for policy, tally in tallies.items():
                    again = Counter[str]()
                    for image in tally.add(prepare(strip, POLICIES[policy])):
                        again += _amounts(image)
                    tally.wanted += amounts.total()
                    tally.found += (again & amounts).total()
            _row(f"{count}, {size}", tallies, with_totals=False)


def _read_drawn(sample: samples.Sample, policy: str, tally: Tally) -> None:
    label = json.loads(sample.text)
    reading = read_images(tally.add(prepare(sample.image, POLICIES[policy])))
    wanted = [{"name": item["item_name"], "price": float(value(item["item_value"]))} for item in label["line_items"]]
    tally.wanted += len(wanted)
    tally.found += len(matched(reading.items, wanted))
    tally.totals += reading.total is not None and value(reading.total) == Decimal(value(label["total"]))


def _stacks(folder: Path, count: int) -> Iterator[tuple[bytes, Counter[str]]]:
    """So many scans below each other as a JPEG, and the amounts that are read on them alone; each scan once."""
    paths = sorted(folder.glob("*.jpg"))
    for first in range(0, len(paths) - count + 1, count):
        scans = []
        amounts = Counter[str]()
        for path in paths[first : first + count]:
            scan = Image.open(path).convert("RGB")
            scans.append(scan.resize((WIDTH, round(scan.height * WIDTH / scan.width)), Image.Resampling.LANCZOS))
            amounts += _amounts_alone(path)
        strip = Image.new("RGB", (WIDTH, sum(scan.height for scan in scans)), "white")
        top = 0
        for scan in scans:
            strip.paste(scan, (0, top))
            top += scan.height
        buffer = io.BytesIO()
        strip.save(buffer, "JPEG", quality=90)
        yield buffer.getvalue(), amounts


@cache
def _amounts_alone(path: Path) -> Counter[str]:
    return sum((_amounts(image.data) for image in prepare(path.read_bytes())), Counter[str]())


def _amounts(image: bytes) -> Counter[str]:
    return Counter(amount for box in ocr.read_page(image).boxes for amount in AMOUNT.findall(box.text))


def _size(image: bytes) -> str:
    width, height = Image.open(io.BytesIO(image)).size
    return f"{width} x {height}"


def _head(first: str, *, with_totals: bool) -> None:
    names = ["images, width", "tokens", "found", *(["totals"] if with_totals else [])]
    columns = [f"`{policy}`: {name}" for policy in ("original", "readable") for name in names]
    print("|", " | ".join([first, *columns]), "|")
    print("|", " | ".join(["---"] * (1 + len(columns))), "|", flush=True)


def _row(first: str, tallies: dict[str, Tally], *, with_totals: bool) -> None:
    cells = [cell for tally in tallies.values() for cell in tally.cells(with_totals=with_totals)]
    print("|", " | ".join([first, *cells]), "|", flush=True)


if __name__ == "__main__":
    main()
