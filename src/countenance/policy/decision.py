"""What the policy is asked and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from countenance.types import AccountId


class Decision(Enum):
    """Two values: what is not allowed is denied, whatever the reason."""

    ALLOW = "allow"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Resource:
    """What a call acts on: a collection, or the caller's account where it names none.

    Attributes:
        resource_id: as the caller names it; the account id of an account.
        owner: the account that owns it; of an account, itself.
    """

    kind: Literal["Account", "Collection"]
    resource_id: str
    owner: AccountId

    def __post_init__(self) -> None:
        if self.kind == "Account" and self.resource_id != self.owner:
            raise ValueError("an account is owned by itself")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRequest:
    """One call, after its signature was verified."""

    account_id: AccountId
    standing: str
    access_key_id: str
    operator: str
    service: str
    operation: str
    resource: Resource


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer, and what it rests on.

    Attributes:
        rule_ids: `@id` of the determining rules, sorted; empty where no rule applied.
        errors: what went wrong in the evaluation, for the server's log; any makes it a deny.
        message: for the caller: each broken rule with its remedy; empty when allowed.
    """

    decision: Decision
    rule_ids: tuple[str, ...]
    errors: tuple[str, ...]
    message: str
