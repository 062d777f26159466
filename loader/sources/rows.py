"""Rows of a data set, wherever it lies: which column holds what, and the receipt in a row."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loader.errors import SourceError
from loader.sources import locations
from loader.sources.image_values import image_in, likeness
from loader.sources.receipt import ReadPath, Receipt, in_a_line

KEY_COLUMNS = ("receiptid", "receipt_id", "id")
PEEK_ROWS = 8
_A_PATH = 2.0

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Columns:
    """Which column of a dataset holds what; None where it has no such column.

    `others`: further columns of images, which are not read.
    """

    image: str
    key: str | None
    label: str | None
    currency: str | None
    others: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        return [name for name in (self.image, self.key, self.label, self.currency) if name is not None]

    def note(self, source: str) -> str | None:
        """What a person should know of the choice, where there was one."""
        if not self.others:
            return None
        chosen, *others = map(in_a_line, (self.image, *self.others))
        return f"{in_a_line(source)}: the images are read from column {chosen}; not from {', '.join(others)}"


def find_columns(
    source: str,
    names: Sequence[str],
    *,
    typed: Sequence[str],
    possible: Sequence[str],
    peek: Callable[[Sequence[str]], list[Row]],
) -> Columns:
    """The columns of a dataset.

    `typed` columns are images by their type, `possible` ones by what they hold in the first rows, which `peek` gives.
    Among several the one named `image` is read, else what is surest. Where the first rows tell nothing, it is the one
    named `image`. Raises SourceError, naming the columns, when there is none.
    """
    lower = {name.lower(): name for name in reversed(names)}
    named = lower.get("image")
    is_certain = len(typed) == 1 and named in (None, *typed)
    rows = [] if is_certain else peek(possible)
    held = {name: [row.get(name) for row in rows] for name in names}
    sure = {name: _likeness(held[name], name in typed) for name in names}
    found = sorted(
        (name for name in names if sure[name] is not None),
        key=lambda name: ((sure[name] or 0) >= _A_PATH, name != named, sure[name], names.index(name)),
    )
    if not found and named is not None and named in possible and _may_hold_images(held[named]):
        found = [named]
    if not found:
        what = "no image column in" if named is None else f"column {named} holds no images in"
        raise SourceError(f"{what} {source}: it has {', '.join(names) or 'none'}; name the one with images `image`")
    key = next((lower[name] for name in KEY_COLUMNS if name in lower), None)
    others = tuple(name for name in found[1:] if (sure[name] or 0) < _A_PATH)
    return Columns(found[0], key, lower.get("text"), lower.get("currency"), others)


def _likeness(values: list[Any], is_typed: bool) -> float | None:
    found = [kind for kind in map(likeness, values) if kind is not None]
    if is_typed:
        return min([1.0, *found])
    return min(found, default=None)


def _may_hold_images(values: list[Any]) -> bool:
    return all(value is None or isinstance(value, bytes | str | Mapping) for value in values)


def row_receipt(
    source: str, row: Row, number: int, columns: Columns, read: ReadPath, place: tuple[str, str]
) -> Receipt:
    """The receipt in a row, the `number`th of its source.

    `place`: the location of the data set, for a row with an id of its own; that of the row, for one without.
    """

    def text(column: str | None) -> str | None:
        value = row.get(column) if column is not None else None
        if value is None or isinstance(value, str):
            return value
        return json.dumps(value, ensure_ascii=False, default=str)

    image, error = image_in(row.get(columns.image), read)
    currency = (text(columns.currency) or "").strip() or None
    key = text(columns.key)
    location = locations.of_row(place[0], key) if key else place[1]
    return Receipt(source, key or str(number), image, error, currency, text(columns.label), location)
