"""The collections that this process holds in memory: loaded whole, fresh before every search.

Freshness (docs/adr/0004): a copy keeps the database snapshot that it was read under. Before a search,
one statement asks for the changes that were not visible in that snapshot, what became of their faces,
and the snapshot it ran under itself. So whatever any process committed before the search began is in,
and no search sees half of a transaction. Processes that share a copy's memory share its snapshot as well:
whichever searches next brings it up to date, for all (docs/adr/0014).
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from countenance.errors import ResourceNotFoundException
from countenance.gallery.activity import Activity
from countenance.gallery.changing import QUERIES
from countenance.gallery.memory_broker import Memories, PrivateMemories
from countenance.gallery.reading import CHANGES_KEPT, OLDEST_FOLLOWED, CollectionReader, TooManyChanges
from countenance.gallery.records import Collection
from countenance.gallery.resident import Moment, ResidentGallery
from countenance.store import Connection, Database, KeyStore

_SWEEP_INTERVAL_S = 10.0
_FORGOTTEN_AT_ONCE = 10_000
_SETTLED_ANEW = timedelta(minutes=1)
"""A copy to which nothing happened says so that often: no oftener, because to say it is to be its writer."""
_BYTES_PER_COPY = 8_192
"""Locks, cipher and empty tables: many empty collections are bounded as well."""


class ResidentCopy:
    """One collection's copy, and what keeps it fresh. Thread-safe; other processes may keep the same copy."""

    def __init__(
        self, collection: Collection, database: Database, keys: KeyStore, memories: Memories
    ) -> None:
        self._collection = collection
        self._database = database
        self._reader = CollectionReader(collection, keys)
        self._memory = memories.open(
            collection.collection_id, ResidentGallery.size_bytes(collection.dimensions)
        )
        self._refreshing = threading.Lock()
        self._begun = 0
        self._done = 0
        self._gallery: ResidentGallery | None = None

    @contextmanager
    def reading(self) -> Iterator[ResidentGallery]:
        """The collection as of this call or later, unchanged while it is looked at.

        Raises:
            ResourceNotFoundException: the collection was deleted.
            StoreUnavailable: the database cannot be asked.
        """
        while True:
            gallery = self._refresh()
            with self._memory.reading():
                if gallery.moment is not None:  # None: a change failed, or its process died, since ours
                    yield gallery
                    return

    def _refresh(self) -> ResidentGallery:
        """Searches that come while a refresh runs share the next: the database is asked for all at once."""
        begun_before_us = self._begun
        with self._refreshing:
            if self._done > begun_before_us and self._gallery is not None:
                return self._gallery
            self._begun += 1
            with self._database.read() as connection:
                if self._gallery is None:
                    self._gallery = self._reader.open(connection, self._memory)
                while not self._follow(connection, self._gallery):
                    pass
            self._done = self._begun
            return self._gallery

    def _follow(self, connection: Connection, gallery: ResidentGallery) -> bool:
        """Bring the copy up to date; False where somebody else changed it meanwhile, and this has to be
        done again on what they made of it.
        """
        with self._memory.reading():
            since = gallery.moment
        if since is None:
            return self._load(connection, gallery, instead_of=None)
        try:
            changes = self._reader.changes(connection, since)
        except TooManyChanges:
            return self._follow_many(connection, gallery, since)
        if changes.moment.at - since.at > OLDEST_FOLLOWED:
            return self._load(connection, gallery, instead_of=since)
        if not changes.gone and not changes.there and changes.moment.at - since.at < _SETTLED_ANEW:
            return True
        with self._memory.writing():
            # What was read is what changed since then, and may be older than what the copy is now.
            if gallery.moment != since:
                return False
            with gallery.changing():
                gallery.change(gone=changes.gone, there=changes.there, templates=changes.templates)
                gallery.settle(changes.moment)
        return True

    def _follow_many(self, connection: Connection, gallery: ResidentGallery, since: Moment) -> bool:
        with self._memory.writing():
            if gallery.moment != since:
                return False
            with gallery.changing():
                moment = since
                for part in self._reader.all_changes(connection, since):
                    gallery.change(gone=part.gone, there=part.there, templates=part.templates)
                    moment = part.moment
                gallery.settle(moment)
        return True

    def _load(self, connection: Connection, gallery: ResidentGallery, *, instead_of: Moment | None) -> bool:
        """Read the whole collection. Others wait: nobody answers from a part."""
        with self._memory.writing():
            if gallery.moment != instead_of:
                return False
            self._reader.load(connection, gallery)
        return True


class Residency:
    """Copies by collection, the least recently searched given up when they outgrow `max_bytes`.

    Thread-safe. A collection larger than `max_bytes` is still served, alone. A copy that was given up
    is freed when the last search that looks at it has ended. Copies of collections that were deleted
    through another process are given up at the first search of any collection ten seconds later.
    """

    def __init__(
        self,
        database: Database,
        keys: KeyStore,
        *,
        max_bytes: int,
        memories: Memories | None = None,
        activity: Activity | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            memories: where copies lie; None for memory of this process alone.
            activity: where searches are counted; None where nobody compares them with the log.
        """
        self._database = database
        self._keys = keys
        self._memories = memories or PrivateMemories()
        self._max_bytes = max_bytes
        self._activity = activity
        self._clock = clock
        self._mutex = threading.Lock()
        self._copies: OrderedDict[uuid.UUID, ResidentCopy] = OrderedDict()
        self._sizes: dict[uuid.UUID, int] = {}
        self._held_bytes = 0
        self._swept_at = clock()

    @contextmanager
    def fresh(self, collection: Collection) -> Iterator[ResidentGallery]:
        """The collection in memory as of this call or later, unchanged while it is looked at.

        Raises:
            ResourceNotFoundException: the collection was deleted.
            StoreUnavailable: the database cannot be asked.
        """
        self._sweep()
        try:
            with self._copy_of(collection).reading() as gallery:
                self._keep_within_bounds(collection.collection_id, gallery.nbytes + _BYTES_PER_COPY)
                # INVARIANT: every search comes through here, and is counted before it can find anything.
                if self._activity is not None:
                    self._activity.searched()
                yield gallery
        except ResourceNotFoundException:
            self.give_up(collection.collection_id)
            raise

    def give_up(self, collection_id: uuid.UUID) -> None:
        """The collection was deleted: keep nothing of it."""
        with self._mutex:
            self._release(collection_id)

    def __contains__(self, collection_id: uuid.UUID) -> bool:
        with self._mutex:
            return collection_id in self._copies

    def _copy_of(self, collection: Collection) -> ResidentCopy:
        with self._mutex:
            copy = self._copies.get(collection.collection_id)
            if copy is None:
                copy = ResidentCopy(collection, self._database, self._keys, self._memories)
                self._copies[collection.collection_id] = copy
            self._copies.move_to_end(collection.collection_id)
            return copy

    def _keep_within_bounds(self, in_use: uuid.UUID, size_bytes: int) -> None:
        with self._mutex:
            if in_use in self._copies:  # not given up meanwhile
                self._held_bytes += size_bytes - self._sizes.get(in_use, 0)
                self._sizes[in_use] = size_bytes
            while self._held_bytes > self._max_bytes and len(self._copies) > 1:
                self._release(next(iter(self._copies)))

    def _release(self, collection_id: uuid.UUID) -> None:
        self._copies.pop(collection_id, None)
        self._held_bytes -= self._sizes.pop(collection_id, 0)

    def _sweep(self) -> None:
        """Now and then: give up what was deleted, and clear away changes that no copy can need."""
        with self._mutex:
            if self._clock() - self._swept_at < _SWEEP_INTERVAL_S:
                return
            self._swept_at = self._clock()
            held = list(self._copies)
        with self._database.read() as connection:
            present = {
                row[0]
                for row in connection.execute(QUERIES["find_present_collections"], {"collection_ids": held})
            }
            connection.execute(QUERIES["forget_changes"], {"kept": CHANGES_KEPT, "limit": _FORGOTTEN_AT_ONCE})
        for collection_id in held:
            if collection_id not in present:
                self.give_up(collection_id)
