"""One-time codes by the clock (RFC 6238): six digits, one for each half minute."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor import InvalidToken
from cryptography.hazmat.primitives.twofactor.totp import TOTP

_STEP_S: Final = 30
_DIGITS: Final = 6


def totp(secret: bytes) -> TOTP:
    """The codes of a secret, as every app makes them."""
    return TOTP(secret, _DIGITS, SHA1(), _STEP_S)  # noqa: S303  # as RFC 6238 and every app has it


def step_of(secret: bytes, code: str, now: datetime, *, after: int) -> int | None:
    """The time step that a code is of: now or next to it, and later than the last one that was taken."""
    digits, codes = code.replace(" ", ""), totp(secret)
    if len(digits) != _DIGITS or not (digits.isascii() and digits.isdigit()):
        return None
    current = int(now.timestamp()) // _STEP_S
    for step in (current, current - 1, current + 1):
        if step <= after:
            continue
        try:
            codes.verify(digits.encode(), step * _STEP_S)
        except InvalidToken:
            continue
        return step
    return None
