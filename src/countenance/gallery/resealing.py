"""All that is sealed of a collection, sealed anew: part by part, under the key and in the basis of today."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

from countenance.errors import InternalServerError
from countenance.gallery.changing import QUERIES, change, hold
from countenance.gallery.crop_seal import CropSeal
from countenance.gallery.records import Collection
from countenance.gallery.seal import TemplateSeal
from countenance.gallery.two_models import TwoModels, read_models
from countenance.store import Connection, Database, KeyMissing, KeyStore, UnitOfWork
from countenance.types import FaceId

_LOG = logging.getLogger(__name__)

_ROWS_AT_ONCE: Final = 1_000
_PLACES: Final = ("faces", "shadows", "crops")
"""What is sealed: templates in their faces' rows, templates beside them, pictures of faces."""
_FIRST: Final = UUID(int=0)


def reseal_all(
    database: Database,
    keys: KeyStore,
    collection: Collection,
    *,
    before: int,
    progress: Callable[[int], None],
) -> None:
    """Seal anew what is sealed with keys of generations before that one; what was done stays done.

    A template that does not open is left as it is, and named in the log.

    Raises:
        ResourceNotFoundException: the collection was deleted.
        InternalServerError: a key is missing, or a model.
    """
    for place in _PLACES:
        after: UUID | None = _FIRST
        while after is not None:
            with UnitOfWork(database) as uow:
                after, count = change(uow, _part(keys, collection, before=before, place=place, after=after))
                uow.commit()
            progress(count)


def _part(
    keys: KeyStore, collection: Collection, *, before: int, place: str, after: UUID
) -> Callable[[Connection], tuple[UUID | None, int]]:
    """A batch of what lies in a place behind `after`: the last of its faces, None when there was none; how
    many.
    """

    def work(connection: Connection) -> tuple[UUID | None, int]:
        hold(connection, collection)
        models = read_models(connection, collection)  # perhaps others than when this began
        rows = connection.execute(
            QUERIES[f"lock_{place}_of_old_generations"],
            {
                "collection_id": collection.collection_id,
                "key_generation": before,
                "after": after,
                "limit": _ROWS_AT_ONCE,
            },
            binary=True,
        ).fetchall()
        sealed = _sealed_anew(_Seals(models, keys), rows)
        connection.execute(
            QUERIES[f"reseal_{place}"],
            {
                "collection_id": collection.collection_id,
                "key_generation": models.generation,
                "face_ids": list(sealed),
                "sealed": list(sealed.values()),
            },
        )
        return (rows[-1][0] if rows else None), len(rows)

    return work


class _Seals:
    """Of one collection: a template's by the slot of its model, a crop's by None."""

    def __init__(self, models: TwoModels, keys: KeyStore) -> None:
        self._models, self._keys = models, keys
        self._opened: dict[int | None, TemplateSeal | CropSeal] = {}

    def of(self, slot: int | None) -> TemplateSeal | CropSeal:
        if slot not in self._opened:
            model = None if slot is None else self._models.model_in(slot)
            if slot is not None and model is None:
                # INVARIANT: what cannot be sealed anew for want of its model keeps the keys alive.
                raise InternalServerError("a template is of a model that the collection does not name")
            self._opened[slot] = (
                self._models.crop_seal(self._keys) if model is None else self._models.seal(model, self._keys)
            )
        return self._opened[slot]


def _sealed_anew(seals: _Seals, rows: Sequence[tuple[FaceId, int | None, int, bytes]]) -> dict[FaceId, bytes]:
    """By face; each row is the face, its slot, the generation of its key, and what is sealed."""
    done: dict[FaceId, bytes] = {}
    for slot in dict.fromkeys(row[1] for row in rows):
        part = [(face_id, generation, sealed) for face_id, of, generation, sealed in rows if of == slot]
        try:
            resealed = seals.of(slot).reseal_all(part)
        except KeyMissing as error:
            _LOG.error("key missing: %s", error)
            raise InternalServerError from error
        for (face_id, _, before), anew in zip(part, resealed, strict=True):
            if anew is None:
                _LOG.error("sealed template does not open: face=%s", face_id)
            done[face_id] = before if anew is None else anew
    return done
