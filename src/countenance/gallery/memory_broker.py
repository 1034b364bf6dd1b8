"""Who hands the memory of collections to the processes of a server: one broker, and each process's end of it.

A request is a packet: `o`, the collection's id (16 bytes) and the size (8 bytes, big-endian), answered by `.`
with two descriptors, or by `!` where the system has no more of them; or `c` and the id: the process no longer
needs it. The broker keeps memory as long as a process that asked for it lives and has not given it up.
"""

from __future__ import annotations

import logging
import os
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


class Memories(Protocol):
    """Where memory for collections comes from."""

    def open(self, collection_id: UUID, size: int) -> GalleryMemory:
        """Memory of `size` bytes for a collection; what others hold of it, if they do."""


class PrivateMemories:
    """Of this process alone."""

    def open(self, collection_id: UUID, size: int) -> GalleryMemory:  # noqa: ARG002 - as `Memories` has it
        return PrivateMemory()


class BrokeredMemories:
    """A process's end of the broker. Thread-safe."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._given_up: deque[UUID] = deque()

    def open(self, collection_id: UUID, size: int) -> GalleryMemory:
        """Shared memory; of this process alone where none can be had, which costs memory and nothing else."""
        with self._lock:
            try:
                while self._given_up:
                    self._connection.send(b"c" + self._given_up.popleft().bytes)
                self._connection.send(b"o" + collection_id.bytes + size.to_bytes(8, "big"))
                _, descriptors, _, _ = socket.recv_fds(self._connection, 1, 2)
            except OSError as error:
                _LOG.warning("no shared memory for galleries: %s", error.strerror)
                return PrivateMemory()
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        if len(descriptors) != 2:
            _LOG.warning("no shared memory for galleries: the supervisor had none left")
            return PrivateMemory()
        # Noted only: this runs whenever the last reference goes, perhaps while we hold the lock.
        return SharedMemory(*descriptors, when_gone=partial(self._given_up.append, collection_id))


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
            else:
                self._lose(end)
        except (OSError, ValueError):
            self._lose(end)

    def _hand_over(self, end: socket.socket, collection_id: UUID, size: int) -> None:
        held = self._held.get(collection_id)
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
