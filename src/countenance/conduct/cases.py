"""Detectors that look at cases: too much under one, cases that are none, cases that are borrowed."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from countenance.conduct.observations import Observed
from countenance.conduct.suspicion import (
    DAY,
    About,
    Severity,
    Suspicion,
    events,
    fingerprint,
    fullest_windows,
)

PROBES_A_CASE: Final = 20
"""Most photos searched for on one case in a day. (governance reference 1.5)"""
MANY_PEOPLE: Final = frozenset({"disaster-victims"})
"""Purposes of which one case is about many people: a disaster is one case."""

OPERATORS_A_CASE: Final = 3
"""People of one account on one case, from which on it may be a borrowed one."""
LEAST_CHARACTERS: Final = 4
MOST_CASES: Final = 10_000
"""Of one account, compared with other accounts' cases in one round."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


IMMIGRATION: Final = _words(
    "immigration immigrant immigrants deport deported deportation deportee deportees uscis cbp"
)
"""Words that name what Countenance is not for (acceptable use policy, 3.1). `ice`, `border` and `asylum` are
not among them: skaters, gardens and refugees who prove who they are have them in their names."""
GATHERINGS: Final = _words(
    "protest protests protester protesters protestor protestors rally demonstrator demonstrators picket "
    "activist activists"
)
"""Words of searches at gatherings (acceptable use policy, 3.4)."""
VAGUE: Final = _words(
    "investigation investigations investigate investigative invest inv case search lead suspect suspicious "
    "subject person unknown misc various other general official police crime criminal intel intelligence "
    "info information reason test testing demo sample example default dummy foo bar asdf qwerty abc none "
    "null nil na n a tbd todo pending missing the of no x"
)
"""Words that are no case by themselves, as audits of licence-plate readers found them. With a number of
LEAST_CHARACTERS digits or more beside them they may be the name of one."""
_SEQUENCES: Final = ("01234567890123456789", "98765432109876543210", "abcdefghijklmnopqrstuvwxyz")
_IS_IMMIGRATION: Final = "names immigration enforcement, for which this is not"
_IS_GATHERING: Final = "names a gathering, at which nobody is searched for"
_IS_NOTHING: Final = "says nothing that could be looked up"
_TOKENS = re.compile(r"[^\W\d_]+|\d+")


def probes_beyond_case(observed: Sequence[Observed], about: About) -> list[Suspicion]:
    """More people searched for on one case than one case has.

    Looks for: more than PROBES_A_CASE different photos on one case within 24 h, by whoever and in whichever
    collection, under purposes that need a case for one person.
    Innocent: the same photos sent again; a case with many photos of one person, which a person must judge; a
    disaster, which has many victims (MANY_PEOPLE); cases that no purpose asked for.
    Cannot see: one photo with several people; twenty a day for a month; searches by a stored face, which come
    without a photo.
    """
    by_case: dict[tuple[str, str], list[Observed]] = defaultdict(list)
    for each in observed:
        if each.kind != "search" or not each.case or not each.inputs or each.purpose in MANY_PEOPLE:
            continue
        if about.needs_case(each.purpose):
            by_case[each.purpose, each.case].append(each)
    found = []
    for (purpose, case), calls in by_case.items():
        rows = [(each, each.inputs[0]) for each in calls]
        for window in fullest_windows(rows, least=PROBES_A_CASE + 1, span=DAY):
            told = about.reference(case)
            found.append(
                Suspicion(
                    detector="probes_beyond_case",
                    severity="restrict",
                    summary=f"{window.count} different photos were searched for on one case within a day",
                    evidence={
                        "purpose": purpose,
                        "case": told,
                        "day": str(window.day),
                        "photos": window.count,
                        "operators": len({each.operator for each in window.observed}),
                        "events": events(window.observed),
                    },
                    fingerprint=fingerprint("probes_beyond_case", purpose, told, window.day),
                )
            )
    return found


def reused_cases(observed: Sequence[Observed], about: About) -> list[Suspicion]:
    """Cases that are none: no entropy, a vague word, a gathering, immigration; or one that many people use.

    Looks for: under purposes that need a case, one that is too short, a counted-up number, one repeated
    character, made of vague words only, or that names a gathering (restrict); one that OPERATORS_A_CASE
    people or more of the account use (notice). Under any purpose, one that names immigration enforcement
    (suspend).
    Innocent: a team on one case, hence a notice; `test` under a purpose that asked for no case.
    Cannot see: an invented case that looks like one; a real one that has nothing to do with the photo; other
    languages than English.
    """
    found: list[Suspicion] = []
    by_case: dict[str, list[Observed]] = defaultdict(list)
    for each in observed:
        if each.case:
            by_case[each.case].append(each)
    for case, calls in by_case.items():
        words = words_of(case)
        wanted = [each for each in calls if about.needs_case(each.purpose)]
        if words & IMMIGRATION:
            found.append(_named("suspend", _IS_IMMIGRATION, calls, about))
        elif wanted and words & GATHERINGS:
            found.append(_named("restrict", _IS_GATHERING, wanted, about))
        elif wanted and is_no_case(case):
            found.append(_named("restrict", _IS_NOTHING, wanted, about))
        elif len(operators := {each.operator for each in wanted if each.operator}) >= OPERATORS_A_CASE:
            told = about.reference(case)
            found.append(
                Suspicion(
                    detector="reused_cases",
                    severity="notice",
                    summary=f"one case was used by {len(operators)} operators",
                    evidence={"case": told, "operators": len(operators), "events": events(wanted)},
                    fingerprint=fingerprint("reused_cases", "operators", told),
                )
            )
    return found


def shared_cases(
    used: Mapping[str, Mapping[str, str]],
    related: Collection[frozenset[str]],
    reference_of: Callable[[str, str], str],
) -> list[tuple[str, Suspicion]]:
    """One case that accounts use which have nothing to do with each other: borrowed, or by chance the same.

    Looks for: a case that two accounts or more used within the look; a notice for each of them. None is told
    who the others are.
    Innocent: `2026-0815` in two towns, hence a notice; a firm that works for an agency on the agency's case
    (related accounts are not held against each other).
    Cannot see: one case written in two ways (case, spaces and signs do not matter, anything else does).

    Args:
        used: account → what `case_key` makes of a case → the newest event under it; see `cases_used`.
        related: pairs of accounts with a relation.
        reference_of: account and case → what stands for it in that account's findings.
    """
    users: dict[str, set[str]] = defaultdict(set)
    for account, cases in used.items():
        for case in cases:
            users[case].add(account)
    found = []
    for case, accounts in users.items():
        for account in sorted(accounts) if len(accounts) > 1 else ():
            others = {each for each in accounts - {account} if frozenset((account, each)) not in related}
            if others:
                told = reference_of(account, case)
                suspicion = Suspicion(
                    detector="reused_cases",
                    severity="notice",
                    summary="one case was used by another account as well, with which there is no relation",
                    evidence={"case": told, "accounts": len(others) + 1, "events": [used[account][case]]},
                    fingerprint=fingerprint("reused_cases", "accounts", told),
                )
                found.append((account, suspicion))
    return found


def cases_used(observed: Sequence[Observed], about: About) -> dict[str, str]:
    """What `shared_cases` compares of one account: those of purposes that need one, and that are cases at
    all.
    """
    found: dict[str, str] = {}
    for each in observed:
        if each.case and about.needs_case(each.purpose) and not is_no_case(each.case):
            found[case_key(each.case)] = str(each.event_id)
    return dict(list(found.items())[-MOST_CASES:])


def case_key(case: str) -> str:
    """A case without what people write differently."""
    return "".join(_TOKENS.findall(case.casefold()))


def words_of(case: str) -> frozenset[str]:
    """Its words and numbers."""
    return frozenset(_TOKENS.findall(case.casefold()))


def is_no_case(case: str) -> bool:
    """Whether it has too little in it to be looked up anywhere."""
    key = case_key(case)
    if len(key) < LEAST_CHARACTERS or len(set(key)) < 2:
        return True
    if any(key in sequence for sequence in _SEQUENCES):
        return True
    digits = sum(character.isdigit() for character in key)
    words = {word for word in words_of(case) if not word.isdigit()}
    return bool(words) and words <= VAGUE and digits < LEAST_CHARACTERS


def _named(severity: Severity, what: str, calls: Sequence[Observed], about: About) -> Suspicion:
    told = about.reference(calls[0].case or "")
    return Suspicion(
        detector="reused_cases",
        severity=severity,
        summary=f"the case of {len(calls)} calls {what}",
        evidence={"case": told, "calls": len(calls), "events": events(calls)},
        fingerprint=fingerprint("reused_cases", severity, told),
    )
