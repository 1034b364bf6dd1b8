"""The console over a real socket: every page for every role, and the ways in that must not be."""

from __future__ import annotations

import json
import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from console_visitor import PASSWORD, Visitor, make_member, planted_trial
from fixtures_server import supported_attributes
from logged_calls import await_entry

pytestmark = pytest.mark.xdist_group("server")

ROLES = ("administrator", "auditor", "developer", "examiner", "officer")
SEEN_BY = {
    "/console": set(ROLES),
    "/console/try": {"developer"},
    "/console/collections": {"administrator", "auditor", "developer", "officer"},
    "/console/reviews": {"examiner"},
    "/console/cases": {"administrator", "developer"},
    "/console/examiners": {"administrator", "officer"},
    "/console/requests": {"administrator", "officer"},
    "/console/keys": {"administrator", "auditor", "developer", "officer"},
    "/console/people": {"administrator", "auditor", "officer"},
    "/console/passkeys": set(ROLES),
    "/console/policy": {"administrator", "auditor", "developer", "officer"},
    "/console/policy/explain": {"administrator", "auditor", "developer", "officer"},
    "/console/policy/simulate": {"administrator", "auditor", "developer", "officer"},
    "/console/policy/packs/us-wa-43.386": {"administrator", "auditor", "developer", "officer"},
    "/console/office": {"officer"},
    "/console/jobs": {"administrator", "auditor", "developer", "officer"},
    "/console/health": {"administrator", "auditor", "developer", "officer"},
    "/console/evaluations": {"administrator", "auditor", "developer", "officer"},
    "/console/standing": set(ROLES),
    "/console/log": set(ROLES) - {"examiner"},
}
CHANGES = {
    "/console/keys": [
        {"do": "create", "operator": "x"},
        {"do": "request", "purpose": "research", "justification": "because"},
    ],
    "/console/people": [
        {"do": "put", "name": "Mallory", "role": "administrator"},
        {"do": "invite", "name": "Adam"},
        {"do": "remove", "name": "Adam"},
    ],
    "/console/examiners": [{"do": "plant", "collection": "x", "probe_id": "y", "same_ids": "z"}],
    "/console/requests": [{"do": "code", "collection": "x", "user": "y"}],
    "/console/reviews": [{"review": str(uuid.uuid4())}],
    "/console/office": [
        {"do": "request", "which": str(uuid.uuid4()), "decision": "approve", "reason": "because"},
        {"do": "finding", "which": str(uuid.uuid4()), "decision": "lift", "reason": "because"},
    ],
}
LOG_TIMEOUT_S = 30.0
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}"


@pytest.fixture(scope="module")
def house(service):
    return service.client("countenance").get_caller_identity()["AccountId"]


@pytest.fixture(scope="module")
def members(service, house):
    """Somebody of each role, who works for the house."""
    return {
        role: make_member(service, house, f"{role.capitalize()} {uuid.uuid4().hex[:6]}", role)
        for role in ROLES
    }


@pytest.fixture(scope="module")
def visitors(service, members):
    return {role: member.signed_in(service.endpoint) for role, member in members.items()}


@pytest.mark.parametrize("path", SEEN_BY)
def test_each_page_is_there_for_its_roles_and_for_no_other(visitors, path):
    """What a role does not see is answered as what is not there."""
    for role, visitor in visitors.items():
        page = visitor.get(path)
        assert page.status == (200 if role in SEEN_BY[path] else 404), (role, page.text)
        assert f'href="{path}"' in page.body or path.count("/") > 2 or page.status == 404


def test_every_page_forbids_frames_scripts_from_elsewhere_and_copies(visitors):
    """Clickjacking, injected scripts and caches are held off by headers, on errors as well."""
    pages = [visitors["administrator"].get(path) for path in (*SEEN_BY, "/console/nothing", "/console/try")]
    pages += [Visitor(visitors["auditor"].endpoint).get(path) for path in ("/console/sign-in", "/console")]
    for page in pages:
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["cache-control"] == "no-store"
        assert not re.search(r"<script(?![^>]*\bsrc=)", page.body)
        tags = re.findall(r"<[^>]*>", re.sub(r'"[^"]*"', '""', page.body))  # without what values say
        assert not re.search(r"\s(?:on\w+|style)=", "".join(tags))
        assert "Macro" not in page.body  # of a template, whose name hid what it was to tell
        assert not re.search(r'(?:src|href)="(?:https?:)?//', page.body)


@pytest.mark.parametrize("path", ["/console", "/console/people", "/console/log", "/console/collections/x"])
def test_nobody_sees_a_page_without_a_session(service, path):
    for cookie in (None, "x" * 43, "../../etc/passwd", "A" * 5000):
        page = Visitor(service.endpoint, cookie=cookie).get(path)
        assert page.status == 303
        assert page.headers["location"].partition("?to=")[::2] in {
            ("/console/sign-in", ""),
            ("/console/sign-in", path),  # whose session has ended comes back
        }


def test_a_session_that_was_chosen_for_somebody_does_not_become_theirs(service, members):
    """Session fixation: whatever number a browser comes with, signing in gives it another."""
    chosen = "fixed" * 9
    visitor = Visitor(service.endpoint, cookie=chosen)
    page = visitor.ask(
        "POST",
        "/console/sign-in",
        "&".join(
            f"{name}={value}".replace(" ", "+") for name, value in members["auditor"].fields().items()
        ).encode(),
        {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"},
    )
    assert page.status == 303
    cookie = page.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert visitor.cookie != chosen
    assert Visitor(service.endpoint, cookie=chosen).get("/console").status == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "", "origin": "https://evil.example"},
    ],
)
def test_a_form_of_another_site_changes_nothing(visitors, headers):
    """Even with the cookie and, somehow, the token."""
    page = visitors["administrator"].post("/console/people", CHANGES["/console/people"][0], **headers)
    assert (page.status, "did not come from this console" in page.text) == (403, True)
    assert "Mallory" not in visitors["administrator"].get("/console/people").text


def test_a_form_without_its_sessions_token_changes_nothing(visitors):
    """Cross-site request forgery, from a page that looks like ours."""
    other = visitors["auditor"].token()
    for token in ("", "0" * 64, other):
        fields = CHANGES["/console/people"][0] | {"form_token": token}
        page = visitors["administrator"].post("/console/people", fields, token=False)
        assert (page.status, "another session" in page.text) == (400, True)
    assert "Mallory" not in visitors["administrator"].get("/console/people").text


@pytest.mark.parametrize("role", ["auditor", "developer", "examiner", "officer"])
def test_no_role_does_what_is_another_ones(visitors, role):
    """The pages show no button for it; and the gateway refuses what is sent all the same."""
    for path, forms in CHANGES.items():
        for fields in forms:
            page = visitors[role].post(path, fields)
            if (role, path) in {
                ("examiner", "/console/reviews"),
                ("officer", "/console/examiners"),
                ("officer", "/console/requests"),
            }:
                continue
            assert page.status in {400, 403, 404}, (role, path, fields, page.text)
            assert page.status == 404 or "AccessDeniedException" in page.text, (role, path, fields, page.text)


def test_an_administrator_of_another_account_sees_nothing_of_this_one(service, house, visitors):
    """Whatever is asked for by name or number."""
    other = service.make_account(f"Other {uuid.uuid4().hex[:6]}")["account"]
    theirs = make_member(service, other, "Eve", "administrator", "developer").signed_in(service.endpoint)
    client = service.client()
    name = f"secret-{uuid.uuid4().hex[:8]}"
    client.create_collection(CollectionId=name)
    try:
        assert visitors["administrator"].get(f"/console/collections/{name}").status == 200
        page = theirs.get(f"/console/collections/{name}")
        assert (page.status, "ResourceNotFoundException" in page.text) == (400, True)
        assert name not in theirs.get("/console/collections").text
        event = re.search(r"/console/log/([0-9a-f-]{36})", visitors["administrator"].get("/console/log").body)
        assert event
        assert theirs.get(f"/console/log/{event.group(1)}").status == 404
        assert house not in theirs.get("/console/people").text
    finally:
        client.delete_collection(CollectionId=name)


def test_what_people_write_is_shown_and_never_run(visitors, service):
    """What is answered at once; tests/browser/test_planted_text.py has all that is stored."""
    administrator = visitors["administrator"]
    administrator.post("/console/keys", {"do": "request", "purpose": "photo-library", "justification": EVIL})
    visitors["examiner"].post("/console/standing", {"do": "appeal", "statement": EVIL})
    administrator.post("/console/keys", {"do": "create", "operator": EVIL})
    client = service.client()
    name = f"xss-{uuid.uuid4().hex[:8]}"
    client.create_collection(CollectionId=name)
    pages = [
        administrator.get("/console/keys"),
        visitors["auditor"].get("/console/standing"),
        administrator.get(f"/console/collections/{name}"),
        administrator.get("/console/log?operation=" + "%3Cscript%3Ealert(1)%3C/script%3E"),
        administrator.get("/console/keys?told=%3Cscript%3Ealert(1)%3C/script%3E"),
        administrator.post("/console/policy/explain", {"call": EVIL}),
        administrator.post("/console/keys", {"do": "create", "operator": EVIL}),
        administrator.post("/console/people", {"do": "put", "name": EVIL, "role": "auditor"}),
        administrator.get("/console/%3Cscript%3E"),
    ]
    client.delete_collection(CollectionId=name)
    shown = 0
    for page in pages:
        assert "<script>alert" not in page.body
        assert "<img src=x" not in page.body
        assert "49" not in re.findall(r"onerror=alert\(2\)&gt;(\d+)", page.body)
        shown += "&lt;script&gt;alert(1)" in page.body
    assert shown >= 4


def test_every_click_is_a_call_that_is_recorded(visitors, service):
    """The console has no way in of its own: its entries have operator and roles as everybody's."""
    visitors["auditor"].get("/console/policy")
    client, deadline = service.client("countenance"), time.monotonic() + LOG_TIMEOUT_S
    roles: list[list[str] | None] = []
    while ["auditor"] not in roles and time.monotonic() < deadline:
        page = client.list_audit_entries(Operation="ListRules", Order="NEWEST_FIRST", MaxResults=100)
        roles = [json.loads(entry["Entry"]).get("roles") for entry in page["Entries"]]
        time.sleep(0.2)
    assert ["auditor"] in roles


def test_looking_at_ones_pages_leaves_no_refusals(service, visitors):
    """Pages ask for what their reader's roles are for: else reading would look like trying doors."""
    client = service.client("countenance")
    await_entry(client, client.get_health()["ResponseMetadata"]["RequestId"])  # and so what came before it
    newest = client.list_audit_entries(Order="NEWEST_FIRST", MaxResults=1)["Entries"][0]["LogIndex"]
    for role, visitor in visitors.items():
        for path in (each for each in SEEN_BY if role in SEEN_BY[each]):
            assert visitor.get(path).status == 200
        assert visitor.get("/console/nothing").status == 404
    last = client.get_health()["ResponseMetadata"]["RequestId"]
    await_entry(client, last)
    page = client.list_audit_entries(Order="NEWEST_FIRST", MaxResults=1000)
    seen = [each for each in page["Entries"] if each["LogIndex"] > newest]
    assert {tuple(_roles(each)) for each in seen} >= {(role,) for role in ROLES}
    of_visitors = [each for each in seen if _roles(each)]
    assert [each["Operation"] for each in of_visitors if each["Outcome"] == "refused"] == []


def _roles(entry):
    return json.loads(entry["Entry"]).get("roles", [])


def test_a_refused_form_comes_back_with_what_was_typed(visitors):
    """Nothing that somebody wrote is lost."""
    page = visitors["auditor"].post(
        "/console/standing", {"do": "appeal", "statement": "It was <i>only</i> a test."}
    )
    assert page.status == 400
    assert "It was &lt;i&gt;only&lt;/i&gt; a test." in page.body


def test_a_photo_is_tried_under_an_approved_purpose(visitors, portraits, service):
    """Boxes over the photo, the answer, and the same call for one's own program."""
    photo = next(iter(portraits.known.values()))[0].read_bytes()
    fields = {"purpose": "development", "operation": "DetectFaces", "attribute": "SMILE"}
    page = visitors["developer"].upload("/console/try", fields, {"photo": photo, "target": b""})
    assert page.status == 200, page.text
    assert "<rect" in page.body
    smile = re.search(r'<th scope="row">Smile</th><td>(true|false) \(\d+ % sure\)', page.body)
    assert bool(smile) == ("SMILE" in supported_attributes())
    assert re.search(r'<th scope="row">Pose</th><td>Roll -?\d+\.\d, Yaw', page.body)
    assert "client.detect_faces(" in page.text
    event = re.search(r"/console/log/([0-9a-f-]{36})", page.body)
    assert event
    for broken, status in (({"purpose": "investigative-lead"}, 400), ({"purpose": ""}, 400)):
        page = visitors["developer"].upload("/console/try", fields | broken, {"photo": photo})
        assert page.status == status, page.text
    page = visitors["developer"].upload("/console/try", fields, {"photo": b"no photo"})
    assert (page.status, "InvalidImageFormatException" in page.text) == (400, True)


@pytest.fixture(scope="module")
def planted(service, house, portraits):
    with planted_trial(service, house, portraits) as trial:
        yield trial


def test_two_examiners_look_first_and_neither_learns_whom(planted, service, house):
    """Pictures and a form; no name, id, score or other examiner; not before the time; and each once."""
    review, hidden, planting = planted
    names = [f"Examiner {uuid.uuid4().hex[:6]}" for _ in range(2)]
    verdict = {"label": "candidate-1", "candidate-1.verdict": "support", "candidate-1.ears": "similar"}
    for name in names:
        visitor = make_member(service, house, name, "examiner").signed_in(service.endpoint)
        assert review[:8] in visitor.get("/console/reviews").text
        path, token = f"/console/reviews/{review}", {"form_token": visitor.token()}
        assert visitor.get(path).headers["location"] == "/console/reviews"  # looking takes no seat
        assert visitor.post("/console/reviews", {"review": review}).headers["location"] == path
        seen = visitor.get(path)
        assert seen.body.count("data:image/jpeg;base64,") == 4  # aligned, and as taken
        for word in (*hidden, "the-man", "imilarity", names[0] if name == names[1] else names[1]):
            assert word not in seen.body, word
        began = re.search(r'name="began_at" value="([0-9.]+)"', seen.body)
        assert began
        verdict["began_at"] = began.group(1)
        stale = visitor.post(path, verdict | token | {"began_at": "1.5"})  # of a seat that was given up
        assert (stale.status, "laid out anew" in stale.text) == (400, True)
        early = visitor.post(path, verdict | token | {"note": "too <b>early</b>"})
        assert (early.status, "early&lt;/b&gt;" in early.body) == (400, True), early.text
        assert 'value="support" required checked' in early.body
        time.sleep(5.2)
        done = visitor.post(path, verdict)
        assert done.headers.get("location", "").startswith(
            "/console/reviews?told=Your+examination+is+taken."
        ), done.text
        assert review[:8] not in visitor.get("/console/reviews").text
        again = visitor.post(path, verdict)
        assert (again.status, "Exception" in again.text) == (400, True)  # and says why
    figures = {each["OperatorName"]: each for each in planting.describe_examiners()["Examiners"]}
    assert [figures[name]["TrialHits"] for name in names] == [1, 1]


def test_a_case_is_opened_and_closed_in_the_console(visitors):
    """And what was typed comes back if it is refused."""
    administrator, name = visitors["administrator"], f"C-{uuid.uuid4().hex[:8]}"
    fields = {
        "do": "open", "name": name, "purpose": "missing-persons", "reason": "a <i>test</i>", "days": "3",
        "legal_basis": "a statute",
    }  # fmt: skip
    refused = administrator.post("/console/cases", fields | {"name": ""})
    assert (refused.status, "a &lt;i&gt;test" in refused.body) == (400, True)
    assert administrator.post("/console/cases", fields).status == 303
    page = administrator.get("/console/cases")
    assert name in page.text
    found = re.search(r'name="case" value="([^"]+)"', page.body)
    assert found
    closed = administrator.post("/console/cases", {"do": "close", "case": found.group(1)})
    assert closed.status == 303
    assert "no such review" in administrator.get(f"/console/cases?review={uuid.uuid4()}").text


def test_signing_out_ends_the_session_for_every_copy_of_its_cookie(service, members):
    visitor = members["examiner"].signed_in(service.endpoint)
    copy = Visitor(service.endpoint, cookie=visitor.cookie)
    assert copy.get("/console").status == 200
    assert visitor.post("/console/sign-out", {"form_token": "0" * 64}, token=False).status == 400
    page = visitor.post("/console/sign-out")
    assert page.headers["location"] == "/console/sign-in"
    assert copy.get("/console").status == 303


def test_guessing_is_answered_in_one_way(service, members, house):
    """Neither text nor status tells which of account, name, password and code is wrong."""
    right = members["auditor"].fields()
    guesses = [
        {"password": PASSWORD + "x"},
        {"name": "Nobody"},
        {"account": "0" * 12},
        {"one_time_code": "1"},
    ]
    told = set()
    for guess in guesses:
        page = Visitor(service.endpoint).post("/console/sign-in", right | guess)
        told.add((page.status, re.sub(r'value="[^"]*"', "", page.body)))
    assert len(told) == 1
    assert next(iter(told))[0] == 403


def test_over_a_network_without_tls_no_password_is_asked_for(service):
    """The host that the browser asked for is no loopback and the connection is plain."""
    visitor = Visitor(service.endpoint, headers={"host": "countenance.example:8000"})
    for path in ("/console/sign-in", "/console/invitation"):
        page = visitor.get(path)
        assert "not encrypted" in page.text
        assert "<form" not in page.body
        assert visitor.post(path, {"password": PASSWORD}).status == 400
    behind = Visitor(service.endpoint, headers={"host": "countenance.example", "x-forwarded-proto": "https"})
    assert "<form" in behind.get("/console/sign-in").body


def test_nonsense_is_answered_and_brings_nothing_down(service, visitors):
    """Broken forms, methods, paths and sizes; the next page is there."""
    administrator = visitors["administrator"]
    kind = {"content-type": "multipart/form-data; boundary=x", "sec-fetch-site": "same-origin"}
    cases = [
        administrator.ask("POST", "/console/people", b"\xff" * 1000, kind),
        administrator.ask("POST", "/console/people", b"--x\r\n\r\n", kind),
        administrator.ask("POST", "/console/people", b"{}", kind | {"content-type": "application/json"}),
        administrator.ask(
            "POST",
            "/console/people",
            b"a=1&" * 5000,
            kind | {"content-type": "application/x-www-form-urlencoded"},
        ),
        administrator.ask("DELETE", "/console/people"),
        administrator.get("/console/collections/" + "a" * 700),
        administrator.get("/console/collections/%00%ff"),
        administrator.get("/console/log/" + "0" * 36),
        administrator.get("/console/log?after=nonsense"),
        administrator.get("/console/static/..%2f..%2fsettings.py"),
        administrator.get("/console/static/../site.py"),
    ]
    assert [page.status for page in cases if not 400 <= page.status < 500] == []
    big = administrator.ask("POST", "/console/try", headers=kind | {"content-length": str(17 << 20)})
    assert big.status == 413
    with ThreadPoolExecutor(8) as pool:
        pages = list(pool.map(lambda _: administrator.get("/console"), range(24)))
    assert {page.status for page in pages} <= {200, 503, 400}
    assert administrator.get("/console").status == 200
    assert not [line for line in service.log_lines() if "Traceback" in line]


def test_the_report_of_an_evaluation_is_a_page_without_scripts(visitors, service):
    """One that this version cannot draw is said to be, and the list is there."""
    made = service.officer().put_evaluation(SignedEvaluation=service.make_evaluation())["EvaluationId"]
    page = visitors["auditor"].get(f"/console/evaluations/{made}")
    assert page.status == 200
    assert made in visitors["auditor"].get("/console/evaluations").body
    assert "sandbox" in page.headers["content-security-policy"] or "cannot be made here" in page.text
    assert visitors["auditor"].get(f"/console/evaluations/{uuid.uuid4()}").status in {400, 404}
