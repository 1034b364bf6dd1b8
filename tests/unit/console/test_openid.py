"""What an OpenID provider says, and how little of it is believed."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from countenance.accounts.sign_in import Identity
from countenance.console.openid import Attempt, NotSaid, OpenIdProvider
from countenance.errors import SetupError
from openid_provider import CLIENT, SECRET, Provider

BACK_TO = "http://127.0.0.1/back"
KEY = b"k" * 32


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def ours(provider) -> OpenIdProvider:
    return OpenIdProvider(provider.issuer, client_id=CLIENT, client_secret=SECRET)


def who(provider: Provider, ours: OpenIdProvider) -> Identity:
    attempt = Attempt()
    provider.answers.setdefault("/token", {"id_token": provider.token(attempt.nonce)})
    return ours.who(attempt, "the code", back_to=BACK_TO)


def test_whom_the_provider_names_is_believed_and_the_code_is_bound_to_the_attempt(provider, ours):
    """With PKCE, a nonce, and our secret in the header that it belongs in."""
    assert who(provider, ours) == Identity(provider.issuer, "ada-1")
    [(_, body, authorization)] = [each for each in provider.asked if each[0] == "/token"]
    assert b"code_verifier=" in body
    assert authorization.startswith("Basic ")
    attempt = Attempt()
    address = ours.address_for(attempt, back_to=BACK_TO)
    assert attempt.verifier not in address
    assert {f"state={attempt.state}", "code_challenge_method=S256"} <= set(
        address.partition("?")[2].split("&")
    )


def test_a_token_by_another_of_its_keys_is_as_good(provider, ours):
    provider.signed = (provider.ec, "ES256", "two")
    assert who(provider, ours).subject == "ada-1"


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another program"},
        {"iss": "https://evil.example"},
        {"exp": 1},
        {"exp": None},
        {"nonce": "of another attempt"},
        {"nonce": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 256},
        {"aud": [CLIENT, "other"], "azp": "other"},
        {"iat": None},
    ],
)
def test_a_token_that_is_not_ours_now_is_not_believed(provider, ours, claims):
    provider.claims = claims
    with pytest.raises(NotSaid):
        who(provider, ours)


def test_a_token_that_the_provider_did_not_sign_is_not_believed(provider, ours):
    """By a stranger's key, by our own secret, by its public key taken for a secret, or by nobody."""
    for signed in ((provider.other, "RS256", "one"), (SECRET, "HS256", "one"), (None, "none", "one")):
        provider.signed = signed
        provider.answers.pop("/token", None)
        with pytest.raises(NotSaid, match="does not hold"):
            who(provider, ours)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/token", None),
        ("/token", {"error": "invalid_grant"}),
        ("/token", []),
        ("/token", b"<html>"),
        ("/token", b"{" + b" " * 300_000 + b"}"),
        ("/token", {"id_token": 7}),
        ("/token", {"id_token": "a.b.c"}),
        ("/keys", None),
        ("/keys", {"keys": []}),
        ("/.well-known/openid-configuration", None),
        ("/.well-known/openid-configuration", {"issuer": "https://evil.example"}),
        ("/.well-known/openid-configuration", {}),
    ],
)
def test_whatever_the_provider_answers_is_told_in_words(provider, ours, path, told):
    provider.answers[path] = told
    with pytest.raises(NotSaid):
        who(provider, ours)


def test_a_provider_that_is_not_there_is_told(provider):
    ours = OpenIdProvider("http://127.0.0.1:9", client_id=CLIENT, client_secret=SECRET)
    with pytest.raises(NotSaid, match="does not answer"):
        ours.address_for(Attempt(), back_to=BACK_TO)


@pytest.mark.parametrize(
    "given",
    [
        {"issuer": "http://id.example"},
        {"issuer": "ftp://localhost"},
        {"issuer": "id.example"},
        {"client_id": ""},
        {"client_secret": ""},
    ],
)
def test_a_provider_that_cannot_be_is_refused_at_the_start(given):
    told = {"issuer": "https://id.example", "client_id": CLIENT, "client_secret": SECRET} | given
    with pytest.raises(SetupError):
        OpenIdProvider(told.pop("issuer"), **told)


def test_an_attempt_comes_back_as_it_was_and_from_nobody_else():
    """The browser can neither change it, nor make one, nor keep it for long."""
    attempt = Attempt(invitation="a code")
    cookie = attempt.to_cookie(KEY)
    assert Attempt.from_cookie(cookie, KEY) == attempt
    body, _, mark = cookie.partition(".")
    other = "".join("1" if digit == "0" else "0" for digit in mark)
    for wrong in (body, f"{body}.", f"{body[1:]}.{mark}", f"{body}.{other}", "", ".", "ä.b"):
        assert Attempt.from_cookie(wrong, KEY) is None
    assert Attempt.from_cookie(cookie, b"o" * 32) is None
    assert Attempt.from_cookie(replace(attempt, ends_at_s=int(time.time()) - 1).to_cookie(KEY), KEY) is None


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a provider that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_silent_provider_keeps_one_thread_and_not_for_long(silent):
    """Four threads make the pages: strangers' clicks on "with your organisation" held them for 40 s."""
    ours = OpenIdProvider(silent, client_id=CLIENT, client_secret=SECRET)
    took: list[float] = []

    def click() -> None:
        began = time.monotonic()
        with pytest.raises(NotSaid):
            ours.address_for(Attempt(), back_to=BACK_TO)
        took.append(time.monotonic() - began)

    clicks = [threading.Thread(target=click) for _ in range(4)]
    for each in clicks:
        each.start()
    for each in clicks:
        each.join()
    assert len(took) == 4
    assert max(took) < 4.5
    assert sum(each > 2 for each in took) == 1
    took.clear()
    click()
    assert took[0] < 0.2, "a failure is remembered"


def test_a_code_that_a_stranger_made_up_keeps_nobody_else_out(provider, ours):
    """The provider answers that with an error: that is no silence, for which nobody would be signed in."""
    with pytest.raises(NotSaid, match="refused"):
        ours.who(Attempt(), "made up", back_to=BACK_TO)
    assert who(provider, ours) == Identity(provider.issuer, "ada-1")


def test_once_described_the_way_there_needs_no_turn(provider, ours):
    """Whoever begins a sign-in does not wait for somebody whose code is being exchanged."""
    ours.address_for(Attempt(), back_to=BACK_TO)
    with ours._asking():
        began = time.monotonic()
        assert ours.address_for(Attempt(), back_to=BACK_TO).startswith(f"{provider.issuer}/auth?")
        assert time.monotonic() - began < 0.5
