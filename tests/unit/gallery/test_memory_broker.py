"""Who hands out memory, and when it is gone."""

from __future__ import annotations

import gc
import logging
import os
import socket
import time
import uuid

import pytest

from countenance.gallery import memory, memory_broker
from countenance.gallery.memory import PrivateMemory, SharedMemory, can_share
from countenance.gallery.memory_broker import BrokeredMemories, MemoryBroker
from memory_holder import end, holder

PAGE = 4096
pytestmark = pytest.mark.skipif(not can_share(), reason="no shared memory here")


@pytest.fixture
def broker():
    broker = MemoryBroker()
    yield broker
    broker.close()


@pytest.fixture
def collection_id():
    return uuid.uuid4()


def until(condition):
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_processes_that_ask_for_the_same_collection_share_its_memory(broker, collection_id):
    with broker.connect() as one, broker.connect() as two:
        mine = BrokeredMemories(one).open(collection_id, PAGE)
        theirs = BrokeredMemories(two).open(collection_id, PAGE)
        other = BrokeredMemories(two).open(uuid.uuid4(), PAGE)
        assert not any(os.get_inheritable(each) for each in (mine._main, mine._gate))
        mine.map(0, PAGE)[1] = 5
        assert theirs.map(0, PAGE)[1] == 5
        assert other.map(0, PAGE)[1] == 0


def test_memory_is_kept_as_long_as_one_holds_it_and_no_longer(broker, collection_id):
    """Told at once, by nobody's asking for anything else: what was deleted must not stay in memory."""
    with broker.connect() as one, broker.connect() as two:
        first, second = BrokeredMemories(one), BrokeredMemories(two)
        mine, other = first.open(collection_id, PAGE), second.open(collection_id, PAGE)
        mine.map(0, PAGE)[1] = 5
        del mine
        gc.collect()
        again = first.open(collection_id, PAGE)
        assert again.map(0, PAGE)[1] == 5
        del again, other
        gc.collect()
        until(lambda: not broker._held)
        assert first.open(collection_id, PAGE).map(0, PAGE)[1] == 0


def test_it_says_how_much_all_of_it_takes(broker, collection_id):
    with broker.connect() as one, broker.connect() as two:
        memories = BrokeredMemories(one)
        assert memories.held_bytes() == 0
        mine = memories.open(collection_id, 1 << 30)
        mine.map(1 << 20, 4 * PAGE)[:] = b"x" * 4 * PAGE
        other = BrokeredMemories(two).open(uuid.uuid4(), 1 << 30)
        other.map(0, PAGE)[0] = 1
        assert 5 * PAGE <= memories.held_bytes() <= 3 * (2 << 20)


@pytest.mark.parametrize("fits", [0, 1])
def test_a_process_without_room_for_more_files_has_memory_of_its_own(
    broker, collection_id, fits, monkeypatch, caplog
):
    """And neither keeps a file of it open nor stays on the broker's list."""
    before = len(os.listdir("/proc/self/fd"))
    with broker.connect() as one, caplog.at_level(logging.WARNING), monkeypatch.context() as patched:
        opened = []

        def reopen(descriptor, how):
            if len(opened) >= fits:
                raise OSError(24, "Too many open files")
            opened.append(os.open(f"/proc/self/fd/{descriptor}", how))
            return opened[-1]

        patched.setattr(memory, "_opened_again", reopen)
        assert isinstance(BrokeredMemories(one).open(collection_id, PAGE), PrivateMemory)
        until(lambda: not broker._held)
    assert "Too many open files" in caplog.text
    until(lambda: len(os.listdir("/proc/self/fd")) == before)


@pytest.mark.parametrize("fit", [0, 1])
def test_less_than_both_descriptors_is_none(broker, collection_id, fit, monkeypatch, caplog):
    """What the system does where only one more fits, or none."""
    original = socket.recv_fds

    def one_fits(*arguments):
        answer, descriptors, flags, address = original(*arguments)
        while len(descriptors) > fit:
            os.close(descriptors.pop())
        return answer, descriptors, flags, address

    monkeypatch.setattr(socket, "recv_fds", one_fits)
    with broker.connect() as one, caplog.at_level(logging.WARNING):
        assert isinstance(BrokeredMemories(one).open(collection_id, PAGE), PrivateMemory)
        until(lambda: not broker._held)
    assert "Too many open files" in caplog.text


def test_files_are_left_for_what_else_the_supervisor_does(broker, monkeypatch):
    monkeypatch.setattr(memory_broker, "_open_files", lambda: memory_broker._SPARE_FILES + 3)
    with broker.connect() as one:
        memories = BrokeredMemories(one)
        kept = [memories.open(uuid.uuid4(), PAGE) for _ in range(4)]
    assert [isinstance(each, SharedMemory) for each in kept] == [True, True, False, False]


def test_a_process_that_ends_holds_nothing(broker, collection_id):
    with broker.connect() as one:
        process = holder("asking", one.fileno(), words=[collection_id, PAGE])
    assert collection_id in broker._held
    end(process)
    until(lambda: not broker._held)


def test_where_there_is_no_more_memory_each_has_its_own(broker, collection_id, monkeypatch, caplog):
    def none_left(size):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(memory_broker, "create_shared", none_left)
    with broker.connect() as one, caplog.at_level(logging.WARNING):
        assert isinstance(BrokeredMemories(one).open(collection_id, PAGE), PrivateMemory)
    assert "no shared memory" in caplog.text


def test_without_the_broker_each_has_its_own(collection_id, caplog):
    broker = MemoryBroker()
    with broker.connect() as end, caplog.at_level(logging.WARNING):
        broker.close()
        assert isinstance(BrokeredMemories(end).open(collection_id, PAGE), PrivateMemory)
    assert "no shared memory" in caplog.text


def test_nonsense_ends_the_connection_and_nothing_else(broker, collection_id):
    with broker.connect() as rude, broker.connect() as polite:
        rude.send(b"o123")
        assert rude.recv(16) == b""
        assert isinstance(BrokeredMemories(polite).open(collection_id, PAGE), SharedMemory)
