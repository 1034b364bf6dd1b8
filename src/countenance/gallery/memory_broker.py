"""Who hands the memory of collections to the processes of a server: one broker, and each process's end of it.

A request is a packet: `o`, the collection's id (16 bytes) and the size (8 bytes, big-endian), answered by `.`
with two descriptors, or by `!` where the system has no more of them; or `c` and the id: the process no longer
needs it; or `s`, answered by how many bytes all of it takes (8 bytes). The broker keeps memory as long as a
process that asked for it lives and has not given it up.
"""

from __future__ import annotations

import errno
import logging
import os
import resource
import selectors
import socket
import threading
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol
from uuid import UUID

from countenance.gallery.memory import GalleryMemory, PrivateMemory, SharedMemory, create_shared

_LOG = logging.getLogger(__name__)
_LONGEST: Final = 64
_SPARE_FILES: Final = 256
"""Left to the supervisor for what else it does, such as to start another worker."""


class Memories(Protocol):
    """Where memory for collections comes from."""

    def open(self, collection_id: UUID, size: int) -> GalleryMemory:
        """Memory of `size` bytes for a collection; what others hold of it, if they do."""

    def held_bytes(self) -> int:
        """What all of it takes, of all processes that share it; 0 where nothing is shared."""


class PrivateMemories:
    """Of this process alone."""

    def open(self, collection_id: UUID, size: int) -> GalleryMemory:  # noqa: ARG002 - as `Memories` has it
        return PrivateMemory()

    def held_bytes(self) -> int:
        return 0


class BrokeredMemories:
    """A process's end of the broker. Thread-safe."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._connection.set_inheritable(False)
        self._lock = threading.Lock()
        self._untold: deque[UUID] = deque()

    def open(self, collection_id: UUID, size: int) -> GalleryMemory:
        """Shared memory; of this process alone where none can be had, which costs memory and nothing else."""
        try:
            answer, descriptors = self._ask(b"o" + collection_id.bytes + size.to_bytes(8, "big"))
        except OSError as error:
            _LOG.warning("no shared memory for galleries: %s", error.strerror)
            return PrivateMemory()
        if answer != b".":
            _LOG.warning("no shared memory for galleries: the supervisor has none left")
            return PrivateMemory()
        try:
            memory, gate = descriptors
            return SharedMemory(memory, gate, when_gone=partial(self._give_up, collection_id))
        except ValueError:  # they did not both fit among the files that this process may have
            for descriptor in descriptors:
                os.close(descriptor)
            reason = os.strerror(errno.EMFILE)
        except OSError as error:
            reason = str(error.strerror)
        self._give_up(collection_id)
        _LOG.warning("no shared memory for galleries: %s", reason)
        return PrivateMemory()

    def held_bytes(self) -> int:
        try:
            return int.from_bytes(self._ask(b"s")[0], "big")
        except OSError:
            return 0

    def _ask(self, packet: bytes) -> tuple[bytes, list[int]]:
        with self._lock:
            while self._untold:
                self._connection.send(b"c" + self._untold.popleft().bytes)
            self._connection.send(packet)
            answer, descriptors, _, _ = socket.recv_fds(
                self._connection, _LONGEST, 2, socket.MSG_CMSG_CLOEXEC
            )
            return answer, descriptors

    def _give_up(self, collection_id: UUID) -> None:
        """Runs whenever the last reference goes, perhaps while we hold the lock: a packet of its own, without
        an answer, and nothing is waited for.
        """
        try:
            self._connection.send(b"c" + collection_id.bytes, socket.MSG_DONTWAIT)
        except BlockingIOError:
            self._untold.append(collection_id)
        except OSError:  # no broker any more, and nobody to tell
            return


def _open_files() -> int:
    """How many this process may have."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


@dataclass(slots=True)
class _Held:
    memory: int
    gate: int
    holders: list[socket.socket] = field(default_factory=list)
    """Once for each time that it was handed over."""


class MemoryBroker:
    """The other end, in the supervisor: a thread of its own."""

    def __init__(self) -> None:
        self._held: dict[UUID, _Held] = {}
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="memory broker", daemon=True)
        self._thread.start()

    def connect(self) -> socket.socket:
        """An end for a new process, which inherits it; close ours when it has."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._selector.register(ours, selectors.EVENT_READ)
        self._wake.send(b".")  # the thread looks at the new end as well from now on
        return theirs

    def close(self) -> None:
        """Stop handing out. What processes hold stays theirs until they end."""
        self._stopping = True
        self._wake.send(b".")
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            self._selector.unregister(key.fileobj)
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        self._wake.close()
        self._selector.close()
        for collection_id in list(self._held):
            self._forget(collection_id)

    def _run(self) -> None:
        while not self._stopping:
            for key, _ in self._selector.select():
                end = key.fileobj
                assert isinstance(end, socket.socket)
                if end is self._woken:
                    end.recv(64)
                else:
                    self._answer(end)

    def _answer(self, end: socket.socket) -> None:
        try:
            packet = end.recv(_LONGEST)
            if packet[:1] == b"o":
                self._hand_over(end, UUID(bytes=packet[1:17]), int.from_bytes(packet[17:25], "big"))
            elif packet[:1] == b"c":
                self._take_back(end, UUID(bytes=packet[1:17]))
            elif packet == b"s":
                end.send(self._held_bytes().to_bytes(8, "big"))
            else:
                self._lose(end)
        except (OSError, ValueError, OverflowError):
            self._lose(end)

    def _hand_over(self, end: socket.socket, collection_id: UUID, size: int) -> None:
        held = self._held.get(collection_id)
        if held is None and 2 * len(self._held) > _open_files() - _SPARE_FILES:
            end.send(b"!")
            return
        if held is None:
            try:
                held = self._held[collection_id] = _Held(*create_shared(size))
            except OSError:
                end.send(b"!")
                return
        held.holders.append(end)
        socket.send_fds(end, [b"."], [held.memory, held.gate])

    def _take_back(self, end: socket.socket, collection_id: UUID) -> None:
        held = self._held.get(collection_id)
        if held is not None and end in held.holders:
            held.holders.remove(end)
            if not held.holders:
                self._forget(collection_id)

    def _held_bytes(self) -> int:
        """In blocks of 512 bytes the system counts what was written, and not the size."""
        return sum(512 * os.fstat(held.memory).st_blocks for held in self._held.values())

    def _lose(self, end: socket.socket) -> None:
        """The process has ended."""
        self._selector.unregister(end)
        end.close()
        for collection_id, held in list(self._held.items()):
            held.holders = [holder for holder in held.holders if holder is not end]
            if not held.holders:
                self._forget(collection_id)

    def _forget(self, collection_id: UUID) -> None:
        held = self._held.pop(collection_id)
        os.close(held.memory)
        os.close(held.gate)
