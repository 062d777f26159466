"""The usual rules of a dbt project, checked over its manifest. Exceptions stand in DECISIONLOG.md."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from loader import seeds
from loader.settings import EMBEDDED_MODEL, SAMPLES
from loader.warehouse import dbt_sql
from tests.dbt.build import PROJECT, dbt_or_fail, target

Node = dict[str, Any]


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Node:
    """The manifest of a parse in which a deprecation is an error."""
    folder = tmp_path_factory.mktemp("parse")
    strict = ("--no-partial-parse", "--warn-error-options", '{"error": ["Deprecations"]}')
    dbt_or_fail("parse", *strict, warehouse=folder / "none.duckdb")
    manifest: Node = json.loads((target() / "manifest.json").read_text())
    return manifest


@pytest.fixture(scope="session")
def models(manifest: Node) -> list[Node]:
    """The project's models."""
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]


def parents(node: Node, kind: str = "") -> list[str]:
    """Unique ids of what a node reads, of one kind or all."""
    return [parent for parent in node["depends_on"]["nodes"] if parent.startswith(kind)]


def layer(node: Node) -> str:
    """`staging`, `intermediate` or `marts`."""
    return str(node["fqn"][1])


def test_staging_reads_one_source_and_only_staging_reads_sources(models: list[Node]) -> None:
    for model in models:
        if layer(model) == "staging":
            assert len(parents(model)) == len(parents(model, "source.")) == 1, model["name"]
        else:
            assert not parents(model, "source."), model["name"]


def test_no_source_is_read_twice(models: list[Node]) -> None:
    read = [source for model in models for source in parents(model, "source.")]
    assert len(read) == len(set(read))


def test_layers_read_downwards(models: list[Node], manifest: Node) -> None:
    readable = {
        "staging": set(),
        "intermediate": {"staging", "intermediate"},
        "marts": {"intermediate", "marts"},
    }
    for model in models:
        layers = {layer(manifest["nodes"][parent]) for parent in parents(model, "model.")}
        assert layers <= readable[layer(model)], model["name"]


def test_folder_schema_prefix_and_properties_file_agree(models: list[Node]) -> None:
    for model in models:
        path = Path(model["original_file_path"])
        name = model["name"]
        assert model["schema"] == layer(model), name
        if layer(model) == "staging":
            assert name.startswith(f"stg_{path.parent.name}__"), name
        elif layer(model) == "intermediate":
            assert re.fullmatch(r"int_[a-z_]+?__[a-z_]+", name), name
        else:
            assert not name.startswith(("stg_", "int_")), name
        properties = Path(model["patch_path"].split("://")[1])
        assert properties == path.with_suffix(".yml"), name


def test_every_model_has_a_tested_primary_key(models: list[Node], manifest: Node) -> None:
    keys: dict[str, list[str]] = {}
    for test in manifest["nodes"].values():
        if test["resource_type"] == "test" and test.get("test_metadata"):
            arguments = test["test_metadata"]["kwargs"]
            columns = arguments.get("unique_by") or arguments.get("columns") or []
            keys.setdefault(str(test["attached_node"]), []).extend(columns)
    for model in models:
        # the key of a view is that of the table that is made of it: testing both would compute it twice
        if model["config"]["materialized"] != "view":
            assert keys.get(model["unique_id"]), model["name"]


def test_no_hard_coded_relations(models: list[Node]) -> None:
    for model in models:
        code = re.sub(r"--.*", "", model["raw_code"])
        for relation in re.findall(r"(?<!distinct )\b(?:from|join)\s+([a-z_]+\.[a-z_.]+)", code):
            raise AssertionError(f"{model['name']} reads {relation} by name")


def test_names_stand_in_one_place_and_are_the_loader_s() -> None:
    names = {
        "embedded_reader": EMBEDDED_MODEL,
        "drawn_samples": SAMPLES,
        "unknown_currency": "XXX",
        "other_category": seeds.OTHER,
    }
    for macro, name in names.items():
        assert dbt_sql.expression(macro) == f"'{name}'"
        written = [path.name for path in PROJECT.rglob("*.sql") if f"'{name}'" in path.read_text(encoding="utf-8")]
        assert written == ["names.sql"], name


def test_portable_sql(models: list[Node]) -> None:
    own = re.compile(
        r"\bqualify\b|group by all|order by all|\* *exclude|\blist\(|recursive"
        r"|json_extract|from_json|\bunnest\(|regexp_|epoch|::",
        re.IGNORECASE,
    )
    for model in models:
        code = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", re.sub(r"--.*", "", model["raw_code"]), flags=re.DOTALL)
        assert not own.search(code), (model["name"], own.search(code))


def test_at_most_twelve_dispatched_macros(manifest: Node) -> None:
    dispatched = {
        macro["name"]
        for macro in manifest["macros"].values()
        if macro["package_name"] == "receipts_to_spend" and "adapter.dispatch(" in macro["macro_sql"]
    }
    assert 0 < len(dispatched) <= 12
    for macro in manifest["macros"].values():
        if macro["package_name"] == "receipts_to_spend" and macro["name"].startswith("default__"):
            assert macro["name"].removeprefix("default__") in dispatched
    written = {macro["name"] for macro in manifest["macros"].values() if macro["package_name"] == "receipts_to_spend"}
    for engine in ("default", "spark"):
        assert {f"{engine}__{name}" for name in dispatched} <= written


def test_everything_is_described(manifest: Node) -> None:
    missing = []
    nodes = [*manifest["nodes"].values(), *manifest["sources"].values()]
    for node in nodes:
        if node["resource_type"] in ("model", "seed", "source"):
            if not node["description"]:
                missing.append(node["name"])
            missing += [
                f"{node['name']}.{column['name']}" for column in node["columns"].values() if not column["description"]
            ]
        elif node["resource_type"] == "test" and not node.get("test_metadata") and not node["description"]:
            missing.append(node["name"])
    missing += [
        macro["name"]
        for macro in manifest["macros"].values()
        if macro["package_name"] == "receipts_to_spend"
        and not macro["name"].startswith(("default__", "spark__", "_"))
        and not macro["description"]
    ]
    for kind in ("exposures", "unit_tests"):
        missing += [node["name"] for node in manifest[kind].values() if not node["description"]]
    assert missing == []


def test_marts_are_public_and_contracted(models: list[Node]) -> None:
    for model in models:
        is_public = model["access"] == "public"
        assert is_public == (layer(model) == "marts"), model["name"]
        assert is_public == model["contract"]["enforced"], model["name"]


def test_exposures_rest_on_public_models_and_the_bi_file_on_all(manifest: Node, models: list[Node]) -> None:
    public = {model["unique_id"] for model in models if model["access"] == "public"}
    for exposure in manifest["exposures"].values():
        assert set(parents(exposure)) <= public, exposure["name"]
    assert set(parents(manifest["exposures"]["exposure.receipts_to_spend.bi_file"])) == public


def test_no_long_chains_of_views(models: list[Node]) -> None:
    by_id = {model["unique_id"]: model for model in models}

    def views_above(model: Node) -> int:
        if model["config"]["materialized"] not in ("view", "ephemeral"):
            return 0
        return 1 + max((views_above(by_id[parent]) for parent in parents(model, "model.")), default=0)

    assert max(map(views_above, models)) <= 5


def test_sources_have_freshness_where_time_is_recorded(manifest: Node) -> None:
    """But for what people do when they see fit."""
    sources = [source for source in manifest["sources"].values() if source["name"] != "corrections"]
    assert len(sources) == len(manifest["sources"]) - 1
    for source in sources:
        assert source["freshness"]["warn_after"]["count"], source["name"]
        assert source["loaded_at_field"], source["name"]


def test_reader_of_one_item_opens_seven_files(models: list[Node]) -> None:
    """From raw.batch_output to spend_by_category by the shortest way."""
    by_id = {model["unique_id"]: model for model in models}

    def way(unique_id: str) -> list[str]:
        if unique_id == "source.receipts_to_spend.raw.batch_output":
            return ["source"]
        ways = [way(parent) for parent in parents(by_id[unique_id])] if unique_id in by_id else []
        found = [found for found in ways if found]
        return [unique_id, *min(found, key=len)] if found else []

    # the select of spend_by_category is the macro spend_by
    assert way("model.receipts_to_spend.spend_by_category")[::-1] == [
        "source",
        *(
            f"model.receipts_to_spend.{name}"
            for name in (
                "stg_mistral__batch_output",
                "int_output_lines__read",
                "int_items__priced",
                "int_items__valued",
                "int_items__counted",
                "receipt_items",
                "spend_by_category",
            )
        ),
    ]
