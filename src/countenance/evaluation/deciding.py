"""From a similarity to a decision: match, review or no match, with the rates that it rests on.

A rate here is what the *answered* similarity stands for, rounded as it is: a finer one would tell the score
that rounding hides. Identification rates are of one search among N enrolled faces none of which is of the
person, by the one model that needs no more than FMR: N comparisons that err by themselves,
`FPIR = 1 - (1 - FMR)^N`. Faces of one person in the gallery do not err by themselves, so it errs upwards.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from countenance.similarity import FMR, Calibration, fmr_at_similarity, meets, similarity_at_fmr
from countenance.types import Similarity


class Decision(StrEnum):
    """What a comparison comes to."""

    MATCH = "MATCH"
    REVIEW = "REVIEW"
    NO_MATCH = "NO_MATCH"


class ReviewReason(StrEnum):
    """Why people have to look before it is a match."""

    BELOW_MATCH_THRESHOLD = "BELOW_MATCH_THRESHOLD"
    RATE_UNCERTAIN = "RATE_UNCERTAIN"
    RATE_EXTRAPOLATED = "RATE_EXTRAPOLATED"
    SEVERAL_USERS_MATCH = "SEVERAL_USERS_MATCH"
    LOW_QUALITY = "LOW_QUALITY"


@dataclass(frozen=True, slots=True)
class RateEstimate:
    """An error rate that a calibration states.

    Attributes:
        rate: a share in [0, 1].
        low, high: its 95 % interval over the draw of people; None where the calibration states none.
        is_extrapolated: the rate is a model's, beyond what trials count.
    """

    rate: float
    low: float | None
    high: float | None
    is_extrapolated: bool

    @classmethod
    def of_matches(cls, similarity: Similarity, calibration: Calibration) -> Self:
        """How often photos of two people are as similar as that, or more."""
        rate = fmr_at_similarity(similarity)
        cosine = calibration.cosine_at_fmr(rate)
        low, high = calibration.fmr_interval(cosine) or (None, None)
        return cls(rate, low, high, calibration.is_extrapolated(cosine))

    def among(self, size: int) -> Self:
        """How often a search among so many faces, none of the person's, finds one or more."""
        rate, low, high = (
            None if each is None else fpir_at(each, size) for each in (self.rate, self.low, self.high)
        )
        assert rate is not None
        return type(self)(rate, low, high, self.is_extrapolated)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """By what a similarity is judged.

    Attributes:
        match: at or above it is a match, if nothing is against it.
        review: at or above it, and below `match`, people look; not above `match`.
        most: the error rate that the caller wants kept; None for none beside the threshold.
        must_be_counted: a rate that no trials counted decides nothing by itself.
    """

    match: Similarity
    review: Similarity
    most: float | None = None
    must_be_counted: bool = False

    def __post_init__(self) -> None:
        if self.review > self.match:
            raise ValueError("what is reviewed lies below what matches")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision with its reasons, in the order of `ReviewReason`; empty unless it is REVIEW."""

    decision: Decision
    reasons: Sequence[ReviewReason] = field(default=())


def decide(
    similarity: Similarity,
    estimate: RateEstimate,
    terms: Terms,
    *,
    is_poor: bool = False,
    has_rival: bool = False,
) -> Verdict:
    """Judge one comparison. Thresholds are inclusive, at the precision that is answered.

    Args:
        estimate: of the rate that `terms.most` bounds.
        is_poor: a face that was compared is below the bar of quality.
        has_rival: a face of another user matches as well: one of the two is a false match for certain.
    """
    if not meets(similarity, terms.review):
        return Verdict(Decision.NO_MATCH)
    if not meets(similarity, terms.match):
        return Verdict(Decision.REVIEW, (ReviewReason.BELOW_MATCH_THRESHOLD,))
    # An interval that is not known backs no claim, so it counts as one that reaches beyond it.
    is_unsure = terms.most is not None and (estimate.high is None or estimate.high > terms.most)
    against = {
        ReviewReason.RATE_UNCERTAIN: is_unsure,
        ReviewReason.RATE_EXTRAPOLATED: terms.must_be_counted and estimate.is_extrapolated,
        ReviewReason.SEVERAL_USERS_MATCH: has_rival,
        ReviewReason.LOW_QUALITY: is_poor,
    }
    reasons = tuple(reason for reason, holds in against.items() if holds)
    return Verdict(Decision.REVIEW if reasons else Decision.MATCH, reasons)


def overall(verdicts: Sequence[Verdict]) -> Decision:
    """Of a search: a match if the best candidate is one, else whatever people must look at."""
    if not verdicts:
        return Decision.NO_MATCH
    return verdicts[0].decision


def fpir_at(fmr: float, size: int) -> float:
    """1 - (1 - FMR)^N, exact for rates far below a double's step at 1."""
    if size == 0:
        return 0.0
    return 1.0 if fmr >= 1.0 else -math.expm1(size * math.log1p(-fmr))


def similarity_at_fpir(fpir: float, size: int) -> Similarity:
    """The least similarity at which a search among so many faces keeps the rate, (0, 1]."""
    if size == 0 or fpir >= 1.0:
        return Similarity(0.0)
    return similarity_at_fmr(FMR(-math.expm1(math.log1p(-fpir) / size)))
