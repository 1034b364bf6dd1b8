"""One collection's copy in memory, brought up to date before every search (see `residency`)."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from countenance.gallery.memory import GalleryMemory
from countenance.gallery.memory_broker import Memories
from countenance.gallery.reading import OLDEST_FOLLOWED, Changes, CollectionReader, TooManyChanges
from countenance.gallery.reading_apart import ApartAsOf, follow
from countenance.gallery.records import Collection
from countenance.gallery.resident import Moment, ResidentGallery
from countenance.gallery.scan import Accelerator
from countenance.store import Connection, Database, KeyMissing, KeyStore

_SETTLED_ANEW = timedelta(minutes=1)
"""A copy to which nothing happened says so that often: no oftener, because to say it is to be its writer."""


class ResidentCopy:
    """One collection's copy, and what keeps it fresh. Thread-safe; other processes may keep the same copy."""

    def __init__(
        self,
        collection: Collection,
        database: Database,
        keys: KeyStore,
        memories: Memories,
        *,
        accelerator: Accelerator | None = None,
    ) -> None:
        self._collection = collection
        self._database = database
        self._reader = CollectionReader(collection, keys, accelerator=accelerator)
        self._memories = memories
        self._refreshing = threading.Lock()
        self._begun = 0
        self._done = 0
        self._gallery: ResidentGallery | None = None
        self._apart: ApartAsOf | None = None

    @property
    def face_model_version(self) -> str:
        """Of whose templates it is."""
        return self._collection.face_model_version

    def open(self) -> None:
        """Make sure that the collection is there and has this model. Raises as `reading`."""
        with self._refreshing, self._database.read() as connection:
            self._opened(connection)

    @contextmanager
    def reading(self) -> Iterator[ResidentGallery]:
        """The collection as of this call or later, unchanged while it is looked at.

        Raises:
            ResourceNotFoundException: the collection was deleted.
            ModelChanged: the collection was given another model since.
            StoreUnavailable: the database cannot be asked.
        """
        while True:
            gallery = self.refresh()
            with gallery.memory.reading():
                if gallery.moment is not None:  # None: a change failed, or its process died, since ours
                    yield gallery
                    return

    def tidy(self) -> None:
        """Bring it up to date, and what is made from it. Raises as `reading`."""
        with self.reading() as gallery:
            gallery.tidy()

    @property
    def left_out(self) -> int:
        """How many faces do not open and are compared with no probe, as of the last refresh."""
        return 0 if self._gallery is None else len(self._gallery.left_out)

    def refresh(self) -> ResidentGallery:
        """Bring it up to date. Raises as `reading`.

        Searches that come while a refresh runs share the next: the database is asked for all at once.
        """
        begun_before_us = self._begun
        with self._refreshing:
            if self._done > begun_before_us and self._gallery is not None:
                return self._gallery
            self._begun += 1
            with self._database.read() as connection:
                gallery = self._opened(connection)
                self._follow(connection, gallery)
                self._follow_rejections(connection, gallery)
            self._done = self._begun
            return gallery

    def _opened(self, connection: Connection) -> ResidentGallery:
        if self._gallery is None:
            self._gallery = self._reader.open(connection, self._memory_of)
        return self._gallery

    def _memory_of(self, epoch: int) -> GalleryMemory:
        # INVARIANT: templates of two models never share a memory: after each switch it is another one.
        collection_id = self._collection.collection_id
        name = uuid.uuid5(collection_id, str(epoch)) if epoch else collection_id
        return self._memories.open(name, ResidentGallery.size_bytes(self._collection.dimensions))

    def _follow(self, connection: Connection, gallery: ResidentGallery) -> None:
        """Bring the copy up to date."""
        with gallery.memory.reading():
            since = gallery.moment
        if since is not None:
            try:
                changes = self._reader.changes(connection, since)
            except TooManyChanges:
                changes = None
            if changes is not None and self._apply(gallery, changes, since):
                return
        # It is not whole, there is much to do, or another process was quicker and what we read may be older
        # than what it is now: alone with it nobody overtakes us.
        with gallery.memory.writing():
            self._follow_alone(connection, gallery)

    def _follow_rejections(self, connection: Connection, gallery: ResidentGallery) -> None:
        """Every process by itself: they are few, and lie in no memory that is shared.

        # INVARIANT: behind the faces, in the same refresh: what stands when a call begins is heeded by
        it, and a face that changes hands between the two reads is known by its id.
        """
        before = self._apart
        now = follow(connection, self._collection, before, key_of=gallery.owner_of)
        if before is not None and now.moment.at - before.moment.at > OLDEST_FOLLOWED:
            now = follow(connection, self._collection, None, key_of=gallery.owner_of)
        self._apart = now
        gallery.apart = now.apart

    def _apply(self, gallery: ResidentGallery, changes: Changes, since: Moment) -> bool:
        """Whether the copy is as new as these changes now."""
        age = changes.moment.at - since.at
        if age > OLDEST_FOLLOWED:
            return False
        if not changes.gone and not changes.there and age < _SETTLED_ANEW:
            return True
        with gallery.memory.writing():
            if gallery.moment != since:
                return False
            with gallery.changing():
                changes.apply(gallery)
                gallery.settle(changes.moment)
        return True

    def _follow_alone(self, connection: Connection, gallery: ResidentGallery) -> None:
        since = gallery.moment
        moment = since
        if since is not None and moment is not None:
            # A key that was replaced meanwhile: the copy is nobody's now, and is read whole.
            with suppress(KeyMissing), gallery.changing():
                for part in self._reader.all_changes(connection, since):
                    part.apply(gallery)
                    moment = part.moment
                if moment.at - since.at <= OLDEST_FOLLOWED:
                    gallery.settle(moment)
                    return
        self._reader.load(connection, gallery)
