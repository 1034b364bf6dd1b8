"""Sign-in with an account of an OpenID provider (OpenID Connect Core 1.0, authorization code flow, PKCE).

What the provider says is believed only as far as its ID token: signed by a key of its own, for us, now, and
for the attempt that this browser began.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import secrets
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import jwt

from countenance.accounts.sign_in import Identity
from countenance.errors import CountenanceError, SetupError

_ALGORITHMS: Final = ("RS256", "PS256", "ES256", "ES384", "EdDSA")
"""None of them symmetric: a token that anybody with our secret could make proves nothing."""
_TIMEOUT_S: Final = 3.0
_TURN_S: Final = 1.0
"""How long a sign-in waits while another one talks to the provider: pages are made by few threads."""
_SILENT_S: Final = 30.0
"""How long a provider that did not answer is not asked again."""
_MOST_BYTES: Final = 256 * 1024
_KEPT_S: Final = 3600.0
_ATTEMPT_S: Final = 600
_LEEWAY_S: Final = 60


class NotSaid(CountenanceError):
    """The provider does not say who it is: it refused, does not answer, or what it says is not believed."""


class _Silent(NotSaid):
    """It does not answer, or not as a provider does, whoever asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One browser's try to sign in; it holds it itself, sealed with our signature, until it comes back.

    Attributes:
        verifier: of PKCE (RFC 7636): a stolen code is worth nothing without it.
        invitation: the code that is to be taken up, if it is about one.
        older: the digest of the session that the browser had, which a new one ends; the provider's way back
            brings no cookie of it.
        to: the page of ours that they wanted, which was looked at before it was put here.
    """

    state: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)
    invitation: str = field(default="", repr=False)
    older: str = field(default="", repr=False)
    to: str = field(default="", repr=False)
    ends_at_s: int = field(default_factory=lambda: int(time.time()) + _ATTEMPT_S)

    def to_cookie(self, key: bytes) -> str:
        """For the browser to keep: it can neither change it nor make one."""
        body = base64.urlsafe_b64encode(json.dumps(asdict(self)).encode()).decode().rstrip("=")
        return f"{body}.{_mark(key, body)}"

    @classmethod
    def from_cookie(cls, text: str, key: bytes) -> Attempt | None:
        """The attempt that `to_cookie` made with that key, unless it is over; None otherwise."""
        body, _, mark = text.partition(".")
        if not hmac.compare_digest(mark.encode(), _mark(key, body).encode()):
            return None
        found = cls(**json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))
        return found if found.ends_at_s > time.time() else None


class OpenIdProvider:
    """One provider, whose addresses and keys are asked for when they are first needed. Thread-safe.

    At most one thread talks to it, for a few seconds; when it is silent it is left alone for a while, so that
    no stranger can keep the threads that make pages waiting for it.
    """

    def __init__(self, issuer: str, *, client_id: str, client_secret: str) -> None:
        """
        Raises:
            SetupError: no address with TLS (or of this machine), or no client.
        """
        parts = urllib.parse.urlsplit(issuer)
        is_here = parts.hostname in {"localhost", "127.0.0.1", "::1"}
        if parts.scheme != "https" and not (parts.scheme == "http" and is_here):
            raise SetupError(f"`{issuer}` is no address of a provider", remedy="write https://HOST[/PATH]")
        if not client_id or not client_secret:
            raise SetupError(
                "an OpenID provider needs this server's name and secret there",
                remedy="set --oidc-client-id and COUNTENANCE_OIDC_CLIENT_SECRET",
            )
        self._issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._turn = threading.Lock()
        self._silent_until = 0.0
        self._described: tuple[float, dict[str, Any]] | None = (
            None  # replaced as a whole, by who has the turn
        )
        self._keys: jwt.PyJWKClient | None = None

    def address_for(self, attempt: Attempt, *, back_to: str) -> str:
        """Where the browser goes. Raises NotSaid: the provider does not answer."""
        challenge = hashlib.sha256(attempt.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": back_to,
            "scope": "openid",
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        described = self._cached()
        if described is None:
            with self._asking():
                described = self._describe()
        return f"{_address(described, 'authorization_endpoint')}?{urllib.parse.urlencode(asked)}"

    def who(self, attempt: Attempt, code: str, *, back_to: str) -> Identity:
        """Whom the code that came back is of.

        Raises:
            NotSaid: the provider does not say, or what it says is not believed.
        """
        with self._asking():
            claims = self._claims(self._exchange(code, attempt, back_to))
        if not hmac.compare_digest(str(claims.get("nonce", "")), attempt.nonce):
            raise NotSaid("the provider's ID token is of another attempt")
        if claims.get("azp", self._client_id) != self._client_id:
            raise NotSaid("the provider's ID token was made for another program")
        subject = claims["sub"]
        if not isinstance(subject, str) or not 1 <= len(subject) <= 255:
            raise NotSaid("the provider's ID token names nobody")
        return Identity(self._issuer, subject)

    def _claims(self, told: dict[str, Any]) -> dict[str, Any]:
        token = told.get("id_token")
        if not isinstance(token, str):
            raise NotSaid("the provider answered without an ID token")
        try:
            key = self._signing_keys().get_signing_key_from_jwt(token)
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=list(_ALGORITHMS),
                audience=self._client_id,
                issuer=self._issuer,
                leeway=_LEEWAY_S,
                options={"require": ["exp", "iat", "sub", "aud", "iss"]},
            )
        except jwt.PyJWKClientConnectionError as error:
            raise _Silent("the provider does not show its keys") from error
        except (jwt.PyJWTError, ValueError) as error:
            raise NotSaid(f"the provider's ID token does not hold ({type(error).__name__})") from error
        return claims

    def _exchange(self, code: str, attempt: Attempt, back_to: str) -> dict[str, Any]:
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back_to,
            "code_verifier": attempt.verifier,
        }
        # as RFC 6749, 2.3.1, has it: both are form-encoded before they are joined
        pair = ":".join(urllib.parse.quote_plus(each) for each in (self._client_id, self._client_secret))
        basic = base64.b64encode(pair.encode()).decode()
        headers = {"content-type": "application/x-www-form-urlencoded", "authorization": f"Basic {basic}"}
        address = _address(self._describe(), "token_endpoint")
        return _fetch(address, body=urllib.parse.urlencode(asked).encode(), headers=headers)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """A turn to talk to the provider. Raises NotSaid: it is silent, or others have the turn."""
        self._require_answering()
        if not self._turn.acquire(timeout=_TURN_S):
            raise NotSaid("the provider is slow, and others are before you: try again in a moment")
        try:
            self._require_answering()
            yield
        except _Silent:
            self._silent_until = time.monotonic() + _SILENT_S
            raise
        finally:
            self._turn.release()

    def _require_answering(self) -> None:
        if time.monotonic() < self._silent_until:
            raise NotSaid("the provider did not answer just now: try again in half a minute")

    def _cached(self) -> dict[str, Any] | None:
        kept = self._described
        return kept[1] if kept is not None and kept[0] > time.monotonic() else None

    def _describe(self) -> dict[str, Any]:
        """What the provider says of itself, asked anew once an hour; by who has the turn."""
        if (kept := self._cached()) is not None:
            return kept
        try:
            described = _fetch(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        except NotSaid as error:  # nothing that a visitor sent is part of this question
            raise _Silent(str(error)) from error
        if described.get("issuer") != self._issuer:
            raise _Silent(f"the provider calls itself other than `{self._issuer}`")
        self._described = (time.monotonic() + _KEPT_S, described)
        self._keys = None
        return described

    def _signing_keys(self) -> jwt.PyJWKClient:
        address = _address(self._describe(), "jwks_uri")
        if self._keys is None:
            self._keys = jwt.PyJWKClient(address, timeout=_TIMEOUT_S, lifespan=int(_KEPT_S))
        return self._keys


def _address(described: dict[str, Any], member: str) -> str:
    found = described.get(member)
    if not isinstance(found, str) or not found.startswith(("https://", "http://")):
        raise NotSaid(f"the provider does not say its {member}")
    return found


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A secret is sent where the provider said, and nowhere on."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _fetch(
    address: str, *, body: bytes | None = None, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """A JSON object.

    Raises:
        NotSaid: it answered with an error, or with something else; as _Silent where nobody answers in time.
    """
    opener = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))
    request = urllib.request.Request(address, data=body, headers=headers or {})  # noqa: S310  # http(s), as checked
    ends_at = time.monotonic() + _TIMEOUT_S
    content = b""
    try:
        with opener.open(request, timeout=_TIMEOUT_S) as answer:
            while chunk := answer.read1(_MOST_BYTES):
                content += chunk
                if len(content) > _MOST_BYTES:
                    raise NotSaid("the provider's answer is too long")
                if time.monotonic() > ends_at:
                    raise TimeoutError  # byte by byte is no answer either
    except urllib.error.HTTPError as error:  # a code that a visitor made up is refused so
        raise NotSaid(f"the provider refused (status {error.code})") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise _Silent(f"the provider does not answer ({type(error).__name__})") from error
    try:
        told = json.loads(content)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise NotSaid("the provider's answer is no JSON object")
    return told


def _mark(key: bytes, body: str) -> str:
    return hmac.new(key, body.encode(), hashlib.sha256).hexdigest()
