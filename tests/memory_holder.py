"""A process that holds shared memory until it is killed.

    python memory_holder.py reading|writing|half-changed MEMORY GATE DIMENSIONS
    python memory_holder.py asking CONNECTION COLLECTION_ID SIZE

Says `.` once it does.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

from countenance.gallery.memory import SharedMemory
from countenance.gallery.memory_broker import BrokeredMemories
from countenance.gallery.resident import ResidentGallery


def holder(what, *descriptors, words=()):
    """Start one, on descriptors that it inherits; returns when it holds."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__)), what, *map(str, (*descriptors, *words))],
        pass_fds=descriptors,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.read(1) == b"."
    return process


def end(process):
    process.kill()
    process.wait()
    process.stdout.close()


def hold():
    sys.stdout.write(".")
    sys.stdout.flush()
    time.sleep(120)


def main(what, first, second, third):
    if what == "asking":
        kept = BrokeredMemories(socket.socket(fileno=int(first))).open(uuid.UUID(second), int(third))
        assert kept.map(0, int(third))
        hold()
    memory = SharedMemory(int(first), int(second))
    if what == "half-changed":
        with memory.writing():
            gallery = ResidentGallery(memory, dimensions=int(third), owner_key=bytes(32))
            with gallery.changing():
                gallery._faces.remove(3)
                hold()
    with getattr(memory, what)():
        hold()


if __name__ == "__main__":
    main(*sys.argv[1:])
