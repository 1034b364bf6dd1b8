"""What an authenticator says, and how little of it is believed: the library's checks, and ours around."""

from __future__ import annotations

import json
import secrets

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from authenticator import ATTESTED, PRESENT, VERIFIED, Authenticator
from countenance.accounts.authenticators import (
    NotShown,
    Place,
    check_made,
    check_shown,
    creation_options,
    read_shown,
    request_options,
)
from countenance.errors import SetupError

PLACE = Place.of("https://countenance.example")
CHALLENGE = b"c" * 32
ID = "5f0c1a9e-0000-4000-8000-000000000001"


@pytest.fixture
def device() -> Authenticator:
    return Authenticator(PLACE.origin)


def options(challenge: bytes = CHALLENGE, place: Place = PLACE) -> str:
    return creation_options(place, challenge, operator_id=ID, name="Ada", has=[])


@pytest.fixture
def made(device):
    return check_made(device.make(options()), PLACE, CHALLENGE)


def test_what_was_made_here_signs_here(device, made):
    """The whole way, with real keys: nothing of the library is stood in for."""
    shown = read_shown(device.sign(request_options(PLACE, b"d" * 32)))
    assert (shown.credential_id, shown.handle) == (made.credential_id, ID)
    assert check_shown(shown, PLACE, b"d" * 32, public_key=made.public_key) == 1


def test_what_is_asked_for_is_a_key_that_knows_its_holder_and_verifies_them():
    """No name to type, no second factor beside it, and no maker of devices that is told to us."""
    told = json.loads(options())
    assert told["authenticatorSelection"]["residentKey"] == "required"
    assert told["authenticatorSelection"]["userVerification"] == "required"
    assert told["attestation"] == "none"
    asked = json.loads(request_options(PLACE, CHALLENGE))
    assert (asked["userVerification"], asked.get("allowCredentials", [])) == ("required", [])


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "https://evil.example"},
        {"origin": "https://countenance.example.evil.example"},
        {"origin": "http://countenance.example"},
        {"origin": "https://countenance.example:8443"},
        {"challenge": b"x" * 32},
        {"challenge": b""},
        {"type": "webauthn.get"},
        {"place": "evil.example"},
        {"flags": PRESENT | ATTESTED},
        {"flags": VERIFIED | ATTESTED},
        {"flags": PRESENT | VERIFIED},
        {"cross_origin": True},
        {"fmt": "tpm"},
        {"fmt": "android-safetynet"},
        {"fmt": "packed"},
        {"statement": {"sig": b"x", "alg": -7}},
    ],
    ids=str,
)
def test_a_passkey_that_was_not_made_here_and_now_is_not_taken(device, wrong):
    with pytest.raises(NotShown):
        check_made(device.make(options(), **wrong), PLACE, CHALLENGE)


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://localhost"},
        {"challenge": b"x" * 32},
        {"type": "webauthn.create"},
        {"place": "evil.example"},
        {"flags": PRESENT},
        {"flags": VERIFIED},
        {"flags": 0},
        {"cross_origin": True},
        {"private": ec.generate_private_key(ec.SECP256R1())},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_signature_that_was_not_made_here_and_now_is_none(device, made, wrong):
    shown = read_shown(device.sign(request_options(PLACE, CHALLENGE), **wrong))
    with pytest.raises(NotShown):
        check_shown(shown, PLACE, CHALLENGE, public_key=made.public_key)


def test_who_it_is_has_to_be_said(device, made):
    """A passkey without its holder's id is none that can be found again."""
    with pytest.raises(NotShown):
        read_shown(device.sign(request_options(PLACE, CHALLENGE), handle=None))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        "0",
        '{"id": "AA", "rawId": "AA", "type": "public-key", "response": {}}',
        "{" * 5000,
        "\x00",
        '{"id": 5}',
        "x" * 70_000,
        json.dumps({"id": "é", "rawId": "é", "response": []}),
    ],
    ids=range(11),
)
def test_nonsense_is_refused_and_nothing_else(text):
    with pytest.raises(NotShown):
        read_shown(text)
    with pytest.raises(NotShown):
        check_made(text, PLACE, CHALLENGE)


def test_broken_answers_of_every_kind_are_refused(device, made):
    """Bytes changed anywhere in what an authenticator said: never an error of another kind, never belief."""
    for change in ("attestationObject", "clientDataJSON"):
        good = json.loads(device.make(options()))
        for _ in range(40):
            text = list(good["response"][change])
            place = secrets.randbelow(len(text) - 2)
            text[place] = "A" if text[place] != "A" else "Q"
            bad = good | {"response": good["response"] | {change: "".join(text)}}
            try:
                found = check_made(json.dumps(bad), PLACE, CHALLENGE)
            except NotShown:
                continue
            assert found.credential_id  # a bit of the key or the count: what is not signed cannot be known


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        ("https://countenance.example", "countenance.example"),
        ("https://Countenance.Example:8443/", "countenance.example"),
        ("http://localhost:8080", "localhost"),
    ],
)
def test_a_place_is_a_host_with_a_name(origin, name):
    assert Place.of(origin).name == name
    assert Place.of("https://countenance.example:443").origin == "https://countenance.example"


@pytest.mark.parametrize(
    "origin",
    [
        "http://countenance.example",
        "https://127.0.0.1",
        "https://[::1]",
        "https://2130706433",
        "https://",
        "x",
        *("https://a.example/console", "https://a.example?x", "https://u:p@a.example", "ftp://a.example", ""),
        *("https://a_b.example", "https://a.example:99999", "https://a..example"),
    ],
)
def test_what_browsers_make_no_passkeys_for_is_said_at_the_start(origin):
    """An address of numbers, no TLS, or more than an origin: not left to the first person who signs in."""
    with pytest.raises(SetupError):
        Place.of(origin)
