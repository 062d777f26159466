"""What `adapter` is while sqlfluff renders the models: macros dispatch to their DuckDB version."""

from __future__ import annotations

from collections.abc import Callable

from jinja2 import pass_context
from jinja2.runtime import Context


@pass_context
def dispatch(context: Context, name: str) -> Callable[..., str]:
    """The macro that DuckDB uses for `name`."""
    macro: Callable[..., str] = context[f"default__{name}"]
    return macro
