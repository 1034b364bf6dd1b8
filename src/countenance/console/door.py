"""What lets people in: everything that signing in needs, in one value."""

from __future__ import annotations

from dataclasses import dataclass, field

from countenance.accounts.authenticators import Place
from countenance.accounts.passkeys import Passkeys
from countenance.accounts.sent_forms import SentForms
from countenance.accounts.sign_in import SignIns
from countenance.console.openid import OpenIdProvider
from countenance.console.turnstile import Turnstile


@dataclass(frozen=True, slots=True)
class Door:
    """Thread-safe.

    Attributes:
        key: that attempts to sign in with a provider or a passkey are marked with, 32 bytes.
        provider: None where there is none.
        place: where passkeys work, if that is set; else they work at `localhost` alone.
        hashing: what passwords are hashed behind.
        asking: what the provider is asked behind.
    """

    sign_ins: SignIns
    passkeys: Passkeys
    sent_forms: SentForms
    key: bytes = field(repr=False)
    provider: OpenIdProvider | None = None
    place: Place | None = None
    hashing: Turnstile = field(default_factory=Turnstile)
    asking: Turnstile = field(default_factory=Turnstile)
