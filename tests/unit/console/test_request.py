"""What browsers send, read without belief."""

from __future__ import annotations

import pytest

from countenance.console.request import BadForm, WebRequest, parse_form

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
    form = parse_form(request(body, content_type='multipart/form-data; boundary="x"'))
    assert (form.one("a"), dict(form.files)) == ("é", {"photo": b"\xff\xd8\r\n\x00--x"})


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("", b"a=1"),
        ("application/json", b"{}"),
        (URLENCODED, b"\xff"),
        (URLENCODED, b"a=%ff"),
        (URLENCODED, b"a=1&" * 300),
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
        parse_form(request(body, content_type=kind))


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
