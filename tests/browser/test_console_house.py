"""The house's pages in a real browser: what changes by itself, and with things on them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from console_visitor import make_member, make_officer
from countenance.cli.installation import open_store
from countenance.settings import Settings
from countenance.store.jobs import Jobs, Task
from seen_pages import CHROMIUM, VARIANTS, look, opened_tab

pytestmark = [
    pytest.mark.xdist_group("server"),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium"),
]


@pytest.fixture(scope="module")
def cookie(service, house) -> str:
    name = f"Olga {uuid.uuid4().hex[:6]}"
    make_officer(service, house, name)
    number = make_member(service, house, name, "administrator", "officer").signed_in(service.endpoint).cookie
    assert number
    return number


@pytest.fixture(scope="module")
def store(service) -> Iterator[Any]:
    where = {"database_url": service.database_options[1]} if service.database_options else {}
    with open_store(Settings.from_env({}, data_dir=service.data_dir, **where)) as (database, _):
        yield database


@pytest.fixture
def importing(store, house) -> int:
    """An import's job that waits for a server that is not there, 40 of 100 photos done."""
    import_id = uuid.uuid4()
    with store.transaction() as connection:
        connection.execute(
            "insert into import_run (import_id, account_id, collection, request, state)"
            " values (%s, %s, 'friends', '{}', 'running')",
            (import_id, house),
        )
    task = Task("import", lambda _: None, is_local=True)
    job_id = Jobs(store, server="elsewhere").defer(task, {"import_id": str(import_id)})
    reach(store, job_id, 40)
    return job_id


def reach(store, job_id: int, done: int) -> None:
    with store.transaction() as connection:
        connection.execute(
            "insert into jobs.progress (job_id, done, total, note) values (%s, %s, 100, 'photos')"
            " on conflict (job_id) do update set done = excluded.done",
            (job_id, done),
        )


@pytest.fixture(params=VARIANTS, ids="-".join)
def tab(request, browser, service, cookie) -> Iterator[Any]:
    signed_in = {"name": "countenance-console", "value": cookie, "url": service.endpoint}
    with opened_tab(browser, *request.param, signed_in) as page:
        yield page


def test_a_jobs_progress_comes_by_itself_and_is_said_once(tab, service, store, importing):
    """No reload; in words for whoever listens; and the button keeps the focus that it has."""
    tab.goto(f"{service.endpoint}/console/jobs/{importing}")
    assert "40 of 100 photos" in tab.locator("#live").inner_text()
    look(tab, "job")
    tab.get_by_role("button", name="Cancel job").focus()
    reach(store, importing, 75)
    tab.locator("#live progress[value='75']").wait_for(timeout=15_000)
    assert tab.locator("#said").inner_text() == "The job is waiting, 70 per cent done."
    assert tab.evaluate("document.activeElement.textContent").startswith("Cancel job")
    tab.goto(f"{service.endpoint}/console/jobs")
    look(tab, "jobs")


def test_a_list_that_cannot_be_had_says_so(tab, service, store, importing):
    """Whoever looks must not believe an old figure to be of now."""
    tab.goto(f"{service.endpoint}/console/jobs/{importing}")
    tab.route("**/console/jobs/*", lambda route: route.fulfill(status=200, body="<p>somebody else's page"))
    tab.locator("#said", has_text="Not up to date").wait_for(timeout=15_000)


def test_a_page_that_was_left_asks_no_more(tab, service, importing):
    """A session ends at a desk that nobody sits at, whatever page is open there."""
    tab.clock.install()
    tab.goto(f"{service.endpoint}/console/jobs/{importing}")
    asked = []
    tab.on("request", lambda request: None if "/static/" in request.url else asked.append(request.url))
    tab.clock.fast_forward("11:00")
    tab.locator("#said", has_text="Nobody has touched this page").wait_for()
    tab.clock.fast_forward("30:00")
    assert asked == []


def test_the_office_with_things_to_decide(tab, service):
    """Requests, findings and appeals, each a form of its own with a label of its own."""
    made = service.make_account(f"Asking {uuid.uuid4().hex[:6]}")
    service.client("countenance", **made).request_purpose(
        Purpose="photo-library", Justification="Our album of a hundred years. " * 8
    )
    held = service.make_account(f"Held {uuid.uuid4().hex[:6]}", suspended=True)
    service.client("countenance", **held).submit_appeal(Statement="It was only a test.")
    service.officer().open_finding(AccountId=made["account"], Severity="notice", Summary="a test's finding")
    tab.goto(f"{service.endpoint}/console/office")
    look(tab, "office")
    tab.goto(f"{service.endpoint}/console/office/accounts/{held['account']}")
    look(tab, "account")


def test_a_simulation_with_refusals(tab, service):
    """What a pack would have refused is a table with examples that lead to the log."""
    tab.goto(f"{service.endpoint}/console/policy/simulate")
    tab.get_by_label("us-amazon-guidance").check()
    tab.get_by_role("button", name="Judge them").click()
    tab.get_by_role("heading", name="What came of it").wait_for()
    look(tab, "simulated")
