"""Which models a collection has templates of: the one in use and, while it is re-embedded, another."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from countenance.gallery.basis import Sealing
from countenance.gallery.changing import no_such_collection
from countenance.gallery.crop_seal import CropSeal
from countenance.gallery.records import Collection
from countenance.gallery.seal import TemplateSeal
from countenance.store import Connection, KeyStore, load_queries

QUERIES = load_queries("countenance.gallery", "reembedding.sql")


@dataclass(frozen=True, slots=True)
class Model:
    """A model as galleries see it: FaceModelVersion, and how long its templates are."""

    version: str
    dimensions: int


@dataclass(frozen=True, slots=True)
class TwoModels:
    """Of one collection at one moment; under a lock (`hold`) until that is given back.

    Attributes:
        slot: of the model in use; the other one's is `1 - slot`.
        sealing: the key and the basis of what is sealed now.
        other: None where the collection is not being re-embedded.
        run_id: of the re-embedding.
        state: of the re-embedding.
        kept_days: for how long crops of faces are kept; None for not at all.
    """

    collection: Collection
    slot: int
    sealing: Sealing
    in_use: Model
    other: Model | None
    run_id: uuid.UUID | None
    state: str | None
    kept_days: int | None

    @property
    def generation(self) -> int:
        """Of the key that is sealed with now."""
        return self.sealing.generation

    @property
    def wanted(self) -> Model | None:
        """The model that new faces get a second template of."""
        return None if self.state == "discarding" else self.other

    def slot_of(self, model: Model) -> int | None:
        """Where templates of a model lie; None if the collection has none of it."""
        if model == self.in_use:
            return self.slot
        return 1 - self.slot if model == self.other else None

    def model_in(self, slot: int) -> Model | None:
        """The model whose templates lie in a slot."""
        return self.in_use if slot == self.slot else self.other

    def seal(self, model: Model, keys: KeyStore) -> TemplateSeal:
        """What templates of that model are sealed with. Raises KeyMissing."""
        return TemplateSeal(
            keys,
            self.sealing,
            collection_id=self.collection.collection_id,
            face_model_version=model.version,
            dimensions=model.dimensions,
        )

    def crop_seal(self, keys: KeyStore) -> CropSeal:
        """What crops are sealed with."""
        return CropSeal(
            partial(keys.template_key, self.collection.collection_id),
            generation=self.generation,
            collection_id=self.collection.collection_id,
        )


def read_models(connection: Connection, collection: Collection) -> TwoModels:
    """As of now. Raises ResourceNotFoundException."""
    row = connection.execute(QUERIES["read_models"], {"collection_id": collection.collection_id}).fetchone()
    if row is None:
        raise no_such_collection(collection.name)
    slot, version, dimensions, *sealing, run_id, state, _, _, _, _, kept_days = row
    return TwoModels(
        collection=replace(collection, face_model_version=version, dimensions=dimensions),
        slot=slot,
        sealing=Sealing(*sealing),
        in_use=Model(version, dimensions),
        other=None if run_id is None else _other(version, row[-5:-1]),
        run_id=run_id,
        state=state,
        kept_days=kept_days,
    )


def _other(in_use: str, models: Sequence[Any]) -> Model:
    one, two = Model(*models[:2]), Model(*models[2:])
    return two if one.version == in_use else one
