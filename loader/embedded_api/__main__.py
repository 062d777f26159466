"""`python -m loader.embedded_api`: the child process of `serve.launch`.

It reads its token from the first line of its standard input, answers with one JSON line (`url` or
`error`) on its standard output, logs to its standard error, and ends when its standard input closes.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from pathlib import Path


def main() -> int:
    """Serve until the parent is gone; the exit code."""
    from loader.embedded_api.serve import READER, serve
    from loader.errors import LoaderError

    parser = argparse.ArgumentParser(prog="loader.embedded_api")
    parser.add_argument("state_dir", type=Path)
    parser.add_argument("--reader", default=READER)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--model", action="append", default=[])
    parser.add_argument("--faults", type=int)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    token = sys.stdin.readline().strip()
    if not token:
        _tell({"error": "The embedded server was started without a token: use `loader serve`"})
        return 1
    try:
        serve(
            arguments.state_dir,
            token,
            reader=arguments.reader,
            workers=arguments.workers,
            models=arguments.model,
            faults=arguments.faults,
            on_ready=lambda url: _tell({"url": url}),
            until=_wait_for_parents_end,
        )
    except LoaderError as error:
        _tell({"error": str(error)})
        return error.exit_code
    return 0


def _tell(message: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")  # to the parent: standard output is a pipe, not a screen
    sys.stdout.flush()


def _wait_for_parents_end() -> None:
    while os.read(0, 4096):
        pass


if __name__ == "__main__":
    sys.exit(main())
