"""What landed lines are: dbt's own models say it, so that the ledger and the marts never differ on an answer.

Their SQL takes up to fifty times the length of the lines that it has in hand, so it is run over a few megabytes at a
time. Of a line that is far longer than an answer can be, the content (a text, or chunks of text) is left out: to parse
a few of 20 MB would take more memory than there is.
"""

from __future__ import annotations

import hashlib
from functools import cache

import duckdb

LONG = 2_000_000  # bytes: an answer of 131,072 tokens, the most that a model gives, takes a quarter of it
SHORT = 1_000  # lines up to here are judged all at once: DuckDB has 2,048 a thread in hand
AT_ONCE = 4_000_000  # bytes of longer lines that are judged at once
ANSWERS = "int_output_lines__read"

COLUMNS = {
    "file_id": "varchar",
    "file_kind": "varchar",
    "line_number": "bigint",
    "custom_id": "varchar",
    "status": "varchar",
    "item_count": "bigint",
    "provider_error": "varchar",
    "echoed_model": "varchar",
    "landed_at": "timestamp",
}

# A line; of a long one what stands around the content of its answer, and of that a beginning.
LINE = rf"""case
    when strlen(line) <= {LONG} then line
    else left(regexp_replace(line, '("(?:content|text)"\s*:\s*)"(?:[^"\\]|\\.)*"', '\1""', 'g'), {LONG})
end"""
IN_HAND = f"""(
    select * replace ({LINE} as line)
    from raw.batch_output
    where job_id = $job_id
        and (
            ($file_id is null and strlen(line) <= {SHORT})
            or (file_id = $file_id and line_number between $first and $last and strlen(line) > {SHORT})
        )
)"""


def judge(connection: duckdb.DuckDBPyConnection, job_id: str) -> None:
    """Make the temporary table `verdicts`: a row per landed line of a job, with what it is."""
    # Not `as … limit 0`: DuckDB 2.0.0 shows no row of such a table once the transaction has inserted 122,880 or more.
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    connection.execute(f"create or replace temporary table verdicts ({columns})")
    for file_id, first, last in [(None, 0, 0), *_longer_lines(connection, job_id)]:
        connection.execute(
            f"insert into verdicts {_select()}", {"job_id": job_id, "file_id": file_id, "first": first, "last": last}
        )


def _longer_lines(connection: duckdb.DuckDBPyConnection, job_id: str) -> list[tuple[str, int, int]]:
    """The longer lines of a job in portions: file, first line and last."""
    return connection.execute(
        f"""
        with running as (
            select file_id, line_number, sum(strlen(line)) over (partition by file_id order by line_number) as bytes
            from raw.batch_output
            where job_id = ? and strlen(line) > {SHORT}
        )
        select file_id, min(line_number), max(line_number)
        from running
        group by file_id, bytes // {AT_ONCE}
        order by all
        """,
        [job_id],
    ).fetchall()


@cache
def best_lines() -> str:
    """A select over `verdicts`: for each request the line that counts, when a job answers it several times."""
    from loader.warehouse.dbt_sql import expression

    return f"""
        select *
        from verdicts
        where custom_id is not null
        qualify row_number() over (partition by custom_id order by {expression("better_line", "verdicts")}) = 1
    """


@cache
def rules() -> str:
    """Identity of the rules: a hash of the SQL that judges."""
    return hashlib.sha256(f"{_select()};{best_lines()}".encode()).hexdigest()[:16]


@cache
def _select() -> str:
    from loader.warehouse.dbt_sql import render

    return f"select {', '.join(COLUMNS)} from ({render(ANSWERS, {'raw.batch_output': IN_HAND})})"


def prepare() -> None:
    """Have the SQL ready: for whoever waits for something anyway."""
    _select()
    best_lines()
