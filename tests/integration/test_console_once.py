"""A form that makes something is taken once; and a page that looks again keeps nobody in."""

from __future__ import annotations

import hashlib
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from console_visitor import make_member
from countenance.cli.installation import open_store
from countenance.settings import Settings

pytestmark = pytest.mark.xdist_group("server")

SECRET = re.compile(r"Secret access key <code>([^<]+)</code>")
MARK = re.compile(r'name="form_once" value="([^"]+)"')
REFRESH = "x-countenance-refresh"


@pytest.fixture(scope="module")
def house(service):
    return service.client("countenance").get_caller_identity()["AccountId"]


@pytest.fixture(scope="module")
def administrator(service, house):
    member = make_member(service, house, f"Once {uuid.uuid4().hex[:6]}", "administrator", "auditor")
    return member.signed_in(service.endpoint)


@contextmanager
def changing(service):
    where = {"database_url": service.database_options[1]} if service.database_options else {}
    with (
        open_store(Settings.from_env({}, data_dir=service.data_dir, **where)) as (database, _),
        database.transaction() as connection,
    ):
        yield connection


def keys_of(service, operator):
    listed = service.client("countenance").list_access_keys(MaxResults=100)["AccessKeys"]
    return [key for key in listed if key["Operator"] == operator]


def test_a_reloaded_key_makes_no_second_one(administrator, service):
    """F5 on the page with the secret sends the same form: the first key stands, and nothing is added."""
    operator = f"robot-{uuid.uuid4().hex[:8]}"
    mark = MARK.search(administrator.get("/console/keys").body).group(1)
    fields = {"do": "create", "operator": operator, "form_once": mark}
    first = administrator.post("/console/keys", fields)
    assert (first.status, bool(SECRET.search(first.body))) == (200, True), first.text
    again = administrator.post("/console/keys", fields)
    assert (again.status, SECRET.search(again.body)) == (409, None)
    assert "this form was sent already" in again.text
    assert "revoke the key and make another" in again.text
    assert f'value="{operator}"' in again.body  # what was typed is there, in a form that is a new one
    assert MARK.search(again.body).group(1) != mark
    assert len(keys_of(service, operator)) == 1


def test_two_presses_at_once_make_one_key(administrator, service):
    """In two worker processes: the database alone knows what was sent."""
    operator = f"robot-{uuid.uuid4().hex[:8]}"
    mark = MARK.search(administrator.get("/console/keys").body).group(1)
    fields = {"do": "create", "operator": operator, "form_once": mark, "form_token": administrator.token()}
    with ThreadPoolExecutor(8) as threads:
        pages = list(threads.map(lambda _: administrator.post("/console/keys", fields), range(8)))
    assert sorted(page.status for page in pages) == [200] + [409] * 7
    assert len(keys_of(service, operator)) == 1


def test_an_invitation_is_made_once(administrator, house):
    """A second one would end the first, whose code somebody may have been told already."""
    name = f"Ida {uuid.uuid4().hex[:6]}"
    assert administrator.post("/console/people", {"do": "put", "name": name, "role": "auditor"}).status == 303
    mark = MARK.search(administrator.get("/console/people").body).group(1)
    fields = {"do": "invite", "name": name, "form_once": mark}
    first = administrator.post("/console/people", fields)
    code = re.search(r"Code <code>([^<]+)</code>", first.body).group(1)
    again = administrator.post("/console/people", fields)
    assert (again.status, "invite them anew" in again.text) == (409, True)
    assert name in administrator.post("/console/invitation", {"code": code}).text


def test_a_case_is_opened_once(service):
    """Each would have its own clock, and its own authorisation to be waited for."""
    made = service.make_account(f"Pressed {uuid.uuid4().hex[:6]}", "missing-persons")
    member = make_member(service, made["account"], "Ada", "administrator").signed_in(service.endpoint)
    mark = MARK.search(member.get("/console/cases").body).group(1)
    fields = {
        "do": "open", "name": "C-1", "purpose": "missing-persons", "reason": "a test", "days": "3",
        "legal_basis": "a statute", "form_once": mark,
    }  # fmt: skip
    assert [member.post("/console/cases", fields).status for _ in range(2)] == [303, 409]
    assert len(service.client("countenance", **made).list_cases()["Cases"]) == 1


def test_an_appeal_is_submitted_once(service):
    made = service.make_account(f"Pressed {uuid.uuid4().hex[:6]}")
    member = make_member(service, made["account"], "Ada", "administrator").signed_in(service.endpoint)
    service.officer().change_standing(AccountId=made["account"], Standing="restricted", Reason="for a test")
    mark = MARK.search(member.get("/console/standing").body).group(1)
    fields = {"do": "appeal", "statement": "It was only a test.", "form_once": mark}
    assert [member.post("/console/standing", fields).status for _ in range(2)] == [303, 409]
    assert len(service.client("countenance", **made).list_appeals()["Appeals"]) == 1


@pytest.mark.parametrize("mark", ["", "x", "0" * 32, f"{'0' * 32}.{'0' * 64}"])
def test_without_a_mark_of_this_session_nothing_is_made(administrator, service, mark):
    """Else a form without one would be a first one each time."""
    operator = f"robot-{uuid.uuid4().hex[:8]}"
    page = administrator.post("/console/keys", {"do": "create", "operator": operator, "form_once": mark})
    assert (page.status, "not made by a page of this session" in page.text) == (400, True)
    assert keys_of(service, operator) == []


def test_the_overview_that_looks_again_keeps_no_session_alive(service, house):
    """Thirty minutes after the last click it ends, whatever page is open and looks again."""
    visitor = make_member(service, house, f"Idle {uuid.uuid4().hex[:6]}", "auditor").signed_in(
        service.endpoint
    )
    digest = hashlib.sha256(visitor.cookie.encode()).hexdigest()

    def idle(minutes: int):
        with changing(service) as connection:
            [(seen,)] = connection.execute(
                "update console_session set seen_at = seen_at - make_interval(mins => %s)"
                " where session_digest = %s returning seen_at",
                [minutes, digest],
            ).fetchall()
        return seen

    def seen():
        with changing(service) as connection:
            row = connection.execute(
                "select seen_at from console_session where session_digest = %s", [digest]
            ).fetchone()
        return row and row[0]

    before = idle(20)
    assert visitor.get("/console", **{REFRESH: "quick"}).status == 200
    assert seen() == before
    assert visitor.get("/console", **{REFRESH: "nonsense"}).status == 200  # no look of ours: somebody asks
    assert seen() > before
    idle(31)
    ended = visitor.get("/console", **{REFRESH: "quick"})
    assert (ended.status, ended.headers["location"].partition("?")[0]) == (303, "/console/sign-in")


def test_a_quick_look_makes_few_calls_and_a_form_is_never_one(administrator, service):
    """Each look is on record: what seldom changes is not asked, and nor are the newest entries of the log."""
    quick = administrator.get("/console", **{REFRESH: "quick"})
    parts = set(re.findall(r'data-part="([a-z]+)"', quick.body))
    assert parts == {"findings", "people", "calls", "jobs", "log", "plot"}
    whole = administrator.get("/console", **{REFRESH: "whole"})
    assert parts < set(re.findall(r'data-part="([a-z]+)"', whole.body))
    assert "Newest entries" not in quick.text + whole.text
    assert "Newest entries" in administrator.get("/console").text
    page = administrator.post("/console/people", {"do": "put", "name": ""}, **{REFRESH: "quick"})
    assert page.status == 400  # taken as what it is


def test_who_examines_alone_has_no_page_that_looks_again(service, house):
    """Nobody learns by watching figures move when a search was held and when a trial was planted."""
    examiner = make_member(service, house, f"Exa {uuid.uuid4().hex[:6]}", "examiner")
    page = examiner.signed_in(service.endpoint).get("/console")
    assert 'data-open="0"' in page.body
