from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from unittest.mock import patch

import botocore.auth
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from countenance.errors import (
    IncompleteSignatureException,
    InvalidSignatureException,
    MissingAuthenticationTokenException,
)
from countenance.gateway.sigv4 import check_scope, parse_authorization, verify

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
KEY_ID = "AKIAABCDEFGHIJKLMNOP"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
BODY = b'{"CollectionId":"friends"}'
SCOPE = {"region": "us-east-1", "service": "rekognition"}


def signed(
    body=BODY, *, at=NOW, token=None, secret=SECRET, region="us-east-1", service="rekognition", **extra
):
    """The headers of a request that botocore's own signer has signed, by lower-case name."""
    headers = {
        "Host": "127.0.0.1:8080",
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "RekognitionService.DescribeCollection",
    } | {name.replace("_", "-"): value for name, value in extra.items()}
    request = AWSRequest("POST", "http://127.0.0.1:8080/", headers=headers, data=body)
    with patch.object(botocore.auth, "get_current_datetime", return_value=at.replace(tzinfo=None)):
        SigV4Auth(Credentials(KEY_ID, secret, token), service, region).add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


def check(headers, body=BODY, *, secret=SECRET, now=NOW, **scope):
    verify(parse_authorization(headers), body, secret=secret, now=now, **(SCOPE | scope))


def altered(headers, pattern, replacement):
    value, count = re.subn(pattern, replacement, headers["authorization"])
    assert count == 1
    return headers | {"authorization": value}


@given(body=st.binary(max_size=200), token=st.none() | st.from_regex(r"[A-Za-z0-9+/=]{1,80}", fullmatch=True))
def test_what_botocore_signs_is_accepted(body, token):
    """With and without a session token, whatever the body."""
    headers = signed(body, token=token)
    authorization = parse_authorization(headers)
    assert (authorization.access_key_id, authorization.session_token) == (KEY_ID, token)
    assert authorization.requested_at == NOW
    check(headers, body)


@given(body=st.binary(min_size=1, max_size=50), data=st.data())
def test_a_body_that_differs_in_one_bit_is_refused(body, data):
    """Wherever the bit is."""
    place, bit = data.draw(st.integers(0, len(body) - 1)), data.draw(st.integers(0, 7))
    other = body[:place] + bytes([body[place] ^ 1 << bit]) + body[place + 1 :]
    with pytest.raises(
        InvalidSignatureException, match=r"^The request signature we calculated does not match"
    ):
        check(signed(body), other)


@pytest.mark.parametrize("name", ["host", "content-type", "x-amz-target"])
def test_a_signed_header_that_was_changed_is_refused(name):
    """The target above all: it says which operation is meant."""
    headers = signed()
    with pytest.raises(InvalidSignatureException):
        check(headers | {name: headers[name] + "x"})


def test_a_session_token_cannot_be_exchanged():
    """A token is signed with the rest."""
    with pytest.raises(InvalidSignatureException):
        check(signed(token="one") | {"x-amz-security-token": "two"})


def test_another_secret_is_refused():
    """The one thing that signing proves."""
    with pytest.raises(InvalidSignatureException):
        check(signed(secret=SECRET[:-1] + "Z"))


def test_a_signature_that_differs_in_its_last_digit_is_refused():
    """Compared whole."""
    headers = signed()
    last = headers["authorization"][-1]
    with pytest.raises(InvalidSignatureException):
        check(headers | {"authorization": headers["authorization"][:-1] + ("0" if last != "0" else "1")})


def test_an_unsigned_header_may_change_on_its_way():
    """Proxies add some."""
    check(signed() | {"x-forwarded-for": "10.0.0.1"})


def test_parameters_may_be_separated_by_a_bare_comma():
    """Some SDKs send no space."""
    headers = signed()
    check(headers | {"authorization": headers["authorization"].replace(", ", ",")})


def test_space_inside_a_signed_header_counts_once():
    """As the canonical form has it: a hop may fold runs of space."""
    check(signed(X_Amz_Meta="a   b") | {"x-amz-meta": "  a b "})


def test_a_header_in_utf_8_is_signed_by_its_bytes():
    """The last byte of "à" reads as a no-break space in Latin-1, and is not one."""
    arrived = "à la carte".encode().decode("latin-1")
    check(signed(X_Amz_Meta="à la carte") | {"x-amz-meta": arrived})


@pytest.mark.parametrize("value", [None, "", "Bearer abc", "Basic eDp5"])
def test_no_signature_is_a_missing_token(value):
    """As AWS says it to a browser."""
    headers = signed() | {"authorization": value or ""}
    if value is None:
        del headers["authorization"]
    with pytest.raises(MissingAuthenticationTokenException):
        parse_authorization(headers)


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        ("^AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
        ("Credential=[^,]+, ", ""),
        ("SignedHeaders=[^,]+, ", ""),
        (", Signature=.*", ""),
        ("Signature=.*", "Signature="),
        ("Signature=.*", "Signature=abc"),
        ("Signature=.{64}", "Signature=" + "G" * 64),
        ("$", ", Signature=" + "0" * 64),
        ("$", ", Extra=1"),
        ("$", ",AWS4-HMAC-SHA256 Credential=x"),
        ("Credential=[^/]+/", "Credential=/"),
        ("/aws4_request", ""),
        ("/aws4_request", "/aws4_request/more"),
        ("SignedHeaders=", "SignedHeaders=Host;"),
        ("SignedHeaders=", "SignedHeaders=host;"),
        ("SignedHeaders=", "SignedHeaders=;"),
    ],
)
def test_a_signature_with_a_part_missing_repeated_or_malformed_is_incomplete(pattern, replacement):
    """A second Authorization header arrives joined to the first, and reads as one of these."""
    with pytest.raises(IncompleteSignatureException):
        parse_authorization(altered(signed(), pattern, replacement))


def test_each_missing_parameter_is_named():
    """The words are Amazon's."""
    with pytest.raises(IncompleteSignatureException, match="requires 'SignedHeaders' parameter") as caught:
        parse_authorization({"authorization": "AWS4-HMAC-SHA256 Credential=x"})
    assert "requires 'Signature' parameter" in caught.value.message
    assert "'Credential'" not in caught.value.message


@pytest.mark.parametrize("name", ["host", "x-amz-date", "x-amz-target", "x-amz-security-token"])
def test_headers_that_matter_must_be_signed(name):
    """Otherwise whoever stands between could exchange them."""
    headers = signed(token="token")
    authorization = headers["authorization"]
    names = re.search("SignedHeaders=([^,]+)", authorization).group(1)
    fewer = ";".join(found for found in names.split(";") if found != name)
    with pytest.raises(InvalidSignatureException, match=f"'{name}' must be a 'SignedHeader'"):
        parse_authorization(headers | {"authorization": authorization.replace(names, fewer)})


def test_an_added_token_or_target_must_be_signed_too():
    """Headers that were not there when the client signed."""
    headers = signed()
    with pytest.raises(InvalidSignatureException, match="x-amz-security-token"):
        parse_authorization(headers | {"x-amz-security-token": "stolen"})


def test_a_signed_header_that_does_not_arrive_is_refused():
    """An absent header is not an empty one."""
    headers = signed()
    del headers["content-type"]
    with pytest.raises(InvalidSignatureException, match="'content-type' is not in the request"):
        parse_authorization(headers)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "20261101",
        "2026-11-01T12:00:00Z",
        "20261301T000000Z",
        "20261101T120000Z,20261101T120000Z",
        "2026110\u0661T120000Z",
    ],
)
def test_the_time_must_be_there_in_basic_form(value):
    """Also when two of them arrive."""
    headers = signed()
    if value is None:
        del headers["x-amz-date"]
    else:
        headers["x-amz-date"] = value
    with pytest.raises(IncompleteSignatureException):
        parse_authorization(headers)


@pytest.mark.parametrize("minutes", [-5, 0, 5])
def test_clocks_may_differ_by_five_minutes(minutes):
    """AWS's norm; inclusive."""
    check(signed(at=NOW + timedelta(minutes=minutes)))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-301, "^Signature expired: 20261101T115459Z is now earlier than"),
        (301, "^Signature not yet current: "),
    ],
)
def test_clocks_may_not_differ_by_more(seconds, words):
    """The messages are those that SDKs correct their clock by."""
    with pytest.raises(InvalidSignatureException, match=words):
        check(signed(at=NOW + timedelta(seconds=seconds)))


def test_a_client_in_another_time_zone_is_not_early():
    """The server's clock may be given in any zone."""
    check(signed(), now=NOW.astimezone(timezone(timedelta(hours=9))))


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ({"region": "eu-west-1"}, "should be scoped to a valid region"),
        ({"service": "s3"}, "should be scoped to correct service: 'rekognition'"),
    ],
)
def test_a_credential_for_elsewhere_is_refused(scope, words):
    """Amplify's client looks for "valid region"."""
    with pytest.raises(InvalidSignatureException, match=words):
        check(signed(**scope))


def test_the_scope_is_checked_before_the_body_is_there():
    """A stranger to the region is refused by the head alone."""
    authorization = parse_authorization(signed(region="eu-west-1"))
    with pytest.raises(InvalidSignatureException, match="valid region"):
        check_scope(authorization, now=NOW, **SCOPE)
    check_scope(parse_authorization(signed()), now=NOW, **SCOPE)


@pytest.mark.parametrize(
    ("pattern", "replacement", "words"),
    [
        ("/aws4_request", "/aws5_request", "valid terminator"),
        ("/20261101/", "/20261031/", "'20261031' != '20261101'"),
    ],
)
def test_the_scopes_day_and_terminator_must_fit(pattern, replacement, words):
    """A key derived for one day signs for no other."""
    with pytest.raises(InvalidSignatureException, match=words):
        check(altered(signed(), pattern, replacement))


def test_a_payload_hash_that_is_sent_must_be_the_bodys():
    """Other SDKs send it; it is checked, signed or not."""
    digest = hashlib.sha256(BODY).hexdigest()
    check(signed(X_Amz_Content_SHA256=digest))
    check(signed() | {"x-amz-content-sha256": digest})
    with pytest.raises(InvalidSignatureException, match="x-amz-content-sha256"):
        check(signed() | {"x-amz-content-sha256": hashlib.sha256(b"other").hexdigest()})


@pytest.mark.parametrize(
    "value",
    ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "", "0" * 63, f"{'0' * 64},{'0' * 64}"],
)
def test_a_payload_that_is_not_hashed_is_refused_by_its_head(value):
    """A signature that leaves the body out proves nothing about it."""
    with pytest.raises(InvalidSignatureException, match="x-amz-content-sha256"):
        parse_authorization(signed() | {"x-amz-content-sha256": value})


def test_a_second_value_of_a_signed_header_is_not_overlooked():
    """The gateway joins repeated headers with a comma, as the canonical form does."""
    headers = signed()
    with pytest.raises(InvalidSignatureException):
        check(headers | {"x-amz-target": f"{headers['x-amz-target']},RekognitionService.DeleteCollection"})


@given(st.text(alphabet=st.characters(codec="latin-1")), st.text(alphabet=st.characters(codec="latin-1")))
def test_no_header_does_anything_but_parse_or_be_refused(authorization, other):
    """Whatever bytes a stranger sends: one of three answers, never a traceback."""
    headers = signed() | {"content-type": other}
    for value in (authorization, f"AWS4-HMAC-SHA256 {authorization}", headers["authorization"]):
        with suppress(
            MissingAuthenticationTokenException, IncompleteSignatureException, InvalidSignatureException
        ):
            check(headers | {"authorization": value})


@pytest.mark.parametrize("place", range(5))
def test_letters_beyond_ascii_are_refused_not_crashed_on(place):
    """Header bytes arrive as Latin-1; a credential may hold any of them."""
    headers = signed()
    parts = re.search("Credential=([^,]+)", headers["authorization"]).group(1).split("/")
    parts[place] = "é"
    changed = altered(headers, "Credential=[^,]+", "Credential=" + "/".join(parts))
    with pytest.raises(InvalidSignatureException):
        check(changed, secret="é", region=parts[2], service=parts[3])


def test_nothing_secret_is_shown():
    """A value that reaches a log must hold neither token nor signature."""
    headers = signed(token="the-token")
    shown = repr(parse_authorization(headers))
    assert "the-token" not in shown
    assert headers["authorization"][-64:] not in shown


def test_what_sign_makes_is_what_botocore_makes_and_verify_takes():
    """The console's calls are signed as everybody's are."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    from countenance.gateway.sigv4 import sign

    now, body = datetime.now(UTC).replace(microsecond=0), b'{"a": 1}'
    headers = {"host": "h.invalid", "content-type": "application/x-amz-json-1.1", "x-amz-target": "T.Op"}
    made = sign(headers, body, access_key_id="AKIA", secret="secret", now=now, region="r-1", service="s")
    asked = AWSRequest("POST", "https://h.invalid/", headers=headers, data=body)
    signer = SigV4Auth(Credentials("AKIA", "secret"), "s", "r-1")
    asked.context["timestamp"] = made["x-amz-date"]
    asked.headers["X-Amz-Date"] = made["x-amz-date"]
    canonical = signer.canonical_request(asked)
    signature = signer.signature(signer.string_to_sign(asked, canonical), asked)
    assert made["authorization"].endswith(f"Signature={signature}")
    claimed = parse_authorization(made)
    verify(claimed, body, secret="secret", now=now, region="r-1", service="s")
    with pytest.raises(InvalidSignatureException):
        verify(claimed, body + b" ", secret="secret", now=now, region="r-1", service="s")
