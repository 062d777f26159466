"""Answers that come too slowly."""

from __future__ import annotations

import pytest

from loader.batch.mistral import BatchApi
from loader.errors import ApiError
from tests.helpers.fault_proxy import FaultProxy
from tests.helpers.fault_runs import LoaderRuns


def test_an_endless_trickle_is_cut_off(runs: LoaderRuns, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loader.batch.bounded_stream.GRACE_SECONDS", 0.3)
    api = BatchApi("the server", lambda: (proxy.url, runs.server.token))
    api.patience_seconds = 0.1
    proxy.trickle = "list_jobs"
    with pytest.raises(ApiError, match="is too slow"):
        api.find_job({"shard_id": "any"})
    api.close()
