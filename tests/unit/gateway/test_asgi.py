from __future__ import annotations

import asyncio
import json
import threading

import pytest

from countenance.gateway.asgi import Gateway
from countenance.gateway.call import Answer
from countenance.gateway.forwarded import TrustedProxies
from countenance.gateway.throttle import MAX_BODY_BYTES

PAGE = "https://photos.example"
PHOTO = b'{"Image": {"Bytes": "AAAAAAAA"}}'
DISCONNECT = {"type": "http.disconnect"}


class Exchange:
    """One request over ASGI: what was sent back, and how much of the body had been taken by then."""

    def __init__(self, messages, *, pause_s=0.0):
        self._messages = list(messages)
        self._pause_s = pause_s
        self.received = 0
        self.received_before_answer = None
        self.start = None
        self.body = b""
        self.is_finished = False

    async def receive(self):
        if not self._messages:
            await asyncio.sleep(3600)
        await asyncio.sleep(self._pause_s)
        self.received += 1
        return self._messages.pop(0)

    async def send(self, message):
        if message["type"] == "http.response.start":
            self.start = message
            self.received_before_answer = self.received
            return
        self.body += message["body"]
        self.is_finished = not message.get("more_body", False)

    @property
    def status(self):
        return self.start["status"]

    @property
    def headers(self):
        return {name.decode(): value.decode() for name, value in self.start["headers"]}

    @property
    def told(self):
        return json.loads(self.body)


@pytest.fixture
def gateway(bench):
    made = []

    def make(**changes):
        gateway = Gateway(
            bench.pipeline,
            **{"threads": 2, "max_bytes_in_flight": 1 << 20, "origins": [PAGE], "body_idle_s": 0.2} | changes,
        )
        made.append(gateway)
        return gateway

    yield make
    for each in made:
        each.close()


def _scope(method="POST", path="/", headers=()):
    path, _, query = path.partition("?")
    return {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode("latin-1"),
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers],
    }


def _chunks(*parts):
    return [
        {"type": "http.request", "body": part, "more_body": number < len(parts)}
        for number, part in enumerate(parts, start=1)
    ]


def _exchange(gateway, scope, messages, **changes):
    exchange = Exchange(messages, **changes)
    asyncio.run(asyncio.wait_for(gateway(scope, exchange.receive, exchange.send), 20))
    return exchange


def _call(bench, gateway, operation, body, messages=None, *, pause_s=0.0, **changes):
    head = bench.head(operation, body, **changes)
    messages = _chunks(body) if messages is None else messages
    return _exchange(gateway, _scope(headers=head.headers.items()), messages, pause_s=pause_s)


def test_a_call_is_answered(bench, gateway):
    exchange = _call(bench, gateway(), "DetectFaces", PHOTO)
    assert (exchange.status, exchange.told) == (200, {"FaceDetails": [{"Confidence": 6.0}]})
    assert exchange.headers["content-length"] == str(len(exchange.body))
    assert "connection" not in exchange.headers


def test_a_body_may_come_in_pieces_and_without_an_announced_length(bench, gateway):
    head = bench.head("DetectFaces", PHOTO)
    headers = {name: value for name, value in head.headers.items() if name != "content-length"}
    scope = _scope(headers=(headers | {"transfer-encoding": "chunked"}).items())
    exchange = _exchange(gateway(), scope, _chunks(PHOTO[:7], b"", PHOTO[7:]))
    assert exchange.status == 200


def test_a_stranger_is_refused_before_the_body_is_read(bench, gateway):
    """Megabytes of a stranger's body must cost nothing: the answer leaves before any of it is taken."""
    exchange = _call(bench, gateway(), "DetectFaces", PHOTO, access_key_id="AKIA" + "A" * 16)
    assert (exchange.status, exchange.told["__type"]) == (400, "UnrecognizedClientException")
    assert exchange.received_before_answer == 0
    assert exchange.headers["connection"] == "close"


def test_what_still_comes_after_an_early_answer_is_taken_and_dropped(bench, gateway):
    """Closing on a client that still sends would reset the connection and lose the answer."""
    messages = _chunks(*[b"x" * 1000] * 5)
    exchange = _call(bench, gateway(), "DetectFaces", PHOTO, messages, access_key_id="AKIA" + "A" * 16)
    assert (exchange.received, exchange.is_finished) == (5, True)


def test_a_refusal_of_a_request_without_a_body_keeps_the_connection(gateway):
    exchange = _exchange(gateway(), _scope(headers=[("content-length", "0")]), [])
    assert exchange.told["__type"] == "UnknownOperationException"
    assert "connection" not in exchange.headers


def test_an_announced_length_over_the_limit_is_refused_before_the_body_is_read(bench, gateway):
    too_long = {"content-length": str(MAX_BODY_BYTES + 1)}
    exchange = _call(bench, gateway(), "DetectFaces", PHOTO, headers=too_long)
    assert (exchange.status, exchange.told["__type"]) == (413, "RequestEntityTooLargeException")
    assert exchange.received_before_answer == 0


def test_a_body_in_pieces_is_refused_once_it_is_over_the_limit(bench, gateway):
    headers = dict(bench.head("DetectFaces", PHOTO).headers) | {"transfer-encoding": "chunked"}
    del headers["content-length"]
    pieces = _chunks(*[bytes(1 << 20)] * 18)
    wide = gateway(max_bytes_in_flight=1 << 30)
    exchange = _exchange(wide, _scope(headers=headers.items()), pieces)
    assert (exchange.status, exchange.told["__type"]) == (413, "RequestEntityTooLargeException")
    assert exchange.received_before_answer == 17
    assert wide.budget.bytes_in_flight == 0


def test_more_bytes_than_the_budget_are_throttled(bench, gateway):
    """Clients retry a throttled call by themselves."""
    small = gateway(max_bytes_in_flight=len(PHOTO) - 1)
    exchange = _call(bench, small, "DetectFaces", PHOTO)
    assert (exchange.status, exchange.told["__type"]) == (400, "ThrottlingException")
    assert exchange.received_before_answer == 0
    assert (small.budget.bytes_in_flight, small.budget.calls_in_flight) == (0, 0)


def test_a_body_that_stops_arriving_is_given_up(bench, gateway):
    patient = gateway()
    exchange = _call(bench, patient, "DetectFaces", PHOTO, _chunks(PHOTO[:5], b"")[:1])
    assert (exchange.status, exchange.told["__type"]) == (408, "RequestTimeoutException")
    assert patient.budget.bytes_in_flight == 0


def test_a_body_that_trickles_is_given_up(bench, gateway):
    """A byte now and then must not hold a place for ever."""
    trickle = _chunks(*[b"x"] * 100)
    slow = gateway(body_bytes_per_s=1 << 20)
    exchange = _call(bench, slow, "DetectFaces", PHOTO, trickle, pause_s=0.05)
    assert exchange.told["__type"] == "RequestTimeoutException"
    assert exchange.received_before_answer < 10


def test_a_client_that_goes_away_is_on_record_and_holds_nothing(bench, gateway):
    left = gateway()
    head = bench.head("DetectFaces", PHOTO)
    before = left.budget.calls_in_flight
    exchange = _exchange(
        left, _scope(headers=head.headers.items()), [*_chunks(PHOTO[:5], b"")[:1], DISCONNECT]
    )
    assert exchange.start is None
    assert left.budget.calls_in_flight == before
    with bench.database.read() as connection:
        rows = connection.execute(
            "select entry from audit_event order by recorded_at desc limit 1"
        ).fetchall()
    (entry,) = [json.loads(row[0]) for row in rows]
    assert (entry["outcome"], entry["error"]) == ("refused", "RequestTimeoutException")


def test_health_is_a_plain_page(gateway):
    exchange = _exchange(gateway(), _scope("GET", "/health"), _chunks(b""))
    assert (exchange.status, exchange.body) == (200, b"ok\n")
    assert _exchange(gateway(), _scope("HEAD", "/health"), _chunks(b"")).status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 405),
        ("HEAD", "/", 405),
        ("PUT", "/", 405),
        ("BREW", "/", 405),
        ("POST", "/health", 405),
        ("GET", "/elsewhere", 404),
        ("POST", "/elsewhere", 404),
        ("OPTIONS", "*", 404),
        ("GET", "//", 404),
        ("POST", "/?a=b", 404),
        ("POST", "/?X-Amz-Signature=0", 404),
    ],
)
def test_any_other_page_or_method_is_plainly_refused(gateway, method, path, status):
    """Scanners try everything; nothing of it may look like a failure of ours."""
    exchange = _exchange(gateway(), _scope(method, path), _chunks(b""))
    assert exchange.status == status
    assert ("allow" in exchange.headers) is (status == 405)


def test_a_listed_page_may_call_and_read_the_answer(bench, gateway):
    preflight = _exchange(gateway(), _scope("OPTIONS", headers=[("origin", PAGE)]), _chunks(b""))
    assert (preflight.status, preflight.body) == (204, b"")
    assert preflight.headers["access-control-allow-origin"] == PAGE
    answer = _call(bench, gateway(), "DetectFaces", PHOTO, headers={"origin": PAGE})
    assert answer.headers["access-control-allow-origin"] == PAGE
    refused = _call(bench, gateway(), "DetectFaces", PHOTO, secret="wrong", headers={"origin": PAGE})
    assert refused.headers["access-control-allow-origin"] == PAGE


def test_another_page_gets_no_permission(bench, gateway):
    stranger = [("origin", "https://evil.example")]
    preflight = _exchange(gateway(), _scope("OPTIONS", headers=stranger), _chunks(b""))
    assert "access-control-allow-origin" not in preflight.headers


def test_stopping_waits_for_the_calls_that_were_begun(bench):
    """A change that is committed must be answered: calls in flight finish first."""
    started, go_on = threading.Event(), threading.Event()

    def slow(request, deps):
        started.set()
        go_on.wait(10)
        return {"FaceDetails": []}

    bench.operations["rekognition"]["DetectFaces"] = slow
    gateway = Gateway(bench.pipeline, threads=1, max_bytes_in_flight=1 << 20)
    exchange = Exchange(_chunks(PHOTO))
    lifespan = Exchange([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    said = []

    async def say(message):
        said.append(message["type"])

    async def scenario():
        head = bench.head("DetectFaces", PHOTO)
        call = asyncio.create_task(
            gateway(_scope(headers=head.headers.items()), exchange.receive, exchange.send)
        )
        assert await asyncio.to_thread(started.wait, 10)
        stop = asyncio.create_task(gateway({"type": "lifespan"}, lifespan.receive, say))
        await asyncio.sleep(0.1)
        assert said == ["lifespan.startup.complete"]
        go_on.set()
        await asyncio.wait_for(asyncio.gather(call, stop), 10)

    asyncio.run(scenario())
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert exchange.status == 200


@pytest.fixture
def busy(bench):
    """A gateway whose one thread is taken by a call of another account, until it is let go."""
    started, go_on = threading.Event(), threading.Event()
    seen = []

    def detect(request, deps):
        seen.append(deps.caller.account_id)
        started.set()
        assert go_on.wait(20)
        return {"FaceDetails": []}

    bench.operations["rekognition"]["DetectFaces"] = detect

    async def scenario(gateway, messages, *, then=None, **changes):
        head = bench.head("DetectFaces", PHOTO)
        scope = _scope(headers=head.headers.items())
        first = Exchange(_chunks(PHOTO))
        running = asyncio.create_task(gateway(scope, first.receive, first.send))
        assert await asyncio.to_thread(started.wait, 10)
        second = Exchange(messages, **changes)
        waiting = asyncio.create_task(gateway(scope, second.receive, second.send))
        if then is not None:
            await then(gateway)
        else:
            await asyncio.wait_for(waiting, 10)
        go_on.set()
        await asyncio.wait_for(asyncio.gather(running, waiting), 10)
        return first, second

    def run(gateway, messages, **given):
        return (*asyncio.run(scenario(gateway, messages, **given)), seen)

    yield run
    go_on.set()


def _last_entries(bench, count):
    with bench.database.read() as connection:
        rows = connection.execute(
            "select entry from audit_event order by recorded_at desc limit %s", (count,)
        ).fetchall()
    return [json.loads(row[0]) for row in rows]


def test_a_call_that_waits_longer_than_clients_do_is_throttled_and_not_run(gateway, busy):
    """What is computed for nobody is taken from somebody."""
    impatient = gateway(threads=1, reserve=1, queue_patience_s=0.2)
    first, second, seen = busy(impatient, _chunks(PHOTO))
    assert (second.status, second.told["__type"]) == (400, "ThrottlingException")
    assert (first.status, len(seen)) == (200, 1)
    assert (impatient.budget.calls_in_flight, impatient.budget.bytes_in_flight) == (0, 0)


def test_a_call_whose_client_has_gone_is_not_run_and_is_on_record(bench, gateway, busy):
    patient = gateway(threads=1, reserve=1)
    first, second, seen = busy(patient, [*_chunks(PHOTO), DISCONNECT])
    assert second.start is None
    assert (first.status, len(seen)) == (200, 1)
    assert patient.budget.bytes_in_flight == 0
    entries = {entry["error"] for entry in _last_entries(bench, 2) if "error" in entry}
    assert entries == {"RequestTimeoutException"}


def test_a_call_that_runs_when_its_client_goes_is_finished_and_on_record(bench, gateway):
    """What was done was done; that nobody heard of it changes nothing."""
    create = bench.operations["rekognition"]["CreateCollection"]
    started, left = threading.Event(), threading.Event()

    def slow(request, deps):
        started.set()
        assert left.wait(10)
        return create(request, deps)

    class Leaving(Exchange):
        async def receive(self):
            if self._messages == [DISCONNECT]:
                assert await asyncio.to_thread(started.wait, 10)
                asyncio.get_running_loop().call_later(0.1, left.set)
            return await super().receive()

    bench.operations["rekognition"]["CreateCollection"] = slow
    body = b'{"CollectionId": "left"}'
    exchange = Leaving([*_chunks(body), DISCONNECT])
    scope = _scope(headers=bench.head("CreateCollection", body).headers.items())
    asyncio.run(asyncio.wait_for(gateway()(scope, exchange.receive, exchange.send), 20))
    assert bench.collections() == {"left"}
    assert bench.events()[0].members["outcome"] == "answered"


def test_the_reserve_answers_while_every_thread_is_taken(bench, gateway, busy):
    """An appeal, or an officer's order, waits for no photograph."""
    full = gateway(threads=1, reserve=1)
    answered = []

    async def ask(gateway):
        head = bench.head("GetCallerIdentity", b"{}", service="countenance")
        exchange = Exchange(_chunks(b"{}"))
        call = gateway(_scope(headers=head.headers.items()), exchange.receive, exchange.send)
        await asyncio.wait_for(call, 10)
        answered.append(exchange.status)

    first, second, seen = busy(full, _chunks(PHOTO), then=ask)
    assert answered == [200]
    assert (first.status, second.status, len(seen)) == (200, 200, 2)


def test_health_is_looked_at_once_for_all_who_ask(bench, gateway, monkeypatch):
    """Whoever hammers the page takes one thread and one connection."""
    looks, go_on = [], threading.Event()

    def look():
        looks.append(1)
        assert go_on.wait(10)
        return True

    monkeypatch.setattr(bench.pipeline, "is_healthy", look)
    asked = gateway()

    async def scenario():
        exchanges = [Exchange([]) for _ in range(50)]
        calls = [
            asyncio.create_task(asked(_scope("GET", "/health"), each.receive, each.send))
            for each in exchanges
        ]
        await asyncio.sleep(0.1)
        go_on.set()
        await asyncio.wait_for(asyncio.gather(*calls), 10)
        return [each.status for each in exchanges]

    assert asyncio.run(scenario()) == [200] * 50
    assert len(looks) == 1


def test_a_long_answer_is_held_until_it_has_been_taken(bench, gateway):
    """Else answers that nobody reads would be bounded by nothing."""
    names = [f"{number:064}" for number in range(4000)]
    bench.operations["rekognition"]["ListCollections"] = lambda *_: {"CollectionIds": names}
    reading = gateway()
    held = []

    class Slow(Exchange):
        async def send(self, message):
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                held.append((reading.budget.calls_in_flight, reading.budget.bytes_in_flight))
            await super().send(message)

    head = bench.head("ListCollections", b"{}")
    exchange = Slow(_chunks(b"{}"))
    asyncio.run(reading(_scope(headers=head.headers.items()), exchange.receive, exchange.send))
    assert (exchange.status, exchange.is_finished) == (200, True)
    assert held == [(1, len(exchange.body))]
    assert (reading.budget.calls_in_flight, reading.budget.bytes_in_flight) == (0, 0)


def test_other_protocols_are_not_spoken(gateway):
    with pytest.raises(RuntimeError, match="websocket"):
        _exchange(gateway(), {"type": "websocket"}, [])


class _Told:
    """A site that answers with whose visit it was told that it is."""

    def serves(self, path):
        return path == "/people"

    def most_body_bytes(self, method, path):
        return 0

    def answer(self, head, body, *, scheme):
        return Answer(status=200, headers=(), body=f"{head.client} {scheme}".encode())


@pytest.mark.parametrize(
    ("proxies", "told"), [("", "10.0.0.1"), ("10.0.0.0/8", "203.0.113.7"), ("10.9.0.0/16", "10.0.0.1")]
)
def test_a_page_is_told_of_the_visitor_whom_a_trusted_proxy_names(gateway, proxies, told):
    """Else all visitors behind a proxy share one limit; or whoever writes a header has none."""
    scope = _scope("GET", "/people", [("x-forwarded-for", "198.51.100.9, 203.0.113.7")])
    made = gateway(site=_Told(), proxies=TrustedProxies(proxies))
    exchange = _exchange(made, scope | {"client": ("10.0.0.1", 4711)}, [])
    assert exchange.body.decode() == f"{told} http"
