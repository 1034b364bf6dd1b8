"""Rejections, as rows: what a reviewer said of two faces, or of a face and a user (docs/adr/0029)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from countenance.errors import (
    ConflictException,
    InvalidParameterException,
    ResourceNotFoundException,
    ServiceQuotaExceededException,
)
from countenance.gallery.changing import QUERIES as GALLERY_QUERIES
from countenance.gallery.changing import require_present
from countenance.gallery.faces import lock_faces
from countenance.gallery.reading_apart import QUERIES
from countenance.gallery.records import Collection, Rejection
from countenance.gallery.subjects import no_such_user
from countenance.store import Connection
from countenance.types import FaceId, UserId

MOST_OF_A_FACE: Final = 100
MOST_OF_ANY: Final = 100_000
MOST_OF_A_SMALL_ONE: Final = 1_000
FACES_PER_REJECTION: Final = 10
"""In a large collection at most one rejection for so many faces."""


@dataclass(frozen=True, slots=True)
class Target:
    """Who a face's person is not: a user, or the person of another face; one of the two."""

    user_id: UserId | None = None
    face_id: FaceId | None = None


def reject(
    connection: Connection,
    collection: Collection,
    face_id: FaceId,
    target: Target,
    *,
    rejected_by: str,
    reason: str | None,
) -> Rejection:
    """The collection is locked, not only held: see `Gallery.reject`."""
    if face_id == target.face_id:
        raise InvalidParameterException("`FaceId` and `RejectedFaceId` are the same face")
    present = find(connection, collection, face_id, target)
    if present is not None:
        return present
    _require_apart(connection, collection, face_id, target)
    _require_room(connection, collection, face_id, target)
    values = _of(collection, face_id, target) | {"reason": reason, "rejected_by": rejected_by}
    row = connection.execute(QUERIES["insert_rejection"], values).fetchone()
    assert row is not None, "an insert answers its row"
    return Rejection(*row)


def withdraw(connection: Connection, collection: Collection, face_id: FaceId, target: Target) -> Rejection:
    """Take it back. Raises ResourceNotFoundException."""
    present = find(connection, collection, face_id, target)
    if present is None:
        raise ResourceNotFoundException(
            "no such rejection stands in the collection; see ListRejectedMatches for those that do"
        )
    values = {"collection_id": collection.collection_id, "ordinal": present.ordinal}
    connection.execute(QUERIES["delete_rejection"], values)
    return present


def find(connection: Connection, collection: Collection, face_id: FaceId, target: Target) -> Rejection | None:
    """The one that stands; of two faces whichever was named first."""
    row = connection.execute(QUERIES["find_rejection"], _of(collection, face_id, target)).fetchone()
    return None if row is None else Rejection(*row)


def list_rejections(
    connection: Connection,
    collection: Collection,
    *,
    face_id: FaceId | None,
    user_id: UserId | None,
    limit: int,
    after: int,
) -> list[Rejection]:
    """In the order in which they were made. Raises ResourceNotFoundException."""
    values = {
        "collection_id": collection.collection_id,
        "face_id": face_id,
        "user_id": user_id,
        "limit": limit,
        "after": after,
    }
    rows = connection.execute(QUERIES["list_rejections"], values).fetchall()
    if not rows:
        require_present(connection, collection)
    return [Rejection(*row) for row in rows]


def _require_apart(connection: Connection, collection: Collection, face_id: FaceId, target: Target) -> None:
    """Both are there, and they are not one user's. Locks the user and then the faces, as all do: whoever
    associates them waits, and is refused then.
    """
    if target.user_id is not None:
        values = {"collection_id": collection.collection_id, "user_id": target.user_id}
        if connection.execute(GALLERY_QUERIES["lock_subject"], values).fetchone() is None:
            raise no_such_user(target.user_id)
    asked = [face_id] if target.face_id is None else [face_id, target.face_id]
    owners = {row[0]: row[1] for row in lock_faces(connection, collection, asked)}
    for each in asked:
        if each not in owners:
            raise ResourceNotFoundException(f"The face id: {each} does not exist")
    owner = owners[face_id]
    if owner is None:
        return
    if owner == target.user_id:
        raise ConflictException(
            f"the face `{face_id}` is associated with the user `{owner}`: disassociate it first"
        )
    if target.face_id is not None and owners[target.face_id] == owner:
        raise ConflictException(
            f"the faces `{face_id}` and `{target.face_id}` are both associated with the user `{owner}`: "
            "disassociate one of them first"
        )


def _require_room(connection: Connection, collection: Collection, face_id: FaceId, target: Target) -> None:
    row = connection.execute(QUERIES["count_rejections"], _of(collection, face_id, target)).fetchone()
    assert row is not None, "an aggregate always has a row"
    total, of_face, of_other = row
    for each, count in ((face_id, of_face), (target.face_id, of_other)):
        if count >= MOST_OF_A_FACE:
            raise ServiceQuotaExceededException(
                f"the face `{each}` would have {count + 1} rejections; at most {MOST_OF_A_FACE} are allowed"
            )
    if total < MOST_OF_A_SMALL_ONE:
        return
    counted = connection.execute(
        GALLERY_QUERIES["count_faces_up_to"],
        {"collection_id": collection.collection_id, "up_to": MOST_OF_ANY * FACES_PER_REJECTION},
    ).fetchone()
    assert counted is not None, "an aggregate always has a row"
    most = max(MOST_OF_A_SMALL_ONE, int(counted[0]) // FACES_PER_REJECTION)
    if total >= most:
        raise ServiceQuotaExceededException(
            f"the collection would have {total + 1} rejections; at most {most} are allowed: "
            f"{MOST_OF_A_SMALL_ONE}, or one for {FACES_PER_REJECTION} faces, up to {MOST_OF_ANY}"
        )


def _of(collection: Collection, face_id: FaceId, target: Target) -> dict[str, Any]:
    return {
        "collection_id": collection.collection_id,
        "face_id": face_id,
        "rejected_user_id": target.user_id,
        "rejected_face_id": target.face_id,
    }
