"""The report: one page that needs nothing else, says the figures of the marts, and shows hostile text as text."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytest.importorskip("vl_convert", reason="the extra `report` is not installed")
from loader.errors import WarehouseError
from loader.marts.charts import Bar, bar_chart
from loader.marts.publish import publish_marts
from loader.marts.report import write_report
from loader.marts.review.running import noted
from tests.helpers.built_warehouse import HOSTILE, run
from tests.helpers.warehouses import change

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium here: apt-get install chromium")


class Page(HTMLParser):
    """What a page holds: the text of its tables' cells, its tags, and all addresses that it names."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self._in_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag in ("td", "th"):
            self.cells.append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.cells[-1] += data


@pytest.fixture
def page(warehouse: Path, tmp_path: Path) -> Path:
    publish_marts(warehouse, tmp_path / "bi.duckdb")
    write_report(tmp_path / "report.html")
    return tmp_path / "report.html"


def test_says_the_figures_of_the_marts(page: Path) -> None:
    cells = Page(page.read_text()).cells
    spend = cells.index("1,272,500")
    assert cells[spend - 3 : spend + 2] == ["Food", "2", "3", "1,272,500", "99.4 %"]
    assert "7,500" in cells
    status = {cells[i]: cells[i + 1] for i in range(len(cells) - 1)}
    assert status["extractedread, with at least one item"] == "5"
    assert status["failedthe provider answered with an error"] == "1"
    assert status["not a price"] == "1"
    model = cells.index("mistral-small-2603")
    assert cells[model : model + 5] == ["mistral-small-2603", "8", "8,000800", "0.00084", "0.00010"]
    total = cells.index("receipts that add up to what was paid")
    assert cells[total + 1 : total + 4] == ["1", "1", "100.0 %"]


def test_says_how_much_is_proven_and_names_what_does_not_add_up(warehouse: Path, tmp_path: Path) -> None:
    change(
        warehouse,
        "update marts.receipts set reconciliation = 'off', unexplained = -1234.5 where source_key = '3'",
        "update marts.receipts set reconciliation = 'off', unexplained = 0.1, total = 32500 where source_key = '0'",
    )
    publish_marts(warehouse, tmp_path / "bi.duckdb")
    write_report(tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    words = [" ".join(part.split()) for part in re.findall(r'class="soft proof-words">(.*?)</p>', text, re.S)]
    plain = [re.sub(r"<[^>]+>", "", part).split() for part in words]
    assert ["53.30", "proven", "(91.4", "%)"] in [part[:4] for part in plain]
    assert ["4.99", "doubtful", "(8.6", "%)"] in [part[4:8] for part in plain]
    cells = Page(text).cells
    unexplained = [cell for cell in cells if cell in ("EUR \N{MINUS SIGN}1,234.50", "IDR 0.1")]
    assert unexplained == ["EUR \N{MINUS SIGN}1,234.50", "IDR 0.1"], "the one that is most wrong first"


def test_what_counts_elsewhere_is_no_bad_answer(warehouse: Path, tmp_path: Path) -> None:
    """Of a purchase that was photographed twice the checks see the receipt that counts."""
    spent = "update marts.receipts set spend = null, status = '{}', reconciliation = 'off' where source_key = '{}'"
    change(warehouse, spent.format("duplicate", "2"), spent.format("replaced", "3"), spent.format("not_a_receipt", "0"))
    publish_marts(warehouse, tmp_path / "bi.duckdb")
    write_report(tmp_path / "report.html")
    cells = Page((tmp_path / "report.html").read_text()).cells
    answered = cells.index("receipts whose answer was complete and could be read")
    assert (cells[answered + 1], cells[answered + 2]) == ("3", "6"), "of six of nine"
    status = {cells[i]: cells[i + 1] for i in range(len(cells) - 1)}
    assert status["duplicatethe same purchase as another receipt, and counts there"] == "1"


def test_needs_nothing_else_and_is_small(page: Path) -> None:
    text = page.read_text()
    parsed = Page(text)
    assert len(text) < 200_000
    assert not {"script", "link", "iframe", "img", "object"} & set(parsed.tags)
    assert not [name for name, _ in parsed.attributes if name in ("src", "href") or name.startswith("on")]
    assert set(re.findall(r"https?://[^\"' ]+", text)) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "url(" not in text
    assert "default-src 'none'" in text


def test_every_chart_has_a_name_and_a_table_beside_it(page: Path) -> None:
    text = page.read_text()
    figures = re.findall(
        r'<figure role="img" aria-label="([^"]+)">.*?</figure>\s*<div class="scroll">\s*<table>', text, re.S
    )
    assert len(figures) == text.count("<svg") == 4  # IDR, EUR, unknown, and the statuses
    assert all("the table that follows has the same figures" in label for label in figures)


def test_text_from_receipts_is_text(page: Path) -> None:
    text = page.read_text()
    assert "<script" not in text
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in text
    shown = HOSTILE.replace("\N{RIGHT-TO-LEFT OVERRIDE}", " ")
    assert any(cell.startswith(shown) for cell in Page(text).cells)


def test_very_long_names_are_shortened(warehouse: Path, tmp_path: Path) -> None:
    change(warehouse, "update marts.receipt_items set name = repeat('long ', 100000)")
    write_report(tmp_path / "report.html")
    assert (tmp_path / "report.html").stat().st_size < 200_000


def test_empty_marts_give_a_page_that_says_so(warehouse: Path, tmp_path: Path) -> None:
    tables = ("receipts", "receipt_items", "answers", "batch_usage", "spend_by_category", "rejected_items")
    change(warehouse, *(f"delete from marts.{table}" for table in tables))
    publish_marts(warehouse, tmp_path / "bi.duckdb")
    write_report(tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "No receipts have been loaded" in text
    assert "<svg" not in text


def test_receipts_without_any_item_give_a_page_with_their_status(warehouse: Path, tmp_path: Path) -> None:
    change(warehouse, "delete from marts.receipt_items", "delete from marts.spend_by_category")
    write_report(tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "No item was read from these receipts" in text
    assert text.count("<svg") == 1


def test_says_what_read_the_receipts_and_whose_they_are(warehouse: Path, tmp_path: Path) -> None:
    assert "embedded OCR reader" not in (written := _written(tmp_path))
    assert "sample receipts" not in written
    change(warehouse, "update marts.receipts set source = 'samples', model = 'local-ocr'")
    assert "embedded OCR reader" in (written := _written(tmp_path))
    assert "sample receipts" in written


def test_labels_are_shown_where_there_are_some(warehouse: Path, tmp_path: Path) -> None:
    assert "Against the labels" not in _written(tmp_path)
    change(
        warehouse,
        "create or replace table marts.extraction_quality as select 'local-ocr' as model, 12::bigint as "
        "labelled_answer_count, 0.95 as item_recall, 0.9 as item_precision, null::double as price_accuracy",
    )
    cells = Page(_written(tmp_path)).cells
    model = cells.index("local-ocr")
    assert cells[model : model + 5] == ["local-ocr", "12", "95.0 %", "90.0 %", ""]


def _written(directory: Path) -> str:
    write_report(directory / "report.html")
    return (directory / "report.html").read_text()


def test_command_writes_beside_the_published_file_or_where_told(page: Path, warehouse: Path, tmp_path: Path) -> None:
    page.unlink()
    said = run("report", warehouse=warehouse)
    assert (said.returncode, said.stdout) == (0, f"{page}: 9 receipts, 10 items\n")
    assert page.exists()
    elsewhere = tmp_path / "deep" / "look.html"
    assert run("report", str(elsewhere), warehouse=warehouse).returncode == 0
    assert elsewhere.read_text() == page.read_text()
    assert [path.name for path in elsewhere.parent.iterdir()] == ["look.html"]


def test_says_what_to_do_when_it_cannot_be_written(page: Path, warehouse: Path, tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match=r"cannot write .* \(Not a directory\): "):
        write_report(page / "report.html")


def test_bars_below_zero_are_drawn_and_names_are_escaped() -> None:
    svg = bar_chart([Bar("<b>", 3.0, "3"), Bar("Food", -2.0, "-2")])
    assert "<b>" not in svg
    assert "&lt;b>" in svg or "&lt;b&gt;" in svg
    assert re.findall(
        r' d="M[^"]*" fill="currentColor"', svg
    )  # drawn without clip paths, whose ids would clash in a page
    assert "clip" not in svg
    assert "NaN" not in bar_chart([Bar("nothing", 0.0, "0")])


@needs_browser
@pytest.mark.parametrize(("width", "theme"), [(500, "light"), (1280, "light"), (1280, "dark")])
def test_renders_in_a_browser(page: Path, tmp_path: Path, width: int, theme: str) -> None:
    from PIL import Image

    shot = tmp_path / "shot.png"
    browse(f"--screenshot={shot}", f"--window-size={width},1600", page=page, theme=theme, profile=tmp_path / "profile")
    with Image.open(shot) as image:
        pixels = image.convert("RGB")
        corner, colours = pixels.getpixel((2, 2)), {colour for _, colour in pixels.getcolors(1 << 24) or []}
    assert isinstance(corner, tuple)
    assert (sum(corner) > 600) == (theme == "light")
    assert ((15, 118, 110) if theme == "light" else (60, 196, 180)) in colours  # the bars


def browse(*arguments: str, page: Path, theme: str, profile: Path) -> str:
    """Open the page in a browser without a window; what it prints."""
    quiet = ("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync")
    dark = ("--blink-settings=preferredColorScheme=0",) if theme == "dark" else ()
    assert BROWSER is not None
    ended = subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", *quiet, *dark,
         "--hide-scrollbars", f"--user-data-dir={profile}", *arguments, page.as_uri()],
        capture_output=True, text=True, timeout=90, check=True,
    )  # fmt: skip
    return ended.stdout


def test_receipts_are_linked_to_the_review_page_while_it_runs(warehouse: Path, tmp_path: Path) -> None:
    assert "<a " not in _written(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with noted(warehouse, url):
            assert f'<a href="{url}?receipt=' in _written(tmp_path)
    assert "<a " not in _written(tmp_path)
