"""Enrolled faces, as rows: enrol, list, delete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from countenance.errors import ThrottlingException
from countenance.gallery.changing import QUERIES, require_present
from countenance.gallery.records import Collection, Deleted, FaceFailure, NewFace, Reason, StoredFace
from countenance.gallery.seal import TemplateSeal
from countenance.store import Connection, KeyMissing
from countenance.types import Confidence, FaceId, ImageId, RatioBox, UserId

_BEFORE_ALL = UUID(int=0)
_ENROL_ATTEMPTS = 3

_Identity = tuple[UUID, str, float, float, float, float]
"""What makes a face of a collection the same face: image, external image id ("" for none), box."""


def to_stored(row: Sequence[Any], face_model_version: str) -> StoredFace:
    """From the nine columns that every query of faces answers first."""
    face_id, image_id, external_image_id, left, top, width, height, confidence, user_id = row
    return StoredFace(
        face_id=FaceId(face_id),
        image_id=ImageId(image_id),
        external_image_id=external_image_id,
        box=RatioBox(left=left, top=top, width=width, height=height),
        confidence=Confidence(confidence),
        user_id=user_id,
        face_model_version=face_model_version,
    )


def enrol(
    connection: Connection, collection: Collection, seal: TemplateSeal, faces: Sequence[NewFace]
) -> list[StoredFace]:
    """Insert those that are not there; one answer a face, in the order given.

    A face that another transaction is inserting is waited for. One that is deleted between our insert
    and our look is inserted again; after three such misses ThrottlingException.
    """
    rounded = [_rounded(face) for face in faces]
    wanted = {_identity(face): face for face in reversed(rounded)}
    stored: dict[_Identity, StoredFace] = {}
    for _ in range(_ENROL_ATTEMPTS):
        missing = [face for identity, face in wanted.items() if identity not in stored]
        if not missing:
            break
        stored |= _insert(connection, collection, seal, missing)
        stored |= _find(connection, collection, [face for face in missing if _identity(face) not in stored])
    if len(stored) < len(wanted):
        raise ThrottlingException("the same faces are being deleted; try again")
    return [stored[_identity(face)] for face in rounded]


def _insert(
    connection: Connection, collection: Collection, seal: TemplateSeal, faces: list[NewFace]
) -> dict[_Identity, StoredFace]:
    # In one order for all, so that two calls with the same faces cannot wait for each other.
    ordered = sorted(faces, key=_identity)
    rows = connection.execute(
        QUERIES["enrol"],
        {
            "collection_id": collection.collection_id,
            "face_ids": [face.face_id for face in ordered],
            "image_ids": [face.image_id for face in ordered],
            "external_image_ids": [face.external_image_id for face in ordered],
            "lefts": [face.box.left for face in ordered],
            "tops": [face.box.top for face in ordered],
            "widths": [face.box.width for face in ordered],
            "heights": [face.box.height for face in ordered],
            "confidences": [float(face.confidence) for face in ordered],
            "sealed": [seal.seal(face.face_id, face.template) for face in ordered],
            "key_generation": seal.generation,
            "face_model_version": collection.face_model_version,
        },
    ).fetchall()
    if any(generation != seal.generation for _, generation in rows):
        raise KeyMissing("the collection's key was replaced")  # and `change` begins anew, with the next
    inserted = {face_id for face_id, _ in rows}
    return {_identity(face): _new(face, collection) for face in ordered if face.face_id in inserted}


def _find(
    connection: Connection, collection: Collection, faces: list[NewFace]
) -> dict[_Identity, StoredFace]:
    if not faces:
        return {}
    rows = connection.execute(
        QUERIES["find_enrolled"],
        {
            "collection_id": collection.collection_id,
            "image_ids": list({face.image_id for face in faces}),
            "external_image_ids": list({face.external_image_id or "" for face in faces}),
        },
    )
    found = [to_stored(row, collection.face_model_version) for row in rows]
    wanted = {_identity(face) for face in faces}
    return {_identity(face): face for face in found if _identity(face) in wanted}


def find_faces(
    connection: Connection, collection: Collection, face_ids: Sequence[FaceId]
) -> dict[FaceId, StoredFace]:
    """Those of them that are there."""
    rows = connection.execute(
        QUERIES["find_faces"],
        {"collection_id": collection.collection_id, "face_ids": list(face_ids)},
        binary=True,
    )
    found = (to_stored(row, collection.face_model_version) for row in rows)
    return {face.face_id: face for face in found}


def list_faces(
    connection: Connection,
    collection: Collection,
    *,
    user_id: UserId | None,
    face_ids: Sequence[FaceId] | None,
    limit: int,
    after: FaceId | None,
) -> list[StoredFace]:
    """By FaceId, those behind `after`. Raises ResourceNotFoundException."""
    parameters: dict[str, Any] = {
        "collection_id": collection.collection_id,
        "after": _BEFORE_ALL if after is None else after,
        "limit": limit,
    }
    query = "list_faces"
    if face_ids is not None:
        query = "list_faces_among"
        parameters |= {"face_ids": list(face_ids), "user_id": user_id}
    elif user_id is not None:
        query = "list_faces_of_user"
        parameters["user_id"] = user_id
    rows = connection.execute(QUERIES[query], parameters).fetchall()
    if not rows:
        require_present(connection, collection)
    return [to_stored(row, collection.face_model_version) for row in rows]


def delete_faces(connection: Connection, collection: Collection, face_ids: Sequence[FaceId]) -> Deleted:
    """Delete those that belong to no user; the rest is answered with its reason."""
    asked = list(dict.fromkeys(face_ids))
    owners: Mapping[UUID, UserId | None] = {
        face_id: user_id for face_id, user_id, *_ in lock_faces(connection, collection, asked)
    }
    deletable = [face_id for face_id in asked if face_id in owners and owners[face_id] is None]
    if deletable:
        connection.execute(
            QUERIES["delete_faces"], {"collection_id": collection.collection_id, "face_ids": deletable}
        )
    failures = []
    for face_id in asked:
        if face_id not in owners:
            failures.append(FaceFailure(face_id, Reason.FACE_NOT_FOUND))
        elif (user_id := owners[face_id]) is not None:
            failures.append(FaceFailure(face_id, Reason.ASSOCIATED_TO_AN_EXISTING_USER, user_id=user_id))
    return Deleted(face_ids=deletable, failures=failures)


def erase_faces(connection: Connection, collection: Collection, face_ids: Sequence[FaceId]) -> list[FaceId]:
    """Delete those that are there, whosever they are; the others are passed over."""
    present = [face_id for face_id, *_ in lock_faces(connection, collection, list(dict.fromkeys(face_ids)))]
    if present:
        connection.execute(
            QUERIES["delete_faces"], {"collection_id": collection.collection_id, "face_ids": present}
        )
    return present


def lock_faces(
    connection: Connection, collection: Collection, face_ids: Sequence[FaceId]
) -> list[tuple[FaceId, UserId | None, int | None, bytes | None]]:
    """Those that are there, with user, generation of the key and sealed template (both None where there is
    none of the model in use), ours until the transaction ends.
    """
    return connection.execute(
        QUERIES["lock_faces"],
        {"collection_id": collection.collection_id, "face_ids": list(face_ids)},
        binary=True,
    ).fetchall()


def _rounded(face: NewFace) -> NewFace:
    """As AWS stores them: box to 6 decimals, confidence to 4."""
    box = RatioBox(
        left=round(float(face.box.left), 6),
        top=round(float(face.box.top), 6),
        width=round(float(face.box.width), 6),
        height=round(float(face.box.height), 6),
    )
    return replace(face, box=box, confidence=Confidence(round(float(face.confidence), 4)))


def _identity(face: NewFace | StoredFace) -> _Identity:
    box = face.box
    return (face.image_id, face.external_image_id or "", box.left, box.top, box.width, box.height)


def _new(face: NewFace, collection: Collection) -> StoredFace:
    return StoredFace(
        face_id=face.face_id,
        image_id=face.image_id,
        external_image_id=face.external_image_id,
        box=face.box,
        confidence=face.confidence,
        user_id=None,
        face_model_version=collection.face_model_version,
    )
