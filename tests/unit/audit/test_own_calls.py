"""Counts of calls beside the log: every entry that gets a place is counted once, whatever is in it."""

from __future__ import annotations

import pytest

from countenance.audit import sequencer as module
from countenance.audit.own_calls import count_around, list_before, list_days
from countenance.audit.sequencer import Sequencer
from countenance.store import Database, migrate
from log_rows import insert_events, open_test_log, require_whole, sequencer_of

ACCOUNT = b"\x02" * 16


def call(outcome: str, **more: str) -> bytes:
    """An entry, as far as it matters here."""
    told = {"kind": "call", "outcome": outcome, "time": "2026-11-20T10:00:00.000Z"} | more
    return ("{" + ",".join(f'"{name}":"{value}"' for name, value in told.items()) + "}").encode()


@pytest.fixture
def log(empty_database_url):
    """An empty log."""
    with open_test_log(empty_database_url) as database:
        yield database


def record(log: Database, entry: bytes, count: int = 1) -> None:
    with log.transaction() as connection:
        insert_events(connection, count, entry=entry)


def integrate(sequencer: Sequencer) -> None:
    while sequencer.integrate():
        pass


def today(log: Database) -> dict[str, int]:
    with log.read() as connection:
        return list_days(connection, ACCOUNT, days=1)[-1].calls


def test_each_outcome_is_counted_by_day_over_several_batches(log):
    """A second batch of the same day adds to the first."""
    sequencer = sequencer_of(log)
    for outcome, count in (("answered", 3), ("refused", 2), ("answered", 4), ("failed", 1), ("withheld", 1)):
        record(log, call(outcome), count)
        integrate(sequencer)
    assert today(log) == {"answered": 7, "refused": 2, "failed": 1, "withheld": 1}
    with log.read() as connection:
        days = list_days(connection, ACCOUNT, days=30)
        require_whole(connection)
    assert len(days) == 30
    assert [each.calls for each in days[:-1]] == [{}] * 29
    assert days == sorted(days, key=lambda each: each.day)


@pytest.mark.parametrize(
    "entry",
    [
        b"{}",
        b"no JSON",
        b"\xff\xfe\x00\\",
        rb'{"kind":"call","note":"\"outcome\":\"answered\""}',
        b'{"outcome":"invented"}',
        b'{"outcome":"answered',
    ],
)
def test_nothing_that_is_no_call_stops_the_log_or_is_counted(log, entry):
    """Whoever writes into the table, or a text that only looks like a member, must not."""
    record(log, entry, 2)
    integrate(sequencer_of(log))
    assert today(log) == {}
    with log.read() as connection:
        assert len(require_whole(connection)) == 2


def test_a_batch_that_fails_is_not_counted(log, monkeypatch):
    """Count and place are one transaction: a sequencer that is killed counts nothing twice."""
    record(log, call("answered"), 3)

    def fail(*_):
        raise RuntimeError("killed")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(module, "_add_tiles", fail)
        integrate(sequencer_of(log))
    assert today(log) == {}
    integrate(sequencer_of(log))
    assert today(log) == {"answered": 3}


def test_what_is_set_aside_is_not_counted(log):
    """An event whose id has a place already gets none, and is no second call."""
    sequencer = sequencer_of(log)
    record(log, call("answered"), 2)
    integrate(sequencer)
    with log.transaction() as connection:
        connection.execute(
            "insert into audit_event (event_id, account, entry)"
            " select event_id, account, entry from audit_entry"
        )
    integrate(sequencer)
    assert today(log) == {"answered": 2}


def test_what_of_nobody_is_counted_for_nobody(log):
    """The log's own entries have no account."""
    with log.transaction() as connection:
        insert_events(connection, 1, entry=call("answered"))
        connection.execute("update audit_event set account = null")
    integrate(sequencer_of(log))
    with log.read() as connection:
        assert connection.execute("select count(*) from call_count").fetchone() == (0,)


def test_a_log_of_before_is_counted_by_the_times_of_its_calls(empty_database_url):
    """An upgrade must not begin with an empty plot."""
    with Database(empty_database_url, max_connections=2) as database:
        migrate(database, up_to=20)
        with database.transaction() as connection:
            connection.execute("insert into audit_log (origin) values ('log.example/test')")
            for index, entry in enumerate([call("answered"), call("refused"), call("answered"), b"{}"]):
                connection.execute(
                    "insert into audit_entry (log_index, event_id, transaction_id, account, entry)"
                    " values (%s, gen_random_uuid(), '1', %s, %s)",
                    (index, ACCOUNT, entry),
                )
        migrate(database)
        with database.read() as connection:
            rows = connection.execute(
                "select day::text, outcome, calls from call_count order by 2"
            ).fetchall()
    assert rows == [("2026-11-20", "answered", 2), ("2026-11-20", "refused", 1)]


def test_the_newest_entries_are_those_of_the_account(log):
    """Byte for byte, as what is judged anew has to be what is in the log; and on from where it ended."""
    entries = [call("answered", a=str(number)) for number in range(5)]
    for entry in entries:
        record(log, entry)
    integrate(sequencer_of(log))
    with log.read() as connection:
        newest = list_before(connection, ACCOUNT, limit=2)
        assert [entry for _, entry in newest] == entries[:2:-1]
        place = newest[-1][0]
        assert [entry for _, entry in list_before(connection, ACCOUNT, limit=9, before=place)] == entries[
            2::-1
        ]
        assert list_before(connection, ACCOUNT, limit=9, before=place, first=place) == []
        assert count_around(connection, ACCOUNT, place=place) == (2, 3)
        assert count_around(connection, ACCOUNT, place=place, first=place - 1) == (2, 1)
        assert list_before(connection, b"\x03" * 16, limit=5) == []
        assert count_around(connection, b"\x03" * 16, place=place) == (0, 0)
