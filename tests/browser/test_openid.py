"""Sign-in with a real OpenID provider (npm's oidc-provider), in a real browser.

Skipped where there is no node, no provider (`npm ci --prefix tests/openid`) or no chromium.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from console_visitor import Visitor
from countenance.accounts import Actor
from countenance.cli.installation import open_store
from countenance.cli.server_process import running_server
from countenance.settings import Settings
from fixtures_server import Service, server_settings
from fixtures_store import fresh_database
from governed import open_governance

CHROMIUM, NODE = shutil.which("chromium"), shutil.which("node")
PROVIDER = Path(__file__).parent.parent / "openid"
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium"),
    pytest.mark.skipif(
        NODE is None or not (PROVIDER / "node_modules" / "oidc-provider").is_dir(),
        reason="no OpenID provider",
    ),
]
SECRET = "the secret of the console at the provider"


@dataclass(frozen=True)
class Place:
    service: Service
    house: str

    def invite(self, name: str) -> str:
        """Somebody new, with an invitation."""
        where = {"database_url": self.service.database_options[1]} if self.service.database_options else {}
        settings = Settings.from_env({}, data_dir=self.service.data_dir, **where)
        with open_store(settings) as (database, keys):
            operators = open_governance(database, keys).operators
            operators.put(self.house, name, ["auditor"], actor=Actor("test"))
            return operators.invite(self.house, name, actor=Actor("test")).code


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Iterator[Place]:
    """A server, and a provider that knows it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    issuer = f"http://127.0.0.1:{port}"
    data_dir, settings = tmp_path_factory.mktemp("server") / "data", server_settings()
    options = ["--oidc-issuer", issuer, "--oidc-client-id", "console", "--oidc-client-secret", SECRET]
    with ExitStack() as stack:
        where: tuple[str, ...] = ()
        if given := os.environ.get("COUNTENANCE_TEST_DATABASE_URL", ""):
            where = ("--database-url", stack.enter_context(fresh_database(given)))
        running = stack.enter_context(
            running_server(data_dir, settings, accept_terms="Test, suite", options=[*options, *where])
        )
        service = Service(running, data_dir, settings, where)
        assert NODE
        back_to = f"{service.endpoint}/console/openid/back"
        words = [NODE, "provider.mjs", str(port), "console", SECRET, back_to]
        provider = subprocess.Popen(words, cwd=PROVIDER, stdout=subprocess.PIPE, text=True)
        stack.callback(provider.wait)
        stack.callback(provider.kill)
        assert provider.stdout
        assert provider.stdout.readline().strip() == "ready"
        yield Place(service, service.client("countenance").get_caller_identity()["AccountId"])
        provider.stdout.close()


@pytest.fixture
def tab() -> Iterator[Any]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser.new_context().new_page()
        browser.close()


def say_who(tab: Any, name: str) -> None:
    """At the provider's own pages: who one is, and that this server may know it."""
    tab.wait_for_selector("input[name=login]")
    tab.fill("input[name=login]", name)
    tab.fill("input[name=password]", "any")
    tab.locator("button[type=submit]").click()
    tab.locator("button[type=submit]", has_text="Continue").click()


def test_an_invitation_is_taken_up_with_the_organisations_account_and_then_signed_in_with(place, tab):
    """From the invitation's code to the console, out, and in again without any password of ours."""
    tab.goto(f"{place.service.endpoint}/console/invitation")
    tab.fill("#code", place.invite("Ada"))
    tab.get_by_role("button", name="Go on").click()
    tab.get_by_role("button", name="Sign in with my organisation's account").click()
    say_who(tab, "ada@example.org")
    tab.wait_for_url("**/console")
    assert "Ada, auditor" in tab.locator("header").inner_text()
    tab.get_by_role("button", name="Sign out").click()
    tab.wait_for_url("**/console/sign-in")
    tab.get_by_role("link", name="Sign in with your organisation's account").click()
    tab.wait_for_url("**/console")
    assert "Ada, auditor" in tab.locator("header").inner_text()


def test_an_account_that_is_nobodys_here_does_not_come_in(place, tab):
    """Having an account at the provider is not being an operator."""
    tab.goto(f"{place.service.endpoint}/console/sign-in")
    tab.get_by_role("link", name="Sign in with your organisation's account").click()
    say_who(tab, "mallory@example.org")
    tab.wait_for_url("**/console/openid/back*")
    assert "nobody's here" in tab.locator("main").inner_text()
    tab.goto(f"{place.service.endpoint}/console")
    assert tab.url.endswith("/console/sign-in")


def test_an_answer_to_another_browsers_attempt_signs_nobody_in(place):
    """Login CSRF: whoever is made to follow somebody else's answer stays who they are."""
    visitor = Visitor(place.service.endpoint)
    begun = visitor.get("/console/openid")
    assert begun.status == 303
    kept = begun.headers["set-cookie"].partition(";")[0]
    for path, cookie in (
        ("/console/openid/back?code=x&state=another", kept),
        ("/console/openid/back?code=x&state=", kept),
        ("/console/openid/back?code=x", ""),
        ("/console/openid/back?code=x&state=y", "countenance-openid=forged.mark"),
    ):
        page = visitor.get(path, cookie=cookie)
        assert (page.status, "countenance-console" in page.headers.get("set-cookie", "")) == (400, False), (
            path
        )
    assert "HttpOnly" in begun.headers["set-cookie"]
