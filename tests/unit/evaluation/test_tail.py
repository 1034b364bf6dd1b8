"""Beyond the trials: against SciPy's generalised Pareto distribution."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import genpareto

from countenance.evaluation.tail import Tail, fit_tail, replicate_decades


@pytest.mark.parametrize(("shape", "seed"), [(0.1, 1), (0.3, 2), (0.6, 3)])
def test_the_fit_is_scipys(shape, seed):
    """Maximum likelihood by another way: SciPy's search over shape and scale."""
    excess = genpareto.rvs(shape, scale=0.05, size=800, random_state=seed)
    tail = fit_tail(excess, np.ones(800), start=0.4)
    found_shape, _, found_scale = genpareto.fit(excess, floc=0.0)
    assert tail.shape == pytest.approx(found_shape, abs=0.005)
    assert tail.scale == pytest.approx(found_scale, rel=0.005)
    assert (tail.start, tail.exceedances) == (0.4, 800)


def test_a_weight_of_two_is_two_trials():
    excess = genpareto.rvs(0.3, scale=0.05, size=500, random_state=4)
    weights = np.where(np.arange(500) < 200, 2.0, 1.0)
    weighted = fit_tail(excess, weights, start=0.0)
    repeated = fit_tail(np.repeat(excess, weights.astype(int)), np.ones(700), start=0.0)
    assert (weighted.scale, weighted.shape) == pytest.approx((repeated.scale, repeated.shape))


def test_a_tail_that_ends_is_taken_as_log_linear():
    """Its likeliest shape is below 0, and promising so much is what trials cannot."""
    excess = genpareto.rvs(-0.3, scale=0.05, size=800, random_state=5)
    tail = fit_tail(excess, np.ones(800), start=0.4)
    assert tail.shape == 0.0
    assert tail.scale == pytest.approx(excess.mean())


def decades_by_scipy(shape, scale, joint, beyond):
    fallen = genpareto.logsf(beyond, shape, scale=scale) - genpareto.logsf(joint, shape, scale=scale)
    return -fallen / np.log(10)


@pytest.mark.parametrize(("shape", "may_end"), [(0.3, False), (0.3, True), (-0.25, True)])
def test_each_replicate_has_the_tail_of_its_own_weights(shape, may_end):
    """Against SciPy's survival function at the likeliest parameters, found by a search of its own."""
    excess = genpareto.rvs(shape, scale=0.05, size=600, random_state=6)
    random = np.random.default_rng(7)
    weights = random.multinomial(600, np.full(600, 1 / 600), size=3).astype(float)
    joint, beyond = 0.03, np.array([0.05, 0.08])
    decades = replicate_decades(excess, weights, joint=joint, beyond=beyond, may_end=may_end)

    for replicate, row in enumerate(weights):

        def cost(parameters, row=row):
            drawn = row > 0
            likelihood = genpareto.logpdf(excess[drawn], parameters[0], scale=np.exp(parameters[1]))
            return -float(np.sum(row[drawn] * likelihood))

        best = minimize(cost, [shape, np.log(0.05)], method="Nelder-Mead", options={"xatol": 1e-6}).x
        expected = decades_by_scipy(best[0], np.exp(best[1]), joint, beyond)
        assert decades[replicate] == pytest.approx(expected, rel=0.02)


def test_tails_that_may_end_fall_at_least_as_far_and_are_not_told_to_the_end():
    excess = genpareto.rvs(-0.3, scale=0.05, size=600, random_state=8)
    weights = np.ones((2, 600))
    beyond = np.array([0.1, 0.15, 1.0])
    ending = replicate_decades(excess, weights, joint=0.05, beyond=beyond, may_end=True)
    never = replicate_decades(excess, weights, joint=0.05, beyond=beyond, may_end=False)
    assert np.all(ending >= never - 1e-9)
    assert ending[0, 2] == 12.0
    assert never[0, 0] == pytest.approx(0.05 / excess.mean() / np.log(10), rel=1e-3)


def test_a_replicate_without_an_exceedance_has_no_tail():
    """It says nothing about the slope, and the others are not asked to wait for it."""
    excess = np.array([0.01, 0.02, 0.04])
    weights = np.array([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
    decades = replicate_decades(excess, weights, joint=0.005, beyond=np.array([0.05]), may_end=False)
    assert decades.shape == (1, 1)


def test_a_tail_says_how_far_above_a_cosine_so_many_decades_lie():
    tail = Tail(start=0.4, scale=0.03, shape=0.2, exceedances=10)
    further = tail.excess_at(2.0, beyond=0.5)
    assert decades_by_scipy(0.2, 0.03, 0.1, 0.1 + further) == pytest.approx(2.0)
