"""Memory for the copy of one collection: of this process alone, or of all server processes of a machine.

Shared memory is a file of the system's without a name (memfd): in no file system, as much on a disk as any
other memory (which is swapped, or not), and gone when the last process that holds it has ended, however it
ended. It is as large as the largest collection may grow, and takes only what was written of it.
"""

from __future__ import annotations

import mmap
import os
import platform
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from countenance.gallery.rwlock import ReadWriteLock

try:
    import fcntl
except ImportError:  # no such locks: no shared memory either
    _CAN_SHARE = False
else:
    _CAN_SHARE = hasattr(os, "memfd_create")


_ZEROS_AT_ONCE = 1 << 20
_IS_LINUX = platform.system() == "Linux"


class GalleryMemory(ABC):
    """What a copy lies in. Zeros at first."""

    @abstractmethod
    def map(self, offset: int, size: int) -> memoryview:
        """`size` bytes from `offset` on, both whole pages; the same for the same offset."""

    @abstractmethod
    def wipe(self) -> None:
        """Make it zeros again, and give back what it took. For its writer."""

    @abstractmethod
    def reading(self) -> AbstractContextManager[None]:
        """With others who read, and nobody who writes."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[None]:
        """Alone."""


class PrivateMemory(GalleryMemory):
    """Of this process."""

    def __init__(self) -> None:
        self._lock = ReadWriteLock()
        self._maps: dict[int, mmap.mmap] = {}

    def map(self, offset: int, size: int) -> memoryview:
        if offset not in self._maps:
            # Private, so that the system may use large pages; and it is no file that is written when we swap.
            flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS if hasattr(mmap, "MAP_ANONYMOUS") else 0
            self._maps[offset] = mmap.mmap(-1, size, flags) if flags else mmap.mmap(-1, size)
        return memoryview(self._maps[offset])

    def wipe(self) -> None:
        for each in self._maps.values():
            if _IS_LINUX:  # elsewhere it may keep what was there
                each.madvise(mmap.MADV_DONTNEED)
                continue
            for start in range(0, len(each), _ZEROS_AT_ONCE):
                each[start : start + _ZEROS_AT_ONCE] = bytes(min(_ZEROS_AT_ONCE, len(each) - start))

    def reading(self) -> AbstractContextManager[None]:
        return self._lock.reading()

    def writing(self) -> AbstractContextManager[None]:
        return self._lock.writing()


class SharedMemory(GalleryMemory):
    """Of every process that was handed the same two descriptors; it closes them.

    Locks are the system's (flock), so that a process that dies gives back what it held. Nothing closes it: it
    is given back when nobody refers to it any more, which a search that still looks at it does.
    """

    def __init__(self, memory: int, gate: int, *, when_gone: Callable[[], None] = lambda: None) -> None:
        """
        Args:
            memory: descriptor of the memory, which is the lock as well.
            gate: of an empty one, through which readers pass and at which a writer makes them wait: it would
                never be alone otherwise while searches overlap.
            when_gone: called once nobody refers to it any more, from any thread at any time.

        Raises:
            OSError: the system has no more descriptors.
        """
        # Locks belong to an open file, and descriptors that were handed over share one: we open our own.
        try:
            self._main = _opened_again(memory, os.O_RDWR)
            try:
                self._gate = _opened_again(gate, os.O_RDONLY)
            except OSError:
                os.close(self._main)
                raise
        finally:
            os.close(memory)
            os.close(gate)
        weakref.finalize(self, _give_back, (self._main, self._gate), when_gone)
        self._size = os.fstat(self._main).st_size
        self._inside = ReadWriteLock()
        self._passing = threading.Lock()
        self._counting = threading.Lock()
        self._readers = 0

    def map(self, offset: int, size: int) -> memoryview:
        return memoryview(mmap.mmap(self._main, size, offset=offset))

    def wipe(self) -> None:
        # Its pages are taken out; its size never changes, or who looks at it would look beyond its end.
        with mmap.mmap(self._main, self._size) as whole:
            whole.madvise(mmap.MADV_REMOVE)

    @contextmanager
    def reading(self) -> Iterator[None]:
        with self._inside.reading():
            with self._passing:
                fcntl.flock(self._gate, fcntl.LOCK_SH)
                fcntl.flock(self._gate, fcntl.LOCK_UN)
            # Not under the same mutex: who waits at the gate must not keep our other readers from leaving.
            with self._counting:
                if not self._readers:
                    fcntl.flock(self._main, fcntl.LOCK_SH)
                self._readers += 1
            try:
                yield
            finally:
                with self._counting:
                    self._readers -= 1
                    if not self._readers:
                        fcntl.flock(self._main, fcntl.LOCK_UN)

    @contextmanager
    def writing(self) -> Iterator[None]:
        with self._inside.writing():
            fcntl.flock(self._gate, fcntl.LOCK_EX)
            try:
                fcntl.flock(self._main, fcntl.LOCK_EX)
                try:
                    yield
                finally:
                    fcntl.flock(self._main, fcntl.LOCK_UN)
            finally:
                fcntl.flock(self._gate, fcntl.LOCK_UN)


def can_share() -> bool:
    """Whether this system has memory without a name that processes can hand to one another."""
    return _CAN_SHARE and Path("/proc/self/fd").is_dir()


def create_shared(size: int) -> tuple[int, int]:
    """Descriptors of new memory of `size` bytes, for good, and of its gate, as `SharedMemory` takes them.

    Raises:
        OSError: the system has no more descriptors or memory.
    """
    memory = os.memfd_create("countenance gallery", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(memory, size)
        fcntl.fcntl(memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
        return memory, os.memfd_create("countenance gate", os.MFD_CLOEXEC)
    except OSError:
        os.close(memory)
        raise


def _give_back(descriptors: Iterable[int], when_gone: Callable[[], None]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
    when_gone()


def _opened_again(descriptor: int, how: int) -> int:
    return os.open(f"/proc/self/fd/{descriptor}", how | os.O_CLOEXEC)
