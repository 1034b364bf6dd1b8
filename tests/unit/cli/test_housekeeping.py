"""What a server tidies up by itself."""

from __future__ import annotations

import os
import threading
import uuid
from datetime import timedelta

import pytest

from countenance.accounts import Accounts
from countenance.audit import open_log
from countenance.audit.reconcile import last_reconciled
from countenance.cli.housekeeping import RECONCILE_AFTER, TOKENS_KEPT, Housekeeping
from countenance.gallery.reading import CHANGES_KEPT
from countenance.store import Database, KeyMissing, idempotency, migrate


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
            idempotency.save(*scope, input_digest=b"\0" * 32, response={}, sealed_event=b"e")
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


@pytest.fixture
def own(empty_database_url, key_store):
    """A database whose log is the test's own."""
    with Database(empty_database_url, max_connections=2) as database:
        migrate(database)
        open_log(database, key_store)
        yield database


def tidied(tidy):
    """Let it work, and what it began beside itself end."""
    tidy()
    for thread in threading.enumerate():
        if thread.name == "reconcile":
            thread.join()


def test_the_log_is_reconciled_at_the_start_and_daily(own, key_store, tmp_path):
    """The first begins the count of searches; changes of galleries are compared before they are forgotten."""
    assert timedelta(hours=2) + RECONCILE_AFTER <= CHANGES_KEPT
    now, note = [0.0], tmp_path / "receipts" / "last"
    tidy = Housekeeping(own, key_store, data_dir=tmp_path, clock=lambda: now[0])
    tidied(tidy)
    first = last_reconciled(tmp_path)
    assert first is not None
    now[0] += 3600
    tidied(tidy)
    assert last_reconciled(tmp_path) == first
    young = note.stat().st_mtime - RECONCILE_AFTER.total_seconds() - 1
    os.utime(note, (young, young))
    now[0] += 3600
    tidied(tidy)
    assert last_reconciled(tmp_path) >= first


def test_what_does_not_agree_is_told_in_one_line_and_ends_nothing(own, key_store, tmp_path, capsys):
    with own.transaction() as connection:
        connection.execute(
            "insert into gallery_change (collection_id, kind) values (%s, 'enrolled')", (uuid.uuid4(),)
        )
    tidied(Housekeeping(own, key_store, data_dir=tmp_path))
    [line] = capsys.readouterr().err.splitlines()
    assert "changes_without_an_event" in line


def test_a_reconciliation_that_fails_is_told_and_ends_nothing(own, key_store, tmp_path, capsys):
    (tmp_path / "receipts").write_text("in the way")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("countenance.cli.housekeeping.last_reconciled", lambda _: None)
        tidied(Housekeeping(own, key_store, data_dir=tmp_path))
    assert "could not be reconciled" in capsys.readouterr().err
