"""Enrolled faces, as rows: enrol, list, delete."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np

from countenance.errors import ThrottlingException
from countenance.gallery.changing import QUERIES, require_present
from countenance.gallery.held import find_held, require_unheld
from countenance.gallery.reading_apart import lock_named
from countenance.gallery.records import (
    Collection,
    Deleted,
    FaceFailure,
    NewFace,
    Origin,
    Reason,
    StoredFace,
)
from countenance.gallery.seal import TemplateSeal
from countenance.store import BytesArray, Connection, FloatArray, KeyMissing, UuidArray
from countenance.types import Confidence, FaceId, ImageId, RatioBox, UserId, WeighedTemplate

_BEFORE_ALL = UUID(int=0)
_ENROL_ATTEMPTS = 3
_SECRET_BYTES = 32
"""Of a face's half of the key under which the log names it (docs/adr/0011)."""

_Identity = tuple[int, str, float, float, float, float]
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
    asked = [_as_stored(face, collection) for face in faces]
    identities = [_identity(each) for each in asked]
    wanted = {
        identity: _Wanted(each, WeighedTemplate(face.template, face.weight), face.origin)
        for identity, each, face in zip(reversed(identities), reversed(asked), reversed(faces), strict=True)
    }
    # In one order for all, so that two calls with the same faces cannot wait for each other.
    missing = sorted(wanted)
    stored: dict[_Identity, StoredFace] = {}
    for _ in range(_ENROL_ATTEMPTS):
        if not missing:
            break
        stored |= _insert(connection, collection, seal, {identity: wanted[identity] for identity in missing})
        missing = [identity for identity in missing if identity not in stored]
        stored |= _find(connection, collection, [wanted[identity].face for identity in missing])
        missing = [identity for identity in missing if identity not in stored]
    if missing:
        raise ThrottlingException("the same faces are being deleted; try again")
    return [stored[identity] for identity in identities]


class _Wanted(NamedTuple):
    """A face as it is to be stored, its template, and the import that it comes from."""

    face: StoredFace
    template: WeighedTemplate
    origin: Origin | None


def _insert(
    connection: Connection, collection: Collection, seal: TemplateSeal, wanted: Mapping[_Identity, _Wanted]
) -> dict[_Identity, StoredFace]:
    """Those that were inserted."""
    faces = [each.face for each in wanted.values()]
    face_ids = [face.face_id for face in faces]
    sealed = seal.seal_all(
        face_ids,
        np.stack([each.template.template for each in wanted.values()]),
        np.array([each.template.weight for each in wanted.values()]),
    )
    row = connection.execute(
        QUERIES["enrol"],
        {
            "collection_id": collection.collection_id,
            "face_ids": UuidArray.of(face_ids),
            "image_ids": UuidArray.of([face.image_id for face in faces]),
            "external_image_ids": [face.external_image_id for face in faces],
            "lefts": FloatArray.of([face.box.left for face in faces]),
            "tops": FloatArray.of([face.box.top for face in faces]),
            "widths": FloatArray.of([face.box.width for face in faces]),
            "heights": FloatArray.of([face.box.height for face in faces]),
            "confidences": FloatArray.of([face.confidence for face in faces]),
            "secrets": BytesArray.of(_random(_SECRET_BYTES, len(faces))),
            "sealed": BytesArray.of(sealed),
            "key_generation": seal.generation,
            "user_ids": [face.user_id for face in faces],
            "import_ids": [each.origin and each.origin.import_id for each in wanted.values()],
            "import_items": [each.origin and each.origin.item for each in wanted.values()],
            "face_model_version": collection.face_model_version,
        },
        binary=True,
    ).fetchone()
    assert row is not None, "the collection is held"
    generation, count, inserted = row
    if generation != seal.generation:
        raise KeyMissing("the collection's key was replaced")  # and `change` begins anew, with the next
    if count == len(faces):
        return {identity: each.face for identity, each in wanted.items()}
    known = set(inserted)
    return {identity: each.face for identity, each in wanted.items() if each.face.face_id in known}


def _random(size: int, count: int) -> list[bytes]:
    together = os.urandom(size * count)
    return [together[start : start + size] for start in range(0, len(together), size)]


def _find(
    connection: Connection, collection: Collection, faces: Sequence[StoredFace]
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


def find_same(connection: Connection, collection: Collection, face: NewFace) -> StoredFace | None:
    """The face as it is stored already: same image, external image id and box."""
    asked = _as_stored(face, collection)
    return _find(connection, collection, [asked]).get(_identity(asked))


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
    require_unheld(connection, collection, deletable)
    _delete(connection, collection, deletable)
    failures = []
    for face_id in asked:
        if face_id not in owners:
            failures.append(FaceFailure(face_id, Reason.FACE_NOT_FOUND))
        elif (user_id := owners[face_id]) is not None:
            failures.append(FaceFailure(face_id, Reason.ASSOCIATED_TO_AN_EXISTING_USER, user_id=user_id))
    return Deleted(face_ids=deletable, failures=failures)


def erase_faces(connection: Connection, collection: Collection, face_ids: Sequence[FaceId]) -> list[FaceId]:
    """Delete those that are there, whosever they are; others, and held ones, are passed over."""
    present = [face_id for face_id, *_ in lock_faces(connection, collection, list(dict.fromkeys(face_ids)))]
    held = set(find_held(connection, collection, present))
    erased = [face_id for face_id in present if face_id not in held]
    _delete(connection, collection, erased)
    return erased


def _delete(connection: Connection, collection: Collection, face_ids: Sequence[FaceId]) -> None:
    """Faces that are locked, with what is rejected of them."""
    if face_ids:
        lock_named(connection, collection, face_ids=face_ids)
        values = {"collection_id": collection.collection_id, "face_ids": list(face_ids)}
        connection.execute(QUERIES["delete_faces"], values)


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


def _as_stored(face: NewFace, collection: Collection) -> StoredFace:
    """As AWS stores them: box to 6 decimals, confidence to 4."""
    box = face.box
    return StoredFace(
        face_id=face.face_id,
        image_id=face.image_id,
        external_image_id=face.external_image_id,
        box=RatioBox(
            left=round(float(box.left), 6),
            top=round(float(box.top), 6),
            width=round(float(box.width), 6),
            height=round(float(box.height), 6),
        ),
        confidence=Confidence(round(float(face.confidence), 4)),
        user_id=face.user_id,
        face_model_version=collection.face_model_version,
    )


def _identity(face: StoredFace) -> _Identity:
    box = face.box
    return (face.image_id.int, face.external_image_id or "", box.left, box.top, box.width, box.height)
