"""One browser's attempt with a passkey: its challenge, what it is for, and where passkeys work at all.

The attempt stands in the page's form under our mark, and holds for the browser whose number it was marked
with: several tabs do not disturb one another, and nothing is kept here until somebody answers.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from countenance.accounts.authenticators import LOCALHOST, Place
from countenance.accounts.passkeys import Challenge
from countenance.console.request import WebRequest
from countenance.errors import SetupError

LASTS_S: Final = 300
_CHALLENGE_BYTES: Final = 32
_MOST_TEXT: Final = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyAttempt:
    """A challenge that was put to one browser.

    Attributes:
        about: what an answer does: an answer to one question is none to another.
    """

    about: str
    challenge: bytes = field(default_factory=lambda: secrets.token_bytes(_CHALLENGE_BYTES), repr=False)
    ends_at_s: int = field(default_factory=lambda: int(time.time()) + LASTS_S)

    def to_text(self, key: bytes, browser: str) -> str:
        """For the page's form: nobody can change it or make one, and no other browser can use it."""
        told = {"about": self.about, "challenge": self.challenge.hex(), "ends_at_s": self.ends_at_s}
        body = base64.urlsafe_b64encode(json.dumps(told).encode()).decode()
        return f"{body}.{_mark(key, browser, body)}"

    @classmethod
    def from_text(cls, text: str, key: bytes, browser: str, *, about: str) -> PasskeyAttempt | None:
        """What `to_text` made for that browser and question, unless it is over; None otherwise."""
        body, _, mark = text[:_MOST_TEXT].partition(".")
        if not hmac.compare_digest(mark.encode(), _mark(key, browser, body).encode()):
            return None
        told = json.loads(base64.urlsafe_b64decode(body))
        found = cls(
            about=told["about"],
            challenge=bytes.fromhex(told["challenge"]),
            ends_at_s=told["ends_at_s"],
        )
        return found if found.about == about and found.ends_at_s > time.time() else None

    @property
    def asked(self) -> Challenge:
        """The challenge, as it is spent."""
        return Challenge(self.challenge, datetime.fromtimestamp(self.ends_at_s, UTC))


@dataclass(frozen=True, slots=True)
class Asking:
    """A question to an authenticator, for a page: its options, the attempt, and when that is over."""

    options: str
    attempt: str = field(repr=False)
    lasts_ms: int = LASTS_S * 1000

    @classmethod
    def of(cls, about: str, key: bytes, browser: str, options: Callable[[bytes], str]) -> Asking:
        """A new one."""
        attempt = PasskeyAttempt(about=about)
        return cls(options(attempt.challenge), attempt.to_text(key, browser))


def find_place(request: WebRequest, configured: Place | None) -> Place | str:
    """Where this page's passkeys work; or why there are none, as a sentence for the page."""
    host, here = "", None
    try:
        host = urlsplit(f"//{request.host}").hostname or ""
        here = Place.of(f"{request.scheme}://{request.host}") if configured or host == LOCALHOST else None
    except (ValueError, SetupError):
        pass  # nothing that a browser would call a place
    if configured is not None:
        is_there = here is not None and here.origin == configured.origin
        return configured if is_there else f"Passkeys work at {configured.origin}/console alone"
    if here is not None:
        return here
    if host.replace(".", "").isdigit() or ":" in host:
        return (
            "No browser makes passkeys for an address of numbers: open the console by a name, on the "
            "server's own machine as http://localhost"
        )
    return "Passkeys are not set up: whoever runs this server says what it is called (serve --console-origin)"


def _mark(key: bytes, browser: str, body: str) -> str:
    told = f"passkey {hashlib.sha256(browser.encode()).hexdigest()}.{body}"
    return hmac.new(key, told.encode(), hashlib.sha256).hexdigest()
