"""The console's audit log: by time and outcome, and from a refusal to why, over a real socket."""

from __future__ import annotations

import html
import json
import re
import time
import uuid
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from botocore.exceptions import ClientError

from console_visitor import make_member
from logged_calls import await_entry

pytestmark = pytest.mark.xdist_group("server")

LOG_TIMEOUT_S = 30.0
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def house(service):
    return service.client("countenance").get_caller_identity()["AccountId"]


@pytest.fixture(scope="module")
def auditor(service, house):
    member = make_member(service, house, f"Auditor {uuid.uuid4().hex[:6]}", "auditor")
    return member.signed_in(service.endpoint)


@pytest.fixture(scope="module")
def refused(service, house, portraits):
    """The event of a search that an administrator's key was refused, under a checkpoint."""
    key = service.make_operator(house, f"Admin {uuid.uuid4().hex[:6]}", "administrator")
    photo = next(iter(portraits.known.values()))[0].read_bytes()
    with pytest.raises(ClientError) as caught:
        service.client("rekognition", **key).search_faces_by_image(
            CollectionId="anything", Image={"Bytes": photo}, FaceMatchThreshold=91
        )
    event = caught.value.response["ResponseMetadata"]["HTTPHeaders"]["x-countenance-event-id"]
    return await_entry(service.client("countenance"), event)


def asked(page_path="/console/log", **filters):
    return f"{page_path}?{urlencode({name.rstrip('_'): value for name, value in filters.items()})}"


def rows(page):
    """The events that a page lists."""
    return re.findall(r'<a href="/console/log/([0-9a-f-]{36})">check entry', page.body)


def minute(at):
    return f"{at:%Y-%m-%dT%H:%M:%S}"


def test_the_log_is_asked_for_by_time_outcome_and_operation(auditor, refused):
    """Who investigates knows about when it was; links to what is older keep all that was asked for."""
    entry = json.loads(refused["Entry"])
    at = datetime.fromisoformat(entry["time"]).astimezone(UTC).replace(microsecond=0)
    around = {"from_": minute(at), "until": minute(at + timedelta(seconds=2))}
    found = auditor.get(asked(**around, operation="SearchFacesByImage", outcome="refused"))
    assert found.status == 200
    assert refused["EventId"] in rows(found)
    assert f'value="{minute(at)}"' in found.body
    assert "<option selected>refused</option>" in found.body
    for other in (
        {"outcome": "answered"},
        {"operation": "DetectFaces"},
        {"from_": minute(at + timedelta(seconds=1))},
        {"until": minute(at), "from_": minute(at - timedelta(hours=1))},
        {"from_": "1999-01-01T00:00", "until": "1999-12-31T23:59"},
        {"from_": "2999-01-01T00:00", "until": "2999-12-31T23:59"},
    ):
        filters = {"operation": "SearchFacesByImage", "outcome": "refused"} | around | other
        page = auditor.get(asked(**filters))
        assert page.status == 200
        assert refused["EventId"] not in rows(page), other


def test_older_entries_are_of_what_was_asked_for(auditor, service):
    client = service.client("countenance")
    began = datetime.now(UTC) - timedelta(seconds=1)
    for _ in range(55):
        client.leave_canary(Marker="of a page and a bit")
    deadline, filters = time.monotonic() + LOG_TIMEOUT_S, {"operation": "LeaveCanary", "from_": minute(began)}
    older, second = None, []
    while len(second) < 5:
        assert time.monotonic() < deadline
        page = auditor.get(asked(**filters))
        older = re.search(r'<a href="(\?[^"]+)">Older</a>', page.body)
        second = rows(auditor.get("/console/log" + html.unescape(older.group(1)))) if older else []
        time.sleep(0.2)
    assert f"from={minute(began).replace(':', '%3A')}" in older.group(1)
    assert (len(rows(page)), len(second)) == (50, 5)
    assert not set(rows(page)) & set(second)


@pytest.mark.parametrize(
    ("filters", "status"),
    [
        ({"from_": "yesterday"}, 400),
        ({"until": "2026-13-41T99:99"}, 400),
        ({"from_": "2026-11-02T00:00", "until": "2026-11-01T00:00"}, 400),
        ({"from_": "<script>alert(1)</script>"}, 400),
        ({"from_": "0001-01-01T00:00", "until": "9999-12-31T23:59:59.999999"}, 200),
        ({"from_": "9999-12-31T23:59:59.999999"}, 200),
        ({"from_": "2026-11-01T00:00-11:59", "outcome": "no outcome"}, 200),
    ],
)
def test_what_is_no_time_is_said_and_stays_in_the_form(auditor, filters, status):
    """Nonsense is told as such: an empty list would read as if nothing had happened."""
    page = auditor.get(asked(**filters, operation="DetectFaces"))
    assert page.status == status, page.text
    assert ('role="alert"' in page.body) == (status == 400)
    assert 'value="DetectFaces"' in page.body
    assert f'value="{html.escape(filters["from_"])}"' in page.body if "from_" in filters else True
    assert "<script>alert" not in page.body


def test_a_refusal_leads_to_why_and_what_would_be_decided_now(auditor, refused, service):
    """One click, from the list and from the entry: then beside now, and what the log cannot know."""
    event = refused["EventId"]
    link = f"/console/policy/explain?event={event}"
    assert f'href="{link}"' in auditor.get(f"/console/log/{event}").body
    assert f'href="{link}"' in auditor.get(asked(operation="SearchFacesByImage", outcome="refused")).body
    page = auditor.get(link)
    assert page.status == 200, page.text
    then, _, now = page.body.partition('aria-label="The answer"')
    assert "Then: refused" in then
    assert "Now: It would be refused" in now
    assert "<strong>ROL-001</strong>" in then
    assert "<strong>ROL-001</strong>" in now
    assert "ROL-001: still, see below" in " ".join(re.sub("<[^>]+>", "", then).split())
    assert re.findall(r"<strong>([A-Z]+-\d+)</strong>", then) == re.findall(
        r"<strong>([A-Z]+-\d+)</strong>", now
    )
    assert "claims.beneficiary" in now
    call = json.loads(
        html.unescape(re.search(r"<textarea[^>]*>(.*?)</textarea>", page.body, re.DOTALL).group(1))
    )
    assert (call["operation"], call["threshold"]) == ("rekognition:SearchFacesByImage", 91)
    assert call["roles"] == ["administrator"]
    entry = json.loads(refused["Entry"])
    for hidden in ("account", "operator", "key"):
        assert entry[hidden] not in page.body.partition("<textarea")[2]
    changed = json.dumps(call | {"roles": ["developer"]})
    again = auditor.post("/console/policy/explain", {"call": changed, "event": event})
    assert (again.status, "Then: refused" in again.text, "claims.beneficiary" in again.text) == (
        200,
        True,
        True,
    )
    assert "ROL-001" not in again.body.partition('aria-label="The answer"')[2].partition("The call")[0]
    judged = auditor.post("/console/policy/explain", {"call": changed})
    assert f'name="event" value="{event}"' in page.body
    assert (judged.status, "ROL-001" in judged.text.partition("The call")[0]) == (200, False)
    client, deadline = service.client("countenance"), time.monotonic() + LOG_TIMEOUT_S
    roles: list[list[str] | None] = []
    while ["auditor"] not in roles:
        assert time.monotonic() < deadline
        listed = client.list_audit_entries(Operation="ExplainCall", Order="NEWEST_FIRST")["Entries"]
        roles = [json.loads(each["Entry"]).get("roles") for each in listed]
        time.sleep(0.2)


def test_an_allowed_call_and_one_that_is_none_are_told_as_such(auditor, service):
    """The page is no trap: without an event it is the form, and what is not there is not there."""
    plain = auditor.get("/console/policy/explain")
    assert (plain.status, "Then:" in plain.text, "Now" in plain.text) == (200, False, False)
    assert auditor.get(f"/console/policy/explain?event={NOBODY}").status == 404
    assert auditor.get("/console/policy/explain?event=../../x").status == 404
    answered = service.client("countenance").leave_canary(Marker="asked for, and allowed")["ResponseMetadata"]
    event = answered["HTTPHeaders"]["x-countenance-event-id"]
    await_entry(service.client("countenance"), event)
    page = auditor.get(f"/console/policy/explain?event={event}")
    assert (page.status, "Then: allowed" in page.text, "It broke" in page.text) == (200, True, False)
    wrong = auditor.post("/console/policy/explain", {"call": "[1, 2, 3]"})
    assert (wrong.status, "[1, 2, 3]" in wrong.text and 'role="alert"' in wrong.body) == (400, True)


def test_an_entry_that_is_not_there_is_404(auditor):
    for nothing in (NOBODY, "-" * 36, "0" * 36):
        page = auditor.get(f"/console/log/{nothing}")
        assert (page.status, "The server refused" in page.text) == (404, False)
