"""What trials can prove: against SciPy's exact binomial test and the published plan of the gate."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from countenance.errors import TooFewTrials
from countenance.evaluation.bounds import lower_bound, require_carried, trials_to_claim, upper_bound

ERRORS = (0, 1, 3, 5, 10)
PLAN = {  # governance.md 3.5: trials with so many errors, one-sided 95 %
    0.02: (150, 236, 386, 526, 851),
    0.01: (300, 475, 780, 1_058, 1_700),
    1e-3: (3_000, 4_771, 7_801, 10_535, 17_013),
    1e-4: (30_000, 47_443, 78_054, 105_225, 169_676),
}
CLAIMS = [
    (rate, errors, trials) for rate, row in PLAN.items() for errors, trials in zip(ERRORS, row, strict=True)
]


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_bounds_are_those_of_the_exact_binomial_test(counts):
    """SciPy's own Clopper-Pearson; its two-sided 90 % interval has the one-sided 95 % bounds as ends."""
    errors, trials = counts
    exact = binomtest(errors, trials).proportion_ci(0.90, method="exact")
    assert upper_bound(errors / trials, trials) == pytest.approx(exact.high, abs=1e-9)
    assert lower_bound(errors / trials, trials) == pytest.approx(exact.low, abs=1e-9)


@pytest.mark.parametrize(("rate", "errors", "trials"), CLAIMS)
def test_the_plan_of_the_gate_is_what_these_bounds_say(rate, errors, trials):
    """Its numbers were looked for upwards from 3 / rate in steps of 1 %, and so is each of them here."""
    looked_at = round(3 / rate)
    while upper_bound(errors / looked_at, looked_at) > rate:
        looked_at = int(looked_at * 1.01) + 1
    assert looked_at == trials


@pytest.mark.parametrize(("rate", "errors", "trials"), CLAIMS)
def test_the_fewest_trials_are_enough_and_one_less_is_not(rate, errors, trials):
    """By the binomial's own sum; the plan, looked for in steps, is up to 1 % above."""
    fewest = trials_to_claim(rate, errors=errors)
    assert binom.cdf(errors, fewest, rate) <= 0.05 < binom.cdf(errors, fewest - 1, rate)
    assert fewest <= trials <= fewest * 1.01 + 1


def test_ninety_eight_per_cent_without_an_error_takes_149():
    """0.98^149 < 0.05 < 0.98^148: the smallest claim, by hand."""
    assert 0.98**149 < 0.05 < 0.98**148
    assert trials_to_claim(0.02) == 149
    assert lower_bound(1.0, 149) >= 0.98 > lower_bound(1.0, 148)


def test_a_claim_that_hardly_claims_takes_hardly_a_trial():
    assert trials_to_claim(0.99) == 1
    assert trials_to_claim(0.99, errors=1) == 2


def test_more_groups_take_more_trials():
    """Bonferroni: each of ten groups is tested at 0.005."""
    assert trials_to_claim(0.02, alpha=0.05 / 10) == math.ceil(math.log(0.005) / math.log(0.98))


@given(st.floats(0.0, 1.0), st.floats(0.5, 1e6), st.floats(0.001, 0.4))
def test_effective_trials_need_not_be_whole(rate, trials, alpha):
    """And the bounds lie on their sides, the other way round for the other outcome."""
    low, high = lower_bound(rate, trials, alpha=alpha), upper_bound(rate, trials, alpha=alpha)
    assert 0.0 <= low <= rate + 1e-9
    assert rate - 1e-9 <= high <= 1.0
    assert high == pytest.approx(1.0 - lower_bound(1.0 - rate, trials, alpha=alpha))


def test_no_error_proves_a_little_and_nothing_but_errors_nothing():
    assert upper_bound(0.0, 57.3) == pytest.approx(1 - 0.05 ** (1 / 57.3))
    assert upper_bound(1.0, 57.3) == 1.0
    assert lower_bound(0.0, 57.3) == 0.0


def test_what_is_no_claim_is_refused():
    for rate, trials, alpha in ((1.1, 5, 0.05), (0.5, 0, 0.05), (0.5, float("nan"), 0.05), (0.5, 5, 0.0)):
        with pytest.raises(ValueError, match="is no"):
            upper_bound(rate, trials, alpha=alpha)
    for rate, errors in ((0.0, 0), (1.0, 0), (0.1, -1)):
        with pytest.raises(ValueError, match="are no claim"):
            trials_to_claim(rate, errors=errors)


def test_a_rate_that_trials_cannot_show_is_refused_with_the_number_it_takes():
    """The number is a value, for reports and for whoever plans a test, not only a text."""
    with pytest.raises(
        TooFewTrials, match=r"FPIR 0\.001 takes 1000 effective trials, there are 999"
    ) as refusal:
        require_carried(1e-3, 999.9, of="FPIR")
    assert refusal.value.trials_needed == 1000
    require_carried(1e-3, 1000.0)
    require_carried(0.1, 1 / 0.1)
