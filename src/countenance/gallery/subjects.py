"""Subjects (AWS: users) and whose faces are whose, as rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from countenance.errors import (
    ConflictException,
    InternalServerError,
    ResourceNotFoundException,
    ServiceQuotaExceededException,
)
from countenance.gallery.changing import QUERIES, require_present
from countenance.gallery.faces import lock_faces
from countenance.gallery.reading_apart import lock_named, read_apart
from countenance.gallery.records import Associated, Collection, FaceFailure, Reason, Subject, UserStatus
from countenance.gallery.seal import BrokenSeal, TemplateSeal
from countenance.gallery.stored import StoredTemplates, to_unit
from countenance.gallery.subject_template import subject_template
from countenance.similarity import Calibration, meets
from countenance.store import Connection
from countenance.types import Cosine, FaceId, Similarity, Template, UserId

FACES_PER_USER = 100


def no_such_user(user_id: UserId) -> ResourceNotFoundException:
    return ResourceNotFoundException(f"The user id: {user_id} does not exist")


def create_user(connection: Connection, collection: Collection, user_id: UserId) -> None:
    """Raises ConflictException, also for one that is committed while this waits."""
    row = connection.execute(QUERIES["insert_subject"], _of(collection, user_id)).fetchone()
    if row is None:
        raise ConflictException(f"The user id: {user_id} already exists")


def delete_user(connection: Connection, collection: Collection, user_id: UserId) -> None:
    """Its faces stay, associated with nobody. Raises ResourceNotFoundException."""
    _require(connection, collection, user_id, how="claim_subject")
    faces = connection.execute(QUERIES["lock_faces_of_subject"], _of(collection, user_id)).fetchall()
    _assign(connection, collection, [face_id for (face_id,) in faces], user_id=None)
    lock_named(connection, collection, user_id=user_id)
    connection.execute(QUERIES["delete_subject"], _of(collection, user_id))


def claim_user(connection: Connection, collection: Collection, user_id: UserId) -> bool:
    """Wait for whoever gives the user faces or takes some, and keep others from it; whether it is there."""
    return connection.execute(QUERIES["claim_subject"], _of(collection, user_id)).fetchone() is not None


def list_users(
    connection: Connection, collection: Collection, *, limit: int, after: UserId | None
) -> list[Subject]:
    """By id (byte order), those behind `after`. Raises ResourceNotFoundException."""
    rows = connection.execute(
        QUERIES["list_subjects"],
        {"collection_id": collection.collection_id, "limit": limit, "after": after or ""},
    ).fetchall()
    if not rows:
        require_present(connection, collection)
    return [Subject(UserId(user_id), _status(has_faces)) for user_id, has_faces in rows]


def require_user(connection: Connection, collection: Collection, user_id: UserId) -> None:
    """Raises ResourceNotFoundException."""
    _require(connection, collection, user_id, how="find_subject")


def associate(
    connection: Connection,
    collection: Collection,
    seal: TemplateSeal,
    user_id: UserId,
    face_ids: Sequence[FaceId],
    *,
    calibration: Calibration,
    threshold: Similarity,
) -> Associated:
    """Give faces to a user who exists; see `Gallery.associate`."""
    _require(connection, collection, user_id, how="lock_subject")
    asked = list(dict.fromkeys(face_ids))
    given = {row[0]: row for row in lock_faces(connection, collection, asked)}
    held = connection.execute(
        QUERIES["read_faces_of_subject"], _of(collection, user_id), binary=True
    ).fetchall()
    own = _opened(seal, [row for row in held if row[2] is not None])  # as stored: the lengths are weights
    reference = subject_template(own) if len(own) else None
    apart = read_apart(connection, collection, face_ids=asked)
    own_ids = {row[0] for row in held}
    is_unknown = bool(held) and reference is None  # all its faces are without a template of the model in use
    accepted: list[FaceId] = []
    failures: list[FaceFailure] = []
    for face_id in asked:
        row = given.get(face_id)
        owner = row and row[1]
        if row is None:
            failures.append(FaceFailure(face_id, Reason.FACE_NOT_FOUND))
        elif owner is not None:
            failures += _of_another(face_id, owner, user_id)
        elif is_unknown or apart.others_than(face_id) & {user_id, *own_ids, *accepted}:
            failures.append(FaceFailure(face_id, Reason.LOW_MATCH_CONFIDENCE))
        elif reference is not None and (
            (similarity := _similarity(calibration, reference, seal, row)) is None
            or not meets(similarity, threshold)
        ):
            failures.append(FaceFailure(face_id, Reason.LOW_MATCH_CONFIDENCE, similarity=similarity))
        else:
            accepted.append(face_id)
    if len(held) + len(accepted) > FACES_PER_USER:
        raise ServiceQuotaExceededException(
            f"the user would have {len(held) + len(accepted)} faces; at most {FACES_PER_USER} are allowed"
        )
    _assign(connection, collection, accepted, user_id=user_id)
    return Associated(face_ids=accepted, failures=failures, status=_status(bool(held or accepted)))


def disassociate(
    connection: Connection, collection: Collection, user_id: UserId, face_ids: Sequence[FaceId]
) -> Associated:
    """Take faces from a user who exists; those of nobody are skipped."""
    _require(connection, collection, user_id, how="lock_subject")
    asked = list(dict.fromkeys(face_ids))
    owners = {face_id: owner for face_id, owner, *_ in lock_faces(connection, collection, asked)}
    taken = [face_id for face_id in asked if owners.get(face_id) == user_id]
    failures: list[FaceFailure] = []
    for face_id in asked:
        if face_id not in owners:
            failures.append(FaceFailure(face_id, Reason.FACE_NOT_FOUND))
        elif (owner := owners[face_id]) is not None:
            failures += _of_another(face_id, owner, user_id)
    _assign(connection, collection, taken, user_id=None)
    left = count_faces(connection, collection, user_id)
    return Associated(face_ids=taken, failures=failures, status=_status(left > 0))


def read_stored(
    connection: Connection, collection: Collection, seal: TemplateSeal, user_id: UserId
) -> StoredTemplates:
    """(N, D) rows of the user's faces in order of enrolment, at stored precision and as long as they
    weigh; none of one who is not there.
    """
    rows = connection.execute(QUERIES["read_faces_of_subject"], _of(collection, user_id), binary=True)
    return _opened(seal, [row for row in rows.fetchall() if row[2] is not None])


def count_faces(connection: Connection, collection: Collection, user_id: UserId) -> int:
    row = connection.execute(QUERIES["count_faces_of_subject"], _of(collection, user_id)).fetchone()
    assert row is not None
    return int(row[0])


def _of_another(face_id: FaceId, owner: UserId, user_id: UserId) -> list[FaceFailure]:
    if owner == user_id:
        return []
    return [FaceFailure(face_id, Reason.ASSOCIATED_TO_A_DIFFERENT_USER, user_id=owner)]


def _similarity(
    calibration: Calibration,
    reference: Template,
    seal: TemplateSeal,
    row: tuple[FaceId, UserId | None, int | None, bytes | None],
) -> Similarity | None:
    """None for a face that has no template of the model in use."""
    face_id, _, generation, sealed = row
    if generation is None or sealed is None:
        return None
    template: Template = to_unit(_opened(seal, [(face_id, generation, sealed)]))[0]
    dot = float(reference.astype(np.float64) @ template.astype(np.float64))
    return calibration.similarity_of(Cosine(float(np.float32(min(max(dot, -1.0), 1.0)))))


def _opened(seal: TemplateSeal, rows: Sequence[tuple[FaceId, int, bytes]]) -> StoredTemplates:
    stored, broken = seal.unseal_all(rows)
    if broken:
        # What a damaged template resembles is unknown: nothing may be decided from it.
        raise InternalServerError(
            f"the stored template of face `{rows[broken[0]][0]}` is damaged"
        ) from BrokenSeal(rows[broken[0]][0])
    return stored


def _assign(
    connection: Connection, collection: Collection, face_ids: Sequence[FaceId], *, user_id: UserId | None
) -> None:
    if face_ids:
        connection.execute(
            QUERIES["assign_faces"],
            {"collection_id": collection.collection_id, "face_ids": list(face_ids), "user_id": user_id},
        )


def _require(connection: Connection, collection: Collection, user_id: UserId, *, how: str) -> None:
    if connection.execute(QUERIES[how], _of(collection, user_id)).fetchone() is None:
        raise no_such_user(user_id)


def _of(collection: Collection, user_id: UserId) -> dict[str, object]:
    return {"collection_id": collection.collection_id, "user_id": user_id}


def _status(has_faces: object) -> UserStatus:
    return UserStatus.ACTIVE if has_faces else UserStatus.CREATED
