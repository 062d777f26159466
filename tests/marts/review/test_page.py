"""The page in a real browser, by keyboard alone: what is typed is judged, saved, built, and in the figures."""

from __future__ import annotations

import json
import signal
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
    RIGHT_TO_LEFT,
    TAXED,
    TWINS,
    sample,
    value_of,
)
from tests.marts.review.conftest import Served, go_to, once_free, rows, serving, until, verdict

Look = Callable[..., Any]


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
        until(page, "document.getElementById('banner').textContent.includes('after a build')")
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
