"""Galleries on a real database, each test in an account of its own."""

from __future__ import annotations

import secrets
from contextlib import ExitStack

import numpy as np
import pytest

from countenance.gallery import Gallery
from countenance.gallery.memory_broker import BrokeredMemories, MemoryBroker
from countenance.store import UnitOfWork
from fakes.faces import DIMENSIONS, new_face


@pytest.fixture
def account_id(database):
    account_id = f"{secrets.randbelow(10**12):012d}"
    with database.transaction() as connection:
        connection.execute("insert into account (account_id, name) values (%s, 'Tester')", (account_id,))
    return account_id


@pytest.fixture(scope="session")
def broker():
    broker = MemoryBroker()
    yield broker
    broker.close()


@pytest.fixture
def shared_memories(broker):
    """`shared_memories()`: what a further process of the machine has its galleries' memory from."""
    with ExitStack() as stack:
        yield lambda: BrokeredMemories(stack.enter_context(broker.connect()))


@pytest.fixture
def gallery(database, key_store, shared_memories):
    return Gallery(database, key_store, memories=shared_memories())


@pytest.fixture
def elsewhere(database, key_store, shared_memories):
    """The same galleries as another server process sees them."""
    return Gallery(database, key_store, memories=shared_memories())


@pytest.fixture
def on_another_machine(database, key_store):
    """As a process sees them that shares the database and no memory."""
    return Gallery(database, key_store)


@pytest.fixture
def commit(database):
    """`commit(method, ...)`: one unit of work around one change, as the gateway has it."""

    def run(method, *args, **kwargs):
        with UnitOfWork(database) as uow:
            answer = method(uow, *args, **kwargs)
            uow.commit()
        return answer

    return run


@pytest.fixture
def new_collection(gallery, commit, account_id):
    def make(name="friends", *, tags=None, region="us-east-1", account_id=account_id):
        return commit(
            gallery.create_collection,
            account_id=account_id,
            name=name,
            region=region,
            face_model_version="1.0",
            dimensions=DIMENSIONS,
            tags=tags or {},
        )

    return make


@pytest.fixture
def collection(new_collection):
    return new_collection()


@pytest.fixture
def rng():
    return np.random.default_rng(20261122)


@pytest.fixture
def enrol(gallery, collection, commit):
    """Enrol faces with the given templates, each of a photograph of its own; their ids."""

    def run(*templates):
        faces = [new_face(template) for template in templates]
        return [face.face_id for face in commit(gallery.enrol, collection, faces)]

    return run
