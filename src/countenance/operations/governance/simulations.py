"""SimulatePolicy: what a change of rule packs would have meant for the account's own calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from countenance.audit.log_times import find_stretch
from countenance.audit.own_calls import count_around, list_before
from countenance.audit.own_entries import BEHIND_ALL
from countenance.errors import InvalidParameterException, ResourceNotFoundException, ThrottlingException
from countenance.operations.deps import Deps
from countenance.policy.packs import Pack
from countenance.policy.rules import Rule
from countenance.policy.simulation import UNSAID, Outcome, Simulation
from countenance.policy.what_if import WhatIf, what_if
from countenance.wire.shapes import (
    SimulatedCalls,
    SimulatedRule,
    SimulatePolicyRequest,
    SimulatePolicyResponse,
)

_HOUR: Final = timedelta(hours=1)
_ENTRIES: Final = 1_000
"""Milliseconds for each that is a call to be judged: seconds of a core for all of them."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A part of the account's log.

    Attributes:
        entries: the oldest first.
        oldest: the index of the first.
        newer: how many entries the account has behind them.
        older: how many before them, of the time that was asked for.
    """

    entries: list[bytes]
    oldest: int
    newer: int
    older: int


def simulate_policy(request: SimulatePolicyRequest, deps: Deps) -> SimulatePolicyResponse:
    """Judge recorded calls anew; nothing is changed, and no transaction is open meanwhile."""
    coming, going = _chosen(request, deps)
    if not deps.house.simulating.acquire(blocking=False):
        raise ThrottlingException("another simulation runs; try again in a few seconds")
    try:
        return _simulate(request, coming, going, deps)
    finally:
        deps.house.simulating.release()


def _simulate(
    request: SimulatePolicyRequest, coming: Mapping[str, Pack], going: Mapping[str, Pack], deps: Deps
) -> SimulatePolicyResponse:
    since = request.get("Since")
    scope = ("SimulatePolicy", deps.caller.account_id, *coming, "without", *going)
    read = _read(
        request, int(deps.page_tokens.resume(request.get("NextToken"), scope=scope) or BEHIND_ALL), deps
    )
    simulation = Simulation(deps.policies.simulating(coming), since=since)
    leaving = [rule.rule_id for rule in _rules(going)]
    found = what_if(read.entries, simulation, going=leaving, since=since)
    outcome = simulation.outcome
    response: SimulatePolicyResponse = {
        "EntriesRead": found.read,
        "EntriesNewer": read.newer,
        "EntriesOlder": read.older,
        "IsWhole": not read.older,
        "Calls": outcome.calls,
        "Allowed": outcome.allowed,
        "WouldBeRefused": outcome.refused,
        "WouldBeAllowed": found.freed,
        "Undecided": outcome.undecided,
        "RebuiltOtherwise": outcome.rebuilt_otherwise,
        "Rules": _told(outcome, found, deps),
        "AllowedEventIds": found.freed_examples[::-1],
        "Unsaid": _unsaid(outcome),
    }
    if found.oldest_at is not None:
        response["OldestAt"] = found.oldest_at
    if found.newest_at is not None:
        response["NewestAt"] = found.newest_at
    if read.older:
        response["NextToken"] = deps.page_tokens.issue(str(read.oldest), scope=scope)
    return response


def _read(request: SimulatePolicyRequest, before: int, deps: Deps) -> _Read:
    """Entries before an index; and for the rates those of the hour before the time that is asked for."""
    account, since = deps.audit.pseudonym(deps.caller.account_id), request.get("Since")
    limit = request.get("MaxEntries", _ENTRIES)
    with deps.house.database.read() as connection:
        stretch = find_stretch(connection, account, since=since, before=None)
        if stretch is None:
            return _Read([], before, 0, 0)
        first = stretch.first or 0
        hour = (
            None if since is None else find_stretch(connection, account, since=_earlier(since), before=None)
        )
        found = list_before(
            connection, account, limit=limit, before=before, first=first if hour is None else hour.first or 0
        )
        oldest = found[-1][0] if found else before
        newer, _ = count_around(connection, account, place=before)
        _, older = count_around(connection, account, place=oldest, first=first)
    return _Read([entry for _, entry in reversed(found)], oldest, newer, older)


def _earlier(since: datetime) -> datetime:
    return since - _HOUR if since - datetime.min.replace(tzinfo=UTC) > _HOUR else since


def _chosen(request: SimulatePolicyRequest, deps: Deps) -> tuple[dict[str, Pack], dict[str, Pack]]:
    """The packs that are to come, and those that are to go.

    Raises:
        ResourceNotFoundException: there is no such pack.
        InvalidParameterException: nothing is to change, a pack is to do both, or cannot go.
    """
    packs = deps.packs.packs()
    names = request.get("Activate", []), request.get("Deactivate", [])
    for name in (*names[0], *names[1]):
        if name not in packs:
            raise ResourceNotFoundException(f"there is no pack `{name}` here: see ListPacks")
    if both := sorted(set(names[0]) & set(names[1])):
        raise InvalidParameterException(f"`{both[0]}` is in both `Activate` and `Deactivate`")
    if lasting := sorted(name for name in names[1] if packs[name].manifest.always):
        raise InvalidParameterException(f"`{lasting[0]}` is always in force for whom it binds: it cannot go")
    if not names[0] and not names[1]:
        raise InvalidParameterException("nothing changes: name packs in `Activate` or `Deactivate`")
    coming, going = ({name: packs[name] for name in sorted(set(each))} for each in names)
    return coming, going


def _rules(packs: Mapping[str, Pack]) -> list[Rule]:
    return [rule for pack in packs.values() for rule in (*pack.rules, *pack.obligations)]


def _told(outcome: Outcome, found: WhatIf, deps: Deps) -> list[SimulatedRule]:
    """Rules that refused something, or would have; those that would have refused most come first."""
    known = {rule.rule_id: rule for rule in _rules(deps.packs.packs())} | _in_force(deps)
    told = []
    for rule_id in {*outcome.rules, *found.refused_then}:
        judged, rule = outcome.rules.get(rule_id), known.get(rule_id)
        told_rule: SimulatedRule = {
            "RuleId": rule_id,
            "CallsBound": judged.bound if judged else 0,
            "RefusedThen": found.refused_then[rule_id],
            "WouldRefuse": judged.refused if judged else 0,
            "RefusedAnyway": judged.refused_already if judged else 0,
            "EventIds": judged.examples if judged and judged.examples else _newest(found, rule_id),
        }
        if judged is not None:
            told_rule |= {"By": _by(judged.by), "RestsOnUnsaid": list(judged.unsaid)}
        if rule is not None:
            told_rule |= {"Pack": rule.pack, "Message": rule.message}
            if rule.obligation:
                told_rule["Obligation"] = rule.obligation
        if told_rule["RefusedThen"] or told_rule["WouldRefuse"] or told_rule["RefusedAnyway"]:
            told.append(told_rule)
    return sorted(told, key=lambda each: (-each["WouldRefuse"], -each["RefusedThen"], each["RuleId"]))


def _in_force(deps: Deps) -> dict[str, Rule]:
    engine = deps.policies.engine(deps.packs.epoch(), datetime.now(UTC).date())
    return {**engine.rules, **engine.duties}


def _newest(found: WhatIf, rule_id: str) -> list[str]:
    return found.refused_by.get(rule_id, [])[::-1]


def _by(counted: Counter[tuple[str, str]]) -> list[SimulatedCalls]:
    told = []
    for (operation, purpose), calls in counted.most_common():
        each: SimulatedCalls = {"Operation": operation, "Calls": calls}
        if purpose:
            each["Purpose"] = purpose
        told.append(each)
    return told


def _unsaid(outcome: Outcome) -> list[str]:
    """What matters to a rule that bound a call, and is not in an entry: how it is taken."""
    names = {name for rule in outcome.rules.values() if rule.bound for name in rule.unsaid}
    return [f"{name}: {UNSAID[name][1]}" for name in sorted(names)]
