"""Erasure for the person whose faces they are: through the gallery's own door, with a receipt and a proof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from countenance.accounts import Actor
from countenance.accounts.changing import Changing
from countenance.audit import Touch
from countenance.audit.signing import receipt_signer
from countenance.errors import ConflictException, ResourceNotFoundException
from countenance.gallery import Collection, Gallery
from countenance.gallery.finality import FINAL_WITHIN
from countenance.rights.enrolment_codes import QUERIES, is_user_of_then
from countenance.rights.records import SubjectRequest
from countenance.store import Connection, KeyStore, UnitOfWork
from countenance.transparency.erasure_receipt import ErasureReceipt, sign_erasure
from countenance.types import FaceId, UserId


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased.

    Attributes:
        receipt: the signed note (`transparency.erasure_receipt`).
    """

    face_ids: tuple[UUID, ...]
    receipt: str


@dataclass(frozen=True, slots=True)
class ErasureProof:
    """What was looked for just now, and what was found of it.

    Attributes:
        looked_at: when.
        rows_left: rows of these faces in the database: faces, second templates, pictures.
        searched: faces that a search beginning now would compare with.
        listed: the deletion is on the tombstone list, so that a restored backup erases it again first.
        is_final: the keys are destroyed that the sealed templates in old pages and backups open with.
        final_by: when they are to be; None where that is with the collection, or has been.
    """

    looked_at: datetime
    rows_left: int
    searched: tuple[UUID, ...]
    listed: bool
    is_final: bool
    final_by: datetime | None

    @property
    def holds(self) -> bool:
        """Nothing of them was found."""
        return not self.rows_left and not self.searched and self.listed


class Erasing:
    """Thread-safe."""

    def __init__(self, changing: Changing, keys: KeyStore, gallery: Gallery) -> None:
        self._changing = changing
        self._keys = keys
        self._gallery = gallery

    def claim(self, uow: UnitOfWork, request: SubjectRequest) -> None:
        """Hold the user of a request alone: whose faces are erased does not change until they are.

        # INVARIANT: before it is read which faces these are, and before the request itself is held: two
        requests about one user take turns here, as whoever erases the user takes its name out of both.
        """
        collection = find_collection(uow.connection, request.scope.collection_id)
        if collection is not None and request.scope.user_id:
            self._gallery.claim_user(uow, collection, UserId(request.scope.user_id))

    def erase(
        self, uow: UnitOfWork, request: SubjectRequest, face_ids: Sequence[UUID], *, actor: Actor
    ) -> Erased:
        """Erase the faces of a request, and its user where it is about one; with entries in the log.

        Raises:
            ConflictException: some are under a legal hold; nothing is erased.
        """
        collection = find_collection(uow.connection, request.scope.collection_id)
        gone: list[FaceId] = []
        events: list[UUID] = []
        if collection is not None:
            gone, events = self.erase_from(
                uow, collection, face_ids, resource=f"{request.request_id} {request.kind}", actor=actor
            )
            events += self._delete_user(uow, collection, request, actor)
        origin, signer = receipt_signer(uow.connection, self._keys)
        receipt = ErasureReceipt(
            origin=origin,
            request_id=request.request_id,
            at=datetime.now(UTC),
            event_ids=tuple(events),
            face_ids=tuple(sorted(gone)),
        )
        return Erased(receipt.face_ids, sign_erasure(receipt, signer))

    def erase_from(
        self,
        uow: UnitOfWork,
        collection: Collection,
        face_ids: Sequence[UUID],
        *,
        resource: str,
        actor: Actor,
    ) -> tuple[list[FaceId], list[UUID]]:
        """Erase faces of one collection, all or none: those that were there, and the log's entries of it.

        Raises:
            ConflictException: some are under a legal hold.
        """
        asked = [FaceId(each) for each in face_ids]
        erased = self._gallery.erase_faces(uow, collection, asked)
        held = self._gallery.find_held(uow, collection, asked)
        if held:  # looked at once what is erased is locked: no hold comes in between
            raise ConflictException(
                f"HLD-001: {len(held)} of {len(asked)} faces are under a legal hold: nothing was erased, and "
                "it waits until an officer releases the hold (ReleaseLegalHold)"
            )
        if not erased:
            return [], []
        events = self._changing.audit.record_erasure(
            uow.connection,
            "EraseFaces",
            account_id=collection.account_id,
            region=collection.region,
            collection=collection.name,
            face_ids=[str(face_id) for face_id in erased],
            resource=resource,
            operator=actor.name,
            previous=actor.event_id,
        )
        return erased, events

    def write_down(self, uow: UnitOfWork) -> None:
        """Have what is taken back in this unit of work survive the restoring of a backup, as erasures do."""
        self._gallery.write_down(uow)

    def prove(self, request: SubjectRequest) -> ErasureProof:
        """Look for the erased faces wherever they were. No transaction may be open: it reads by itself.

        Raises:
            ResourceNotFoundException: the request has erased nothing.
        """
        if request.erased_ids is None or request.decided_at is None:
            raise ResourceNotFoundException(f"by the request `{request.request_id}` nothing was erased")
        values = {
            "collection_id": request.scope.collection_id,
            "face_ids": list(request.erased_ids),
        }
        with self._changing.database.read() as connection:
            collection = find_collection(connection, request.scope.collection_id)
            row = connection.execute(QUERIES["count_left"], values).fetchone()
        assert row is not None, "an aggregate always has a row"
        *rows, unlisted = row
        is_final, final_by = self._finality(collection, request.decided_at)
        return ErasureProof(
            looked_at=datetime.now(UTC),
            rows_left=sum(rows),
            searched=()
            if collection is None
            else tuple(
                face_id
                for face_id in request.erased_ids
                if self._gallery.is_searched(collection, FaceId(face_id))
            ),
            listed=unlisted == 0,
            is_final=is_final,
            final_by=final_by,
        )

    def _finality(self, collection: Collection | None, erased_at: datetime) -> tuple[bool, datetime | None]:
        """Whether the keys of then are gone, and by when they are to be."""
        if collection is None:
            return True, None
        pending = self._gallery.finality.pending(collection=collection)
        # What became final since was at least as old as the oldest that still waits.
        if not pending or pending[0].oldest_at > erased_at:
            return True, None
        return False, None if pending[0].is_with_collection else erased_at + FINAL_WITHIN

    def _delete_user(
        self, uow: UnitOfWork, collection: Collection, request: SubjectRequest, actor: Actor
    ) -> list[UUID]:
        """The user of a request, its codes' name of it as well; nothing where it is another one by now."""
        scope, connection = request.scope, uow.connection
        if scope.user_id is None:
            return []
        values: dict[str, Any] = {
            "collection_id": scope.collection_id,
            "user_id": scope.user_id,
            "user_made_at": scope.user_made_at,
        }
        for each in ("forget_user_of_codes", "forget_user_of_requests"):
            connection.execute(QUERIES[each], values)
        if not is_user_of_then(connection, scope):
            return []
        self._gallery.delete_user(uow, collection, UserId(scope.user_id))
        return [
            self._changing.audit.record_change(
                connection,
                "DeleteUser",
                account_id=collection.account_id,
                region=collection.region,
                collection=collection.name,
                resource=f"{request.request_id} {request.kind}",
                operator=actor.name,
                previous=actor.event_id,
                touched=(Touch(role="deleted", kind="user", id=scope.user_id),),
            )
        ]


def find_collection(connection: Connection, collection_id: UUID) -> Collection | None:
    """By its id; None once it is deleted."""
    row = connection.execute(QUERIES["find_collection"], {"collection_id": collection_id}).fetchone()
    return None if row is None else Collection(*row)
