from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest

from countenance.audit.sequencer import Sequencer
from countenance.audit.signing import load_signer, log_signers, open_log, rotate_key, rotation_statement
from countenance.errors import SetupError
from countenance.store import Database, KeyStore, migrate
from countenance.transparency.note import Verifier


@pytest.fixture
def own(empty_database_url):
    with Database(empty_database_url, max_connections=2) as database:
        migrate(database)
        yield database


def entries(database):
    with database.read() as connection:
        rows = connection.execute("select entry from audit_event order by recorded_at").fetchall()
    return [json.loads(row[0]) for row in rows]


def integrate(database):
    Sequencer(database, lambda _: []).integrate()


def keys_of(database, use):
    with database.read() as connection:
        rows = connection.execute(
            "select vkey from audit_key where use = %s order by key_id", (use,)
        ).fetchall()
    return [vkey for (vkey,) in rows]


def signers(database, keys):
    with database.read() as connection:
        return [signer.verifier for signer in log_signers(connection, keys)]


def test_a_log_is_opened_once_and_says_its_keys_in_its_first_entry(own: Database, key_store: KeyStore):
    origin = open_log(own, key_store)
    assert open_log(own, key_store) == origin
    (opened,) = entries(own)
    assert opened["kind"] == "log.opened"
    assert (opened["origin"], [opened["log_key"]]) == (origin, keys_of(own, "log"))
    assert Verifier.parse(opened["log_key"]).name == origin
    assert Verifier.parse(opened["receipt_key"]).name == f"{origin}/receipts"
    assert opened["before"]["events"] == 0


def test_what_was_recorded_before_there_was_a_log_is_committed_to(own: Database, key_store: KeyStore):
    """An upgrade must not be a way to lose the record."""
    with own.transaction() as connection:
        connection.execute(
            "insert into audit_event_before_log values (gen_random_uuid(), now(), 'r', 's', 'o', null, null,"
            " null, null, null, 'none', '{}', '', 'answered', null, null, null, null, false)"
        )
    open_log(own, key_store)
    (opened,) = entries(own)
    assert opened["before"]["events"] == 1
    assert len(opened["before"]["digest"]) == 64


def test_a_log_keeps_its_name(own: Database, key_store: KeyStore):
    assert open_log(own, key_store, origin="example.com/log") == "example.com/log"
    assert open_log(own, key_store) == "example.com/log"
    with pytest.raises(SetupError, match="cannot be renamed"):
        open_log(own, key_store, origin="example.com/other")


@pytest.mark.parametrize("origin", ["a b", "a+b", "a\nb", "x" * 201])
def test_what_cannot_name_a_log_is_refused(own: Database, key_store: KeyStore, origin):
    with pytest.raises(SetupError, match="cannot name a log"):
        open_log(own, key_store, origin=origin)


def test_a_new_key_follows_an_old_one_by_an_entry_that_both_signed(own: Database, key_store: KeyStore):
    origin = open_log(own, key_store)
    old = Verifier.parse(keys_of(own, "log")[0])
    new = rotate_key(own, key_store, "log")
    rotated = entries(own)[-1]
    assert (rotated["kind"], rotated["use"], rotated["old"], rotated["new"]) == (
        "log.key_rotated", "log", str(old), str(new)
    )  # fmt: skip
    told = rotation_statement(origin, "log", str(old), str(new))
    for verifier, name in ((old, "old"), (new, "new")):
        assert verifier.verify_bytes(told, base64.b64decode(rotated["signatures"][name]))
    assert signers(own, key_store) == []  # nothing is in the log yet
    integrate(own)
    assert signers(own, key_store) == [new, old]


def test_an_old_key_that_is_not_trusted_signs_no_more(own: Database, key_store: KeyStore):
    """But until the entry that introduces the new one is in the log: nobody could know the new one yet."""
    open_log(own, key_store)
    integrate(own)
    (old,) = signers(own, key_store)
    new = rotate_key(own, key_store, "log", old_signs_on=timedelta(0))
    assert signers(own, key_store) == [old]
    integrate(own)
    assert signers(own, key_store) == [new]


def test_a_key_that_is_not_trusted_takes_those_before_it_along(own: Database, key_store: KeyStore):
    """Else a key that was exchanged last week would go on signing beside the newest."""
    open_log(own, key_store)
    rotate_key(own, key_store, "log")
    newest = rotate_key(own, key_store, "log", old_signs_on=timedelta(0))
    integrate(own)
    assert signers(own, key_store) == [newest]


def test_a_log_without_its_key_file_says_so(own: Database, key_store: KeyStore):
    open_log(own, key_store)
    (vkey,) = keys_of(own, "log")
    key_store.destroy_secret(f"signing-log-{Verifier.parse(vkey).key_hash.hex()}")
    with pytest.raises(SetupError, match="is not in the key store"):
        load_signer(key_store, "log", vkey)


def test_the_private_key_is_nowhere_in_the_database(own: Database, key_store: KeyStore):
    """Whoever steals the database cannot sign."""
    open_log(own, key_store)
    integrate(own)
    with own.read() as connection:
        seeds = [signer.seed for signer in log_signers(connection, key_store)]
        (dump,) = connection.execute("select string_agg(k::text, '') from audit_key as k").fetchone()
    for seed in seeds:
        assert base64.b64encode(seed).decode() not in dump
        assert seed.hex() not in dump
