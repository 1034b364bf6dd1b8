"""From rows to a resident copy: a collection as a whole, or what changed in it since.

A face whose sealed template does not open is reported by id in the log and left out, while the rest of
its collection keeps serving: one damaged row must not take a whole gallery down, and nothing may be
decided from a template that cannot be read. Every answer of a search says how many were left out. Such a
face is still listed, counted and deletable.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, LiteralString

from countenance.gallery.basis import Sealing
from countenance.gallery.changing import (
    QUERIES,
    despite_new_keys,
    key_missing,
    no_such_collection,
    require_present,
)
from countenance.gallery.memory import GalleryMemory
from countenance.gallery.records import Collection
from countenance.gallery.resident import Enrolled, Moment, ResidentGallery
from countenance.gallery.scan import Accelerator
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
_TOLD_EVERY_S = 5.0
MOST_CHANGES_AT_ONCE = 2_048


@dataclass(frozen=True, slots=True)
class Changes:
    """What became of faces up to a moment: those gone, those there as they are now with their templates.

    Attributes:
        left_out: of those gone, the ones that are stored and do not open.
    """

    moment: Moment
    gone: Sequence[FaceId]
    there: Sequence[Enrolled]
    templates: StoredTemplates
    left_out: Sequence[FaceId]

    def apply(self, gallery: ResidentGallery) -> None:
        """Make the copy what it is at that moment; see `ResidentGallery.changing`."""
        gallery.change(gone=self.gone, there=self.there, templates=self.templates, left_out=self.left_out)


class TooManyChanges(Exception):
    """More than are read in one statement."""


class ModelChanged(Exception):
    """The collection was given another model or basis since: a copy is of templates that are not in use."""


class CollectionReader:
    """Reads one collection, with its key. Used by one thread at a time."""

    def __init__(
        self, collection: Collection, keys: KeyStore, *, accelerator: Accelerator | None = None
    ) -> None:
        self._accelerator = accelerator
        self._collection = collection
        self._keys = keys
        self._seal: TemplateSeal | None = None
        self._epoch = 0

    def open(self, connection: Connection, memory_of: Callable[[int], GalleryMemory]) -> ResidentGallery:
        """The collection's copy, as it is in its memory: perhaps empty.

        Args:
            memory_of: from how often the collection's model or basis was changed to memory for templates of
                that one.

        Raises:
            ResourceNotFoundException: the collection was deleted.
            ModelChanged: it has another model than `collection` says.
            InternalServerError: its key is missing.
        """
        self._seal = despite_new_keys(self._collection, lambda: self._open_seal(connection))
        owner_key = self._keys.derive(f"owners/{self._collection.collection_id}")
        return ResidentGallery(
            memory_of(self._epoch),
            dimensions=self._collection.dimensions,
            owner_key=owner_key,
            basis=self._seal.basis,
            accelerator=self._accelerator,
        )

    def _open_seal(self, connection: Connection) -> TemplateSeal:
        row = connection.execute(QUERIES["read_generation"], self._parameters()).fetchone()
        if row is None:
            raise no_such_collection(self._collection.name)
        *sealing, self._epoch, face_model_version = row
        if face_model_version != self._collection.face_model_version:
            raise ModelChanged
        return _seal_of(self._collection, self._keys, Sealing(*sealing))

    def load(self, connection: Connection, gallery: ResidentGallery) -> None:
        """Read the whole collection into its copy, in batches under one snapshot.

        Raises:
            ResourceNotFoundException: the collection was deleted.
            ModelChanged: it has another model now.
            InternalServerError: a key is missing.
        """
        despite_new_keys(self._collection, lambda: self._load(connection, gallery))

    def _load(self, connection: Connection, gallery: ResidentGallery) -> None:
        gallery.clear()
        progress = _Progress(self._collection, lambda: self._count(connection))
        with gallery.changing():
            with one_snapshot(connection):
                row = connection.execute(QUERIES["read_snapshot"], self._parameters()).fetchone()
                assert row is not None
                moment = self._moment(row)
                parameters = self._parameters() | {"model_slot": row[4]}
                for rows in _batches(connection, QUERIES["read_gallery"], parameters):
                    there, templates, broken = self._unsealed([(*row, False) for row in rows])
                    gallery.fill(there, templates)
                    gallery.left_out.add(broken)
                    progress.tell(gallery.face_count)
            # Not in the transaction: millions of subjects take a while, and one that idles is ended.
            gallery.finish()
            gallery.settle(moment)
        progress.end(gallery.face_count)

    def _count(self, connection: Connection) -> int:
        row = connection.execute(QUERIES["count_faces"], self._parameters()).fetchone()
        assert row is not None, "an aggregate always has a row"
        return int(row[0])

    def changes(self, connection: Connection, since: Moment) -> Changes:
        """What changed since, in one statement.

        Raises:
            ResourceNotFoundException: the collection was deleted.
            ModelChanged: it has another model now.
            InternalServerError: a key is missing.
            TooManyChanges: ask `all_changes`.
        """
        return despite_new_keys(self._collection, lambda: self._changes(connection, since))

    def _changes(self, connection: Connection, since: Moment) -> Changes:
        parameters = self._parameters() | {"snapshot": since.snapshot, "limit": MOST_CHANGES_AT_ONCE + 1}
        rows = connection.execute(QUERIES["read_changes"], parameters, binary=True).fetchall()
        if len(rows) > MOST_CHANGES_AT_ONCE:
            raise TooManyChanges
        return self._to_changes(rows)

    def all_changes(self, connection: Connection, since: Moment) -> Iterator[Changes]:
        """What changed since, in batches under one snapshot: valid only when the last has been applied.

        Raises:
            KeyMissing: a key was destroyed meanwhile: ask again.
            ModelChanged: as `changes`.
        """
        parameters = self._parameters() | {"snapshot": since.snapshot, "limit": None}
        with one_snapshot(connection):
            for rows in _batches(connection, QUERIES["read_changes"], parameters):
                yield self._to_changes(rows)

    def _parameters(self) -> dict[str, Any]:
        return {"collection_id": self._collection.collection_id}

    def _moment(self, row: Sequence[Any]) -> Moment:
        snapshot, at, generation, epoch = row[:4]
        if generation is None:
            raise no_such_collection(self._collection.name)
        if epoch != self._epoch:
            raise ModelChanged
        assert self._seal is not None
        self._seal.keep_only(generation)
        return Moment(snapshot, at)

    def _to_changes(self, rows: Sequence[Sequence[Any]]) -> Changes:
        moment = self._moment(rows[0])
        changed = [row[4:] for row in rows if row[4] is not None]
        there, templates, broken = self._unsealed(
            [(face_id, *rest, is_new) for face_id, is_new, is_there, *rest in changed if is_there]
        )
        still = {enrolled.face_id for enrolled in there}
        gone = [row[0] for row in changed if row[0] not in still]
        return Changes(moment, gone=gone, there=there, templates=templates, left_out=broken)

    def _unsealed(
        self, rows: Iterable[Sequence[Any]]
    ) -> tuple[list[Enrolled], StoredTemplates, list[FaceId]]:
        """Those that open with their templates, and the others, each of which is told."""
        assert self._seal is not None
        rows = list(rows)
        templates, broken = self._seal.unseal_all([(row[0], *row[3:5]) for row in rows])
        for position in broken:
            _LOG.error(
                "sealed template does not open: collection=%s face=%s, left out of searches",
                self._collection.collection_id,
                rows[position][0],
            )
        left_out = set(broken)
        there = [
            Enrolled(FaceId(face_id), ordinal=ordinal, user_id=user_id, is_new=is_new)
            for position, (face_id, user_id, ordinal, *_, is_new) in enumerate(rows)
            if position not in left_out
        ]
        return there, templates, [FaceId(rows[position][0]) for position in broken]


def open_seal(
    connection: Connection, collection: Collection, keys: KeyStore, sealing: Sealing
) -> TemplateSeal:
    """The seal of a collection's templates, as they are sealed now.

    Raises:
        ResourceNotFoundException: the collection was deleted, and its key with it.
        InternalServerError: the collection is there and its key is not: a restored database without the
            key folder that belongs to it.
    """
    try:
        return _seal_of(collection, keys, sealing)
    except KeyMissing as error:
        require_present(connection, collection)
        raise key_missing(collection) from error


def _seal_of(collection: Collection, keys: KeyStore, sealing: Sealing) -> TemplateSeal:
    return TemplateSeal(
        keys,
        sealing,
        collection_id=collection.collection_id,
        face_model_version=collection.face_model_version,
        dimensions=collection.dimensions,
    )


class _Progress:
    """Of a load that takes long, in the log: how far it is every few seconds, and what it took."""

    def __init__(self, collection: Collection, count: Callable[[], int]) -> None:
        """`count`: of all that are to be loaded; asked for once, and of a short load not at all."""
        self._collection = collection
        self._count = count
        self._begun_s = self._told_s = time.monotonic()
        self._total: int | None = None

    def tell(self, faces: int) -> None:
        now_s = time.monotonic()
        if now_s - self._told_s < _TOLD_EVERY_S:
            return
        self._told_s = now_s
        if self._total is None:
            self._total = self._count()
        rate = faces / (now_s - self._begun_s)
        _LOG.info(
            "loading collection=%s: %s of %s faces, %s a second, %.0f s left",
            self._collection.collection_id,
            f"{faces:,}",
            f"{self._total:,}",
            f"{rate:,.0f}",
            max(0, self._total - faces) / rate,
        )

    def end(self, faces: int) -> None:
        if self._total is not None:
            _LOG.info(
                "loaded collection=%s: %s faces in %.0f s",
                self._collection.collection_id,
                f"{faces:,}",
                time.monotonic() - self._begun_s,
            )


@contextmanager
def one_snapshot(connection: Connection) -> Iterator[None]:
    """All statements see what the first one saw."""
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
