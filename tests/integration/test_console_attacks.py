"""Roles, paths, cookies, hosts and methods against the pages of the console: all are tried and fail."""

from __future__ import annotations

import http.client
import re
import uuid
from urllib.parse import quote

import pytest

from console_visitor import Visitor, make_member

pytestmark = pytest.mark.xdist_group("server")
URLENCODED = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
OFFICE = "What waits for an officer"


@pytest.fixture(scope="module")
def house(service):
    return service.client("countenance").get_caller_identity()["AccountId"]


@pytest.fixture(scope="module")
def visitors(service, house):
    """Somebody of each role, one who has all that an officer's name needs but the office, and a stranger."""
    found = {
        role: make_member(service, house, f"Attacking {role} {uuid.uuid4().hex[:6]}", role).signed_in(
            service.endpoint
        )
        for role in ("administrator", "auditor", "developer", "examiner", "officer")
    }
    return found | {"stranger": Visitor(service.endpoint)}


def asked(service, target, *, method="GET", headers=None, body=None):
    """A request as it is written, target and all: (status, headers, body)."""
    connection = http.client.HTTPConnection(service.endpoint.partition("//")[2], timeout=30)
    try:
        connection.putrequest(method, target, skip_host="host" in (headers or {}))
        for name, value in ({"content-length": str(len(body or b""))} | (headers or {})).items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return (
            answer.status,
            {name.lower(): value for name, value in answer.getheaders()},
            answer.read().decode(),
        )
    finally:
        connection.close()


def with_cookie(visitor, **more):
    return {"cookie": f"{visitor.cookie_name}={visitor.cookie}"} | more


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW"])
@pytest.mark.parametrize(
    "path",
    ["/console", "/console/office", "/console/jobs/1", "/console/sign-out", "/people", "/transparency"],
)
def test_a_page_is_read_or_sent_a_form_and_nothing_else(service, visitors, method, path):
    """Nor is anybody told what a method would have done: no page, no cookie, no echo of what was sent."""
    headers = with_cookie(visitors["officer"], **{"x-secret": "echo-me", "sec-fetch-site": "same-origin"})
    status, told, body = asked(service, path, method=method, headers=headers)
    assert 400 <= status < 500, (status, body[:200])
    assert "set-cookie" not in told
    assert "echo-me" not in body
    assert OFFICE not in body
    assert visitors["officer"].get("/console").status == 200, "the session goes on"


@pytest.mark.parametrize(
    "path",
    [
        "/console/office/",
        "/console//office",
        "//console/office",
        "/console/./office",
        "/console/x/../office",
        "/console/%6fffice",
        "/console/office%2f",
        "/console/office%00",
        "/console/office;role=officer",
        "/console/office%0d%0aset-cookie:%20a=b",
        "/Console/office",
        "/console\\office",
        "/console/office#log",
        "/console/log/../office",
        "/console/office?role=officer",
    ],
)
def test_no_way_of_writing_the_office_lets_others_in(service, visitors, path):
    """A role is asked for where the page is found: there is no second reading of an address."""
    for role in ("auditor", "administrator", "stranger"):
        visitor = visitors[role]
        headers = with_cookie(visitor) if visitor.cookie else {}
        status, told, body = asked(service, path, headers=headers)
        assert status in {303, 400, 403, 404}, (role, status)
        assert OFFICE not in body
        assert not told.get("set-cookie", "").startswith("a=")


@pytest.mark.parametrize(
    "name",
    [
        "../templates/base.html",
        "%2e%2e/templates/base.html",
        "..%2ftemplates%2fbase.html",
        "../render.py",
        "/etc/passwd",
        "",
        ".",
        "console.css/",
        "console.css%00.html",
        "console.css/../../render.py",
        "CONSOLE.CSS",
    ],
)
def test_nothing_but_our_own_files_is_served(service, name):
    status, told, body = asked(service, f"/console/static/{name}")
    assert (status, told["content-type"]) == (404, "text/html; charset=utf-8")
    assert "{%" not in body
    assert "import" not in body


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", '"><script>1</script>', "", "a" * 2000])
def test_what_the_host_is_said_to_be_leads_nowhere(service, visitors, host):
    """Nothing that we send a browser to, or ask it to load, comes from that header; and no password is asked
    for where it could be read on the way."""
    for path in ("/console/sign-in", "/console", "/people", "/transparency", "/console/policy"):
        status, told, body = asked(service, path, headers={"host": host})
        assert status < 500, path
        assert told.get("location", "/").startswith("/"), path
        assert "<script>1" not in body
        for address in re.findall(r'(?:href|src|action)="([^"]*)"', body):
            assert address.startswith(("/", "#", "data:")), address
    if host:
        headers = URLENCODED | {"host": host, "origin": f"http://{host}"}
        body = b"account=1&name=2&password=3&one_time_code=4"
        status, _, _ = asked(service, "/console/sign-in", method="POST", headers=headers, body=body)
        assert status in {400, 403}


@pytest.mark.parametrize(
    "cookie",
    [
        "Countenance-Console={}",
        "countenance-console ={}",
        "__Host-countenance-console={}",
        "__Secure-countenance-console={}",
        "countenance-console[]={}",
        "countenance%2Dconsole={}",
        "x=1, countenance-console={}",
        "countenance-console=$(id); countenance-console={}",
        'countenance-console="{}"',
        "countenance-console={}\\",
        "countenance-console=" + "a" * 5000 + "; x={}",
        "=; ;;; =countenance-console={}",
    ],
)
def test_no_other_cookie_is_the_sessions(service, visitors, cookie):
    """A neighbour of the same name, or a page without TLS, could set one that looks alike."""
    headers = {"cookie": cookie.replace("{}", visitors["auditor"].cookie)}
    status, told, _ = asked(service, "/console/log", headers=headers)
    assert (status, told["location"].startswith("/console/sign-in")) == (303, True)


@pytest.mark.parametrize(
    ("path", "fields", "roles"),
    [
        ("/console/people", {"do": "confirm", "name": "Nobody There"}, ("auditor",)),
        ("/console/people", {"do": "put", "name": "Mallory", "role": "officer"}, ("auditor", "officer")),
        ("/console/people", {"do": "invite", "name": "Nobody There"}, ("auditor", "officer")),
        (
            "/console/policy/packs/us-amazon-guidance",
            {"do": "activate", "mode": "enforce", "sure": "yes"},
            None,
        ),
        ("/console/policy/packs/us-amazon-guidance", {"do": "deactivate", "sure": "yes"}, None),
        ("/console/jobs/1", {"do": "cancel"}, None),
        ("/console/office", {"do": "request", "which": "1", "decision": "approve", "reason": "x"}, None),
        ("/console/collections/any/users/ada", {"do": "merge", "into": "b", "purpose": "development"}, None),
        ("/console/collections/any/users/ada", {"do": "undo", "merge": str(uuid.UUID(int=1))}, None),
        ("/console/policy/simulate", {"coming.us-amazon-guidance": "1"}, None),
        ("/console/log", {"operation": "x"}, None),
    ],
)
def test_no_role_does_by_a_form_what_is_another_ones(visitors, path, fields, roles):
    """The page may be theirs to read; what the form asks for is refused by the gateway, and told as such."""
    for role in roles or ("administrator", "auditor", "examiner", "officer"):
        page = visitors[role].post(path, fields)
        assert page.status in {400, 403, 404, 405}, (role, page.status, page.text[-400:])
        assert "data-taken" not in page.body


def test_somebody_confirms_neither_themselves_nor_whom_they_invited(service, visitors, house):
    """One administrator alone must not make a second pair of eyes, whatever they post."""
    administrator = visitors["administrator"]
    own = re.search(r"<bdi>(Attacking administrator \w+)</bdi>", administrator.get("/console").body)[1]
    name = f"Puppet {uuid.uuid4().hex[:6]}"
    assert (
        administrator.post("/console/people", {"do": "put", "name": name, "role": "examiner"}).status == 303
    )
    assert administrator.post("/console/people", {"do": "invite", "name": name}).status == 200
    for who in (name, own):
        page = administrator.post("/console/people", {"do": "confirm", "name": who})
        assert page.status in {400, 403}, (who, page.text[-300:])


def test_another_accounts_things_are_not_there(service, visitors, house):
    """Ids of the house's, in the hands of another account's administrator: as if there were none."""
    made = service.make_account(f"Outside {uuid.uuid4().hex[:6]}")
    outside = make_member(service, made["account"], "Oda", "administrator", "developer", "officer").signed_in(
        service.endpoint
    )
    collection = f"theirs-{uuid.uuid4().hex[:6]}"
    client = service.client()
    client.create_collection(CollectionId=collection)
    client.create_user(CollectionId=collection, UserId="ada")
    try:
        for path, fields in (
            (f"/console/collections/{collection}/users/ada", {"do": "delete", "sure": "yes"}),
            (
                f"/console/collections/{collection}/users/ada",
                {"do": "merge", "into": "b", "purpose": "development"},
            ),
            (f"/console/collections/{collection}/charter", {"do": "narrow", "face_cap": "1"}),
            (f"/console/office/accounts/{house}", {"do": "standing", "standing": "suspended", "reason": "x"}),
            ("/console/people", {"do": "remove", "name": "Attacking auditor"}),
            ("/console/keys", {"do": "revoke", "key": service.running.access_key_id}),
        ):
            page = outside.post(path, fields)
            assert page.status in {400, 403, 404}, (path, page.status)
            assert "data-taken" not in page.body
        assert outside.get(f"/console/collections/{collection}").status in {400, 404}
        assert client.list_users(CollectionId=collection)["Users"][0]["UserId"] == "ada"
        assert visitors["administrator"].get("/console").status == 200
    finally:
        client.delete_collection(CollectionId=collection)


@pytest.mark.parametrize("days", ["-1", "0", "99999999999999999999", "1e9", "٣", "1 or 1=1", "", "NaN"])
def test_a_simulation_of_no_such_days_is_no_fault(visitors, days):
    page = visitors["auditor"].ask(
        "GET", f"/console/policy/simulate?run=1&coming.us-amazon-guidance=1&days={quote(days)}"
    )
    assert page.status in {200, 400}, page.text[-300:]


@pytest.mark.parametrize(
    "path",
    [
        "/console/people",
        "/console/passkeys",
        "/console/policy/packs/us-amazon-guidance",
        "/console/jobs/1",
        "/console/office",
        "/console/keys",
        "/people",
    ],
)
def test_a_form_of_too_many_fields_or_too_many_bytes_is_none(visitors, path):
    """Refused by what it is, before any of it is done."""
    officer = visitors["officer"]
    token = officer.token()
    many = "&".join(["form_token=" + token, *(f"a{number}=1" for number in range(300))]).encode()
    assert officer.ask("POST", path, many, URLENCODED).status == 400
    announced = {**URLENCODED, "content-length": str(64 * 1024 + 1)}
    assert officer.ask("POST", path, b"", announced).status == 413


def test_transparency_takes_no_path_but_a_day_and_its_files(service):
    """An address of files must not become a way to files."""
    for path in (
        "/transparency/../console",
        "/transparency/2026-01-01/../../keys",
        "/transparency/2026-01-01/report.json/..",
        "/transparency/%2e%2e/%2e%2e/etc/passwd",
        "/transparency/2026-13-45",
        "/transparency/0000-00-00/report.json",
        "/transparency/2026-01-01/report.json%00",
        f"/transparency/{quote('٢٠٢٦-01-01')}",
    ):
        status, _, body = asked(service, path)
        assert status in {400, 404}, path
        assert "root:" not in body
