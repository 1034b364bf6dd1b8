"""HTTP to a machine that is not trusted: every answer is bounded in bytes and in time.

Over the standard library, because only there the whole of an answer can be given one deadline: the
time-outs of a socket begin anew with each byte, so a peer that drips would never meet them.
"""

from __future__ import annotations

import http.client
import select
import socket
import ssl
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from countenance.errors import CountenanceError, SetupError

MAX_ANSWER_BYTES = 256 * 1024
LONGEST_IDLE_S = 3.0
"""A kept connection is not used after this: the peer may be closing it (a witness does after 5 s)."""


class NoAnswer(CountenanceError):
    """No connection, or an answer that is late, too long, broken off or no HTTP."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, whatever its status: a redirect is one like any other and never followed."""

    status: int
    body: bytes


class BoundedHttp:
    """Requests below one URL over a connection that is kept; no proxy, no redirect. Not for threads.

    Args:
        url: http or https, a host, and a path that is put before every request's.
        timeout_s: for the connection to be made, and once more for a request and its whole answer.

    Raises:
        SetupError: the URL is no such thing.
    """

    def __init__(self, url: str, *, timeout_s: float) -> None:
        parts = urllib.parse.urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = 0
        is_plain = url.isascii() and url.isprintable() and not set(url) & set(" ?#@\\")
        if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0 or not is_plain:
            raise SetupError(f"`{url}` is not a URL to ask", remedy="write http(s)://HOST[:PORT][/PREFIX]")
        self._host = parts.hostname
        self._port = port or (443 if parts.scheme == "https" else 80)
        self._prefix = parts.path.rstrip("/")
        self._timeout_s = timeout_s
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._connection: _Connection | None = None
        self._used_at = 0.0

    def exchange(self, method: str, path: str, body: bytes = b"") -> Answer:
        """Send one request, read the whole answer.

        Raises:
            NoAnswer: there is none within the bounds.
        """
        try:
            if self._connection is not None and (self._is_old() or self._connection.is_stale()):
                self.close()
            if self._connection is None:
                self._connection = _Connection(self._host, self._port, self._tls, timeout_s=self._timeout_s)
            with self._connection.deadline(self._timeout_s):
                self._connection.request(method, self._prefix + path, body or None)
                response = self._connection.getresponse()
                content = response.read(MAX_ANSWER_BYTES + 1)
        except (OSError, ValueError, http.client.HTTPException) as error:
            self.close()
            raise NoAnswer(f"`{self._host}` does not answer ({error or type(error).__name__})") from error
        except BaseException:
            self.close()  # half an answer may still be on its way
            raise
        if response.length or len(content) > MAX_ANSWER_BYTES:
            self.close()
            raise NoAnswer(f"the answer of `{self._host}` broke off or is over {MAX_ANSWER_BYTES} bytes")
        self._used_at = time.monotonic()
        return Answer(response.status, content)

    def _is_old(self) -> bool:
        return time.monotonic() - self._used_at > LONGEST_IDLE_S

    def close(self) -> None:
        """Let go of the connection; the next request makes another."""
        if self._connection is not None:
            self._connection.let_go()
            self._connection = None


class _Connection(http.client.HTTPConnection):
    """A connection that a timer can break off; made at once, TLS with the first request."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None, *, timeout_s: float) -> None:
        super().__init__(host, port)
        self._tls = tls
        self._plain = socket.create_connection((host, port), timeout_s)
        self._plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._twin = self._plain.dup()  # the original becomes TLS's, and in the end the response's

    def connect(self) -> None:
        self.sock = self._plain
        if self._tls is not None:
            self.sock = self._tls.wrap_socket(self._plain, server_hostname=self.host)

    def let_go(self) -> None:
        """Close everything. `close` itself does not: http.client calls it while an answer is being read."""
        self.close()
        self._break_off()
        self._plain.close()
        self._twin.close()

    def is_stale(self) -> bool:
        """Whether the peer has closed, or sent what nobody asked for."""
        if self.sock is None:
            return True
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        return bool(poll.poll(0))

    @contextmanager
    def deadline(self, timeout_s: float) -> Iterator[None]:
        """Break the connection off when the time is up.

        Raises:
            TimeoutError: it was. What was being read may look whole: http.client takes an end for the end.
        """
        is_up = threading.Event()
        timer = threading.Timer(timeout_s, self._end, [is_up])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
        if is_up.is_set():
            raise TimeoutError("too slow")

    def _end(self, is_up: threading.Event) -> None:
        is_up.set()
        self._break_off()

    def _break_off(self) -> None:
        with suppress(OSError):  # it has gone already
            self._twin.shutdown(socket.SHUT_RDWR)
