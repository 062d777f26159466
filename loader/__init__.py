"""From receipt images to raw answers in DuckDB, through the Mistral Batch API."""

__version__ = "0.1.0"
