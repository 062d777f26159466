"""The page in a real browser, by keyboard alone: what is typed is judged, saved, built, and in the figures."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.built_warehouse import run
from tests.helpers.review_warehouse import (
    HOSTILE,
    HOSTILE_MERCHANT,
    LONG,
    MISREAD,
    MISSED,
    RIGHT,
    RIGHT_TO_LEFT,
    TAXED,
    TWINS,
    sample,
)
from tests.helpers.warehouses import change
from tests.marts.review.conftest import Served, once_free, rows, serving

Look = Callable[..., Any]


def until(page: Any, expression: str, argument: Any = None, seconds: float = 30) -> None:
    """Wait until it is true in the page; Playwright's own way needs `eval`, which the page's policy forbids."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(f"() => {expression}" if "=>" not in expression else expression, argument):
        assert time.monotonic() < deadline, f"never became true: {expression} {argument or ''}"
        page.wait_for_timeout(50)


def verdict(page: Any, words: str) -> None:
    until(page, "words => document.getElementById('verdict')?.textContent.includes(words)", words)


def go_to(page: Any, receipt_id: str) -> None:
    """By keys, to a receipt of the queue."""
    for _ in range(20):
        page.wait_for_selector("#verdict b")
        if receipt_id in page.url:
            return
        before = page.url
        page.keyboard.press("j")
        until(page, "before => location.href !== before", before)
    raise AssertionError(f"{receipt_id} is not in the queue")


def value_of(number: int, at: int) -> str:
    return str(sample(number)[1]["items"][at]["price"])


def test_three_wrong_receipts_are_mended_by_keyboard_alone_and_the_marts_say_so(
    served: Served, look: Look, warehouse: Path
) -> None:
    page = look(served.link)
    (misread, missed, taxed) = (sample(number)[0] for number in (MISREAD, MISSED, TAXED))

    go_to(page, misread)
    verdict(page, "unexplained")
    page.keyboard.press("e")
    page.keyboard.type(value_of(MISREAD, 0))
    verdict(page, "Adds up")
    page.keyboard.press("Control+Enter")
    until(page, "id => !location.href.includes(id)", misread)

    page.keyboard.press("k")
    go_to(page, missed)
    verdict(page, "unexplained")
    last = sample(MISSED)[1]["items"][-1]
    page.keyboard.press("i")
    page.keyboard.type(last["name"])
    page.keyboard.press("Tab")
    page.keyboard.type(last["price"])
    verdict(page, "Adds up")
    page.keyboard.press("Control+Enter")
    until(page, "id => !location.href.includes(id)", missed)

    page.keyboard.press("k")
    go_to(page, taxed)
    verdict(page, "unexplained")
    page.keyboard.press("e")
    for _ in range(40):
        if page.evaluate("document.activeElement.id") == "field-total":
            break
        page.keyboard.press("Enter")
    page.keyboard.press("Control+a")
    page.keyboard.type(sample(TAXED)[1]["total"])
    verdict(page, "Adds up")
    page.keyboard.press("Control+Enter")
    until(page, "id => !location.href.includes(id)", taxed)

    page.keyboard.press("b")
    until(page, "document.getElementById('building').textContent.startsWith('built')", seconds=240)
    mended = f"receipt_id in {(misread, missed, taxed)}"
    found = rows(warehouse, f"select reconciliation, is_corrected, status from marts.receipts where {mended}")
    assert found == [("balanced", True, "extracted")] * 3
    assert rows(
        warehouse.with_name("bi.duckdb"), f"select count(*) from marts.receipts where is_corrected and {mended}"
    ) == [(3,)]
    by = rows(warehouse, "select distinct corrected_by from raw.corrections")
    assert by == [("ann",)]


def test_names_that_are_html_right_to_left_or_long_are_text(served: Served, look: Look) -> None:
    page = look(served.link)
    go_to(page, "hostile")
    assert page.title() == "Review receipts"
    assert page.input_value("#field-merchant") == HOSTILE_MERCHANT
    names = page.eval_on_selector_all("input.name", "inputs => inputs.map((input) => input.value)")
    assert names == [HOSTILE, LONG.strip(), RIGHT_TO_LEFT]
    assert (
        page.evaluate("document.querySelectorAll('main script, main img[src=x], main b:not(.verdict b)').length") == 0
    )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert "where it lies was not noted" in page.text_content("#image-note")
    assert HOSTILE_MERCHANT[:40] in page.text_content("#queue")


def test_what_is_typed_outlives_a_reload_and_a_server_that_goes_away(look: Look, warehouse: Path) -> None:
    with serving(warehouse) as served:
        page = look(served.link)
        page.keyboard.press("e")
        page.keyboard.type("12,34")
        page.reload()
        page.wait_for_selector("body[data-ready]")
        assert page.input_value("td input.amount >> nth=0") == "12,34"
        served.process.send_signal(signal.SIGINT)
        served.process.wait(20)
        page.keyboard.press("s")
        until(page, "document.getElementById('banner').textContent.includes('No connection')")
        assert page.input_value("td input.amount >> nth=0") == "12,34"
        assert rows(warehouse, "select count(*) from raw.corrections") == [(0,)]


def test_a_warehouse_that_is_held_is_waited_for(served: Served, look: Look, warehouse: Path) -> None:
    page = look(served.link)
    page.keyboard.press("e")
    page.keyboard.type("12.34")
    with once_free(warehouse):
        page.keyboard.press("Control+Enter")
        until(page, "document.getElementById('banner').textContent.includes('is in use by')")
        page.wait_for_timeout(1500)
        assert page.input_value("td input.amount >> nth=0") == "12.34"
    until(page, "document.querySelector('#queue .is-done')")
    found = rows(warehouse, "select field, value from raw.corrections order by corrected_at")
    assert found[0] == ("price", "12.34") and found[1] == ("accepted", "true") and len(found) == 2


def test_two_pages_at_once_do_not_overwrite_each_other(served: Served, look: Look, warehouse: Path) -> None:
    first, second = look(served.link), look(served.link)
    first.keyboard.press("e")
    first.keyboard.type("1.11")
    second.keyboard.press("e")
    second.keyboard.type("2.22")
    first.keyboard.press("Control+Enter")
    until(first, "document.querySelector('#queue .is-done')")
    second.keyboard.press("Control+Enter")
    until(second, "document.getElementById('banner').textContent.includes('meanwhile')")
    assert second.input_value("td input.amount >> nth=0") == "2.22", "what was typed is still there"
    assert rows(warehouse, "select value from raw.corrections where field = 'price'") == [("1.11",)]
    second.keyboard.press("Control+Enter")
    until(second, "document.querySelector('#queue .is-done')")
    assert rows(warehouse, "select value from raw.corrections where field = 'price' order by corrected_at") == [
        ("1.11",),
        ("2.22",),
    ]


def test_undo_takes_back_what_was_saved_last(served: Served, look: Look, warehouse: Path) -> None:
    page = look(served.link)
    page.keyboard.press("e")
    before = page.input_value("td input.amount >> nth=0")
    page.keyboard.type("1.11")
    page.keyboard.press("Control+Enter")
    until(page, "document.querySelector('#queue .is-done')")
    page.keyboard.press("u")
    until(page, "!document.querySelector('#queue .is-done')")
    until(page, "before => document.querySelector('td input.amount')?.value === before", before)
    assert rows(warehouse, "select count(*) from raw.corrections where field = 'withdraw'") == [(2,)]


def test_twins_are_told_apart_or_made_one_and_what_is_no_receipt_is_set_aside(
    served: Served, look: Look, warehouse: Path
) -> None:
    page = look(served.link)
    page.select_option("#doubt", "duplicate")
    until(page, "document.querySelectorAll('#queue li').length === 1")
    page.wait_for_selector("text=Same purchase")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("d")
    until(page, "document.getElementById('count').textContent === 'none'")
    page.select_option("#doubt", "")
    go_to(page, "hostile")
    page.keyboard.press("x")
    until(page, "!location.href.includes('hostile')")
    assert run("dbt", "build", "--quiet", warehouse=warehouse).returncode == 0
    found = rows(warehouse, f"select status from marts.receipts where receipt_id in {TWINS} order by status")
    assert found == [("duplicate",), ("extracted",)]
    assert rows(warehouse, "select status, spend from marts.receipts where receipt_id = 'hostile'") == [
        ("not_a_receipt", None)
    ]


def test_one_currency_for_all_that_is_selected(served: Served, look: Look, warehouse: Path) -> None:
    page = look(served.link)
    for receipt in ("unknown", "hostile"):
        page.goto(f"{served.url}")
        page.wait_for_selector("body[data-ready]")
        go_to(page, receipt)
        page.keyboard.press(" ")
        page.wait_for_selector("#many:not([hidden])")
        page.keyboard.press("g")
        page.keyboard.type("MYR", delay=30)  # MAD on the way there
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        until(page, "document.getElementById('banner').textContent.includes('corrections of')")
    found = rows(warehouse, "select receipt_id, field, value from raw.corrections order by 1")
    assert found == [("hostile", "currency", "MYR"), ("unknown", "currency", "MYR")]


def test_no_serious_fault_for_those_who_use_it_otherwise(served: Served, look: Look) -> None:
    """As axe sees it, in both themes, with a form and with the help open."""
    from axe_playwright_python.sync_playwright import Axe

    for theme in ("light", "dark"):
        page = look(served.link, color_scheme=theme)
        page.wait_for_selector("#verdict b")
        for _ in range(2):
            found = Axe().run(page).response["violations"]
            serious = [
                (one["id"], [node["target"] for node in one["nodes"]][:3])
                for one in found
                if one["impact"] in ("serious", "critical")
            ]
            assert serious == [], json.dumps(serious)
            page.keyboard.press("?")


@pytest.mark.parametrize("width", [500, 1000, 1600])
def test_nothing_lies_outside_of_the_window(served: Served, look: Look, width: int) -> None:
    page = look(served.link)
    page.set_viewport_size({"width": width, "height": 800})
    page.wait_for_timeout(200)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def focused(page: Any) -> str:
    return str(page.evaluate("document.activeElement.id"))


def test_missed_items_are_added_one_after_the_other_in_the_category_above(
    served: Served, look: Look, warehouse: Path
) -> None:
    page = look(served.link)
    go_to(page, sample(MISSED)[0])
    above = "Medical"
    page.select_option("td select >> nth=-1", above)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("i")
    for name in ("one", "two"):
        for text in (name, "1"):
            page.keyboard.type(text)
            page.keyboard.press("Enter")
    added = "[...document.querySelectorAll('tr.is-added input.name')].map((input) => input.value)"
    assert page.evaluate(added) == ["one", "two", ""]
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert focused(page) == "field-subtotal", "an item without a price ends it"
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    until(page, "document.getElementById('banner').textContent === 'Saved.'")
    query = "select field, value from raw.corrections where answer_id is null order by item_number, field"
    assert rows(warehouse, query) == [
        (field, value)
        for name in ("one", "two")
        for field, value in (("category", above), ("name", name), ("price", "1.00"))
    ]


def test_no_field_that_has_the_focus_is_hidden(served: Served, look: Look) -> None:
    page = look(served.link)
    page.set_viewport_size({"width": 1400, "height": 620})
    page.wait_for_selector("#verdict b")
    for _ in range(8):
        page.keyboard.press("i")
        page.keyboard.press("Escape")
    seen = """(() => {
        const own = document.activeElement, box = own.getBoundingClientRect();
        return own.contains(document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2));
    })()"""
    page.keyboard.press("m")
    for key in ("Tab", "Shift+Tab"):
        for _ in range(60):
            if page.evaluate("document.getElementById('reading').contains(document.activeElement)"):
                assert page.evaluate(seen), f"{key}: {page.evaluate('document.activeElement.outerHTML')}"
            page.keyboard.press(key)


@pytest.mark.parametrize(
    ("field", "wrong", "reason"),
    [
        ("field-purchased_on", "18.02.2017", "write a date like"),
        ("field-purchased_at", "8 o'clock", "write a time like"),
        ("field-total", "much", "total"),
        ("price", "nothing", "price"),
    ],
)
def test_what_cannot_be_saved_is_said_and_gets_the_focus(
    served: Served, look: Look, field: str, wrong: str, reason: str
) -> None:
    page = look(served.link)
    page.wait_for_selector("#verdict b")
    chosen = "td input.amount >> nth=0" if field == "price" else f"#{field}"
    page.fill(chosen, wrong)
    page.focus("#reason")
    page.keyboard.press("Control+Enter")
    until(page, "reason => document.getElementById('banner').textContent.includes(reason)", reason)
    assert page.evaluate("document.activeElement.value") == wrong
    page.wait_for_timeout(500)
    assert page.is_visible("#banner"), "it stays until something else is done"
    assert focused(page).startswith(field)


def test_only_an_amount_that_reads_otherwise_than_it_is_typed_is_repeated(served: Served, look: Look) -> None:
    page = look(served.link)
    go_to(page, sample(MISREAD)[0])
    first = "document.querySelector('td .meant').textContent"
    for typed, meant in (("1,50", "= 1.50"), ("1.50", ""), ("1", ""), ("x", "not a number"), ("2", "")):
        page.fill("td input.amount >> nth=0", typed)
        if meant:
            until(page, f"meant => {first} === meant || ({first} && meant === 'not a number')", meant)
        else:
            until(page, f"{first} === ''")


def test_a_build_moves_nobody_and_says_what_became_of_the_figures(served: Served, look: Look) -> None:
    page = look(served.link)
    go_to(page, sample(MISREAD)[0])
    page.keyboard.press("e")
    page.keyboard.type(value_of(MISREAD, 0))
    verdict(page, "Adds up")
    page.keyboard.press("Control+Enter")
    until(page, "id => !location.href.includes(id)", sample(MISREAD)[0])
    page.wait_for_selector("#verdict b")
    page.keyboard.press("b")
    opened = page.url
    page.keyboard.press("e")
    page.keyboard.type("4")
    at = focused(page)
    until(page, "document.getElementById('building').textContent === 'built'", seconds=240)
    until(page, "document.getElementById('banner').textContent.startsWith('Built: ')")
    page.keyboard.type("5")
    assert page.url == opened and focused(page) == at
    assert page.input_value("td input.amount >> nth=0") == "45"
    current = page.get_attribute("#queue [aria-current]", "aria-current")
    assert current == "true" and sample(MISREAD)[0] not in page.url
    shown = page.evaluate(
        "[...document.querySelectorAll('#proven span')].every((one) => one.clientHeight || one.offsetWidth)"
    )
    assert shown and page.evaluate("document.getElementById('proven').clientWidth > 300")


def test_currencies_with_something_left_to_prove_stand_first_and_none_is_lost(look: Look, warehouse: Path) -> None:
    change(
        warehouse,
        "insert into marts.receipts select one.* replace (concat(receipt_id, code, n) as receipt_id, code as currency) "
        "from marts.receipts as one, (values ('AUD'), ('CAD'), ('CHF'), ('GBP')) as codes (code), range(9) as ns (n) "
        f"where receipt_id = '{sample(RIGHT)[0]}'",
    )
    with serving(warehouse) as served:
        _currencies_are_in_order(look(served.link))


def _currencies_are_in_order(page: Any) -> None:
    until(page, "document.querySelectorAll('#proven span').length > 0")
    found = page.evaluate("(async () => (await fetch('/api/proven')).json())()")
    shares = {one["currency"]: one["share"] for one in found if one["share"] is not None}
    spans = page.eval_on_selector_all(
        "#proven span", "spans => spans.map((span) => `${span.textContent} ${span.title}`)"
    )
    shown = [currency for text in spans for currency in shares if f" {currency}" in text.replace(",", "")]
    assert sorted(set(shown)) == sorted(shares)
    proven = [shares[currency] == 1 for currency in shown]
    assert proven == sorted(proven) and len(spans) <= 5


def test_the_keys_are_told_on_the_page(served: Served, look: Look) -> None:
    page = look(served.link)
    page.wait_for_selector("#verdict b")
    assert page.is_visible("text=Keys ?")
    page.keyboard.press("?")
    keys = page.eval_on_selector_all("#keys kbd", "all => all.map((one) => one.textContent)")
    assert keys[:2] == ["j", "k"] and {"m", "0", "?"} <= {*keys}
    page.keyboard.press("Escape")
    page.keyboard.press("m")
    assert focused(page) == "field-merchant"


@pytest.mark.parametrize(("key", "at"), [("i", "name-"), ("e", "price-"), ("m", "field-merchant")])
def test_a_key_that_comes_before_the_form_is_not_lost(
    served: Served, look: Look, warehouse: Path, key: str, at: str
) -> None:
    page = look(served.link)
    page.wait_for_selector("#verdict b")
    with once_free(warehouse):
        page.keyboard.press("j")
        page.keyboard.press(key)
        page.wait_for_timeout(300)
        assert not page.query_selector("#verdict"), "the form waits for the warehouse"
    page.wait_for_selector("#verdict b")
    assert focused(page).startswith(at)
