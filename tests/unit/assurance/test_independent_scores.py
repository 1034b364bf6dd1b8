"""All comparisons of a test, a page at a time."""

from __future__ import annotations

import numpy as np
import pytest

from countenance.assurance.independent_records import LabelledSample
from countenance.assurance.independent_scores import scores_from
from countenance.similarity import Calibration

CALIBRATION = Calibration(
    cosine=(0.0, 0.5, 1.0), neg_log10_fmr=(1.0, 4.0, 7.0), trials=1, extrapolated_from=1.0
)


def sample(number, subject, template):
    made = None if template is None else np.array(template, np.float32)
    return LabelledSample(number, subject, {}, "0" * 64, is_boxed=False, template=made)


SAMPLES = [
    sample(2, "a", (1.0, 0.0)),
    sample(3, "b", None),
    sample(5, "a", (0.6, 0.8)),
    sample(9, "b", (0.0, 1.0)),
    sample(10, "b", (0.5, np.sqrt(0.75))),
]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 6, 100])
def test_pages_of_any_size_have_every_pair_once_in_order(size):
    """Whoever reads on from where a page ended misses none and counts none twice."""
    found, after = [], None
    while page := scores_from(SAMPLES, CALIBRATION, after=after, limit=size):
        assert len(page) <= size
        found.extend(page)
        after = page[-1].first, page[-1].second
    assert [(each.first, each.second) for each in found] == [
        *((2, 5), (2, 9), (2, 10), (5, 9), (5, 10)),
        (9, 10),
    ]
    assert [each.mated for each in found] == [True, False, False, False, False, True]


def test_similarities_are_those_that_are_answered_everywhere():
    """80 at a false match rate of 1e-4, to a hundredth."""
    [_, _, at_half, *_] = scores_from(SAMPLES, CALIBRATION, after=None, limit=10)
    assert at_half.similarity == pytest.approx(80.0, abs=0.005)
    assert all(
        round(each.similarity, 2) == pytest.approx(each.similarity, abs=1e-5)
        for each in scores_from(SAMPLES, CALIBRATION, after=None, limit=10)
    )


def test_of_fewer_than_two_templates_there_is_no_score():
    assert scores_from(SAMPLES[:2], CALIBRATION, after=None, limit=10) == []
    assert scores_from([], CALIBRATION, after=None, limit=10) == []
