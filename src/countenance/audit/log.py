"""The record of every call. What is not committed here is not answered.

Recording is one statement in the caller's own transaction; the entry is durable with it, and has no place
in the log yet. The sequencer gives it one within seconds (`sequencer`); until then the caller holds a
signed promise (`promises`).
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from countenance.audit.entry import (
    Draft,
    KeyOf,
    draft_event,
    draft_statement,
)
from countenance.audit.event import Event, Touch
from countenance.audit.keys import CollectionKey
from countenance.audit.own_entries import QUERIES, OwnEntries
from countenance.store import Connection

_KEPT_EVENT = b"kept event"
_OBSERVED = b"observed"
_MOST_ERASED = 500
"""Faces in one entry that tells of an erasure."""


@dataclass(frozen=True, slots=True)
class Observation:
    """A call that used a face, as detectors of misuse see it: for weeks, and not in the log.

    Attributes:
        kind: `search`, `enrol`, `compare` or `analyse`.
        facts: figures and references; no picture, no template.
    """

    purpose: str
    kind: str
    facts: Mapping[str, Any]


class AuditLog(OwnEntries):
    """Writes events and reads them back. Thread-safe; holds no connection."""

    def record(self, connection: Connection, event: Event) -> Draft:
        """Write the event in the caller's transaction: durable when that commits. What was written.

        Raises:
            UniqueViolation: the event was recorded already.
            StoreUnavailable: the connection broke off (raised by the transaction's context).
        """
        draft = self._draft(connection, event)
        connection.execute(QUERIES["record"], _values(draft))
        return draft

    def record_in_force(
        self,
        connection: Connection,
        event: Event,
        *,
        standing: str,
        effective_standing: str,
        beneficiaries: Iterable[str] = (),
        evaluations: Iterable[uuid.UUID] = (),
        observation: Observation | None = None,
    ) -> Draft | None:
        """Write the event, as `record` does, only if its key and its account's standing still hold.

        There is no moment between the check and the record: until the transaction ends no standing of the
        account, or of a beneficiary, changes, and no evaluation that the call rests on is ended. None, and
        nothing written, when the key was revoked, a standing is another one, a beneficiary is one no more for
        whom anybody may act, or an evaluation counts no more.

        Args:
            beneficiaries: accounts for whom the call is, that policy found in good standing.
            evaluations: of models, that policy relied on.
            observation: what detectors may look at for a while; sealed under the account's key.
        """
        draft = self._draft(connection, event)
        values = _values(draft) | {
            "account_id": event.account_id,
            "access_key_id": event.access_key_id,
            "standing": standing,
            "effective_standing": effective_standing,
            "beneficiaries": list(beneficiaries),
            "evaluations": list(evaluations),
            "purpose": observation.purpose if observation else None,
            "observed_kind": observation.kind if observation else None,
            "observed": self.seal_observation(event.account_id, event.event_id, observation),
        }
        row = connection.execute(QUERIES["record_in_force"], values).fetchone()
        return draft if row == (1,) else None

    def record_change(
        self,
        connection: Connection,
        operation: str,
        *,
        account_id: str,
        resource: str | None = None,
        operator: str | None = None,
        **told: Any,
    ) -> uuid.UUID:
        """Record a change to an account that is no call of its own: made on the machine itself, by a call of
        an officer's or by a detector, and so decided by no policy of the account's.

        Args:
            operator: who did it; by default the machine's user, by number: `uid:0`.
            told: further members of the event.
        """
        event_id = uuid.uuid4()
        event = Event(
            event_id=event_id,
            at=datetime.now(UTC),
            kind="change",
            service="countenance",
            operation=operation,
            decision="none",
            outcome="answered",
            account_id=account_id,
            operator=operator or f"uid:{os.getuid()}",
            resource=resource,
            **told,
        )
        self.record(connection, event)
        return event_id

    def record_erasure(
        self,
        connection: Connection,
        operation: str,
        *,
        account_id: str,
        region: str,
        collection: str,
        face_ids: Sequence[str],
        **told: Any,
    ) -> list[uuid.UUID]:
        """Record that faces of an account's collection were deleted by no call of the account: an entry for
        each few hundred, with each face in it.
        """
        return [
            self.record_change(
                connection,
                operation,
                account_id=account_id,
                region=region,
                collection=collection,
                deleted=len(part),
                touched=tuple(Touch(role="deleted", kind="face", id=face_id) for face_id in part),
                **told,
            )
            for part in (
                face_ids[start : start + _MOST_ERASED] for start in range(0, len(face_ids), _MOST_ERASED)
            )
        ]

    def seal_observation(
        self, account_id: str | None, event_id: uuid.UUID, observation: Observation | None
    ) -> bytes | None:
        """What is kept of a call for detectors, under the account's key."""
        if observation is None or account_id is None:
            return None
        return self.keys.account(account_id).seal(
            orjson.dumps(observation.facts), place=_OBSERVED + event_id.bytes
        )

    def unseal_observation(
        self, account_id: str, event_id: uuid.UUID, sealed: bytes
    ) -> dict[str, Any] | None:
        """What `seal_observation` kept; None if it does not open any more."""
        opened = self.keys.account(account_id).unseal(sealed, place=_OBSERVED + event_id.bytes)
        return None if opened is None else orjson.loads(opened)

    def seal_event(self, account_id: str, event_id: uuid.UUID) -> bytes:
        """An event's id, for a place that names the account in clear: nobody else may join the two."""
        return self.keys.account(account_id).seal(event_id.bytes, place=_KEPT_EVENT)

    def unseal_event(self, account_id: str, sealed: bytes | None) -> uuid.UUID | None:
        """What `seal_event` was given; None if it does not open any more."""
        opened = self.keys.account(account_id).unseal(sealed, place=_KEPT_EVENT) if sealed else None
        return uuid.UUID(bytes=opened) if opened else None

    def _draft(self, connection: Connection, event: Event) -> Draft:
        account = self.keys.account(event.account_id) if event.account_id else None
        return draft_event(event, account, self._subject_keys(connection, event))

    def _subject_keys(self, connection: Connection, event: Event) -> KeyOf:
        """The keys of the faces and users that the event names, as of this transaction."""
        if not event.touched:
            return lambda _: None
        rows = connection.execute(
            QUERIES["find_secrets"],
            {
                "account_id": event.account_id,
                "region": event.region,
                "collection": event.collection,
                "face_ids": [touch.id for touch in event.touched if touch.kind == "face"],
                "user_ids": [touch.id for touch in event.touched if touch.kind == "user"],
            },
        ).fetchall()
        secrets = {(kind, subject_id): bytes(secret) for _, kind, subject_id, secret in rows}
        collection: CollectionKey | None = self.keys.collection(rows[0][0]) if rows else None

        def key_of(touch: Touch) -> Any:
            secret = secrets.get((touch.kind, touch.id))
            if secret is None or collection is None:
                return None
            return collection.subject(touch.kind, touch.id, secret)

        return key_of


def record_statement(
    connection: Connection, kind: str, facts: Mapping[str, Any], *, at: datetime | None = None
) -> uuid.UUID:
    """Record something that the log says of itself or of its keeper.

    `facts` stands in the log in clear and for good: nothing personal but the names that auditors were given.
    """
    event_id = uuid.uuid4()
    draft = draft_statement(kind, facts, at=at or datetime.now(UTC), event_id=event_id)
    connection.execute(QUERIES["record"], _values(draft))
    return event_id


def _values(draft: Draft) -> dict[str, Any]:
    return {
        "event_id": draft.event_id,
        "account": draft.account,
        "entry": draft.entry,
        "sealed": draft.sealed,
        "tags": [touch.tag for touch in draft.touches],
        "commitments": [touch.commitment for touch in draft.touches],
        "touches": [touch.sealed for touch in draft.touches],
    }
