from __future__ import annotations

import json

import pytest

from countenance.gateway import strangers as module
from countenance.gateway.strangers import Strangers, Throttled


def test_a_burst_is_admitted_and_then_as_many_as_the_rate_allows():
    """A probe or a clock that is wrong leaves its entries; a flood does not fill the log."""
    now = [0.0]
    strangers = Strangers(per_second=2, burst=3, clock=lambda: now[0])
    assert [strangers.admit() for _ in range(5)] == [True, True, True, False, False]
    now[0] += 1.0
    assert [strangers.admit() for _ in range(3)] == [True, True, False]
    now[0] += 3600.0
    assert [strangers.admit() for _ in range(4)] == [True, True, True, False]


def test_what_was_not_recorded_is_counted_and_the_count_is_not_lost_with_the_database(database):
    strangers = Strangers(per_second=0, burst=0)
    assert [strangers.admit() for _ in range(2)] == [False, False]
    with pytest.raises(AttributeError):
        strangers.record_uncounted(None)
    with database.transaction() as connection:
        before = _count(connection)
        strangers.record_uncounted(connection)
        strangers.record_uncounted(connection)
        assert _count(connection) - before == 1


def _count(connection):
    return connection.execute("select count(*) from audit_event").fetchone()[0]


def test_each_account_has_entries_of_its_own_and_is_counted_by_itself(database):
    """One account's flood takes no entry from another's refusals."""
    throttled = Throttled(per_second=0.0, burst=2)
    assert [throttled.admit("a") for _ in range(5)] == [True, True, False, False, False]
    assert throttled.admit("b")
    with database.transaction() as connection:
        throttled.record_uncounted(connection, lambda account_id: account_id * 32)
        throttled.record_uncounted(connection, lambda account_id: account_id * 32)
        rows = connection.execute(
            "select entry from audit_event where position('\"refusals\"' in convert_from(entry, 'UTF8')) > 0"
            " order by recorded_at desc limit 2"
        ).fetchall()
    told = [json.loads(row[0]) for row in rows]
    assert (told[0]["account"], told[0]["count"]) == ("a" * 32, 3)
    assert "a" * 32 not in [each.get("account") for each in told[1:]]


def test_accounts_are_forgotten_but_not_what_is_not_recorded_yet(monkeypatch):
    monkeypatch.setattr(module, "_MOST_BUCKETS", 3)
    throttled = Throttled(per_second=0.0, burst=0)
    throttled.admit("flooding")
    throttled._bucket("flooding").record_uncounted = lambda *_, **__: None
    for number in range(10):
        throttled._bucket(f"account-{number}")
        throttled._buckets.move_to_end("flooding")
    assert len(throttled._buckets) <= 4
    assert throttled._bucket("flooding").uncounted == 1
