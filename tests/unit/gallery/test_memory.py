"""Memory of one process and of several: mapped, locked, given back."""

from __future__ import annotations

import gc
import os
import threading
import time
from pathlib import Path

import pytest

from countenance.gallery.memory import PrivateMemory, SharedMemory, can_share, create_shared
from memory_holder import end, holder

PAGE = 4096
shared_only = pytest.mark.skipif(not can_share(), reason="no shared memory here")


def pair():
    """Memory as two processes hold it: descriptors are handed over, so they share open files."""
    memory, gate = create_shared(1 << 30)
    return SharedMemory(os.dup(memory), os.dup(gate)), SharedMemory(memory, gate)


@pytest.fixture(params=["private", pytest.param("shared", marks=shared_only)])
def memory(request):
    return PrivateMemory() if request.param == "private" else pair()[0]


def test_memory_is_zeros_at_first_and_keeps_what_is_written(memory):
    first, second = memory.map(0, PAGE), memory.map(PAGE, 2 * PAGE)
    assert not any(first)
    assert len(second) == 2 * PAGE
    second[5] = 7
    assert memory.map(PAGE, 2 * PAGE)[5] == 7
    assert not any(first)


def test_wiped_memory_is_zeros_for_whoever_has_mapped_it(memory):
    view = memory.map(PAGE, PAGE)
    view[:] = b"x" * PAGE
    memory.wipe()
    assert not any(view)
    view[0] = 1
    assert memory.map(PAGE, PAGE)[0] == 1


@shared_only
def test_a_gigabyte_costs_what_is_written_of_it():
    memory, _ = pair()
    used = os.fstat(memory._main).st_blocks
    memory.map(1 << 29, PAGE)[0] = 1
    assert os.fstat(memory._main).st_blocks - used <= 8 * 512  # a large page at most
    memory.wipe()
    assert os.fstat(memory._main).st_blocks == 0


@shared_only
def test_what_one_writes_the_other_reads():
    one, two = pair()
    one.map(0, PAGE)[3] = 9
    assert two.map(0, PAGE)[3] == 9


@shared_only
def test_it_has_no_name_and_is_not_inherited():
    memory, _ = pair()
    for descriptor in (memory._main, memory._gate):
        assert "memfd:" in str(Path(f"/proc/self/fd/{descriptor}").readlink())
        assert not os.get_inheritable(descriptor)


def in_a_thread(work):
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("of", ["one", pytest.param("two", marks=shared_only)])
def test_readers_read_side_by_side_and_a_writer_is_alone(of):
    one, two = pair() if of == "two" else (PrivateMemory(),) * 2
    order, inside = [], threading.Event()
    with one.reading():
        reader = in_a_thread(lambda: two.reading().__enter__() or inside.set())
        assert inside.wait(5)
        reader.join()
    one, two = pair() if of == "two" else (PrivateMemory(),) * 2

    def write():
        with two.writing():
            order.append("written")

    with one.reading():
        writer = in_a_thread(write)
        time.sleep(0.1)
        assert order == []
    writer.join(5)
    assert order == ["written"]
    with one.writing():
        reader = in_a_thread(lambda: two.reading().__enter__() or order.append("read"))
        time.sleep(0.1)
        assert order == ["written"]
    reader.join(5)
    assert order == ["written", "read"]


@pytest.mark.parametrize("of", ["one", pytest.param("two", marks=shared_only)])
def test_a_writer_comes_to_its_turn_while_searches_overlap(of):
    """There is never a moment without a reader here, in either process."""
    one, two = pair() if of == "two" else (PrivateMemory(),) * 2
    stop, turns = threading.Event(), []

    def read(memory):
        while not stop.is_set():
            with memory.reading():
                time.sleep(0.01)

    readers = [in_a_thread(lambda memory=memory: read(memory)) for memory in (one, two) * 3]
    time.sleep(0.1)
    begun = time.monotonic()
    for _ in range(5):
        with two.writing():
            turns.append(time.monotonic())
    stop.set()
    for reader in readers:
        reader.join(5)
    assert turns[-1] - begun < 5


@pytest.mark.parametrize("of", ["one", pytest.param("two", marks=shared_only)])
def test_nobody_sees_what_a_writer_has_half_done(of):
    one, two = pair() if of == "two" else (PrivateMemory(),) * 2
    views = [memory.map(0, PAGE) for memory in (one, two)]
    torn, stop = [], threading.Event()

    def read(memory, view):
        while not stop.is_set():
            with memory.reading():
                if view[0] != view[1]:
                    torn.append(1)

    def write(memory, view):
        for number in range(150):
            with memory.writing():
                view[0] = number
                time.sleep(0.0001)
                view[1] = number

    readers = [in_a_thread(lambda each=each: read(*each)) for each in zip((one, two), views, strict=True)]
    writers = [in_a_thread(lambda each=each: write(*each)) for each in zip((one, two), views, strict=True)]
    for writer in writers:
        writer.join(60)
    stop.set()
    for reader in readers:
        reader.join(5)
    assert torn == []


@shared_only
def test_a_process_that_is_killed_gives_its_locks_back():
    one, two = pair()
    for hold in ("reading", "writing"):
        other = holder(hold, two._main, two._gate, words=[0])
        done = threading.Event()

        def write(done=done):
            with one.writing():
                done.set()

        writer = in_a_thread(write)
        assert not done.wait(0.1)
        end(other)
        writer.join(5)
        assert done.is_set()


@shared_only
def test_it_is_given_back_when_nobody_refers_to_it():
    memory, gate = create_shared(PAGE)
    gone = []
    shared = SharedMemory(memory, gate, when_gone=lambda: gone.append(1))
    view = shared.map(0, PAGE)
    descriptors = (shared._main, shared._gate)
    del shared
    gc.collect()
    assert gone == [1]
    for descriptor in descriptors:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
    view[0] = 1  # what is mapped stays mapped


@shared_only
def test_its_size_is_for_good():
    """Who looks beyond the end of what was cut off is ended by the system."""
    memory, _ = pair()
    for size in (0, 1 << 31):
        with pytest.raises(PermissionError):
            os.ftruncate(memory._main, size)
    memory.map((1 << 30) - PAGE, PAGE)[0] = 1
    memory.wipe()
    assert os.fstat(memory._main).st_size == 1 << 30
