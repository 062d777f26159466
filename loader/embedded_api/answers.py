"""What a reader found, worded as was asked: by any JSON schema, or as a plain object with `items`.

A schema's properties are known by their names: those of `HEADER_FIELDS` and `ITEM_FIELDS`, and others that people give
them, such as `store_name` or `line_items`. What a receipt doesn't show is null where the schema allows it, and left
out where it isn't required; else the request is refused: nothing is made up. jsonschema has the last word.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Protocol

import orjson
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from referencing import Registry
from referencing.exceptions import Unresolvable

from loader.embedded_api.errors import ApiRefusal, bad_request

HEADER_FIELDS = (
    "document_type",
    "merchant",
    "country",
    "purchased_on",
    "purchased_at",
    "receipt_number",
    "currency",
    "payment_method",
    "subtotal",
    "taxes",
    "tip",
    "service_charge",
    "rounding",
    "total",
)
TOP_FIELDS = (*HEADER_FIELDS, "items")
ITEM_FIELDS = ("name", "price", "classification")
OTHER_NAMES = {
    "items": "line_items products lines purchases",
    "name": "item item_name description product product_name title",
    "price": "amount item_value item_price line_total total_price total value",
    "classification": "category item_category class type",
    "merchant": "merchant_name store store_name shop shop_name vendor vendor_name",
    "purchased_on": "date purchase_date transaction_date receipt_date",
    "purchased_at": "time purchase_time transaction_time",
    "currency": "currency_code",
    "subtotal": "sub_total subtotal_amount",
    "taxes": "tax tax_amount total_tax",
    "total": "total_amount grand_total amount total_price",
}
JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
MOST_NODES = 20_000  # of a schema that are followed for one answer: definitions may double at each step
DEEPEST = 8  # of objects within objects


class Item(Protocol):
    """A line of a receipt."""

    @property
    def name(self) -> str: ...
    @property
    def price(self) -> str: ...
    @property
    def classification(self) -> str: ...


class Reading(Protocol):
    """What stands on the images of a receipt: items, and those of `HEADER_FIELDS` that are known (taxes: several)."""

    @property
    def items(self) -> Sequence[Item]: ...


class _UnfitError(Exception):
    """The schema wants something that the reader cannot give; the text names it by its path."""


def plain_answer(reading: Reading) -> str:
    """`{"items": […]}`, with a price whose print is a JSON number as that, `25.000` digit by digit: as the vendor's."""
    items = [{name: getattr(item, name) for name in ITEM_FIELDS} for item in reading.items]
    for item in items:
        if JSON_NUMBER.fullmatch(item["price"]):
            item["price"] = orjson.Fragment(item["price"])
    return orjson.dumps({"items": items}).decode()


class Schema:
    """A JSON schema that an answer must follow. Raises ApiRefusal (400) when it is none."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        try:
            self._validator = _validator(orjson.dumps(schema))
        except (RecursionError, orjson.JSONEncodeError):  # which of the two depends on how deep
            raise bad_request("The JSON schema is nested too deeply") from None
        self._root: dict[str, Any] = self._validator.schema
        self._nodes = 0

    def categories(self) -> tuple[str, ...]:
        """The categories among which an item's must be; none: any."""
        with _refusals():
            items = self._property(self._root, "items", TOP_FIELDS)
            item = next(self._branches(self._merged(items).get("items", {})), {}) if items is not None else {}
            found = self._property(item, "classification", ITEM_FIELDS)
            for branch in self._branches(found) if found is not None else ():
                if isinstance(branch.get("enum"), list):
                    return tuple(value for value in branch["enum"] if isinstance(value, str))
        return ()

    def answer(self, reading: Reading) -> str:
        """What was read, as JSON of this schema; ApiRefusal (400) when it wants what a reader cannot know."""
        self._nodes = 0
        known: dict[str, Any] = {name: getattr(reading, name, None) for name in HEADER_FIELDS}
        known["taxes"] = list(known["taxes"] or ())
        known["items"] = [{name: getattr(item, name) for name in ITEM_FIELDS} for item in reading.items]
        with _refusals():
            answer = self._fit(self._root, None, known, "")
            wrong = next(self._validator.iter_errors(answer), None)
            if wrong is not None:
                raise _UnfitError(f"{wrong.json_path.removeprefix('$.')} ({wrong.validator})")
        return orjson.dumps(answer).decode()

    # What a schema says of a value

    def _merged(self, node: Any) -> dict[str, Any]:
        """A node with what it refers to (`$ref`) and what it is made of (`allOf`)."""
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise _UnfitError("its definitions, which are too many")
        if not isinstance(node, dict):
            return {}
        merged = {key: value for key, value in node.items() if key not in ("$ref", "allOf")}
        parts = [self._referred(node["$ref"])] if "$ref" in node else []
        for part in [*parts, *node.get("allOf", ())]:
            for key, value in self._merged(part).items():
                if key == "properties":
                    merged[key] = {**value, **merged.get(key, {})}
                elif key == "required":
                    merged[key] = [*merged.get(key, ()), *value]
                else:
                    merged.setdefault(key, value)
        return merged

    def _referred(self, reference: str) -> Any:
        """The node at `#/$defs/Item`; nothing is fetched from elsewhere."""
        node: Any = self._root
        for step in reference.removeprefix("#").split("/")[1:]:
            node = node.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(node, dict) else None
        if not reference.startswith("#") or node is None:
            raise _UnfitError(f"what {reference[:80]!r} refers to")
        return node

    def _branches(self, node: Any) -> Iterator[dict[str, Any]]:
        """The ways in which a value may be written: the node itself, or each of its alternatives."""
        merged = self._merged(node)
        ways = merged.get("anyOf") or merged.get("oneOf")
        if not ways:
            yield merged
            return
        around = {key: value for key, value in merged.items() if key not in ("anyOf", "oneOf")}
        for way in ways:
            yield from self._branches({"allOf": [way, around]})

    def _property(self, node: Any, wanted: str, names: Sequence[str], depth: int = 2) -> Any:
        """The schema of the property that means what is wanted, be it in an object within the object."""
        for branch in self._branches(node):
            for name, value in branch.get("properties", {}).items():
                if _meaning(name, names) == wanted:
                    return value
            for value in branch.get("properties", {}).values() if depth else ():
                if (found := self._property(value, wanted, names, depth - 1)) is not None:
                    return found
        return None

    # A value as a schema wants it

    def _fit(self, node: Any, value: Any, known: Mapping[str, Any], path: str) -> Any:
        """The value as one of the node's branches wants it, the first that can be; null for what isn't known."""
        if path.count(".") > DEEPEST:
            raise _UnfitError(path)
        branches = list(self._branches(node))
        if value is None:
            branches.sort(key=lambda branch: not _takes_null(branch))
        unfit: _UnfitError | None = None
        for branch in branches:
            try:
                return self._fit_one(branch, value, known, path)
            except _UnfitError as error:
                unfit = unfit or error
        raise unfit or _UnfitError(path)

    def _fit_one(self, node: dict[str, Any], value: Any, known: Mapping[str, Any], path: str) -> Any:
        if "const" in node or "enum" in node:
            return _one_of([node["const"]] if "const" in node else node["enum"], value, path)
        kinds = _kinds(node)
        if isinstance(value, list) and len(value) == 1 and "array" not in kinds:
            return self._fit_one(node, value[0], known, path)  # the one tax of a receipt
        if isinstance(value, str):
            return self._text(node, value, path)
        if isinstance(value, list) and "array" in kinds:
            return [self._fit(node.get("items", {}), one, _scope(one), f"{path}[]") for one in value]
        if "null" in kinds and not isinstance(value, dict):
            return None
        if "object" in kinds and not isinstance(value, list):
            return self._object(node, known, path)
        raise _UnfitError(path)

    def _text(self, node: dict[str, Any], value: str, path: str) -> Any:
        """What was printed as a text, a number, or an object of its own (a tax)."""
        kinds, number = _kinds(node), _number(value)
        if "string" in kinds:
            return value
        if number is not None and "number" in kinds:
            return number
        if number is not None and "integer" in kinds and number == int(number):
            return int(number)
        if "object" in kinds:
            return self._object(node, {"price": value, "name": None}, path)
        if "null" in kinds:
            return None
        raise _UnfitError(path)

    def _object(self, node: dict[str, Any], known: Mapping[str, Any], path: str) -> dict[str, Any]:
        required = [name for name in node.get("required", ()) if isinstance(name, str)]
        names = ITEM_FIELDS if "name" in known else TOP_FIELDS
        properties = node.get("properties", {})
        answer = {}
        for name, wanted in {**properties, **{name: {} for name in required if name not in properties}}.items():
            value = known.get(_meaning(name, names) or "")
            try:
                answer[name] = self._fit(wanted, value, known, f"{path}.{name}" if path else name)
            except _UnfitError:
                if name in required:
                    raise
        return answer


@contextmanager
def _refusals() -> Iterator[None]:
    """Turns what cannot be given into a refusal that names it."""
    try:
        yield
    except _UnfitError as error:
        raise _unfit(str(error)) from None
    except (RecursionError, Unresolvable, re.error, ArithmeticError):
        raise _unfit("a definition that refers to itself or to nothing, or a pattern that is none") from None


def _unfit(what: str) -> ApiRefusal:
    return bad_request(
        f"The JSON schema wants {what[:300]} in a way that cannot be read off this receipt: let it be null, or a text"
    )


@lru_cache(16)  # the requests of a batch mostly have one
def _validator(schema: bytes) -> Draft202012Validator:
    parsed = orjson.loads(schema)
    try:
        Draft202012Validator.check_schema(parsed)
    except SchemaError as error:
        where = ".".join(map(str, error.absolute_path)) or "its top"
        raise bad_request(f"`response_format.json_schema.schema` is no JSON schema: see {where[:300]}") from None
    return Draft202012Validator(parsed, registry=Registry())


def _kinds(node: Mapping[str, Any]) -> set[str]:
    """The types that a node takes; where it names none, what else it says tells, or any."""
    named = node.get("type")
    if isinstance(named, str):
        return {named}
    if isinstance(named, list):
        return set(named)
    if "properties" in node:
        return {"object"}
    return {"array"} if "items" in node else {"object", "array", "string", "number", "integer", "null"}


def _takes_null(node: Mapping[str, Any]) -> bool:
    return None in node["enum"] if "enum" in node else "null" in _kinds(node)


def _one_of(allowed: Sequence[Any], value: Any, path: str) -> Any:
    """The value as the list has it, whatever its case; the only one; null where the value isn't there and may be."""
    for one in allowed:
        if one == value or (isinstance(one, str) and isinstance(value, str) and one.casefold() == value.casefold()):
            return one
    if len(allowed) == 1:
        return allowed[0]
    if None in allowed:
        return None
    raise _UnfitError(path)


def _scope(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _plain(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


@lru_cache(1024)
def _meaning(name: str, names: Sequence[str]) -> str | None:
    """Which of `names` a schema's property means, if any."""
    plain = _plain(name)
    for wanted in names:
        if plain == _plain(wanted):
            return wanted
    for wanted in names:
        if plain in map(_plain, OTHER_NAMES.get(wanted, "").split()):
            return wanted
    return None


def _number(printed: str) -> float | None:
    """A printed amount as a number: of two marks the last is decimal, and one with three digits behind it groups."""
    plain = re.sub(r"[\s'’]", "", printed)  # noqa: RUF001
    match = re.fullmatch(r"(-?)([0-9][0-9.,]*)", plain)
    if not match:
        return None
    sign, digits = match.groups()
    marks = re.findall(r"[.,]", digits)
    last = max(digits.rfind("."), digits.rfind(","))
    behind = len(digits) - last - 1
    groups = len(set(marks)) < 2 and (len(marks) > 1 or behind == 3)
    whole, fraction = (digits, "") if not marks or groups else (digits[:last], digits[last + 1 :])
    number = float(f"{sign}{re.sub(r'[.,]', '', whole)}.{fraction or 0}")
    return number if math.isfinite(number) else None
