"""What an event says: who asked for what, what decided, how it ended. Never a biometric, never a name."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

NO_POLICY_DIGEST = ""
"""`policy_digest` of an event that no policy was asked about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One call, or one administrative change made beside the calls.

    Attributes:
        event_id: answered to the caller as x-countenance-event-id.
        at: when the call was received, with its time zone.
        request_id: answered as x-amzn-RequestId.
        service: signing name of the service, `rekognition` or `countenance`.
        operation: as botocore spells it.
        account_id: the caller's account, as far as it was authenticated.
        access_key_id: the caller's key, likewise.
        operator: the person or system that the key was issued for.
        collection: the collection asked for, as the caller names it.
        resource: id of the thing that an administrative change was made to.
        decision: of the policy; `none` where the call did not get that far.
        rule_ids: `@id` of the policies that decided.
        policy_digest: SHA-256 of the policy set, hexadecimal.
        outcome: `answered` with a result, `refused` with a 4xx, `failed` with a 5xx.
        error_code: the error's AWS code; None when answered.
        model_version: FaceModelVersion that was used.
        threshold: similarity threshold in force, 0-100.
        candidates: how many candidates were answered.
        idempotent_replay: the answer is an earlier one, repeated for its token.
    """

    event_id: uuid.UUID
    at: datetime
    request_id: str
    service: str
    operation: str
    decision: Literal["allow", "deny", "none"]
    outcome: Literal["answered", "refused", "failed"]
    account_id: str | None = None
    access_key_id: str | None = None
    operator: str | None = None
    collection: str | None = None
    resource: str | None = None
    rule_ids: tuple[str, ...] = ()
    policy_digest: str = NO_POLICY_DIGEST
    error_code: str | None = None
    model_version: str | None = None
    threshold: float | None = None
    candidates: int | None = None
    idempotent_replay: bool = False

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError("an event's time needs a time zone")
        if (self.outcome == "answered") != (self.error_code is None):
            raise ValueError("an event has an error code unless it was answered")
