"""What a load may cost counts every attempt: what is asked again, too."""

from __future__ import annotations

from pathlib import Path

import pytest

from loader import seeds
from loader.batch.mistral import BatchApi
from loader.batch.run import Limits, Run
from loader.embedded_api.serve import Child
from loader.errors import BudgetError
from loader.requests.question import Question
from loader.sources.open_source import open_source
from loader.warehouse.duckdb_file import Warehouse
from tests.helpers.fault_proxy import fault_proxy
from tests.helpers.fault_runs import RECEIPTS, LoaderRuns, draw_receipts


class Silent:
    """A run's report that nobody reads."""

    def say(self, message: str) -> None:
        """Nothing here needs saying."""

    def progress(self, stage: str, done: int, total: int | None) -> None:
        """Nor this."""


def test_what_is_asked_again_counts_towards_the_budget(
    server: Child, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    price = seeds.ModelPrice(1.0, 1.0, 0.5)
    monkeypatch.setattr(seeds, "model_prices", lambda: {"local-ocr": price})
    runs = LoaderRuns(draw_receipts(tmp_path / "receipts", RECEIPTS), tmp_path / "w.duckdb", server)
    work_dir = runs.warehouse.with_suffix(".files")
    work_dir.mkdir()
    warehouse, question = Warehouse(runs.warehouse), Question("local-ocr")
    warehouse.prepare()
    once = RECEIPTS * question.request_cost_usd(40, 60)

    def load(allowed: float) -> str:
        api = BatchApi("here", lambda: (proxy.url, server.token))
        limits = Limits(max_cost_usd=allowed)
        run = Run(warehouse, api, open_source(str(runs.folder)), question, limits, Silent(), work_dir)
        return run.execute().status

    with fault_proxy(server.url) as proxy:
        proxy.rewrites["download"] = lambda body: body.splitlines(keepends=True)[0].ljust(len(body), b"\n")
        with pytest.raises(BudgetError, match="allow it with --max-cost"):
            load(1.5 * once)
        assert set(runs.times_sent().values()) == {1}, "it was not asked again"
        proxy.rewrites.clear()
        assert load(1.5 * once) == "finished", "the next load has a budget of its own"
    assert runs.query("select attempt, state, count(*) from ledger.requests group by all order by all") == [
        (1, "answered", 1),
        (1, "missing", RECEIPTS - 1),
        (2, "answered", RECEIPTS - 1),
    ]
