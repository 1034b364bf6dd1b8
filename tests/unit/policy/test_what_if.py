"""What a change of packs would have meant: refusals that would come, and those that would go."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from countenance.policy.simulation import Simulation, engine_for
from countenance.policy.what_if import what_if
from rule_packs import make_pack, rule

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


def entry(*, minute=0, refused_by=(), **members):
    """A search at 80, of an account's own collection; refused by rules, or answered."""
    told = {
        "v": 1,
        "kind": "call",
        "event": str(uuid.uuid4()),
        "time": (NOON + timedelta(minutes=minute)).isoformat(timespec="milliseconds")[:-6] + "Z",
        "service": "rekognition",
        "operation": "SearchFacesByImage",
        "decision": "deny" if refused_by else "allow",
        "outcome": "refused" if refused_by else "answered",
        "account": "ab" * 16,
        "operator": "cd" * 16,
        "purpose": "development",
        "collection": "ef" * 32,
        "threshold": {"asked": 80, "in_force": 80},
        "asked": {"candidates": 10},
        "model": {"version": "7.0", "digest": "0" * 64},
    }
    return told | ({"rules": [*refused_by]} if refused_by else {}) | members


def lines(*entries):
    return [json.dumps(each).encode() for each in entries]


@pytest.fixture
def coming(operations, discharges, tmp_path):
    """A simulation of a pack whose rule PACK-1 refuses searches under 90."""

    def make(**given):
        return Simulation(
            engine_for({"pack": make_pack(tmp_path, "pack")}, operations, discharges=discharges), **given
        )

    return make


def test_a_refusal_that_rested_on_a_pack_alone_would_go():
    """That is what ending a pack's use means; one that another rule refused too would stay refused."""
    alone, both = entry(refused_by=["GONE-1"]), entry(refused_by=["GONE-1", "CORE-004"])
    twice = entry(refused_by=["GONE-1", "GONE-2"])
    found = what_if(
        lines(alone, both, twice, entry(refused_by=["CORE-004"]), entry()), None, going=["GONE-1", "GONE-2"]
    )
    assert (found.read, found.freed) == (5, 2)
    assert found.freed_examples == [alone["event"], twice["event"]]
    assert found.refused_then == {"GONE-1": 3, "GONE-2": 1, "CORE-004": 2}


def test_what_one_pack_lets_go_another_may_refuse(coming):
    """A pack that comes in another's place refuses the same call: nobody would have been let through."""
    simulation = coming()
    high = {"threshold": {"asked": 95, "in_force": 95}}
    refused = [entry(refused_by=["GONE-1"]), entry(refused_by=["GONE-1"], **high)]
    found = what_if(lines(*refused), simulation, going=["GONE-1"])
    assert (found.freed, found.freed_examples) == (1, [refused[1]["event"]])
    assert simulation.outcome.rules["PACK-1"].refused_already == 1


def test_what_is_older_than_asked_for_counts_for_nothing(coming):
    """A period is a period, in both halves of the answer."""
    since = NOON + timedelta(minutes=5)
    simulation = coming(since=since)
    old, new = entry(refused_by=["GONE-1"]), entry(minute=6, refused_by=["GONE-1"])
    found = what_if(lines(old, entry(), new, entry(minute=7)), simulation, going=["GONE-1"], since=since)
    assert (found.read, found.freed, found.refused_then) == (2, 0, {"GONE-1": 1})
    assert (simulation.outcome.calls, simulation.outcome.refused) == (2, 1)
    assert found.oldest_at == NOON + timedelta(minutes=6)


def test_a_rate_is_counted_from_the_hour_before_and_judges_nothing_there(operations, discharges, tmp_path):
    """A stretch is judged as the whole log would be: its first hour has calls before it."""
    policies = rule("pack", "PACK-1", "context.callsLastHour >= 3")
    pack = make_pack(tmp_path, "pack", policies=policies)
    alone, with_hour = (
        Simulation(engine_for({"pack": pack}, operations, discharges=discharges)) for _ in range(2)
    )
    stretch = lines(entry(minute=60), entry(minute=61))
    earlier = lines(*(entry(minute=minute) for minute in (-5, 10, 20, 30)), {"kind": "alarm"})
    what_if(stretch, alone)
    found = what_if(stretch, with_hour, earlier=[*earlier, b"no entry"])
    assert (alone.outcome.refused, with_hour.outcome.refused) == (0, 2)
    assert (found.read, with_hour.outcome.calls, with_hour.outcome.malformed) == (2, 2, 0)
    assert found.oldest_at == NOON + timedelta(minutes=60)


def test_entries_that_are_no_calls_are_read_and_refuse_nothing():
    """The log has statements, erasures and alarms as well."""
    found = what_if(lines({"kind": "alarm", "time": "2026-11-26T12:00:00.000Z", "event": "e"}), None)
    assert (found.read, found.freed, dict(found.refused_then)) == (1, 0, {})
