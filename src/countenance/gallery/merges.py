"""Merges of users: the door to them, as `Gallery` is to all else."""

from __future__ import annotations

import uuid

from countenance.errors import ConflictException
from countenance.gallery import merging
from countenance.gallery.basis import Sealing
from countenance.gallery.changing import (
    QUERIES,
    change,
    despite_new_keys,
    hold,
    hold_model,
    no_such_collection,
    switched,
)
from countenance.gallery.merging import Merge, Parted
from countenance.gallery.pairing import Pairing, look, require_mergeable
from countenance.gallery.reading import one_snapshot, open_seal
from countenance.gallery.records import Collection
from countenance.gallery.seal import TemplateSeal
from countenance.similarity import Calibration
from countenance.store import Connection, Database, KeyStore, Tombstones, UnitOfWork
from countenance.types import Similarity, UserId


class Merges:
    """Thread-safe. Writes are part of the unit of work, as `Gallery`'s are; reads see what is committed."""

    def __init__(self, database: Database, keys: KeyStore, tombstones: Tombstones | None = None) -> None:
        """Args: `tombstones`: where it is written down that a user went, as for `Gallery`."""
        self._database = database
        self._keys = keys
        self._tombstones = tombstones

    def look(
        self, collection: Collection, source: UserId, target: UserId, *, calibration: Calibration
    ) -> Pairing:
        """What merging two users would be of, as of one moment; nothing changes.

        Raises:
            ResourceNotFoundException: one of them is not there.
            InvalidParameterException: they are one, or one has no face that can be compared.
            InternalServerError: a template is damaged.
            ThrottlingException: the collection was just given another model.
        """

        def read(connection: Connection) -> Pairing:
            with one_snapshot(connection):
                seal = self._open_seal(connection, collection)
                return look(connection, collection, seal, source, target, calibration=calibration)

        with self._database.read() as connection:
            return despite_new_keys(collection, lambda: read(connection))

    def merge(
        self,
        uow: UnitOfWork,
        collection: Collection,
        source: UserId,
        target: UserId,
        *,
        calibration: Calibration,
        threshold: Similarity,
        merged_by: str,
    ) -> tuple[uuid.UUID, Pairing]:
        """Give all faces of `source` to `target`; `source` is gone. The id to undo it by, and what it was of.

        What was rejected of the source is from now on rejected of the target; codes that stood for the source
        stand for its faces of now. The target's template is made anew, by every search after the commit.

        Raises:
            ConflictException: they are less alike than `threshold`, or rejected for each other, or somebody's
                request by one of the users is open; or they kept changing under the call.
            ServiceQuotaExceededException: more than 100 faces together.
            Otherwise as `look`.
        """

        def work(connection: Connection) -> tuple[uuid.UUID, Pairing]:
            sealing = hold_model(connection, collection).sealing
            hold(connection, collection, how="lock_collection")  # one at a time
            seal = open_seal(connection, collection, self._keys, sealing)
            if source != target:  # which `look` refuses
                merging.lock(connection, collection, source, target)
            pairing = look(connection, collection, seal, source, target, calibration=calibration)
            require_mergeable(pairing, threshold)
            merge_id = merging.merge(connection, collection, source, target, pairing, merged_by=merged_by)
            return merge_id, pairing

        if self._tombstones is not None:  # no backup brings the user back who went
            uow.after_commit(self._tombstones.write)
        return change(uow, work, busy=ConflictException)

    def undo(self, uow: UnitOfWork, collection: Collection, merge_id: uuid.UUID, *, undone_by: str) -> Parted:
        """Make the two users again: faces that the merge moved, and that the target has, go back.

        Faces that came to the target since stay with it. A rejection of the source's is the source's again;
        one that was made since the merge is of both: the reviewer meant neither.

        Raises:
            ResourceNotFoundException: no such merge in the collection.
            ConflictException: undone already, older than 30 days, the target is gone, there is a user of
                the source's id, or none of the faces is the target's any more; or they kept changing.
        """

        def work(connection: Connection) -> Parted:
            hold(connection, collection)
            hold(connection, collection, how="lock_collection")
            return merging.undo(connection, collection, merge_id, undone_by=undone_by)

        return change(uow, work, busy=ConflictException)

    def list_merges(
        self, collection: Collection, *, user_id: UserId | None = None, limit: int, after: int = 0
    ) -> list[Merge]:
        """At most `limit` of the last 30 days in the order in which they were made, behind `after`."""
        with self._database.read() as connection:
            return merging.list_merges(connection, collection, user_id=user_id, limit=limit, after=after)

    def forget(self) -> int:
        """Drop merges that nobody can undo any more; how many."""
        with self._database.transaction() as connection:
            return connection.execute(merging.QUERIES["forget_merges"], {"days": merging.UNDO_DAYS}).rowcount

    def _open_seal(self, connection: Connection, collection: Collection) -> TemplateSeal:
        values = {"collection_id": collection.collection_id}
        row = connection.execute(QUERIES["read_generation"], values).fetchone()
        if row is None:
            raise no_such_collection(collection.name)
        *sealing, _, face_model_version = row
        # INVARIANT: templates of two models never meet.
        if face_model_version != collection.face_model_version:
            raise switched(collection.name)
        return open_seal(connection, collection, self._keys, Sealing(*sealing))
