"""Every durable event gets one place, in order; what is signed never stops being true."""

from __future__ import annotations

import json
import threading
import time
import uuid
from concurrent import futures
from contextlib import contextmanager

import psycopg
import pytest

from countenance.audit import sequencer as module
from countenance.audit.sequencer import Sequencer
from countenance.audit.signed_head import SignedHead
from countenance.audit.tree import LogDamaged, LogTree
from countenance.store import Database, StoreUnavailable
from countenance.telemetry import Metrics
from countenance.transparency.checkpoint import Checkpoint
from countenance.transparency.merkle import tree_root
from countenance.transparency.note import Note, Signer
from log_rows import (
    ORIGIN,
    SIGNER,
    grow,
    insert_events,
    open_test_log,
    require_whole,
    sequencer_of,
)


@pytest.fixture
def log(empty_database_url):
    """An empty log."""
    with open_test_log(empty_database_url) as database:
        yield database


def record(log: Database, count: int) -> list[uuid.UUID]:
    with log.transaction() as connection:
        return insert_events(connection, count)


def placed(log: Database) -> list[uuid.UUID]:
    with log.read() as connection:
        rows = connection.execute("select event_id from audit_entry order by log_index").fetchall()
        return [event for (event,) in rows]


def waiting(log: Database) -> int:
    with log.read() as connection:
        return connection.execute("select count(*) from audit_event").fetchone()[0]


class Listening(Metrics):
    """Keeps what it is told of batches."""

    def __init__(self):
        self.heard = []

    def integrated(self, *, entries, size, lag_s):
        self.heard.append((entries, size, lag_s))


def test_every_batch_is_told_with_its_size_and_how_long_its_oldest_waited(log):
    """And a look that finds nothing is not."""
    metrics = Listening()
    sequencer = sequencer_of(log, metrics=metrics)
    for count in (3, 0, 2):
        record(log, count)
        sequencer.integrate()
    assert [(entries, size) for entries, size, _ in metrics.heard] == [(3, 3), (2, 5)]
    assert all(0 <= lag_s < 60 for _, _, lag_s in metrics.heard)


@contextmanager
def running(sequencer: Sequencer):
    """The sequencer's loop in a thread; an error of it is the test's."""
    stop = threading.Event()
    with futures.ThreadPoolExecutor(1) as pool:
        loop = pool.submit(sequencer.run, stop)
        try:
            yield stop
        finally:
            stop.set()
            loop.result(60)


def wait_until(condition, *, patience_s=30.0):
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.02)


def test_events_get_dense_places_in_the_order_they_were_recorded(log):
    """Whatever the size of a batch, and nothing is left behind or done twice."""
    first, second = record(log, 7), record(log, 5)
    sequencer = sequencer_of(log)
    assert [sequencer.integrate(limit=5) for _ in range(4)] == [5, 5, 2, 0]
    assert placed(log)[:7] == first
    assert placed(log)[7:] == second
    assert waiting(log) == 0
    with log.read() as connection:
        require_whole(connection)


def test_an_entry_keeps_every_byte_and_what_belongs_to_it(log):
    """The entry is what was promised in the receipt; the transaction is what reconciliation looks for."""
    entry = bytes(range(256)) * 16
    with log.transaction() as connection:
        (event,) = insert_events(connection, 1, entry=entry)
        number = connection.execute("select pg_current_xact_id()").fetchone()[0]
    sequencer_of(log).integrate()
    with log.read() as connection:
        row = connection.execute(
            "select log_index, event_id, transaction_id, account, entry, sealed from audit_entry"
        ).fetchone()
    assert row == (0, event, number, b"\x02" * 16, entry, b"sealed")


@pytest.mark.parametrize("batches", [(255, 1, 1), (256,), (100, 100, 100, 400), (513, 255)])
def test_tiles_are_written_as_they_become_full(log, batches):
    """Beginning, end or middle of a batch."""
    for count in batches:
        record(log, count)
        assert sequencer_of(log).integrate() == count
    with log.read() as connection:
        assert len(require_whole(connection)) == sum(batches)


def test_a_batch_that_cannot_be_finished_leaves_everything_as_it_was(log):
    """All or nothing: here a row is in the way of the tile that comes last."""
    events = record(log, 300)
    with log.transaction() as connection:
        connection.execute("insert into audit_tile values (0, 0, %s, %s)", (b"\x00" * 8192, b"\x00" * 32))
    with pytest.raises(psycopg.errors.UniqueViolation):
        sequencer_of(log).integrate()
    assert (placed(log), waiting(log)) == ([], len(events))
    with log.read() as connection:
        assert connection.execute("select size from audit_log").fetchone() == (0,)


def test_an_event_whose_id_has_a_place_is_set_aside_with_an_alarm(log, caplog):
    """One such event would otherwise stop the log for ever; what is in the log stays as it is."""
    (twice, other) = record(log, 2)
    sequencer = sequencer_of(log)
    sequencer.integrate()
    after = record(log, 2)
    with log.transaction() as connection:
        connection.execute(
            "insert into audit_event (event_id, recorded_at, entry, sealed)"
            " values (%s, now() - interval '1 h', 'again', 's')",
            (twice,),
        )
    assert sequencer.integrate() == 3
    assert sequencer.integrate() == 0
    assert placed(log)[:4] == [twice, other, *after]
    with log.read() as connection:
        require_whole(connection)
        aside = connection.execute("select event_id, entry, sealed from audit_set_aside").fetchall()
        (entry,) = connection.execute("select entry from audit_entry where log_index = 4").fetchone()
    assert aside == [(twice, b"again", b"s")]
    alarm = json.loads(entry)
    assert (alarm["kind"], alarm["what"], alarm["figures"]) == ("alarm", "duplicate_event", {"events": 1})
    assert [line.levelname for line in caplog.records if line.name == module.__name__] == ["ERROR"]


@pytest.mark.parametrize("delta", [3, -2])
def test_nothing_is_placed_in_a_log_whose_size_is_not_that_of_its_entries(log, delta):
    """A gap or a place given twice could not be mended afterwards."""
    grow(log, 5)
    record(log, 1)
    with log.transaction() as connection:
        connection.execute("update audit_log set size = size + %s", (delta,))
    with pytest.raises(LogDamaged, match="its newest has another place"):
        sequencer_of(log).integrate()
    assert len(placed(log)) == 5
    assert waiting(log) == 1


def test_sequencers_at_once_neither_skip_nor_repeat_a_place(log):
    """Two machines may run one each while their operator has not noticed."""
    record(log, 2000)
    done = threading.Event()

    def write():
        for _ in range(20):
            record(log, 50)
        done.set()

    def integrate():
        sequencer, moved = sequencer_of(log), 0
        while not done.is_set() or waiting(log):
            moved += sequencer.integrate(limit=97)
            sequencer.sign()
        return moved

    with futures.ThreadPoolExecutor(4) as pool:
        writer = pool.submit(write)
        assert sum(pool.map(lambda _: integrate(), range(3))) == 3000
        writer.result()
    with log.read() as connection:
        assert len(require_whole(connection)) == 3000


def test_an_idle_log_is_only_read(log):
    """Five times a second for years: nothing must be written for it."""
    grow(log, 3)
    sequencer = sequencer_of(log)
    sequencer.sign()
    sequencer.publish()
    with log.read() as connection:
        before = row_locks(connection)
        for _ in range(3):
            assert (sequencer.integrate(), sequencer.sign(), sequencer.publish()) == (0, None, None)
        assert row_locks(connection) == before


def test_a_checkpoint_is_signed_with_every_key_and_only_when_the_tree_grew(log):
    """While keys change both sign: whoever knows one of them can go on verifying."""
    older = Signer.generate(ORIGIN)
    sequencer = Sequencer(log, lambda _: [SIGNER, older])
    assert sequencer.sign() is None
    leaves = grow(log, 3)
    checkpoint = sequencer.sign()
    assert checkpoint == Checkpoint(ORIGIN, 3, tree_root(leaves))
    assert sequencer.sign() is None
    with log.read() as connection:
        signed = LogTree().signed(connection)
    note = Note.parse(signed.note)
    assert Checkpoint.parse(note.text) == checkpoint
    assert note.signed_by([SIGNER.verifier, older.verifier]) == [SIGNER.verifier, older.verifier]


@pytest.mark.parametrize("damage", ["truncated", "rewritten"])
def test_a_tree_that_does_not_extend_what_was_signed_is_not_signed(log, damage):
    """Two heads that contradict each other must never both bear our signature."""
    grow(log, 5)
    sequencer_of(log).sign()
    grow(log, 1)
    with log.transaction() as connection:
        connection.execute("alter table audit_entry disable trigger append_only")
        if damage == "truncated":
            connection.execute("delete from audit_entry where log_index > 2")
            connection.execute("update audit_log set size = 3")
        else:
            connection.execute("update audit_entry set entry = 'other' where log_index = 2")
    with pytest.raises(LogDamaged, match="do not extend the 5"):
        sequencer_of(log).sign()


def test_a_database_that_was_put_back_does_not_make_a_second_history(log, tmp_path):
    """Its own checkpoints went back with it; what was signed is known beside it, and told at once."""
    head = SignedHead(tmp_path)
    grow(log, 5)
    sequencer_of(log, head=head).sign()
    with log.transaction() as connection:
        connection.execute("alter table audit_entry disable trigger append_only")
        connection.execute("delete from audit_entry where log_index > 2")
        connection.execute("delete from audit_checkpoint")
        connection.execute("update audit_log set size = 3")
    with pytest.raises(LogDamaged, match="put back to an earlier state"):
        sequencer_of(log, head=head).run(threading.Event())
    grow(log, 4)
    with pytest.raises(LogDamaged, match="7 entries do not extend the 5") as caught:
        sequencer_of(log, head=head).sign()
    assert str(tmp_path) in caught.value.remedy
    with log.read() as connection:
        assert LogTree().signed(connection) is None


def test_a_head_that_cannot_be_kept_is_not_signed(log, tmp_path):
    """What nobody would remember must not get out."""
    grow(log, 5)
    with pytest.raises(StoreUnavailable, match="cannot be written"):
        sequencer_of(log, head=SignedHead(tmp_path / "missing")).sign()
    with log.read() as connection:
        assert LogTree().signed(connection) is None


def test_it_is_known_since_when_the_log_is_unsigned(log):
    """From the first entry that is under no signature, not from the last."""
    assert unsigned_since(log) is None
    grow(log, 1)
    since = unsigned_since(log)
    grow(log, 1)
    assert unsigned_since(log) == since is not None
    sequencer_of(log).sign()
    assert unsigned_since(log) is None


def unsigned_since(log: Database):
    with log.read() as connection:
        return connection.execute("select unsigned_since from audit_log").fetchone()[0]


def test_without_witnesses_a_checkpoint_is_published_at_once(log):
    """Nobody is waited for when no quorum is asked for."""
    grow(log, 3)
    sequencer = sequencer_of(log)
    assert sequencer.publish() is None
    sequencer.sign()
    assert sequencer.publish() == 3
    assert sequencer.publish() is None


def test_the_loop_integrates_signs_and_publishes_what_is_recorded(log):
    """Within five seconds, as the receipts promise; here without any other hand."""
    with running(sequencer_of(log)):
        for size in (3, 4):
            record(log, size)
            wait_until(lambda: waiting(log) == 0, patience_s=5.0)
        wait_until(lambda: published_size(log) == 7, patience_s=5.0)
    with log.read() as connection:
        require_whole(connection)


def test_what_is_recorded_before_the_end_is_integrated_and_signed_first(log, monkeypatch):
    """A server that stops keeps the promises it gave."""
    monkeypatch.setattr(module, "BATCH", 4)

    class Once(threading.Event):
        """Set at the second look, as by a signal that comes while the first batch is integrated."""

        looks = 0

        def is_set(self):
            self.looks += 1
            return self.looks > 1

        def wait(self, timeout=None):
            return True

    record(log, 11)
    sequencer_of(log).run(Once())
    assert waiting(log) == 0
    assert published_size(log) == 11


def test_a_second_sequencer_stands_by_until_the_first_is_gone(log):
    """It takes over by itself."""
    with running(sequencer_of(log)) as first:
        wait_until(lambda: leaders(log) == 1)
        with running(sequencer_of(log)):
            record(log, 3)
            wait_until(lambda: waiting(log) == 0)
            assert leaders(log) == 1
            first.set()
            wait_until(lambda: published_size(log) == 3)
            record(log, 2)
            wait_until(lambda: published_size(log) == 5)
    assert leaders(log) == 0


def test_a_broken_connection_is_waited_out(log, caplog):
    """PostgreSQL is restarted now and then; the log goes on where it was, and tells both."""
    with running(sequencer_of(log)):
        record(log, 1)
        wait_until(lambda: waiting(log) == 0)
        with log.transaction() as connection:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted"
                " and database = (select oid from pg_database where datname = current_database())"
            )
        record(log, 1)
        wait_until(lambda: published_size(log) == 2)
    assert lines_of(module, caplog) == [
        "the sequencer waits: the database is not available (OperationalError)",
        "the sequencer goes on",
    ]


def test_a_full_disk_is_told_once_and_again_when_it_is_over(log, caplog):
    """Five lines a second would fill the rest of it."""
    with log.read() as connection:
        connection.execute(
            "create function full_disk() returns trigger language plpgsql as"
            " $$ begin raise exception 'No space left on device' using errcode = '53100'; end $$"
        )
        connection.execute("create sequence tries")
        connection.execute(
            "create trigger full_disk before insert on audit_entry for each row"
            " when (nextval('tries') > 0) execute function full_disk()"
        )
    with running(sequencer_of(log)):
        record(log, 1)
        with log.read() as connection:
            wait_until(lambda: connection.execute("select last_value from tries").fetchone()[0] > 3)
            connection.execute("drop trigger full_disk on audit_entry")
        wait_until(lambda: published_size(log) == 1)
    told = lines_of(module, caplog)
    assert len(told) == 2
    assert "waits" in told[0]
    assert "goes on" in told[1]


def lines_of(module, caplog) -> list[str]:
    return [entry.message for entry in caplog.records if entry.name == module.__name__]


def published_size(log: Database) -> int:
    with log.read() as connection:
        found = LogTree().published(connection)
        return found.size if found else 0


def leaders(log: Database) -> int:
    with log.read() as connection:
        return connection.execute(
            "select count(*) from pg_locks where locktype = 'advisory' and granted"
            " and database = (select oid from pg_database where datname = current_database())"
        ).fetchone()[0]


def row_locks(connection) -> list[tuple]:
    """Which transactions last locked or wrote the log's row."""
    return connection.execute("select xmin::text, xmax::text from audit_log").fetchall()
