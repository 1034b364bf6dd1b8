"""Signing in with a provider's account, without a browser: which sessions there are afterwards."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

import pytest

from console_visitor import Visitor
from countenance.accounts import Actor
from countenance.cli.installation import open_store
from countenance.cli.server_process import running_server
from countenance.settings import Settings
from fixtures_server import Service, server_settings
from fixtures_store import fresh_database
from governed import open_governance
from openid_provider import CLIENT, SECRET, Provider

pytestmark = pytest.mark.xdist_group("server")
SAME = {"sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded"}


@dataclass
class Jar:
    """A browser that keeps every cookie, as `Visitor` keeps one."""

    endpoint: str
    cookies: dict[str, str] = field(default_factory=dict)
    page: str = ""
    sent: str = ""

    @property
    def goes_to(self) -> list[str]:
        """Where the last page sends the browser by itself."""
        return re.findall(r'http-equiv="refresh" content="0; url=([^"]*)"', self.page)

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> tuple[int, str]:
        """The status, and where it leads."""
        connection = http.client.HTTPConnection(urlsplit(self.endpoint).netloc, timeout=60)
        sent = headers | {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        try:
            connection.request(method, path, body or None, sent)
            answer = connection.getresponse()
            self.page = answer.read().decode()
            for name, value in answer.getheaders():
                if name.lower() == "set-cookie":
                    pair, *_ = value.split(";")
                    self.cookies[pair.partition("=")[0]] = pair.partition("=")[2]
            return answer.status, answer.getheader("location", "")
        finally:
            connection.close()

    def through(
        self, provider: Provider, *, to: str | None = None, more: dict[str, str] | None = None
    ) -> int:
        """To the provider and back; on the way back a browser leaves out what is ours alone.

        `to`: the page that was wanted; `more`: what the provider adds to its answer.
        """
        asks = "" if to is None else f"?{urlencode({'to': to})}"
        status, where = self.ask("GET", f"/console/openid{asks}")
        assert status == 303, where
        asked = {name: values[0] for name, values in parse_qs(urlsplit(where).query).items()}
        provider.answers["/token"] = {"id_token": provider.token(asked["nonce"])}
        kept = self.cookies.pop("countenance-console", None)
        self.sent = where
        back = urlencode({"code": "x", "state": asked["state"]} | (more or {}))
        status, _ = self.ask("GET", f"/console/openid/back?{back}")
        if kept is not None:
            self.cookies.setdefault("countenance-console", kept)
        return status


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    made = Provider()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(scope="module")
def place(tmp_path_factory, provider) -> Iterator[Service]:
    data_dir, settings = tmp_path_factory.mktemp("openid") / "data", server_settings()
    options = ["--oidc-issuer", provider.issuer, "--oidc-client-id", CLIENT, "--oidc-client-secret", SECRET]
    with ExitStack() as stack:
        where: tuple[str, ...] = ()
        if given := os.environ.get("COUNTENANCE_TEST_DATABASE_URL", ""):
            where = ("--database-url", stack.enter_context(fresh_database(given)))
        running = stack.enter_context(
            running_server(data_dir, settings, accept_terms="Test, suite", options=[*options, *where])
        )
        yield Service(running, data_dir, settings, where)


def invited(service: Service, name: str) -> str:
    house = service.client("countenance").get_caller_identity()["AccountId"]
    where = {"database_url": service.database_options[1]} if service.database_options else {}
    with open_store(Settings.from_env({}, data_dir=service.data_dir, **where)) as (database, keys):
        operators = open_governance(database, keys).operators
        operators.put(house, name, ["auditor"], actor=Actor("test"))
        return operators.invite(house, name, actor=Actor("test")).code


def test_signing_in_again_with_the_provider_ends_the_session_that_the_browser_had(place, provider):
    """Its cookie does not come along on the way back, so the attempt carries what is needed to end it."""
    jar = Jar(place.endpoint)
    code = invited(place, f"Ada {uuid.uuid4().hex[:6]}")
    status, _ = jar.ask("POST", "/console/invitation", urlencode({"code": code, "do": "link"}), **SAME)
    assert status == 200
    assert jar.through(provider) == 200
    older = Visitor(place.endpoint, cookie=jar.cookies["countenance-console"])
    assert older.get("/console").status == 200
    assert jar.through(provider) == 200
    newer = Visitor(place.endpoint, cookie=jar.cookies["countenance-console"])
    assert newer.cookie != older.cookie
    assert newer.get("/console").status == 200
    assert older.get("/console").status == 303
    provider.claims["sub"] = "somebody else"
    try:
        assert jar.through(provider) == 403
    finally:
        provider.claims.clear()
    assert newer.get("/console").status == 200, "only who gets in ends it"


@pytest.fixture(scope="module")
def linked(place, provider) -> Jar:
    """A browser of somebody whose account at the provider is bound."""
    jar = Jar(place.endpoint)
    code = invited(place, f"Grace {uuid.uuid4().hex[:6]}")
    provider.claims["sub"] = "grace"
    jar.ask("POST", "/console/invitation", urlencode({"code": code, "do": "link"}), **SAME)
    assert jar.through(provider) == 200
    assert jar.goes_to == ["/console"], "who takes up an invitation came from no page"
    return jar


@pytest.mark.parametrize(
    "to",
    ["/console/policy", "/console/log", "/console/collections/a%20b%2Fc", "passkeys"],
)
def test_one_lands_on_the_page_that_one_came_from(linked, provider, to):
    """A session that ended in the middle of something leads back to it, whichever way one signs in."""
    assert linked.ask("GET", f"/console/sign-in?{urlencode({'to': to})}")[0] == 200
    assert f'href="/console/openid?to={quote(to)}"' in linked.page
    assert linked.through(provider, to=to) == 200
    assert linked.goes_to == [{"passkeys": "/console/passkeys"}.get(to, to)]
    assert to.strip("/") not in unquote(linked.sent).replace("/console/openid/back", ""), (
        "the provider learns it"
    )


@pytest.mark.parametrize(
    "to",
    [
        *("//evil.example", "/\\evil.example", "https://evil.example/console/log", "javascript:alert(1)"),
        *(
            "/console/../x",
            "/console/..",
            "/console/./x",
            "/console/%2e%2e/x",
            "/console/x/.%2E",
            "/consolex",
        ),
        *("/console//evil.example", "/console/\\evil", "/console/x?y=1", "/console/x#y", "/console/x\r\ny"),
        *(
            "%2F%2Fevil.example",
            "/console/x;url=//evil.example",
            "/console/log ",
            "/console/" + "a" * 801,
            "",
        ),
        "/console" + ("/" + "a" * 790) * 5,
    ],
)
def test_nobody_is_sent_elsewhere_after_signing_in(linked, provider, to):
    """An open redirect lends this server's name to whoever wants a password typed."""
    assert linked.through(provider, to=to) == 200
    assert linked.goes_to == ["/console"]


def test_what_the_provider_or_a_link_adds_on_the_way_back_is_not_followed(linked, provider):
    """Where one goes on stands in the attempt, which this browser keeps and nobody else can write."""
    assert linked.through(provider, to="/console/policy", more={"to": "/console/log"}) == 200
    assert linked.goes_to == ["/console/policy"]
    body, _, mark = linked.cookies.get("countenance-openid", "").partition(".")
    assert (body, mark) == ("", ""), "an attempt is over once it was answered"
    assert linked.ask("GET", "/console/openid?to=/console/policy")[0] == 303
    body, _, mark = linked.cookies["countenance-openid"].partition(".")
    told = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    forged = (
        base64.urlsafe_b64encode(json.dumps(told | {"to": "//evil.example"}).encode()).decode().rstrip("=")
    )
    linked.cookies["countenance-openid"] = f"{forged}.{mark}"
    status, _ = linked.ask("GET", f"/console/openid/back?{urlencode({'code': 'x', 'state': told['state']})}")
    assert (status, linked.goes_to) == (400, [])


def test_a_sign_in_that_failed_does_not_forget_where_to(linked, provider):
    provider.claims["sub"] = "nobody here"
    try:
        assert linked.through(provider, to="/console/policy", more={"to": "/console/log"}) == 403
    finally:
        provider.claims["sub"] = "grace"
    assert 'href="/console/openid?to=/console/policy"' in linked.page
