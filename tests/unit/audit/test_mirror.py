"""A mirror folder is whole at every moment, and what the log's own code publishes verifies."""

from __future__ import annotations

import json
import uuid

import pytest

from countenance.audit import mirror as module
from countenance.audit.log import AuditLog, record_statement
from countenance.audit.mirror import Mirrored, mirror_log
from countenance.audit.sequencer import Sequencer
from countenance.audit.signing import log_signers, open_log, rotate_key
from countenance.audit.tree import LogTree
from countenance.errors import SetupError
from countenance.store import Database, migrate
from countenance.transparency.verify import verify_folder
from fixtures_log import ORIGIN, BuiltLog


@pytest.fixture
def log(empty_database_url):
    """A database with an empty log of the fixtures' origin."""
    with Database(empty_database_url, max_connections=4) as database:
        migrate(database)
        with database.transaction() as connection:
            connection.execute("insert into audit_log (origin) values (%s)", (ORIGIN,))
        yield database


def publish(log: Database, built: BuiltLog, *, start: int = 0) -> None:
    """Bring the entries from `start` on into the log, in order, and publish."""
    sequencer = Sequencer(log, lambda _: [built.keys.log])
    rows = [(uuid.UUID(json.loads(entry)["event"]), entry) for entry in built.entries[start:]]
    with log.transaction() as connection, connection.cursor() as cursor:
        cursor.executemany(
            "insert into audit_event (event_id, entry, recorded_at) values (%s, %s, clock_timestamp())", rows
        )
    while sequencer.integrate():
        pass
    sequencer.sign()
    sequencer.publish()


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def verified(folder, built):
    return verify_folder(folder, log_verifiers=[built.keys.log.verifier])


@pytest.mark.parametrize("size", [1, 255, 256, 257, 600])
def test_what_the_log_publishes_verifies(log, tmp_path, size):
    """Tiles and bundles at every kind of edge are those that the specification needs, and no others."""
    built = BuiltLog.of(size)
    publish(log, built)
    done = mirror_log(log, LogTree(), tmp_path / "mirror")
    assert done.size == size
    assert verified(tmp_path / "mirror", built).is_valid
    assert contents(tmp_path / "mirror").keys() == built.files("").keys()


def test_a_mirror_is_continued(log, tmp_path):
    """Only what is new is written, and partial tiles that were outgrown go."""
    built = BuiltLog.of(600)
    publish(log, built.with_entries(built.entries[:300]))
    mirror_log(log, LogTree(), tmp_path)
    publish(log, built, start=300)
    seen = []
    done = mirror_log(log, LogTree(), tmp_path, on_progress=lambda *now: seen.append(now))
    assert done == Mirrored(300, 600, 6)  # two bundles, two tiles of level 0, one of level 1, the checkpoint
    assert seen == [(512, 600), (600, 600)]
    assert contents(tmp_path).keys() == built.files("").keys()
    assert verified(tmp_path, built).is_valid
    assert mirror_log(log, LogTree(), tmp_path) == Mirrored(600, 600, 0)


def test_a_run_that_is_killed_is_taken_up_by_the_next(log, tmp_path, monkeypatch):
    """At every moment the folder verifies: the checkpoint is replaced after its tiles."""
    built = BuiltLog.of(600)
    publish(log, built.with_entries(built.entries[:300]))
    mirror_log(log, LogTree(), tmp_path)
    publish(log, built, start=300)
    write = module._write
    for allowed in range(5):
        left = iter(range(allowed))

        def write_some(path, content, left=left):
            if not write(path, content):
                return False
            if next(left, None) is None:
                raise KeyboardInterrupt
            return True

        monkeypatch.setattr(module, "_write", write_some)
        try:
            mirror_log(log, LogTree(), tmp_path)
        except KeyboardInterrupt:
            assert verified(tmp_path, built).is_valid
    monkeypatch.setattr(module, "_write", write)
    (tmp_path / "tile/0/002.p/7").write_bytes(b"left over")
    mirror_log(log, LogTree(), tmp_path)
    outgrown = {"tile/0/001.p/44", "tile/entries/001.p/44"}  # one run was killed before it could remove them
    assert contents(tmp_path).keys() - outgrown == built.files("").keys()
    assert verified(tmp_path, built).is_valid


@pytest.mark.parametrize("other", [BuiltLog.of(400), BuiltLog.of(300, seed=9)], ids=["longer", "rewritten"])
def test_a_folder_that_speaks_against_the_database_is_kept(log, tmp_path, other):
    """Its checkpoint is the proof that the database was rolled back; replacing it would destroy that."""
    publish(log, BuiltLog.of(300))
    other.write(tmp_path)
    before = contents(tmp_path)
    with pytest.raises(SetupError, match="rolled back or rewritten"):
        mirror_log(log, LogTree(), tmp_path)
    assert contents(tmp_path) == before


def test_nothing_published_is_said(log, tmp_path):
    """Rather than a folder written that holds nothing."""
    with pytest.raises(SetupError, match="no published checkpoint"):
        mirror_log(log, LogTree(), tmp_path)


def test_a_folder_of_something_else_is_left_alone(log, tmp_path):
    """Whatever it is."""
    publish(log, BuiltLog.of(3))
    (tmp_path / "checkpoint").write_text("hello\n")
    with pytest.raises(SetupError, match="is no checkpoint"):
        mirror_log(log, LogTree(), tmp_path)
    with log.transaction() as connection:
        connection.execute("update audit_log set origin = 'log.example/other'")
    BuiltLog.of(2).write(tmp_path)
    other = BuiltLog.of(4)
    publish(log, other, start=3)
    with pytest.raises(SetupError, match=f"holds the log `{ORIGIN}`"):
        mirror_log(log, LogTree(), tmp_path)


def test_a_log_made_by_the_service_itself_verifies(empty_database_url, key_store, tmp_path):
    """Opening, changes, statements, exchanges of both keys, as the code writes them, from either log key."""
    with Database(empty_database_url, max_connections=4) as database:
        migrate(database)
        origin = open_log(database, key_store)
        sequencer = Sequencer(database, lambda connection: log_signers(connection, key_store))
        sequencer.integrate()
        with database.read() as connection:
            (first,) = log_signers(connection, key_store)
        account_id = "123456789012"
        for use in ("log", "receipt"):
            with database.transaction() as connection:
                AuditLog(key_store).record_change(
                    connection, "CreateAccount", account_id=account_id, resource="x"
                )
                record_statement(connection, "audit.read", {"auditor": "a", "resource": "/log/checkpoint"})
            rotate_key(database, key_store, use)
            sequencer.integrate()
            sequencer.sign()
            sequencer.publish()
            mirror_log(database, LogTree(), tmp_path / "mirror")
        with database.read() as connection:
            newest = log_signers(connection, key_store)[0]
    assert newest.verifier != first.verifier
    for signer in (first, newest):
        report = verify_folder(tmp_path / "mirror", log_verifiers=[signer.verifier])
        assert report.is_valid, report.problems
        assert report.facts.checkpoint.origin == origin
        assert report.facts.by_kind == {"audit.read": 2, "change": 2, "log.key_rotated": 2, "log.opened": 1}
