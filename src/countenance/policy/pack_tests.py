"""A pack's own tests: each is a call, with the rules of the pack that it breaks and the duties that it owes.

They ask the pack alone, on no particular day and whomever it binds: a rule that is in force next year is
tested today. The calls are Rekognition's, so that an engine has to know these operations.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from countenance.policy.call_file import parse_call
from countenance.policy.decision import AccessRequest
from countenance.policy.entities import OpenSlice
from countenance.policy.packs import Pack
from countenance.policy.rules import Rule

_FORMATTER = string.Formatter()


class Asked(Protocol):
    """The part of the engine that tests need."""

    def asking(self, rules: Sequence[Rule]) -> Callable[[AccessRequest], tuple[str, ...]]:
        """What tells which of these rules a call meets."""


def failed_tests(engine: Asked, pack: Pack) -> list[str]:
    """The pack's own tests that do not come out as it says; each in a line."""
    duties = {duty.rule_id: duty.obligation for duty in pack.obligations}
    breaks, owes = engine.asking(pack.rules), engine.asking(pack.obligations)
    failures = []
    for number, test in enumerate(pack.tests, start=1):
        name = f"test {number}"
        try:
            name = str(test.get("name") or name)
            said = {"breaks": _named(test, "breaks"), "owes": _named(test, "owes")}
            request = parse_call(test["call"])
            came = {
                "breaks": sorted(breaks(request)),
                "owes": sorted({duties[duty] for duty in owes(request)}),
            }
        except (AttributeError, KeyError, TypeError, ValueError, OpenSlice) as error:
            failures.append(f"{name}: {error!r}")
            continue
        failures.extend(
            f"{name}: {verb} {came[verb]}, and should be {said[verb]}"
            for verb in ("breaks", "owes")
            if came[verb] != said[verb]
        )
    return failures


def unspeakable(pack: Pack) -> list[str]:
    """Rules whose words could not be filled in: a message must never be a reason to fail, or to grow.

    A word in braces is a plain name; no attribute, index, conversion or width may stand with it.
    """
    rules = (*pack.rules, *pack.obligations)
    return [rule.rule_id for rule in rules if not (_is_plain(rule.message) and _is_plain(rule.remedy))]


def _named(test: Mapping[str, Any], member: str) -> list[str]:
    return sorted(str(name) for name in test.get(member, []))


def _is_plain(text: str) -> bool:
    try:
        fields = [field[1:] for field in _FORMATTER.parse(text) if field[1] is not None]
    except ValueError:
        return False
    return all(name and name.isidentifier() and not spec and not how for name, spec, how in fields)
