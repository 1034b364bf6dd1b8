"""What is kept of codes, requests, consents and holds, as it is read. Never a code, a face or a reference."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

RequestKind = Literal["access", "erasure", "objection", "withdrawal"]
RequestStatus = Literal["open", "granted", "refused"]
IdentifiedBy = Literal["code", "operator"]


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose faces: those of these ids, or those of a user, of one collection.

    Attributes:
        user_made_at: when that user was made: one of the same id that was made later is somebody else.
    """

    collection_id: UUID
    face_ids: tuple[UUID, ...]
    user_id: str | None = None
    user_made_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Identified:
    """Who showed a code: somebody whose faces are `scope`, and nobody else's."""

    code_id: UUID
    account_id: str
    region: str
    collection: str
    scope: Scope


@dataclass(frozen=True, slots=True)
class SubjectRequest:
    """What somebody asked for.

    Attributes:
        attestation: of the operator, how it was verified who asks; empty where a code was shown.
        due_at: when it is to be decided: a calendar month after it was opened, by up to two more.
        decided_by: who decided, as the log knows them.
        erased_ids: faces that were erased by it; None for none.
        receipt: the signed note that says so.
    """

    request_id: UUID
    account_id: str
    region: str
    collection: str
    kind: RequestKind
    scope: Scope
    identified_by: IdentifiedBy
    code_id: UUID | None
    attestation: str
    opened_by: str
    opened_at: datetime
    due_at: datetime
    extended_at: datetime | None
    extension_reason: str | None
    status: RequestStatus
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None
    erased_ids: tuple[UUID, ...] | None
    receipt: str | None

    def is_overdue(self, now: datetime | None = None) -> bool:
        """Whether it waits beyond its time."""
        return self.status == "open" and (now or datetime.now(UTC)) > self.due_at


@dataclass(frozen=True, slots=True)
class Consent:
    """A consent that an account refers to.

    Attributes:
        faces: how many faces that are there are bound to it.
    """

    consent_id: str
    reference: str
    recorded_by: str
    recorded_at: datetime
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    faces: int


@dataclass(frozen=True, slots=True)
class KeptTemplates:
    """Templates by which somebody who objected is left alone.

    Attributes:
        consent: the person's own and explicit one to that, in words or by reference.
    """

    request_id: UUID
    account_id: str
    face_model_version: str
    templates: int
    consent: str
    kept_by: str
    kept_at: datetime


@dataclass(frozen=True, slots=True)
class LegalHold:
    """Faces that must be kept, until it is released."""

    hold_id: UUID
    account_id: str
    collection: str
    reason: str
    put_by: str
    put_at: datetime
    released_at: datetime | None
    released_by: str | None
    release_reason: str | None
    face_ids: tuple[UUID, ...]
