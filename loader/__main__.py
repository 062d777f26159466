"""The program `loader`, also `python -m loader`: how it begins and ends. Its commands are in cli.py."""

import os
import sys

import click

from loader.errors import LoaderError, system_trouble
from loader.plain_signs import fit_to_encoding


def main() -> None:
    """Run the command line and leave at once.

    Winding down the interpreter waits for threads of pyarrow that still read ahead from the hub, as after a Ctrl-C,
    or aborts the process because of them (exit code 134, github.com/apache/arrow/issues/45214). Nothing here needs
    it: files and connections are closed by then.
    """
    os._exit(run())


def run() -> int:
    """Run the command line, and return the exit code: what a user can mend is one line, never a traceback."""
    _prepare_streams()
    code = 0
    try:
        from loader.cli import cli  # here, so that a Ctrl-C meanwhile ends in one line, too

        cli.main(standalone_mode=False)
        click.echo(nl=False)  # flushes what `main` would drop, so that a full disk or a closed pipe is reported
    except SystemExit as ended:
        code = int(ended.code or 0)
    except click.ClickException as error:
        error.show()
        code = 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted: nothing is lost; `loader load` goes on where this ended", err=True)
        code = 130
    except LoaderError as error:
        click.echo(f"error: {error}", err=True)
        code = error.exit_code
    except BrokenPipeError:
        code = 1  # as click says it
    except OSError as error:
        doing = f"cannot use {error.filename}" if error.filename else "cannot go on"
        click.echo(f"error: {system_trouble(doing, error)}", err=True)
        code = 1
    except UnicodeEncodeError as error:  # DuckDB and Arrow take UTF-8 only
        click.echo(f"error: {error.object} is no name in UTF-8: name another place", err=True)
        code = 1
    return code


def _prepare_streams() -> None:
    """Give standard output and error a place when they were closed before the start, as some schedulers do.

    Where their encoding lacks a sign they print another: see `plain_signs`.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8"))
        fit_to_encoding(getattr(sys, name))


if __name__ == "__main__":
    main()
