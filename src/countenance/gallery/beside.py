"""What is kept of a face beside its row: a template of another model, and a picture of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from countenance.gallery.records import NewFace
from countenance.gallery.two_models import QUERIES, Model, TwoModels
from countenance.store import Connection, KeyMissing, KeyStore
from countenance.types import FaceId, WeighedTemplate


def keep(connection: Connection, models: TwoModels, keys: KeyStore, faces: Sequence[NewFace]) -> None:
    """Keep of faces that have just been stored what the collection wants beside them.

    The collection is held, and `models` was read since: what was wanted when a picture was looked at, and is
    wanted no more, is not kept.
    """
    wanted = models.wanted
    if wanted is not None:
        shadows = {
            face.face_id: WeighedTemplate(face.shadow.template, face.shadow.weight)
            for face in faces
            if face.shadow is not None and face.shadow.face_model_version == wanted.version
        }
        put_templates(connection, models, keys, wanted, shadows)
    if models.kept_days is not None:
        put_crops(
            connection, models, keys, {face.face_id: face.crop for face in faces if face.crop is not None}
        )


def put_templates(
    connection: Connection,
    models: TwoModels,
    keys: KeyStore,
    model: Model,
    templates: Mapping[FaceId, WeighedTemplate],
) -> int:
    """Write templates of a model for faces that are there and have none of it; how many.

    The collection is held.

    Raises:
        KeyMissing: its key was replaced meanwhile: begin anew.
    """
    slot = models.slot_of(model)
    if not templates or slot is None:
        return 0
    seal = models.seal(model, keys)
    return _written(
        connection,
        "put_templates",
        models,
        {face_id: seal.seal(face_id, each.template, each.weight) for face_id, each in templates.items()},
        model_slot=slot,
        is_in_use=slot == models.slot,
        run_id=models.run_id,
    )


def put_crops(
    connection: Connection, models: TwoModels, keys: KeyStore, crops: Mapping[FaceId, bytes]
) -> int:
    """Keep pictures of faces. As `put_templates`."""
    if not crops:
        return 0
    seal = models.crop_seal(keys)
    sealed = {face_id: seal.seal(face_id, crop) for face_id, crop in crops.items()}
    return _written(connection, "put_crops", models, sealed)


def _written(
    connection: Connection, query: str, models: TwoModels, sealed: Mapping[FaceId, bytes], **values: object
) -> int:
    ordered = sorted(sealed)
    row = connection.execute(
        QUERIES[query],
        {
            "collection_id": models.collection.collection_id,
            "key_generation": models.generation,
            "face_ids": ordered,
            "sealed": [sealed[face_id] for face_id in ordered],
            **values,
        },
    ).fetchone()
    if row is None or row[1] != models.generation:
        raise KeyMissing("the collection's key was replaced")  # and `change` begins anew, with the next
    return int(row[0])
