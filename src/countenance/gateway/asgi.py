"""HTTP in and out: the only asynchronous module.

Everything that computes or waits for the database runs on two pools of threads: a small one that
admits calls by their head, so that a stranger is refused at once however busy the nets are, and one
that answers them. The event loop itself only moves bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

from countenance.errors import (
    RequestTimeoutException,
    ServiceError,
)
from countenance.gateway.call import Admitted, Answer, Head, join_headers
from countenance.gateway.cors import Origins
from countenance.gateway.log_pages import LOG_PREFIX
from countenance.gateway.pipeline import Pipeline
from countenance.gateway.throttle import MAX_BODY_BYTES, Budget, Share, require_bearable
from countenance.telemetry import Metrics

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = tuple[tuple[str, str], ...]

_ADMISSION_THREADS = 4
_PAGE_THREADS = 2
_MOST_PAGES = 64
"""Of the log's pages, waiting or being read."""
_CALLS_PER_THREAD = 64
_LINGER_S = 5.0
_PLAIN = ("content-type", "text/plain; charset=utf-8")
_METHODS = {"/": "POST, OPTIONS", "/health": "GET, HEAD"}


class _Disconnected(Exception):
    """The client went away before its body was whole: there is nobody to answer."""


class Gateway:
    """An ASGI 3 application (http and lifespan) in front of a `Pipeline`.

    Args:
        pipeline: what admits and answers.
        threads: calls answered at once.
        max_bytes_in_flight: request bytes held at once; beyond, calls are throttled.
        origins: pages that browsers may call from.
        body_idle_s: the longest pause inside a body.
        body_bytes_per_s: the slowest body that is waited for, beyond the first `body_idle_s`.
        metrics: told what is in flight.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        threads: int,
        max_bytes_in_flight: int,
        origins: Iterable[str] = (),
        body_idle_s: float = 15.0,
        body_bytes_per_s: int = 64 * 1024,
        metrics: Metrics | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._origins = Origins(origins)
        self._budget = Budget(
            max_bytes=max_bytes_in_flight, max_calls=_CALLS_PER_THREAD * threads, metrics=metrics
        )
        self._body_idle_s = body_idle_s
        self._body_bytes_per_s = body_bytes_per_s
        self._admission = ThreadPoolExecutor(_ADMISSION_THREADS, thread_name_prefix="admit")
        self._workers = ThreadPoolExecutor(threads, thread_name_prefix="answer")
        self._pages = ThreadPoolExecutor(_PAGE_THREADS, thread_name_prefix="page")
        self._pages_waiting = 0

    @property
    def budget(self) -> Budget:
        return self._budget

    def close(self) -> None:
        """Finish the calls that were begun; accept no more."""
        self._admission.shutdown(wait=True)
        self._workers.shutdown(wait=True)
        self._pages.shutdown(wait=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            raise RuntimeError(f"no such protocol here: {scope['type']}")

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await asyncio.to_thread(self.close)
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = join_headers(scope["headers"])
        method, path = scope["method"], scope["path"]
        if scope["query_string"] and path == "/":
            path = "/?"  # no signature covers a query: a request with one is for somebody else
        origin = headers.get("origin")
        if (method, path) == ("POST", "/"):
            await self._call(scope, headers, receive, _Reply(send, self._origins.headers_for(origin)))
            return
        if (method, path) == ("OPTIONS", "/"):
            answer = Answer(status=204, headers=self._origins.preflight_headers_for(origin), body=b"")
        elif method in {"GET", "HEAD"} and path == "/health":
            answer = await self._run(self._admission, self._health)
        elif path.startswith(LOG_PREFIX):
            token = headers.get("authorization", "")
            answer = await self._log_page(method, path, token)
        else:
            answer = _no_such_page(path)
        await _Reply(send, ()).finish_early(answer, receive, has_body=_has_body(headers))

    async def _call(self, scope: Scope, headers: dict[str, str], receive: Receive, reply: _Reply) -> None:
        head = Head(
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"].decode("latin-1"),
            headers=headers,
            received_at=self._pipeline.now(),
            client=(scope.get("client") or ("",))[0],
        )
        admitted = await self._run(self._admission, self._pipeline.admit, head)
        if isinstance(admitted, Answer):
            await reply.finish_early(admitted, receive, has_body=_has_body(headers))
            return
        try:
            with self._budget.enter(announced_bytes=admitted.announced_bytes or 0) as share:
                chunks = await self._read(receive, admitted.announced_bytes, share)
                await reply.finish(await self._run(self._workers, self._answer, admitted, chunks))
        except ServiceError as error:
            refused = await self._run(self._admission, self._pipeline.refuse, admitted, error)
            has_stopped = isinstance(error, RequestTimeoutException)
            await reply.finish_early(
                refused, receive, has_body=True, linger_s=0 if has_stopped else _LINGER_S
            )
        except _Disconnected:
            await self._run(self._admission, self._pipeline.refuse, admitted, RequestTimeoutException())

    def _answer(self, admitted: Admitted, chunks: list[bytes]) -> Answer:
        body = b"".join(chunks)  # megabytes: copied here and not on the event loop
        chunks.clear()
        return self._pipeline.answer(admitted, body)

    def _health(self) -> Answer:
        if self._pipeline.is_healthy():
            return Answer(status=200, headers=(_PLAIN,), body=b"ok\n")
        return Answer(status=503, headers=(_PLAIN,), body=b"no database, or the log is behind\n")

    async def _read(self, receive: Receive, announced: int | None, share: Share) -> list[bytes]:
        """The whole body in chunks, each counted as it arrives.

        Raises:
            RequestEntityTooLargeException: a chunked body grew over the limit.
            RequestTimeoutException: a pause was too long, or the whole too slow.
            ThrottlingException: no room for more bytes.
            _Disconnected: the client went away.
        """
        clock = asyncio.get_running_loop().time
        size = MAX_BODY_BYTES if announced is None else announced
        deadline = clock() + self._body_idle_s + size / self._body_bytes_per_s
        chunks: list[bytes] = []
        received = 0
        try:
            async with asyncio.timeout(self._body_idle_s) as timer:
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Disconnected
                    chunk = message.get("body", b"")
                    received += len(chunk)
                    require_bearable(received)
                    share.take(len(chunk))
                    chunks.append(chunk)
                    if not message.get("more_body", False):
                        return chunks
                    timer.reschedule(min(deadline, clock() + self._body_idle_s))
        except TimeoutError:
            raise RequestTimeoutException from None

    async def _log_page(self, method: str, path: str, token: str) -> Answer:
        """Pages have threads of their own: whoever reads the log, or hammers it, holds up no call."""
        if self._pages_waiting >= _MOST_PAGES:
            return Answer(status=503, headers=(_PLAIN, ("retry-after", "1")), body=b"too many readers\n")
        self._pages_waiting += 1
        try:
            answer: Answer = await self._run(
                self._pages, self._pipeline.log_pages.answer, method, path, token
            )
            return answer
        finally:
            self._pages_waiting -= 1

    async def _run(self, pool: ThreadPoolExecutor, work: Callable[..., Any], *given: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(pool, work, *given)


class _Reply:
    """Sends one answer; `extra` headers are those of CORS."""

    def __init__(self, send: Send, extra: Headers) -> None:
        self._send = send
        self._extra = extra

    async def finish(self, answer: Answer) -> None:
        """Answer a request whose body has been read."""
        await self._start(answer, close=False)
        await self._send({"type": "http.response.body", "body": answer.body})

    async def finish_early(
        self, answer: Answer, receive: Receive, *, has_body: bool, linger_s: float = _LINGER_S
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


def _has_body(headers: Mapping[str, str]) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


def _no_such_page(path: str) -> Answer:
    allowed = _METHODS.get(path)
    if allowed is None:
        return Answer(status=404, headers=(_PLAIN,), body=b"there is nothing here\n")
    return Answer(status=405, headers=(_PLAIN, ("allow", allowed)), body=f"use {allowed}\n".encode())
