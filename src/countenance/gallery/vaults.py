"""Vaults: sealed pictures of enrolled faces, of collections that say so and for as long as they say.

More than a charter allows by itself: whoever keeps pictures can make templates of them with any model, which
is what they are kept for. So a vault is declared, stands in the log, and ends by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from countenance.errors import InvalidParameterException, ResourceNotFoundException
from countenance.gallery.changing import change, hold
from countenance.gallery.records import Collection
from countenance.gallery.seal import BrokenSeal
from countenance.gallery.two_models import QUERIES, read_models
from countenance.store import Connection, Database, KeyMissing, KeyStore, UnitOfWork
from countenance.types import FaceId

_LOG = logging.getLogger(__name__)

LONGEST_DAYS: Final = 366
_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Vault:
    """Of one collection.

    Attributes:
        kept_days: from a face's enrolment to the end of its picture.
        crops: how many it holds.
    """

    kept_days: int
    opened_at: datetime
    crops: int


class Vaults:
    """Thread-safe. What is deleted opens, from old pages of the database, until the next replacement of keys:
    as deleted faces do (`finality`).
    """

    def __init__(self, database: Database, keys: KeyStore) -> None:
        self._database = database
        self._keys = keys

    def find(self, collection: Collection) -> Vault | None:
        """The collection's vault; None if it keeps no pictures."""
        with self._database.read() as connection:
            row = connection.execute(QUERIES["find_vault"], _of(collection)).fetchone()
        return None if row is None else Vault(*row)

    def open(self, uow: UnitOfWork, collection: Collection, *, kept_days: int) -> None:
        """Keep a picture of each face that is enrolled from now on; or for fewer days from now on.

        Raises:
            InvalidParameterException: not 1 to 366 days.
            ResourceNotFoundException: the collection was deleted.
        """
        if not 1 <= kept_days <= LONGEST_DAYS:
            raise InvalidParameterException(
                f"crops are kept for 1 to {LONGEST_DAYS} days, and not for `{kept_days}`"
            )

        def work(connection: Connection) -> None:
            hold(connection, collection, how="lock_collection")
            values = _of(collection) | {"kept_days": kept_days}
            connection.execute(QUERIES["open_vault"], values)
            connection.execute(QUERIES["shorten_crops"], values)

        change(uow, work)

    def close(self, uow: UnitOfWork, collection: Collection) -> None:
        """Keep no more. What is kept is opened by nobody from the commit on; `expire` deletes it.

        Raises:
            ResourceNotFoundException: it has no vault, or was deleted.
        """

        def work(connection: Connection) -> None:
            hold(connection, collection, how="lock_collection")
            if connection.execute(QUERIES["close_vault"], _of(collection)).fetchone() is None:
                raise ResourceNotFoundException(f"the collection `{collection.name}` has no vault")

        change(uow, work)

    def close_again(self, uow: UnitOfWork, collection: Collection, *, at: datetime) -> bool:
        """After a restore: close what was closed at that time, and delete the pictures of faces of before.

        Whether there was anything of it.

        Raises:
            ResourceNotFoundException: the collection was deleted.
        """

        def work(connection: Connection) -> bool:
            hold(connection, collection, how="lock_collection")
            values = _of(collection) | {"at": at}
            closed = connection.execute(QUERIES["close_vault_of"], values).fetchone()
            crops = connection.execute(QUERIES["delete_crops_of"], values).fetchone()
            return closed is not None or (crops is not None and crops[0] > 0)

        return change(uow, work)

    def list_ended(self) -> list[Collection]:
        """Collections with pictures that are over their time, or whose vault was closed."""
        with self._database.read() as connection:
            return [Collection(*row) for row in connection.execute(QUERIES["list_vaults"]).fetchall()]

    def expire(self, uow: UnitOfWork, collection: Collection, *, limit: int = _AT_ONCE) -> int:
        """Delete at most `limit` pictures that are over their time, or whose vault was closed; how many.

        Raises:
            ResourceNotFoundException: the collection was deleted.
        """

        def work(connection: Connection) -> int:
            hold(connection, collection)
            row = connection.execute(QUERIES["delete_crops"], _of(collection) | {"limit": limit}).fetchone()
            return 0 if row is None else int(row[0])

        return change(uow, work)

    def crops(self, collection: Collection, face_ids: Sequence[FaceId]) -> dict[FaceId, bytes]:
        """The pictures of those of the faces that have one, and whose time is not over.

        One that does not open is named in the log and left out.
        """
        with self._database.read() as connection:
            models = read_models(connection, collection)
            if models.kept_days is None:
                return {}
            rows = connection.execute(
                QUERIES["read_crops"], _of(collection) | {"face_ids": list(face_ids)}, binary=True
            ).fetchall()
        seal, found = models.crop_seal(self._keys), {}
        for face_id, generation, sealed in rows:
            try:
                found[FaceId(face_id)] = seal.unseal(face_id, generation, sealed)
            except (BrokenSeal, KeyMissing):
                _LOG.error("sealed crop does not open: face=%s", face_id)
        return found


def _of(collection: Collection) -> dict[str, object]:
    return {"collection_id": collection.collection_id}
