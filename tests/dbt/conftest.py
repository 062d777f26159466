"""One warehouse with the whole corpus, built once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.dbt.build import dbt_or_fail
from tests.dbt.corpus import write_corpus
from tests.dbt.currencies import write_currencies
from tests.dbt.raw_tables import RawTables
from tests.dbt.scenarios import write_labelled, write_scenarios, write_sources


@pytest.fixture(scope="session")
def built_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of a warehouse with the corpus, after `dbt build`."""
    folder = tmp_path_factory.mktemp("corpus")
    raw = RawTables(folder / "warehouse.duckdb")
    with raw:
        for write in (write_corpus, write_scenarios, write_sources, write_labelled, write_currencies):
            write(raw)
    dbt_or_fail("build", warehouse=raw.path)
    return raw.path


@pytest.fixture(scope="session")
def corpus(built_corpus: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection to the built corpus."""
    with duckdb.connect(str(built_corpus), read_only=True) as warehouse:
        yield warehouse
