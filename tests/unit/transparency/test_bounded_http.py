"""Requests to a peer that may be slow, talkative or hostile: on real sockets, with peers that are."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from countenance.errors import SetupError
from countenance.transparency.bounded_http import MAX_ANSWER_BYTES, BoundedHttp, NoAnswer

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@contextlib.contextmanager
def peer(*answers: Callable[[socket.socket], None] | bytes) -> Iterator[str]:
    """A peer's URL; each request of any connection gets the next answer, the last one for ever."""
    left = list(answers)
    connections: list[socket.socket] = []

    def serve(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := connection.recv(65536):
                connections.append(connection)
                if b"\r\n\r\n" not in data:
                    continue
                answer = left.pop(0) if len(left) > 1 else left[0]
                if callable(answer):
                    answer(connection)
                else:
                    connection.sendall(answer)
        connection.close()

    def accept(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],)).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        acceptor = threading.Thread(target=accept, args=(listener,))
        acceptor.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            acceptor.join()
            for connection in connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


def drip(start: bytes, piece: bytes) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(piece)
            time.sleep(0.02)

    return answer


def close(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def answer_and_close(connection: socket.socket) -> None:
    connection.sendall(OK)
    connection.shutdown(socket.SHUT_RDWR)


def test_an_answer_is_read_whole_and_the_connection_kept():
    """The specification asks clients to keep it."""
    ports = set()

    def note_port(connection: socket.socket) -> None:
        ports.add(connection.getpeername())
        connection.sendall(OK)

    with peer(note_port) as url, contextlib.closing(BoundedHttp(url + "/prefix/", timeout_s=5)) as http:
        for _ in range(3):
            assert (http.exchange("POST", "/x", b"body").status, http.exchange("GET", "/x").body) == (
                200,
                b"ok",
            )
    assert len(ports) == 1


def test_a_connection_that_was_long_idle_is_not_used_again(monkeypatch):
    """Its peer may be about to close it, and a request that crosses that is lost."""
    ports = set()

    def note_port(connection: socket.socket) -> None:
        ports.add(connection.getpeername())
        connection.sendall(OK)

    monkeypatch.setattr("countenance.transparency.bounded_http.LONGEST_IDLE_S", -1.0)
    with peer(note_port) as url, contextlib.closing(BoundedHttp(url, timeout_s=5)) as http:
        for _ in range(3):
            assert http.exchange("GET", "/").body == b"ok"
    assert len(ports) == 3


def test_a_connection_that_the_peer_closed_is_made_again():
    """Servers close what is idle; the next request must not fail for it."""
    with peer(answer_and_close) as url, contextlib.closing(BoundedHttp(url, timeout_s=5)) as http:
        for _ in range(3):
            assert http.exchange("GET", "/").body == b"ok"
            while http._connection is not None and not http._connection.is_stale():
                time.sleep(0.001)


@pytest.mark.parametrize(
    "answer",
    [
        drip(b"", b"H"),
        drip(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n"),
        drip(b"HTTP/1.1 200 OK\r\nx: ", b"y"),
        drip(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n", b"."),
        drip(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"1\r\n.\r\n"),
        drip(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;", b"x"),
        drip(b"HTTP/1.0 200 OK\r\n\r\n", b"."),  # http.client lets go of this connection before the body
        drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        lambda _: None,
    ],
)
def test_a_peer_that_drips_or_is_silent_is_given_up_in_time(answer):
    """One deadline for the whole answer, wherever in it the peer takes its time."""
    with peer(answer) as url, contextlib.closing(BoundedHttp(url, timeout_s=0.3)) as http:
        begun = time.monotonic()
        with pytest.raises(NoAnswer):
            http.exchange("POST", "/", b"body")
        assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    "answer",
    [
        close,
        lambda connection: (connection.sendall(OK[:-1]), close(connection)),
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (MAX_ANSWER_BYTES + 1)
        + bytes(MAX_ANSWER_BYTES + 1),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 300 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000 + b"\r\n\r\n",
    ],
)
def test_nonsense_is_no_answer(answer):
    """Whatever comes, one kind of error; and the next request begins on a new connection."""
    with peer(answer, OK) as url, contextlib.closing(BoundedHttp(url, timeout_s=5)) as http:
        with pytest.raises(NoAnswer):
            http.exchange("GET", "/")
        assert http.exchange("GET", "/").body == b"ok"


def test_nobody_there_is_no_answer():
    """A port that nobody listens on, a name that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for host in (f"127.0.0.1:{port}", "witness.invalid"):
        with pytest.raises(NoAnswer):
            BoundedHttp(f"http://{host}", timeout_s=5).exchange("GET", "/")


def test_redirects_are_not_followed_and_proxies_not_used(monkeypatch):
    """Where requests go is the operator's word alone, not the peer's and not the environment's."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    moved = b"HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n"
    with peer(moved) as url, contextlib.closing(BoundedHttp(url, timeout_s=5)) as http:
        assert http.exchange("POST", "/", b"body").status == 307


@pytest.mark.parametrize(
    "url",
    [
        "",
        "host",
        "ftp://host",
        "http://",
        "http://host:0",
        "http://host:99999",
        "http://u:p@host",
        "http://host/?q",
        "http://host/#f",
        "http://ho st",
        "http://host/\n",
        "http://höst",
        "http://host:x",
    ],
)
def test_what_is_no_url_is_refused_at_the_start(url):
    """Not at the first checkpoint."""
    with pytest.raises(SetupError, match="not a URL to ask"):
        BoundedHttp(url, timeout_s=5)
