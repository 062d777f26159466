"""What `flags` are while sqlfluff renders the models."""

FULL_REFRESH = False
