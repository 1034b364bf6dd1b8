"""Two packs on the same people: do they differ, and could a difference have been seen?

Both packs are wrong about the same hard photos, so their difference is surer than either rate. Subjects
are drawn for both at once; each pack has its own threshold, chosen anew in every replicate, because a
false match rate is what is held equal and not a cosine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import binomtest

from countenance.evaluation.bootstrap import draw_counts
from countenance.evaluation.identification import ClosedSet, ranks_of_mates
from countenance.evaluation.intervals import Interval
from countenance.evaluation.paired_draws import (
    replicate_fmr,
    replicate_fnmr,
    replicate_thresholds,
    share_of_noise,
)
from countenance.evaluation.trials import Samples, Trials
from countenance.evaluation.verification import match_rate

_NORMAL_975 = 1.959963984540054
_POWER_80 = 0.8416212335729143


@dataclass(frozen=True, slots=True)
class McNemar:
    """Exact test of decisions that only one of two packs has right, one decision a person.

    Attributes:
        only_first: people whom the first pack alone decides rightly.
        only_second: people whom the second alone does.
        p_value: two-sided: how often a fair coin falls so unevenly.
    """

    only_first: int
    only_second: int
    p_value: float


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """How much higher an error rate of the second pack is than the first's.

    Attributes:
        of: what the rates are, for example "fnmr at fmr 0.0001".
        first: rate of the first pack.
        second: rate of the second.
        interval: of `second - first`, two-sided, 95 %, over the draw of subjects.
        p_value: of the hypothesis that there is no difference, by the same draw.
        detectable: the smallest difference that would have been seen in 80 of 100 data sets like this
            one; None where the packs never decide differently, which tells nothing of what could be.
        mcnemar: where both packs decide once for each person; None elsewhere.
        subjects: people that rates are made from.
    """

    of: str
    first: float
    second: float
    interval: Interval
    p_value: float
    detectable: float | None
    mcnemar: McNemar | None
    subjects: int

    @property
    def difference(self) -> float:
        return self.second - self.first

    @property
    def differ(self) -> bool:
        """Whether the packs are distinguishable on these trials, at 5 %."""
        return self.p_value <= 0.05


def mcnemar(first_right: NDArray[np.bool_], second_right: NDArray[np.bool_]) -> McNemar:
    """Exact McNemar test; independent decisions, the same ones of both packs.

    Raises:
        ValueError: not as many decisions of the one as of the other.
    """
    if len(first_right) != len(second_right):
        raise ValueError(f"{len(first_right)} decisions are compared with {len(second_right)} others")
    only_first = int(np.count_nonzero(first_right & ~second_right))
    only_second = int(np.count_nonzero(second_right & ~first_right))
    discordant = only_first + only_second
    p_value = float(binomtest(only_first, discordant).pvalue) if discordant else 1.0
    return McNemar(only_first, only_second, p_value)


def compare_errors(
    of: str,
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    *,
    one_each: bool = False,
    replicates: int = 2000,
    seed: int = 1,
) -> PairedDifference:
    """Compare error shares of the same people at thresholds that these people did not choose.

    For FNMR and FNIR at a stated threshold, and for ranks.

    Args:
        of: what the rates are.
        first: (people,) share of each person's trials that the first pack has wrong; NaN where none.
        second: (people,) likewise, of the second.
        one_each: whether every person has one trial, so that McNemar's test applies.
        replicates: of the draw.
        seed: of the draw.

    Raises:
        ValueError: other people have trials of the one pack than of the other, or fewer than two have.
    """
    known = ~np.isnan(first)
    if len(first) != len(second) or not np.array_equal(known, ~np.isnan(second)):
        raise ValueError("both packs are compared on the same people, with trials of the same ones")
    one, other = first[known], second[known]
    counts = draw_counts(len(one), replicates=replicates, seed=seed)
    replicated = counts @ (other - one) / len(one)
    test = mcnemar(one == 0.0, other == 0.0) if one_each else None
    return _difference(of, float(one.mean()), float(other.mean()), replicated, mcnemar=test, people=len(one))


def compare_rank_one(
    first: Samples, second: Samples, closed_set: ClosedSet, *, replicates: int = 2000, seed: int = 1
) -> PairedDifference:
    """Compare how often the right person is not first, in the same searches; people weighted equally.

    Raises:
        ValueError: the samples are not of the same people, or fewer than two people are searched for.
    """
    if not np.array_equal(first.subjects, second.subjects):
        raise ValueError("both packs are compared on the same samples")
    searched = first.subjects[closed_set.probes]
    probes = np.bincount(searched, minlength=int(first.subjects.max()) + 1)
    shares = []
    for samples in (first, second):
        missed = np.bincount(searched, ranks_of_mates(samples, closed_set) > 1, minlength=len(probes))
        shares.append(np.divide(missed, probes, out=np.full(len(probes), np.nan), where=probes > 0))
    return compare_errors(
        f"rank-1 misses in a gallery of {len(closed_set.gallery)}",
        *shares,
        one_each=bool(probes.max() == 1),
        replicates=replicates,
        seed=seed,
    )


def compare_fnmr(
    first: tuple[Trials, Trials],
    second: tuple[Trials, Trials],
    *,
    max_fmr: float,
    replicates: int = 1000,
    seed: int = 1,
) -> PairedDifference:
    """Compare FNMR where each pack has the lowest threshold whose FMR does not exceed `max_fmr`.

    Args:
        first: mated and non-mated trials of the first pack.
        second: the same trials, scored by the second.
        max_fmr: in (0, 1).
        replicates: of the draw of subjects, who bring mated and non-mated trials of both packs along.
        seed: of the draw.

    Raises:
        TooFewTrials: so low an FMR was not observed.
        ValueError: the trials are not the same ones.
    """
    for mine, theirs in zip(first, second, strict=True):
        if not (np.array_equal(mine.first, theirs.first) and np.array_equal(mine.second, theirs.second)):
            raise ValueError("both packs are compared on the same trials, in the same order")
    mated, non_mated = first
    people = int(max(side.max() for side in (mated.first, non_mated.first, non_mated.second))) + 1
    counts = draw_counts(people, replicates=replicates, seed=seed)
    one, other = (replicate_fmr(*trials, counts, max_fmr=max_fmr) for trials in (first, second))
    share = share_of_noise(one, other)
    replicated = [
        replicate_fnmr(pack.mated, replicate_thresholds(pack, counts, max_fmr=max_fmr, share=share), counts)
        for pack in (one, other)
    ]
    one_each = len(np.unique(mated.first)) == len(mated)
    return _difference(
        f"fnmr at fmr {max_fmr:g}",
        1.0 - match_rate(one.mated, one.threshold),
        1.0 - match_rate(other.mated, other.threshold),
        replicated[1] - replicated[0],
        mcnemar=mcnemar(one.decided_rightly, other.decided_rightly) if one_each else None,
        people=len(np.unique(mated.first)),
    )


def _difference(
    of: str,
    first: float,
    second: float,
    replicated: NDArray[np.float64],
    *,
    mcnemar: McNemar | None,
    people: int,
) -> PairedDifference:
    """Normal interval and test by the replicates' standard deviation, so that the two never disagree."""
    error = float(np.nanstd(replicated, ddof=1))
    difference = second - first
    half = _NORMAL_975 * error
    certain = 1.0 if difference == 0.0 else 0.0
    return PairedDifference(
        of=of,
        first=first,
        second=second,
        interval=Interval(difference - half, difference + half),
        p_value=float(2.0 * ndtr(-abs(difference) / error)) if error > 0 else certain,
        detectable=(_NORMAL_975 + _POWER_80) * error if error > 0 else None,
        mcnemar=mcnemar,
        subjects=people,
    )
