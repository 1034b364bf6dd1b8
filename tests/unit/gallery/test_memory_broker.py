"""Who hands out memory, and when it is gone."""

from __future__ import annotations

import gc
import logging
import os
import time
import uuid

import pytest

from countenance.gallery import memory_broker
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
        assert not any(os.get_inheritable(each) for each in (mine._descriptor, mine._gate_descriptor))
        mine.map(0, PAGE)[1] = 5
        assert theirs.map(0, PAGE)[1] == 5
        assert other.map(0, PAGE)[1] == 0


def test_memory_is_kept_as_long_as_one_holds_it(broker, collection_id):
    with broker.connect() as one, broker.connect() as two:
        first, second = BrokeredMemories(one), BrokeredMemories(two)
        memory, other = first.open(collection_id, PAGE), second.open(collection_id, PAGE)
        memory.map(0, PAGE)[1] = 5
        del memory
        gc.collect()
        first.open(uuid.uuid4(), PAGE)  # which tells what was given up
        assert first.open(collection_id, PAGE).map(0, PAGE)[1] == 5
        del other
        gc.collect()


def test_memory_that_nobody_holds_any_more_is_gone(broker, collection_id):
    with broker.connect() as one:
        memories = BrokeredMemories(one)
        memories.open(collection_id, PAGE).map(0, PAGE)[1] = 5
        gc.collect()
        assert memories.open(collection_id, PAGE).map(0, PAGE)[1] == 0


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
