"""Connections to a witness, on a real server and real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time

import pytest
import uvicorn

from countenance.cli.witness_connection import WitnessConnection, _to_site

REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


class Server:
    """A real uvicorn on a free port, with bounds of the test's."""

    def __init__(self, **bounds):
        self.is_answering = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()
        config = uvicorn.Config(
            self._answer,
            http=type("Bounded", (WitnessConnection,), bounds),
            interface="asgi3",
            ws="none",
            lifespan="off",
            log_config=None,
        )
        self._server = uvicorn.Server(config)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._server.serve(sockets=[self._listener]))
        )

    async def _answer(self, _scope, receive, send):
        while (await receive()).get("more_body", False):
            pass
        self.is_answering.set()
        await asyncio.to_thread(self.may_answer.wait)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    def connect(self, source="127.0.0.1"):
        client = socket.create_connection(
            self._listener.getsockname(), timeout=10, source_address=(source, 0)
        )
        client.settimeout(10)
        return client

    def __enter__(self):
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        self.may_answer.set()
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()


def ask(client):
    client.sendall(REQUEST)
    return hear(client)


def hear(client):
    """Whether there is an answer, of which nothing is left behind."""
    heard = b""
    while not heard.endswith(b"\r\n\r\nok") and (more := client.recv(1000)):
        heard += more
    return heard.startswith(b"HTTP/1.1 200 OK")


def is_closed(client):
    """Whether the server has closed it; of one that it keeps, that it answers."""
    try:
        return not ask(client)
    except ConnectionError:
        return True


@pytest.mark.parametrize("bound", ["max_from_one_address", "max_connections"])
def test_beyond_the_limit_the_idlest_gives_way_to_the_new(bound):
    """Of connections that were all answered once: the one that was silent for longest."""
    with Server(**{bound: 3}) as server, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(3)]
        assert all(map(ask, clients))
        assert ask(clients[0])
        assert ask(stack.enter_context(server.connect()))
        assert [is_closed(client) for client in (clients[1], clients[0], clients[2])] == [True, False, False]


def test_an_address_takes_room_from_itself_only():
    """A log at another address keeps its connection, however many one stranger makes."""
    with Server(max_from_one_address=2, max_connections=8) as server, contextlib.ExitStack() as stack:
        log = stack.enter_context(server.connect("127.0.0.2"))
        assert ask(log)
        strangers = [stack.enter_context(server.connect()) for _ in range(20)]
        assert ask(strangers[-1])
        assert not is_closed(log)
        assert sum(is_closed(stranger) for stranger in strangers) == 18


def test_what_is_being_answered_gives_way_last():
    """A log waits for its cosignature while strangers come and say nothing."""
    with Server(max_connections=3) as server, contextlib.ExitStack() as stack:
        log = stack.enter_context(server.connect())
        server.may_answer.clear()
        log.sendall(REQUEST)
        assert server.is_answering.wait(10)
        for _ in range(20):
            stranger = stack.enter_context(server.connect())
            stranger.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n1")
        server.may_answer.set()
        assert hear(log)


@pytest.mark.parametrize(
    ("peer", "site"),
    [
        (("192.0.2.7", 80), "192.0.2.7"),
        (("2001:db8:1:2:3:4:5:6", 80, 0, 0), "2001:db8:1:2::/64"),
        (("fe80::1%eth0", 80, 0, 2), "fe80::/64"),
        (None, ""),
        ("", ""),
    ],
)
def test_one_customer_s_ipv6_addresses_are_one(peer, site):
    """There are as many of them as anyone likes."""
    assert _to_site(peer) == site
