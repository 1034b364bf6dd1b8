"""Passwords as they are kept: Argon2id (RFC 9106), in PHC's form."""

from __future__ import annotations

import os
import unicodedata
from typing import Any, Final

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

LEAST_PASSWORD: Final = 12
MOST_PASSWORD: Final = 256
NOBODYS: Final = (
    "$argon2id$v=19$m=65536,t=3,p=1$bm9ib2R5IHNpZ25zIGluLg$bXuJeyPeseKKGblyZ1yWKeSNro/3jeoJ6BSXVRXQNDo"
)
"""What a password is compared with where there is no operator: it takes as long."""
_COST: Final[dict[str, Any]] = {"length": 32, "iterations": 3, "lanes": 1, "memory_cost": 64 * 1024}
"""64 MiB, about a fifth of a second."""


def hash_password(password: str) -> str:
    """What is kept of a password."""
    hashed: str = Argon2id(salt=os.urandom(16), **_COST).derive_phc_encoded(_bytes(password))
    return hashed


def fits(password: str, hashed: str) -> bool:
    """Whether it is the password that was kept. Takes a fifth of a second, whatever it is."""
    try:
        Argon2id.verify_phc_encoded(_bytes(password[:MOST_PASSWORD]), hashed)
    except InvalidKey:
        return False
    return True


def _bytes(password: str) -> bytes:
    """One form of what looks the same, however a keyboard composes it (RFC 8265)."""
    return unicodedata.normalize("NFC", password).encode()
