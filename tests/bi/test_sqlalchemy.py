"""What tools that speak SQLAlchemy see: the tables with their comments, and rows of the right types."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loader.marts.publish import publish_marts
from tests.helpers.built_warehouse import built_warehouse
from tests.helpers.environments import answer, make_environment
from tests.helpers.warehouses import change

pytestmark = pytest.mark.slow

LOOK = """
import json, sys, sqlalchemy as sa
engine = sa.create_engine(f"duckdb:///{sys.argv[1]}", connect_args={"read_only": True})
look = sa.inspect(engine)
tables = sorted(look.get_table_names(schema="marts"))
comment = look.get_table_comment("receipts", schema="marts")["text"]
columns = {column["name"]: column for column in look.get_columns("receipts", schema="marts")}
with engine.connect() as connection:
    counts = [connection.execute(sa.text(f"select count(*) from marts.{table}")).scalar() for table in tables]
    spend = connection.execute(sa.text(
        "select spend from marts.spend_by_category where currency = 'IDR' and category = 'Food'")).scalar()
print(json.dumps([sa.__version__, dict(zip(tables, counts)), comment, columns["spend"].get("comment"),
                  str(columns["spend"]["type"]), type(spend).__name__, str(spend)]))
"""
# As Superset 6.1 has it (SQLAlchemy 1.4), and as pandas 3 wants it (2.x).
STACKS = {
    "1.4": ("duckdb-engine==0.17.*", "sqlalchemy==1.4.*", "duckdb>=1.4,<3"),
    "2.": ("duckdb-sqlalchemy==1.5.*", "sqlalchemy>=2,<3"),
}


@pytest.mark.parametrize("version", list(STACKS))
def test_lists_the_tables_with_comments_and_reads_them(tmp_path: Path, version: str) -> None:
    python = make_environment(tmp_path / "venv", *STACKS[version])
    warehouse, bi = built_warehouse(tmp_path), tmp_path / "bi.duckdb"
    change(
        warehouse,
        "comment on table marts.receipts is 'One row per receipt: it''s \"distinct\"'",
        "comment on column marts.receipts.spend is 'Sum of its items'",
    )
    done = publish_marts(warehouse, bi)
    used, counts, table_comment, column_comment, column_type, kind, spend = json.loads(answer(python, LOOK, bi))
    assert used.startswith(version)
    assert counts == done.rows
    assert table_comment == 'One row per receipt: it\'s "distinct"'
    assert column_comment == "Sum of its items"
    assert (column_type, kind, spend) == ("NUMERIC(18, 3)", "Decimal", "1272500.000")
