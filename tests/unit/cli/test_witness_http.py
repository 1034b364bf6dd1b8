"""The witness's two pages, as an ASGI server calls them; the integration tests have a socket."""

from __future__ import annotations

import asyncio
from contextlib import closing

import pytest

from countenance.cli import witness_http
from countenance.cli.witness_http import WitnessApp
from countenance.transparency.witness import MAX_BODY_BYTES, Witness
from countenance.transparency.witness_state import create_witness, load_key
from toy_log import ToyLog

LOG = ToyLog()


@pytest.fixture
def app(tmp_path):
    create_witness(tmp_path / "w", "w.example/1")
    with (
        Witness(tmp_path / "w", load_key(tmp_path / "w"), [LOG.signer.verifier]) as witness,
        closing(WitnessApp(witness)) as app,
    ):
        yield app


def call(app, method, path, *messages):
    """Status, headers and body of the answer to these messages; after the last nothing ever comes."""
    sent = []
    given = list(messages)

    async def receive():
        if not given:
            await asyncio.Event().wait()
        return given.pop(0)

    async def send(message):
        sent.append(message)

    asyncio.run(app({"type": "http", "method": method, "path": path}, receive, send))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


def part(body, *, more=False):
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_request_may_come_in_pieces(app):
    """As networks cut it."""
    body = LOG.request(0, 3)
    pieces = [part(body[n : n + 7], more=True) for n in range(0, len(body), 7)]
    status, headers, answer = call(app, "POST", "/add-checkpoint", *pieces, part(b""))
    assert (status, headers[b"content-length"]) == (200, str(len(answer)).encode())
    assert b"connection" not in headers
    status, headers, heads = call(app, "GET", "/heads", part(b""))
    assert (status, answer in heads) == (200, True)
    assert call(app, "HEAD", "/heads", part(b"")) == (200, headers, b"")


def test_a_body_that_stops_coming_is_408_and_its_connection_closed(app, monkeypatch):
    """What might still come of it must not be read as the next request."""
    monkeypatch.setattr(witness_http, "BODY_PATIENCE_S", 0.05)
    status, headers, _ = call(app, "POST", "/add-checkpoint", part(b"old 0\n", more=True))
    assert (status, headers[b"connection"]) == (408, b"close")


@pytest.mark.parametrize("more", [False, True])
def test_a_body_over_the_limit_is_413(app, more):
    """Read on for a while, so that the answer arrives, but not for ever."""
    pieces = [part(bytes(MAX_BODY_BYTES), more=True)] * (20 if more else 1)
    status, headers, _ = call(app, "POST", "/add-checkpoint", *pieces, part(b"x", more=more))
    assert (status, headers[b"connection"]) == (413, b"close")


def test_a_body_of_just_the_limit_is_read(app):
    """It is no checkpoint, which is another matter."""
    assert call(app, "POST", "/add-checkpoint", part(bytes(MAX_BODY_BYTES)))[0] == 400


def test_a_sender_who_leaves_moves_nothing(app):
    """Half a request is none, even where what came of it would be one."""
    gone = {"type": "http.disconnect"}
    assert call(app, "POST", "/add-checkpoint", part(LOG.request(0, 3), more=True), gone)[0] == 400
    assert call(app, "GET", "/heads", part(b""))[2] == b""


def test_other_protocols_are_a_fault(app):
    """Nothing is configured that could ask for one."""
    with pytest.raises(RuntimeError, match="websocket"):
        asyncio.run(app({"type": "websocket"}, None, None))
