"""Sending a shard: only what this load asked for, and a refusal is told."""

from __future__ import annotations

from tests.helpers.fault_proxy import Fault, FaultProxy
from tests.helpers.fault_runs import LoaderRuns, draw_receipts


def test_a_shard_that_was_never_sent_obeys_the_budget_of_the_next_load(runs: LoaderRuns, proxy: FaultProxy) -> None:
    assert runs.run(kill_at="loader.warehouse.ledger.plan_shard:after:1")[0] != 0
    runs.run(kill_at="loader.batch.mistral.BatchApi.upload:before:1")
    assert runs.query("select state from ledger.shards") == [("uploading",)]
    other = draw_receipts(runs.folder.with_name("other"), 2, seed=9)
    code, said = runs.run("load", "--receipts", str(other))
    assert code == 0, said
    assert runs.query("select request_count from ledger.shards") == [(2,)], "only what was asked for now is sent"


def test_without_batch_billing_it_says_so(runs: LoaderRuns, undisturbed: LoaderRuns, proxy: FaultProxy) -> None:
    proxy.begin(Fault("create_job", "402"))
    code, said = runs.run()
    assert code == 1 and "wants batch billing to be enabled (402)" in said
    proxy.begin()
    runs.assert_healed(undisturbed)
