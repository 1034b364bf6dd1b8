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
from contextlib import ExitStack, contextmanager

from countenance.errors import ResourceNotFoundException
from countenance.gallery.activity import Activity
from countenance.gallery.changing import QUERIES, switched
from countenance.gallery.memory_broker import Memories, PrivateMemories
from countenance.gallery.reading import CHANGES_KEPT, ModelChanged
from countenance.gallery.records import Collection
from countenance.gallery.resident import ResidentGallery
from countenance.gallery.resident_copy import ResidentCopy
from countenance.gallery.scan import Accelerator
from countenance.store import Database, KeyStore, StoreUnavailable

_LOG = logging.getLogger(__name__)

_SWEEP_INTERVAL_S = 10.0
_FORGOTTEN_AT_ONCE = 10_000
_COPIES_TRIED = 10
"""Of a collection whose model or basis changes again and again as its copy is opened."""
_BYTES_PER_COPY = 81_920
"""Locks, cipher and first pages: many empty collections are bounded as well."""
_FILES_PER_COPY = 16
"""Open files that a process may have, for one copy: it takes five, and one more for each 65,536 faces; calls
need theirs.
"""


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
        accelerator: Accelerator | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            memories: where copies lie; None for memory of this process alone.
            activity: where searches are counted; None where nobody compares them with the log.
            accelerator: for searches over large collections; each is copied onto it by each process.
        """
        self._database = database
        self._keys = keys
        self._memories = memories or PrivateMemories()
        self._max_bytes = max_bytes
        self._max_copies = max(1, _open_files() // _FILES_PER_COPY)
        self._activity = activity
        self._accelerator = accelerator
        self._clock = clock
        self._mutex = threading.Lock()
        self._copies: OrderedDict[uuid.UUID, ResidentCopy] = OrderedDict()
        self._sizes: dict[uuid.UUID, int] = {}
        self._held_bytes = 0
        self._swept_at = clock()

    @contextmanager
    def fresh(
        self, collection: Collection, *, again: bool = False, searches: bool = True
    ) -> Iterator[ResidentGallery]:
        """The collection in memory as of this call or later, unchanged while it is looked at.

        Args:
            again: for a search that has begun anew, which is one search all the same.
            searches: whether somebody is looked for; what compares one user's own faces is no search.

        Raises:
            ResourceNotFoundException: the collection was deleted.
            ThrottlingException: it was given another model since `collection` was read.
            StoreUnavailable: the database cannot be asked.
        """
        self._sweep()
        try:
            with self._reading(collection) as gallery:
                self._keep_within_bounds(collection.collection_id, gallery.nbytes + _BYTES_PER_COPY)
                # INVARIANT: every search comes through here, and is counted before it can find anything.
                if self._activity is not None and searches and not again:
                    self._activity.searched()
                yield gallery
        except ResourceNotFoundException:
            self.give_up(collection.collection_id)
            raise

    @contextmanager
    def _reading(self, collection: Collection) -> Iterator[ResidentGallery]:
        """A copy that is of the model that the collection has, and of the one that the caller has in mind."""
        with ExitStack() as stack:
            for _ in range(_COPIES_TRIED):
                copy = None
                try:
                    copy = self._copy_of(collection)
                    gallery = stack.enter_context(copy.reading())
                    break
                except ModelChanged:
                    # The copy's model has changed: perhaps to the caller's, so once more with a new one.
                    self._give_up_copy(collection.collection_id, copy)
            else:
                raise switched(collection.name)
            yield gallery

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
                copy.tidy()
            except (ResourceNotFoundException, ModelChanged):
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
        """Raises ModelChanged, ResourceNotFoundException."""
        with self._mutex:
            other = self._copies.get(collection.collection_id)
            if other is not None and other.face_model_version == collection.face_model_version:
                self._copies.move_to_end(collection.collection_id)
                return other
        copy = ResidentCopy(
            collection, self._database, self._keys, self._memories, accelerator=self._accelerator
        )
        if other is not None:  # it gives way to one of the model in use only
            copy.open()
        with self._mutex:
            present = self._copies.get(collection.collection_id)
            if present is not None and present is not other:  # another thread was quicker
                return present if present.face_model_version == copy.face_model_version else copy
            self._release(collection.collection_id)
            self._copies[collection.collection_id] = copy
            return copy

    def _give_up_copy(self, collection_id: uuid.UUID, copy: ResidentCopy | None) -> None:
        with self._mutex:
            if copy is not None and self._copies.get(collection_id) is copy:
                self._release(collection_id)

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

    def held_bytes(self) -> tuple[int, int]:
        """What copies of all processes that share the memory take, or of this one; and the bound."""
        together = self._memories.held_bytes()
        with self._mutex:
            return max(together, self._held_bytes), self._max_bytes

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
