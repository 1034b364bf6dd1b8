"""SimulatePolicy: what a change of rule packs would have meant for the account's own calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson

from countenance.audit.log_times import find_stretch
from countenance.audit.own_calls import count_around, list_before
from countenance.audit.own_entries import BEHIND_ALL
from countenance.errors import (
    InvalidPaginationTokenException,
    InvalidParameterException,
    ResourceNotFoundException,
    ThrottlingException,
)
from countenance.operations.deps import Deps
from countenance.policy.packs import Pack
from countenance.policy.rules import Rule
from countenance.policy.simulation import UNSAID, Outcome, Simulation
from countenance.policy.what_if import WhatIf, what_if
from countenance.transparency.canonical import parse_time
from countenance.wire.shapes import (
    SimulatedCalls,
    SimulatedRule,
    SimulatePolicyRequest,
    SimulatePolicyResponse,
)

_HOUR: Final = timedelta(hours=1)
_ENTRIES: Final = 1_000
"""Milliseconds for each that is a call to be judged: seconds of a core for all of them."""


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR_ENTRIES: Final = 10_000
"""Of the hour before the oldest of them: rates are counted from these, and nothing is judged."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a simulation goes on, and what it was asked for when it began: so that it counts one stretch.

    Attributes:
        before: the index that what is read next stands before.
        top: the index that all of it stands before.
        since: calls before it are not judged.
    """

    before: int
    top: int
    since: datetime | None

    @classmethod
    def of(cls, text: str) -> _Place:
        """Raises InvalidPaginationTokenException: it is of a server that wrote them otherwise."""
        try:
            before, top, since_us = text.split(":")
            since = _EPOCH + timedelta(microseconds=int(since_us)) if since_us else None
            return cls(int(before), int(top), since)
        except ValueError:
            raise InvalidPaginationTokenException from None

    def __str__(self) -> str:
        since_us = "" if self.since is None else (self.since - _EPOCH) // timedelta(microseconds=1)
        return f"{self.before}:{self.top}:{since_us}"


@dataclass(frozen=True, slots=True)
class _Read:
    """A part of the account's log.

    Attributes:
        entries: the oldest first.
        earlier: those of the hour before, the oldest first.
        at: where it stands; `before` is the index of the oldest.
        newer: how many entries the simulation has read before these.
        older: how many are left before them, of the time that was asked for.
    """

    entries: list[bytes]
    earlier: list[bytes]
    at: _Place
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
    scope = ("SimulatePolicy", deps.caller.account_id, *coming, "without", *going)
    resumed = deps.page_tokens.resume(request.get("NextToken"), scope=scope)
    place = _Place.of(resumed) if resumed else _Place(BEHIND_ALL, BEHIND_ALL, request.get("Since"))
    read = _read(place, request.get("MaxEntries", _ENTRIES), deps)
    since = place.since
    simulation = Simulation(deps.policies.simulating(coming), since=since)
    leaving = [rule.rule_id for rule in _rules(going)]
    found = what_if(read.entries, simulation, going=leaving, earlier=read.earlier, since=since)
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
        "Unsaid": _unsaid(outcome, is_cut=len(read.earlier) == _HOUR_ENTRIES),
    }
    if found.oldest_at is not None:
        response["OldestAt"] = found.oldest_at
    if found.newest_at is not None:
        response["NewestAt"] = found.newest_at
    if read.older:
        response["NextToken"] = deps.page_tokens.issue(str(read.at), scope=scope)
    return response


def _read(place: _Place, limit: int, deps: Deps) -> _Read:
    """The newest entries before a place; and of the hour before them what their rates are counted from."""
    account = deps.audit.pseudonym(deps.caller.account_id)
    with deps.house.database.read() as connection:
        stretch = find_stretch(connection, account, since=place.since, before=None)
        if stretch is None:
            return _Read([], [], place, 0, 0)
        first = stretch.first or 0
        found = list_before(connection, account, limit=limit, before=place.before, first=first)
        if not found:
            return _Read([], [], place, 0, 0)
        oldest, top = found[-1][0], min(place.top, found[0][0] + 1 if place.top == BEHIND_ALL else place.top)
        hour = find_stretch(connection, account, since=_hour_before(found[-1][1]), before=None)
        earlier = list_before(
            connection,
            account,
            limit=_HOUR_ENTRIES,
            before=oldest,
            first=0 if hour is None or hour.first is None else hour.first,
        )
        newer = (
            count_around(connection, account, place=found[0][0] + 1)[0]
            - count_around(connection, account, place=top)[0]
        )
        _, older = count_around(connection, account, place=oldest, first=first)
    entries, before = ([entry for _, entry in reversed(each)] for each in (found, earlier))
    return _Read(entries, before, _Place(oldest, top, place.since), newer, older)


def _hour_before(entry: bytes) -> datetime:
    return parse_time(orjson.loads(entry)["time"]) - _HOUR


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


def _unsaid(outcome: Outcome, *, is_cut: bool) -> list[str]:
    """What matters to a rule that bound a call, and is not in an entry: how it is taken.

    Args:
        is_cut: the hour before the oldest entry had more entries than rates are counted from.
    """
    names = {name for rule in outcome.rules.values() if rule.bound for name in rule.unsaid}
    told = [f"{name}: {UNSAID[name][1]}" for name in sorted(names)]
    if is_cut and "rate" in names:
        told.append(f"rate: of the hour before the oldest, the last {_HOUR_ENTRIES:,} entries are counted")
    return told
