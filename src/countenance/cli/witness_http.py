"""A witness over HTTP: two pages, bounded requests, files and signatures on threads of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from typing import Any

from countenance.transparency.witness import MAX_BODY_BYTES, PLAIN, Witness, WitnessAnswer

BODY_PATIENCE_S = 10.0

_MAX_DROPPED_BYTES = 1024 * 1024
_ALLOWED = {"/add-checkpoint": "POST", "/heads": "GET, HEAD"}

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class WitnessApp:
    """An ASGI 3 application (http only) in front of a `Witness`."""

    def __init__(self, witness: Witness) -> None:
        self._witness = witness
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="witness")

    def close(self) -> None:
        """Finish what was begun."""
        self._threads.shutdown(wait=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"no such protocol here: {scope['type']}")
        try:
            async with asyncio.timeout(BODY_PATIENCE_S):
                body = await _read(receive)
        except TimeoutError:
            body = None
            answer = WitnessAnswer.refusal(HTTPStatus.REQUEST_TIMEOUT, "the body did not come in time")
        else:
            answer = await self._answer(scope["method"], scope["path"], body)
        headers = [
            (b"content-type", answer.content_type.encode("ascii")),
            (b"content-length", str(len(answer.body)).encode("ascii")),
        ]
        if answer.status == HTTPStatus.METHOD_NOT_ALLOWED:
            headers.append((b"allow", _ALLOWED[scope["path"]].encode("ascii")))
        if body is None:  # what is still to come of it is no request
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        content = b"" if scope["method"] == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": content})

    async def _answer(self, method: str, path: str, body: bytes | None) -> WitnessAnswer:
        allowed = _ALLOWED.get(path)
        if allowed is None:
            return WitnessAnswer.refusal(HTTPStatus.NOT_FOUND, "there is nothing here")
        if method not in allowed.split(", "):
            return WitnessAnswer.refusal(HTTPStatus.METHOD_NOT_ALLOWED, f"use {allowed}")
        if body is None:
            reason = f"the request is over {MAX_BODY_BYTES} bytes"
            return WitnessAnswer.refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, reason)
        work = self._heads if path == "/heads" else partial(self._witness.add_checkpoint, body)
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _heads(self) -> WitnessAnswer:
        return WitnessAnswer(HTTPStatus.OK, PLAIN, self._witness.heads())


async def _read(receive: Receive) -> bytes | None:
    """The whole body; None if it is too large. One that breaks off is no request: refused as malformed.

    A little of what is too large is read and dropped: an answer in its midst might not arrive.
    """
    chunks: list[bytes] = []
    received = 0
    while received <= _MAX_DROPPED_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        chunk = message.get("body", b"")
        received += len(chunk)
        if received <= MAX_BODY_BYTES:
            chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks) if received <= MAX_BODY_BYTES else None
    return None
