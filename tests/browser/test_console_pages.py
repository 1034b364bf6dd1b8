"""The console in a real browser (Debian's chromium): accessibility by axe-core, the proof, the keyboard.

Skipped where there is no chromium. With COUNTENANCE_TEST_PICTURES=folder, pictures of every page lie there.
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

from console_visitor import PASSWORD, make_member, planted_trial

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.xdist_group("server"),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium"),
]
PAGES = (
    "",
    "/collections",
    "/keys",
    "/people",
    "/policy",
    "/policy/explain",
    "/evaluations",
    "/standing",
    "/log",
    "/try",
)
OUTSIDE = ("/sign-in", "/invitation")
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
SIZES = {"wide": (1280, 900), "phone": (390, 844)}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )


@pytest.fixture(scope="module")
def cookie(service) -> str:
    """Of somebody with every role, so that every page is theirs."""
    house = service.client("countenance").get_caller_identity()["AccountId"]
    name = f"Olga {uuid.uuid4().hex[:6]}"
    roles = ("administrator", "auditor", "developer", "examiner", "officer")
    number = make_member(service, house, name, *roles).signed_in(service.endpoint).cookie
    assert number
    return number


@pytest.fixture(params=[(size, scheme) for size in SIZES for scheme in ("light", "dark")], ids="-".join)
def tab(request, browser, service, cookie) -> Iterator[Any]:
    """A tab of that size and colour scheme, signed in; whatever its console says fails the test."""
    size, scheme = request.param
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    context.add_cookies([{"name": "countenance-console", "value": cookie, "url": service.endpoint}])
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.label = f"{size}-{scheme}"
    yield page
    context.close()
    assert errors == []


def look(page: Any, name: str) -> None:
    """Keep a picture, and let axe-core look."""
    if folder := os.environ.get("COUNTENANCE_TEST_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name or 'overview'}-{page.label}.png", full_page=True)
    found = Axe().run(page, options=WCAG)
    assert found.violations_count == 0, found.generate_report()
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{name} is wider than its window"


def test_no_page_has_a_barrier(tab, service, rekognition, collection):
    """WCAG 2.2 AA as far as a program sees, on a desk and a phone, light and dark; none scrolls sideways."""
    for name in (*PAGES, f"/collections/{collection}"):
        assert tab.goto(f"{service.endpoint}/console{name}").status == 200
        look(tab, name.strip("/").replace("/", "-").replace(collection, "one"))
    tab.context.clear_cookies()
    for name in OUTSIDE:
        tab.goto(f"{service.endpoint}/console{name}")
        look(tab, name.strip("/"))


@pytest.fixture
def page(browser, service, cookie) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_cookies([{"name": "countenance-console", "value": cookie, "url": service.endpoint}])
    page = context.new_page()
    page.label = "walk"
    yield page
    context.close()


def test_an_entrys_proof_is_checked_in_the_browser_and_a_changed_entry_is_found(page, service):
    """The page's own script computes the root; it does not take the server's word."""
    page.goto(f"{service.endpoint}/console/log")
    page.locator("td a", has_text="check entry").last.click()
    verdict = page.locator("#verdict.holds")
    verdict.wait_for()
    assert "the entry is in the tree" in verdict.inner_text()
    look(page, "proof")
    changed = page.content().replace(
        "&quot;outcome&quot;:&quot;answered", "&quot;outcome&quot;:&quot;refused"
    )

    page.route("**/console/log/*", lambda route: route.fulfill(body=changed, content_type="text/html"))
    page.reload()
    page.locator("#verdict.fails").wait_for()
    assert "does NOT hold" in page.locator("#verdict").inner_text()


def test_a_photo_is_dropped_and_the_answer_drawn(page, service, portraits):
    photo = next(iter(portraits.known.values()))[0]
    page.goto(f"{service.endpoint}/console/try")
    page.set_input_files("#photo", str(photo))
    page.locator("#try > button").click()
    page.locator("figure svg rect").first.wait_for()
    assert "client.detect_faces(" in page.locator("#code").inner_text()
    look(page, "tried")


def test_an_examiner_compares_with_tools_and_a_draft_survives_a_reload(tab, service, portraits):
    """Zoom, overlay, flicker and lines; in every size and scheme, as it is the page that matters most."""
    house = service.client("countenance").get_caller_identity()["AccountId"]
    # Of somebody who is nothing but an examiner: whoever could tell a trial is given none.
    number = make_member(service, house, f"Erin {uuid.uuid4().hex[:6]}", "examiner").signed_in(
        service.endpoint
    )
    tab.context.add_cookies(
        [{"name": "countenance-console", "value": number.cookie, "url": service.endpoint}]
    )
    with planted_trial(service, house, portraits) as (review, _, _):
        tab.goto(f"{service.endpoint}/console/reviews")
        tab.get_by_role("button", name=f"Begin with {review[:8]}").click()
        tab.wait_for_url(f"**/console/reviews/{review}")
        for part in tab.locator("details").all():
            part.locator("summary").click()
        assert tab.locator("[data-pair]").count() == 2  # aligned, and as taken
        look(tab, "examination")
        tab.locator("input[value=against]").check()
        tab.locator("select").first.select_option("different")
        tab.fill("#note", "the ears")
        tab.reload()
        assert tab.locator("input[value=against]").is_checked()
        assert (tab.locator("select").first.input_value(), tab.input_value("#note")) == (
            "different",
            "the ears",
        )
        tab.locator("[data-zoom]").fill("3")
        crop = tab.locator(".crop img").first.bounding_box()
        assert crop["width"] > 2.5 * tab.locator(".crop").first.bounding_box()["width"]
        tab.locator("[data-zoom]").fill("1")
        for tool in ("swap", "grid", "flicker"):
            tab.locator(f"[data-{tool}]").click()
            assert tab.locator(f"[data-{tool}]").get_attribute("aria-pressed") == "true"
        look(tab, "examination-tools")
        over = [image.bounding_box() for image in tab.locator("[data-pair]").first.locator("img").all()]
        assert over[0] == over[1]  # the eyes of the one lie on the eyes of the other
        tab.locator("[data-flicker]").click()
        tab.wait_for_timeout(6_000)  # of looking, by the server's clock
        assert tab.locator("#wait").inner_text() == ""
        tab.get_by_role("button", name="Submit the examination").click()
        tab.wait_for_url("**/console/reviews?told=*")
        assert review[:8] not in tab.locator("main").inner_text()


def test_the_console_is_walked_by_keys_alone(page, service):
    """The first stop leads past the menu, and each stop can be seen."""
    page.goto(f"{service.endpoint}/console")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main"
    page.goto(f"{service.endpoint}/console/people")
    stops = []
    for _ in range(40):
        page.keyboard.press("Tab")
        stop = page.evaluate("document.activeElement.outerHTML.slice(0, 60)")
        if stop.startswith("<body"):
            break  # past the last one
        stops.append(stop)
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", stops[-1]
    assert any('name="name"' in stop or 'id="name"' in stop for stop in stops), stops


def test_a_page_in_a_frame_of_another_site_stays_empty(browser, service, cookie, tmp_path):
    """Clickjacking: neither the header nor the cookie lets it."""
    (tmp_path / "evil.html").write_text(f'<iframe src="{service.endpoint}/console/people"></iframe>', "utf-8")
    context = browser.new_context()
    context.add_cookies([{"name": "countenance-console", "value": cookie, "url": service.endpoint}])
    page = context.new_page()
    page.goto(f"file://{tmp_path}/evil.html")
    page.wait_for_timeout(500)
    assert all("Operators" not in frame.content() for frame in page.frames)
    context.close()


def test_signing_in_by_hand(browser, service):
    """With what a person has: account, name, password and the code of a device."""
    house = service.client("countenance").get_caller_identity()["AccountId"]
    member = make_member(service, house, f"Hand {uuid.uuid4().hex[:6]}", "auditor")
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{service.endpoint}/console/policy")
    assert page.url.endswith("/console/sign-in")
    page.fill("#account", house)
    page.fill("#name", member.name)
    page.fill("#password", PASSWORD)
    page.fill("#code", member.device.code())
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/console")
    assert page.get_by_role("navigation").get_by_text("Try it").count() == 0
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/console/sign-in")
    context.close()
