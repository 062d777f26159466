"""Contents of answers on which JSON parsers differ, and the status that every engine must give each."""

from __future__ import annotations

import json

from tests.dbt.raw_tables import RawTables, answer_line

ITEM = '{"name": "Tea", "price": "3.20", "classification": "Beverage"}'
GOOD = f'{{"items": [{ITEM}]}}'
PRICED = '{"items": [{"name": "Tea", "price": %s, "classification": "Food"}]}'

# Those that are to be `truncated` are answers that the limit of tokens cut off.
CONTENTS: dict[str, tuple[str, str]] = {
    "plain": (GOOD, "extracted"),
    "spaces around": (f" \r\n\t{GOOD}\n ", "extracted"),
    "trailing words": (f"{GOOD} Anything else?", "extracted"),
    "trailing bracket": (GOOD + "}", "extracted"),
    "two documents": (GOOD + GOOD, "extracted"),
    "duplicate keys, full first": (f'{{"items": [{ITEM}], "items": []}}', "extracted"),
    "duplicate keys, empty first": (f'{{"items": [], "items": [{ITEM}]}}', "extracted"),
    "duplicate keys in an item": (PRICED % '"1.00", "price": "2.00"', "extracted"),
    "duplicate keys and braces": (GOOD.replace('"Tea"', '"}{", "name": "\\"}", "name": "]"'), "extracted"),
    "duplicate keys in a nested object": (PRICED % '{"a": 1, "a": 2, "price": "1.00"}', "extracted"),
    "NaN": (PRICED % "NaN", "extracted"),
    "minus infinity": (PRICED % "-Infinity", "extracted"),
    "Python's None": (PRICED % "None", "unreadable"),
    "Python's True": (PRICED % "True", "unreadable"),
    "undefined": (PRICED % "undefined", "unreadable"),
    "NaN in the list": (f'{{"items": [NaN, {ITEM}]}}', "extracted"),
    "trailing comma in the list": (f'{{"items": [{ITEM},]}}', "extracted"),
    "trailing comma in an item": ('{"items": [{"name": "a,]", "price": "1.00",}]}', "extracted"),
    "two trailing commas": (f'{{"items": [{ITEM},,]}}', "unreadable"),
    "nothing but a comma": ('{"items": [,]}', "unreadable"),
    "missing comma": (f'{{"items": [{ITEM} {ITEM}]}}', "unreadable"),
    "missing colon": ('{"items" []}', "unreadable"),
    "colon without a key": ('{"items": [], :1}', "unreadable"),
    "single quotes": (GOOD.replace('"', "'"), "unreadable"),
    "keys without quotes": ("{items: []}", "unreadable"),
    "comment before": (f"// look\n{GOOD}", "extracted"),
    "comment inside": (f'{{"items": [/* one */ {ITEM}]}}', "unreadable"),
    "raw tab in a text": (GOOD.replace("Tea", "T\tea"), "extracted"),
    "raw line end in a text": (GOOD.replace("Tea", "T\nea"), "extracted"),
    "raw control character": (GOOD.replace("Tea", "T\x01ea"), "extracted"),
    "escaped control character": (GOOD.replace("Tea", "T\\u0001ea"), "extracted"),
    "unknown escape": (GOOD.replace("Tea", "T\\qea"), "unreadable"),
    "escape cut short": (GOOD.replace("Tea", "T\\u00"), "unreadable"),
    "lone surrogate": (GOOD.replace("Tea", "\\ud83d"), "extracted"),
    "pair of surrogates": (GOOD.replace("Tea", "\\ud83c\\udf75"), "extracted"),
    "U+2028 in a text": (GOOD.replace("Tea", "T\u2028ea"), "extracted"),
    "byte order mark": ("\ufeff" + GOOD, "extracted"),
    "1e2": (PRICED % "1e2", "extracted"),
    "thirty digits": (PRICED % ("1" * 30), "extracted"),
    "a number without end": (PRICED % ("1." + "0" * 20_000), "extracted"),
    "a price of many groups": (PRICED % f'"1{",000" * 5000}"', "extracted"),
    "leading zero": (PRICED % "007", "extracted"),
    "no digit before the mark": (PRICED % ".5", "unreadable"),
    "plus": (PRICED % "+5", "unreadable"),
    "hexadecimal": (PRICED % "0x10", "unreadable"),
    "a list inside the price": (PRICED % '["1.00"]', "extracted"),
    "an object inside the name": ('{"items": [{"name": {"en": "Tea"}, "price": "1.00"}]}', "extracted"),
    "texts that look like items": (json.dumps({"items": [ITEM, ITEM]}), "extracted"),
    "items and texts that look like items": (f'{{"items": [{ITEM}, {json.dumps(ITEM)}, [1]]}}', "extracted"),
    "list of no objects": ('{"items": [1, "two", null]}', "extracted"),
    "items is a text": ('{"items": "[]"}', "unreadable"),
    "items is null": ('{"items": null}', "unreadable"),
    "a literal": ("null", "unreadable"),
    "a number": ("5", "unreadable"),
    "a text": ('"items"', "unreadable"),
    "brackets in texts": (GOOD.replace("Tea", "]}[{:,"), "extracted"),
    "backslashes in texts": (GOOD.replace("Tea", '\\\\\\\\\\"\\\\'), "extracted"),
    "quotes of SQL": (GOOD.replace("Tea", "'; drop table $1 {{ x }} %s --"), "extracted"),
    "a long list": ('{"items": [' + ", ".join([ITEM] * 3000) + "]}", "extracted"),
    "a long text with escapes": (GOOD.replace("Tea", '\\"' * 20_000), "extracted"),
    "deep, but not too deep": ('{"items": [], "x": ' + "[" * 10 + "]" * 10 + "}", "empty"),
    "deep": ('{"items": [' + ITEM + '], "x": ' + "[" * 150 + "]" * 150 + "}", "extracted"),
    "deep, and not closed": ("[" * 5000, "unreadable"),
    "an item of many fields": (
        GOOD.replace("}]", ", " + ", ".join(f'"{n}": "{n}"' for n in range(3000)) + "}]"),
        "extracted",
    ),
    "an item of many spaces": (GOOD.replace("{", "{" + " " * 20_000), "extracted"),
    "a long text with escapes, and a trailing comma": (
        GOOD.replace("Tea", '\\"' * 20_000).replace("}]", ",}]"),
        "extracted",
    ),
    "cut off": (GOOD[:-4], "unreadable"),
    "empty list": ("[]", "empty"),
    "empty object": ("{}", "unreadable"),
    "cut off in an item": (GOOD[:-20], "truncated"),
    "cut off after a thousand items": ('{"items": [' + ", ".join([ITEM] * 1000) + ', {"name": "Te', "truncated"),
    "cut off in a run of escapes": ('{"items": [' + ITEM + ', {"name": "' + '\\"' * 3000, "truncated"),
    "cut off with braces in a text": ('{"items": [' + ITEM + ', {"name": "a}{"}, {"name": "}}', "truncated"),
    "cut off in a number without end": ('{"items": [' + ITEM + ', {"price": 1.' + "0" * 20_000, "truncated"),
    "cut off in a run of brackets": ('{"items": [' + ITEM + "," + "[{" * 2000, "truncated"),
}


def hostile_id(number: int) -> str:
    """The id of the request whose answer has this content."""
    return f"hostile-{number}"


def write_hostile(raw: RawTables) -> None:
    """A job whose answers have these contents, in order."""
    ids = [hostile_id(number) for number in range(len(CONTENTS))]
    raw.receipts(ids, currency="MYR")
    raw.requests("hostile", {key: key for key in ids})
    raw.job("hostile", "hostile")
    lines = [
        answer_line(key, content, finish_reason="length" if status == "truncated" else "stop")
        for key, (content, status) in zip(ids, CONTENTS.values(), strict=True)
    ]
    raw.lines("hostile", "hostile-file", lines)
