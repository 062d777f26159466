"""The marts made with pandas: the same answers, the same price rules, and the figures of every mart.

It is what a careful analyst would write in a notebook: json.loads in a loop, a function for the price, merges and
group-bys for the rest, and a Parquet file for each table.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from loader import seeds

SEEDS = seeds.SEEDS
EDGE_SIGNS = re.compile(r"^[-(]|[-)]$")
DECIMAL_ZERO = Decimal(0)


def marts(warehouse: str, directory: str) -> dict[str, Any]:
    """Everything that dbt builds from the warehouse's raw tables, as Parquet files; spend by currency and category."""
    with duckdb.connect(warehouse, read_only=True) as connection:
        lines = connection.execute("select job_id, file_id, line_number, line from raw.batch_output").df()
        requests = connection.execute("select * exclude (load_id) from raw.batch_requests").df()
        receipts = connection.execute("select * exclude (label) from raw.receipts").df()
    receipts = receipts.sort_values("loaded_at").drop_duplicates("receipt_id", keep="last")
    answers, items = _read(lines)
    del lines
    answers = answers.merge(requests, on="custom_id", how="left").merge(
        receipts[["receipt_id", "source", "source_key", "currency"]], on="receipt_id", how="left"
    )
    answers["currency"] = answers["currency"].fillna(answers.pop("answered_currency")).fillna("XXX")
    answers["cost_usd"] = _cost(answers)
    answers["is_api"] = answers["model"] != "local-ocr"
    answers = answers.sort_values(["receipt_id", "is_api", "answered_at", "attempt", "file_id", "line_number"])
    is_good = answers["status"].isin(["extracted", "empty"])
    answers["is_current"] = is_good & ~answers[is_good].duplicated("receipt_id", keep="last").reindex(
        answers.index, fill_value=True
    )
    kept, rejected = _priced(items, answers)
    tables = {
        "answers": answers,
        "receipt_items": kept,
        "rejected_items": rejected,
        "receipts": _receipts(answers, kept),
        "spend_by_category": _spend(kept, []),
        "spend_by_category_and_month": _spend(kept.assign(month=kept["purchased_on"].str[:7]), ["month"]),
        "spend_by_category_and_source": _spend(kept, ["source"]),
        "batch_usage": answers.groupby(["job_id", "model"], as_index=False).agg(
            request_count=("custom_id", "size"),
            prompt_tokens=("prompt_tokens", "sum"),
            completion_tokens=("completion_tokens", "sum"),
            cost_usd=("cost_usd", "sum"),
        ),
        "receipts_by_status": answers.groupby(["source", "status"], as_index=False).size(),
    }
    for name, table in tables.items():
        table.to_parquet(Path(directory) / f"{name}.parquet")
    spend = tables["spend_by_category"]
    return {f"{row.currency} {row.category}": str(row.spend) for row in spend.itertuples()}


def _read(lines: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A row an answer, and a row an item."""
    answers, items = [], []
    for job_id, file_id, line_number, line in lines.itertuples(index=False):
        answer = json.loads(line)
        body = answer["response"]["body"]
        choice = body["choices"][0]
        row = {
            "custom_id": answer["custom_id"],
            "job_id": job_id,
            "file_id": file_id,
            "line_number": line_number,
            "finish_reason": choice["finish_reason"],
            "prompt_tokens": body["usage"]["prompt_tokens"],
            "completion_tokens": body["usage"]["completion_tokens"],
            "answered_at": body["created"],
        }
        try:
            content = json.loads(choice["message"]["content"])
        except (TypeError, ValueError):
            answers.append(row | {"status": "unreadable"})
            continue
        row |= {
            "status": "extracted" if content["items"] else "empty",
            "merchant": content["merchant"],
            "purchased_on": content["purchased_on"],
            "answered_currency": content["currency"],
            "total": content["total"],
            "item_count": len(content["items"]),
        }
        answers.append(row)
        for number, item in enumerate(content["items"], start=1):
            items.append((row["custom_id"], number, item["name"], str(item["price"]), item["classification"]))
    columns = ["custom_id", "item_number", "name", "price_raw", "category_raw"]
    return pd.DataFrame(answers), pd.DataFrame(items, columns=columns)


def _cost(answers: pd.DataFrame) -> pd.Series[Any]:
    prices = pd.read_csv(SEEDS / "model_prices.csv").set_index("model")
    known = prices.reindex(answers["model"])
    dollars = (
        answers["prompt_tokens"].to_numpy() * known["input_usd_per_million"].to_numpy()
        + answers["completion_tokens"].to_numpy() * known["output_usd_per_million"].to_numpy()
    ) / 1e6
    return pd.Series(dollars * (1 - known["batch_discount"].to_numpy()), index=answers.index)


def _priced(items: pd.DataFrame, answers: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Items of current answers with their prices and categories, and those that are kept out."""
    columns = ["custom_id", "receipt_id", "source", "source_key", "merchant", "purchased_on", "currency", "model"]
    current = answers.loc[answers["is_current"], columns]
    items = items.merge(current, on="custom_id")
    rules = {row["currency"]: row for row in pd.read_csv(SEEDS / "currencies.csv").to_dict("records")}
    prices = [
        price(literal, rules.get(code)) for literal, code in zip(items["price_raw"], items["currency"], strict=True)
    ]
    items["price"] = [amount for amount, _ in prices]
    items["is_price_ambiguous"] = [is_ambiguous for _, is_ambiguous in prices]
    names = {category.name.lower(): category.name for category in seeds.categories()}
    items["category"] = items["category_raw"].str.strip().str.lower().map(names).fillna("Other")
    is_kept = items["price"].notna()
    kept = items[is_kept].copy()
    kept["is_credit"] = kept["price"] < 0
    return kept, items[~is_kept]


def price(literal: str, rule: dict[str, Any] | None) -> tuple[Decimal | None, bool]:
    """The amount that a literal means in a currency (None: unreadable or implausible), and whether it is ambiguous."""
    text = literal.strip()
    for symbol in sorted(str(rule["symbols"]).split(), key=len, reverse=True) if rule else ():
        if text.startswith(symbol):
            text = text[len(symbol) :].strip()
        elif text.endswith(symbol):
            text = text[: -len(symbol)].strip()
    text = re.sub(r"[,.]-$", "", text)
    is_negative = EDGE_SIGNS.search(text) is not None
    text = re.sub(r"[\s'()-]", "", text)
    if not re.fullmatch(r"\d[\d.,]*", text):
        return None, False
    mark = rule["decimal_mark"] if rule else None
    has_decimals = rule is None or rule["printed_decimals"] > 0
    marks, is_ambiguous = set(re.findall(r"[.,]", text)), False
    if len(marks) == 2:
        last = max(text.rfind("."), text.rfind(","))
        groups = not has_decimals and len(text) - last - 1 == 3
        text = re.sub(r"[.,]", "", text[:last]) + ("" if groups else ".") + text[last + 1 :]
    elif marks:
        used = marks.pop()
        whole, _, rest = text.rpartition(used)
        if used in whole:
            if not all(len(group) == 3 for group in text.split(used)[1:]):
                return None, False
            text = text.replace(used, "")
        elif re.fullmatch(r"[1-9]\d{0,2}", whole) and len(rest) == 3:
            is_ambiguous = rule is None or (rule["printed_decimals"] == 2 and used == mark)
            text = f"{whole}.{rest}" if has_decimals and used == mark else whole + rest
        else:
            text = f"{whole}.{rest}"
    amount = Decimal(text) * (-1 if is_negative else 1)
    low, high = (Decimal(str(rule["plausible_min"])), Decimal(str(rule["plausible_max"]))) if rule else (None, None)
    if low is not None and high is not None and amount and not low <= abs(amount) <= high:
        return None, False
    return amount, is_ambiguous


def _receipts(answers: pd.DataFrame, kept: pd.DataFrame) -> pd.DataFrame:
    spend = kept.groupby("receipt_id").agg(item_count=("price", "size"), spend=("price", "sum"))
    cost = answers.groupby("receipt_id").agg(cost_usd=("cost_usd", "sum"))
    latest = answers[answers["is_current"]].drop(columns=["cost_usd", "item_count"])
    table = latest.merge(spend, on="receipt_id", how="left").merge(cost, on="receipt_id", how="left")
    has_total = table["total"].notna()
    table["total_difference"] = None
    table.loc[has_total, "total_difference"] = table.loc[has_total, "spend"]
    return table


def _spend(kept: pd.DataFrame, also: list[str]) -> pd.DataFrame:
    keys = [*also, "currency"]
    kept = kept.assign(
        gross=kept["price"].where(~kept["is_credit"], DECIMAL_ZERO),
        credit=kept["price"].where(kept["is_credit"], DECIMAL_ZERO),
    )
    table = kept.groupby([*keys, "category"], as_index=False).agg(
        receipt_count=("receipt_id", "nunique"),
        item_count=("price", "size"),
        spend=("price", "sum"),
        gross_spend=("gross", "sum"),
        credits=("credit", "sum"),
        credit_count=("is_credit", "sum"),
    )
    totals = table.groupby(keys)["spend"].transform("sum")
    table["share_of_spend"] = table["spend"].astype(float) / totals.astype(float)
    table["average_price"] = table["gross_spend"].astype(float) / (table["item_count"] - table["credit_count"])
    return table
