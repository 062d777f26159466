"""What `target` is while sqlfluff renders the models."""

type = "duckdb"
