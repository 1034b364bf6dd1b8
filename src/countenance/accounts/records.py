"""What the register knows of accounts and keys. Secrets are in three of them, and never in a repr."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from countenance.types import AccountId

Standing = Literal["pending", "good", "restricted", "suspended", "terminated"]


@dataclass(frozen=True, slots=True)
class Account:
    """Who is answerable for calls: an organisation with one standing."""

    account_id: AccountId
    name: str
    standing: Standing
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A lasting key, as a list shows it."""

    access_key_id: str
    operator: str
    created_at: datetime
    revoked_at: datetime | None

    @property
    def is_revoked(self) -> bool:
        return self.revoked_at is not None


@dataclass(frozen=True, slots=True)
class NewAccessKey:
    """A key at the one moment when its secret can be told."""

    access_key_id: str
    secret: str = field(repr=False)
    account_id: AccountId
    operator: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SessionCredentials:
    """A temporary key at the one moment when its secret and token can be told."""

    access_key_id: str
    secret: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Credential:
    """What a signature is checked against.

    Attributes:
        standing: of the account, at the time of the look-up.
        session_token_digest: SHA-256 of the session token; None for a lasting key.
        expires_at: end of a temporary key; None for a lasting key.
        revoked: the key itself or the lasting key it came from.
    """

    access_key_id: str
    account_id: AccountId
    standing: Standing
    operator: str
    secret: str = field(repr=False)
    session_token_digest: bytes | None = field(repr=False)
    expires_at: datetime | None
    revoked: bool
