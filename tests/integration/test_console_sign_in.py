"""The ways into the console over a real socket: passkeys, a flood of tries, and who is a second person."""

from __future__ import annotations

import html
import os
import re
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from authenticator import Authenticator
from console_visitor import PASSWORD, Page, Visitor, make_member
from countenance.accounts import Actor
from countenance.cli.installation import open_store
from countenance.cli.server_process import running_server
from countenance.settings import Settings
from fixtures_server import Service, server_settings
from fixtures_store import fresh_database
from governed import open_governance

pytestmark = pytest.mark.xdist_group("server")
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


@dataclass
class Browser(Visitor):
    """A visitor by a name, who keeps the number that attempts are marked with, and has a device."""

    number: str = ""
    device: Authenticator = field(default_factory=lambda: Authenticator(""))

    def ask(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Page:
        cookies = [f"{self.prefix}countenance-browser={self.number}"] if self.number else []
        cookies += [f"{self.cookie_name}={self.cookie}"] if self.cookie else []
        page = super().ask(method, path, body, (headers or {}) | {"cookie": "; ".join(cookies)})
        found = re.match(rf"{self.prefix}countenance-browser=([^;]+)", page.headers.get("set-cookie", ""))
        self.number = found.group(1) if found else self.number
        return page


@pytest.fixture(scope="module")
def house(service) -> str:
    return service.client("countenance").get_caller_identity()["AccountId"]


@pytest.fixture(scope="module")
def place(service) -> str:
    return service.endpoint.replace("127.0.0.1", "localhost")


@pytest.fixture
def browser(place) -> Browser:
    return Browser(place, device=Authenticator(place))


def question(page: Page) -> tuple[str, str]:
    """What the page asks an authenticator, and the attempt that goes with it."""
    options = re.search(r'data-options="([^"]+)"', page.body)
    attempt = re.search(r'name="attempt" value="([^"]+)"', page.body)
    assert options, page.text
    assert attempt
    return html.unescape(options.group(1)), html.unescape(attempt.group(1))


def invite(service, house: str, name: str, *roles: str) -> str:
    where = {"database_url": service.database_options[1]} if service.database_options else {}
    with open_store(Settings.from_env({}, data_dir=service.data_dir, **where)) as (database, keys):
        operators = open_governance(database, keys).operators
        operators.put(house, name, roles, actor=Actor("test"))
        return operators.invite(house, name, actor=Actor("test")).code


def taken_up(browser: Browser, code: str, **changes: str) -> Page:
    options, attempt = question(browser.post("/console/invitation", {"code": code}))
    fields = {"code": code, "do": "passkey", "attempt": attempt, "credential": browser.device.make(options)}
    return browser.post("/console/invitation", fields | {"passkey_name": "the first"} | changes)


def signed_in(browser: Browser, **wrong: Any) -> Page:
    options, attempt = question(browser.get("/console/sign-in"))
    fields = {"attempt": attempt, "credential": browser.device.sign(options, **wrong)}
    return browser.post("/console/passkey", fields, token=False)


@pytest.fixture
def ada(browser, service, house) -> Browser:
    page = taken_up(browser, invite(service, house, f"Ada {uuid.uuid4().hex[:6]}", "administrator"))
    assert (page.status, page.headers["location"]) == (303, "/console"), page.text
    assert "HttpOnly" in page.headers["set-cookie"]
    assert "SameSite=Strict" in page.headers["set-cookie"]
    return browser


def test_a_passkey_is_all_that_it_takes(ada):
    """From the code to the console, out, and in without anything typed; always as a new session."""
    first = ada.cookie
    assert ada.get("/console").status == 200
    assert ada.post("/console/sign-out").status == 303
    assert ada.get("/console").status == 303
    page = signed_in(ada)
    assert (page.status, page.headers["location"]) == (303, "/console"), page.text
    assert ada.cookie not in {None, first}
    assert "Ada" in ada.get("/console").text


def test_an_answer_is_taken_once_and_from_the_browser_that_was_asked(ada, place):
    """Replay, another browser, no browser at all, another page's form, another question: nobody is in."""
    options, attempt = question(ada.get("/console/sign-in"))
    fields = {"attempt": attempt, "credential": ada.device.sign(options)}
    thief = Browser(place)
    thief.get("/console/sign-in")
    for other, headers in (
        (thief, {}),
        (Browser(place), {}),
        (Browser(place, number=ada.number), {"sec-fetch-site": "cross-site"}),
        (Browser(place, number=ada.number), {"sec-fetch-site": "same-site"}),
    ):
        page = other.post("/console/passkey", fields, token=False, **headers)
        assert (page.status in {400, 403}, other.cookie) == (True, None), page.text
    again = Browser(place, number=ada.number)
    assert again.post("/console/passkey", fields, token=False).status == 303
    page = Browser(place, number=ada.number).post("/console/passkey", fields, token=False)
    assert (page.status, "made already" in page.text) == (403, True), page.text
    session = ada.cookie
    adding, of_adding = question(ada.get("/console/passkeys"))
    assert adding
    crossed = {"attempt": of_adding, "credential": fields["credential"]}
    assert ada.post("/console/passkey", crossed, token=False).status == 400
    assert ada.cookie == session


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "https://evil.example"},
        {"flags": 0x01},
        {"challenge": b"x" * 32},
        {"place": "evil.example"},
        {"handle": b"another"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_what_does_not_hold_is_answered_in_one_way(ada, place, wrong):
    out = Browser(place, device=ada.device)
    page = signed_in(out, **wrong)
    assert (page.status, out.cookie) == (403, None)
    assert "signs nobody in here" in page.text


@pytest.mark.parametrize(
    ("credential", "status"),
    [(each, 403) for each in ("", "{}", "[]", "x" * 60_000, '{"id": "AA"}', "null")]
    + [("\x00", 400), ("x" * 70_000, 413)],
)
def test_nonsense_signs_nobody_in_and_brings_nothing_down(browser, service, credential, status):
    _, attempt = question(browser.get("/console/sign-in"))
    page = browser.post("/console/passkey", {"attempt": attempt, "credential": credential}, token=False)
    assert (page.status, browser.cookie) == (status, None)
    unasked = browser.post("/console/passkey", {"credential": credential}, token=False)
    assert unasked.status == (413 if status == 413 else 400)
    assert browser.get("/console/passkey").headers["location"] == "/console/sign-in"
    assert not [line for line in service.log_lines() if "Traceback" in line]


def test_there_are_none_for_an_address_of_numbers_or_another_name(service, ada):
    """The page says so; and an answer is not taken there either."""
    for host, scheme, said in (
        (service.endpoint.removeprefix("http://"), "http", "address of numbers"),
        ("countenance.example", "https", "not set up"),
    ):
        there = Browser(
            service.endpoint, device=ada.device, headers={"host": host, "x-forwarded-proto": scheme}
        )
        page = there.get("/console/sign-in")
        assert said in page.text
        assert "data-options" not in page.body
        assert 'type="password"' in page.body
        fields = {"attempt": "x", "credential": "{}"}
        page = there.post("/console/passkey", fields, token=False, origin=f"{scheme}://{host}")
        assert (page.status, said in page.text) == (400, True)


def test_passkeys_are_added_named_and_removed_on_a_page_of_ones_own(ada, place):
    """Every free text is shown and never run; the last one stays."""
    page = ada.get("/console/passkeys")
    options, attempt = question(page)
    second = Authenticator(place)
    fields = {"do": "passkey", "attempt": attempt, "credential": second.make(options)}
    assert ada.post("/console/passkeys", fields | {"passkey_name": EVIL}).status == 303
    page = ada.get("/console/passkeys")
    assert "<script>alert" not in page.body
    assert "&lt;script&gt;alert(1)" in page.body
    ids = re.findall(r'name="passkey" value="([0-9a-f]+)"', page.body)
    assert len(ids) == 2
    replayed = ada.post("/console/passkeys", fields | {"credential": second.make(options)})
    assert (replayed.status, "made already" in replayed.text) == (400, True)
    assert ada.post("/console/passkeys", {"do": "remove", "passkey": ids[0]}).status == 303
    last = ada.post("/console/passkeys", {"do": "remove", "passkey": ids[1]})
    assert (last.status, "last way to sign in" in last.text) == (400, True), last.text
    for form in ({"do": "remove", "passkey": "zz"}, {"do": "eat"}, {"do": "remove"}):
        assert ada.post("/console/passkeys", form).status in {400, 404}
    out = Browser(place, device=second)
    assert signed_in(out).status == 303


def test_somebody_elses_form_and_session_change_nothing(ada, browser, service, house, place):
    """Their ids are known to nobody, and worth nothing to who knows them."""
    [theirs] = re.findall(r'name="passkey" value="([0-9a-f]+)"', ada.get("/console/passkeys").body)
    eve = make_member(service, house, f"Eve {uuid.uuid4().hex[:6]}", "administrator").signed_in(place)
    for form in (
        {"do": "remove", "passkey": theirs},
        {"do": "rename", "passkey": theirs, "passkey_name": "x"},
    ):
        page = eve.post("/console/passkeys", form)
        assert (page.status, "no such passkey" in page.text) == (400, True), page.text
    assert ada.post("/console/passkeys", {"do": "remove", "passkey": theirs}, token=False).status == 400
    options, attempt = question(eve.get("/console/passkeys"))
    forged = {"do": "passkey", "attempt": attempt, "credential": Authenticator(place).make(options)}
    page = ada.post("/console/passkeys", forged)  # a passkey for Eve's attempt, sent with Ada's session
    assert (page.status, "open for too long" in page.text) == (400, True)


def test_at_a_screen_that_was_left_nothing_is_added_or_removed(ada, service, place):
    """Ten minutes after signing in it is asked for again, and leads back here, and nowhere else."""
    where = {"database_url": service.database_options[1]} if service.database_options else {}
    options, attempt = question(ada.get("/console/passkeys"))
    with (
        open_store(Settings.from_env({}, data_dir=service.data_dir, **where)) as (database, _),
        database.transaction() as connection,
    ):
        connection.execute("update console_session set created_at = created_at - interval '11 minutes'")
    page = ada.get("/console/passkeys")
    assert "sign in again first" in page.text
    assert "data-options" not in page.body
    fields = {"do": "passkey", "attempt": attempt, "credential": Authenticator(place).make(options)}
    refused = ada.post("/console/passkeys", fields)
    assert (refused.status, "sign in again first" in refused.text) == (400, True)
    out = ada.post("/console/sign-out", {"to": "passkeys"})
    assert out.headers["location"] == "/console/sign-in?to=passkeys"
    options, attempt = question(ada.get("/console/sign-in?to=passkeys"))
    fields = {"attempt": attempt, "credential": ada.device.sign(options)}
    back = ada.post("/console/passkey?to=passkeys", fields, token=False)
    assert back.headers["location"] == "/console/passkeys"
    for to in ("//evil.example", "https://evil.example", "/console//evil.example", "passkeys%0d%0ax"):
        page = ada.get(f"/console/sign-in?to={to}")
        assert "evil" not in page.body
        options, attempt = question(page)
        fields = {"attempt": attempt, "credential": ada.device.sign(options)}
        back = ada.post(f"/console/passkey?to={to}", fields, token=False)
        assert back.headers["location"] == "/console"


def test_a_flood_of_passwords_leaves_the_pages_of_who_is_in(service, house, ada):
    """Each try hashes for a fifth of a second; without a bound they hold every thread that makes pages."""
    fields = {"account": house, "name": "Nobody", "password": PASSWORD, "one_time_code": "123456"}
    ends = time.monotonic() + 4

    def guess(_: int) -> list[Page]:
        pages = []
        while time.monotonic() < ends:
            pages.append(Visitor(service.endpoint).post("/console/sign-in", fields, token=False))
        return pages

    took = []
    with ThreadPoolExecutor(16) as pool:
        floods = [pool.submit(guess, number) for number in range(16)]
        while time.monotonic() < ends:
            began = time.monotonic()
            assert ada.get("/console/passkeys").status == 200
            took.append(time.monotonic() - began)
        pages = [page for flood in floods for page in flood.result()]
    statuses = {page.status for page in pages}
    assert statuses == {403, 503}
    turned_away = [page for page in pages if page.status == 503]
    assert all(page.headers.get("retry-after") == "5" for page in turned_away)
    assert "try again in a few seconds" in turned_away[0].text
    assert f'value="{house}"' in turned_away[0].body  # what was typed is there
    assert sorted(took)[len(took) // 2] < 1, took


def test_two_administrators_make_an_examiner_and_one_does_not(service, house, place):
    """On the page of operators: who invited sees no button, and is refused without one."""
    names = {who: f"{who} {uuid.uuid4().hex[:6]}" for who in ("Anna", "Bert", "Erin")}
    anna, bert = (
        make_member(service, house, names[who], "administrator").signed_in(place) for who in ("Anna", "Bert")
    )
    anna.post("/console/people", {"do": "put", "name": names["Erin"], "role": "examiner"})
    invited = anna.post("/console/people", {"do": "invite", "name": names["Erin"]})
    code = re.search(r"Code <code>([^<]+)</code>", invited.body)
    assert code
    erin = Browser(place, device=Authenticator(place))
    assert taken_up(erin, code.group(1)).status == 303
    button = f'aria-label="Confirm {names["Erin"]}"'
    assert button not in anna.get("/console/people").body
    page = anna.post("/console/people", {"do": "confirm", "name": names["Erin"]})
    assert (page.status, "whom they invited" in page.text) == (400, True)
    page = bert.get("/console/people")
    assert button in page.body
    assert f"not yet: invited by {names['Anna']}" in re.sub(r"\s+", " ", page.text)
    done = bert.post("/console/people", {"do": "confirm", "name": names["Erin"]})
    assert done.status == 303, done.text
    assert button not in bert.get("/console/people").body


@pytest.fixture(scope="module")
def named(tmp_path_factory) -> Iterator[Service]:
    """A server that is told what it is called."""
    data_dir, settings = tmp_path_factory.mktemp("named") / "data", server_settings()
    with ExitStack() as stack:
        where: tuple[str, ...] = ()
        if given := os.environ.get("COUNTENANCE_TEST_DATABASE_URL", ""):
            where = ("--database-url", stack.enter_context(fresh_database(given)))
        options = ["--console-origin", "https://countenance.example", *where]
        running = stack.enter_context(
            running_server(data_dir, settings, accept_terms="Test, suite", options=options)
        )
        yield Service(running, data_dir, settings, where)


def test_what_the_server_is_called_is_where_passkeys_work_and_nowhere_else(named):
    """Behind a proxy, by the name that was set up; under any other name the page says where."""
    origin = "https://countenance.example"
    headers = {"host": "countenance.example", "x-forwarded-proto": "https"}
    house = named.client("countenance").get_caller_identity()["AccountId"]
    ada = Browser(named.endpoint, headers=headers, device=Authenticator(origin))
    code = invite(named, house, "Ada", "auditor")
    page = taken_up(ada, code)
    assert page.status == 303, page.text
    assert "Secure" in page.headers["set-cookie"]
    [key] = ada.device.keys.values()
    assert key.place == "countenance.example"
    assert signed_in(Browser(named.endpoint, headers=headers, device=ada.device)).status == 303
    for host, scheme in (("evil.example", "https"), ("localhost", "http"), ("countenance.example", "http")):
        there = Browser(named.endpoint, headers={"host": host, "x-forwarded-proto": scheme})
        page = there.get("/console/sign-in")
        assert "data-options" not in page.body
        assert (f"Passkeys work at {origin}/console alone" in page.text) == ("<form" in page.body)
