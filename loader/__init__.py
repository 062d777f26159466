"""From receipt images to raw answers in DuckDB, through the Mistral Batch API.

For notebooks: `loader.items()` and `loader.mart("spend_by_category")` give pandas DataFrames.
"""

from loader.marts.read import items, mart

__version__ = "0.2.0"

__all__ = ["items", "mart"]
