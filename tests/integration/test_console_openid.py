"""Signing in with a provider's account, without a browser: which sessions there are afterwards."""

from __future__ import annotations

import http.client
import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

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

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> tuple[int, str]:
        """The status, and where it leads."""
        connection = http.client.HTTPConnection(urlsplit(self.endpoint).netloc, timeout=60)
        sent = headers | {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        try:
            connection.request(method, path, body or None, sent)
            answer = connection.getresponse()
            answer.read()
            for name, value in answer.getheaders():
                if name.lower() == "set-cookie":
                    pair, *_ = value.split(";")
                    self.cookies[pair.partition("=")[0]] = pair.partition("=")[2]
            return answer.status, answer.getheader("location", "")
        finally:
            connection.close()

    def through(self, provider: Provider) -> int:
        """To the provider and back; on the way back a browser leaves out what is ours alone."""
        status, where = self.ask("GET", "/console/openid")
        assert status == 303, where
        asked = {name: values[0] for name, values in parse_qs(urlsplit(where).query).items()}
        provider.answers["/token"] = {"id_token": provider.token(asked["nonce"])}
        kept = self.cookies.pop("countenance-console", None)
        back = urlencode({"code": "x", "state": asked["state"]})
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
