from __future__ import annotations

import uuid

import pytest

from countenance.audit.keys import AuditKeys, SealingKey
from countenance.store import KeyStore

PLACE = uuid.uuid4().bytes


def test_what_is_sealed_opens_with_its_key_at_its_place_only():
    key, other = SealingKey(b"k" * 32), SealingKey(b"o" * 32)
    sealed = key.seal(b"value", place=PLACE)
    assert key.unseal(sealed, place=PLACE) == b"value"
    assert key.unseal(sealed, place=uuid.uuid4().bytes) is None
    assert other.unseal(sealed, place=PLACE) is None
    assert key.unseal(sealed[:-1] + bytes([sealed[-1] ^ 1]), place=PLACE) is None
    assert key.unseal(b"", place=PLACE) is None


def test_a_pseudonym_stands_for_one_name_of_one_kind_under_one_key():
    key, other = SealingKey(b"k" * 32), SealingKey(b"o" * 32)
    assert key.pseudonym("operator", "eva") == key.pseudonym("operator", "eva")
    assert (
        len(
            {
                key.pseudonym("operator", "eva"),
                key.pseudonym("key", "eva"),
                other.pseudonym("operator", "eva"),
            }
        )
        == 3
    )


def test_an_accounts_key_is_the_same_in_every_process_and_after_a_restart(key_store: KeyStore):
    first = AuditKeys(key_store).account("111111111111")
    again = AuditKeys(KeyStore.open(key_store.directory)).account("111111111111")
    assert again.unseal(first.seal(b"v", place=PLACE), place=PLACE) == b"v"
    assert AuditKeys(key_store).account("222222222222").tag("t") != first.tag("t")


def test_a_key_that_another_process_destroyed_is_used_no_more(key_store: KeyStore):
    """A worker keeps keys in memory, and must not go on writing under one that is to be forgotten."""
    worker = AuditKeys(key_store)
    for _ in range(2):  # made, and then kept
        before = worker.account("111111111111").pseudonym("operator", "eva")
    assert worker._kept
    other = AuditKeys(key_store)
    other.forget_account("111111111111")
    after = other.account("111111111111").pseudonym("operator", "eva")  # makes another key of that name
    assert worker.account("111111111111").pseudonym("operator", "eva") == after != before


def test_a_forgotten_account_gets_another_key(key_store: KeyStore):
    """What was sealed before stays sealed for ever."""
    keys = AuditKeys(key_store)
    sealed = keys.account("111111111111").seal(b"v", place=PLACE)
    keys.forget_account("111111111111")
    assert keys.account("111111111111").unseal(sealed, place=PLACE) is None


@pytest.mark.parametrize(
    "change", [("user", "a", b"s" * 32), ("face", "b", b"s" * 32), ("face", "a", b"t" * 32)]
)
def test_a_subjects_key_is_its_own_and_goes_with_its_collections(key_store: KeyStore, change):
    keys, collection_id = AuditKeys(key_store), uuid.uuid4()
    key_store.create_collection_key(collection_id)
    collection = keys.collection(collection_id)
    tag = collection.subject("face", "a", b"s" * 32).tag("t")
    assert collection.subject("face", "a", b"s" * 32).tag("t") == tag
    assert collection.subject(*change).tag("t") != tag
    key_store.destroy_collection_key(collection_id)
    assert keys.collection(collection_id) is None
