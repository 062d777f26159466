"""Names and types of the marts: other people's tools rely on them."""

from __future__ import annotations

import duckdb
import pytest

MONEY, COST, COUNT = "DECIMAL(18,3)", "DECIMAL(18,8)", "BIGINT"
TEXT, DAY, MOMENT, FLAG = "VARCHAR", "DATE", "TIMESTAMP", "BOOLEAN"

IDS = {"answer_id": TEXT, "custom_id": TEXT, "receipt_id": TEXT}
TOKENS = {"prompt_tokens": COUNT, "completion_tokens": COUNT, "cost_usd": COST}
MEASURES = {
    "currency": TEXT,
    "category": TEXT,
    "receipt_count": COUNT,
    "item_count": COUNT,
    "spend": MONEY,
    "gross_spend": MONEY,
    "credits": MONEY,
    "share_of_spend": "DOUBLE",
    "average_price": MONEY,
    "proven_spend": MONEY,
    "share_proven": "DOUBLE",
}
QUALITY = {
    "receipt_count": COUNT,
    "answer_count": COUNT,
    **{f"{status}_count": COUNT for status in ("extracted", "empty", "truncated", "unreadable")},
    **{f"{status}_count": COUNT for status in ("failed", "missing", "pending")},
    "item_count": COUNT,
    "rejected_item_count": COUNT,
    "share_rejected": "DOUBLE",
    "implausible_item_count": COUNT,
    "share_ambiguous": "DOUBLE",
    "share_other": "DOUBLE",
    "reconciled_count": COUNT,
    "share_balanced": "DOUBLE",
    "labelled_answer_count": COUNT,
    "item_precision": "DOUBLE",
    "item_recall": "DOUBLE",
    "price_accuracy": "DOUBLE",
    **TOKENS,
    "cost_per_receipt_usd": COST,
    "cost_per_thousand_items_usd": COST,
}
QUESTION = {"model": TEXT, "prompt_id": TEXT}
MARTS: dict[str, dict[str, str]] = {
    "receipts": {
        "receipt_id": TEXT,
        "source": TEXT,
        "source_key": TEXT,
        "merchant": TEXT,
        "purchased_on": DAY,
        "purchased_at": TEXT,
        "receipt_number": TEXT,
        "payment_method": TEXT,
        "currency": TEXT,
        "status": TEXT,
        "item_count": COUNT,
        "spend": MONEY,
        "subtotal": MONEY,
        "tax": MONEY,
        "tip": MONEY,
        "service_charge": MONEY,
        "rounding": MONEY,
        "total": MONEY,
        "total_difference": MONEY,
        "reconciliation": TEXT,
        "unexplained": MONEY,
        "duplicate_of": TEXT,
        "is_corrected": FLAG,
        "model": TEXT,
        **TOKENS,
        "requested_at": MOMENT,
        "answered_at": MOMENT,
    },
    "receipt_items": {
        "receipt_item_id": TEXT,
        "receipt_id": TEXT,
        "answer_id": TEXT,
        "custom_id": TEXT,
        "source": TEXT,
        "source_key": TEXT,
        "merchant": TEXT,
        "purchased_on": DAY,
        "item_number": COUNT,
        "name": TEXT,
        "price": MONEY,
        "price_raw": TEXT,
        "currency": TEXT,
        "category": TEXT,
        "category_raw": TEXT,
        "is_credit": FLAG,
        "is_price_ambiguous": FLAG,
        "is_salvaged": FLAG,
        "is_corrected": FLAG,
        "model": TEXT,
        "answered_at": MOMENT,
        "category_rule": TEXT,
        "is_proven": FLAG,
    },
    "duplicates": {"receipt_id": TEXT, "duplicate_of": TEXT, "is_certain": FLAG, "why": TEXT},
    "spend_by_merchant_and_month": {
        "month": DAY,
        "currency": TEXT,
        "merchant": TEXT,
        "receipt_count": COUNT,
        "spend": MONEY,
        "tax": MONEY,
        "tip": MONEY,
        "total": MONEY,
        "proven_spend": MONEY,
    },
    "answers": {
        **IDS,
        "job_id": TEXT,
        "file_id": TEXT,
        "line_number": COUNT,
        "attempt": "INTEGER",
        "model": TEXT,
        "prompt_id": TEXT,
        "status": TEXT,
        "finish_reason": TEXT,
        "is_current": FLAG,
        "item_count": COUNT,
        **TOKENS,
        "requested_at": MOMENT,
        "answered_at": MOMENT,
    },
    "spend_by_category": MEASURES,
    "spend_by_category_and_month": {"month": DAY, **MEASURES},
    "spend_by_category_and_source": {"source": TEXT, **MEASURES},
    "rejected_items": {
        **IDS,
        "source": TEXT,
        "currency": TEXT,
        "model": TEXT,
        "item_number": COUNT,
        "name": TEXT,
        "price_raw": TEXT,
        "category_raw": TEXT,
        "reason": TEXT,
    },
    "rejected_answers": {
        **IDS,
        "job_id": TEXT,
        "file_id": TEXT,
        "line_number": COUNT,
        "model": TEXT,
        "reason": TEXT,
        "detail": TEXT,
    },
    "batch_usage": {
        "job_id": TEXT,
        "model": TEXT,
        "request_count": COUNT,
        "succeeded": COUNT,
        "failed": COUNT,
        **TOKENS,
        "cost_per_receipt_usd": COST,
    },
    "categories": {"category": TEXT, "description": TEXT},
    "extraction_quality": {**QUESTION, **QUALITY},
    "extraction_quality_by_source_and_currency": {**QUESTION, "source": TEXT, "currency": TEXT, **QUALITY},
    "model_comparison": {
        **QUESTION,
        "other_model": TEXT,
        "other_prompt_id": TEXT,
        **QUALITY,
        "mended_count": COUNT,
        "cost_per_mended_usd": COST,
    },
    "rejection_rates": {
        **QUESTION,
        "reason": TEXT,
        "rejected_item_count": COUNT,
        "item_count": COUNT,
        "share_of_items": "DOUBLE",
    },
    "receipts_by_status": {"source": TEXT, "status": TEXT, "receipt_count": COUNT, "share_of_receipts": "DOUBLE"},
    "receipt_categories": {
        "receipt_id": TEXT,
        "source": TEXT,
        "source_key": TEXT,
        "merchant": TEXT,
        "purchased_on": DAY,
        "currency": TEXT,
        "category": TEXT,
        "item_count": COUNT,
        "spend": MONEY,
    },
    "answer_quality": {
        "answer_id": TEXT,
        "receipt_id": TEXT,
        "source": TEXT,
        **QUESTION,
        "attempt": "INTEGER",
        "status": TEXT,
        "is_current": FLAG,
        "item_count": COUNT,
        "kept_item_count": COUNT,
        "rejected_item_count": COUNT,
        "implausible_item_count": COUNT,
        "ambiguous_item_count": COUNT,
        "other_item_count": COUNT,
        "unknown_category_item_count": COUNT,
        "currency": TEXT,
        "spend": MONEY,
        "total": MONEY,
        "reconciliation": TEXT,
        "is_balanced": FLAG,
        "label_item_count": COUNT,
        "matched_item_count": COUNT,
        "matched_price_count": COUNT,
        **TOKENS,
    },
}


def columns(warehouse: duckdb.DuckDBPyConnection, mart: str) -> dict[str, str]:
    """Column -> type, in the order of the table."""
    rows = warehouse.execute(
        """
        select column_name, data_type from information_schema.columns
        where table_schema = 'marts' and table_name = ? order by ordinal_position
        """,
        [mart],
    ).fetchall()
    return dict(rows)


@pytest.mark.parametrize("mart", MARTS)
def test_columns_and_types(corpus: duckdb.DuckDBPyConnection, mart: str) -> None:
    assert list(columns(corpus, mart).items()) == list(MARTS[mart].items())


def test_every_mart_has_types_that_bi_tools_read(corpus: duckdb.DuckDBPyConnection) -> None:
    known = {COUNT, "INTEGER", "DOUBLE", MONEY, COST, TEXT, FLAG, DAY, MOMENT}
    marts = corpus.execute("select table_name from information_schema.tables where table_schema = 'marts'")
    for (mart,) in marts.fetchall():
        assert mart in MARTS
        assert set(columns(corpus, mart).values()) <= known, mart


def test_schemas_are_exactly_these(corpus: duckdb.DuckDBPyConnection) -> None:
    schemas = corpus.execute("select distinct table_schema from information_schema.tables").fetchall()
    assert {schema for (schema,) in schemas} == {
        "raw",
        "ledger",
        "reference",
        "staging",
        "intermediate",
        "marts",
        "audit",
    }


def test_descriptions_reach_the_warehouse(corpus: duckdb.DuckDBPyConnection) -> None:
    (table,) = corpus.execute(
        "select comment from duckdb_tables() where schema_name = 'marts' and table_name = 'receipt_items'"
    ).fetchone() or (None,)
    assert table.startswith("One row per item")
    (bare,) = corpus.execute(
        "select count(*) from duckdb_columns() where schema_name = 'marts' and comment is null"
    ).fetchone() or (None,)
    assert bare == 0


def test_file_can_be_opened_by_older_duckdb(corpus: duckdb.DuckDBPyConnection) -> None:
    (version,) = corpus.execute(
        "select tags['storage_version'] from duckdb_databases() where not internal"
    ).fetchone() or (None,)
    assert version.startswith("v1.0.0")
