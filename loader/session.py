"""What a command works with: the warehouse, one load at a time, and the API, real or embedded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from loader import work_folder
from loader.errors import WarehouseError
from loader.settings import Settings

if TYPE_CHECKING:
    from loader.batch.provider import Provider
    from loader.warehouse.duckdb_file import Warehouse

QUICK_WAIT_SECONDS = 20.0


@contextmanager
def one_load_at_a_time(settings: Settings) -> Iterator[None]:
    """Hold the warehouse's load lock. Raises WarehouseError naming the process that holds it."""
    from filelock import FileLock, Timeout

    work_folder.claim(settings.warehouse)
    holder = settings.work_dir / "load.pid"
    lock = FileLock(settings.work_dir / "load.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        process = holder.read_text().strip() if holder.exists() else "?"
        raise WarehouseError(
            f"another load is running on {settings.warehouse} (process {process}): wait for it to end, "
            "or look with `loader status`"
        ) from error
    try:
        holder.write_text(f"{os.getpid()}\n")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def open_warehouse(settings: Settings, say: Callable[[str], None]) -> Warehouse:
    """The warehouse with its tables up to date. Raises WarehouseError."""
    from loader.warehouse.duckdb_file import Warehouse

    work_folder.claim(settings.warehouse)
    warehouse = Warehouse(settings.warehouse, on_wait=say)
    warehouse.prepare()
    return warehouse


def existing_warehouse(settings: Settings) -> Warehouse:
    """The warehouse of earlier loads, for a look. Raises WarehouseError when there is none."""
    from loader.warehouse.duckdb_file import Warehouse

    if not settings.warehouse.exists():
        raise WarehouseError(f"{settings.warehouse} does not exist yet: run `make load` first")
    return Warehouse(settings.warehouse, wait_seconds=QUICK_WAIT_SECONDS)


@contextmanager
def open_api(settings: Settings, say: Callable[[str], None]) -> Iterator[Provider]:
    """The API of the settings; without a key, an embedded server from the first request to the end of this block."""
    from loader.batch.mistral import BatchApi

    with ExitStack() as stack:

        def start() -> tuple[str, str]:
            from loader.embedded_api.serve import start_embedded

            directory = work_folder.claim(settings.warehouse)
            return stack.enter_context(start_embedded(directory / "local_api"))

        if settings.is_embedded:
            say("no MISTRAL_API_KEY is set: an embedded server on 127.0.0.1 reads the receipts (OCR, free of charge)")
            api = BatchApi(settings.api, start, say)
        else:
            api = BatchApi(settings.api, lambda: (settings.server_url, settings.api_key or ""), say)
        stack.callback(api.close)
        yield api
