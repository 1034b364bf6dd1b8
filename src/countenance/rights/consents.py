"""Consents by their accounts' references, bound to faces; one that is withdrawn takes the faces along."""

from __future__ import annotations

import builtins
import hmac
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID, uuid4

from countenance.accounts import Actor
from countenance.accounts.changing import Changing
from countenance.accounts.sealed import consent_context
from countenance.errors import (
    AccessDeniedException,
    ConflictException,
    InvalidParameterException,
    ResourceNotFoundException,
)
from countenance.gallery import Collection
from countenance.rights.enrolment_codes import QUERIES, require_scope
from countenance.rights.erasing import Erasing, find_collection
from countenance.rights.records import Consent
from countenance.store import Connection, KeyStore, UnitOfWork

LONGEST_REFERENCE: Final = 1024


class Consents:
    """Thread-safe; any number of processes.

    # INVARIANT: whoever enrols under a consent holds its row to the end of the transaction, and whoever
    withdraws it waits for them: no face comes in under a consent that is withdrawn.
    """

    def __init__(self, changing: Changing, keys: KeyStore, erasing: Erasing) -> None:
        self._changing = changing
        self._keys = keys
        self._erasing = erasing

    def require_standing(self, account_id: str, reference: str) -> None:
        """A look before the work; `bind` looks again, and that counts.

        Raises:
            AccessDeniedException: the consent was withdrawn.
        """
        with self._changing.database.read() as connection:
            row = connection.execute(QUERIES["find_consent"], self._of(account_id, reference)).fetchone()
        if row is not None and row[1] is not None:
            raise _withdrawn()

    def bind(
        self,
        connection: Connection,
        collection: Collection,
        reference: str,
        face_ids: Sequence[UUID],
        *,
        recorded_by: str,
    ) -> str:
        """Note in the caller's transaction that these faces are there by that consent; the consent's id.

        A consent that nobody has put is put by it.

        Raises:
            AccessDeniedException: it was withdrawn.
            InvalidParameterException: no reference, or too long a one.
        """
        values = self._put(connection, collection.account_id, reference, recorded_by)
        row = connection.execute(QUERIES["hold_consent"], values).fetchone()
        assert row is not None, "consents are never deleted"
        consent_id, withdrawn_at = row
        if withdrawn_at is not None:
            raise _withdrawn()
        connection.execute(
            QUERIES["bind_consent"],
            {
                "consent_id": consent_id,
                "collection_id": collection.collection_id,
                "face_ids": list(face_ids),
            },
        )
        return str(consent_id)

    def put(
        self,
        collection: Collection,
        reference: str,
        face_ids: Sequence[UUID],
        *,
        recorded_by: str,
        actor: Actor,
    ) -> str:
        """Bind faces that are there; the consent's id.

        Raises:
            AccessDeniedException, InvalidParameterException: as `bind`.
            ResourceNotFoundException: a face is not in the collection.
        """
        with self._changing("PutConsent", collection.account_id, actor) as connection:
            require_scope(connection, collection, face_ids=face_ids, user_id=None)
            return self.bind(connection, collection, reference, face_ids, recorded_by=recorded_by)

    def list(self, account_id: str, *, limit: int, after: str | None = None) -> list[Consent]:
        """By id, those behind `after`."""
        values = {"account_id": account_id, "limit": limit, "after": after}
        with self._changing.database.read() as connection:
            rows = connection.execute(QUERIES["list_consents"], values).fetchall()
        return [Consent(each[0], self.reference_of(each[0], each[1]), *each[2:]) for each in rows]

    def reference_of(self, consent_id: str, sealed: bytes) -> str:
        """What was sealed of it."""
        return self._keys.unseal(bytes(sealed), context=consent_context(consent_id)).decode()

    def withdraw(
        self, uow: UnitOfWork, account_id: str, reference: str, *, withdrawn_by: str, actor: Actor
    ) -> builtins.list[UUID]:
        """For good: erase every face that is there by it, in whatever collection; which.

        Nothing is enrolled under the reference any more: who consents again gets another one.

        Args:
            actor: whose `connection` is the unit of work's.

        Raises:
            ConflictException: it was withdrawn already; or faces are under a legal hold, and it stands.
            ResourceNotFoundException: no such consent is known.
        """
        with self._changing("WithdrawConsent", account_id, actor) as connection:
            row = connection.execute(QUERIES["lock_consent"], self._of(account_id, reference)).fetchone()
            if row is None:
                raise ResourceNotFoundException("no consent of that reference is known")
            consent_id, withdrawn_at = row
            if withdrawn_at is not None:
                raise ConflictException("the consent was withdrawn already")
            values = {"consent_id": consent_id, "withdrawn_by": withdrawn_by}
            bound = connection.execute(QUERIES["faces_of_consent"], values).fetchall()
            connection.execute(QUERIES["withdraw_consent"], values)
            self._erasing.write_down(uow)
            erased: builtins.list[UUID] = []
            for collection_id, face_ids in bound:
                collection = find_collection(connection, collection_id)
                if collection is not None:
                    erased += self._erasing.erase_from(
                        uow, collection, face_ids, resource=f"consent {consent_id} withdrawn", actor=actor
                    )[0]
        return erased

    def _put(
        self, connection: Connection, account_id: str, reference: str, recorded_by: str
    ) -> dict[str, Any]:
        if not 1 <= len(reference.strip()) <= LONGEST_REFERENCE:
            raise InvalidParameterException(
                f"a consent's reference has 1 to {LONGEST_REFERENCE} characters, not {len(reference.strip())}"
            )
        values = self._of(account_id, reference)
        if connection.execute(QUERIES["find_consent"], values).fetchone() is None:
            consent_id = str(uuid4())
            words = reference.strip().encode()
            sealed = self._keys.seal(words, context=consent_context(consent_id), within=connection)
            values |= {"consent_id": consent_id, "sealed_reference": sealed, "recorded_by": recorded_by}
            connection.execute(QUERIES["insert_consent"], values)
        return values

    def _of(self, account_id: str, reference: str) -> dict[str, Any]:
        """By a keyed hash: references may be names."""
        said = f"{account_id}\n{reference.strip()}".encode()
        return {
            "account_id": account_id,
            "digest": hmac.digest(self._keys.derive("consent references"), said, "sha256"),
        }


def _withdrawn() -> AccessDeniedException:
    return AccessDeniedException(
        "CON-002: the consent that the call refers to was withdrawn: nothing is enrolled under it; ask the "
        "person anew, and refer to the new consent (GDPR, Article 7(3))"
    )
