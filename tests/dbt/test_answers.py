"""Which answer counts, what status each attempt has, and what sources and labels change."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import duckdb
import pytest

from tests.dbt.scenarios import SCENARIOS, Scenario

Warehouse = duckdb.DuckDBPyConnection


def _rows(warehouse: Warehouse, query: str, *values: Any) -> list[tuple[Any, ...]]:
    return warehouse.execute(query, list(values)).fetchall()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.name for scenario in SCENARIOS])
def test_scenario(corpus: Warehouse, scenario: Scenario) -> None:
    attempts = {
        shard: (status, is_current)
        for shard, status, is_current in _rows(
            corpus,
            """
            select requests.shard_id, answers.status, answers.is_current
            from marts.answers
            inner join staging.stg_loader__batch_requests as requests using (answer_id)
            where answers.receipt_id = ?
            """,
            scenario.name,
        )
    }
    assert attempts == {
        attempt.shard: (status, number == scenario.current)
        for number, (attempt, status) in enumerate(zip(scenario.attempts, scenario.statuses, strict=True))
    }

    (receipt,) = _rows(
        corpus, "select status, item_count, spend from marts.receipts where receipt_id = ?", scenario.name
    )
    spend = sum(map(Decimal, scenario.prices), Decimal(0)) if scenario.current is not None else None
    assert receipt == (scenario.status, len(scenario.prices), spend)

    prices = _rows(
        corpus,
        "select price from marts.receipt_items where receipt_id = ? order by item_number",
        scenario.name,
    )
    assert prices == [(Decimal(price),) for price in scenario.prices]


def test_second_line_for_a_request_is_a_stray(corpus: Warehouse) -> None:
    strays = _rows(
        corpus,
        """
        select reason, file_id, line_number from marts.rejected_answers
        where file_id in ('file-w1', 'file-w2') order by file_id
        """,
    )
    assert strays == [("answered twice", "file-w1", 2), ("answered twice", "file-w2", 1)]


def test_cost_counts_every_attempt_at_the_batch_price(corpus: Warehouse) -> None:
    # two answers of 1000 and 100 tokens at 0.15 and 0.60 USD a million, half price
    once = (1000 * Decimal("0.15") + 100 * Decimal("0.60")) / 1_000_000 / 2
    costs = dict(
        _rows(
            corpus,
            "select receipt_id, cost_usd from marts.receipts where receipt_id in (?, ?, ?, ?)",
            "cut off, then complete",
            "answered by a cancelled job",
            "no line",
            "the reader, then the model in vain",
        )
    )
    assert costs == {
        "cut off, then complete": 2 * once,
        "answered by a cancelled job": once,
        "no line": None,
        "the reader, then the model in vain": 0,
    }


def test_usage_of_a_job(corpus: Warehouse) -> None:
    (usage,) = _rows(
        corpus,
        """
        select model, request_count, succeeded, failed, prompt_tokens
        from marts.batch_usage where job_id = ?
        """,
        "job-w1",
    )
    assert usage == ("mistral-small-2603", 1, 1, 0, 2000)  # the line that doesn't count was paid for as well
    (unpriced,) = _rows(corpus, "select cost_usd, prompt_tokens from marts.batch_usage where job_id = ?", "first.jsonl")
    assert unpriced == (None, 1000)


def test_files_landed_by_hand_stay_apart_and_can_be_corrected(corpus: Warehouse) -> None:
    read = _rows(
        corpus,
        """
        select source, source_key, currency, price, is_price_ambiguous
        from marts.receipt_items where custom_id = '0' order by source
        """,
    )
    assert read == [
        ("first.jsonl", "0", "IDR", Decimal(25000), False),
        ("second.jsonl", "0", "XXX", Decimal(25000), True),
    ]


def test_currency_of_the_source_then_of_the_answer(corpus: Warehouse) -> None:
    read = _rows(
        corpus,
        """
        select source_key, currency, spend, total, total_difference
        from marts.receipts where source_key like 'says %' order by source_key
        """,
    )
    assert read == [
        ("says MYR", "MYR", Decimal(6), Decimal(6), Decimal(0)),
        ("says a word that is no code", "XXX", Decimal(1005), Decimal(6), Decimal(999)),
        ("says nothing", "EUR", Decimal(1005), Decimal(6), Decimal(999)),
    ]


def test_receipts_that_were_never_asked(corpus: Warehouse) -> None:
    statuses = dict(
        _rows(
            corpus,
            """
            select receipt_id, status from marts.receipts
            where receipt_id in ('never asked', 'refused image')
            """,
        )
    )
    assert statuses == {"never asked": "pending", "refused image": "rejected"}


def test_samples_step_aside_everywhere(corpus: Warehouse) -> None:
    tables = _rows(
        corpus,
        """
        select table_name, column_name from information_schema.columns
        where table_schema = 'marts' and column_name in ('receipt_id', 'job_id', 'source')
        """,
    )
    assert len(tables) > 12
    for table, column in tables:
        (count,) = _rows(
            corpus,
            f"select count(*) from marts.{table} where {column} in ('sample', 'job-samples', 'samples')",
        )
        assert count == (0,), table
    assert _rows(corpus, "select source from marts.receipts where receipt_id = 'sample and photo'") == [("photos",)]


def test_the_share_that_balances_by_source_and_currency_is_that_of_its_answers(corpus: Warehouse) -> None:
    expected = _rows(
        corpus,
        """
        select
            coalesce(model, 'unknown'), coalesce(prompt_id, 'unknown'), coalesce(source, 'unknown'), currency,
            count(*), count(is_balanced), avg(is_balanced::int)
        from marts.answer_quality group by all order by all
        """,
    )
    assert len({(source, currency) for _, _, source, currency, *_ in expected}) > 4
    assert any(share not in (None, 0, 1) for *_, share in expected)
    assert expected == _rows(
        corpus,
        """
        select model, prompt_id, source, currency, answer_count, reconciled_count, share_balanced
        from marts.extraction_quality_by_source_and_currency order by all
        """,
    )


def test_labels_score_the_models(corpus: Warehouse) -> None:
    scored = {
        model: measures
        for model, *measures in _rows(
            corpus,
            """
            select model, receipt_count, labelled_answer_count, item_precision, item_recall, price_accuracy
            from marts.extraction_quality where prompt_id = 'labels'
            """,
        )
    }
    assert scored == {
        "mistral-large-2512": [2, 1, pytest.approx(3 / 4), pytest.approx(3 / 4), 1.0],
        "ministral-3b-2512": [2, 1, pytest.approx(1 / 2), pytest.approx(1 / 4), 1.0],
    }
    compared = _rows(
        corpus,
        """
        select model, other_model, receipt_count, item_recall
        from marts.model_comparison where prompt_id = 'labels' order by model
        """,
    )
    assert compared == [
        ("ministral-3b-2512", "mistral-large-2512", 2, 0.25),
        ("mistral-large-2512", "ministral-3b-2512", 2, 0.75),
    ]


def test_warnings_are_stored_for_the_analyst(corpus: Warehouse) -> None:
    stored = {
        table: _rows(corpus, f"select count(*) from audit.{table}")[0][0]
        for (table,) in _rows(corpus, "select table_name from information_schema.tables where table_schema = 'audit'")
    }
    expected = {
        "build_results",
        "rules_of_models",  # by which SQL landed lines were read
        "warn_ambiguous_price",
        "warn_currency_other_than_the_setting",
        "warn_lines_of_no_request",
        "warn_model_without_price",
        "warn_odd_purchase_date",
        "warn_possible_duplicates",
        "warn_rejected_items",
        "warn_repeated_keys",
        "warn_requests_without_a_line",
        "warn_unknown_category",
        "warn_unknown_currency",
        "warn_unreadable_purchase_date",
    }
    assert {table for table, count in stored.items() if count} == expected
