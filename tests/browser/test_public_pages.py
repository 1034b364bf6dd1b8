"""The pages for people and for the public, and the papers, in a real browser (Debian's chromium).

axe-core, the keyboard, a desk and a phone, light and dark.

Skipped where there is no chromium. With COUNTENANCE_TEST_PICTURES=folder, pictures of every page lie there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from seen_pages import CHROMIUM, VARIANTS, look, opened_tab

pytestmark = [
    pytest.mark.xdist_group("server"),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium"),
]
PAPERS = ("dpia", "art30", "accountability")


@pytest.fixture(params=VARIANTS, ids="-".join)
def tab(request, browser) -> Iterator[Any]:
    with opened_tab(browser, *request.param) as page:
        yield page


@pytest.fixture(scope="module")
def cli(service):
    """Run `countenance` beside the server."""
    where = ["--data-dir", str(service.data_dir), *service.database_options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COUNTENANCE_")}

    def cli(*words):
        command = [sys.executable, "-m", "countenance.cli", *map(str, words), *where]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return cli


@pytest.fixture
def enrolled(rekognition, collection, portraits):
    photo = {"Bytes": next(iter(portraits.known.values()))[0].read_bytes()}
    told = rekognition.index_faces(CollectionId=collection, Image=photo)
    return told["FaceRecords"][0]["Face"]["FaceId"]


@pytest.fixture
def code(service, collection, enrolled):
    ours = service.client("countenance")
    return ours.issue_enrolment_code(CollectionId=collection, FaceIds=[enrolled])["Code"]


def test_the_way_of_a_person_has_no_barrier(tab, service, code):
    """Every page from the code to the proof of the erasure."""
    ours = service.client("countenance")
    tab.goto(f"{service.endpoint}/people")
    look(tab, "people-code")
    tab.fill("#code", code)
    tab.get_by_role("button", name="Go on").click()
    tab.get_by_role("heading", name="Your requests").wait_for()
    look(tab, "people-nothing-yet")
    for kind in ("access", "erasure", "objection"):
        tab.check(f"#kind-{kind}")
        tab.get_by_role("button", name="Ask", exact=True).click()
        assert tab.get_by_role("status").inner_text().startswith("Your request is open")
    for each in ours.list_subject_requests(Code=code)["Requests"]:
        settled = {"erasure": ("grant", "as asked"), "objection": ("refuse", "it is all erased already")}
        if each["Kind"] in settled:
            decision, reason = settled[each["Kind"]]
            ours.decide_subject_request(RequestId=each["RequestId"], Decision=decision, Reason=reason)
    tab.goto(f"{service.endpoint}/people")
    tab.fill("#code", code)
    tab.keyboard.press("Enter")
    tab.get_by_role("heading", name="Your requests").wait_for()
    look(tab, "people-requests")
    tab.get_by_role("button", name="Receipt and proof").click()
    tab.get_by_role("heading", name="Receipt", exact=True).wait_for()
    look(tab, "people-proof")
    assert "nothing of your faces was found" in tab.locator("main").inner_text()
    tab.get_by_role("button", name="Back to your requests").click()
    tab.get_by_role("button", name="Read what is held").click()
    tab.get_by_role("heading", name="What is held about you").wait_for()
    look(tab, "people-report")


def test_what_was_mistyped_is_said_where_it_was_typed(browser, service):
    """400 is an answer that a browser shows; the field is there again, and the code is not."""
    page = browser.new_context().new_page()
    page.goto(f"{service.endpoint}/people")
    page.fill("#code", "4K7M-1234")
    page.keyboard.press("Enter")
    assert "mistyped" in page.get_by_role("alert").inner_text()
    assert page.input_value("#code") == ""
    page.label = "wide-light"
    look(page, "people-mistyped")
    page.context.close()


def test_a_person_gets_through_by_keys_alone(browser, service, code):
    """Each stop can be seen, and a request is opened without a mouse."""
    page = browser.new_context().new_page()
    page.goto(f"{service.endpoint}/people")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "code"
    page.keyboard.type(code)
    page.keyboard.press("Enter")
    page.locator("fieldset").wait_for()
    for _ in range(20):
        page.keyboard.press("Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        if page.evaluate("document.activeElement.name") == "kind":
            break
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.get_by_role("status").inner_text().startswith("Your request is open")
    page.context.close()


@pytest.fixture(scope="module")
def papers(cli, tmp_path_factory) -> Path:
    """A published report of last month, and a draft of each paper."""
    end = datetime.now(UTC).replace(day=1)
    start = (end - timedelta(days=1)).replace(day=1)
    folder = tmp_path_factory.mktemp("papers")
    period = ("--from", f"{start:%Y-%m-%d}", "--to", f"{end:%Y-%m-%d}")
    evaluation = Path(__file__).resolve().parents[2] / "docs/models/open.evaluation.json"
    cli("report", "transparency", "--server", *period, "--evaluation", evaluation, "--publish", "-o", folder)
    for name in PAPERS:
        cli("report", name, "-o", folder / name)
    yield folder
    cli("report", "withdraw", f"{start:%Y-%m-%d}")


def test_the_publics_pages_and_the_papers_have_no_barrier(tab, service, papers):
    tab.goto(f"{service.endpoint}/transparency")
    look(tab, "transparency")
    # It is sandboxed where it is served, and axe-core is a script: the same page is looked at as a file.
    tab.get_by_role("link", name="Read the whole report").click()
    tab.wait_for_url("**/transparency/2*")
    for paper in sorted(papers.glob("**/*.html")):
        tab.goto(f"file://{paper}")
        look(tab, f"paper-{paper.parent.name}-{paper.stem}")


def test_the_publics_page_is_walked_by_keys_alone(browser, service, papers):
    """Every link and table that scrolls is a stop, and each can be seen."""
    page = browser.new_context().new_page()
    page.goto(f"{service.endpoint}/transparency")
    stops = []
    for _ in range(40):
        page.keyboard.press("Tab")
        stop = page.evaluate("document.activeElement.outerHTML.slice(0, 90)")
        if stop.startswith("<body"):
            break
        stops.append(stop)
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none", stop
    for wanted in ("report.json", "checkpoint", "<pre", "Reports"):
        assert any(wanted in stop for stop in stops), (wanted, stops)
    page.context.close()


def test_an_address_without_a_report_says_so_without_a_barrier(browser, service):
    """Of a period of which nothing is published."""
    page = browser.new_context().new_page()
    page.label = "none"
    assert page.goto(f"{service.endpoint}/transparency/1999-01-01").status == 404
    assert "no such report" in page.locator("main").inner_text().lower()
    look(page, "transparency-none")
    page.context.close()
