"""An attempt with a passkey: of one browser, for one thing, for a while; and where there are any at all."""

from __future__ import annotations

import base64
import json

import pytest

from countenance.accounts.authenticators import Place
from countenance.console.passkey_attempt import PasskeyAttempt, find_place
from countenance.console.request import WebRequest

KEY, HERE = b"k" * 32, "the number of a browser"


def read(
    text: str, *, key: bytes = KEY, browser: str = HERE, about: str = "sign in"
) -> PasskeyAttempt | None:
    return PasskeyAttempt.from_text(text, key, browser, about=about)


def test_it_comes_back_to_the_browser_that_it_was_put_to():
    attempt = PasskeyAttempt(about="sign in")
    assert read(attempt.to_text(KEY, HERE)) == attempt
    assert len(attempt.challenge) == 32
    assert attempt.challenge.hex() not in repr(attempt)


def test_another_browsers_another_questions_a_late_and_a_made_up_one_are_none():
    """Else somebody has another sign in as them, or add a key to an account that is not theirs."""
    text = PasskeyAttempt(about="sign in").to_text(KEY, HERE)
    body, _, mark = text.partition(".")
    told = json.loads(base64.urlsafe_b64decode(body))
    forged = base64.urlsafe_b64encode(json.dumps(told | {"ends_at_s": 2**40}).encode()).decode()
    late = PasskeyAttempt(about="sign in", ends_at_s=1).to_text(KEY, HERE)
    for wrong in (
        "",
        ".",
        "x",
        "x.y",
        body,
        f"{forged}.{mark}",
        f"{body}.{'0' * 64}",
        late,
        text[:-1],
        "é.é",
    ):
        assert read(wrong) is None, wrong
    assert read(text, browser="another") is None
    assert read(text, key=b"x" * 32) is None
    assert read(text, about="add") is None


def asked(host: str, scheme: str = "http") -> WebRequest:
    return WebRequest(method="GET", path="/console", query="", headers={"host": host}, scheme=scheme)


@pytest.mark.parametrize(
    ("host", "scheme", "origin"),
    [
        ("localhost:8080", "http", "http://localhost:8080"),
        ("LOCALHOST", "http", "http://localhost"),
        ("localhost:443", "https", "https://localhost"),
    ],
)
def test_on_the_servers_own_machine_there_are_passkeys_without_setting_up_anything(host, scheme, origin):
    assert find_place(asked(host, scheme), None) == Place(origin, "localhost")


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("127.0.0.1:8080", "address of numbers"),
        ("[::1]:8080", "address of numbers"),
        ("countenance.example", "not set up"),
        ("localhost.evil.example", "not set up"),
        ("localhost/x", "not set up"),
        ("[", "not set up"),
        ("", "not set up"),
    ],
)
def test_elsewhere_the_page_says_why_there_are_none(host, said):
    """A host that the browser names is nobody's word: what is set up decides, and not what was asked for."""
    assert said in find_place(asked(host, "https"), None)


def test_what_is_set_up_is_the_only_place():
    """A proxy under another name would else collect passkeys of its own for this server."""
    place = Place.of("https://countenance.example")
    assert find_place(asked("countenance.example", "https"), place) == place
    assert find_place(asked("Countenance.Example:443", "https"), place) == place
    for host, scheme in (
        ("countenance.example", "http"),
        ("evil.example", "https"),
        ("countenance.example:8443", "https"),
        ("localhost", "http"),
        ("[", "https"),
    ):
        assert find_place(asked(host, scheme), place) == (
            "Passkeys work at https://countenance.example/console alone"
        )
