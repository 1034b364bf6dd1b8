"""A collector that keeps what it is sent: OTLP over HTTP, on a port of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Receiver(ThreadingHTTPServer):
    """Keeps raw bodies; answers each with `status`, after `delay_s`."""

    def __init__(self, *, status: int = 200, delay_s: float = 0.0) -> None:
        super().__init__(("127.0.0.1", 0), _Keep)
        self.bodies: list[bytes] = []
        self.paths: list[str] = []
        self.status = status
        self.delay_s = delay_s
        self.released = threading.Event()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def spans(self) -> list[Span]:
        """Every span so far."""
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        return [
            span
            for request in requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def wait_for(self, count: int, *, patience_s: float = 30.0) -> list[Span]:
        """At least `count` spans."""
        deadline = time.monotonic() + patience_s
        while len(found := self.spans()) < count and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(found) >= count
        return found


class _Keep(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.released.wait(self.server.delay_s)
        self.server.paths.append(self.path)
        self.server.bodies.append(body)
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def receiving(**how: float) -> Iterator[Receiver]:
    """A receiver for a while."""
    with Receiver(**how) as receiver:
        thread = threading.Thread(target=receiver.serve_forever, daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            receiver.released.set()
            receiver.shutdown()
            thread.join()


def attributes(span: Span) -> dict[str, object]:
    """Of one span, by name."""
    return {item.key: getattr(item.value, str(item.value.WhichOneof("value"))) for item in span.attributes}
