"""What an operator reads of the log: in its order, each once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from countenance.accounts import Accounts
from countenance.audit import reader as module
from countenance.audit import record_statement
from countenance.audit.reader import (
    LogReader,
    count_waiting,
    log_size,
    named,
    note_operator_read,
    record_operator_read,
)
from whole_log import whole_log


@pytest.fixture
def log(postgres_url, tmp_path):
    with whole_log(postgres_url, tmp_path) as opened:
        yield opened


def indices(entries):
    return [own.log_index for own in entries]


@pytest.mark.parametrize("count", [0, 2, 3, 7])
def test_entries_come_in_batches_and_none_is_left_out(log, monkeypatch, count):
    """At every edge of a batch; what grows meanwhile is not read."""
    monkeypatch.setattr(module, "_BATCH", 3)
    for number in range(count):
        log.record(f"{number % 2:012d}", collection=f"c{number}")
    log.integrate()
    size, told = count + 1, []
    everybody = LogReader(log.keys).entries(log.database, size=size, on_progress=told.append)
    assert indices(everybody) == list(range(size))
    assert told[-1] == size
    assert indices(LogReader(log.keys).entries(log.database, size=size - 1)) == list(range(size - 1))
    assert list(LogReader(log.keys).entries(log.database, size=0)) == []
    own = list(LogReader(log.keys, f"{0:012d}").entries(log.database, size=size))
    assert [each.opened("collection") for each in own] == [f"c{number}" for number in range(0, count, 2)]


def test_the_latest_are_newest_first_whether_or_not_they_have_a_place(log):
    """Without an account nothing is opened."""
    log.record("000000000001", collection="a")
    log.integrate()
    log.record("000000000002", collection="b")
    with log.database.read() as connection:
        assert (log_size(connection), count_waiting(connection)) == (2, 1)
        everybody = LogReader(log.keys).latest(connection, 2)
        assert indices(everybody) == [None, 1]
        assert [own.openings for own in everybody] == [{}, {}]
        (own,) = LogReader(log.keys, "000000000002").latest(connection, 5)
        assert own.opened("collection") == "b"


@pytest.mark.parametrize("account", [None, "000000000001"])
def test_news_are_what_was_not_shown(log, account):
    """An event that has got its place since stands among the entries, and no more among what waits."""
    reader = LogReader(log.keys, account)
    log.integrate()
    with log.database.read() as connection:
        assert reader.mark(connection) == (0, set())
    first = log.record("000000000001", collection="a")
    with log.database.read() as connection:
        assert reader.mark(connection) == (0, {first.event_id})
        (own,) = reader.news(connection, after=0, shown=())
        assert (own.event_id, own.log_index) == (first.event_id, None)
        assert own.opened("collection") == (None if account is None else "a")
        assert reader.news(connection, after=0, shown={first.event_id}) == []
        log.integrate()
        second = log.record("000000000001")
        news = reader.news(connection, after=0, shown={first.event_id})
        assert [(own.event_id, own.log_index) for own in news] == [
            (first.event_id, 1),
            (second.event_id, None),
        ]


def test_an_account_knows_whom_its_pseudonyms_stand_for(log):
    """Operators and keys of the register; others have no name."""
    accounts = Accounts(log.database, log.keys)
    account = accounts.create_account("one").account_id
    key = accounts.create_access_key(account, operator="officer-7")
    log.record(account, operator="officer-7", access_key_id=key.access_key_id)
    log.record(account, operator="somebody", access_key_id="AKIA" + "A" * 16)
    reader = LogReader(log.keys, account)
    with log.database.read() as connection:
        names = reader.names(connection)
        unknown, known, *changes = reader.latest(connection, 9)
        assert LogReader(log.keys).names(connection) == {}
    assert named(known, names) == {"operator": "officer-7", "key": key.access_key_id}
    assert named(unknown, names) == {}
    assert named(changes[0], names)["operator"].startswith("uid:")
    assert reader.pseudonym == known.members["account"]
    assert LogReader(log.keys).pseudonym == ""


def test_what_an_operator_reads_is_an_entry(log):
    with log.database.transaction() as connection:
        record_operator_read(connection, "export csv")
        (own,) = LogReader(log.keys).latest(connection, 1)
    assert own.members["kind"] == "audit.read"
    assert own.members["resource"] == "export csv"
    assert own.members["auditor"].startswith("uid:")


@pytest.mark.parametrize("has_a_place", [False, True])
def test_what_is_noted_is_an_entry_once_in_ten_minutes(log, has_a_place):
    """For each thing that is read; wherever the last such entry stands."""

    def note(resource, expected):
        with log.database.transaction() as connection:
            note_operator_read(connection, resource)
        if has_a_place:
            log.integrate()
        with log.database.read() as connection:
            found = LogReader(log.keys).latest(connection, 9)
        assert [own.members["resource"] for own in reversed(found) if "resource" in own.members] == expected

    note("export tlog", ["export tlog"])
    note("export tlog", ["export tlog"])
    note("export", ["export tlog", "export"])


@pytest.mark.parametrize("minutes", [-11, 11])
def test_what_was_noted_at_another_time_or_by_another_is_noted_again(log, minutes):
    """An entry of the future is of a clock that was put back: it must not keep reading out of the log."""
    at = datetime.now(UTC) + timedelta(minutes=minutes)
    with log.database.transaction() as connection:
        note_operator_read(connection, "other")
        uid = LogReader(log.keys).latest(connection, 1)[0].members["auditor"]
        record_statement(connection, "audit.read", {"auditor": uid, "resource": "export tlog"}, at=at)
        record_statement(connection, "audit.read", {"auditor": "Office", "resource": "export tlog"})
        note_operator_read(connection, "export tlog")
        (own, *_) = LogReader(log.keys).latest(connection, 1)
        assert len(LogReader(log.keys).latest(connection, 9)) == 5
    assert (own.members["auditor"], own.members["resource"]) == (uid, "export tlog")
