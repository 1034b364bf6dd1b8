"""AWS Signature Version 4, verified (and, for the console, made): strings and bytes in, verdict out.

In two steps, because the signature covers the body and a stranger's body should not be read:
`parse_authorization` and `check_scope` need only the headers, `verify` the body as well. The request is
always `POST /` without a query, which is all that AWS JSON 1.1 has.

Deliberately not here: query-string (presigned) signatures, unsigned and chunk-signed payloads, SigV4A.
No message carries a signature, a token or a secret.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from countenance.errors import (
    IncompleteSignatureException,
    InvalidSignatureException,
    MissingAuthenticationTokenException,
)

MAX_SKEW = timedelta(minutes=5)

_ALGORITHM = "AWS4-HMAC-SHA256"
_TERMINATOR = "aws4_request"
_PARAMETERS = ("Credential", "SignedHeaders", "Signature")
_TIME_FORMAT = "%Y%m%dT%H%M%SZ"
_TIME = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_SHA256_HEX = re.compile(r"[0-9a-f]{64}")
_HEADER_NAMES = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+(;[!#$%&'*+.^_`|~0-9a-z-]+)*")
_BLANKS = re.compile(r"[ \t]+")
_SIGNED_ALWAYS = ("host", "x-amz-date")
_SIGNED_IF_SENT = ("x-amz-target", "x-amz-security-token")


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """What a request's head claims, and what of it the signature covers. Nothing of it is proved yet.

    Attributes:
        scope: date, region, service and terminator of the credential.
        requested_at: X-Amz-Date; `timestamp` is the same as it was sent.
        session_token: X-Amz-Security-Token, or None.
        payload_hash: X-Amz-Content-SHA256, or None.
        signed_headers: the names, `;` between them, as listed.
        canonical_headers: those headers in canonical form.
    """

    access_key_id: str
    scope: tuple[str, str, str, str]
    requested_at: datetime
    timestamp: str
    session_token: str | None = field(repr=False)
    payload_hash: str | None
    signed_headers: str
    canonical_headers: str = field(repr=False)
    signature: str = field(repr=False)


def parse_authorization(headers: Mapping[str, str]) -> Authorization:
    """What the head claims.

    Args:
        headers: by lower-case name, decoded as Latin-1; a repeated header's values joined by commas (so
            that a second `authorization`, `x-amz-date` or `x-amz-content-sha256` is refused here, and a
            second `x-amz-target` or `x-amz-security-token` names nothing that exists).

    Raises:
        MissingAuthenticationTokenException: not signed at all.
        IncompleteSignatureException: a part of the signature is missing or malformed.
        InvalidSignatureException: a header that must be signed is not; the payload is not hashed.
    """
    parameters = _parse_parameters(headers.get("authorization", ""))
    access_key_id, scope = _parse_credential(parameters["Credential"])
    signed_headers = parameters["SignedHeaders"]
    timestamp = headers.get("x-amz-date", "")
    return Authorization(
        access_key_id=access_key_id,
        scope=scope,
        requested_at=_parse_time(timestamp),
        timestamp=timestamp,
        session_token=headers.get("x-amz-security-token"),
        payload_hash=_parse_payload_hash(headers.get("x-amz-content-sha256")),
        signed_headers=signed_headers,
        canonical_headers=_canonical_headers(headers, signed_headers),
        signature=parameters["Signature"],
    )


def check_scope(authorization: Authorization, *, now: datetime, region: str, service: str) -> None:
    """Whether the credential is for this region, service and time; needs neither secret nor body.

    Raises:
        InvalidSignatureException: it is not.
    """
    date, scope_region, scope_service, terminator = authorization.scope
    if scope_region != region:
        # Amplify's client looks for "valid region" in the message.
        raise InvalidSignatureException(
            f"Credential should be scoped to a valid region, which is '{region}'."
        )
    if scope_service != service:
        raise InvalidSignatureException(f"Credential should be scoped to correct service: '{service}'.")
    if terminator != _TERMINATOR:
        raise InvalidSignatureException(
            f"Credential should be scoped with a valid terminator: '{_TERMINATOR}'."
        )
    if date != authorization.timestamp[:8]:
        raise InvalidSignatureException(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{date}' != '{authorization.timestamp[:8]}', from '{authorization.timestamp}'."
        )
    _check_time(authorization, now)


def verify(
    authorization: Authorization,
    body: bytes | bytearray | memoryview,
    *,
    secret: str,
    now: datetime,
    region: str,
    service: str,
) -> None:
    """Whether the holder of `secret` signed this head with this body, for here and now.

    Args:
        now: when the request's head arrived: a slow body does not make a signature expire.

    Raises:
        InvalidSignatureException: they did not.
    """
    check_scope(authorization, now=now, region=region, service=service)
    body_hash = hashlib.sha256(body).hexdigest()
    if authorization.payload_hash not in {None, body_hash}:
        raise InvalidSignatureException(
            "The provided 'x-amz-content-sha256' header does not match what was computed."
        )
    to_sign = _string_to_sign(
        authorization.canonical_headers,
        authorization.signed_headers,
        body_hash,
        authorization.timestamp,
        authorization.scope,
    )
    expected = hmac.new(_signing_key(secret, authorization.scope), to_sign, hashlib.sha256)
    if not hmac.compare_digest(expected.hexdigest(), authorization.signature):
        raise InvalidSignatureException


def sign(
    headers: Mapping[str, str],
    body: bytes,
    *,
    access_key_id: str,
    secret: str,
    now: datetime,
    region: str,
    service: str,
) -> dict[str, str]:
    """The headers, which have no `x-amz-date` yet, signed: all of them, with the body, as `POST /`.

    What AWS's clients do; here for the console, whose calls go the way of every other.

    Args:
        headers: by lower-case name, `host` among them.
    """
    timestamp = now.astimezone(UTC).strftime(_TIME_FORMAT)
    scope = (timestamp[:8], region, service, _TERMINATOR)
    dated = {**headers, "x-amz-date": timestamp}
    names = ";".join(sorted(dated))
    canonical = _canonical_headers(dated, names)
    to_sign = _string_to_sign(canonical, names, hashlib.sha256(body).hexdigest(), timestamp, scope)
    signature = hmac.new(_signing_key(secret, scope), to_sign, hashlib.sha256).hexdigest()
    credential = "/".join((access_key_id, *scope))
    authorization = f"{_ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
    return {**dated, "authorization": authorization}


def _parse_parameters(value: str) -> dict[str, str]:
    algorithm, _, rest = value.strip().partition(" ")
    if not algorithm.startswith("AWS4-"):
        raise MissingAuthenticationTokenException
    if algorithm != _ALGORITHM:
        raise IncompleteSignatureException(f"Unsupported AWS 'algorithm'; it must be '{_ALGORITHM}'.")
    pairs = [part.strip().partition("=")[::2] for part in rest.split(",")]
    parameters = dict(pairs)
    missing = [name for name in _PARAMETERS if not parameters.get(name)]
    if missing:
        raise IncompleteSignatureException(
            " ".join(f"Authorization header requires '{name}' parameter." for name in missing)
        )
    if len(pairs) != len(_PARAMETERS):
        raise IncompleteSignatureException("Authorization header has a repeated or unknown parameter.")
    if not _SHA256_HEX.fullmatch(parameters["Signature"]):
        raise IncompleteSignatureException(
            "Authorization header's 'Signature' must be 64 hexadecimal digits."
        )
    return parameters


def _parse_credential(value: str) -> tuple[str, tuple[str, str, str, str]]:
    parts = value.split("/")
    if len(parts) != 5 or not all(parts):
        raise IncompleteSignatureException(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term."
        )
    access_key_id, date, region, service, terminator = parts
    return access_key_id, (date, region, service, terminator)


def _parse_time(timestamp: str) -> datetime:
    if not timestamp:
        raise IncompleteSignatureException(
            "Authorization header requires existence of a 'X-Amz-Date' header."
        )
    try:
        # strptime alone would take "2026111T…" and other near misses.
        if _TIME.fullmatch(timestamp):
            return datetime.strptime(timestamp, _TIME_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        pass
    raise IncompleteSignatureException("Date must be in ISO-8601 'basic format', e.g. 20261101T000000Z.")


def _parse_payload_hash(value: str | None) -> str | None:
    if value is not None and not _SHA256_HEX.fullmatch(value):
        raise InvalidSignatureException(
            "x-amz-content-sha256 must be the SHA-256 of the body; other payloads are refused."
        )
    return value


def _canonical_headers(headers: Mapping[str, str], signed_headers: str) -> str:
    if not _HEADER_NAMES.fullmatch(signed_headers):
        raise IncompleteSignatureException(
            "'SignedHeaders' must be lower-case header names with ';' between."
        )
    names = signed_headers.split(";")
    if len(set(names)) != len(names):
        raise IncompleteSignatureException("'SignedHeaders' names a header twice.")
    required = [*_SIGNED_ALWAYS, *(name for name in _SIGNED_IF_SENT if name in headers)]
    for name in required:
        if name not in names:
            raise InvalidSignatureException(f"'{name}' must be a 'SignedHeader' in the AWS Authorization.")
    for name in names:
        if name not in headers:
            raise InvalidSignatureException(f"The signed header '{name}' is not in the request.")
    # Only space and tab: Python's split() would also eat bytes of UTF-8 that read as Latin-1 blanks.
    values = (_BLANKS.sub(" ", headers[name].strip(" \t")) for name in names)
    return "".join(f"{name}:{value}\n" for name, value in zip(names, values, strict=True))


def _check_time(authorization: Authorization, now: datetime) -> None:
    sent, received = authorization.timestamp, now.astimezone(UTC)
    earliest, latest = received - MAX_SKEW, received + MAX_SKEW
    shown_now = received.strftime(_TIME_FORMAT)
    if authorization.requested_at < earliest:
        raise InvalidSignatureException(
            f"Signature expired: {sent} is now earlier than {earliest.strftime(_TIME_FORMAT)} "
            f"({shown_now} - 5 min.)"
        )
    if authorization.requested_at > latest:
        raise InvalidSignatureException(
            f"Signature not yet current: {sent} is still later than {latest.strftime(_TIME_FORMAT)} "
            f"({shown_now} + 5 min.)"
        )


def _signing_key(secret: str, scope: tuple[str, ...]) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope:
        key = hmac.digest(key, part.encode("latin-1"), "sha256")
    return key


def _string_to_sign(
    canonical_headers: str, names: str, body_hash: str, timestamp: str, scope: tuple[str, ...]
) -> bytes:
    request = f"POST\n/\n\n{canonical_headers}\n{names}\n{body_hash}"
    hashed = hashlib.sha256(request.encode("latin-1")).hexdigest()
    return "\n".join((_ALGORITHM, timestamp, "/".join(scope), hashed)).encode("latin-1")
