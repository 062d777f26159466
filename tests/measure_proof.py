"""What the verdict on a receipt is worth: `python -m tests.measure_proof LABELS.json …`.

Labels as for `tests.measure_reader`, with `subtotal`, `tax` (or `tax_added`), `tip`, `service_charge` and `rounding`
where they are printed. Each labelled receipt whose label adds up is damaged in every way that reading goes wrong; all
are built by dbt, and printed is how many of each kind still count as balanced with all of their items: those that
nobody would notice.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from tests.dbt.build import dbt_or_fail
from tests.dbt.raw_tables import RawTables, answer_line

AMOUNTS = ("subtotal", "tip", "service_charge", "rounding", "total")


def receipts(paths: list[Path]) -> Iterator[tuple[dict[str, Any], list[tuple[str, float]]]]:
    """The header of each labelled receipt and its items as name and amount."""
    for path in paths:
        for label in json.loads(path.read_text(encoding="utf-8")).values():
            items = [(item["name"], item.get("amount", item.get("price"))) for item in label.get("items", [])]
            if not items or not label.get("total"):
                continue
            tax = label.get("tax", label.get("tax_added"))
            header = {
                key: _printed(label.get(key)) for key in ("subtotal", "tip", "service_charge", "rounding", "total")
            }
            header |= {"taxes": [_printed(tax)] if tax else [], "currency": label.get("currency") or "MYR"}
            yield header, items


def _printed(amount: Any) -> str | None:
    if isinstance(amount, int | float):
        return f"{amount:.2f}" if amount else None
    return amount or None


def damages(header: dict[str, Any], items: list[tuple[str, float]]) -> Iterator[tuple[str, list[tuple[str, float]]]]:
    """Readings of a receipt with one thing wrong, by kind."""
    for place, (name, amount) in enumerate(items):
        others = [*items[:place], *items[place + 1 :]]
        if amount:
            yield "an item missed", others
            yield "an item doubled", [*items, (name, amount)]
            yield "a digit off", [*others, (name, round(amount + (1 if amount < 1000 else 100), 2))]
        if amount < 0:
            yield "a discount lost", others
            yield "a sign lost", [*others, (name, -amount)]
        for second, (_, another) in enumerate(others):
            if second >= place and amount + another:
                yield "two items missed", [*others[:second], *others[second + 1 :]]
    for charge in (*header["taxes"], header["tip"], header["service_charge"]):
        if charge:
            yield "a tax or tip listed as an item", [*items, ("Tax or tip", float(charge))]


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as directory:
        raw = RawTables(Path(directory) / "warehouse.duckdb")
        lines, kinds = [], {}
        for number, (header, items) in enumerate(receipts([Path(name) for name in sys.argv[1:]])):
            for damage, (kind, read) in enumerate([("as it is", items), *damages(header, items)]):
                name = f"{number:04}-{damage:04}"
                kinds[name] = kind
                listed = [{"name": n, "price": f"{amount:.2f}", "classification": "Other"} for n, amount in read]
                lines.append(answer_line(name, json.dumps({**header, "items": listed})))
        with raw:
            raw.receipts(kinds)
            raw.requests("shard", {name: name for name in kinds})
            raw.job("job", "shard")
            raw.lines("job", "file", lines)
        dbt_or_fail("build", "--quiet", "--select", "+receipts", "--resource-type", "model", "--resource-type", "seed",
                    warehouse=raw.path)  # fmt: skip
        with duckdb.connect(str(raw.path), read_only=True) as connection:
            found = dict(
                connection.execute(
                    """
                    select ranked.custom_id,
                        ranked.item_count = count(items.answer_id) and ranked.reconciliation = 'balanced'
                    from intermediate.int_answers__ranked as ranked
                    left join intermediate.int_items__valued as items
                        on items.answer_id = ranked.answer_id and items.reason is null
                    group by ranked.custom_id, ranked.item_count, ranked.reconciliation
                    """
                ).fetchall()
            )
    add_up = {name[:4] for name, kind in kinds.items() if kind == "as it is" and found[name]}
    tried = Counter(kind for name, kind in kinds.items() if name[:4] in add_up)
    balanced = Counter(kind for name, kind in kinds.items() if name[:4] in add_up and found[name])
    print(f"{len(add_up)} of {sum(kind == 'as it is' for kind in kinds.values())} labels add up; of those, damaged:")
    for kind, count in tried.items():
        print(f"{kind:32} {count:6,} tried  {balanced[kind]:4} still balanced")
    wrong = sum(balanced.values()) - balanced["as it is"]
    print(f"{'all':32} {sum(tried.values()) - len(add_up):6,} tried  {wrong:4} still balanced")


if __name__ == "__main__":
    main()
