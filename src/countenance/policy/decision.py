"""What the policy is asked and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Literal
from uuid import UUID

from countenance.facts import AccountFacts, Charter, Claims, ModelFacts
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
        charter: of a collection; None where it has none, or is not there.
        face_count: how many faces it has, as last counted.
        collection_id: the collection whose charter this is; another of the same name is another.
    """

    kind: Literal["Account", "Collection"]
    resource_id: str
    owner: AccountId
    charter: Charter | None = None
    face_count: int = 0
    collection_id: UUID | None = None

    def __post_init__(self) -> None:
        if self.kind == "Account" and self.resource_id != self.owner:
            raise ValueError("an account is owned by itself")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRequest:
    """One call, after its signature was verified.

    Attributes:
        account: the caller's account, as the database has it now.
        officer: the key is an officer's of the house.
        purpose: of the credential; of AssumePurpose, CreateAccessKey and RequestPurpose the one asked for.
        own_purpose: of the credential, whatever is asked for.
        claims: what the credential attests.
        case_open: the case that the credential names is open, of this account and purpose.
        roles: of the person whose key it is; None of a key of the account's own.
        threshold: similarity that a match must have, 0-100, asked for or the operation's default.
        candidates: most candidates, asked for or the operation's default.
        attributes: of ATTRIBUTES, those asked for.
        charter: that a new collection is to have.
        model: the pack that would be used; None where none is.
        gallery: faces of the collection, counted as far as a gate needs it; None where they are not.
        calls_last_hour: calls with a face that this account made under the purpose.
        now_s: seconds since 1970.
    """

    account: AccountFacts
    access_key_id: str
    operator: str
    service: str
    operation: str
    resource: Resource
    officer: bool = False
    purpose: str | None = None
    own_purpose: str | None = None
    claims: Claims = field(default_factory=Claims)
    case_open: bool = False
    roles: frozenset[str] | None = None
    threshold: float | None = None
    candidates: int | None = None
    attributes: frozenset[str] = frozenset()
    charter: Charter | None = None
    model: ModelFacts | None = None
    gallery: int | None = None
    calls_last_hour: int = 0
    now_s: int = 0

    @property
    def account_id(self) -> AccountId:
        return self.account.account_id

    @property
    def rests_on(self) -> tuple[UUID, ...]:
        """Evaluations that the decision rests on: they must still count when the call is recorded."""
        if self.model is None:
            return ()
        evaluated = self.model.evaluated
        decides = evaluated.decides.evaluation_id if evaluated.decides is not None else None
        return tuple(sorted({each for each in (decides, evaluated.own_id) if each is not None}))

    @property
    def action(self) -> str:
        return f"{self.service}:{self.operation}"


def review_of(pack: str) -> str | None:
    """What a manifest says of the legal review of a pack: always `none`; None of our own rules."""
    return None if pack == "core" else "none"


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """One rule that a call broke, in words for the caller.

    Attributes:
        pack: where the rule stands; `core` for ours.
    """

    rule_id: str
    pack: str
    message: str
    remedy: str
    cite: str

    def __str__(self) -> str:
        origin = f" [{self.pack}, legal review: {review}]" if (review := review_of(self.pack)) else ""
        remedy = f"; {self.remedy}" if self.remedy else ""
        cite = f" ({self.cite})" if self.cite else ""
        return f"{self.rule_id}{origin}: {self.message}{remedy}{cite}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer, and what it rests on.

    Attributes:
        rule_ids: `@id` of the determining rules, sorted; empty where no rule applied.
        errors: what went wrong in the evaluation, for the server's log; any makes it a deny.
        message: for the caller: each broken rule with its remedy; empty when allowed.
        broken: the same, rule by rule.
        obligations: duties that must be discharged before the call is answered, sorted.
        shadow: rules not in force yet that the call would break, sorted.
        policy_digest: SHA-256 of the bundle that decided, hexadecimal.
    """

    decision: Decision
    rule_ids: tuple[str, ...]
    errors: tuple[str, ...]
    message: str
    broken: tuple[BrokenRule, ...] = ()
    obligations: tuple[str, ...] = ()
    shadow: tuple[str, ...] = ()
    policy_digest: str = ""
