"""Corrections from a spreadsheet: all rows or none, and one that fits nothing is named by its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from loader.errors import LoaderError
from loader.warehouse.correction_file import land_file
from loader.warehouse.duckdb_file import Warehouse
from loader.warehouse.raw import append_receipts
from tests.helpers.commands import Run
from tests.helpers.warehouses import empty_warehouse, receipt, rows

HEAD = "receipt_id,field,value\n"


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    made = empty_warehouse(tmp_path / "w.duckdb")
    with made.transaction() as connection:
        append_receipts(connection, [receipt(), receipt(receipt_id="r2", source_key="b.jpg")], "l")
    return made


def csv(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "c.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    "text",
    [
        'receipt_id,field,value,reason\nr1,total,12.50,typo\nr1,merchant,"Jo\'s, Inc",\n',
        "\ufeffReceipt_ID;Field;Value;Reason\r\nr1;total;12.50;typo\r\n\r\nr1;merchant;Jo's, Inc;\r\n;;;\r\n",
        "value\tfield\treceipt_id\n12.50\ttotal\tr1\nJo's, Inc\tmerchant\tr1\n",
    ],
    ids=["commas", "semicolons of a spreadsheet", "tabs, another order"],
)
def test_tables_as_programs_write_them_land_once(warehouse: Warehouse, tmp_path: Path, text: str) -> None:
    path = csv(tmp_path, text)
    assert land_file(warehouse, path, "ann") == (2, 0)
    assert land_file(warehouse, path, "bob") == (0, 2)
    found = rows(warehouse, "select receipt_id, field, value, corrected_by from raw.corrections order by corrected_at")
    assert found == [("r1", "total", "12.50", "ann"), ("r1", "merchant", "Jo's, Inc", "ann")]


def test_what_was_corrected_otherwise_meanwhile_lands_again(warehouse: Warehouse, tmp_path: Path) -> None:
    for value in ("1", "2", "1"):
        assert land_file(warehouse, csv(tmp_path, f"{HEAD}r1,total,{value}\n"), "ann") == (1, 0)
    assert [value for (value,) in rows(warehouse, "select value from raw.corrections order by corrected_at")] == [
        "1",
        "2",
        "1",
    ]


def test_a_row_that_takes_one_back_lands_once(warehouse: Warehouse, tmp_path: Path) -> None:
    land_file(warehouse, csv(tmp_path, HEAD + "r1,total,1\n"), "ann")
    ((correction_id,),) = rows(warehouse, "select correction_id from raw.corrections")
    back = csv(tmp_path, f"{HEAD}r1,withdraw,{correction_id}\n")
    assert land_file(warehouse, back, "ann") == (1, 0)
    assert land_file(warehouse, back, "ann") == (0, 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + "r1,total,1\nr1,total,abc\n", "line 3: total is 'abc'"),
        (HEAD + '"r1",merchant,"two\nlines"\nr9,total,1\n', "line 4: there is no receipt 'r9'"),
        (HEAD + "r1,total,1\n\nr1,total,2\n", "line 4: corrects what line 2 does"),
        (HEAD + ",total,1\n", "line 2: receipt_id is empty"),
        (HEAD + "r1,total,12,50\n", "line 2: more cells than columns"),
        ("receipt_id,field,value,item_number\nr1,price,1,x\n", "line 2: item_number is 'x'"),
        (f"receipt_id,field,value,item_number\nr1,price,1,{'9' * 5000}\n", "line 2: item_number is '9{30}': write"),
        ("receipt_id,field,value,item_number\nr1,price,1,2000000\n", "line 2: item_number is 2000000: .* at most"),
        ("receipt_id,field,value,corrected_at\nr1,total,1,2999-01-01\n", "line 2: .* yet to come"),
        ("receipt_id,field,value,corrected_at\nr1,total,1,yesterday\n", "line 2: .* write a moment"),
        ("receipt_id,field,value,corrected_at\nr1,total,1,0001-01-01T00:00:00+14:00\n", "line 2: .* write a moment"),
        ("receipt,field,value\nr1,total,1\n", "it must have receipt_id, field, value"),
        ("", "has the columns none"),
        (HEAD, "holds no rows"),
    ],
)
def test_a_row_that_fits_nothing_is_named_by_its_line(
    warehouse: Warehouse, tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(LoaderError, match=said):
        land_file(warehouse, csv(tmp_path, text), "ann")
    assert rows(warehouse, "select * from raw.corrections") == []


def test_a_file_of_another_encoding_says_what_to_do(warehouse: Warehouse, tmp_path: Path) -> None:
    with pytest.raises(LoaderError, match="save it as CSV in UTF-8"):
        land_file(warehouse, csv(tmp_path, HEAD + "r1,merchant,Café\n", "latin-1"), "ann")
    with pytest.raises(LoaderError, match="there is no file"):
        land_file(warehouse, tmp_path / "none.csv", "ann")


def test_the_command_says_what_landed_and_show_prints_it(run: Run, warehouse: Warehouse, tmp_path: Path) -> None:
    code, out, _ = run("correct", str(csv(tmp_path, HEAD + "r1,merchant,<b>Jo's\n")), "--by", "ann", "--reason", "seen")
    assert (code, out.partition(": ")[2]) == (0, "1 corrections landed; `make build` brings them into the marts\n")
    code, out, _ = run("show", "corrections")
    assert code == 0
    assert all(part in out for part in ("ann", "merchant", "<b>Jo's", "seen"))
    code, out, err = run("correct", str(csv(tmp_path, HEAD + "r7,merchant,x\n")))
    assert (code, out) == (1, "")
    assert err.startswith("error: c.csv, line 2: there is no receipt 'r7'") and err.count("\n") == 1


def test_what_was_exported_can_be_landed_elsewhere_as_it_is(warehouse: Warehouse, tmp_path: Path) -> None:
    """With ids, people and moments, and rows that were taken back."""
    land_file(warehouse, csv(tmp_path, HEAD + "r1,total,1\n"), "ann")
    land_file(warehouse, csv(tmp_path, HEAD + "r1,total,2\n"), "bob")
    kept = tmp_path / "kept.csv"
    with warehouse.transaction() as connection:
        connection.execute(f"copy raw.corrections to '{kept}' (header)")
    other = empty_warehouse(tmp_path / "other.duckdb")
    with other.transaction() as connection:
        append_receipts(connection, [receipt()], "l")
    assert land_file(other, kept, "eve") == (2, 0)
    assert land_file(other, kept, "eve") == (0, 2)
    query = "select * from raw.corrections order by corrected_at"
    assert rows(other, query) == rows(warehouse, query)
