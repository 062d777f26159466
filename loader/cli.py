"""The commands that load; those of the marts stand in `cli_marts`. Only these two, with `terminal`, print.

Heavy imports stand in the command that needs them.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loader import __version__
from loader.cli_marts import MARTS
from loader.errors import IncompleteError, SourceError
from loader.session import existing_warehouse, one_load_at_a_time, open_api, open_warehouse
from loader.settings import STYLES, Style, known_currency, read_settings
from loader.stores import without_secrets
from loader.terminal import Screen, json_option, show_json, show_table

if TYPE_CHECKING:
    from loader.requests.question import Question
    from loader.sources.receipt import Source
    from loader.warehouse.duckdb_file import Warehouse

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}

receipts_option = click.option("--receipts", help="Folder, archive or URL of images and PDFs, data set, or hub id.")
model_option = click.option("--model", help="Dated model id.")
default_currency_option = click.option(
    "--currency", "receipts_currency", help="ISO 4217 code meant where a receipt does not say (RECEIPTS_CURRENCY)."
)
style_option = click.option(
    "--style",
    type=click.Choice(STYLES),
    default="schema",
    show_default=True,
    help="How the question is put: strict JSON schema, or the notebook's 2024 way.",
)


@click.group(context_settings=CONTEXT)
@click.version_option(__version__, prog_name="loader")
def cli() -> None:
    """From receipt images to raw answers in DuckDB, through the Mistral Batch API.

    Settings come from flags, the environment and .env, in that order; README.md lists them.
    """


@cli.command()
@receipts_option
@model_option
@default_currency_option
@style_option
@json_option
@click.option("--limit", type=click.IntRange(min=1), help="Only the first N receipts.")
@click.option(
    "--images",
    type=click.Choice(["readable", "original", "1540"]),
    default="readable",
    show_default=True,
    help="Cut what is too long to read, send images as they are, or shrink them to 1540 pixels.",
)
@click.option("--max-cost", "max_cost_usd", type=float, help="Most that this load may cost, in US dollars.")
@click.option(
    "--attempts", type=click.IntRange(1, 20), default=3, show_default=True, help="How often a request is asked at most."
)
@click.option("--again", is_flag=True, help="Ask receipts that have an answer from another model or prompt, too.")
@click.option(
    "--recheck",
    is_flag=True,
    help="Ask only receipts that don't add up or could not be read, by the last build; name a stronger --model.",
)
@click.option("--rehash", is_flag=True, help="Read every file, also those that are known and seem not to have changed.")
@click.option("--dry-run", is_flag=True, help="Only say what the load would be.")
@click.option("--no-wait", is_flag=True, help="Submit and end; the next load fetches the answers.")
def load(
    style: Style,
    as_json: bool,
    limit: int | None,
    images: str,
    attempts: int,
    again: bool,
    recheck: bool,
    rehash: bool,
    dry_run: bool,
    no_wait: bool,
    **flags: Any,
) -> None:
    """Send receipts as a batch, wait, and land the raw answers.

    Nothing is paid for twice: what was sent or answered before is taken up, not sent again.
    """
    from loader.batch.run import Limits, Run, fetch_first, over_budget
    from loader.load_in_words import estimate_in_words, not_read, still_open_in_words, summary_in_words
    from loader.requests.estimate import estimate
    from loader.requests.images import POLICIES
    from loader.requests.question import Question
    from loader.sources.open_source import open_source
    from loader.warehouse.ledger import Setbacks

    settings = read_settings(flags)
    question = Question(settings.model, style, POLICIES[images], attempts, again or recheck)
    question.request_cost_usd([])  # a model without a price is refused before anything is read
    with Screen() as screen:
        if dry_run:
            source = open_source(settings.receipts, limit=limit)
            _say_what_is_read(screen, source)
            warehouse = open_warehouse(settings, screen.say)
            if recheck:
                question = _only_doubtful(question, warehouse, source, screen)
            expected = estimate(warehouse, source, question, rehash)
            if as_json:
                named = {"source": without_secrets(settings.receipts), "model": settings.model}
                show_json({**asdict(expected), **named, **not_read(source)})
            else:
                click.echo(estimate_in_words(expected, source, without_secrets(settings.receipts), settings.model))
            return
        with one_load_at_a_time(settings):
            warehouse = open_warehouse(settings, screen.say)
            with open_api(settings, screen.say) as api:
                setbacks = Setbacks()
                fetched = fetch_first(warehouse, api, screen, settings.work_dir, setbacks)
                source = open_source(settings.receipts, limit=limit)
                _say_what_is_read(screen, source)
                if recheck:
                    question = _only_doubtful(question, warehouse, source, screen)
                if not settings.is_embedded:
                    expected = estimate(warehouse, source, question, rehash)
                    if expected.cost_usd > settings.max_cost_usd:
                        raise over_budget(expected.cost_usd, settings.max_cost_usd)
                limits = Limits(max_cost_usd=settings.max_cost_usd)
                run = Run(
                    warehouse,
                    api,
                    source,
                    question,
                    limits,
                    screen,
                    settings.work_dir,
                    settings.currency,
                    setbacks,
                    rehash,
                )
                summary = run.execute(wait=not no_wait)
                summary.lines += fetched.lines
    if as_json:
        named = {"status": summary.status, "source": source.name, "model": settings.model}
        show_json({**asdict(summary), **named, **not_read(source)})
    else:
        click.echo(summary_in_words(summary, source))
    if fetched.trouble:
        raise fetched.trouble
    if summary.still_open:
        raise IncompleteError(still_open_in_words(summary.still_open))


def _only_doubtful(question: Question, warehouse: Warehouse, source: Source, screen: Screen) -> Question:
    from loader.warehouse.recheck import doubtful_receipts

    with warehouse.transaction() as connection:
        doubtful = doubtful_receipts(connection, source.name, question.model)
    if doubtful.is_stale:
        screen.say("more has landed since the last build: `make build` first says more exactly what doesn't add up")
    return replace(question, only=doubtful.receipt_ids)


def _say_what_is_read(screen: Screen, source: Source) -> None:
    for note in (*source.notes, source.passed_over.in_words(with_names=True)):
        if note:
            screen.say(note)


@cli.command()
@click.argument("image", type=click.Path(path_type=Path))
@model_option
@style_option
@json_option
def extract(image: Path, style: Style, as_json: bool, **flags: Any) -> None:
    """Ask about one IMAGE or PDF live and print its items: the look before paying for a batch. Lands nothing."""
    from loader.batch.try_one import ask_one
    from loader.requests.question import header_fields

    settings = read_settings(flags)
    try:
        data = image.read_bytes()
    except OSError as error:
        raise SourceError(f"{image}: {error.strerror}; name an image file") from error
    with Screen() as screen, open_api(settings, screen.say) as api:
        answer = ask_one(api, settings.model, data, str(image), style)
    if as_json:
        show_json(answer)
        return
    if "unreadable" in answer:
        click.echo(f"this answer could not be used ({answer['reason']}): {answer['unreadable'] or 'nothing in it'}")
        return
    rows = [[item.get("name"), item.get("price"), item.get("classification")] for item in answer["items"]]
    show_table(["name", "price", "classification"], rows)
    header = [f"{key}: {answer[key]}" for key in header_fields() if answer.get(key)]
    click.echo("; ".join([*header, f"{answer['prompt_tokens']} + {answer['completion_tokens']} tokens"]))


@cli.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--currency", help="ISO 4217 code of these receipts, whatever their answers say: a correction.")
@json_option
def land(files: tuple[Path, ...], currency: str | None, as_json: bool) -> None:
    """Land batch output FILES that were downloaded by hand. A file that landed before adds nothing."""
    from loader.batch.land_file import land_file
    from loader.batch.run import new_load_id

    settings = read_settings()
    correction = known_currency(currency)
    with one_load_at_a_time(settings):
        warehouse = open_warehouse(settings, lambda message: click.echo(message, err=True))
        landed, refused = [], []
        for path in files:
            try:
                landed.append(land_file(warehouse, path, correction, new_load_id(), settings.currency))
            except SourceError as error:
                refused.append(str(error))
    if as_json:
        show_json([asdict(one) for one in landed])
    for one in [] if as_json else landed:
        what = f"{one.lines:,} lines, {one.requests:,} answers" if one.lines else "landed before, nothing added"
        if one.lines and one.known:
            what += f"; {one.known:,} lines are known and add nothing"
        changed = f"; currency of {one.currency_changed:,} receipts corrected" if one.currency_changed else ""
        click.echo(f"{one.file}: {what}{changed}")
    if refused:
        for line in refused[:-1]:
            click.echo(f"error: {line}", err=True)
        raise SourceError(refused[-1])


@cli.command()
@json_option
def status(as_json: bool) -> None:
    """Tell where things stand: loads, jobs that are running, what has no answer, and until when to fetch."""
    from loader.warehouse.status import read_status

    settings = read_settings()
    found = read_status(existing_warehouse(settings))
    if as_json:
        show_json(asdict(found))
        return
    click.echo(f"{settings.warehouse}: {found.receipts:,} receipts, {found.lines:,} lines landed")
    show_table(["requests", "model", "state"], [[r.count, r.model, r.state] for r in found.requests])
    if found.unfinished:
        show_table(
            ["shard", "requests", "at", "state", "job", "fetch before (UTC)"],
            [[s.shard_id[:12], s.request_count, s.api, s.state, s.job_id, s.fetch_before] for s in found.unfinished],
            title="Unfinished: `loader load` goes on with these",
        )
    show_table(
        ["load", "source", "model", "status", "at (UTC)"],
        [[one.load_id, one.source, one.model, one.status, one.recorded_at] for one in found.loads],
    )


@cli.command()
@click.option("--forget", is_flag=True, help="Give up jobs that are gone or have no results: they are asked again.")
def cancel(forget: bool) -> None:
    """Cancel the jobs that are running, and land what they had finished."""
    from loader.batch.run import give_up

    settings = read_settings()
    existing_warehouse(settings)
    with Screen() as screen, one_load_at_a_time(settings):
        warehouse = open_warehouse(settings, screen.say)
        with open_api(settings, screen.say) as api:
            done = give_up(warehouse, api, screen, settings.work_dir, forget)
    what = f"gave up {done.jobs} jobs" if forget else f"{done.jobs} jobs cancelled"
    click.echo(f"{what} at {settings.api}; {done.lines:,} finished answers landed")
    if done.trouble:
        raise done.trouble


@cli.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0: any free port.")
@click.option("--token", envvar="LOCAL_API_TOKEN", help="The bearer token it wants (drawn at random if not set).")
@click.option("--state", type=click.Path(path_type=Path), help="Its folder (default: beside the warehouse).")
@click.option("--model", "models", multiple=True, metavar="NAME", help="A further name for its reader; repeatable.")
@click.option("--faults", type=int, metavar="SEED", help="Play what the live API does on bad days, drawn by SEED.")
def serve(port: int, token: str | None, state: Path | None, models: tuple[str, ...], faults: int | None) -> None:
    """Run the embedded Mistral API on 127.0.0.1 on its own, for any client."""
    import secrets

    from loader.embedded_api.serve import serve as run_server

    directory = state or read_settings().work_dir / "local_api"
    token = token or secrets.token_urlsafe(24)

    def tell(url: str) -> None:
        click.echo(f"listening; use it with MISTRAL_SERVER_URL={url} MISTRAL_API_KEY={token} MODEL=local-ocr")

    run_server(port=port, state_dir=directory, token=token, models=models, faults=faults, on_ready=tell)


@cli.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--count", type=click.IntRange(1, 100_000), default=12, show_default=True)
def samples(directory: Path, count: int) -> None:
    """Draw sample receipts with their true labels into DIRECTORY."""
    from loader.sources.samples import write_folder

    written = write_folder(directory, count)
    click.echo(f"{written} receipts in {directory}")


@cli.command()
@click.argument("directory")
@json_option
def export(directory: str, as_json: bool) -> None:
    """Write schema raw as Parquet parts into DIRECTORY (or s3://…): what is not there yet. For Spark and others."""
    from loader.warehouse.export import export_raw

    done = export_raw(existing_warehouse(read_settings()), directory)
    if as_json:
        show_json({**asdict(done), "directory": directory})
        return
    click.echo(f"{directory}: {sum(done.parts.values()):,} parts, {sum(done.rows.values()):,} rows added")


for command in MARTS:
    cli.add_command(command)
