"""One TCP connection, before there is a request of it and behind its answer: bounded in bytes and in time.

uvicorn's own protocol waits for ever for the end of a head, and keeps all of it that has come. A
stranger without a key could so take a worker's memory, and, as the parser copies a growing header at
every read, its event loop. Nor does it ever give up a client that does not read what it is answered.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 * 1024
"""Counted from the second read on; a read has at most 256 KiB."""
MAX_CONNECTIONS = 2_000
_GREED = 2
HEAD_PATIENCE_S = 20.0
READ_PATIENCE_S = 15.0
_LEAST_READ_BYTES = 64 * 1024
"""What a client takes of its answer in each such time, at least."""

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain; charset=utf-8\r\ncontent-length: 21\r\nconnection: close\r\n\r\n"
    b"the head is too long\n"
)


class BoundedConnection(HttpToolsProtocol):
    """uvicorn's protocol, which closes what does not become a request.

    Closed are: a connection beyond `max_connections`, or of an address that has two thirds of them; a head
    that is not whole `head_patience_s` after its first byte (a new connection's: after it was made); bytes of
    which the parser makes neither a head nor a body (a header, a trailer or a chunk's extension without end)
    beyond `max_head_bytes`; a client that takes nearly nothing of what it is answered for `read_patience_s`,
    with what it left.
    """

    max_head_bytes = MAX_HEAD_BYTES
    max_connections = MAX_CONNECTIONS
    head_patience_s = HEAD_PATIENCE_S
    read_patience_s = READ_PATIENCE_S

    _awaits_head = True
    _has_advanced = False
    _held_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None
    _read_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        if len(self.connections) > self.max_connections or self._is_crowding():
            transport.abort()
        else:
            # Told of all that the system does not take at once; of nothing, with 0, TLS would tell as well.
            transport.set_write_buffer_limits(high=1, low=0)
            self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_timer()
        self._stop_read_timer()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._look_again_later(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        self._stop_read_timer()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        self._has_advanced = False
        super().data_received(data)
        self._held_bytes = 0 if self._has_advanced else self._held_bytes + len(data)
        if self.transport.is_closing():
            return
        if self._held_bytes > self.max_head_bytes:
            self._refuse()
        elif self._awaits_head:
            self._start_head_timer()

    def on_message_begin(self) -> None:
        self._has_advanced = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._awaits_head:  # a trailer behind a body adds nothing to the head that was judged
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._awaits_head, self._has_advanced = False, True
        self._stop_head_timer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._has_advanced = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._awaits_head, self._has_advanced = True, True
        super().on_message_complete()

    def _is_crowding(self) -> bool:
        """Whether its address has more than twice what is free already: others must find room to connect."""
        taken = len(self.connections)
        if taken <= self.max_connections // 2:
            return False
        everybody: Any = self.connections  # of this protocol all of them, as uvicorn cannot know
        of_it = sum(each.client[0] == self.client[0] for each in everybody if each.client and self.client)
        return bool(of_it > _GREED * (self.max_connections - taken))

    def _start_head_timer(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_patience_s, self._end_patience)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _end_patience(self) -> None:
        self._head_timer = None
        if self._is_answering():  # the next head began early: it may take until the answer is out
            self._start_head_timer()
        else:
            self.transport.close()

    def _look_again_later(self, unread: int) -> None:
        self._stop_read_timer()
        self._read_timer = self.loop.call_later(self.read_patience_s, self._look_what_is_read, unread)

    def _look_what_is_read(self, before: int) -> None:
        unread = self.transport.get_write_buffer_size()
        if before - unread < _LEAST_READ_BYTES and unread:
            self.transport.abort()  # closing would wait for it
        else:
            self._look_again_later(unread)

    def _stop_read_timer(self) -> None:
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None

    def _is_answering(self) -> bool:
        cycle: Any = self.cycle  # None before the first request
        return cycle is not None and not cycle.response_complete

    def _refuse(self) -> None:
        if self._is_answering():  # an answer of ours between the parts of another would be taken for its part
            self.transport.abort()
            return
        self.transport.write(_TOO_LARGE)
        self.transport.close()
