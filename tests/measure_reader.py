"""How well the embedded reader reads: `python -m tests.measure_reader DIR…` prints one table in Markdown.

DIR holds kinds of receipts, each a folder of images or PDFs (`us/`) and what stands on them (`us_labels.json`):

    {"001.jpg": {"items": [{"name": "TEH TARIK", "price": 4.5, "classification": "Beverage"}, ...],
                 "merchant": "KEDAI KOPI", "date": "25/12/2018", "total": "9.00", "currency": "MYR", "tax": 0.5}, ...}

`price` (or `amount`) is that of the line, as a number. What is missing or null isn't measured; dates are day first, or
year first. `accept` is a list of fields that may as well be read so; `item_count` stands for items that nobody wrote
down; of a label that is `doubtful` the receipt alone counts, for `balanced`. A kind whose names begin with a country
(`nl_cafe_1.pdf`) has a row for each.

The columns: F1 of items (an item is right when its price is equal and its name alike: 0.6 by difflib, case and
punctuation aside; matched one to one, the most alike first) and of prices alone; then shares of the receipts, or of the
items for categories. A currency is right when the answer or its country says so; a merchant when the name is alike, or
that of the label (up to a comma) stands in it, or it in that; tax is the sum of taxes added, where the label has one.
`balanced` is the verdict of dbt's `int_answers__reconciled`, with no label. `right` are those with all prices and
the total. The last three, `left out`, are read without the words that only this country's receipts have: rules written
by hand fit what was looked at, and this is nearer to what the reader makes of a country that it has not met.

`--images 1540` reads each image as that policy would send it, `--currency MYR` is that of labels that name none,
`--part even` or `odd` takes every other label; `--show` lists what differs.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from difflib import SequenceMatcher
from itertools import product
from pathlib import Path
from typing import Any

from loader import seeds
from loader.embedded_api.reader import Item, Reading, ocr, reading_of_pages
from loader.requests.images import POLICIES, prepare
from tests import left_out

ALIKE = 0.6
DATES = ("%d/%m/%Y", "%d/%m/%y", "%d %b %Y", "%Y/%m/%d")
COUNTRIES = {"de": "de", "receipts": "my", "us": "us"}
"""Of kinds that are of one country."""
SHARES = ("right", "total", "date", "currency", "merchant", "category", "tax", "tip", "balanced")
LEFT_OUT = ("left out: prices F1", "total", "balanced")
Label = dict[str, Any]


@dataclass(frozen=True)
class Receipt:
    """A labelled file, its pages as the OCR gives them, what was read, and the CPU-seconds an image of both."""

    kind: str
    name: str
    label: Label
    pages: Sequence[ocr.Page]
    reading: Reading
    seconds: float

    @property
    def country(self) -> str:
        """That of its kind, or the one that its name begins with."""
        named = None if self.kind in COUNTRIES else re.match(r"([a-z]{2})_", self.name)
        return named[1] if named else COUNTRIES.get(self.kind, self.kind)

    @property
    def rows(self) -> list[str]:
        """The rows of the table that it counts in."""
        return [self.kind] if self.kind in COUNTRIES else [self.kind, f"- {self.country}"]


@dataclass
class Tally:
    """Counts over the receipts of a row."""

    receipts: int = 0
    items: Counter[str] = field(default_factory=Counter)
    shares: dict[str, list[bool]] = field(default_factory=lambda: {name: [] for name in SHARES})
    seconds: list[float] = field(default_factory=list)

    def cells(self) -> list[str]:
        """All but the seconds."""
        return [str(self.receipts), self.f1("alike"), self.f1("priced"), *map(self.share, SHARES)]

    def share(self, name: str) -> str:
        """Of a column, in percent; empty where no label has it."""
        share = self.shares[name]
        return f"{100 * sum(share) / len(share):.0f} %" if share else ""

    def f1(self, matched: str) -> str:
        both = self.items["labelled"] + self.items["read"]
        return f"{2 * self.items[matched] / both:.3f}" if both else ""


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the embedded receipt reader on labelled images.")
    parser.add_argument("folders", type=Path, nargs="+", metavar="DIR")
    parser.add_argument("--images", choices=sorted(POLICIES), default="readable", help="as this policy sends them")
    parser.add_argument("--part", choices=("all", "even", "odd"), default="all")
    parser.add_argument("--currency", help="ISO 4217 code of the labels that name none")
    parser.add_argument("--show", action="store_true", help="list what differs from the labels")
    arguments = parser.parse_args()

    part = {"all": slice(None), "even": slice(0, None, 2), "odd": slice(1, None, 2)}[arguments.part]
    kinds = [kind for folder in arguments.folders for kind in labelled(folder)]
    if not kinds:
        raise SystemExit("No labels in these folders: name one that holds us/ and us_labels.json, or the like")
    receipts = [read(files, name, label, arguments.images) for files, labels in kinds for name, label in labels[part]]
    print(*measure(receipts, arguments.currency, arguments.show), sep="\n")
    print(f"\npeak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def labelled(folder: Path) -> Iterator[tuple[Path, list[tuple[str, Label]]]]:
    """The kinds in a folder: the folder of their files, and (name, label) of each."""
    for labels in sorted(folder.glob("*_labels.json")):
        yield (
            folder / labels.name.removesuffix("_labels.json"),
            list(json.loads(labels.read_text(encoding="utf-8")).items()),
        )


def read(files: Path, name: str, label: Label, policy: str) -> Receipt:
    """One file, as a policy for images sends it."""
    images = prepare((files / name).read_bytes(), POLICIES[policy])
    started = time.process_time()
    pages = [ocr.read_page(image.data) for image in images]
    reading = reading_of_pages(pages)
    return Receipt(files.name, name, label, pages, reading, (time.process_time() - started) / len(images))


def measure(receipts: Sequence[Receipt], currency: str | None, show: bool) -> list[str]:
    """The rows of the table; `currency` is that of labels that name none."""
    rows = [f"| {' | '.join(('kind', 'receipts', 'items F1', 'prices F1', *SHARES, 'CPU-s an image', *LEFT_OUT))} |"]
    rows.append("|" + " --- |" * rows[0].count(" | ") + " --- |")
    known, unmet = defaultdict[str, Tally](Tally), defaultdict[str, Tally](Tally)
    for receipt in receipts:
        for name in receipt.rows:
            differences = compare(receipt.reading, {"currency": currency, **receipt.label}, known[name])
            known[name].seconds.append(receipt.seconds)
        if show and differences:
            print(receipt.name, *differences, sep="\n    ")
    for receipt, reading in read_left_out(receipts):
        for name in receipt.rows:
            compare(reading, {"currency": currency, **receipt.label}, unmet[name])
    for name, tally in known.items():
        steady, other = tally.seconds[1:] or tally.seconds, unmet[name]
        others = [other.f1("priced"), other.share("total"), other.share("balanced")]
        rows.append(f"| {' | '.join((name, *tally.cells(), f'{sum(steady) / len(steady):.2f}', *others))} |")
    return rows


def read_left_out(receipts: Sequence[Receipt]) -> Iterator[tuple[Receipt, Reading]]:
    """Each receipt again, as the reader reads it that never met its country."""
    learned = left_out.learned_from([(receipt.country, receipt.pages) for receipt in receipts])
    for country, words in learned.items():
        with left_out.without(words):
            for receipt in receipts:
                if receipt.country == country:
                    yield receipt, reading_of_pages(receipt.pages)


def compare(reading: Reading, label: Label, tally: Tally) -> list[str]:
    """Adds one receipt to the tally; gives what differs, in words."""
    is_balanced = balanced(reading)
    tally.receipts += 1
    tally.shares["balanced"].append(is_balanced)
    if label.get("doubtful"):
        return []
    wanted = label.get("items", [])
    items = reading.items if "items" in label else ()
    pairs = matched(items, wanted)
    priced = (Counter(_price(item) for item in wanted) & Counter(value(item.price) for item in items)).total()
    tally.items.update(labelled=len(wanted), read=len(items), alike=len(pairs), priced=priced)
    missed = [item for place, item in enumerate(wanted) if place not in pairs]
    extra = [item for place, item in enumerate(items) if place not in pairs.values()]
    differences = [f"not read: {item['name']} {_price(item)}" for item in missed]
    differences += [f"not labelled: {item.name} {item.price}" for item in extra]
    total_is_right = True
    for name, expected, found, right in _header(reading, label):
        tally.shares[name].append(right)
        total_is_right &= right or name != "total"
        if not right:
            differences.append(f"{name}: {expected}, read {found}")
    for place, item_at in pairs.items():
        if expected := wanted[place].get("classification"):
            found = items[item_at].classification
            tally.shares["category"].append(found == expected)
            differences += [f"category: {items[item_at].name}: {expected}, read {found}"] * (found != expected)
    count = label.get("item_count")
    all_items = is_balanced and len(reading.items) == count if count else priced == len(wanted) == len(items)
    tally.shares["right"].append(all_items and total_is_right)
    if count and count != len(reading.items):
        differences.append(f"items: {count}, read {len(reading.items)}")
    return differences if is_balanced else [*differences, "not balanced"]


def _header(reading: Reading, label: Label) -> Iterator[tuple[str, Any, Any, bool]]:
    """(column, what the label says, what was read, whether that is right) for the fields that the label has."""
    others = label.get("accept", [])
    if total := label.get("total"):
        totals = {value(str(each)) for each in (total, *(other["total"] for other in others if "total" in other))}
        yield "total", total, reading.total, reading.total is not None and value(reading.total) in totals
    if date := label.get("date"):
        yield "date", date, reading.purchased_on, reading.purchased_on == _iso(date)
    if merchant := label.get("merchant"):
        yield "merchant", merchant, reading.merchant, same_merchant(merchant, reading.merchant or "")
    if currency := label.get("currency"):
        read = reading.currency or seeds.currency_of_country().get(reading.country or "")
        yield "currency", currency, (reading.currency, reading.country), read == currency
    tax = label.get("tax", label.get("tax_added"))
    if tax is not None:
        yield "tax", tax, reading.taxes, sum(map(value, reading.taxes)) == value(f"{tax:.2f}")
    if "tip" in label and (label.get("tax") is not None or label["tip"]):
        tips = {value(f"{each.get('tip') or 0:.2f}") for each in (label, *others)}
        yield "tip", label["tip"], reading.tip, value(reading.tip or "0") in tips


def same_merchant(label: str, read: str) -> bool:
    """Whether two names are of one shop: alike, or one (the label's up to a comma) within the other."""
    names = [_plain(label), _plain(re.split(r"[,(]", label)[0])]
    found = _plain(read)
    if not found:
        return False
    inside = any(name in found or (len(found) > 3 and found in name) for name in names if name)
    return inside or any(SequenceMatcher(None, name, found).ratio() >= ALIKE for name in names)


def balanced(reading: Reading) -> bool:
    """The verdict of `int_answers__reconciled`: whether the items make the total, as they are or with what is added."""
    items = sum((value(item.price) for item in reading.items), Decimal(0))
    if not reading.items or not (reading.total or reading.subtotal):
        return False
    if not reading.total:
        return items == value(reading.subtotal or "")
    tax, tip, service = sum(map(value, reading.taxes)), value(reading.tip or "0"), value(reading.service_charge or "0")
    rounding = value(reading.rounding or "0")
    sums = {items + a * tax + b * tip + c * service + rounding for a, b, c in product((0, 1), repeat=3)}
    is_cash = reading.currency == "MYR" or reading.country == "MY"
    slack = Decimal("0.025") if is_cash and not rounding and reading.payment_method != "card" else Decimal(0)
    return any(abs(value(reading.total) - each) <= slack for each in sums)


def matched(items: Sequence[Item], labelled: Sequence[Label]) -> dict[int, int]:
    """Place of a labelled item -> place of the item read that is the same."""
    candidates = [
        (_alike(wanted["name"], item.name), wanted_at, item_at)
        for wanted_at, wanted in enumerate(labelled)
        for item_at, item in enumerate(items)
        if value(item.price) == _price(wanted)
    ]
    pairs: dict[int, int] = {}
    for likeness, wanted_at, item_at in sorted(candidates, reverse=True):
        if likeness >= ALIKE and wanted_at not in pairs and item_at not in pairs.values():
            pairs[wanted_at] = item_at
    return pairs


def _price(wanted: Label) -> Decimal:
    price: float = wanted["price"] if "price" in wanted else wanted["amount"]
    return Decimal(str(price)).quantize(Decimal("0.01"))


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
    return re.sub(r"[\W_]+", " ", text.casefold()).strip()


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
