"""Sentences about demographic findings and comparisons, by the written rule (docs/spec/wording.md).

They take plain values, so that a report made from an evaluation's JSON says what one made from objects
does. None of them says more than the trials showed, and what was not seen comes with what could have been.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from countenance.evaluation.cohort_labels import UNLABELLED

FORBIDDEN = (
    *("fair", "unfair", "fairly", "fairness", "biased", "unbiased", "bias-free", "debiased"),
    *("equitable", "equitably", "equity", "non-discriminatory", "colour-blind"),
    *("passes for everyone", "passes for all", "works for everyone", "works for all", "works equally well"),
    *("equally accurate", "there is no difference", "no difference between", "no differences between"),
    *("minority group", "normal group", "reference group", "best group", "worst group"),
)
"""Words that claim what no test shows, or that rank people: `find_forbidden` finds them in a report."""

NAMES = {
    "fmr": "within-group false match rate",
    "fnmr": "false non-match rate",
    "tpr": "true positive rate",
    "fpir": "false positive identification rate",
    "failure_to_enrol": "failure-to-enrol rate",
}
"""What each kind of rate is called in a sentence."""
_MOST_TOLD = 1_000
"""A ratio over which a test is said to see nothing."""
_LOWER = frozenset({"tpr"})
_WORD = re.compile(
    r"(?<![\w-])(?:" + "|".join(re.escape(word) for word in FORBIDDEN) + r")(?![\w-])", re.IGNORECASE
)


def find_forbidden(text: str) -> list[str]:
    """Words of `FORBIDDEN` in a text, in lower case, in order; names of groups must not be passed in."""
    return [match.group(0).lower() for match in _WORD.finditer(" ".join(text.split()))]


def in_order(groups: Sequence[str]) -> list[str]:
    """Names of groups as reports list them: alphabetical, never by rate, subjects without a label last."""
    return sorted(groups, key=lambda name: (name == UNLABELLED, name))


def labels_sentence(*, column: str, labels_by: str | None) -> str:
    """Whose labels the groups are."""
    whose = f"assigned by {labels_by}" if labels_by else "assigned by whom the data set does not say"
    return (
        f"Groups are as the data set's column `{column}` names them, {whose}; "
        "no group is inferred from a face."
    )


def rate_sentence(
    of: str, group: str, *, at: str, rate: float, bound: float, alpha: float, bonferroni: int
) -> str:
    """One group's rate with its bound; `at` says where, for example "Similarity 80"."""
    side = "at least" if of in _LOWER else "at most"
    confidence = f"{100 * (1 - alpha):g} %"
    return (
        f"{group}: {NAMES[of]} {percent(rate)} at {at}, {side} {percent(bound)} "
        f"({confidence} for all {bonferroni} bounds of this table together)."
    )


def small_group_sentence(group: str, *, subjects: int, subjects_needed: int) -> str:
    """Why a group has no rates."""
    return f"{group}: no rates, as it has {subjects} subjects and {subjects_needed} are the least."


def refusal_sentence(of: str, *, at: str, reason: str, trials_needed: int | None) -> str:
    """Why rates are not divided by one another."""
    needed = "" if trials_needed is None else f"; about {trials_needed:,} trials of that group would do"
    return f"How far apart the {NAMES[of]} of groups lies at {at} is not stated: {reason}{needed}."


def equality_sentence(
    of: str, *, at: str, p_value: float, alpha: float, tests: int, detectable_ratio: float | None
) -> str:
    """Whether groups were seen to differ, and if not, what could have been seen."""
    evidence = f"p = {p_value:.2g}, corrected for {tests} test{'s' if tests > 1 else ''}"
    if p_value <= alpha:
        return f"The {NAMES[of]} differs between groups at {at} ({evidence})."
    if detectable_ratio is None:
        could = "no group shows an error, so what could have been seen cannot be said"
    elif detectable_ratio > _MOST_TOLD:
        could = f"could not have seen even a factor of {_MOST_TOLD:,} between two groups"
    else:
        could = f"could have seen a factor of {detectable_ratio:.2g} between two groups"
    return f"No difference of the {NAMES[of]} between groups was seen at {at} ({could}; {evidence})."


def differential_sentence(
    of: str, *, at: str, measure: str, value: float, interval: Mapping[str, float]
) -> str:
    """One measure of how far rates lie apart; the rates themselves are stated before it."""
    return (
        f"{measure} of the {NAMES[of]} over groups at {at}: {value:.3g} "
        f"(95 % interval {interval['low']:.3g} to {interval['high']:.3g})."
    )


def paired_sentence(
    of: str,
    packs: tuple[str, str],
    *,
    difference: float,
    interval: Mapping[str, float],
    p_value: float,
    detectable: float | None,
) -> str:
    """Whether two packs differ on the same trials; `difference` is the second's rate less the first's."""
    between = f"{100 * interval['low']:+.2f} to {100 * interval['high']:+.2f}"
    if p_value <= 0.05:
        lower, higher = packs if difference > 0 else (packs[1], packs[0])
        return (
            f"{lower} has a lower {of} than {higher} on these trials: the difference is "
            f"{100 * abs(difference):.2f} percentage points "
            f"({packs[1]} less {packs[0]}: 95 % interval {between}; p = {p_value:.2g})."
        )
    could = (
        "they never decided differently, so what could have been seen cannot be said"
        if detectable is None
        else f"could have seen a difference of {100 * detectable:.2f} percentage points"
    )
    return (
        f"{packs[0]} and {packs[1]} are not distinguishable by {of} on these trials "
        f"({could}; {packs[1]} less {packs[0]}: 95 % interval {between}; p = {p_value:.2g})."
    )


def percent(rate: float) -> str:
    """A rate for reading: three figures, and no rounding to 0 or 100 %."""
    if rate in {0.0, 1.0}:
        return f"{100 * rate:g} %"
    if rate <= 0.5:
        return f"{100 * rate:.3g} %"
    # nines are what a reader looks for, so the remainder is given its figures
    power = int(f"{100 * (1.0 - rate):e}".split("e")[1])
    return f"{100 * rate:.{max(1, 1 - power)}f} %"
