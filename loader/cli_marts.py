"""The commands that build, show and correct the marts; part of `cli`."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path

import click

from loader.session import existing_warehouse
from loader.settings import read_settings, user_name
from loader.terminal import Screen, json_option, show_json, show_mart

SHOWN_ROWS = 50


@click.command()
@click.option("--parquet", type=click.Path(path_type=Path), metavar="DIR", help="Also one Parquet file a mart, in DIR.")
@click.option("--despite-failures", is_flag=True, help="Publish even though the last dbt build had failing tests.")
@click.option("--check", is_flag=True, help="Publish nothing: exit code 0 when a build would change nothing, else 1.")
@json_option
def publish(parquet: Path | None, despite_failures: bool, check: bool, as_json: bool) -> None:
    """Copy the marts into the file that BI tools read, and swap it in."""
    from loader.marts.built_from import warnings_of_current
    from loader.marts.moved import in_words
    from loader.marts.publish import publish_marts

    settings = read_settings()
    if check:
        warnings = warnings_of_current(settings.warehouse, settings.bi_database)
        if as_json:
            show_json({"is_current": warnings is not None, "tests_warned": warnings})
        elif warnings is not None:
            warned = f"; {warnings} tests warn: see schema audit" if warnings else ""
            click.echo(f"nothing new: {settings.bi_database} is what a build would make again{warned}")
        sys.exit(0 if warnings is not None else 1)
    with Screen() as screen:
        done = publish_marts(
            settings.warehouse, settings.bi_database, parquet, despite_failures=despite_failures, on_wait=screen.say
        )
    if as_json:
        show_json({**asdict(done), "bi_database": settings.bi_database, "parquet": parquet})
        return
    tests = {"passed": "", "failed": "; tests failed", "unknown": "; no test results known"}[done.tests]
    newer = f"; {done.unbuilt_lines:,} lines landed after the last dbt build, `make build` brings them in"
    where = f" and {parquet}/" if parquet else ""
    click.echo(
        f"{settings.bi_database}{where}: {len(done.rows)} tables published{tests}{newer if done.unbuilt_lines else ''}"
    )
    if done.moved is not None:
        click.echo(in_words(done.moved))


@click.command()
@click.argument("mart", default="spend_by_category")
@click.argument("which", required=False, metavar="[ID]")
@click.option("--limit", type=click.IntRange(min=1), help="Rows to show (otherwise 50, or all with --json).")
@click.option("--open", "is_opened", is_flag=True, help="With `receipt ID`: open its image.")
@json_option
def show(mart: str, which: str | None, limit: int | None, is_opened: bool, as_json: bool) -> None:
    """Print a MART from the published file: spend by category, unless another is named.

    Also `receipt ID`, all that is known of one receipt (ID: its id or the beginning of it, its file or its key), and
    `corrections [ID]`, what people set right.
    """
    if mart in ("receipt", "corrections"):
        from loader.receipt_on_screen import show_corrections, show_receipt

        warehouse = existing_warehouse(read_settings())
        if mart == "corrections":
            show_corrections(warehouse, which, limit if as_json else limit or SHOWN_ROWS, as_json)
        elif which is None:
            raise click.UsageError("name the receipt: its id or the beginning of it, its file or its key")
        else:
            show_receipt(warehouse, which, as_json, is_opened)
        return
    if which is not None or is_opened:
        raise click.UsageError("ID and --open go with `show receipt` and `show corrections` only")
    from loader.marts.read import mart_rows, proven_shares

    if as_json:
        found = mart_rows(mart, limit)
        show_json([dict(zip(found.columns, row, strict=True)) for row in found.rows])
        return
    found = mart_rows(mart, limit or SHOWN_ROWS)
    show_mart(found.columns, found.rows, title=mart.replace("_", " ").capitalize())
    if found.total > len(found.rows):
        click.echo(f"{found.total - len(found.rows):,} more rows: --limit shows them")
    elif not found.total:
        click.echo("no rows")
    elif "share_proven" in found.columns:
        proven = ", ".join(f"{currency} {share:.0%}" for currency, share in proven_shares())
        click.echo(f"proven, as its receipts add up to what was paid: {proven}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--by", help="Who corrects, where a row does not say (otherwise the system's user).")
@click.option("--reason", help="Why, where a row does not say.")
@json_option
def correct(file: Path, by: str | None, reason: str | None, as_json: bool) -> None:
    """Land corrections from FILE, a CSV with the columns of raw.corrections: all of its rows or none."""
    from loader.warehouse.correction_file import land_file as land_corrections

    warehouse = existing_warehouse(read_settings())
    landed, known = land_corrections(warehouse, file, by or user_name(), reason)
    if as_json:
        show_json({"landed": landed, "known": known})
        return
    more = f"; {known:,} stood there already" if known else ""
    click.echo(f"{file}: {landed:,} corrections landed{more}; `make build` brings them into the marts")


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8766, show_default=True, help="0: any free port.")
@click.option("--by", help="Who corrects (otherwise the system's user).")
@click.option("--open", "is_opened", is_flag=True, help="Open the page in the browser.")
def review(port: int, by: str | None, is_opened: bool) -> None:
    """Serve a page on 127.0.0.1: doubtful receipts beside their images, to be set right."""
    import secrets

    from loader.marts.review.serve import serve as serve_page

    settings = read_settings()
    warehouse = existing_warehouse(settings)
    places = {"WAREHOUSE": str(settings.warehouse), "BI_DATABASE": str(settings.bi_database)}

    def tell(link: str) -> None:
        click.echo(f"receipts to review: {link}\n(Ctrl-C ends it; what is saved is saved)")
        if is_opened:
            click.launch(link)

    serve_page(
        warehouse, by or user_name(), secrets.token_urlsafe(24), {**os.environ, **places}, port=port, on_ready=tell
    )


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
def report(file: Path | None) -> None:
    """Write a first look at the marts as one HTML page: FILE, or report.html beside the published file."""
    from loader.marts.report import write_report

    path = file or read_settings().bi_database.with_name("report.html")
    written = write_report(path)
    click.echo(f"{path}: {written.receipts:,} receipts, {written.items:,} items")


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def dbt(arguments: tuple[str, ...]) -> None:
    """Run dbt with ARGUMENTS on the warehouse of the settings, and say who holds the file if it is locked."""
    from loader.marts.run_dbt import dbt_target, run_dbt
    from loader.warehouse.duckdb_file import Warehouse

    settings = read_settings()
    if settings.warehouse.exists() and dbt_target(arguments) == "duckdb":
        existing_warehouse(settings).prepare()  # an older one gets the tables and columns that the models read
    ended = run_dbt(arguments, settings.warehouse, dict(os.environ), click.echo)
    if ended.code and ended.target == "duckdb" and settings.warehouse.exists():
        Warehouse(settings.warehouse, wait_seconds=0).prepare()  # raises, naming who holds the file
    sys.exit(ended.code)


MARTS = (publish, show, correct, review, report, dbt)
