"""Detector of a declared purpose that is not what is done: three patterns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from countenance.conduct.observations import Observed
from countenance.conduct.suspicion import (
    About,
    Severity,
    Suspicion,
    Window,
    enrolled_photos,
    events,
    fingerprint,
    fullest_windows,
)
from countenance.policy import load_purposes

OWN_PEOPLE: Final = ("photo-library", "accessibility", "event-photos")
"""Purposes under which those who are searched for are mostly in the collection."""
STRANGERS_A_DAY: Final = 200
STRANGERS_HITS: Final = 0.01
"""More photos than that in a day, of which fewer than one in a hundred finds anybody: people who are not in
the collection are searched for. (our own numbers, to be tuned)"""
ONE_TO_ONE: Final = ("identity-verification", "identity-proofing")
TARGETS_A_DAY: Final = 50
"""Most photos, or enrolled faces and users, that one photo is compared with in a day. (our own number)"""
STEADY_HOURS: Final = 24
STEADY_LEAST: Final = 10
STEADY_SPREAD: Final = 3
"""Searches with different photos in every hour of a day, at least ten, in no hour over three times those of
another: people sleep, cameras do not. (our own numbers)"""


def purpose_against_use(observed: Sequence[Observed], about: About) -> list[Suspicion]:
    """What is declared against what is done, in three patterns; each function below says what it looks
    for.
    """
    return [
        *_strangers(observed),
        *_search_in_disguise(observed),
        *_around_the_clock(observed, about),
    ]


def _strangers(observed: Sequence[Observed]) -> list[Suspicion]:
    """Purposes for one's own people, and hardly anybody searched for is one of them.

    Looks for: more than STRANGERS_A_DAY different photos in 24 h, none of them enrolled, with fewer hits than
    STRANGERS_HITS.
    Innocent: an album that is imported (its photos are enrolled, and found); a blind person in a city, who
    meets strangers all day: for accessibility it is a notice.
    Cannot see: strangers among enough photos of people who are found; strangers sent as dry runs of an import
    that find nobody.
    """
    imported = enrolled_photos(observed)
    by_purpose: dict[str, list[Observed]] = defaultdict(list)
    for each in observed:
        if each.kind != "search" or each.purpose not in OWN_PEOPLE or each.candidates is None:
            continue
        if each.inputs and each.inputs[0] not in imported:
            by_purpose[each.purpose].append(each)
    found = []
    for purpose, calls in by_purpose.items():
        rows = [(each, each.inputs[0]) for each in calls]
        for window in fullest_windows(rows, least=STRANGERS_A_DAY + 1):
            hits = len({each.inputs[0] for each in window.observed if each.candidates})
            if hits < STRANGERS_HITS * window.count:
                found.append(
                    _against_use(
                        purpose,
                        window,
                        pattern="strangers",
                        severity="notice" if purpose == "accessibility" else "restrict",
                        summary=f"{window.count} different photos that nobody enrolled were searched for "
                        f"within a day, and {hits} of them found anybody: not what {purpose} is for",
                        photos=window.count,
                        hits=hits,
                    )
                )
    return found


def _search_in_disguise(observed: Sequence[Observed]) -> list[Suspicion]:
    """One photo compared with many, one by one: a search where there is none, or without its budget.

    Looks for: more than TARGETS_A_DAY different photos within 24 h that one photo is compared with, on
    whichever side it stands; or as many enrolled faces or users, under these and under purposes that
    bound the false candidates of a search.
    Innocent: a person who tries again and again (a few times), or who logs in all day (fewer than that).
    Cannot see: target photos with many people each; the one photo saved anew for each comparison.
    """
    partners: dict[tuple[str, str], list[tuple[Observed, str]]] = defaultdict(list)
    for each in observed:
        if each.kind == "compare" and each.purpose in ONE_TO_ONE and len(each.inputs) == 2:
            source, target = each.inputs
            partners[each.purpose, source].append((each, target))
            partners[each.purpose, target].append((each, source))
        elif each.kind == "compare" and len(each.inputs) == 1 and _has_bound(each.purpose):
            partners[each.purpose, each.inputs[0]].extend((each, reference) for reference in each.faces)
    fullest: dict[tuple[str, object], Window] = {}
    for (purpose, _), rows in partners.items():
        for window in fullest_windows(rows, least=TARGETS_A_DAY + 1):
            key = (purpose, window.day)
            if key not in fullest or window.count > fullest[key].count:
                fullest[key] = window
    return [
        _against_use(
            purpose,
            window,
            pattern="disguise",
            severity="restrict",
            summary=f"one photo was compared with {window.count} others within a day: that is a search, and "
            f"the purpose {purpose} {'has none' if purpose in ONE_TO_ONE else 'bounds those'}",
            photos=window.count,
        )
        for (purpose, _), window in fullest.items()
    ]


def _has_bound(purpose: str) -> bool:
    """Whether a search under it is refused, or has its threshold raised with the size of the gallery."""
    declared = load_purposes().get(purpose)
    return purpose in ONE_TO_ONE or (declared is not None and declared.fpir_budget > 0)


def _around_the_clock(observed: Sequence[Observed], about: About) -> list[Suspicion]:
    """Purposes for trying and measuring, in steady use day and night: somebody depends on it.

    Looks for: STEADY_HOURS hours on end with searches of one collection in each, with at least STEADY_LEAST
    different photos an hour, evenly (STEADY_SPREAD).
    Innocent: a long measurement over a test set looks the same, hence a notice. A monitor that repeats one
    photo does not.
    Cannot see: use by day only.
    """
    by_collection: dict[tuple[str, str], list[Observed]] = defaultdict(list)
    for each in observed:
        if each.kind == "search" and each.collection and each.inputs and about.is_trial(each.purpose):
            by_collection[each.purpose, each.collection].append(each)
    found = []
    for (purpose, collection), calls in by_collection.items():
        hours: dict[datetime, dict[str, Observed]] = defaultdict(dict)
        for each in calls:
            hours[each.at.replace(minute=0, second=0, microsecond=0)].setdefault(each.inputs[0], each)
        days: dict[date, list[Observed]] = {}
        for last in sorted(hours):
            span = [last - timedelta(hours=back) for back in range(STEADY_HOURS)]
            counts = [len(hours[hour]) if hour in hours else 0 for hour in span]
            if min(counts) >= STEADY_LEAST and max(counts) <= STEADY_SPREAD * min(counts):
                days[last.date()] = [each for hour in reversed(span) for each in hours[hour].values()]
        for day, inside in days.items():
            place = about.reference(collection)
            found.append(
                _against_use(
                    purpose,
                    Window(day, len(inside), inside),
                    pattern=f"clock/{place}",
                    severity="notice",
                    summary=f"{len(inside)} searches of one collection, evenly over {STEADY_HOURS} hours day "
                    f"and night: more like use than like {purpose}",
                    collection=place,
                    photos=len(inside),
                )
            )
    return found


def _against_use(
    purpose: str, window: Window, *, pattern: str, severity: Severity, summary: str, **figures: Any
) -> Suspicion:
    return Suspicion(
        detector="purpose_against_use",
        severity=severity,
        summary=summary,
        evidence={"purpose": purpose, "day": str(window.day), **figures, "events": events(window.observed)},
        fingerprint=fingerprint("purpose_against_use", pattern, purpose, window.day),
    )
