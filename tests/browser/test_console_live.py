"""The overview that keeps itself up to date, and pages of people who answer for others, in a real browser."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from console_visitor import make_member, make_officer, planted_trial
from seen_pages import CHROMIUM, VARIANTS, look, opened_tab

pytestmark = [
    pytest.mark.xdist_group("server"),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium"),
]
A_WHILE = "01:01"
"""Longer than the page waits until it looks again."""

GREW = r"""before => {
  const now = document.querySelector('[data-part=log] strong').textContent;
  return Number(now.replace(/\s/g, '')) > before;
}"""


@pytest.fixture(scope="module")
def cookie(service, house) -> dict[str, str]:
    name = f"Livia {uuid.uuid4().hex[:6]}"
    make_officer(service, house, name)
    number = make_member(service, house, name, "administrator", "officer").signed_in(service.endpoint).cookie
    return {"name": "countenance-console", "value": number, "url": service.endpoint}


@pytest.fixture(params=VARIANTS, ids="-".join)
def tab(request, browser, cookie) -> Iterator[Any]:
    with opened_tab(browser, *request.param, cookie) as page:
        yield page


@pytest.fixture
def overview(browser, service, cookie) -> Iterator[tuple[Any, list[Any]]]:
    """The overview under a clock that the test moves, and the times that it has looked again."""
    context = browser.new_context()
    context.add_cookies([cookie])
    page = context.new_page()
    page.clock.install()
    page.goto(f"{service.endpoint}/console")
    looks: list[Any] = []
    page.on("request", lambda asked: looks.append(asked) if asked.resource_type == "fetch" else None)
    yield page, looks
    context.close()


def count(page: Any) -> int:
    return int(page.locator("[data-part=log] strong").inner_text().replace(" ", ""))


def test_figures_come_by_themselves_and_take_nothing_from_anybody(overview):
    """Focus, an opened table and the voice of a screen reader stay whose they are."""
    page, looks = overview
    before = count(page)
    page.get_by_role("link", name="read why").focus()
    page.locator("[data-part=plot] summary").first.click()
    page.get_by_role("link", name="read why").focus()
    for _ in range(10):  # the calls of the page itself are in the log within a second or so
        page.clock.fast_forward(A_WHILE)
        page.wait_for_timeout(3_000)  # after ten minutes it asks no more
        if page.evaluate(GREW, before):
            break
    assert page.evaluate(GREW, before)
    assert looks[0].headers["x-countenance-refresh"] == "quick"
    assert page.evaluate("document.activeElement.textContent") == "read why"
    assert page.locator("[data-part=plot] details").first.evaluate("each => each.open")
    assert page.locator("#said").inner_text() == ""
    assert page.locator("[aria-live]").count() == 0
    assert page.locator("[data-part=standing]").count() == 1  # what was not looked at stays


def test_it_stops_while_nobody_looks(overview):
    """A tab behind others asks nothing: each look is calls on record."""
    page, looks = overview
    page.evaluate("Object.defineProperty(document, 'hidden', { get: () => true, configurable: true })")
    for _ in range(5):
        page.clock.run_for(61_000)
    assert looks == []
    page.evaluate("delete document.hidden")
    with page.expect_request(lambda asked: asked.resource_type == "fetch"):
        page.clock.run_for(61_000)


@pytest.mark.parametrize("status", [303, 400, 500])
def test_it_says_that_it_is_not_up_to_date_and_soon_asks_no_more(overview, status):
    """Signed out, put off, or broken three times: an old figure must not pass for one of now."""
    page, looks = overview
    if status == 303:
        page.context.clear_cookies()
    else:
        page.route("**/console", lambda route: route.fulfill(status=status, body="no"))
    page.clock.fast_forward(A_WHILE)
    said = "you are signed out" if status == 303 else f"the server answered {status}"
    page.locator("#said", has_text=said).wait_for()
    for _ in range(6):
        page.clock.run_for(61_000)
        page.wait_for_timeout(300)
    assert len([each for each in looks if each.url.endswith("/console")]) == (1 if status == 303 else 3)


def test_a_server_that_starts_anew_is_asked_again(overview):
    page, looks = overview
    page.route("**/console", lambda route: route.abort())
    page.clock.fast_forward(A_WHILE)
    page.locator("#said", has_text="Not up to date").wait_for()
    page.unroute("**/console")
    page.clock.fast_forward(A_WHILE)
    page.wait_for_function("() => document.getElementById('said').textContent === ''")
    assert len(looks) == 2


def test_a_part_that_went_away_goes_with_the_next_whole_look(overview):
    """A tile that the server shows no more is no figure of now."""
    page, _ = overview
    page.evaluate("""() => document.querySelector(".tiles").insertAdjacentHTML(
      "beforeend", '<div class="tile" data-part="of-before">of before</div>')""")
    for number in range(1, 5):
        with page.expect_response(lambda answer: answer.request.resource_type == "fetch") as answer:
            page.clock.run_for(61_000)
        answer.value.finished()
        page.wait_for_timeout(300)  # and shown: then its next look is due in a minute
        if number < 4:
            assert page.locator("[data-part=of-before]").count() == 1
    page.wait_for_function("() => document.querySelector('[data-part=of-before]') === null")
    assert page.locator("[data-part=standing]").count() == 1


def test_trials_and_requests_have_no_barrier(tab, service, house, portraits):
    """With faces to choose from, one of each thing that may be decided, and a code that is shown."""
    with planted_trial(service, house, portraits) as (_, (name, probe, other), client):
        tab.goto(f"{service.endpoint}/console/examiners?collection={name}")
        look(tab, "examiners-one")
        tab.get_by_label(f"Search for face {probe[:8]}").check()
        tab.get_by_label(f"Face {other[:8]} is").select_option("the same person")
        tab.get_by_role("button", name="Plant the trial").click()
        tab.locator("main > .done").wait_for()
        numbers = {
            kind: client.open_subject_request(
                Kind=kind, CollectionId=name, FaceIds=[face], Attestation="passport seen"
            )["Request"]["RequestId"]
            for kind, face in (("access", probe), ("objection", other))
        }
        tab.goto(f"{service.endpoint}/console/requests")
        look(tab, "requests-waiting")
        tab.fill("#code", "4K7M-AAAA")
        tab.reload()
        assert tab.input_value("#code") == ""  # no code is kept, not even in the tab
        tab.fill("#code-collection", name)
        tab.fill("#code-faces", probe)
        tab.get_by_role("button", name="Make a code").click()
        tab.get_by_role("heading", name="The code: shown this once").wait_for()
        look(tab, "requests-code")
        tab.goto(f"{service.endpoint}/console/requests/{numbers['objection']}")
        look(tab, "request-objection")
        tab.goto(f"{service.endpoint}/console/requests/{numbers['access']}")
        tab.get_by_role("button", name="Make the report").click()
        tab.get_by_label("The report").wait_for()
        look(tab, "request-report")
        client.decide_subject_request(RequestId=numbers["objection"], Decision="grant", Reason="as asked")
        tab.goto(f"{service.endpoint}/console/requests/{numbers['objection']}")
        tab.get_by_role("button", name="Look for what was erased").click()
        tab.locator("section.says").wait_for()
        look(tab, "request-erased")
