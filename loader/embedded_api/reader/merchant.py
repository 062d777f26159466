"""The name of the shop: which of a receipt's upper rows is it?

Shops print much above their goods: an offer, a slogan, the address, the till. Rows of these kinds are left out; of the
others several things speak for one: a company's form or a trade, a place right above the address, the same name in a
web address or on another row, large print, the top.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import median

from loader.embedded_api.reader import words
from loader.embedded_api.reader.amounts import amounts
from loader.embedded_api.reader.categories import trade_of
from loader.embedded_api.reader.rows import Row

HEAD = 9  # rows among which the merchant is looked for
LEAST_LETTERS = 3
NO_NAME = frozenset({"date", "meta", "slogan", "payment", "change", "expiry", "points", "count"})
STREET = re.compile(
    r"(?i)(?:stra(?:ss|ß)e|str\.|gasse|platz|allee|weg\b|gatan|vägen|\bvej\b|gade\b|straat|plein|gracht|kade\b|laan\b"
    r"|\b(?:street|st|road|rd|avenue|ave|blvd|boulevard|drive|dr|lane|ln|parkway|pkwy|hwy|highway|turnpike|suite|ste"
    r"|jalan|jln|jl|lot|taman|rue|via|viale|calle|plaza|plza|rua|ul|ulica|náměstí|route|square|court|level|floor|utca|katu|leof|odos|piazza|corso|avda|praça|largo|quai)\b"
    r"|\bgate \d|\bút \d|\bC/ ?\w)"
)
NUMBERED = re.compile(r"^\W*\d[\w/-]*[ ,.]+(?:\d/\d\s|[NESW]\.?\s)?[^\W\d]{3}")  # `1660 India Street`
POSTCODE = re.compile(
    r"(?<!#)\b\d{5}(?:-\d{4})?\b|\b\d{4} ?[A-Z]{2}\b|\b\d\d\d? ?\d\d\b(?= [A-Z])|\b\d\d-\d{3}\b"
    r"|\b\d{4} [A-ZÆØÅ][a-zæøå]{2}|\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b|\b[A-Z]\d[A-Z] ?\d[A-Z]\d\b|[,.] ?[A-Z]{2}\.?$"
)
TELEPHONE = re.compile(r"\d{3}\W{0,2}\d{3,4}\W?\d{2,4}|\b(?:tel|phone|fax|ph)\b", re.IGNORECASE)
DOMAIN = re.compile(
    r"(?i)(?:https?://|www\.?|@)([a-z][\w-]+)\.|\b([a-z][a-z-]{3,})\.(?:com?|de|nl|se|uk|ca|net|fr|it|es)\b"
)
LEGAL_FORM = re.compile(
    r"(?i)\b(?:sdn\.? ?bhd|berhad|gmbh|e\.K\.|ltd|limited|inc|llc|plc|pte|pty|s\.? ?r\.? ?o|s\.? ?r\.? ?l|sp\. z o"
    r"|b\.?v|aps|oy)\b|\bS\.[LA]\.|\b(?:AG|KG|AB)\b"
)
OPERATOR = re.compile(  # forms of companies in Europe: below another name, who runs the shop
    r"(?i)\b(?:gmbh|ohg|e\.K\.|s\.? ?r\.? ?o\b|s\.? ?r\.? ?l\b|s\.? ?n\.? ?c\b|sarl|sas|sp\. ?z ?o|kft|aps)"
    r"|\bS\.L\.|\b(?:S\.?A\.|KG\b)"
)
WELCOME = re.compile(
    r"(?i)^\W*\w{0,2}elcome to |^\W*willkommen (?:bei|im) |^\W*bienvenidos? a |^\W*benvenuti (?:da|al) "
)


def merchant_of(rows: Sequence[Row], decimals: bool) -> str | None:
    """The shop's name as its row prints it; None where no row can be one."""
    head = _head(rows, decimals)
    names = [position for position, row in enumerate(head) if _may_be_name(row)]
    domains = [name for row in rows for pair in DOMAIN.findall(row.text) for name in pair if name]
    if not names:
        others = [row.text for row in head if _has_letters(row) and not re.search(r"[\d:]", row.text)]
        others = [text for text in others if not words.kinds(text) & {"date", "slogan"}]
        return next(iter([*sorted(domains, key=len, reverse=True), *others]), None)
    usual = median(row.height for row in rows)
    address = next((position for position, row in enumerate(head) if position and is_address(row.text)), len(head))

    def score(position: int) -> float:
        row = head[position]
        own = _letters(row.text)
        others = [_letters(other.text) for other in head if other is not row]
        return (
            8 * bool("chain" in words.kinds(row.text))
            + 4 * bool("company" in words.kinds(row.text) or trade_of(row.text) or LEGAL_FORM.search(row.text))
            - 8 * bool(OPERATOR.search(row.text) and names.index(position))
            + 3 * (position == address - 1)
            + 4 * bool(WELCOME.search(row.text))
            + 3 * any(_same(own, _letters(domain)) for domain in domains)
            + 2 * any(_same(own, other) for other in others)
            + min(3.0, 2 * (row.height / usual - 1))
            - 0.7 * names.index(position)
        )

    best = max(names, key=score)
    return WELCOME.sub("", head[best].text)


def is_address(text: str) -> bool:
    """Whether a row is a line of an address or a telephone number."""
    if any(c.isdigit() for c in text):
        if POSTCODE.search(text) or TELEPHONE.search(text) or STREET.search(text):
            return True
        return bool(NUMBERED.search(text)) and "company" not in words.kinds(text)
    return bool(POSTCODE.search(text))


def _head(rows: Sequence[Row], decimals: bool) -> list[Row]:
    """The rows above the first amount, at most `HEAD` of them."""
    first = next((position for position, row in enumerate(rows) if amounts(row, decimals)), len(rows))
    return list(rows[: min(first, HEAD)]) or [row for row in rows[:HEAD] if not amounts(row, decimals)]


def _may_be_name(row: Row) -> bool:
    if not _has_letters(row) or DOMAIN.search(row.text):
        return False
    if WELCOME.search(row.text) or LEGAL_FORM.search(row.text):
        return True
    kinds = words.kinds(row.text)
    if "chain" in kinds:
        return "slogan" not in kinds and not STREET.search(row.text)
    no_name = NO_NAME
    if "company" in kinds and not re.search(r"[\d:#]", row.text):
        no_name = NO_NAME - {"payment", "meta"}  # a bar is German for cash, a station a till
    return not kinds & no_name and not is_address(row.text)


def _has_letters(row: Row) -> bool:
    letters = sum(c.isalpha() for c in row.text)
    return letters >= LEAST_LETTERS and letters >= sum(c.isdigit() for c in row.text)


def _letters(text: str) -> str:
    return "".join(words.fold(text).split())


def _same(name: str, other: str) -> bool:
    """Whether one of two names, of four letters at least, is the beginning of the other or stands in it."""
    short, long = sorted((name, other), key=len)
    return len(short) > LEAST_LETTERS and short in long
