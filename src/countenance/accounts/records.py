"""What the register knows of accounts and keys. Secrets are in three of them, and never in a repr."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from countenance.facts import Claims, Profile, Standing
from countenance.types import AccountId


@dataclass(frozen=True, slots=True)
class Account:
    """Who is answerable for calls: an organisation with one standing.

    Attributes:
        effective_standing: with what suspensions upstream carry to it.
        is_house: it runs this server.
        calls_per_s: calls a second that it may make; None: as many as any account.
        burst: of them at once; None: two seconds' worth.
    """

    account_id: AccountId
    name: str
    standing: Standing
    created_at: datetime
    effective_standing: Standing = "good"
    profile: Profile = "general"
    is_house: bool = False
    calls_per_s: int | None = None
    burst: int | None = None


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A lasting key, as a list shows it.

    Attributes:
        purpose: None for a key that moves no face.
        officer: whose office it is a key of, if it is an officer's.
    """

    access_key_id: str
    operator: str
    created_at: datetime
    revoked_at: datetime | None
    purpose: str | None = None
    officer: str | None = None

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
    purpose: str | None = None


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
        standing: of the account, at the time of the look-up; `effective_standing` likewise.
        purpose: that the key was made for; None for a key that moves no face.
        officer: name of the officer of the house whose key it is, if they are one still.
        claims: what a temporary key attests beside.
        session_token_digest: SHA-256 of the session token; None for a lasting key.
        expires_at: end of a temporary key; None for a lasting key.
        revoked: the key itself or the lasting key it came from.
        calls_per_s: calls a second that the account may make, if that is not what any may; `burst` likewise.
        operator_id: of a personal key, whose it is; None of a key of the account's own.
        roles: of that person, as of the look-up; None of a key of the account's own.
    """

    access_key_id: str
    account_id: AccountId
    standing: Standing
    effective_standing: Standing
    operator: str
    secret: str = field(repr=False)
    session_token_digest: bytes | None = field(repr=False)
    expires_at: datetime | None
    revoked: bool
    purpose: str | None = None
    officer: str | None = None
    claims: Claims = field(default_factory=Claims)
    calls_per_s: int | None = None
    burst: int | None = None
    operator_id: str | None = None
    roles: frozenset[str] | None = None
