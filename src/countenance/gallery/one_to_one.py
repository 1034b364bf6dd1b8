"""A face against one that is enrolled, or against a user: two templates, and no search."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from countenance.errors import InternalServerError, InvalidParameterException
from countenance.gallery import subjects
from countenance.gallery.basis import Sealing
from countenance.gallery.changing import QUERIES, despite_new_keys, no_such_collection, switched
from countenance.gallery.reading import one_snapshot, open_seal
from countenance.gallery.records import Collection
from countenance.gallery.seal import BrokenSeal, TemplateSeal
from countenance.gallery.subject_template import subject_template
from countenance.similarity import Calibration
from countenance.store import Connection, KeyStore
from countenance.types import Cosine, FaceId, Similarity, Template, UserId


def compare_with_face(
    connection: Connection,
    collection: Collection,
    keys: KeyStore,
    face_id: FaceId,
    probe: Template,
    *,
    calibration: Calibration,
) -> Similarity:
    """How similar `probe`, as a model makes it, is to an enrolled face; see `Gallery.compare_with_face`."""

    def reference(seal: TemplateSeal) -> Template:
        return _stored(connection, collection, seal, face_id)

    return _compare(connection, collection, keys, reference, probe=probe, calibration=calibration)


def template_of(connection: Connection, collection: Collection, keys: KeyStore, face_id: FaceId) -> Template:
    """An enrolled face's template as a model makes it; see `Gallery.template_of`."""

    def read() -> Template:
        with one_snapshot(connection):
            seal = _open_seal(connection, collection, keys)
            return seal.basis.unturned(_stored(connection, collection, seal, face_id))

    return despite_new_keys(collection, read)


def compare_with_user(
    connection: Connection,
    collection: Collection,
    keys: KeyStore,
    user_id: UserId,
    probe: Template,
    *,
    calibration: Calibration,
) -> Similarity:
    """How similar `probe` is to the user's template, see `Gallery.compare_with_user`."""

    def reference(seal: TemplateSeal) -> Template:
        subjects.require_user(connection, collection, user_id)
        stored = subjects.read_stored(connection, collection, seal, user_id)
        if not len(stored):
            raise InvalidParameterException(f"the user `{user_id}` has no faces to compare with")
        return subject_template(stored)

    return _compare(connection, collection, keys, reference, probe=probe, calibration=calibration)


def _stored(connection: Connection, collection: Collection, seal: TemplateSeal, face_id: FaceId) -> Template:
    values = {"collection_id": collection.collection_id, "face_id": face_id}
    row = connection.execute(QUERIES["read_template"], values, binary=True).fetchone()
    if row is None:
        raise InvalidParameterException("faceId was not found in the collection")
    generation, sealed = row
    if sealed is None:
        raise InternalServerError(f"face `{face_id}` has no template of the model in use")
    try:
        return seal.unseal(face_id, generation, bytes(sealed))
    except BrokenSeal as error:
        # What a damaged template resembles is unknown: nothing may be decided from it.
        raise InternalServerError(f"the stored template of face `{face_id}` is damaged") from error


def _compare(
    connection: Connection,
    collection: Collection,
    keys: KeyStore,
    reference: Callable[[TemplateSeal], Template],
    *,
    probe: Template,
    calibration: Calibration,
) -> Similarity:
    def read() -> Similarity:
        with one_snapshot(connection):
            seal = _open_seal(connection, collection, keys)
            stored, turned = reference(seal), seal.basis.turned(probe)
        dot = float(stored.astype(np.float64) @ turned.astype(np.float64))
        return calibration.similarity_of(Cosine(float(np.float32(min(max(dot, -1.0), 1.0)))))

    return despite_new_keys(collection, read)


def _open_seal(connection: Connection, collection: Collection, keys: KeyStore) -> TemplateSeal:
    values = {"collection_id": collection.collection_id}
    row = connection.execute(QUERIES["read_generation"], values).fetchone()
    if row is None:
        raise no_such_collection(collection.name)
    *sealing, _, face_model_version = row
    # INVARIANT: templates of two models never meet.
    if face_model_version != collection.face_model_version:
        raise switched(collection.name)
    return open_seal(connection, collection, keys, Sealing(*sealing))
