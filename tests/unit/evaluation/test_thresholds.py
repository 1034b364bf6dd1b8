"""Where to put a threshold so that a rate is kept."""

import numpy as np
import pytest

from countenance.evaluation.thresholds import lowest_threshold
from countenance.evaluation.trials import NEVER

SCORES = np.array([0.9, 0.8, 0.8, 0.5, 0.1], np.float32)
MASSES = np.cumsum([0.1, 0.2, 0.2, 0.2, 0.3])


@pytest.mark.parametrize(
    ("max_rate", "above"),
    [(0.05, 0.9), (0.1, 0.8), (0.3, 0.8), (0.5, 0.5), (0.6, 0.5), (0.7, 0.1)],
)
def test_the_lowest_threshold_is_just_above_the_score_that_would_be_too_much(max_rate, above):
    """Ties at 0.8 weigh 0.4 together and are never split."""
    threshold = lowest_threshold(SCORES, MASSES, max_rate)
    assert threshold == np.nextafter(np.float32(above), np.float32(1))


def test_where_everything_may_match_everything_that_enrolled_does():
    assert lowest_threshold(SCORES, MASSES, 1.0) == np.float32(0.1)
    failed = np.array([0.9, NEVER], np.float32)
    threshold = lowest_threshold(failed, np.array([0.5, 1.0]), 1.0)
    assert np.count_nonzero(failed >= np.float32(threshold)) == 1
