"""Errors that a user can act on. Each message is one line: what, where, and what to do next.

The command line prints the message and ends with `exit_code`; anything else that is raised is a bug.
"""


class LoaderError(Exception):
    """Something that a user can mend; its text says how."""

    exit_code = 1


class SettingsError(LoaderError):
    """A setting is missing or cannot be read."""


class SourceError(LoaderError):
    """The receipts cannot be found or read."""


class ApiError(LoaderError):
    """The Batch API refused or could not be reached."""


class WarehouseError(LoaderError):
    """The DuckDB file cannot be opened or written."""


class BudgetError(LoaderError):
    """The estimated cost is above what was allowed."""


class IncompleteError(LoaderError):
    """The run ended, and some requests stayed failed or missing after all attempts."""

    exit_code = 3


def one_line(error: BaseException) -> str:
    """What another program's error says, in one line that is not too long."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:199] + "…"
