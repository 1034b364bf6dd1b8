"""Who makes a call."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from countenance.facts import Claims
from countenance.types import AccountId


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as the verified signature says; nothing in it comes from the request's body.

    Attributes:
        purpose: that the key was made for; None for a key that moves no face.
        officer: name of the officer of the house whose key it is.
        claims: what temporary credentials attest.
        event_id: of the call.
        operator_id: the person whose key it is; None of a key of the account's own.
        roles: of that person; None of a key of the account's own, which is nobody's.
    """

    account_id: AccountId
    access_key_id: str
    operator: str
    region: str
    purpose: str | None = None
    officer: str | None = None
    claims: Claims = field(default_factory=Claims)
    event_id: uuid.UUID = field(default_factory=uuid.uuid4)
    operator_id: str | None = None
    roles: frozenset[str] | None = None
