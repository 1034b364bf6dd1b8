"""New ids and secrets, in the shapes that AWS clients and secret scanners know."""

from __future__ import annotations

import hashlib
import secrets
from typing import Literal

from countenance.types import AccountId

_ID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_SECRET_BYTES = 30  # 40 characters in base64's URL alphabet
_TOKEN_BYTES = 96


def new_account_id() -> AccountId:
    """Twelve random digits, the first not zero: people lose leading zeros in spreadsheets."""
    return AccountId(str(10**11 + secrets.randbelow(9 * 10**11)))


def new_access_key_id(prefix: Literal["AKIA", "ASIA"]) -> str:
    """`AKIA…` for a lasting key, `ASIA…` for a temporary one: 80 random bits."""
    return prefix + "".join(secrets.choice(_ID_ALPHABET) for _ in range(16))


def new_secret() -> str:
    """40 characters, 240 random bits."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def new_session_token() -> str:
    """128 characters, 768 random bits."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def session_token_digest(token: str) -> bytes:
    """What is kept of a session token: it is random, so a plain hash cannot be guessed back."""
    return hashlib.sha256(token.encode()).digest()
