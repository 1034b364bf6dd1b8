"""Detectors that look at an account as a whole: whom it serves, how much it holds."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from countenance.conduct.observations import Observed
from countenance.conduct.suspicion import (
    About,
    Holding,
    Severity,
    Suspicion,
    events,
    fingerprint,
)

CLIENTS: Final = 5
CLIENT_SPAN: Final = timedelta(hours=1)
"""Clients of one key, each at it for an hour or more of a day: programs that run for minutes, each with a
collection of its own, are tests. (our own numbers; governance reference 1.5 has the pattern)"""


def undeclared_downstream(observed: Sequence[Observed], about: About) -> list[Suspicion]:
    """One key in the hands of several parties that have nothing in common: customers nobody knows of.

    Looks for: CLIENTS clients or more of one key within a UTC day, each of which is at it for CLIENT_SPAN or
    more and has collections or cases that no other client of the key has, in an account that declared nobody
    downstream.
    Innocent: one program on several machines (they share collections and cases); somebody who moves between
    networks (likewise); tests that each make a collection of their own (they last minutes). Under purposes
    for trying it is a notice.
    Cannot see: customers behind one address and program; a session for each customer (each is a key of its
    own); customers that share a collection.
    """
    if about.declared_downstream:
        return []
    by_key: dict[tuple[str, str, object], list[Observed]] = defaultdict(list)
    for each in observed:
        if each.key and each.client and (each.collection or each.case):
            by_key[each.purpose, each.key, each.at.date()].append(each)
    found = []
    for (purpose, key, day), calls in by_key.items():
        apart = _apart(calls)
        if len(apart) >= CLIENTS:
            told = about.reference(key)
            named = [each for each in calls if each.client in apart]
            found.append(
                Suspicion(
                    detector="undeclared_downstream",
                    severity="notice" if about.is_trial(purpose) else "restrict",
                    summary=f"one key was used by {len(apart)} clients within a day, each with collections "
                    "or cases of its own, and no account downstream is declared",
                    evidence={
                        "purpose": purpose,
                        "key": told,
                        "day": str(day),
                        "clients": len(apart),
                        "events": events(named),
                    },
                    fingerprint=fingerprint("undeclared_downstream", purpose, told, day),
                )
            )
    return found


def _apart(calls: Sequence[Observed]) -> set[str]:
    """Clients that last, and share nothing with another."""
    used: dict[str, set[tuple[str, str]]] = defaultdict(set)
    first: dict[str, datetime] = {}
    last: dict[str, datetime] = {}
    for each in calls:
        assert each.client is not None
        used[each.client] |= {("collection", each.collection)} if each.collection else set()
        used[each.client] |= {("case", each.case)} if each.case else set()
        first.setdefault(each.client, each.at)
        last[each.client] = each.at
    users = Counter(label for labels in used.values() for label in labels)
    return {
        client
        for client, labels in used.items()
        if last[client] - first[client] >= CLIENT_SPAN and all(users[label] == 1 for label in labels)
    }


def cap_evasion(observed: Sequence[Observed], about: About) -> list[Suspicion]:
    """One list split over collections or accounts, so that each part is under the purpose's cap.

    Looks for: collections of one purpose, of the kinds watch_list and reference, each with no more faces than
    the purpose's cap, of the account and of those that act for it or that it acts for, which together have
    more than the cap (restrict); or together with those of accounts that it is supplied by or supplies
    (notice: customers of one supplier are not one list). Told again only when the sum has passed the next
    multiple of the cap.
    Innocent: two lists that have nothing to do with each other, such as two disasters, which a person must
    judge.
    Cannot see: whether the faces are the same people (templates are sealed); accounts that declared no
    relation; regions and collections of a purpose that was withdrawn from the charter.
    """
    del observed
    found = []
    for purpose in sorted({each.purpose for each in about.holdings}):
        parts = [each for each in about.holdings if each.purpose == purpose and 0 < each.faces <= each.cap]
        own = [each for each in parts if each.account == about.account]
        hand = [each for each in parts if each.is_one_hand]
        groups: tuple[tuple[Severity, list[Holding]], ...] = (("restrict", hand), ("notice", parts))
        for severity, group in groups:
            faces = sum(each.faces for each in group)
            if own and len(group) > 1 and faces > (cap := group[0].cap):
                found.append(
                    Suspicion(
                        detector="cap_evasion",
                        severity=severity,
                        summary=f"{len(group)} collections of the purpose {purpose} have {faces} faces "
                        f"together, and {cap} is the most that one may have",
                        evidence={
                            "purpose": purpose,
                            "cap": cap,
                            "faces": faces,
                            "collections": len(group),
                            "accounts": len({each.account for each in group}),
                            "own": [about.reference(each.collection) for each in own][:50],
                        },
                        fingerprint=fingerprint("cap_evasion", purpose, severity, faces // cap),
                    )
                )
                break
    return found
