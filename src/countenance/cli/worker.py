"""One server process: reads its orders from standard input, serves the socket it was handed.

Started by `cli.fleet`, never by hand.
"""

from __future__ import annotations

import logging
import socket
import sys

import uvicorn

from countenance.app import App, build
from countenance.cli.orders import read_orders, say_ready, when_orphaned
from countenance.errors import SetupError
from countenance.gallery.memory_broker import BrokeredMemories
from countenance.gateway.connection import BoundedConnection
from countenance.settings import Settings

_KEEP_ALIVE_S = 75
_GRACE_S = 10
"""For calls in flight; a TLS client that keeps its connection open and silent is waited for as long."""


def main() -> None:
    """Serve until SIGTERM or until the supervisor's pipe closes."""
    orders = read_orders()
    _log_to_stderr()
    try:
        app = build(
            orders.settings,
            database_url=orders.database_url,
            memories=None
            if orders.memories is None
            else BrokeredMemories(socket.socket(fileno=orders.memories)),
            rates=orders.rates,
        )
    except SetupError as error:  # of the operator's to mend: no traceback
        sys.exit(f"error: {error}")
    try:
        server = _Server(_config(app, orders.settings))
        when_orphaned(server.stop)
        server.run(sockets=[socket.socket(fileno=orders.listener)])
    finally:
        app.close()


class _Server(uvicorn.Server):
    """Says "ready" to the supervisor once it accepts."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            say_ready()

    def stop(self) -> None:
        self.should_exit = True


def _config(app: App, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app.asgi,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http=BoundedConnection,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
    )


def _log_to_stderr() -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    # Below an error uvicorn tells of requests that are no HTTP: a line for each, for whoever sends them.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)


if __name__ == "__main__":
    main()
