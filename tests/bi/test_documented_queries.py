"""Every query of docs/connecting.md runs on a published file as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from loader.marts.publish import publish_marts
from tests.helpers.built_warehouse import ROOT, built_warehouse

(BLOCK,) = re.findall(r"```sql\n(.*?)```", (ROOT / "docs" / "connecting.md").read_text(), re.DOTALL)
QUERIES = {words.strip("- ").strip(): query for words, query in re.findall(r"(-- [^\n]+)\n(.*?;)", BLOCK, re.DOTALL)}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("documented")
    publish_marts(built_warehouse(directory), directory / "bi.duckdb")
    return directory / "bi.duckdb"


def test_each_query_is_found() -> None:
    assert BLOCK.count(";") == len(QUERIES) > 4


@pytest.mark.parametrize("words", QUERIES)
def test_it_runs(published: Path, words: str) -> None:
    with duckdb.connect(str(published), read_only=True) as connection:
        assert connection.execute(QUERIES[words]).description
