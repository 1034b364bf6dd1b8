"""One answer, sent: after a body that was read, or before one that will not be."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any

from countenance.gateway.call import Answer
from countenance.gateway.throttle import MAX_BODY_BYTES

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = tuple[tuple[str, str], ...]

LINGER_S = 5.0
_QUICK_BYTES = 64 * 1024
"""An answer up to here is in the system's hands at once, whether or not the client reads."""


class Reply:
    """Sends one answer; `extra` headers are those of CORS."""

    def __init__(self, send: Send, extra: Headers) -> None:
        self._send = send
        self._extra = extra

    async def finish(self, answer: Answer) -> None:
        """Answer a request whose body has been read; return when a long answer has been taken from us."""
        await self._start(answer, close=False)
        if len(answer.body) > _QUICK_BYTES:
            await self._send({"type": "http.response.body", "body": answer.body, "more_body": True})
            await self._send({"type": "http.response.body", "body": b""})  # waits for what was sent before
        else:
            await self._send({"type": "http.response.body", "body": answer.body})

    async def finish_early(
        self, answer: Answer, receive: Receive, *, has_body: bool, linger_s: float = LINGER_S
    ) -> None:
        """Answer a request whose body has not been read, and will not be.

        The answer leaves at once and whole. Closing while the client still sends would reset the
        connection and could take the answer with it, so what arrives is dropped for a while first.
        """
        if not has_body:
            await self.finish(answer)
            return
        await self._start(answer, close=True)
        await self._send({"type": "http.response.body", "body": answer.body, "more_body": True})
        await _drop_body(receive, linger_s)
        await self._send({"type": "http.response.body", "body": b""})

    async def _start(self, answer: Answer, *, close: bool) -> None:
        headers = [*answer.headers, *self._extra]
        if answer.status != HTTPStatus.NO_CONTENT:
            headers.append(("content-length", str(len(answer.body))))
        if close:
            headers.append(("connection", "close"))
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await self._send({"type": "http.response.start", "status": answer.status, "headers": encoded})


async def _drop_body(receive: Receive, linger_s: float) -> None:
    dropped = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(linger_s):
            while dropped <= MAX_BODY_BYTES:
                message = await receive()
                dropped += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
