"""Re-embeddings: a collection's faces get templates of another model beside those in use, and change over.

A face keeps its row, its ids, its user. To switch is to change which of its two templates counts: one row, in
one transaction, and back again the same way (docs/adr/0022).
"""

from __future__ import annotations

import uuid
from typing import Final

from countenance.errors import ConflictException, InvalidParameterException, ResourceNotFoundException
from countenance.gallery import faces as face_rows
from countenance.gallery.changing import change, hold, switched
from countenance.gallery.records import Collection
from countenance.gallery.reembedding_records import FacesLeftBehind, Reembedding, Source, State
from countenance.gallery.shadow_templates import ended, read_coverage, slot_of
from countenance.gallery.two_models import QUERIES, Model, TwoModels, read_models
from countenance.store import Connection, Database, UnitOfWork
from countenance.types import FaceId

_SWEPT_AT_ONCE: Final = 1_000
_TURN_WITHIN_MS: Final = 10_000
"""Others who change the gallery wait behind us: not for longer than that."""


class Reembeddings:
    """Thread-safe. Changes take the unit of work and are part of its transaction, as those of `Gallery`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, collection: Collection) -> Reembedding | None:
        """The one that has been started and not discarded."""
        with self._database.read() as connection:
            return _find(connection, collection)

    def require(self, collection: Collection) -> Reembedding:
        """As `find`. Raises ResourceNotFoundException."""
        found = self.find(collection)
        if found is None:
            raise ResourceNotFoundException(f"the collection `{collection.name}` is not being re-embedded")
        return found

    def list_collections(self) -> list[Collection]:
        """Collections that are being re-embedded."""
        with self._database.read() as connection:
            return [Collection(*row) for row in connection.execute(QUERIES["list_runs"]).fetchall()]

    def start(self, uow: UnitOfWork, collection: Collection, to_model: Model, source: Source) -> uuid.UUID:
        """Begin one. From the commit on new faces get a template of that model as well.

        Raises:
            ConflictException: one has been started already.
            InvalidParameterException: the collection has that model.
            ResourceNotFoundException: it was deleted.
        """

        def work(connection: Connection) -> uuid.UUID:
            models = self._turn(connection, collection)
            if models.in_use.version == to_model.version:
                raise InvalidParameterException(
                    f"the collection `{collection.name}` has the face model `{to_model.version}` already"
                )
            row = connection.execute(
                QUERIES["insert_run"],
                {
                    "run_id": uuid.uuid4(),
                    "collection_id": collection.collection_id,
                    "from_version": models.in_use.version,
                    "from_dimensions": models.in_use.dimensions,
                    "to_version": to_model.version,
                    "to_dimensions": to_model.dimensions,
                    "source": source,
                },
            ).fetchone()
            if row is None:
                raise ConflictException(f"the collection `{collection.name}` is being re-embedded already")
            return uuid.UUID(str(row[0]))

        return change(uow, work)

    def take_up(self, uow: UnitOfWork, collection: Collection, run: Reembedding, source: Source) -> None:
        """Look at everything that is missing once more, from this source."""

        def work(connection: Connection) -> None:
            self._require(connection, collection, run, {"building", "ready", "rolled_back", "switched"})
            state = "building" if run.state in {"building", "ready"} else run.state
            self._set_state(connection, run, state, source=source)
            connection.execute(QUERIES["forget_failures"], {"run_id": run.run_id})

        change(uow, work)

    def finish_building(self, uow: UnitOfWork, collection: Collection, run: Reembedding) -> None:
        """Everything was looked at."""

        def work(connection: Connection) -> None:
            hold(connection, collection, how="lock_collection")
            present = _find(connection, collection)
            if present is not None and present.run_id == run.run_id and present.state == "building":
                self._set_state(connection, run, "ready")

        change(uow, work)

    def switch(
        self,
        uow: UnitOfWork,
        collection: Collection,
        run: Reembedding,
        *,
        leave_behind: bool = False,
    ) -> int:
        """Use the new model from the commit on, or again; how many faces have no template of it.

        Raises:
            FacesLeftBehind: there are such faces, and they were not to be left behind.
            ConflictException: it is in use, or the re-embedding has ended.
            ThrottlingException: changes of the collection that began before do not end.
        """
        return self._use(uow, collection, run, run.to_model, "switched", leave_behind=leave_behind)

    def roll_back(
        self,
        uow: UnitOfWork,
        collection: Collection,
        run: Reembedding,
        *,
        leave_behind: bool = False,
    ) -> int:
        """Use the old model again. As `switch`."""
        return self._use(uow, collection, run, run.from_model, "rolled_back", leave_behind=leave_behind)

    def begin_discarding(
        self, uow: UnitOfWork, collection: Collection, run: Reembedding, *, leave_behind: bool = False
    ) -> int:
        """Keep the model in use for good: new faces get no second template from the commit on. How many faces
        have no template of it: they are to be erased.

        Raises:
            FacesLeftBehind: there are such faces, and they were not to be erased.
        """

        def work(connection: Connection) -> int:
            models = self._turn(connection, collection)
            _require_run(models, run)
            missing = read_coverage(connection, collection, models.slot).missing
            if missing and not leave_behind:
                raise FacesLeftBehind(
                    f"{missing} faces of `{collection.name}` have no template of the face model in use, and "
                    "would have none at all",
                    missing,
                )
            self._set_state(connection, run, "discarding")
            return missing

        return change(uow, work)

    def sweep(self, uow: UnitOfWork, collection: Collection) -> int:
        """Delete a part of the templates that are not in use, once that was begun; how many, 0 at the end."""

        def work(connection: Connection) -> int:
            hold(connection, collection)
            models = read_models(connection, collection)
            if models.state != "discarding":
                raise ended(collection)
            row = connection.execute(
                QUERIES["sweep"],
                {
                    "collection_id": collection.collection_id,
                    "model_slot": models.slot,
                    "limit": _SWEPT_AT_ONCE,
                },
            ).fetchone()
            return 0 if row is None else int(row[0])

        return change(uow, work)

    def erase_left_behind(
        self, uow: UnitOfWork, collection: Collection, *, limit: int = 1_000
    ) -> list[FaceId]:
        """Delete a part of the faces that have no template of the model in use; which, none at the end."""

        def work(connection: Connection) -> list[FaceId]:
            hold(connection, collection)
            models = read_models(connection, collection)
            if models.state != "discarding":
                raise ended(collection)
            rows = connection.execute(
                QUERIES["list_left_behind"],
                {"collection_id": collection.collection_id, "model_slot": models.slot, "limit": limit},
            ).fetchall()
            return face_rows.erase_faces(connection, collection, [FaceId(face_id) for (face_id,) in rows])

        return change(uow, work)

    def end(self, uow: UnitOfWork, collection: Collection, run: Reembedding) -> None:
        """Nothing of the other model is left."""

        def work(connection: Connection) -> None:
            self._require(connection, collection, run, {"discarding"})
            self._set_state(connection, run, "discarded")

        change(uow, work)

    def _use(
        self,
        uow: UnitOfWork,
        collection: Collection,
        run: Reembedding,
        model: Model,
        state: State,
        *,
        leave_behind: bool,
    ) -> int:
        def work(connection: Connection) -> int:
            # Counted before, so that others wait for us no longer than it takes to count what came since.
            models = read_models(connection, collection)
            _require_run(models, run)
            slot = slot_of(models, model)
            covered = read_coverage(connection, collection, slot)
            models = self._turn(connection, collection)
            _require_run(models, run)
            if model == models.in_use:
                raise ConflictException(
                    f"the collection `{collection.name}` has the face model `{model.version}` in use"
                )
            row = connection.execute(
                QUERIES["count_missing_since"],
                {
                    "collection_id": collection.collection_id,
                    "model_slot": slot,
                    "snapshot": covered.snapshot,
                },
            ).fetchone()
            missing = covered.missing + (int(row[0]) if row else 0)
            if missing and not leave_behind:
                raise FacesLeftBehind(
                    f"{missing} faces of `{collection.name}` have no template of face model "
                    f"`{model.version}`: no search would find them",
                    missing,
                )
            values = {"collection_id": collection.collection_id, "before": models.in_use.version}
            values |= {"face_model_version": model.version, "dimensions": model.dimensions}
            if connection.execute(QUERIES["use_other_model"], values).fetchone() is None:
                raise switched(collection.name)
            self._set_state(connection, run, state)
            return missing

        return change(uow, work)

    def _turn(self, connection: Connection, collection: Collection) -> TwoModels:
        """Alone among those who change the gallery; what they did is there, what they will do is not yet."""
        values = {"collection_id": collection.collection_id}
        connection.execute(QUERIES["wait_at_most"], {"milliseconds": str(_TURN_WITHIN_MS)})
        connection.execute(QUERIES["take_turn"], values)
        connection.execute(QUERIES["wait_at_most"], {"milliseconds": "0"})
        hold(connection, collection, how="lock_collection")
        return read_models(connection, collection)

    def _require(
        self, connection: Connection, collection: Collection, run: Reembedding, states: set[str]
    ) -> None:
        models = self._turn(connection, collection)
        if models.run_id != run.run_id or models.state not in states:
            raise ended(collection)

    def _set_state(
        self, connection: Connection, run: Reembedding, state: State, *, source: Source | None = None
    ) -> None:
        connection.execute(QUERIES["set_state"], {"run_id": run.run_id, "state": state, "source": source})


def _find(connection: Connection, collection: Collection) -> Reembedding | None:
    row = connection.execute(QUERIES["find_run"], {"collection_id": collection.collection_id}).fetchone()
    if row is None:
        return None
    run_id, from_version, from_dimensions, to_version, to_dimensions, *rest = row
    return Reembedding(run_id, Model(from_version, from_dimensions), Model(to_version, to_dimensions), *rest)


def _require_run(models: TwoModels, run: Reembedding) -> None:
    if models.run_id != run.run_id or models.state == "discarding":
        raise ended(models.collection)
