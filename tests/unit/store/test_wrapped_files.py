from __future__ import annotations

import threading
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from countenance.errors import SetupError
from countenance.store import KeyStore
from countenance.store.wrapped_files import context_of

COLLECTION = uuid.UUID(int=1)


def ring_of_two(keys: KeyStore):
    ring = keys.ring.read()
    with keys.ring.exclusively():
        place = keys.ring.places(ring).make("file", 2)
        keys.ring.replace(replace(ring, places=(place, *ring.places)))
    return keys.ring.masters().keys


def test_every_file_of_a_key_store_says_by_its_name_what_it_is_bound_to(tmp_path: Path):
    """The contexts are what files of before are bound to."""
    assert context_of(tmp_path / "collections" / str(COLLECTION)) == b"collection/" + COLLECTION.bytes
    assert context_of(tmp_path / "collections" / f"{COLLECTION}.258") == (
        b"templates/" + COLLECTION.bytes + b"\x00\x00\x01\x02"
    )
    assert context_of(tmp_path / "secrets" / "account-1") == b"secret/account-1"
    for name in ("nonsense", f"{COLLECTION}.x", f"{COLLECTION}.-1", f"{COLLECTION}.{1 << 32}"):
        assert context_of(tmp_path / "collections" / name) is None


def test_a_file_goes_under_the_newest_key_and_no_more_under_the_old(key_store: KeyStore):
    key_store.create_secret("account-1", b"s" * 32)
    path = key_store.files.secrets / "account-1"
    newest, older = ring_of_two(key_store)
    assert older.unwrap(path.read_bytes(), b"secret/account-1") == b"s" * 32
    assert key_store.files.rewrap(path, newest=newest, older=older) is True
    assert key_store.files.rewrap(path, newest=newest, older=older) is False
    assert older.unwrap(path.read_bytes(), b"secret/account-1") is None
    assert key_store.secret("account-1") == b"s" * 32
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_opens_with_neither_stays_as_it_is(key_store: KeyStore):
    newest, older = ring_of_two(key_store)
    for path in (key_store.files.secrets / "damaged", key_store.files.collections / "of no key"):
        path.write_bytes(b"x" * 60)
        assert key_store.files.rewrap(path, newest=newest, older=older) is None
        assert path.read_bytes() == b"x" * 60
    assert key_store.files.rewrap(key_store.files.secrets / "gone", newest=newest, older=older) is False


def test_a_key_that_is_destroyed_meanwhile_is_not_brought_back(key_store: KeyStore):
    """A file that is replaced after it was removed would be a deletion undone."""
    newest, older = ring_of_two(key_store)
    over = threading.Event()

    def rewrap():
        while not over.is_set():
            for path in list(key_store.files.list()):
                key_store.files.rewrap(path, newest=older, older=newest)
                key_store.files.rewrap(path, newest=newest, older=older)

    thread = threading.Thread(target=rewrap)
    thread.start()
    for number in range(40):
        key_store.create_collection_key(uuid.UUID(int=number))
        key_store.create_template_key(uuid.UUID(int=number), 1)
        key_store.create_secret(f"account-{number}")
        key_store.destroy_collection_key(uuid.UUID(int=number))
        key_store.destroy_secret(f"account-{number}")
    over.set()
    thread.join()
    assert list(key_store.files.list()) == []
    assert [*key_store.files.collections.iterdir(), *key_store.files.secrets.iterdir()] == []


def test_a_second_name_of_a_secret_goes_with_it(key_store: KeyStore):
    """Left by a process that was killed as it wrote: a forgotten account must not be remembered there."""
    key_store.create_secret("account-1")
    key_store.create_secret("account-11")
    for name in (".account-1.0123456789abcdef", ".account-11.0123456789abcdef"):
        (key_store.files.secrets / name).write_bytes(b"wrapped")
    key_store.destroy_secret("account-1")
    left = sorted(path.name for path in key_store.files.secrets.iterdir())
    assert left == [".account-11.0123456789abcdef", "account-11"]
    key_store.files.remove_leftovers()
    assert [path.name for path in key_store.files.secrets.iterdir()] == ["account-11"]


def test_a_file_that_changes_under_its_reader_is_read_again(key_store: KeyStore, monkeypatch):
    """The ring of before, and a file that is under the new key already."""
    key_store.create_secret("account-1", b"s" * 32)
    reader = KeyStore.open(key_store.directory)
    stale = reader.ring.masters()
    newest, older = ring_of_two(key_store)
    key_store.files.rewrap(key_store.files.secrets / "account-1", newest=newest, older=older)
    current, answers = reader.ring.masters, [stale]
    monkeypatch.setattr(reader.ring, "masters", lambda: answers.pop() if answers else current())
    assert reader.secret("account-1") == b"s" * 32
    (key_store.files.secrets / "account-1").write_bytes(b"x" * 60)
    with pytest.raises(SetupError, match="account-1` is damaged"):
        reader.secret("account-1")


def test_a_key_is_written_under_the_ring_of_the_moment_it_is_written(key_store: KeyStore):
    """Who waited while the ring changed writes with the new key: nothing is left under one that is gone."""
    writer = KeyStore.open(key_store.directory)
    before = writer.ring.masters()
    with key_store.ring.exclusively():
        thread = threading.Thread(target=writer.create_secret, args=("account-1", b"s" * 32))
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()
        ring = key_store.ring.read()
        place = key_store.ring.places(ring).make("file", 2)
        key_store.ring.replace(replace(ring, places=(place, *ring.places)))
    thread.join()
    wrapped = (key_store.files.secrets / "account-1").read_bytes()
    assert before.unwrap(wrapped, b"secret/account-1") is None
    assert key_store.secret("account-1") == b"s" * 32
