"""What a change of packs would have meant: calls that others would have been refused, and those let through.

`Simulation` judges calls anew by packs that were not in force. Here is added what the entries say themselves:
which rules refused a call then, and so which refusals rested on packs that are to go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import orjson

from countenance.policy.simulation import Simulation
from countenance.transparency.canonical import parse_time

_MOST_EXAMPLES = 5


@dataclass(slots=True)
class WhatIf:
    """What was found in entries, besides the simulation's own outcome.

    Attributes:
        read: entries that were read, of any kind.
        refused_then: rule → calls that it refused when they were made.
        refused_by: the same rule → events of such calls, a few.
        freed: calls that only the rules which are to go refused, and that no other would.
        freed_examples: events of such calls, the newest.
        oldest_at: the time of the oldest entry.
        newest_at: of the newest.
    """

    read: int = 0
    refused_then: Counter[str] = field(default_factory=Counter)
    refused_by: dict[str, list[str]] = field(default_factory=dict)
    freed: int = 0
    freed_examples: list[str] = field(default_factory=list)
    oldest_at: datetime | None = None
    newest_at: datetime | None = None


def what_if(
    entries: Sequence[bytes],
    simulation: Simulation | None,
    *,
    going: Collection[str] = (),
    earlier: Sequence[bytes] = (),
    since: datetime | None = None,
) -> WhatIf:
    """Judge entries anew.

    Args:
        entries: in the log's order, the oldest first: rates are counted on the way.
        simulation: of the packs that are to come; it is read into; None for none.
        going: ids of rules that are to go.
        earlier: entries before those, which count for their rates alone.
        since: entries of earlier calls are read for the rates alone.
    """
    found, leaving = WhatIf(), frozenset(going)
    if simulation is not None:
        for entry in earlier:
            simulation.count(entry)
    for number, entry in enumerate(entries, 1):
        before = _refusals(simulation)
        if simulation is not None:
            simulation.read(entry, number=number)
        members = orjson.loads(entry)
        at = parse_time(members["time"])
        if since is not None and at < since:
            continue
        found.read += 1
        found.oldest_at, found.newest_at = found.oldest_at or at, at
        if members.get("kind") != "call" or members.get("decision") != "deny":
            continue
        rules, event = members.get("rules", []), str(members["event"])
        for rule in rules:
            found.refused_then[rule] += 1
            _keep(found.refused_by.setdefault(rule, []), event)
        if rules and leaving.issuperset(rules) and _refusals(simulation) == before:
            found.freed += 1
            _keep(found.freed_examples, event)
    return found


def _refusals(simulation: Simulation | None) -> int:
    if simulation is None:
        return 0
    return sum(rule.refused_already for rule in simulation.outcome.rules.values())


def _keep(examples: list[str], event: str) -> None:
    """The newest few: the last that was read comes last."""
    examples.append(event)
    del examples[:-_MOST_EXAMPLES]
