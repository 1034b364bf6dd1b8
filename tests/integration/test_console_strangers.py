"""What strangers and people who are signed in may send to the console: it costs little and breaks nothing."""

from __future__ import annotations

import time
import uuid

import pytest

from console_visitor import PASSWORD, Visitor, make_member

pytestmark = pytest.mark.xdist_group("server")

MULTIPART = {"content-type": "multipart/form-data; boundary=b", "sec-fetch-site": "same-origin"}
URLENCODED = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
A_PART = b'--b\r\ncontent-disposition: form-data; name="account"\r\n\r\n1\r\n--b--\r\n'
OPEN = ("/console/sign-in", "/console/invitation", "/people")


@pytest.fixture(scope="module")
def house(service):
    return service.client("countenance").get_caller_identity()["AccountId"]


@pytest.fixture
def administrator(service, house):
    """A new one for each test: their device has unused codes, so that nothing waits for one."""
    return make_member(service, house, f"Astrid {uuid.uuid4().hex[:6]}", "administrator", "developer")


@pytest.mark.parametrize("path", OPEN)
def test_a_stranger_makes_the_server_split_no_files(service, path):
    """A nested one of 150 KB took nine seconds of the one process that answers everybody."""
    nested = b"".join(
        b"--b%s\r\ncontent-type: multipart/mixed; boundary=b%d\r\n\r\n"
        % (b"" if level == 0 else b"%d" % (level - 1), level)
        for level in range(900)
    )
    stranger = Visitor(service.endpoint)
    began = time.monotonic()
    assert stranger.ask("POST", path, A_PART, MULTIPART).status == 400
    assert stranger.ask("POST", path, nested[:60_000], MULTIPART).status == 400
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("method", "path", "size", "status"),
    [
        ("GET", "/console/sign-in", 1, 413),
        ("GET", "/console/try", 1, 413),
        ("HEAD", "/people", 1, 413),
        ("POST", "/console/sign-in", 64 * 1024 + 1, 413),
        ("POST", "/people", 64 * 1024 + 1, 413),
        ("POST", "/console/try/", 64 * 1024 + 1, 413),
        ("POST", "/console/try", 11 * 1024 * 1024 + 1, 413),
        ("POST", "/console/sign-in", 64 * 1024, 403),
    ],
)
def test_no_more_is_read_than_a_page_can_use(service, method, path, size, status):
    """What is too large is refused by what it announces, unread: here nothing of it ever comes."""
    stranger = Visitor(service.endpoint)
    body = b"=" * size if status == 403 else b""
    headers = URLENCODED if body else URLENCODED | {"content-length": str(size)}
    assert stranger.ask(method, path, body, headers).status == status


def test_a_form_with_files_needs_the_token_of_its_session(service, administrator):
    visitor = administrator.signed_in(service.endpoint)
    assert visitor.ask("POST", "/console/try", A_PART, MULTIPART).status == 400
    assert visitor.ask("POST", "/console/keys", A_PART, MULTIPART).status == 400
    page = visitor.upload("/console/try", {"operation": "DetectFaces"}, {"photo": b""})
    assert (page.status, "choose a purpose" in page.text) == (400, True)


@pytest.mark.parametrize("field", ["account", "name", "password", "one_time_code"])
def test_a_nul_in_a_strangers_form_is_a_bad_form(service, house, field):
    """The database takes none: it was a fault of the server, with a line in its log for each."""
    fields = {"account": house, "name": "Nobody", "password": PASSWORD, "one_time_code": "123456"}
    page = Visitor(service.endpoint).post("/console/sign-in", fields | {field: "a\0b"})
    assert page.status == 400


def test_a_query_with_more_members_than_any_page_has(service, administrator):
    query = "&".join(f"a{number}=1" for number in range(300))
    begun = Visitor(service.endpoint, headers={"cookie": "countenance-openid=x.y"})
    assert begun.get(f"/console/openid/back?{query}").status == 400
    visitor = administrator.signed_in(service.endpoint)
    for path in ("/console/log", "/console/collections", "/console/cases", "/console/policy/simulate"):
        assert visitor.get(f"{path}?{query}").status == 400
        assert visitor.get(f"{path}?after=%00").status == 400


def test_a_case_of_more_days_than_have_digits(service, administrator):
    """Python refuses to read so long a number, and so do we: with words."""
    visitor = administrator.signed_in(service.endpoint)
    for days in ("9" * 5000, "0" * 5000 + "1", "-1", "\u0663"):
        page = visitor.post("/console/cases", {"do": "open", "name": "x", "days": days})
        assert (page.status, "1 to 366 days" in page.text) == (400, True)


def test_over_tls_a_session_is_kept_to_this_host_and_the_host_to_tls(service, administrator):
    """`__Host-` is what no other host and no page without TLS can set; this machine needs neither."""
    behind = Visitor(service.endpoint, headers={"x-forwarded-proto": "https", "host": "faces.example"})
    page = behind.post("/console/sign-in", administrator.fields(), origin="https://faces.example")
    kept = page.headers["set-cookie"]
    assert kept.startswith("__Host-countenance-console=")
    assert {"Path=/", "Secure", "HttpOnly", "SameSite=Strict"} <= set(kept.split("; "))
    assert "Domain" not in kept
    assert behind.get("/console").status == 200
    pages = (
        "/console",
        "/console/sign-in",
        "/console/nothing",
        "/people",
        "/transparency",
        "/transparency/x",
    )
    for path in (*pages, "/console/static/mark.svg"):
        assert behind.get(path).headers["strict-transport-security"] == "max-age=31536000", path
        assert "strict-transport-security" not in Visitor(service.endpoint).get(path).headers
    here = Visitor(service.endpoint, headers={"x-forwarded-proto": "https"})
    assert "strict-transport-security" not in here.get("/console/sign-in").headers
    plain = Visitor(service.endpoint, headers={"x-forwarded-proto": "https", "host": "faces.example"})
    assert (
        plain.ask("GET", "/console", headers={"cookie": f"countenance-console={behind.cookie}"}).status == 303
    )
    assert behind.post("/console/sign-out", origin="https://faces.example").status == 303


def test_signing_in_again_ends_the_session_that_the_browser_had(service, administrator):
    visitor = administrator.signed_in(service.endpoint)
    older = Visitor(service.endpoint, cookie=visitor.cookie)
    right = administrator.fields()
    assert visitor.post("/console/sign-in", right | {"password": PASSWORD + "x"}).status == 403
    assert older.get("/console").status == 200, "only who gets in ends it"
    assert visitor.post("/console/sign-in", right).status == 303
    assert older.get("/console").status == 303
    assert visitor.get("/console").status == 200


def test_a_page_says_that_something_was_done_in_nobody_elses_words(service, administrator):
    """Anybody's link showed anybody's text as the green line of success."""
    visitor = administrator.signed_in(service.endpoint)
    lie = "Your+password+is+over.+Write+to+mallory@example.org"
    assert "mallory" not in visitor.get(f"/console/people?told={lie}").body
    done = visitor.post("/console/people", {"do": "put", "name": "Nina Told", "role": "auditor"})
    where = done.headers["location"]
    page = visitor.get(where)
    assert ("It is done." in page.text, "data-taken" in page.body) == (True, True)
    assert "data-taken" not in visitor.get("/console/people").body
    mark = where.rpartition("=")[2]
    assert "mallory" not in visitor.get(f"/console/people?told={lie}&mark={mark}").body
    another = administrator.signed_in(service.endpoint)
    page = another.get(where)
    assert ("It is done." in page.text, "data-taken" in page.body) == (False, False), "of another session"
    refused = visitor.post("/console/people", {"do": "put", "name": "Nina Told", "role": "emperor"})
    assert (refused.status, "data-taken" in refused.body) == (400, False)
    invited = visitor.post("/console/people", {"do": "invite", "name": "Nina Told"})
    assert (invited.status, "data-taken" in invited.body) == (200, True)
