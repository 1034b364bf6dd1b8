"""The collections that this process holds in memory: loaded whole, fresh before every search.

Freshness (docs/adr/0004): a copy keeps the database snapshot that it was read under. Before a search,
one statement asks for the changes that were not visible in that snapshot, what became of their faces,
and the snapshot it ran under itself. So whatever any process committed before the search began is in,
and no search sees half of a transaction. Processes that share a copy's memory share its snapshot as well:
whichever searches next brings it up to date, for all (docs/adr/0014).
"""

from __future__ import annotations

import logging
import resource
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from countenance.errors import ResourceNotFoundException
from countenance.gallery.activity import Activity
from countenance.gallery.changing import QUERIES
from countenance.gallery.memory_broker import Memories, PrivateMemories
from countenance.gallery.reading import (
    CHANGES_KEPT,
    OLDEST_FOLLOWED,
    Changes,
    CollectionReader,
    TooManyChanges,
)
from countenance.gallery.records import Collection
from countenance.gallery.resident import Moment, ResidentGallery
from countenance.store import Connection, Database, KeyMissing, KeyStore, StoreUnavailable

_LOG = logging.getLogger(__name__)

_SWEEP_INTERVAL_S = 10.0
_FORGOTTEN_AT_ONCE = 10_000
_SETTLED_ANEW = timedelta(minutes=1)
"""A copy to which nothing happened says so that often: no oftener, because to say it is to be its writer."""
_BYTES_PER_COPY = 81_920
"""Locks, cipher and first pages: many empty collections are bounded as well."""
_FILES_PER_COPY = 16
"""Open files that a process may have, for one copy: it takes five, and one more for each 65,536 faces; calls
need theirs.
"""


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
            gallery = self.refresh()
            with self._memory.reading():
                if gallery.moment is not None:  # None: a change failed, or its process died, since ours
                    yield gallery
                    return

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
                if self._gallery is None:
                    self._gallery = self._reader.open(connection, self._memory)
                self._follow(connection, self._gallery)
            self._done = self._begun
            return self._gallery

    def _follow(self, connection: Connection, gallery: ResidentGallery) -> None:
        """Bring the copy up to date."""
        with self._memory.reading():
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
        with self._memory.writing():
            self._follow_alone(connection, gallery)

    def _apply(self, gallery: ResidentGallery, changes: Changes, since: Moment) -> bool:
        """Whether the copy is as new as these changes now."""
        age = changes.moment.at - since.at
        if age > OLDEST_FOLLOWED:
            return False
        if not changes.gone and not changes.there and age < _SETTLED_ANEW:
            return True
        with self._memory.writing():
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
        self._max_copies = max(1, _open_files() // _FILES_PER_COPY)
        self._activity = activity
        self._clock = clock
        self._mutex = threading.Lock()
        self._copies: OrderedDict[uuid.UUID, ResidentCopy] = OrderedDict()
        self._sizes: dict[uuid.UUID, int] = {}
        self._held_bytes = 0
        self._swept_at = clock()

    @contextmanager
    def fresh(self, collection: Collection, *, again: bool = False) -> Iterator[ResidentGallery]:
        """The collection in memory as of this call or later, unchanged while it is looked at.

        Args:
            again: for a search that has begun anew, which is one search all the same.

        Raises:
            ResourceNotFoundException: the collection was deleted.
            StoreUnavailable: the database cannot be asked.
        """
        self._sweep()
        try:
            with self._copy_of(collection).reading() as gallery:
                self._keep_within_bounds(collection.collection_id, gallery.nbytes + _BYTES_PER_COPY)
                # INVARIANT: every search comes through here, and is counted before it can find anything.
                if self._activity is not None and not again:
                    self._activity.searched()
                yield gallery
        except ResourceNotFoundException:
            self.give_up(collection.collection_id)
            raise

    def tidy(self) -> None:
        """Look at every copy as a search would: what was deleted leaves memory, and so do keys of before.

        One that cannot be looked at, such as for a damaged key, is given up: what nobody can bring up to date
        stays in nobody's memory, and a search reads it anew.

        Raises:
            StoreUnavailable: the database cannot be asked, of any: all stay, and nobody searches them either.
        """
        with self._mutex:
            copies = list(self._copies.items())
        for collection_id, copy in copies:
            try:
                copy.refresh()
            except ResourceNotFoundException:
                self.give_up(collection_id)
            except StoreUnavailable:
                raise
            except Exception as error:  # noqa: BLE001  # one copy's trouble keeps no other from its turn
                _LOG.warning("collection=%s given up: %s", collection_id, type(error).__name__)
                self.give_up(collection_id)

    def left_out(self, collection_id: uuid.UUID) -> int:
        """How many faces of the collection its copy leaves out of searches; 0 where there is no copy."""
        with self._mutex:
            copy = self._copies.get(collection_id)
        return 0 if copy is None else copy.left_out

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
            while len(self._copies) > 1 and (
                self._held_bytes > self._max_bytes or len(self._copies) > self._max_copies
            ):
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
        self._share_the_bound()

    def _share_the_bound(self) -> None:
        """Processes hold different collections as well: together no more than one may, within seconds."""
        excess = self._memories.held_bytes() - self._max_bytes
        with self._mutex:
            while excess > 0 and len(self._copies) > 1:
                oldest = next(iter(self._copies))
                excess -= self._sizes.get(oldest, 0)
                self._release(oldest)


def _open_files() -> int:
    """How many this process may have."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
