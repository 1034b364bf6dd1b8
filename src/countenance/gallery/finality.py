"""Deletion that is final: keys are replaced, what is there is sealed anew, and the old keys are destroyed.

A deleted row's sealed bytes stay in PostgreSQL's pages, its log and its backups for as long as these are
kept. Beyond recovery they are when the key that they were sealed with is nowhere any more: it was never in
PostgreSQL (docs/adr/0005, 0015).

One pass does all that needs every template opened: deletions, keys, bases.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from countenance.errors import InternalServerError
from countenance.gallery.basis import MODELS_OWN
from countenance.gallery.changing import QUERIES, change, hold
from countenance.gallery.records import Collection
from countenance.gallery.resealing import reseal_all
from countenance.gallery.two_models import read_models
from countenance.store import (
    KEYS_LOCK,
    Connection,
    Database,
    KeyStore,
    UnitOfWork,
    wait_for_writers,
)
from countenance.types import AccountId

FINAL_WITHIN: Final = timedelta(hours=24)
"""From a deletion to the destruction of its key, by a server that runs."""
BEGIN_AFTER: Final = timedelta(hours=20)
"""Age of the oldest deletion at which keys are replaced: looked at hourly, and millions take a while."""
_WRITERS_END_S: Final = 300.0


def _nothing(_connection: Connection) -> None:
    """Write nothing into the log."""


@dataclass(frozen=True, slots=True)
class PendingErasure:
    """Of one collection.

    Attributes:
        faces: that were deleted and whose sealed bytes would still open.
        oldest_at: when the first of them was deleted.
        is_with_collection: they are final when the collection is deleted and not before: it has held faces
            since before there were keys that are replaced.
    """

    collection: Collection
    faces: int
    oldest_at: datetime
    is_with_collection: bool

    @property
    def final_by(self) -> datetime | None:
        """When all of them are to be beyond recovery; None for when the collection is deleted."""
        return None if self.is_with_collection else self.oldest_at + FINAL_WITHIN


@dataclass(frozen=True, slots=True)
class BasisOf:
    """What one collection's templates are in.

    Attributes:
        is_own: a basis of the collection's own, and not the model's.
        since: from when new templates are in it; None for from the beginning.
        is_renewing: some are not in it yet, and the seed of the one before is still there.
    """

    collection: Collection
    is_own: bool
    since: datetime | None
    is_renewing: bool


class Finality:
    """Thread-safe; of several processes that finish one collection's deletions at once each does a part."""

    def __init__(self, database: Database, keys: KeyStore) -> None:
        self._database = database
        self._keys = keys

    def pending(
        self,
        *,
        account_id: AccountId | None = None,
        region: str | None = None,
        collection: Collection | None = None,
    ) -> list[PendingErasure]:
        """Deletions that are not final yet, the oldest first: of all collections, or only of these."""
        values = {
            "account_id": account_id,
            "region": region,
            "collection_id": None if collection is None else collection.collection_id,
        }
        with self._database.read() as connection:
            rows = connection.execute(QUERIES["list_pending_erasures"], values).fetchall()
        return [PendingErasure(Collection(*row[:-3]), *row[-3:]) for row in rows]

    def make_final(
        self,
        collection: Collection,
        *,
        record: Callable[[Connection, int, int], None],
        renewed: Callable[[Connection], None] = _nothing,
        progress: Callable[[int], None] = lambda _faces: None,
    ) -> int:
        """Replace the collection's key, seal what is there anew, destroy the keys before; how many deletions
        became final.

        Ended at any moment it may be called again: what was sealed anew stays so.

        Args:
            record: writes of it into the log, in the transaction that says so: how many deletions, and the
                generation before which all keys are gone.
            renewed: writes into the log, in that transaction, that all templates are in the basis in use now,
                and that of before is gone: where they were not (`renew_basis`).
            progress: told after each batch how many faces were sealed anew.

        A face whose sealed template does not open is left as it is, and named in the log: it opens with no
        key, so that none is kept for it.

        Raises:
            ResourceNotFoundException: the collection was deleted, and all its keys with it.
            InternalServerError: a key is missing that faces which are there need.
            ThrottlingException: somebody else's transaction has been open for minutes.
        """

        def record_if_any(connection: Connection, faces: int, generation: int) -> None:
            if faces:
                record(connection, faces, generation)

        generation = self._next_generation(collection)
        return self._replace_keys(
            collection, generation, record=record_if_any, renewed=renewed, progress=progress
        )

    def seal_anew(
        self,
        collection: Collection,
        *,
        record: Callable[[Connection, int, int], None],
        renewed: Callable[[Connection], None] = _nothing,
        progress: Callable[[int], None] = lambda _faces: None,
    ) -> int:
        """As `make_final`, though no deletion is pending; it is recorded in any case.

        One that was begun and did not come to its end is taken up again.
        """
        generation = self._next_generation(collection, though_nothing_pends=True)
        return self._replace_keys(collection, generation, record=record, renewed=renewed, progress=progress)

    def renew_basis(
        self,
        collection: Collection,
        *,
        is_own: bool = True,
        began: Callable[[Connection], None],
        record: Callable[[Connection, int, int], None],
        renewed: Callable[[Connection], None],
        progress: Callable[[int], None] = lambda _faces: None,
    ) -> int:
        """As `seal_anew`, and bring all templates into another basis; no seed of one before is left then.

        From its beginning on searches and enrolments are in the new one, in every process. One that was begun
        and did not come to its end is taken up again, whatever is asked for.

        Args:
            is_own: into a new one of the collection's own; otherwise into the model's.
            began: writes into the log, in the transaction from which on it counts; not where one is taken up.
            renewed: as for `make_final`.
        """
        generation = self._next_generation(collection, though_nothing_pends=True, is_own=is_own, began=began)
        return self._replace_keys(collection, generation, record=record, renewed=renewed, progress=progress)

    def bases(self, *, account_id: AccountId | None = None, name: str | None = None) -> list[BasisOf]:
        """Of all collections, or only those of this account or name, in the order of their names."""
        values = {"account_id": account_id, "name": name}
        with self._database.read() as connection:
            rows = connection.execute(QUERIES["list_bases"], values).fetchall()
        return [BasisOf(Collection(*row[:-3]), *row[-3:]) for row in rows]

    def collections(
        self, *, account_id: AccountId | None = None, name: str | None = None
    ) -> list[Collection]:
        """All there are, or only those of this account or name, in the order of their names."""
        values = {"account_id": account_id, "name": name}
        with self._database.read() as connection:
            rows = connection.execute(QUERIES["list_all_collections"], values).fetchall()
        return [Collection(*row) for row in rows]

    def count_faces(self, collection: Collection) -> int:
        """How many there are to seal anew, more or less: others enrol and delete meanwhile."""
        with self._database.read() as connection:
            row = connection.execute(
                QUERIES["count_faces"], {"collection_id": collection.collection_id}
            ).fetchone()
        assert row is not None
        return int(row[0])

    def _replace_keys(
        self,
        collection: Collection,
        generation: int,
        *,
        record: Callable[[Connection, int, int], None],
        renewed: Callable[[Connection], None],
        progress: Callable[[int], None],
    ) -> int:
        # Who enrolled with the key of before is sealed anew with the rest.
        wait_for_writers(self._database, within_s=_WRITERS_END_S)
        reseal_all(self._database, self._keys, collection, before=generation, progress=progress)
        with self._database.read() as connection:
            left = connection.execute(QUERIES["has_old_generations"], _of(collection, generation)).fetchone()
        if left is None or left[0]:
            raise InternalServerError(f"faces of `{collection.name}` could not be sealed anew")
        # First the keys, then the word: what is said to be final is.
        with self._database.transaction() as connection:
            connection.execute(QUERIES["hold_off_copies"], {"lock": KEYS_LOCK})
            self._keys.destroy_template_keys(collection.collection_id, before=generation)
            # Held: nobody makes the seed of another basis, which would seem to be one of before.
            hold(connection, collection, how="lock_collection")
            sealing = read_models(connection, collection).sealing
            # INVARIANT: no row is older than `generation`, so none is in a basis of before. But where others
            # have begun one meanwhile that counts from a later generation, rows are in that and in the last.
            if sealing.since <= generation:
                self._keys.destroy_bases(collection.collection_id, but=sealing.basis)
        return self._settle(collection, generation, record, renewed)

    def _next_generation(
        self,
        collection: Collection,
        *,
        though_nothing_pends: bool = False,
        is_own: bool | None = None,
        began: Callable[[Connection], None] = _nothing,
    ) -> int:
        """Of the key that everything is sealed with from now on, by every process.

        One that was begun and did not come to its end is taken up again, unless something was deleted since
        it began, or the basis is to be another one from now on (`is_own`; see `renew_basis`).
        """
        with UnitOfWork(self._database) as uow:

            def work(connection: Connection) -> int:
                current = hold(connection, collection, how="lock_collection")
                pending = connection.execute(
                    QUERIES["has_erasures_under"], _of(collection, current)
                ).fetchone()
                begun = connection.execute(
                    QUERIES["has_old_generations"], _of(collection, current)
                ).fetchone()
                # One at a time: templates are of two bases at most.
                sealing = read_models(connection, collection).sealing
                is_turned = (
                    is_own is not None and not sealing.is_renewing and (is_own or sealing.basis != MODELS_OWN)
                )
                is_wanted = though_nothing_pends and not (begun is not None and begun[0])
                if pending is not None and not pending[0] and not is_wanted and not is_turned:
                    return current
                self._keys.create_template_key(collection.collection_id, current + 1)
                row = connection.execute(QUERIES["next_generation"], _of(collection, current)).fetchone()
                assert row is not None
                generation = int(row[0])
                if is_turned:
                    self._turn(connection, collection, generation if is_own else MODELS_OWN, generation)
                    began(connection)
                return generation

            generation = change(uow, work)
            uow.commit()
        return generation

    def _turn(self, connection: Connection, collection: Collection, basis: int, since: int) -> None:
        """Everything that is sealed with a key of that generation, and later, is in that basis."""
        if basis != MODELS_OWN:
            self._keys.create_basis(collection.collection_id, basis)
        connection.execute(QUERIES["use_basis"], _of(collection, since) | {"basis": basis})

    def _settle(
        self,
        collection: Collection,
        generation: int,
        record: Callable[[Connection, int, int], None],
        renewed: Callable[[Connection], None],
    ) -> int:
        with UnitOfWork(self._database) as uow:
            row = uow.connection.execute(QUERIES["settle_erasures"], _of(collection, generation)).fetchone()
            count = int(row[0]) if row is not None else 0
            turned = uow.connection.execute(QUERIES["settle_basis"], _of(collection, generation)).fetchone()
            record(uow.connection, count, generation)
            if turned is not None:
                renewed(uow.connection)
            uow.commit()
        return count


def _of(collection: Collection, generation: int) -> dict[str, object]:
    return {"collection_id": collection.collection_id, "key_generation": generation}


def due(pending: Sequence[PendingErasure], now: datetime) -> list[PendingErasure]:
    """Those whose time has come."""
    return [each for each in pending if not each.is_with_collection and now - each.oldest_at >= BEGIN_AFTER]
