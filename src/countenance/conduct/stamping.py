"""A detector of reviews that are none: what the examiners of an account did, and not what its calls did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from statistics import median
from typing import Any, Final

from countenance.conduct.observations import Observed
from countenance.conduct.suspicion import About, Examined, Suspicion, fingerprint

LOOKED_BACK: Final = timedelta(days=30)
"""Examinations that were submitted since then are looked at."""
REVIEWS: Final = 50
REVIEW_SECONDS: Final = 10.0
REVIEW_AGREEMENT: Final = 0.99
"""Median under ten seconds with over 99 % agreement. (governance reference 1.5; how many reviews is our own
number)"""
EXAMINATIONS: Final = 20
"""Of one examiner: fewer may come of one quiet or one bad afternoon. (our own number)"""
HURRIED: Final = 1.2
HURRIED_SHARE: Final = 0.9
"""Nine in ten of an examiner's verdicts came within 1.2 times the least time that is taken: they wait for the
clock, and do not look until they have seen. (our own numbers)"""
SUPPORTED_SHARE: Final = 0.99
"""Of lists of two candidates or more, in which searches as a rule have at most one right face. (our own)"""
TRIAL_PAIRS: Final = 10
TRIAL_WRONG: Final = 1 / 3
"""Of pairs of which it is known: whoever guesses is wrong in half of them. (our own numbers)"""
_NAME: Final = "rubber_stamped_reviews"


def rubber_stamped_reviews(observed: Sequence[Observed], about: About) -> list[Suspicion]:
    """Reviews that are none, by account and by examiner.

    Looks for: in the last LOOKED_BACK, REVIEWS reviews or more with a median under REVIEW_SECONDS and
    agreement over REVIEW_AGREEMENT, or all by one pair; and an examiner with EXAMINATIONS or more of which
    HURRIED_SHARE came within HURRIED times the least time, or who supported SUPPORTED_SHARE of the candidates
    of as many lists of two or more, or who was wrong about TRIAL_WRONG of TRIAL_PAIRS known pairs or more.
    Innocent: a unit of two has no other pair; an account whose lists show one person enrolled several times;
    trials that are harder than searches. So all of it is a notice, for a person to look into.
    Cannot see: people who wait before they click, and who support all but one in a hundred.
    """
    del observed
    by_examiner: dict[str, list[Examined]] = defaultdict(list)
    for each in about.examined:
        by_examiner[each.examiner].append(each)
    return [
        *_of_account(about),
        *(
            suspicion
            for examiner, theirs in sorted(by_examiner.items())
            for suspicion in _of_examiner(about.reference(examiner), theirs)
        ),
    ]


def _of_account(about: About) -> list[Suspicion]:
    reviews = about.reviews
    if len(reviews) < REVIEWS:
        return []
    seconds = median(review.seconds for review in reviews)
    agreed = sum(review.agreed for review in reviews) / len(reviews)
    pairs = len({review.reviewers for review in reviews})
    is_quick = seconds < REVIEW_SECONDS and agreed > REVIEW_AGREEMENT
    if not is_quick and pairs > 1:
        return []
    told = (
        f"in {seconds:.0f} s at the median, {agreed:.1%} agreed" if is_quick else "all by the same two people"
    )
    return [
        _suspicion(
            f"{len(reviews)} reviews, {told}",
            {
                "reviews": len(reviews),
                "median_seconds": round(seconds, 1),
                "agreement": round(agreed, 4),
                "pairs": pairs,
            },
            "quick" if is_quick else "pair",
            len(reviews) // REVIEWS,
        )
    ]


def _of_examiner(reference: str, theirs: Sequence[Examined]) -> list[Suspicion]:
    return [*_hurried(reference, theirs), *_always(reference, theirs), *_fails_trials(reference, theirs)]


def _hurried(reference: str, theirs: Sequence[Examined]) -> list[Suspicion]:
    timed = [each for each in theirs if each.least_s > 0]
    hurried = sum(each.seconds <= HURRIED * each.least_s for each in timed)
    if len(timed) < EXAMINATIONS or hurried < HURRIED_SHARE * len(timed):
        return []
    return [
        _suspicion(
            f"one examiner decided {hurried} of {len(timed)} examinations as soon as a verdict was taken",
            {"examiner": reference, "examinations": len(timed), "at_the_least_time": hurried},
            "hurried",
            reference,
            len(timed) // EXAMINATIONS,
        )
    ]


def _always(reference: str, theirs: Sequence[Examined]) -> list[Suspicion]:
    lists = [each for each in theirs if each.candidates >= 2]
    candidates, supported = sum(each.candidates for each in lists), sum(each.supported for each in lists)
    if len(lists) < EXAMINATIONS or supported < SUPPORTED_SHARE * candidates:
        return []
    return [
        _suspicion(
            f"one examiner supported {supported} of {candidates} candidates in {len(lists)} lists",
            {"examiner": reference, "lists": len(lists), "candidates": candidates, "supported": supported},
            "always",
            reference,
            len(lists) // EXAMINATIONS,
        )
    ]


def _fails_trials(reference: str, theirs: Sequence[Examined]) -> list[Suspicion]:
    known, wrong = sum(each.known for each in theirs), sum(each.wrong for each in theirs)
    if known < TRIAL_PAIRS or wrong < TRIAL_WRONG * known:
        return []
    return [
        _suspicion(
            f"one examiner was wrong about {wrong} of {known} pairs that were known",
            {"examiner": reference, "known_pairs": known, "wrong": wrong},
            "trials",
            reference,
            known // TRIAL_PAIRS,
        )
    ]


def _suspicion(summary: str, evidence: Mapping[str, Any], *parts: object) -> Suspicion:
    return Suspicion(
        detector=_NAME,
        severity="notice",
        summary=summary,
        evidence=evidence,
        fingerprint=fingerprint(_NAME, *parts),
    )
