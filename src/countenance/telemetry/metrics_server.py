"""The page that Prometheus scrapes, on a port of its own: no caller of the service reaches it."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

from countenance.errors import SetupError
from countenance.telemetry.metrics_folder import MetricsFolder

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

    from countenance.settings import Settings

PATH = "/metrics"


@contextmanager
def metrics_server(settings: Settings) -> Iterator[None]:
    """Serve `http://METRICS_HOST:METRICS_PORT/metrics` over all processes of this data directory.

    To be entered before any of those processes starts: what earlier ones counted is forgotten first.
    With `metrics_port` 0 there is neither page nor folder.

    Raises:
        SetupError: the port cannot be listened on, or the folder not be written.
    """
    if settings.metrics_port == 0:
        yield
        return
    from countenance.telemetry.exposition import FolderCollector

    folder = MetricsFolder(settings.data_dir)
    folder.empty()
    with _listening(settings.metrics_host, settings.metrics_port, FolderCollector(folder)) as server:
        serving = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
        serving.start()
        try:
            yield
        finally:
            server.shutdown()
            serving.join()


def _listening(host: str, port: int, metrics: Collector) -> _Server:
    kind = _ServerOnIPv6 if ":" in host else _Server
    try:
        return kind((host, port), metrics)
    except OSError as error:
        raise SetupError(
            f"cannot listen on `{host}` port {port} for metrics ({error.strerror or error})",
            remedy="choose another --metrics-port or stop what uses it",
        ) from None


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], metrics: Collector) -> None:
        self.metrics = metrics
        super().__init__(address, _Page)

    def handle_error(self, request: object, client_address: object) -> None:
        """A scraper that hangs up is not worth a traceback."""


class _ServerOnIPv6(_Server):
    address_family = socket.AF_INET6


class _Page(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10  # seconds for each read: a silent connection does not keep its thread
    server_version = "Countenance"
    sys_version = ""

    def do_GET(self) -> None:
        """The page, as text format 1.0.0, or 404."""
        from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

        if self.path.partition("?")[0] == PATH:
            self._answer(200, CONTENT_TYPE_LATEST, generate_latest(self.server.metrics))
        else:
            self._answer(404, "text/plain; charset=utf-8", f"the page is {PATH}\n".encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as http.server names it
        """Nothing: scrapes are no calls."""

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
