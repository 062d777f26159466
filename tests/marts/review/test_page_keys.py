"""What keys do in the page, in a real browser: to fields, to one more item, past a build, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.review_warehouse import MISREAD, MISSED, RIGHT, sample, value_of
from tests.helpers.warehouses import change
from tests.marts.review.conftest import Served, go_to, once_free, rows, serving, until, verdict

Look = Callable[..., Any]


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


@pytest.mark.parametrize("keys", ["s", "Control+Enter"])
def test_a_saved_currency_says_that_the_figure_waits_for_a_build(served: Served, look: Look, keys: str) -> None:
    page = look(served.link)
    go_to(page, "unknown")
    page.keyboard.press("m")
    page.keyboard.press("Tab")
    for _ in range(6):  # a date has fields of its own
        if focused(page) == "field-currency":
            break
        page.keyboard.press("Tab")
    page.keyboard.type("MYR", delay=30)
    page.keyboard.press("Escape")
    page.keyboard.press(keys)
    until(page, "document.getElementById('banner').textContent.includes('new currency after a build')")
    page.wait_for_timeout(500)
    assert page.is_visible("#banner"), "the next receipt does not take it away"


def test_the_queue_shows_what_was_saved_not_what_was_typed(served: Served, look: Look) -> None:
    page = look(served.link)
    go_to(page, "unknown")
    page.keyboard.press("m")
    page.keyboard.type("Typed and not saved")
    page.keyboard.press("Escape")
    page.keyboard.press("x")
    until(page, "document.querySelector('nav').textContent.includes('done')")
    assert "Typed and not saved" not in page.inner_text("nav")


def test_every_part_of_an_enlarged_image_is_reached(served: Served, look: Look) -> None:
    page = look(served.link)
    go_to(page, sample(MISREAD)[0])
    until(page, "document.querySelector('#pictures img')?.naturalWidth")
    for _ in range(6):
        page.keyboard.press("+")
    middle = "(() => { const p = document.getElementById('pictures'); return p.scrollLeft + p.clientWidth / 2; })()"
    across = page.evaluate("document.getElementById('pictures').scrollWidth")
    assert abs(page.evaluate(middle) - across / 2) < across / 10, "what was in the middle is still there"
    for key, end in ((">", across), ("<", 0)):
        for _ in range(12):
            page.keyboard.press(key)
        half = page.evaluate("document.getElementById('pictures').clientWidth") / 2
        assert abs(page.evaluate(middle) - (across - half if end else half)) < 3


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
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    assert focused(page) == "field-subtotal"
    for _ in range(5):
        page.keyboard.press("Enter")
    assert focused(page) == "field-total"


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
