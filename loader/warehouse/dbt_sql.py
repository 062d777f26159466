"""dbt's own models as plain SQL for DuckDB, without dbt: the loader judges answers by the rules of the marts.

A rule that both need stands once, in `dbt_project/`. Importing dbt to run it would take seconds, so the models and
macros are rendered here with jinja2, as dbt would in a full refresh.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jinja2 import Environment, StrictUndefined
from jinja2.runtime import Macro

from loader.settings import ROOT

PROJECT = ROOT / "dbt_project"
MACROS = PROJECT / "macros"


def render(model: str, relations: Mapping[str, str]) -> str:
    """The select of a model. Raises LookupError for what it reads and is neither given nor a model.

    `relations` says where its sources (`schema.table`), seeds and models stand, as they would follow `from`; a model
    that is not named there is rendered in its place.
    """

    def ref(name: str) -> str:
        return relations[name] if name in relations else f"({render(name, relations)})"

    def source(schema: str, table: str) -> str:
        if f"{schema}.{table}" not in relations:
            raise LookupError(f"{model} reads {schema}.{table}, and no relation was given for it")
        return relations[f"{schema}.{table}"]

    template = _environment().from_string(model_file(model).read_text(encoding="utf-8"))
    return template.render(_names(), ref=ref, source=source)


def expression(macro: str, *arguments: str) -> str:
    """What a macro gives for these arguments."""
    return str(_names()[macro](*arguments))


def model_file(model: str) -> Path:
    """Where a model stands. Raises LookupError."""
    found = next((PROJECT / "models").rglob(f"{model}.sql"), None)
    if found is None:
        raise LookupError(f"{model} is no model of dbt_project, and no relation was given for it")
    return found


def macro_files() -> list[Path]:
    """The macros that DuckDB needs, in an order that stays."""
    return sorted(path for path in MACROS.rglob("*.sql") if path.parent.name != "spark")


@cache
def _environment() -> Environment:
    return Environment(extensions=["jinja2.ext.do"], undefined=StrictUndefined, autoescape=False)


@cache
def _names() -> dict[str, Any]:
    """What models and macros may name: dbt's own words, and every macro of the project."""
    names: dict[str, Any] = {
        **_environment().globals,
        "adapter": SimpleNamespace(dispatch=lambda macro: names[f"default__{macro}"]),
        "config": lambda **settings: "",
        "execute": True,
        "is_incremental": lambda: False,
        "model": SimpleNamespace(resource_type="model"),
        "return": lambda value: value,
        "target": SimpleNamespace(type="duckdb"),
    }
    for file in macro_files():
        # Shared: a macro finds those of files that are read after its own, as in dbt.
        module = _environment().from_string(file.read_text(encoding="utf-8")).make_module(names, shared=True)
        names.update({name: macro for name, macro in vars(module).items() if isinstance(macro, Macro)})
    return names
