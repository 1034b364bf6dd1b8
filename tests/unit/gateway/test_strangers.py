from __future__ import annotations

import pytest

from countenance.gateway.strangers import Strangers


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
