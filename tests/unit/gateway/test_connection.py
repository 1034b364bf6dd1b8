from __future__ import annotations

import asyncio
import socket
import threading
import time
from contextlib import ExitStack

import pytest
import uvicorn

from countenance.gateway.connection import BoundedConnection

REQUEST = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"
CHUNKED = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"


class Server:
    """A real uvicorn on a free port, whose application keeps the heads it was given."""

    def __init__(self, **bounds):
        self.heads = []
        self.is_answering = threading.Event()
        self.is_taken = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()
        protocol = type("Bounded", (BoundedConnection,), bounds)
        config = uvicorn.Config(
            self._answer, http=protocol, interface="asgi3", ws="none", lifespan="off", log_config=None
        )
        self._server = uvicorn.Server(config)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._server.serve(sockets=[self._listener]))
        )

    answer = b"ok"

    async def _answer(self, scope, receive, send):
        while (await receive()).get("more_body", False):
            pass
        self.heads.append([name for name, _ in scope["headers"]])
        self.is_answering.set()
        await asyncio.to_thread(self.may_answer.wait)
        length = b"%d" % len(self.answer)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": self.answer, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        self.is_taken.set()

    def connect(self):
        client = socket.create_connection(self._listener.getsockname(), timeout=5)
        client.settimeout(5)
        return client

    def __enter__(self):
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()


def read_answer(client):
    """One whole answer: head and body may come in pieces."""
    said = b""
    while not said.endswith(b"ok"):
        part = client.recv(65536)
        assert part, "the server closed before its answer was whole"
        said += part
    return said


def read_all(client):
    """Everything until the server closes; a reset is an end as well."""
    said = b""
    try:
        while part := client.recv(65536):
            said += part
    except ConnectionError:
        pass
    return said


def send_until_closed(client, part, *, times):
    """How many parts the server let us send."""
    for sent in range(times):
        try:
            client.sendall(part)
        except OSError:
            return sent
    return times


@pytest.mark.parametrize(
    "beginning",
    [b"POST / HTTP/1.1\r\nx-long: ", b"GET /", CHUNKED + b"x-trailer: ", CHUNKED[:-3] + b"2;"],
    ids=["header", "address", "trailer", "chunk-extension"],
)
def test_what_has_no_end_is_closed_and_not_kept(beginning):
    """A stranger's header of 300 MB took 600 MB of memory and two minutes of the event loop."""
    with Server() as server, server.connect() as client:
        client.sendall(beginning)
        assert send_until_closed(client, b"a" * 65536, times=1000) < 1000


def test_many_headers_are_bounded_like_a_long_one():
    with Server() as server, server.connect() as client:
        client.sendall(b"POST / HTTP/1.1\r\n")
        assert send_until_closed(client, b"x: y\r\n" * 10_000, times=1000) < 1000
        assert server.heads == []


def test_a_long_head_is_told_so():
    with Server(max_head_bytes=1000) as server, server.connect() as client:
        client.sendall(b"POST / HTTP/1.1\r\n")
        time.sleep(0.1)
        client.sendall(b"x-long: " + b"a" * 2000)
        assert read_all(client).startswith(b"HTTP/1.1 431 ")


def test_a_head_that_does_not_come_to_an_end_is_not_waited_for():
    """Connections are few (a file descriptor each) and cost their holder nothing."""
    with Server(head_patience_s=0.3) as server, server.connect() as silent, server.connect() as slow:
        slow.sendall(b"POST / HTTP/1.1\r\n")
        assert read_all(silent) == b""
        assert read_all(slow) == b""


def test_the_second_head_of_a_connection_is_not_waited_for_either():
    with Server(head_patience_s=0.3) as server, server.connect() as client:
        client.sendall(REQUEST)
        assert read_answer(client).startswith(b"HTTP/1.1 200 ")
        time.sleep(0.4)
        client.sendall(b"POST / ")  # a quiet connection was kept, a head that has begun is not
        assert read_all(client) == b""
        assert len(server.heads) == 1


def test_an_answer_is_not_cut_off_by_the_head_behind_it():
    with Server(head_patience_s=0.1) as server, server.connect() as client:
        server.may_answer.clear()
        client.sendall(REQUEST + b"POST / ")
        assert server.is_answering.wait(5)
        time.sleep(0.3)
        server.may_answer.set()
        assert read_all(client).startswith(b"HTTP/1.1 200 ")


def test_a_trailer_adds_nothing_to_the_head():
    """What was signed and judged is the head before the body."""
    with Server() as server, server.connect() as client:
        client.sendall(CHUNKED + b"x-amz-target: another\r\n\r\n")
        assert read_answer(client).startswith(b"HTTP/1.1 200 ")
        assert server.heads == [[b"host", b"transfer-encoding"]]


def test_a_large_body_is_no_large_head():
    with Server(max_head_bytes=1000) as server, server.connect() as client:
        body = b"a" * 3_000_000
        client.sendall(b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(body) + body + REQUEST)
        said = b""
        while said.count(b"HTTP/1.1 200 ") < 2:
            said += client.recv(65536)
        assert len(server.heads) == 2


def test_one_address_leaves_room_for_others_to_connect():
    """Sockets cost a stranger nothing."""
    with Server(max_connections=30) as server, ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(30)]
        until = time.monotonic() + 5
        while len(server._server.server_state.connections) < 20 and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.2)
        assert len(server._server.server_state.connections) == 20
        other = stack.enter_context(socket.socket())
        other.bind(("127.0.0.2", 0))
        other.settimeout(5)
        other.connect(server._listener.getsockname())
        for client in (clients[0], other):
            client.sendall(REQUEST)
            assert read_answer(client).startswith(b"HTTP/1.1 200 ")


def test_connections_are_bounded_in_number():
    with Server(max_connections=4) as server, server.connect() as first, server.connect() as second:
        for client in (first, second):
            client.sendall(REQUEST)
            assert read_answer(client).startswith(b"HTTP/1.1 200 ")
        with server.connect(), server.connect() as fourth:
            assert read_all(fourth) == b""
        first.sendall(REQUEST)
        assert read_answer(first).startswith(b"HTTP/1.1 200 ")


LONG = bytes(30_000_000)
"""More than the system takes for a client that does not read."""


def test_a_client_that_does_not_read_its_answer_is_given_up():
    """Its answer, and what its call holds, would stay for as long as it likes."""
    with Server(read_patience_s=0.3) as server, server.connect() as client:
        server.answer = LONG
        client.sendall(REQUEST)
        assert server.is_taken.wait(5)
        assert len(read_all(client)) < len(LONG)


def test_a_client_that_reads_slowly_gets_its_answer():
    """Slow is not gone: the answer takes several times the patience."""
    with Server(read_patience_s=0.2) as server, server.connect() as client:
        server.answer = LONG
        client.sendall(REQUEST)
        said = 0
        began = time.monotonic()
        while said < len(LONG):
            part = client.recv(1_000_000)
            assert part, "the server gave up"
            said += len(part)
            time.sleep(0.03)
        assert time.monotonic() - began > 0.5


def test_what_is_left_unread_does_not_keep_a_closed_connection():
    """A close waits for what was written before; that wait has an end as well."""
    closing = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}"
    with Server(read_patience_s=0.3) as server, server.connect() as client:
        server.answer = LONG
        client.sendall(closing)
        assert server.is_taken.wait(5)
        until = time.monotonic() + 5
        while server._server.server_state.connections and time.monotonic() < until:
            time.sleep(0.05)
        assert not server._server.server_state.connections
