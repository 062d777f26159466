"""Building after every load gives the marts that building all at once gives, in whatever order loads came."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from itertools import chain, pairwise
from pathlib import Path

import duckdb
import pytest

from tests.dbt.build import PROJECT, dbt_or_fail
from tests.dbt.raw_tables import RawTables, answer_line
from tests.dbt.scenarios import cut_off, items

Load = Callable[[RawTables], None]


def samples(raw: RawTables) -> None:
    raw.receipts(["sample"], source="samples", currency="USD")
    raw.requests("s0", {"c-sample": "sample"}, model="local-ocr")
    raw.job("j0", "s0", model="local-ocr")
    raw.lines("j0", "f0", [answer_line("c-sample", items("1.00"))])


def offered(raw: RawTables) -> None:
    raw.receipts(["a", "b", "c"])


def first_asked(raw: RawTables) -> None:
    raw.requests("s1", {"ca": "a", "cb": "b", "cc": "c"})
    raw.job("j1", "s1", "RUNNING")


def first_answered(raw: RawTables) -> None:
    raw.job("j1", "s1")
    raw.lines(
        "j1",
        "f1",
        [answer_line("ca", items("25.000")), answer_line("cb", cut_off("3.00"), finish_reason="length")],
    )


def asked_again(raw: RawTables) -> None:
    raw.requests("s2", {"cb": "b", "cc": "c"}, attempt=2, minutes=30)
    raw.job("j2", "s2", minutes=30)
    raw.lines("j2", "f2", [answer_line("cb", items("3.00", "4.00")), answer_line("cc", items("5,00"))], minutes=40)


def currency_corrected(raw: RawTables) -> None:
    raw.receipts(["a"], currency="IDR", minutes=60, load_id="corrected")


def landed_by_hand(raw: RawTables) -> None:
    raw.land("hand.jsonl", [answer_line("0", items("7.50")), "not JSON"], ids=["0"], currency="EUR", minutes=50)


# what lands between two builds
ORDERS: dict[str, list[list[Load]]] = {
    "as it happens": [
        [samples, offered, first_asked, first_answered],
        [asked_again, currency_corrected, landed_by_hand],
    ],
    "upside down": [
        [offered, landed_by_hand, currency_corrected, asked_again],
        [first_answered, first_asked, samples],
    ],
}


def contents(path: Path) -> dict[str, list[str]]:
    """Every row of every mart, sorted."""
    with duckdb.connect(str(path), read_only=True) as warehouse:
        marts = warehouse.execute(
            "select table_name from information_schema.tables where table_schema = 'marts' order by 1"
        ).fetchall()
        return {
            mart: sorted(map(repr, warehouse.execute(f"select * from marts.{mart}").fetchall())) for (mart,) in marts
        }


def run_models(raw: RawTables, *flags: str) -> dict[str, list[str]]:
    """Build seeds and models, without tests, and give the marts."""
    dbt_or_fail("build", "--resource-type", "seed", "--resource-type", "model", *flags, warehouse=raw.path)
    return contents(raw.path)


def land(raw: RawTables, *loads: Load) -> None:
    with raw:
        for load in loads:
            load(raw)


@pytest.fixture(scope="module")
def half_built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse in which the first half of the loads has landed and is built; to be copied."""
    raw = RawTables(tmp_path_factory.mktemp("half_built") / "warehouse.duckdb")
    land(raw, *ORDERS["as it happens"][0])
    run_models(raw)
    return raw.path


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The marts of all loads, built in one go."""
    raw = RawTables(tmp_path_factory.mktemp("at_once") / "warehouse.duckdb")
    land(raw, *chain.from_iterable(ORDERS["as it happens"]))
    return run_models(raw)


@pytest.mark.slow
def test_building_after_every_load_equals_a_full_refresh(tmp_path: Path) -> None:
    results = []
    for loads in ORDERS.values():
        path = tmp_path / "warehouse.duckdb"
        path.unlink(missing_ok=True)
        raw = RawTables(path)
        states = []
        for together in loads:
            land(raw, *together)
            states.append(run_models(raw))
        assert all(before != after for before, after in pairwise(states))
        results.append(states[-1])

    assert run_models(raw, "--full-refresh") == results[1] == results[0]
    assert any("25000" in row for row in results[0]["receipt_items"])
    assert not any("sample" in row for row in results[0]["receipts"])


LINES = "intermediate.int_output_lines__read"
READ_ONCE = f"update {LINES} set merchant = 'read once'"


def change(raw: RawTables, *statements: str) -> None:
    with duckdb.connect(str(raw.path)) as warehouse:
        for statement in statements:
            warehouse.execute(statement)


def test_landed_lines_are_read_once(tmp_path: Path) -> None:
    raw = RawTables(tmp_path / "warehouse.duckdb")
    land(raw, offered, first_asked, first_answered)
    run_models(raw)
    change(raw, READ_ONCE)  # marks that reading again would not leave
    land(raw, asked_again)
    rows = run_models(raw)["receipt_items"]
    # a and b were read in the first build, c and b's second answer in the next one
    assert [sum("read once" in row for row in rows if f"'{receipt}'" in row) for receipt in "abc"] == [1, 0, 0]


@pytest.mark.parametrize(
    "older",
    [
        pytest.param("drop table audit.rules_of_models", id="by a version that noted nothing"),
        pytest.param("update audit.rules_of_models set rules = 'others'", id="by other SQL", marks=pytest.mark.slow),
    ],
)
def test_lines_that_other_sql_has_read_are_read_again(older: str, half_built: Path, tmp_path: Path) -> None:
    raw = RawTables(Path(shutil.copy(half_built, tmp_path)))
    right = contents(raw.path)
    change(raw, older, READ_ONCE)
    assert run_models(raw) == right
    change(raw, READ_ONCE)
    assert any("read once" in row for row in run_models(raw)["receipt_items"]), "and then no more"


@pytest.mark.slow
def test_a_changed_rule_is_noticed_wherever_it_stands(half_built: Path, tmp_path: Path) -> None:
    """In a macro that a model calls, by plain dbt; a comment in Jinja changes no rule."""
    raw = RawTables(Path(shutil.copy(half_built, tmp_path)))
    project = shutil.copytree(PROJECT, tmp_path / "project", ignore=shutil.ignore_patterns("target", "logs"))
    macro = next(project.rglob("search_answers.sql"))
    said = "the SQL that reads landed lines has changed"
    assert said not in dbt_or_fail("run", "--select", "int_output_lines__read", warehouse=raw.path, project=project)
    macro.write_text("{# a note #}" + macro.read_text())
    assert said not in dbt_or_fail("run", "--select", "int_output_lines__read", warehouse=raw.path, project=project)
    macro.write_text(macro.read_text().replace("from compared", "from compared where true"))
    assert said in dbt_or_fail("run", "--select", "int_output_lines__read", warehouse=raw.path, project=project)
    assert said not in dbt_or_fail("run", "--select", "int_output_lines__read", warehouse=raw.path, project=project)


@pytest.mark.slow
def test_a_model_built_alone_from_what_older_sql_made_is_made_again(half_built: Path, tmp_path: Path) -> None:
    raw = RawTables(Path(shutil.copy(half_built, tmp_path)))
    project = shutil.copytree(PROJECT, tmp_path / "project", ignore=shutil.ignore_patterns("target", "logs"))
    run_models(raw)
    right = contents(raw.path)
    change(raw, READ_ONCE)
    model = next(project.rglob("stg_mistral__batch_output.sql"))
    model.write_text(model.read_text() + "\nwhere true\n")
    dbt_or_fail("run", "--select", "int_output_lines__read", warehouse=raw.path, project=project)
    models = ("build", "--resource-type", "seed", "--resource-type", "model")
    dbt_or_fail(*models, warehouse=raw.path, project=project)
    assert contents(raw.path) == right


def test_what_an_older_version_made_is_dropped(half_built: Path, tmp_path: Path) -> None:
    raw = RawTables(Path(shutil.copy(half_built, tmp_path)))
    change(
        raw,
        "create table audit.built_parts as select 1 as row_count",
        "create table audit.line_rules as select 'of another version' as rules",
        "create table intermediate.int_keys__to_rebuild as select 'a' as rebuild_key",
        "create table intermediate.of_mine as select 1 as number",
    )
    run_models(raw)
    with duckdb.connect(str(raw.path), read_only=True) as warehouse:
        tables = {name for (name,) in warehouse.execute("select table_name from information_schema.tables").fetchall()}
    assert "of_mine" in tables and not tables & {"built_parts", "int_keys__to_rebuild"}


OVERRIDE = "insert into reference.category_overrides values ('Bun', null, 'Travel')"


@pytest.mark.slow
def test_a_corrected_seed_reaches_all_rows_also_when_it_was_tried_in_part_and_taken_back(tmp_path: Path) -> None:
    raw = RawTables(tmp_path / "warehouse.duckdb")
    land(raw, offered, first_asked, first_answered)
    before = run_models(raw)
    change(raw, OVERRIDE)
    dbt_or_fail("run", "--exclude", "receipts", warehouse=raw.path)
    overridden = contents(raw.path)
    assert overridden["receipt_items"] and all("'Travel'" in row for row in overridden["receipt_items"])
    assert run_models(raw) == before  # the seed's file has no such row


@pytest.mark.slow
@pytest.mark.parametrize(
    "partial",
    [
        ("run", "--exclude", "receipt_items"),
        ("run", "--exclude", "int_batch_jobs__latest"),
        ("run", "--full-refresh", "--exclude", "receipt_items"),
        ("run", "--empty", "--full-refresh"),
    ],
    ids=" ".join,
)
def test_after_a_build_of_a_part_the_next_makes_up_for_the_rest(
    tmp_path: Path, partial: tuple[str, ...], half_built: Path, at_once: dict[str, list[str]]
) -> None:
    raw = RawTables(Path(shutil.copy(half_built, tmp_path)))
    if "--full-refresh" in partial:  # as after a change of SQL
        change(raw, "update marts.receipt_items set name = 'as of old'")
    land(raw, *ORDERS["as it happens"][1])
    dbt_or_fail(*partial, warehouse=raw.path)
    assert run_models(raw) == at_once


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_any_order_of_loads_and_builds_equals_building_at_once(
    seed: int, tmp_path: Path, at_once: dict[str, list[str]]
) -> None:
    draw = random.Random(seed)
    later = [samples, first_asked, first_answered, asked_again, currency_corrected, landed_by_hand]
    draw.shuffle(later)
    loads = [*later[:1], offered, *later[1:]] if later[0] in (samples, landed_by_hand) else [offered, *later]
    raw = RawTables(tmp_path / "warehouse.duckdb")
    while loads:
        count = draw.randint(1, 3)
        land(raw, *loads[:count])
        del loads[:count]
        built = run_models(raw)
        if draw.random() < 0.3:
            assert run_models(raw) == built
    assert built == at_once
