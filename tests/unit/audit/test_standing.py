"""How the log stands, as the database has it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from countenance.audit.log import record_statement
from countenance.audit.standing import _QUERIES, read_standing
from whole_log import ORIGIN, WITNESS, whole_log


@pytest.fixture
def log(postgres_url, tmp_path):
    with whole_log(postgres_url, tmp_path) as opened:
        yield opened


def standing_of(log, **given):
    with log.database.read() as connection:
        return read_standing(connection, **given)


def test_a_new_log_has_nothing_but_its_first_event(log):
    found = standing_of(log, witnesses=["w"])
    assert (found.origin, found.size, found.pending) == (ORIGIN, 0, 1)
    assert (found.signed, found.published, found.unpublished_since, found.cosigned) == (None, None, None, {})
    assert (found.reconciled, found.alarms, found.behind) == (None, (), [])
    assert timedelta() <= found.age(found.oldest_pending) < timedelta(minutes=1)


def test_what_was_signed_published_and_cosigned_is_told_with_its_size(log):
    """A checkpoint that waits for its witnesses is signed and not published."""
    published = log.settle()
    log.record("000000000001")
    log.integrate()
    log.sequencer.sign()
    log.cosign()
    name = WITNESS.verifier.name
    for found in (standing_of(log), standing_of(log, witnesses=[name, "never"])):
        assert found.published.size == published
        assert found.signed.size == published + 1
        assert found.unpublished_since == found.signed.at
        assert found.cosigned.keys() == {name}
        assert found.cosigned[name].size == published + 1
        assert (found.pending, found.oldest_pending) == (0, None)


def test_reconciliations_and_alarms_are_found_among_everything_else(log):
    """The newest reconciliation, and every alarm; a caller who writes those words is not one of them."""
    with log.database.transaction() as connection:
        record_statement(connection, "reconciliation", {"figures": {"n": 1}})
        record_statement(connection, "alarm", {"what": "first", "figures": {}})
        record_statement(connection, "audit.read", {"auditor": 'x"kind":"alarm"', "resource": "y"})
    log.settle()
    with log.database.transaction() as connection:
        record_statement(connection, "reconciliation", {"figures": {"n": 2}})
        record_statement(connection, "alarm", {"what": "second", "figures": {"kind": "alarm"}})
        record_statement(connection, "audit.read", {"auditor": "x", "resource": {"kind": "alarm"}})
    found = standing_of(log)
    assert found.reconciled.members["figures"] == {"n": 2}
    assert found.reconciled.log_index is None
    assert [alarm.members["what"] for alarm in found.alarms] == ["first", "second"]
    assert isinstance(found.alarms[0].log_index, int)


@pytest.mark.parametrize("query", ["standing", "statements"])
def test_what_was_moved_costs_nothing_before_it_is_cleaned_up(log, query):
    """A page counted through the remains of a million events for 300 ms, until the table was vacuumed.

    PostgreSQL must not read the table from end to end, whatever it believes to be in it.
    """
    told = {"newest": 1_000, "most_pending": 10_000}
    with log.database.transaction() as connection:
        connection.execute("alter table audit_event set (autovacuum_enabled = false)")
        connection.execute("set local session_replication_role = replica")
        connection.execute(
            "insert into audit_event (event_id, account, entry, sealed)"
            " select gen_random_uuid(), null, convert_to(repeat('x', 600), 'UTF8'), null"
            " from generate_series(1, 30000)"
        )
        connection.execute("analyze audit_event")
        full = _plan(connection, query, told)
        connection.execute("delete from audit_event")
        believed_full = _plan(connection, query, told)
        connection.execute("analyze audit_event")
        known_empty = _plan(connection, query, told)
    for plan in (full, believed_full, known_empty):
        assert "Seq Scan on audit_event" not in plan, plan


def _plan(connection, query, told):
    return "\n".join(line for (line,) in connection.execute(f"explain {_QUERIES[query]}", told).fetchall())


def test_no_more_is_counted_than_is_asked_for(log):
    """A bound that says that there may be more; None counts all."""
    for number in range(1, 8):
        log.record(f"{number:012}")
    assert standing_of(log, most_pending=5).pending == 5
    assert standing_of(log).pending == standing_of(log, most_pending=100).pending == 8


def test_of_those_that_wait_the_newest_are_looked_through(log):
    """Whoever counts to a bound sees what was said last."""
    with log.database.transaction() as connection:
        record_statement(connection, "alarm", {"what": "first", "figures": {}})
    for number in range(1, 8):
        log.record(f"{number:012}")
    with log.database.transaction() as connection:
        record_statement(connection, "alarm", {"what": "second", "figures": {}})
    assert [alarm.members["what"] for alarm in standing_of(log, most_pending=5).alarms] == ["second"]
    assert [alarm.members["what"] for alarm in standing_of(log).alarms] == ["first", "second"]


def test_a_log_is_behind_beyond_the_bounds_of_its_promises(log):
    """As the server is: at the bound it still answers."""
    found = standing_of(log)
    at = found.now
    at_bounds = replace(
        found, oldest_pending=at - timedelta(seconds=60), unpublished_since=at - timedelta(days=1)
    )
    assert at_bounds.behind == []
    (reason,) = replace(at_bounds, oldest_pending=at - timedelta(seconds=61)).behind
    assert reason == "an event has waited for its place for 61 s, over 60 s"
    (reason,) = replace(at_bounds, unpublished_since=at - timedelta(days=2)).behind
    assert reason.startswith("a checkpoint has waited for its witnesses for 172800 s")
    assert found.age(at + timedelta(seconds=1)) == timedelta()
