"""From rows to a resident copy: a collection as a whole, or what changed in it since.

A face whose sealed template does not open is reported by id in the log and left out, while the rest of
its collection keeps serving: one damaged row must not take a whole gallery down, and nothing may be
decided from a template that cannot be read. Such a face is still listed, counted and deletable.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString

from countenance.errors import InternalServerError
from countenance.gallery.changing import QUERIES, no_such_collection, require_present
from countenance.gallery.faces import to_stored
from countenance.gallery.records import Collection
from countenance.gallery.resident import Enrolled, ResidentGallery
from countenance.gallery.seal import TemplateSeal
from countenance.gallery.stored import StoredTemplates
from countenance.store import Connection, KeyMissing, KeyStore
from countenance.types import FaceId

_LOG = logging.getLogger(__name__)

CHANGES_KEPT = timedelta(hours=24)
"""How long changes are kept at least."""
OLDEST_FOLLOWED = timedelta(hours=12)
"""A copy not refreshed for longer is read anew: the changes since may be gone soon."""
_BATCH_ROWS = 2_048
MOST_CHANGES_AT_ONCE = 2_048


@dataclass(frozen=True, slots=True)
class Moment:
    """What a copy was read under: a database snapshot, and the database's clock then."""

    snapshot: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Changes:
    """What became of faces up to a moment: those gone, those there as they are now with their templates."""

    moment: Moment
    gone: Sequence[FaceId]
    there: Sequence[Enrolled]
    templates: StoredTemplates


class TooManyChanges(Exception):
    """More than are read in one statement."""


class CollectionReader:
    """Reads one collection, with its key. Used by one thread at a time."""

    def __init__(self, collection: Collection, keys: KeyStore) -> None:
        self._collection = collection
        self._keys = keys
        self._seal: TemplateSeal | None = None

    def load(self, connection: Connection) -> tuple[ResidentGallery, Moment]:
        """The whole collection, in batches under one snapshot.

        Raises:
            ResourceNotFoundException: the collection was deleted.
        """
        self._seal = open_seal(connection, self._collection, self._keys)
        gallery = ResidentGallery(
            face_model_version=self._collection.face_model_version, dimensions=self._collection.dimensions
        )
        with _one_snapshot(connection):
            row = connection.execute(QUERIES["read_snapshot"], self._parameters()).fetchone()
            assert row is not None
            moment = self._moment(row)
            for rows in _batches(connection, QUERIES["read_gallery"], self._parameters()):
                there, templates = self._unsealed(rows)
                gallery.change(gone=(), there=there, templates=templates)
        return gallery, moment

    def changes(self, connection: Connection, since: Moment) -> Changes:
        """What changed since, in one statement.

        Raises:
            ResourceNotFoundException: the collection was deleted.
            TooManyChanges: ask `all_changes`.
        """
        parameters = self._parameters() | {"snapshot": since.snapshot, "limit": MOST_CHANGES_AT_ONCE + 1}
        rows = connection.execute(QUERIES["read_changes"], parameters, binary=True).fetchall()
        if len(rows) > MOST_CHANGES_AT_ONCE:
            raise TooManyChanges
        return self._to_changes(rows)

    def all_changes(self, connection: Connection, since: Moment) -> Iterator[Changes]:
        """What changed since, in batches under one snapshot: valid only when the last has been applied."""
        parameters = self._parameters() | {"snapshot": since.snapshot, "limit": None}
        with _one_snapshot(connection):
            for rows in _batches(connection, QUERIES["read_changes"], parameters):
                yield self._to_changes(rows)

    def _parameters(self) -> dict[str, Any]:
        return {"collection_id": self._collection.collection_id}

    def _moment(self, row: Sequence[Any]) -> Moment:
        snapshot, at, present = row[:3]
        if not present:
            raise no_such_collection(self._collection.name)
        return Moment(snapshot, at)

    def _to_changes(self, rows: Sequence[Sequence[Any]]) -> Changes:
        moment = self._moment(rows[0])
        changed = [row[3:] for row in rows if row[3] is not None]
        # Without the column that says whether the face is there.
        there, templates = self._unsealed([(row[0], *row[2:]) for row in changed if row[1]])
        still = {enrolled.face.face_id for enrolled in there}
        gone = [row[0] for row in changed if row[0] not in still]
        return Changes(moment, gone=gone, there=there, templates=templates)

    def _unsealed(self, rows: Iterable[Sequence[Any]]) -> tuple[list[Enrolled], StoredTemplates]:
        assert self._seal is not None
        rows = list(rows)
        templates, broken = self._seal.unseal_all([(row[0], row[-1]) for row in rows])
        for position in broken:
            _LOG.error(
                "sealed template does not open: collection=%s face=%s, left out of searches",
                self._collection.collection_id,
                rows[position][0],
            )
        left_out = set(broken)
        there = [
            Enrolled(to_stored(row[:9], self._collection.face_model_version), ordinal=row[9])
            for position, row in enumerate(rows)
            if position not in left_out
        ]
        return there, templates


def open_seal(connection: Connection, collection: Collection, keys: KeyStore) -> TemplateSeal:
    """The seal of a collection's templates.

    Raises:
        ResourceNotFoundException: the collection was deleted, and its key with it.
        InternalServerError: the collection is there and its key is not: a restored database without the
            key folder that belongs to it.
    """
    try:
        key = keys.collection_key(collection.collection_id)
    except KeyMissing as error:
        require_present(connection, collection)
        _LOG.error("key missing: collection=%s", collection.collection_id)  # no traceback needed
        raise InternalServerError from error
    return TemplateSeal(
        key,
        collection_id=collection.collection_id,
        face_model_version=collection.face_model_version,
        dimensions=collection.dimensions,
    )


@contextmanager
def _one_snapshot(connection: Connection) -> Iterator[None]:
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        yield


def _batches(
    connection: Connection, query: LiteralString, parameters: dict[str, Any]
) -> Iterator[list[tuple[Any, ...]]]:
    with connection.cursor(name="gallery", binary=True) as cursor:
        cursor.execute(query, parameters)
        while rows := cursor.fetchmany(_BATCH_ROWS):
            yield rows
