"""The currency of a receipt: what its signs and the country that it comes from say, added up.

A sign counts beside money only, in a column of amounts or on a row that sums or pays; one that several currencies
print (`$`, `kr`, `Rs`) counts for all of them, and so decides nothing without the country. That shows in tax names and
numbers, forms of companies, places, postcodes and telephone numbers (`evidence.csv`, `PATTERNS`). The currency with
the most points is meant, if they are enough and no other has as many.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from loader import seeds
from loader.embedded_api.reader import words
from loader.embedded_api.reader.amounts import amounts, currencies_of
from loader.embedded_api.reader.rows import Row

ENOUGH = 3
OWN_SIGN, SHARED_SIGN = 3, 2
MOST_OF_SIGNS, MOST_OF_COUNTRY = 8, 6
MONEY = frozenset({"subtotal", "total", "grand", "payment", "change", "tax", "rounding"})
FIRST = {"£": "GBP", "₩": "KRW", "원": "KRW"}  # whose sign it is where nothing else is said
LONE_SIGN = re.compile(r"(?<![\w.])(?<!\d\s)(?:[A-Z]{2}\$|[A-Z]{2,4}|[$€£¥₹])(?![\w.]|\s?-?\d)")  # beside no figure
LONGEST_PHRASE = 5  # words
STATES = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|DC|FL|GA|HI|IA|ID|IL|IN|KS|KY|LA|MA|MD|ME|MI|MN|MO|MS|MT|NC|ND|NE|NH|NJ|NM|NV|NY|OH|OK|OR"
    "|PA|RI|SC|SD|TN|TX|UT|VA|VT|WA|WI|WV|WY"
)
CALLING_CODES = {
    "1": "USD CAD", "7": "RUB KZT", "20": "EGP", "27": "ZAR", "30": "EUR", "31": "EUR", "32": "EUR", "33": "EUR",
    "34": "EUR", "36": "HUF", "39": "EUR", "40": "RON", "41": "CHF", "43": "EUR", "44": "GBP", "45": "DKK",
    "46": "SEK", "47": "NOK", "48": "PLN", "49": "EUR", "51": "PEN", "52": "MXN", "54": "ARS", "55": "BRL",
    "56": "CLP", "57": "COP", "60": "MYR", "61": "AUD", "62": "IDR", "63": "PHP", "64": "NZD", "65": "SGD",
    "66": "THB", "81": "JPY", "82": "KRW", "84": "VND", "86": "CNY", "90": "TRY", "91": "INR", "92": "PKR",
    "94": "LKR", "212": "MAD", "213": "DZD", "216": "TND", "221": "XOF", "225": "XOF", "230": "MUR", "233": "GHS",
    "234": "NGN", "237": "XAF", "248": "SCR", "250": "RWF", "251": "ETB", "254": "KES", "255": "TZS", "256": "UGX",
    "260": "ZMW", "267": "BWP", "351": "EUR", "353": "EUR", "354": "ISK", "358": "EUR", "359": "BGN", "380": "UAH",
    "381": "RSD", "420": "CZK", "673": "BND", "679": "FJD", "852": "HKD", "853": "MOP", "880": "BDT", "886": "TWD",
    "961": "LBP", "962": "JOD", "965": "KWD", "966": "SAR", "968": "OMR", "971": "AED", "972": "ILS", "973": "BHD",
    "974": "QAR", "977": "NPR",
}  # fmt: skip
DOMAINS = {
    "de": "EUR", "fr": "EUR", "it": "EUR", "es": "EUR", "nl": "EUR", "be": "EUR", "pt": "EUR", "ie": "EUR",
    "gr": "EUR", "fi": "EUR", "ca": "CAD", "ch": "CHF", "se": "SEK", "dk": "DKK", "no": "NOK", "is": "ISK",
    "pl": "PLN", "cz": "CZK", "hu": "HUF", "ro": "RON", "bg": "BGN", "rs": "RSD", "ru": "RUB", "ua": "UAH",
    "tr": "TRY", "uk": "GBP", "my": "MYR", "sg": "SGD", "id": "IDR", "th": "THB", "vn": "VND", "ph": "PHP",
    "hk": "HKD", "tw": "TWD", "cn": "CNY", "jp": "JPY", "kr": "KRW", "in": "INR", "pk": "PKR", "lk": "LKR",
    "np": "NPR", "bd": "BDT", "au": "AUD", "nz": "NZD", "za": "ZAR", "ke": "KES", "ng": "NGN", "gh": "GHS",
    "ae": "AED", "sa": "SAR", "qa": "QAR", "kw": "KWD", "eg": "EGP", "il": "ILS", "mx": "MXN", "br": "BRL",
    "ar": "ARS", "cl": "CLP", "pe": "PEN", "us": "USD",
}  # fmt: skip
PATTERNS = [
    # addresses
    ("USD", 3, rf"\b(?:{STATES})[.,]?\s?\d{{5}}(?:-\d{{4}})?\b"),
    ("USD", 3, rf"\b(?:{STATES})[.,]?\s\(?[2-9]\d\d\)?[-. ]{{0,2}}[2-9]\d\d[-. ]?\d{{4}}\b"),
    ("USD", 2, rf"(?:,|[a-z]{{3}}\.)\s?(?:{STATES})\.?$|[a-z]{{3,}} (?:{STATES})$"),
    ("CAD", 3, r"\b[ABCEGHJ-NPRSTVXY][\dO][A-Z] ?\d[A-Z][\dO]\b"),
    ("GBP", 3, r"\b[A-Z]{1,2}\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{2}\b"),
    ("EUR", 2, r"\b(?:[1-9]\d{3} ?[A-Z]{2}\b(?=,| [A-Z])|\d{4} ?[A-Z]{2} [A-Z][a-z])"),
    ("EUR", 1, r"(?:^|\bD-?)\d{5} [A-ZÄÖÜ][a-zäöüß]{2}"),
    ("PLN", 2, r"\b\d\d-\d{3} [^\W\d_]"),
    ("SEK CZK", 1, r"\b\d{3} \d\d [A-ZÅÄÖ]"),
    ("BRL", 2, r"\b\d{5}-\d{3}\b"),
    ("AUD", 3, r"\b(?:NSW|QLD|VIC|TAS|ACT)[ ,]+\d{4}\b"),
    ("SGD", 3, r"(?:\bS\(?|Singapore\s?)\d{6}\b"),
    ("JPY", 3, r"〒"),
    # numbers of companies and taxes
    ("MYR", 3, r"\(?\b\d{5,7}-[A-Z]\)|\b[A-Z]{2}\d{7}-[A-Z]\b|\b[ABJPW]\d\d-\d{4}-\d{8}\b"),
    ("MYR", 3, r"(?i)\b[gs][s5]t\W*(?:id|reg|no)?[\w .:]{0,8}[:#]?\s?0\d{11}\b"),
    (
        "EUR",
        3,
        r"\bDE\s?\d{9}\b|\bATU\s?\d{8}\b|\bNL\s?\d{9}\.?B\.?\d\d\b|\bIT\s?\d{11}\b|\bFR\s?\d\d\s?\d{9}\b|\bBE\s?0\d{9}\b",
    ),
    ("EUR", 3, r"\b[ABGXY][- ]?\d{8}\b(?=.{0,12}$)|(?i:nif|cif)\W*[A-Z]-?\d{7}[0-9A-Z]\b"),
    ("CZK", 3, r"\bCZ\s?\d{8,10}\b"),
    ("PLN", 3, r"\bNIP\W*\d{3}-?\d\d\d?-?\d\d\d?-?\d\d\d?\b"),
    ("GBP", 3, r"\bGB\s?\d{3}\s?\d{4}\s?\d\d\b|(?i:vat\D{0,14})(?:GB)?\d{3}\s?\d{4}\s?\d\d\b"),
    ("CHF", 3, r"\bCHE-?\s?\d{3}"),
    ("DKK", 3, r"\b(?:CVR|SE)\W*\d{8}\b"),
    ("SEK", 3, r"\b(?:16)?\d{6}-\d{4}\b(?=.*(?i:org|kvitto))|(?i:org\W?n\w*\W*)\d{6}-?\d{4}\b"),
    ("NOK", 3, r"\b\d{3} ?\d{3} ?\d{3} ?MVA\b"),
    ("INR", 3, r"\b\d\d[A-Z]{5}\d{4}[A-Z]\dZ[\dA-Z]\b"),
    ("BRL", 3, r"\b\d\d\.\d{3}\.\d{3}/\d{4}-\d\d\b"),
    ("ZAR", 2, r"(?i:vat\D{0,14})\b4\d{9}\b"),
    ("KES", 3, r"\b[PA]0\d{8}[A-Z]\b"),
    ("CAD", 3, r"\b\d{9}\s?RT\s?\d{4}\b"),
    # telephones
    ("USD", 2, r"(?<![\d-])(?:1[-. ])?(?:\([2-9]\d\d\)\s?|[2-9]\d\d[-. ])[2-9]\d\d[-. ]?\d{4}(?!\d)"),
    ("CAD", 1, r"(?<![\d-])(?:1[-. ])?(?:\([2-9]\d\d\)\s?|[2-9]\d\d[-. ])[2-9]\d\d[-. ]?\d{4}(?!\d)"),
    ("MYR", 1, r"(?<![\d-])0(?:1\d-\d{3,4}\s?\d{4}|[3-9]\d?-\s?\d{3,4}\s?\d{4})(?!\d)"),
    # the day behind the month
    ("USD", 2, r"(?<![\d/.-])(?:0?[1-9]|1[0-2])/(?:1[3-9]|2\d|3[01])/(?:20)?\d\d(?!\d)"),
    # scripts and their letters
    ("JPY", 2, r"[\u3040-\u30ff]{2}"),
    ("KRW", 3, r"[\uac00-\ud7a3]{2}"),
    ("THB", 3, r"[\u0e01-\u0e3a]{2}"),
    ("ILS", 3, r"[\u05d0-\u05ea]{2}"),
    ("INR", 2, r"[\u0900-\u0d7f]{2}"),
    ("EUR", 2, r"[\u0391-\u03c9]{4}"),
    ("CNY HKD TWD", 1, r"[\u4e00-\u9fff]{3}"),
    ("VND", 2, r"[\u1ea0-\u1ef9]"),
    ("CZK", 1, r"[řůěŘŮĚ]"),
    ("PLN", 1, r"[łśźćŁŚŹĆ]"),
    ("HUF", 1, r"[őűŐŰ]"),
    ("TRY", 1, r"[ğışĞİŞ]"),
    ("RON", 1, r"[țșȚȘ]"),
    ("ISK", 1, r"[þðÞÐ]"),
    ("SEK EUR", 1, r"[äöÄÖ]"),
    ("NOK DKK", 1, r"[øæØÆ]"),
]


class _Evidence(NamedTuple):
    """What speaks for these currencies, in rows with an amount (`sum`), without one (`head`), or `any`."""

    currencies: list[str]
    points: int
    where: str
    key: str


def currency_of_receipt(rows: Sequence[Row], decimals: bool) -> str | None:
    """ISO 4217 code of the currency that most speaks for; None where too little does, or as much for two."""
    points: defaultdict[str, float] = defaultdict(float)
    for scores, most in ((_signs(rows, decimals), MOST_OF_SIGNS), (_country(rows, decimals), MOST_OF_COUNTRY)):
        for code, score in scores.items():
            points[code] += min(score, most)
    ranked = sorted(points, key=lambda code: -points[code])[:2]
    if not ranked or points[ranked[0]] < ENOUGH:
        return None
    return ranked[0] if len(ranked) == 1 or points[ranked[0]] > points[ranked[1]] else None


def _signs(rows: Sequence[Row], decimals: bool) -> dict[str, float]:
    """What the signs beside money say, and those that stand alone or in a column head."""
    counts: defaultdict[frozenset[str], float] = defaultdict(float)
    for row in rows:
        for amount in amounts(row, decimals):
            for sign in amount.signs:
                counts[_holders(sign, decimals)] += 1 if amount.leads or _speaks_of_money(row) else 0.5
        for sign in _lone_signs(row):
            counts[_holders(sign, decimals)] += 1
    scores: defaultdict[str, float] = defaultdict(float)
    for holders, count in counts.items():
        for code in holders if count >= 1 else ():
            if len(holders) == 1:
                scores[code] += OWN_SIGN + min(count - 1, MOST_OF_SIGNS)
    for code in {code for holders, count in counts.items() if count >= 1 for code in holders}:
        scores[code] = max(scores[code], SHARED_SIGN)
    return scores


def _holders(sign: str, decimals: bool) -> frozenset[str]:
    """The currencies that a sign may mean on a receipt that prints decimals, or none."""
    known = currencies_of(sign)
    if len(known) < 2:
        return known
    if sign in FIRST:
        return frozenset({FIRST[sign]})
    digits = seeds.currency_decimals()
    return frozenset(code for code in known if (digits.get(code, 2) > 0) == decimals)


def _lone_signs(row: Row) -> Iterator[str]:
    """Signs and codes that are all of a piece of text, or words of a column head or of a row that sums."""
    for cell in row.cells:
        text = cell.text.strip(" ()[]:")
        if currencies_of(text) and (len(text) > 1 or not text.isalpha()):
            yield text
            continue
        for word in LONE_SIGN.findall(cell.text):
            if currencies_of(word) and (words.count("column", row.text) or _speaks_of_money(row)):
                yield word


def _speaks_of_money(row: Row) -> bool:
    return bool(words.kinds(row.text) & MONEY)


def _country(rows: Sequence[Row], decimals: bool) -> dict[str, float]:
    """What words, numbers and addresses say of the country: each counts once, of weak ones a line of the table."""
    found: dict[str, _Evidence] = {}
    for row in rows:
        places = {"any", "sum" if amounts(row, decimals) else "head"}
        glued = words.fold(row.text).replace(" ", "")
        for phrase in {*_phrases_in(row.text), *(phrase for phrase in _unspaced() if phrase in glued)}:
            found.update((said.key, said) for said in _words()[phrase] if said.where in places)
        found.update((said.key, said) for said, pattern in _patterns() if pattern.search(row.text))
    scores: defaultdict[str, float] = defaultdict(float)
    for said in found.values():
        for code in said.currencies:
            scores[code] += said.points
    return scores


def _phrases_in(text: str) -> Iterable[str]:
    """The known phrases among the words of a text, with or without the spaces between them."""
    spelt = words.fold(text).split()
    ends = range(1, LONGEST_PHRASE + 1)
    return {
        phrase
        for start in range(len(spelt))
        for length in ends
        if (phrase := "".join(spelt[start : start + length])) in _words()
    }


@cache
def _words() -> dict[str, list[_Evidence]]:
    """What each phrase says, folded and without spaces."""
    known: defaultdict[str, list[_Evidence]] = defaultdict(list)
    with Path(__file__).with_name("evidence.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            codes, points = row["currencies"].split(), int(row["points"])
            for phrase in row["words"].split(";"):
                key = phrase if points > 1 else row["words"]
                known[words.fold(phrase).replace(" ", "")].append(_Evidence(codes, points, row["where"], key))
    return dict(known)


@cache
def _unspaced() -> tuple[str, ...]:
    """Phrases of scripts that put no spaces between words."""
    return tuple(phrase for phrase in _words() if re.search(r"[\u3040-\uffff]", phrase))


@cache
def _patterns() -> list[tuple[_Evidence, re.Pattern[str]]]:
    calls = [(codes, 3, rf"(?:\+|\b00)\s?{code}(?!\d{{10}})[\s(/.-]*\d") for code, codes in CALLING_CODES.items()]
    sites = [(codes, 2, rf"(?i)\b[a-z][a-z-]{{3,}}\.(?:com?\.|net\.|org\.)?{end}\b") for end, codes in DOMAINS.items()]
    return [
        (_Evidence(codes.split(), points, "any", codes + pattern), re.compile(pattern))
        for codes, points, pattern in [*PATTERNS, *calls, *sites]
    ]
