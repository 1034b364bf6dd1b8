"""Attacks by species: against hand-computed tables and exact intervals."""

import numpy as np
import pytest
from scipy.stats import binomtest

from countenance.errors import TooFewTrials
from countenance.evaluation.attack_detection import (
    OPERATING_POINTS,
    Presentations,
    attack_detection_at,
    bpcer_at_apcer,
    det,
    proportion,
)

BONA_FIDE = Presentations(np.array([0.9, 0.8, 0.7, 0.4, np.nan]))
ATTACKS = {
    "screen": Presentations(np.array([0.1, 0.2, 0.6, np.nan]), np.array([True, True, True, True])),
    "print": Presentations(np.array([0.1, 0.2, 0.3, 0.4])),
    "mask": Presentations(np.array([0.55, 0.45, 0.65, 0.2]), np.array([True, False, False, True])),
}


def test_rates_by_hand():
    """At 0.5: mask 2 of 4, print 0 of 4, screen 1 of 3 answered; bona fide 1 of 4 refused, 1 of 5 silent."""
    found = attack_detection_at(0.5, BONA_FIDE, ATTACKS)
    assert [rates.species for rates in found.species] == ["mask", "print", "screen"]
    assert [(r.apcer.count, r.apcer.trials) for r in found.species] == [(2, 4), (0, 4), (1, 3)]
    assert [(r.non_response.count, r.non_response.trials) for r in found.species] == [(0, 4), (0, 4), (1, 4)]
    assert (found.bpcer.count, found.bpcer.trials) == (1, 4)
    assert (found.non_response.count, found.non_response.trials) == (1, 5)


def test_the_worst_species_decides_and_never_the_mean():
    """3 of 11 pooled would be 27 %; whoever attacks takes a mask, 50 %."""
    found = attack_detection_at(0.5, BONA_FIDE, ATTACKS)
    assert (found.worst.species, found.worst.apcer.rate) == ("mask", 0.5)


def test_accepted_impostors_pass_both_detection_and_comparison():
    """Of all attacks, also of those without an answer (IAPAR); None where nothing was compared."""
    found = {rates.species: rates.accepted for rates in attack_detection_at(0.5, BONA_FIDE, ATTACKS).species}
    assert (found["mask"].count, found["mask"].trials) == (1, 4)
    assert (found["screen"].count, found["screen"].trials) == (1, 4)
    assert found["print"] is None


def test_a_score_at_the_threshold_is_bona_fide():
    at = attack_detection_at(0.4, BONA_FIDE, {"print": Presentations(np.array([0.4, 0.3]))})
    assert at.worst.apcer.count == 1
    assert at.bpcer.count == 0


@pytest.mark.parametrize(("count", "trials"), [(0, 30), (3, 40), (40, 40), (150, 1000)])
def test_intervals_are_exact(count, trials):
    """SciPy's Clopper-Pearson interval, two-sided and one-sided."""
    mine = proportion(count, trials, alpha=0.05)
    two = binomtest(count, trials).proportion_ci(0.95, method="exact")
    one = binomtest(count, trials, alternative="less").proportion_ci(0.95, method="exact")
    assert (mine.interval.low, mine.interval.high) == pytest.approx((two.low, two.high))
    assert mine.upper == pytest.approx(one.high)


def test_bounds_of_all_species_hold_together():
    """Each is at alpha / 3; the worst's bound is the highest of them, which may be a small species'."""
    attacks = {
        "a": Presentations(np.r_[np.full(10, 0.9), np.full(990, 0.1)]),
        "b": Presentations(np.full(20, 0.1)),
        "c": Presentations(np.full(500, 0.1)),
    }
    found = attack_detection_at(0.5, BONA_FIDE, attacks)
    assert found.worst.species == "a"
    few = binomtest(0, 20, alternative="less").proportion_ci(1 - 0.05 / 3, method="exact").high
    assert found.worst_upper == pytest.approx(few)


def test_a_species_that_never_got_an_answer_leaves_no_bound():
    """Silence is not detection: APNRR says it, and the worst APCER may be anything."""
    attacks = {"print": Presentations(np.full(100, 0.1)), "odd": Presentations(np.full(5, np.nan))}
    found = attack_detection_at(0.5, BONA_FIDE, attacks)
    assert found.species[0].apcer is None
    assert found.species[0].non_response.rate == 1.0
    assert found.worst.species == "print"
    assert found.worst_upper == 1.0


def test_the_det_curve_agrees_with_rates_at_each_threshold():
    curve = det(BONA_FIDE, ATTACKS)
    thresholds = [point.threshold for point in curve]
    assert thresholds == sorted(thresholds)
    for point in curve:
        at = attack_detection_at(point.threshold, BONA_FIDE, ATTACKS)
        assert point.apcer_worst == pytest.approx(at.worst.apcer.rate)
        assert point.bpcer == pytest.approx(at.bpcer.rate)
    assert (curve[0].apcer_worst, curve[0].bpcer) == (1.0, 0.0)
    assert (curve[-1].apcer_worst, curve[-1].bpcer) == (0.0, 1.0)


@pytest.mark.parametrize("max_apcer", OPERATING_POINTS)
def test_bpcer_at_apcer_is_the_least_that_the_curve_allows(max_apcer):
    random = np.random.default_rng(1)
    bona_fide = Presentations(random.normal(2, 1, 400))
    attacks = {"a": Presentations(random.normal(0, 1, 300)), "b": Presentations(random.normal(0.5, 1, 150))}
    found = bpcer_at_apcer(bona_fide, attacks, max_apcer=max_apcer)
    allowed = [point.bpcer for point in det(bona_fide, attacks) if point.apcer_worst <= max_apcer]
    assert found.bpcer.rate == pytest.approx(min(allowed))
    assert found.apcer_worst <= max_apcer


def test_an_apcer_that_a_species_cannot_show_is_refused():
    """99 attacks of one species cannot show 1 %, however many there are of another."""
    attacks = {
        "a": Presentations(np.zeros(5000)),
        "b": Presentations(np.r_[np.zeros(99), np.full(9, np.nan)]),
    }
    with pytest.raises(TooFewTrials, match="needs 100 attacks of every species with an answer") as error:
        bpcer_at_apcer(BONA_FIDE, attacks, max_apcer=0.01)
    assert error.value.trials_needed == 100
    assert bpcer_at_apcer(BONA_FIDE, attacks, max_apcer=0.05).bpcer.trials == 4


def test_nothing_to_classify_is_an_error():
    silent = Presentations(np.full(3, np.nan))
    with pytest.raises(ValueError, match="nothing to classify"):
        attack_detection_at(0.5, silent, ATTACKS)
    with pytest.raises(ValueError, match="nothing to classify"):
        attack_detection_at(0.5, BONA_FIDE, {"a": silent})
    with pytest.raises(TooFewTrials, match="bona fide"):
        bpcer_at_apcer(silent, {"a": Presentations(np.zeros(20))}, max_apcer=0.1)
    with pytest.raises(ValueError, match="no presentations"):
        Presentations(np.array([]))
    with pytest.raises(ValueError, match="one a presentation"):
        Presentations(np.zeros(2), np.array([True]))
    with pytest.raises(ValueError, match="no proportion"):
        proportion(3, 2)
