"""Every comparison within one test, so that a tester can compute all figures by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from countenance.assurance.independent_records import LabelledSample, PairScore
from countenance.similarity import Calibration
from countenance.types import Similarity


def scores_from(
    samples: Sequence[LabelledSample], calibration: Calibration, *, after: tuple[int, int] | None, limit: int
) -> list[PairScore]:
    """At most `limit` pairs of enrolled samples, by their numbers, those behind the pair `after`.

    Args:
        samples: of one test, by number.
    """
    enrolled = [sample for sample in samples if sample.template is not None]
    found: list[PairScore] = []
    for row, sample in enumerate(enrolled):
        if after is not None and sample.number < after[0]:
            continue
        others = enrolled[row + 1 :]
        if after is not None and sample.number == after[0]:
            others = [other for other in others if other.number > after[1]]
        found.extend(_row(sample, others[: limit - len(found)], calibration))
        if len(found) == limit:
            break
    return found


def _row(
    sample: LabelledSample, others: Sequence[LabelledSample], calibration: Calibration
) -> Iterator[PairScore]:
    """Of one sample with others, rounded as every similarity that is answered."""
    if not others:
        return
    references = np.stack([other.template for other in others if other.template is not None])
    similarities = calibration.to_similarity(references @ np.asarray(sample.template))
    for other, similarity in zip(others, similarities, strict=True):
        mated = other.subject == sample.subject
        yield PairScore(sample.number, other.number, Similarity(float(similarity)), mated)
