"""Attack detection, from the scores that a data set states."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from scipy.stats import beta

from countenance.measuring.data_sets import DataSet, Photo
from countenance.measuring.group_shape import ATTACK_DETECTION
from countenance.measuring.pad_scores import attack_figures, parse_pad_score
from countenance.measuring.photos import data_digest


def data_of(bona_fide, **attacks):
    """A data set with these scores; None is no answer."""
    photos = tuple(Photo(f"{i}.jpg", "ann", pad_score=score) for i, score in enumerate(bona_fide))
    presented = tuple(
        Photo(f"{name}{i}.jpg", "ann", species=name, pad_score=score)
        for name, scores in attacks.items()
        for i, score in enumerate(scores)
    )
    return DataSet("set", "table", Path("/nowhere"), photos, attacks=presented, has_pad_scores=True)


def test_rates_of_a_hand_computed_table():
    """The threshold is inclusive; who got no answer is in no APCER or BPCER, and is told apart."""
    found = attack_figures(
        data_of([0.5, 0.9, 0.49, None], print=[0.5, 0.1, 0.2, 0.3, None], screen=[0.1, 0.2]), 0.5
    )
    ATTACK_DETECTION(found, "attack_detection")
    printed, screen = found["apcer"]
    assert (printed["species"], printed["rate"], printed["trials"]) == ("print", 1 / 4, 4)
    assert (printed["apnrr"]["rate"], printed["apnrr"]["trials"]) == (1 / 5, 5)
    assert (screen["species"], screen["rate"]) == ("screen", 0.0)
    assert found["apcer_worst"] == 1 / 4
    assert (found["bpcer"]["rate"], found["bpcer"]["trials"], found["bpnrr"]["rate"]) == (1 / 3, 3, 1 / 4)
    assert printed["interval"]["high"] == pytest.approx(beta.ppf(0.975, 2, 3))
    assert screen["bound"] == pytest.approx(1 - 0.025 ** (1 / 2))  # 0 of 2, at 0.05 / 2 species
    assert found["apcer_worst_bound"] == pytest.approx(max(beta.ppf(0.975, 2, 3), screen["bound"]))


def test_a_species_without_an_answer_is_refused_and_bounds_nothing():
    """It may be the one that always passes."""
    found = attack_figures(data_of([0.9], mask=[None, None], print=[0.1] * 50), 0.5)
    ATTACK_DETECTION(found, "attack_detection")
    assert found["apcer"][0]["refused"] == "no attack of this species has a score"
    assert found["apcer"][0]["apnrr"]["rate"] == 1.0
    assert found["apcer_worst"] == 0.0
    assert found["apcer_worst_bound"] == 1.0


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (data_of([0.9]), "no attack has a score"),
        (data_of([0.9], mask=[None]), "no attack has a score"),
        (data_of([None], mask=[0.1]), "no bona fide presentation has a score"),
    ],
)
def test_without_answers_of_both_kinds_it_is_refused(data, why):
    found = attack_figures(data, 0.5)
    ATTACK_DETECTION(found, "attack_detection")
    assert found == {"threshold": 0.5, "refused": why, "trials_needed": 1}


@pytest.mark.parametrize(
    ("value", "score"),
    [("", None), ("  ", None), (None, None), (math.nan, None), (" -3.5 ", -3.5), (2, 2.0), ("1e6", 1e6)],
)
def test_a_score_as_tables_have_it(value, score):
    """CSV has text, Parquet numbers, and pandas NaN for nothing."""
    assert parse_pad_score(value) == score


@pytest.mark.parametrize("value", ["nan", "x", True, [1.0], math.inf, "1000000.1", 10**400])
def test_what_is_no_score_is_refused(value):
    with pytest.raises(ValueError, match=r"no number|not from -1,000,000 to 1,000,000"):
        parse_pad_score(value)


def test_scores_are_of_the_data_sets_digest_and_their_absence_is_not():
    """An evaluation is bound to what was measured; data sets without scores keep the digests on record."""
    scored, other, none = (data_digest(data_of([score]), [b"x"]) for score in (0.5, 0.6, None))
    assert len({scored, other, none}) == 3
    assert none == "2f150a407e73442c6a8148c7a34f80369bfc8f3eba02d260dd649418ce5c3745"
