"""Serving the page on loopback, until a signal comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import uvicorn

from loader.loopback import HOST, Server, listen
from loader.marts.review.app import create_app
from loader.marts.review.builds import Builds
from loader.marts.review.desk import Desk
from loader.marts.review.running import noted
from loader.warehouse.duckdb_file import Warehouse

PATIENCE_SECONDS = 0.5  # of a request, while another program holds the warehouse: the page asks again


def serve(
    warehouse: Warehouse,
    by: str,
    token: str,
    environment: Mapping[str, str],
    *,
    port: int,
    on_ready: Callable[[str], None],
) -> None:
    """Serve the page until a signal comes. `environment`: of the builds that it starts.

    Port 0 takes a free one; `on_ready` is called with the link, which lets its reader in. Raises WarehouseError when
    nothing has been built, SettingsError when the port is taken.
    """
    desk = Desk(warehouse, by)
    desk.warehouse = Warehouse(warehouse.path, wait_seconds=PATIENCE_SECONDS)
    with listen(port) as listener:
        port = listener.getsockname()[1]
        url = f"http://{HOST}:{port}/"
        app = create_app(desk, Builds(environment), token, port)
        config = uvicorn.Config(app, log_config=None, access_log=False, ws="none", timeout_graceful_shutdown=2)
        server = Server(config, lambda: on_ready(f"{url}?token={token}"))
        with noted(warehouse.path, url):
            server.run(sockets=[listener])
