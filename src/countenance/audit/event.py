"""What an event says: who asked for what, what decided, how it ended. Never a biometric.

An `Event` holds plain values, names among them; `entry` turns it into what the log keeps, in which names
are pseudonyms and what is personal is a commitment.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

WORDS: Final = frozenset(
    {
        *("access", "erasure", "objection", "withdrawal"),  # asked for by a person: OpenSubjectRequest
        *("grant", "refuse"),  # DecideSubjectRequest
        *("no_lead", "lead_not_used", "lead_used", "used_for_arrest"),  # ReportOutcome
        "decided",  # SubmitExamination, if it was the last one that the review needed
    }
)
"""What an event may say in clear of what was asked for or settled."""
NO_POLICY_DIGEST = ""
"""`policy_digest` of an event that no policy was asked about."""

Role = Literal["probe", "candidate", "shown", "enrolled", "associated", "named", "deleted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """A face or user of a gallery that the call was about or that its answer names.

    Attributes:
        kind: `face` (id is a FaceId) or `user` (id is a UserId).
        rank: of a candidate, from 1.
        similarity: of a candidate, as answered, 0-100.
    """

    role: Role
    kind: Literal["face", "user"]
    id: str
    rank: int | None = None
    similarity: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One call, or one administrative change made beside the calls.

    Attributes:
        event_id: answered to the caller as x-countenance-event-id and x-amzn-RequestId. Random: it keeps
            the entry's hash, which is public, from telling what an entry of guessable content says.
        at: when the call was received, with its time zone.
        ended_at: when it was recorded; None for what takes no time.
        kind: `call`, or `change` for an administrative change.
        service: signing name of the service, `rekognition` or `countenance`.
        operation: as botocore spells it.
        account_id: the caller's account, as far as it was authenticated.
        access_key_id: the caller's key, likewise.
        operator: the person or system that the key was issued for.
        region: where the caller's collections are; None until authenticated. Finds keys; not in the entry.
        collection: the collection asked for, as the caller names it.
        resource: id of the thing that an administrative change was made to.
        inputs: SHA-256 of each photograph that came with the call, hexadecimal.
        marker: what the caller of a canary operation wants to find again.
        decision: of the policy; `none` where the call did not get that far.
        rule_ids: `@id` of the policies that decided.
        policy_digest: SHA-256 of the policy set, hexadecimal.
        outcome: `answered` with a result, `refused` with a 4xx, `failed` with a 5xx; `withheld`:
            candidates were found and people look at them first.
        error_code: the error's AWS code; None when answered.
        model_version: FaceModelVersion that was used.
        model_digest: SHA-256 of that pack, hexadecimal.
        calibration: digest of the operator's calibration that similarities were of; None for the pack's own.
        evaluation: digest of the evaluation of the model that policy read; None where none counted.
        threshold_asked: similarity threshold that the caller gave, 0-100.
        threshold: similarity threshold in force, 0-100.
        threshold_match: what a match had to reach, of an operation that decides; it told more than matches.
        decided: `MATCH`, `REVIEW` or `NO_MATCH`, of such an operation.
        candidates: how many candidates were answered.
        rejected: how many candidates were left out because of rejections; None for none.
        enrolled: how many faces were answered as enrolled.
        deleted: how many faces were answered as deleted.
        touched: faces and users that the call was about, in the answer's order.
        idempotent_replay: the answer is an earlier one, repeated for its token.
        previous: the event that this one repeats or goes on from.
        purpose: that the call was made under.
        case: reference of its case.
        claims: what the caller's credential attests, in words of ours: they stand in the log in clear.
        attested: what it refers to (consent, authorisation, beneficiary): committed to.
        profile: of the account; `general` is left out.
        records: kinds of records that the account had on file.
        candidates_asked: most candidates that the caller asked for, or that the operation answers by default.
        attributes_asked: what of a face the caller asked for beside the default, by Amazon's words.
        trained: the operator's training was on record.
        charter: of the collection, in words and figures of ours.
        obligations: duties that were discharged, or for which the call was refused.
        shadow: rules not in force yet that the call would have broken.
        standing: of the account, before and after a change of it.
        finding: id of the finding that a change follows from.
        review: id of the held search that the call made, was told of, or is about.
        word: what the call asked for or settled, one of `WORDS`.
        reviewers: who verified what was answered, by name.
    """

    event_id: uuid.UUID
    at: datetime
    service: str
    operation: str
    decision: Literal["allow", "deny", "none"]
    outcome: Literal["answered", "withheld", "refused", "failed"]
    kind: Literal["call", "change"] = "call"
    ended_at: datetime | None = None
    account_id: str | None = None
    access_key_id: str | None = None
    operator: str | None = None
    region: str | None = None
    collection: str | None = None
    resource: str | None = None
    inputs: tuple[str, ...] = ()
    marker: str | None = None
    rule_ids: tuple[str, ...] = ()
    policy_digest: str = NO_POLICY_DIGEST
    error_code: str | None = None
    model_version: str | None = None
    model_digest: str | None = None
    calibration: str | None = None
    evaluation: str | None = None
    threshold_asked: float | None = None
    threshold: float | None = None
    threshold_match: float | None = None
    decided: str | None = None
    candidates: int | None = None
    rejected: int | None = None
    enrolled: int | None = None
    deleted: int | None = None
    touched: tuple[Touch, ...] = ()
    idempotent_replay: bool = False
    previous: uuid.UUID | None = None
    purpose: str | None = None
    case: str | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)
    attested: Mapping[str, Any] = field(default_factory=dict)
    profile: str = "general"
    records: tuple[str, ...] = ()
    candidates_asked: int | None = None
    attributes_asked: tuple[str, ...] = ()
    trained: bool = False
    roles: tuple[str, ...] = ()
    charter: Mapping[str, Any] = field(default_factory=dict)
    obligations: tuple[str, ...] = ()
    shadow: tuple[str, ...] = ()
    standing: tuple[str, str] | None = None
    finding: uuid.UUID | None = None
    review: uuid.UUID | None = None
    word: str | None = None
    reviewers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.at.tzinfo is None or (self.ended_at is not None and self.ended_at.tzinfo is None):
            raise ValueError("an event's time needs a time zone")
        if (self.outcome == "answered") != (self.error_code is None):
            raise ValueError("an event has an error code unless it was answered")
        if self.word is not None and self.word not in WORDS:
            raise ValueError("an event says one of a few words")
