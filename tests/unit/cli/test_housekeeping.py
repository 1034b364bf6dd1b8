"""What a server tidies up by itself."""

from __future__ import annotations

import os
import uuid
from datetime import timedelta

import pytest

from countenance.accounts import Accounts
from countenance.cli.housekeeping import TOKENS_KEPT, Housekeeping
from countenance.store import KeyMissing, idempotency


def test_old_tokens_go_and_young_ones_stay_once_an_hour(database, key_store):
    """A token must hold for as long as a client may retry, and not for ever."""
    account = Accounts(database, key_store).create_account("tokens").account_id
    now = [0.0]
    tidy = Housekeeping(database, key_store, clock=lambda: now[0])

    def kept():
        with database.transaction() as connection:
            return [
                token
                for token in ("old", "young")
                if idempotency.find(connection, account, "rekognition:CreateUser", token)
            ]

    def save(token, age):
        with database.transaction() as connection:
            scope = (connection, account, "rekognition:CreateUser", token)
            idempotency.save(*scope, input_digest=b"\0" * 32, response={}, event_id=uuid.uuid4())
            connection.execute(
                "update idempotency set created_at = created_at - %s where token = %s and account_id = %s",
                (age, token, account),
            )

    save("old", TOKENS_KEPT + timedelta(hours=1))
    save("young", TOKENS_KEPT - timedelta(hours=1))
    tidy()
    assert kept() == ["young"]
    save("old", TOKENS_KEPT + timedelta(hours=1))
    now[0] = 3599.0
    tidy()
    assert kept() == ["old", "young"]
    now[0] = 3600.0
    tidy()
    assert kept() == ["young"]


def test_keys_without_a_collection_are_destroyed_once_they_are_settled(database, key_store, tmp_path):
    """A crash after DeleteCollection's commit must not leave the sealed rows with a key."""
    account = Accounts(database, key_store).create_account("keys").account_id
    kept, abandoned, young = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    for collection in (kept, abandoned, young):
        key_store.create_collection_key(collection)
    for collection in (kept, abandoned):
        os.utime(tmp_path / "keys" / "collections" / str(collection), (0, 0))
    with database.transaction() as connection:
        connection.execute(
            "insert into collection (collection_id, account_id, name, region, face_model_version, dimensions)"
            " values (%s, %s, 'kept', 'us-east-1', '1.0', 4)",
            (kept, account),
        )
    Housekeeping(database, key_store)()
    assert key_store.collection_key(kept)
    assert key_store.collection_key(young)
    with pytest.raises(KeyMissing):
        key_store.collection_key(abandoned)
