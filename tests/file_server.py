"""A web server on this machine that serves files with Range, and misbehaves when asked to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class FileServer:
    """What is served, how, and what was asked for.

    Attributes:
        files: path → content.
        ranges_are_honoured: false answers 200 with everything, as a simple server does.
        breaks_off_after: bytes after which the next answer's connection is cut, once.
        seen: (path, Range header or None) of each request.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    ranges_are_honoured: bool = True
    breaks_off_after: int | None = None
    seen: list[tuple[str, str | None]] = field(default_factory=list)


@contextmanager
def file_server() -> Iterator[FileServer]:
    server = FileServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked = self.headers.get("Range")
            server.seen.append((self.path, asked))
            content = server.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            begin = 0
            if asked is not None and server.ranges_are_honoured:
                begin = int(asked.removeprefix("bytes=").rstrip("-"))
                if begin >= len(content):
                    self.send_error(416)
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
            else:
                self.send_response(200)
            body = content[begin:]
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if server.breaks_off_after is not None:
                body = body[: server.breaks_off_after]
                server.breaks_off_after = None
            self.wfile.write(body)

        def log_message(self, *_):
            """The tests look at `seen`."""

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{listener.server_port}"
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()
