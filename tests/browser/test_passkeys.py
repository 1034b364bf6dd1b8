"""Passkeys in a real browser (Debian's chromium), with its virtual authenticator: invitation to removal.

Skipped where there is no chromium. With COUNTENANCE_TEST_PICTURES=folder, pictures of the pages lie there.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from countenance.accounts import Actor
from countenance.cli.installation import open_store
from countenance.settings import Settings
from governed import open_governance

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.xdist_group("server"),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium"),
]
SIZES = {"wide": (1280, 900, "light"), "phone": (390, 844, "dark")}
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )


@pytest.fixture(params=SIZES)
def tab(request, browser) -> Iterator[Any]:
    """A tab whose console stays silent, and a device with it."""
    width, height, scheme = SIZES[request.param]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if "Content Security" in said.text else None)
    page.label = request.param
    yield page
    context.close()
    assert errors == []


@pytest.fixture
def place(service) -> str:
    """The server by a name: browsers make no passkeys for 127.0.0.1."""
    return service.endpoint.replace("127.0.0.1", "localhost")


class Device:
    """The browser's virtual authenticator."""

    def __init__(self, page: Any) -> None:
        self.cdp = page.context.new_cdp_session(page)
        self.cdp.send("WebAuthn.enable")
        self.number = ""
        self.plug()

    def plug(self, *, verifies: bool = True) -> None:
        """Another device, which knows no passkey yet."""
        if self.number:
            self.cdp.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": self.number})
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": verifies,
            "automaticPresenceSimulation": True,
        }
        told = self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        self.number = told["authenticatorId"]

    def credentials(self) -> list[Any]:
        told = self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.number})
        return list(told["credentials"])


def invite(service, name: str, *roles: str) -> str:
    house = service.client("countenance").get_caller_identity()["AccountId"]
    where = {"database_url": service.database_options[1]} if service.database_options else {}
    with open_store(Settings.from_env({}, data_dir=service.data_dir, **where)) as (database, keys):
        operators = open_governance(database, keys).operators
        operators.put(house, name, roles, actor=Actor("test"))
        return operators.invite(house, name, actor=Actor("test")).code


def look(page: Any, name: str) -> None:
    """Keep a picture, and let axe-core look."""
    if folder := os.environ.get("COUNTENANCE_TEST_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}-{page.label}.png", full_page=True)
    found = Axe().run(page, options=WCAG)
    assert found.violations_count == 0, found.generate_report()
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{name} is wider than its window"


def take_up(page: Any, place: str, code: str, name: str) -> None:
    page.goto(f"{place}/console/invitation")
    page.fill("#code", code)
    page.get_by_role("button", name="Go on").click()
    page.fill("#passkey_name", name)
    look(page, "invitation-passkey")
    page.get_by_role("button", name="Make a passkey").click()
    page.wait_for_url("**/console")


def test_from_invitation_to_the_removal_of_the_first_passkey(tab, service, place):
    """Invited, in, out, in by one button; a second device, and the first is taken no more."""
    device = Device(tab)
    name = f"Ada {uuid.uuid4().hex[:6]}"
    take_up(tab, place, invite(service, name, "auditor"), "the laptop")
    assert name in tab.locator("header").inner_text()
    assert len(device.credentials()) == 1
    tab.get_by_role("button", name="Sign out").click()
    tab.wait_for_url("**/console/sign-in")
    look(tab, "sign-in-passkey")
    tab.get_by_role("button", name="Sign in with a passkey").click()
    tab.wait_for_url("**/console")
    assert name in tab.locator("header").inner_text()
    tab.goto(f"{place}/console/passkeys")
    device.plug()
    tab.fill("#passkey_name", "the key ring")
    tab.get_by_role("button", name="Add a passkey").click()
    tab.locator("h2 bdi", has_text="the key ring").wait_for()
    assert "It is added" in tab.locator("main").inner_text()
    look(tab, "passkeys")
    tab.get_by_role("button", name="Remove the laptop").click()
    tab.locator("p.done", has_text="It is removed").wait_for()
    assert tab.locator("h2 bdi").all_inner_texts() == ["the key ring"]
    tab.get_by_role("button", name="Remove the key ring").click()
    tab.locator("#wrong").wait_for()
    assert "last way to sign in" in tab.locator("#wrong").inner_text()
    tab.get_by_role("button", name="Sign out").click()
    tab.wait_for_url("**/console/sign-in")
    tab.get_by_role("button", name="Sign in with a passkey").click()
    tab.wait_for_url("**/console")


def test_what_does_not_work_is_said_and_leaves_the_other_ways(tab, service, place):
    """A device without the passkey, one that does not ask who is there, one that has it already."""
    device = Device(tab)
    tab.goto(f"{place}/console/sign-in")
    tab.get_by_role("button", name="Sign in with a passkey").click()
    tab.get_by_text("Nothing was sent").wait_for()
    assert tab.get_by_role("button", name="Sign in with a passkey").is_enabled()
    assert tab.get_by_role("button", name="Sign in", exact=True).is_enabled()
    look(tab, "sign-in-cancelled")
    take_up(tab, place, invite(service, f"Eve {uuid.uuid4().hex[:6]}", "developer"), "first")
    tab.goto(f"{place}/console/passkeys")
    tab.get_by_role("button", name="Add a passkey").click()
    tab.get_by_text("a passkey of yours already").wait_for()
    device.plug(verifies=False)
    tab.get_by_role("button", name="Add a passkey").click()
    tab.get_by_text("Nothing was sent").or_(tab.get_by_text("cannot keep")).wait_for()


def test_by_an_address_of_numbers_there_are_none_and_the_page_says_so(tab, service):
    """And the password is there as ever; and without scripts, too."""
    tab.goto(f"{service.endpoint}/console/sign-in")
    assert "No browser makes passkeys for an address of numbers" in tab.locator("main").inner_text()
    assert tab.locator("form[data-passkey]").count() == 0
    look(tab, "sign-in-by-number")


def test_without_scripts_the_button_is_off_and_says_why(browser, place):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{place}/console/sign-in")
    assert page.get_by_role("button", name="Sign in with a passkey").is_disabled()
    assert "Passkeys need JavaScript" in page.locator("main").inner_text()
    context.close()
