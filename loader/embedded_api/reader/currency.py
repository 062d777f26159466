"""The currency of a receipt and its country: what its signs and the country that it comes from say, added up.

A sign counts beside money only, in a column of amounts or on a row that sums or pays; one that several currencies
print (`$`, `kr`, `Rs`) counts for all of them, and so decides nothing without the country. That shows in tax names and
numbers, forms of companies, places, postcodes and telephone numbers (`evidence.csv`, `PATTERNS`). The currency with
the most points is meant, if they are enough and no other has as many; the country is the likeliest that has it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

from loader import seeds
from loader.embedded_api.reader import tables, words
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
    "1": "US CA", "7": "RU KZ", "20": "EG", "27": "ZA", "30": "GR", "31": "NL", "32": "BE", "33": "FR",
    "34": "ES", "36": "HU", "39": "IT", "40": "RO", "41": "CH", "43": "AT", "44": "GB", "45": "DK",
    "46": "SE", "47": "NO", "48": "PL", "49": "DE", "51": "PE", "52": "MX", "54": "AR", "55": "BR",
    "56": "CL", "57": "CO", "60": "MY", "61": "AU", "62": "ID", "63": "PH", "64": "NZ", "65": "SG",
    "66": "TH", "81": "JP", "82": "KR", "84": "VN", "86": "CN", "90": "TR", "91": "IN", "92": "PK",
    "94": "LK", "212": "MA", "213": "DZ", "216": "TN", "221": "SN CI", "225": "SN CI", "230": "MU",
    "233": "GH", "234": "NG", "237": "CM", "248": "SC", "250": "RW", "251": "ET", "254": "KE", "255": "TZ",
    "256": "UG", "260": "ZM", "267": "BW", "351": "PT", "353": "IE", "354": "IS", "358": "FI", "359": "BG",
    "380": "UA", "381": "RS", "420": "CZ", "673": "BN", "679": "FJ", "852": "HK", "853": "MO", "880": "BD",
    "886": "TW", "961": "LB", "962": "JO", "965": "KW", "966": "SA", "968": "OM", "971": "AE", "972": "IL",
    "973": "BH", "974": "QA", "977": "NP",
}  # fmt: skip
DOMAINS = {  # the codes of countries, which are their domains but for the British one
    *{"DE", "FR", "IT", "ES", "NL", "BE", "PT", "IE", "GR", "FI", "CA", "CH", "SE", "DK", "NO", "IS", "PL", "CZ"},
    *{"HU", "RO", "BG", "RS", "RU", "UA", "TR", "GB", "MY", "SG", "ID", "TH", "VN", "PH", "HK", "TW", "CN", "JP"},
    *{"KR", "IN", "PK", "LK", "NP", "BD", "AU", "NZ", "ZA", "KE", "NG", "GH", "AE", "SA", "QA", "KW", "EG", "IL"},
    *{"MX", "BR", "AR", "CL", "PE", "US"},
}
PATTERNS = [
    # addresses
    ("US", 3, rf"\b(?:{STATES})[.,]?\s?\d{{5}}(?:-\d{{4}})?\b"),
    ("US", 3, rf"\b(?:{STATES})[.,]?\s\(?[2-9]\d\d\)?[-. ]{{0,2}}[2-9]\d\d[-. ]?\d{{4}}\b"),
    ("US", 2, rf"(?:,|[a-z]{{3}}\.)\s?(?:{STATES})\.?$|[a-z]{{3,}} (?:{STATES})$"),
    ("CA", 3, r"\b[ABCEGHJ-NPRSTVXY][\dO][A-Z] ?\d[A-Z][\dO]\b"),
    ("GB", 3, r"\b[A-Z]{1,2}\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{2}\b"),
    ("NL", 2, r"\b(?:[1-9]\d{3} ?[A-Z]{2}\b(?=,| [A-Z])|\d{4} ?[A-Z]{2} [A-Z][a-z])"),
    ("DE FR ES IT FI", 1, r"(?:^|\bD-?)\d{5} [A-ZÄÖÜ][a-zäöüß]{2}"),
    ("PL", 2, r"\b\d\d-\d{3} [^\W\d_]"),
    ("SE CZ", 1, r"\b\d{3} \d\d [A-ZÅÄÖ]"),
    ("BR", 2, r"\b\d{5}-\d{3}\b"),
    ("AU", 3, r"\b(?:NSW|QLD|VIC|TAS|ACT)[ ,]+\d{4}\b"),
    ("SG", 3, r"(?:\bS\(?|Singapore\s?)\d{6}\b"),
    ("JP", 3, r"〒"),
    # numbers of companies and taxes
    ("MY", 3, r"\(?\b\d{5,7}-[A-Z]\)|\b[A-Z]{2}\d{7}-[A-Z]\b|\b[ABJPW]\d\d-\d{4}-\d{8}\b"),
    ("MY", 3, r"(?i)\b[gs][s5]t\W*(?:id|reg|no)?[\w .:]{0,8}[:#]?\s?0\d{11}\b"),
    ("DE", 3, r"\bDE\s?\d{3}\s?\d{3}\s?\d{3}\b"),
    ("AT", 3, r"\bATU\s?\d{8}\b"),
    ("NL", 3, r"\bNL\s?\d{9}\.?B\.?\d\d\b"),
    ("IT", 3, r"\bIT\s?\d{11}\b"),
    ("FR", 3, r"\bFR\s?\d\d\s?\d{9}\b"),
    ("BE", 3, r"\bBE\s?0\d{9}\b"),
    ("ES", 3, r"\b[ABGXY][- ]?\d{8}\b(?=.{0,12}$)|(?i:nif|cif)\W*[A-Z]-?\d{7}[0-9A-Z]\b"),
    ("CZ", 3, r"\bCZ\s?\d{8,10}\b"),
    ("PL", 3, r"\bNIP\W*\d{3}-?\d\d\d?-?\d\d\d?-?\d\d\d?\b"),
    ("GB", 3, r"\bGB\s?\d{3}\s?\d{4}\s?\d\d\b|(?i:vat\D{0,14})(?:GB)?\d{3}\s?\d{4}\s?\d\d\b"),
    ("CH", 3, r"\bCHE-?\s?\d{3}"),
    ("DK", 3, r"\b(?:CVR|SE)\W*\d{8}\b"),
    ("SE", 3, r"\b(?:16)?\d{6}-\d{4}\b(?=.*(?i:org|kvitto))|(?i:org\W?n\w*\W*)\d{6}-?\d{4}\b"),
    ("NO", 3, r"\b\d{3} ?\d{3} ?\d{3} ?MVA\b"),
    ("IN", 3, r"\b\d\d[A-Z]{5}\d{4}[A-Z]\dZ[\dA-Z]\b"),
    ("BR", 3, r"\b\d\d\.\d{3}\.\d{3}/\d{4}-\d\d\b"),
    ("ZA", 2, r"(?i:vat\D{0,14})\b4\d{9}\b"),
    ("KE", 3, r"\b[PA]0\d{8}[A-Z]\b"),
    ("CA", 3, r"\b\d{9}\s?RT\s?\d{4}\b"),
    # telephones
    ("US", 2, r"(?<![\d-])(?:1[-. ])?(?:\([2-9]\d\d\)\s?|[2-9]\d\d[-. ])[2-9]\d\d[-. ]?\d{4}(?!\d)"),
    ("CA", 1, r"(?<![\d-])(?:1[-. ])?(?:\([2-9]\d\d\)\s?|[2-9]\d\d[-. ])[2-9]\d\d[-. ]?\d{4}(?!\d)"),
    ("MY", 1, r"(?<![\d-])0(?:1\d-\d{3,4}\s?\d{4}|[3-9]\d?-\s?\d{3,4}\s?\d{4})(?!\d)"),
    # the day behind the month
    ("US", 2, r"(?<![\d/.-])(?:0?[1-9]|1[0-2])/(?:1[3-9]|2\d|3[01])/(?:20)?\d\d(?!\d)"),
    # scripts and their letters
    ("JP", 2, r"[\u3040-\u30ff]{2}"),
    ("KR", 3, r"[\uac00-\ud7a3]{2}"),
    ("TH", 3, r"[\u0e01-\u0e3a]{2}"),
    ("IL", 3, r"[\u05d0-\u05ea]{2}"),
    ("IN", 2, r"[\u0900-\u0d7f]{2}"),
    ("GR", 2, r"[\u0391-\u03c9]{4}"),
    ("CN HK TW", 1, r"[\u4e00-\u9fff]{3}"),
    ("VN", 2, r"[\u1ea0-\u1ef9]"),
    ("CZ", 1, r"[řůěŘŮĚ]"),
    ("PL", 1, r"[łśźćŁŚŹĆ]"),
    ("HU", 1, r"[őűŐŰ]"),
    ("TR", 1, r"[ğışĞİŞ]"),
    ("RO", 1, r"[țșȚȘ]"),
    ("IS", 1, r"[þðÞÐ]"),
    ("SE FI DE AT", 1, r"[äöÄÖ]"),
    ("NO DK", 1, r"[øæØÆ]"),
]


class _Evidence(NamedTuple):
    """What speaks for these countries, in rows with an amount (`sum`), without one (`head`), or `any`."""

    countries: list[str]
    points: int
    where: str
    key: str


class Origin(NamedTuple):
    """Where a receipt comes from; what does not show is None.

    `currency` is the one that is meant, `printed_currency` the same where its code or a sign of it is printed,
    `country` (ISO 3166) that of the evidence, one that has this currency.
    """

    currency: str | None
    printed_currency: str | None
    country: str | None


def origin_of(rows: Sequence[Row], decimals: bool) -> Origin:
    """The currency that most speaks for, None where too little does, or as much for two; and its likeliest country."""
    signs, countries = _signs(rows, decimals), _countries(rows, decimals)
    points: defaultdict[str, float] = defaultdict(float)
    for scores, most in ((signs, MOST_OF_SIGNS), (_by_currency(countries), MOST_OF_COUNTRY)):
        for code, score in scores.items():
            points[code] += min(score, most)
    ranked = sorted(points, key=lambda code: -points[code])[:2]
    if not ranked or points[ranked[0]] < ENOUGH:
        return Origin(None, None, None)
    if len(ranked) > 1 and points[ranked[0]] == points[ranked[1]]:
        return Origin(None, None, None)
    currency = ranked[0]
    return Origin(currency, currency if currency in signs else None, _likeliest(countries, currency))


def _likeliest(said: Iterable[_Evidence], currency: str) -> str | None:
    """The country of a currency that most speaks for; of equals the one that is named first where several are."""
    points: defaultdict[str, float] = defaultdict(float)
    for evidence in said:
        for place, country in enumerate(evidence.countries):
            if seeds.currency_of_country().get(country) == currency:
                points[country] += evidence.points - place / 100
    best = max(points, key=lambda country: points[country], default=None)
    return best if best and points[best] > 1 else None


def _by_currency(said: Iterable[_Evidence]) -> dict[str, float]:
    scores: defaultdict[str, float] = defaultdict(float)
    for evidence in said:
        for code in {seeds.currency_of_country()[country] for country in evidence.countries}:
            scores[code] += evidence.points
    return scores


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


def _countries(rows: Sequence[Row], decimals: bool) -> list[_Evidence]:
    """What words, numbers and addresses say of the country: each counts once, of weak ones a line of the table."""
    found: dict[str, _Evidence] = {}
    for row in rows:
        places = {"any", "sum" if amounts(row, decimals) else "head"}
        glued = words.fold(row.text).replace(" ", "")
        for phrase in {*_phrases_in(row.text), *(phrase for phrase in _unspaced() if phrase in glued)}:
            found.update((said.key, said) for said in _words()[phrase] if said.where in places)
        found.update((said.key, said) for said, pattern in _patterns() if pattern.search(row.text))
    return list(found.values())


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
    for row, phrases in tables.rows("evidence"):
        codes, points = row["countries"].split(), int(row["points"])
        for phrase in phrases:
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
    ends = {code: "uk" if code == "GB" else code.lower() for code in sorted(DOMAINS)}
    sites = [(code, 2, rf"(?i)\b[a-z][a-z-]{{3,}}\.(?:com?\.|net\.|org\.)?{end}\b") for code, end in ends.items()]
    return [
        (_Evidence(codes.split(), points, "any", codes + pattern), re.compile(pattern))
        for codes, points, pattern in [*PATTERNS, *calls, *sites]
    ]
