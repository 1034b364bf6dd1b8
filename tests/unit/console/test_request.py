"""What browsers send, read without belief."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from countenance.console.request import BadForm, WebRequest, parse_form
from countenance.gateway.call import Head

URLENCODED = "application/x-www-form-urlencoded"


def request(body: bytes = b"", **headers: str) -> WebRequest:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return WebRequest(method="POST", path="/console", query="", headers=told, body=body)


def test_values_and_files_of_a_form():
    form = parse_form(
        request(b"name=Ada+Lovelace%20&role=auditor&role=examiner&role=", content_type=URLENCODED)
    )
    assert (form.one("name"), form.many("role"), form.one("none")) == (
        "Ada Lovelace", ["auditor", "examiner"], ""
    )  # fmt: skip
    body = (
        b'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n\xc3\xa9\r\n'
        b'--x\r\ncontent-disposition: form-data; name="photo"; filename="../../x"\r\n'
        b"content-type: image/jpeg\r\n\r\n\xff\xd8\r\n\x00--x\r\n--x--\r\n"
    )
    with_files = request(body, content_type='multipart/form-data; boundary="x"')
    form = parse_form(with_files, with_files=True)
    assert (form.one("a"), dict(form.files)) == ("é", {"photo": b"\xff\xd8\r\n\x00--x"})


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("", b"a=1"),
        ("application/json", b"{}"),
        (URLENCODED, b"\xff"),
        (URLENCODED, b"a=%ff"),
        (URLENCODED, b"a=1&" * 300),
        (URLENCODED, b"name=a%00b"),
        (URLENCODED, b"a%00=b"),
        ("multipart/form-data", b"--x--"),
        ("multipart/form-data; boundary=x", b"nothing"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nno name\r\n--x--\r\n"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n\xff\r\n--x--',
        ),
    ],
)
def test_what_is_no_form_of_ours_is_refused(kind, body):
    with pytest.raises(BadForm):
        parse_form(request(body, content_type=kind), with_files=True)


def test_files_are_read_on_no_page_but_one_that_asks_for_them():
    """Whoever is not signed in can make the server split nothing."""
    body = b'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n'
    asked = request(body, content_type="multipart/form-data; boundary=x")
    assert parse_form(asked, with_files=True).one("a") == "1"
    with pytest.raises(BadForm):
        parse_form(asked)


@pytest.mark.parametrize("query", ["&".join(["a=1"] * 300), "after=%00", "%00=1"])
def test_a_query_of_no_page_of_ours_is_refused(query):
    """Neither more members than we count, nor what no database takes, is a fault of the server."""
    with pytest.raises(BadForm):
        WebRequest(method="GET", path="/console", query=query, headers={}).asked()


@pytest.mark.parametrize(
    ("headers", "believed"),
    [
        ({"sec_fetch_site": "same-origin"}, True),
        ({"sec_fetch_site": "same-origin", "origin": "null"}, True),
        ({"sec_fetch_site": "cross-site", "origin": "http://h"}, False),
        ({"sec_fetch_site": "none"}, False),
        ({"origin": "http://h"}, True),
        ({"origin": "https://h"}, False),
        ({"origin": "http://h.evil.example"}, False),
        ({"origin": "null"}, False),
        ({}, False),
    ],
)
def test_whose_page_sent_a_form(headers, believed):
    """A browser that tells neither way is not believed."""
    assert request(host="h", **headers).is_from_our_pages is believed


@pytest.mark.parametrize(
    ("host", "scheme", "private"),
    [
        ("localhost:8080", "http", True),
        ("127.0.0.1", "http", True),
        ("[::1]:8080", "http", True),
        ("faces.example", "https", True),
        ("faces.example", "http", False),
        ("localhost.evil.example", "http", False),
        ("", "http", False),
        ("[", "http", False),
    ],
)
def test_where_a_password_may_be_typed(host, scheme, private):
    asked = WebRequest(method="GET", path="/", query="", headers={"host": host}, scheme=scheme)
    assert asked.is_private is private


@pytest.mark.parametrize(
    ("cookie", "number"),
    [
        ("countenance-console=" + "a" * 43, "a" * 43),
        ("other=1; countenance-console=" + "a" * 43 + "; more=2", "a" * 43),
        ("countenance-console=short", None),
        ("countenance-console=" + "a" * 500, None),
        ("countenance-console=" + "a" * 42 + "\x00", None),
        ("xcountenance-console=" + "a" * 43, None),
        ("", None),
    ],
)
def test_the_number_of_a_session(cookie, number):
    assert request(cookie=cookie).session_number == number


def test_over_tls_the_session_is_in_a_cookie_that_only_this_host_can_set():
    """A neighbour's page, or one without TLS, could else plant a session of its own."""
    number = "a" * 43
    planted = {"cookie": f"countenance-console={number}"}
    own = {"cookie": f"{planted['cookie']}x; __Host-countenance-console={number}"}
    for headers, scheme, found in (
        (planted, "https", None),
        (own, "https", number),
        (planted, "http", number),
    ):
        asked = WebRequest(method="GET", path="/", query="", headers=headers, scheme=scheme)
        assert asked.session_number == found


@pytest.mark.parametrize(
    ("told", "scheme"),
    [
        ("https", "https"),
        ("HTTPS", "https"),
        ("http, https", "https"),
        ("http,https ", "https"),
        ("https, http", "http"),
        ("https,", "http"),
        ("", "http"),
        ("wss", "http"),
    ],
)
def test_the_nearest_proxy_says_how_the_browser_is_connected(told, scheme):
    """What stands before its word came with the request, from whoever sent it."""
    head = Head(method="GET", path="/", query="", headers={}, received_at=datetime.now(UTC), client="")
    assert WebRequest.of(head, b"", scheme=told).scheme == scheme


@pytest.mark.parametrize(
    ("method", "told", "asks"),
    [
        ("GET", "quick", "quick"),
        ("GET", "whole", "whole"),
        ("GET", "", None),
        ("GET", "QUICK", None),
        ("POST", "quick", None),
    ],
)
def test_only_a_page_that_is_read_again_is_no_use_of_a_session(method, told, asks):
    """A form is somebody's, whatever header comes along."""
    headers = {"x-countenance-refresh": told} if told else {}
    assert WebRequest(method=method, path="/console", query="", headers=headers).refreshes == asks
