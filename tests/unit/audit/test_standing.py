"""How the log stands, as the database has it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from countenance.audit.log import record_statement
from countenance.audit.standing import read_standing
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
