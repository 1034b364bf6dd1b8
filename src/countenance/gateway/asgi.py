"""HTTP in and out: the only asynchronous module.

Everything that computes or waits for the database runs on two pools of threads: a small one that
admits calls by their head, so that a stranger is refused at once however busy the nets are, and one
that answers them, in turns of accounts. The event loop itself only moves bytes.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from countenance.errors import RequestTimeoutException, ServiceError, ThrottlingException
from countenance.gateway.call import Admitted, Answer, Head, join_headers
from countenance.gateway.cors import Origins
from countenance.gateway.fair_pool import FairPool, Holder
from countenance.gateway.forwarded import TrustedProxies
from countenance.gateway.limits import holder_of
from countenance.gateway.log_pages import LOG_PREFIX
from countenance.gateway.pipeline import Pipeline
from countenance.gateway.reply import LINGER_S, Receive, Reply, Send
from countenance.gateway.site import Site
from countenance.gateway.throttle import MAX_BODY_BYTES, Budget, Share, require_bearable
from countenance.telemetry import Metrics

Scope = MutableMapping[str, Any]

_ADMISSION_THREADS = 4
_PAGE_THREADS = 2
_SITE_THREADS = 4
_MOST_PAGES = 64
"""Of the log's pages, waiting or being read."""
_CALLS_PER_THREAD = 64
_RESERVE_BYTES = 16 * 1024 * 1024
_PLAIN = ("content-type", "text/plain; charset=utf-8")
_METHODS = {"/": "POST, OPTIONS", "/health": "GET, HEAD"}


class _Disconnected(Exception):
    """The client went away before its call was begun: there is nobody to answer."""


class Gateway:
    """An ASGI 3 application (http and lifespan) in front of a `Pipeline`.

    Args:
        pipeline: what admits and answers.
        threads: calls answered at once.
        max_bytes_in_flight: request bytes held at once; beyond, calls are throttled.
        origins: pages that browsers may call from.
        body_idle_s: the longest pause inside a body.
        body_bytes_per_s: the slowest body that is waited for, beyond the first `body_idle_s`.
        reserve: threads more, for what must go through however many faces are looked for (`limits`).
        in_company: threads that one account has at most while others call; None: half of them.
        queue_patience_s: the longest wait for a thread; who waits longer is throttled.
        metrics: told what is in flight.
        site: pages for people, beside the calls.
        proxies: whose word on who asks is taken.
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
        reserve: int = 2,
        in_company: int | None = None,
        queue_patience_s: float = 30.0,
        metrics: Metrics | None = None,
        site: Site | None = None,
        proxies: TrustedProxies | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._origins = Origins(origins)
        self._budget = Budget(
            max_bytes=max_bytes_in_flight, max_calls=_CALLS_PER_THREAD * threads, metrics=metrics
        )
        self._reserve = Budget(max_bytes=_RESERVE_BYTES, max_calls=_CALLS_PER_THREAD * reserve)
        self._metrics = metrics or Metrics()
        self._queue_patience_s = queue_patience_s
        self._body_idle_s = body_idle_s
        self._body_bytes_per_s = body_bytes_per_s
        self._admission = ThreadPoolExecutor(_ADMISSION_THREADS, thread_name_prefix="admit")
        self._workers = FairPool(threads, reserve=reserve, in_company=in_company or threads - threads // 2)
        self._health_page = ThreadPoolExecutor(1, thread_name_prefix="health")
        self._checking: asyncio.Future[Answer] | None = None
        self._pages = ThreadPoolExecutor(_PAGE_THREADS, thread_name_prefix="page")
        self._pages_waiting = 0
        self._site = site
        self._proxies = proxies or TrustedProxies()
        self._visits = ThreadPoolExecutor(_SITE_THREADS, thread_name_prefix="site")
        self._visitors = Budget(max_bytes=max_bytes_in_flight // 4, max_calls=_MOST_PAGES)

    @property
    def budget(self) -> Budget:
        return self._budget

    def close(self) -> None:
        """Finish the calls that were begun; accept no more."""
        self._admission.shutdown(wait=True)
        self._workers.shutdown()
        self._pages.shutdown(wait=True)
        self._visits.shutdown(wait=True)
        self._health_page.shutdown(wait=True)

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
            await self._call(scope, headers, receive, Reply(send, self._origins.headers_for(origin)))
            return
        if self._site is not None and self._site.serves(path):
            await self._visit(self._site, scope, headers, receive, Reply(send, ()))
            return
        if (method, path) == ("OPTIONS", "/"):
            answer = Answer(status=204, headers=self._origins.preflight_headers_for(origin), body=b"")
        elif method in {"GET", "HEAD"} and path == "/health":
            answer = await self._checked_health()
        elif path.startswith(LOG_PREFIX):
            token = headers.get("authorization", "")
            answer = await self._log_page(method, path, token)
        else:
            answer = _no_such_page(path)
        await Reply(send, ()).finish_early(answer, receive, has_body=_has_body(headers))

    async def _call(self, scope: Scope, headers: dict[str, str], receive: Receive, reply: Reply) -> None:
        head = Head(
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"].decode("latin-1"),
            headers=headers,
            received_at=self._pipeline.now(),
            client=self._proxies.visitor((scope.get("client") or ("",))[0], headers),
        )
        admitted = await self._run(self._admission, self._pipeline.admit, head)
        if isinstance(admitted, Answer):
            await reply.finish_early(admitted, receive, has_body=_has_body(headers))
            return
        holder = holder_of(admitted)
        budget = self._reserve if holder.reserved else self._budget
        try:
            with budget.enter(holder, announced_bytes=admitted.announced_bytes or 0) as share:
                chunks = await self._read(receive, admitted.announced_bytes, share)
                answer = await self._in_turn(holder, lambda: self._answer(admitted, chunks), receive)
                share.keep(len(answer.body))
                await reply.finish(answer)
        except ServiceError as error:
            refused = await self._run(self._admission, self._pipeline.refuse, admitted, error)
            has_stopped = isinstance(error, RequestTimeoutException)
            await reply.finish_early(refused, receive, has_body=True, linger_s=0 if has_stopped else LINGER_S)
        except _Disconnected:
            await self._run(self._admission, self._pipeline.refuse, admitted, RequestTimeoutException())

    async def _visit(
        self, site: Site, scope: Scope, headers: dict[str, str], receive: Receive, reply: Reply
    ) -> None:
        """A page for people, on threads of its own: what it calls is limited as any call of its account."""
        head = Head(
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"].decode("latin-1"),
            headers=headers,
            received_at=self._pipeline.now(),
            client=self._proxies.visitor((scope.get("client") or ("",))[0], headers),
        )
        announced = headers.get("content-length", "0")
        most = site.most_body_bytes(head.method, head.path)
        size = int(announced) if announced.isascii() and announced.isdigit() else most + 1
        if "transfer-encoding" in headers or size > most:
            await reply.finish_early(_plain(413, "this is too large for a form"), receive, has_body=True)
            return
        try:
            with self._visitors.enter(Holder(head.client), announced_bytes=size) as share:
                body = b"".join(await self._read(receive, size, share)) if size else b""
                scheme = headers.get("x-forwarded-proto") or str(scope.get("scheme", "http"))
                answer = await self._run(
                    self._visits, functools.partial(site.answer, head, body, scheme=scheme)
                )
                await reply.finish(answer)
        except ServiceError as error:
            told = _plain(error.status, "too many visitors, or the form came too slowly: try again")
            await reply.finish_early(told, receive, has_body=True)
        except _Disconnected:
            return

    async def _in_turn(self, holder: Holder, work: Callable[[], Answer], receive: Receive) -> Answer:
        """Run a call when it is its account's turn, unless nobody waits for its answer any more.

        Raises:
            ThrottlingException: no thread was free for longer than clients are kept waiting.
            _Disconnected: the client went away before that.
        """
        future = self._workers.submit(holder, work)
        answering = asyncio.wrap_future(future)
        leaving = asyncio.ensure_future(_disconnected(receive))
        self._metrics.waiting(self._workers.waiting)
        try:
            await asyncio.wait(
                {answering, leaving}, timeout=self._queue_patience_s, return_when=asyncio.FIRST_COMPLETED
            )
            if not answering.done() and self._workers.withdraw(holder, future):
                raise _Disconnected if leaving.done() else ThrottlingException(limit="queue")
            answer: Answer = await answering
            return answer
        finally:
            leaving.cancel()

    def _answer(self, admitted: Admitted, chunks: list[bytes]) -> Answer:
        body = b"".join(chunks)  # megabytes: copied here and not on the event loop
        chunks.clear()
        return self._pipeline.answer(admitted, body)

    async def _checked_health(self) -> Answer:
        """One look at a time, in a thread of its own: who asks meanwhile gets its answer as well."""
        if self._checking is None or self._checking.done():
            self._checking = asyncio.ensure_future(self._run(self._health_page, self._health))
        return await asyncio.shield(self._checking)

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


async def _disconnected(receive: Receive) -> None:
    """Return when the client has gone; the body was read before."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _plain(status: int, line: str) -> Answer:
    return Answer(status=status, headers=(_PLAIN,), body=f"{line}\n".encode())


def _has_body(headers: Mapping[str, str]) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


def _no_such_page(path: str) -> Answer:
    allowed = _METHODS.get(path)
    if allowed is None:
        return Answer(status=404, headers=(_PLAIN,), body=b"there is nothing here\n")
    return Answer(status=405, headers=(_PLAIN, ("allow", allowed)), body=f"use {allowed}\n".encode())
