"""Templates beside those in use, as rows: what is missing, what is written, what there is to compare."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from countenance.errors import ConflictException
from countenance.gallery import faces as face_rows
from countenance.gallery.beside import put_templates
from countenance.gallery.changing import change, despite_new_keys, hold
from countenance.gallery.records import Collection
from countenance.gallery.reembedding_records import Coverage, Missing, Part, Reembedding, TemplatesOfAll
from countenance.gallery.two_models import QUERIES, Model, TwoModels, read_models
from countenance.store import Connection, Database, KeyStore, UnitOfWork
from countenance.types import FaceId, ImageId, WeighedTemplate


class ShadowTemplates:
    """Of collections that are being re-embedded. Thread-safe; changes take the unit of work."""

    def __init__(self, database: Database, keys: KeyStore) -> None:
        self._database = database
        self._keys = keys

    def coverage(self, collection: Collection, model: Model) -> Coverage:
        """How many faces have a template of the model."""
        with self._database.read() as connection:
            return read_coverage(connection, collection, slot_of(read_models(connection, collection), model))

    def next_faces(
        self, collection: Collection, model: Model, *, after: ImageId | None, limit: int = 2_000
    ) -> Part:
        """Faces without a template of the model, picture by picture, those behind `after`."""
        with self._database.read() as connection:
            models = read_models(connection, collection)
            while True:
                rows = connection.execute(
                    QUERIES["next_faces"],
                    {
                        "collection_id": collection.collection_id,
                        "model_slot": slot_of(models, model),
                        "after": after or uuid.UUID(int=0),
                        "limit": limit,
                    },
                ).fetchall()
                is_last = len(rows) < limit
                # The last picture may go on behind the limit: it comes whole with the next part.
                whole = rows if is_last else [row for row in rows if row[1] != rows[-1][1]]
                if whole or is_last:
                    break
                limit *= 2
        faces = [face_rows.to_stored(row[:-1], models.in_use.version) for row in whole if not row[-1]]
        return Part(faces, len(whole), None if is_last else whole[-1][1])

    def put(
        self,
        uow: UnitOfWork,
        collection: Collection,
        run: Reembedding,
        model: Model,
        templates: Mapping[FaceId, WeighedTemplate],
    ) -> int:
        """Write templates of the model for those of the faces that are there and have none.

        How many of the faces searches find from now on, as the model is the one in use: a change of the
        gallery, which the caller records in the same unit of work. 0 where it is the other.

        Raises:
            ConflictException: the re-embedding has ended.
            ResourceNotFoundException: the collection was deleted.
        """

        def work(connection: Connection) -> int:
            hold(connection, collection)
            models = read_models(connection, collection)
            if models.run_id != run.run_id or models.state == "discarding":
                raise ended(collection)
            written = put_templates(connection, models, self._keys, model, templates)
            return written if models.slot_of(model) == models.slot else 0

        return change(uow, work)

    def note_failures(self, uow: UnitOfWork, run: Reembedding, reasons: Mapping[FaceId, str]) -> None:
        """Keep why faces got no template."""
        change(
            uow,
            lambda connection: connection.execute(
                QUERIES["put_failures"],
                {"run_id": run.run_id, "face_ids": list(reasons), "reasons": list(reasons.values())},
            ),
        )

    def count_failures(self, collection: Collection, run: Reembedding) -> dict[str, int]:
        """Of faces that are there, by reason, the commonest first."""
        values = {"collection_id": collection.collection_id, "run_id": run.run_id}
        with self._database.read() as connection:
            return dict(connection.execute(QUERIES["count_failures"], values).fetchall())

    def list_missing(
        self, collection: Collection, run: Reembedding, model: Model, *, limit: int
    ) -> list[Missing]:
        """At most `limit` faces without a template of the model, by FaceId."""
        with self._database.read() as connection:
            slot = slot_of(read_models(connection, collection), model)
            rows = connection.execute(
                QUERIES["list_missing"],
                {
                    "collection_id": collection.collection_id,
                    "run_id": run.run_id,
                    "model_slot": slot,
                    "limit": limit,
                },
            ).fetchall()
        return [Missing(*row) for row in rows]

    def templates(self, collection: Collection, model: Model) -> TemplatesOfAll:
        """Every face's template of the model, where it has one that opens.

        Raises:
            InternalServerError: a key is missing.
        """
        return despite_new_keys(collection, lambda: self._read_templates(collection, model))

    def _read_templates(self, collection: Collection, model: Model) -> TemplatesOfAll:
        with self._database.read() as connection:
            models = read_models(connection, collection)
            rows = connection.execute(
                QUERIES["read_templates"],
                {"collection_id": collection.collection_id, "model_slot": slot_of(models, model)},
                binary=True,
            ).fetchall()
        stored, broken = models.seal(model, self._keys).unseal_all([(row[0], *row[4:]) for row in rows])
        left_out = set(broken)
        kept = [row for position, row in enumerate(rows) if position not in left_out]
        return TemplatesOfAll(
            [FaceId(row[0]) for row in kept], [row[1] for row in kept], [row[2] for row in kept], stored
        )


def slot_of(models: TwoModels, model: Model) -> int:
    slot = models.slot_of(model)
    if slot is None:
        raise ended(models.collection)
    return slot


def read_coverage(connection: Connection, collection: Collection, slot: int) -> Coverage:
    row = connection.execute(
        QUERIES["count_templates"], {"collection_id": collection.collection_id, "model_slot": slot}
    ).fetchone()
    assert row is not None, "an aggregate always has a row"
    snapshot, faces, embedded = row
    return Coverage(faces, embedded, snapshot)


def ended(collection: Collection) -> ConflictException:
    return ConflictException(f"the re-embedding of `{collection.name}` has been ended by another command")
