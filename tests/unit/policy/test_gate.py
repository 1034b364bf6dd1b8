"""What an evaluation must show, and what of it is missing."""

from __future__ import annotations

import dataclasses

import pytest

from countenance.facts import Evaluated, EvaluationFacts
from countenance.policy import load_purposes
from countenance.policy.gate import MISSING, Gate, covered_bp, missing, most_faces, parse_gate

GATE = Gate(groups=2, least_tpr_bp=9800, most_fmr_ppm=100, most_fpir_ppm=1000, gallery_percent=90)
FACTS = EvaluationFacts(
    groups=2, worst_group_tpr_bp=9800, worst_group_fmr_ppm=100, worst_group_fpir_ppm=1000, gallery=900
)


def lacks(faces: int | None = 1000, *, searches: bool = True, **changes):
    evaluated = Evaluated(standing="in_force", decides=dataclasses.replace(FACTS, **changes))
    return missing(evaluated, GATE, gallery=faces, searches=searches)


def test_a_gate_is_written_in_shares_and_judged_in_whole_numbers():
    told = {"groups": 2, "tpr": 0.98, "fmr": 0.0001, "fpir": 0.001, "gallery": 0.9}
    assert parse_gate(told) == GATE
    assert parse_gate({"groups": 3, "tpr": 0.995}) == Gate(groups=3, least_tpr_bp=9950)


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"groups": 1},
        {"groups": "2"},
        {"groups": 2, "tpr": 98},
        {"groups": 2, "tpr": 1.5},
        {"groups": 2, "tpr": 0.0},
        {"groups": 2, "tpr": 0.98765},
        {"groups": 2, "fmr": 1e-7},
        {"groups": 2, "fpir": 0.001},
        {"groups": 2, "gallery": 0.9},
        {"groups": 2, "trp": 0.98},
    ],
    ids=str,
)
def test_a_gate_that_would_not_hold_what_it_says_is_refused(told):
    """A misspelt member, or one finer than what is judged, would ask for less than was meant."""
    with pytest.raises((TypeError, ValueError)):
        parse_gate(told)


def test_what_is_at_the_edge_passes_and_what_is_over_it_is_named():
    assert lacks() == frozenset()
    over = {
        "cohorts": {"groups": 1},
        "tpr": {"worst_group_tpr_bp": 9799},
        "fmr": {"worst_group_fmr_ppm": 101},
        "fpir": {"worst_group_fpir_ppm": 1001},
        "gallery": {"gallery": 899},
    }
    for name, change in over.items():
        assert lacks(**change) == {name}
    assert lacks(1001) == {"gallery"}
    assert lacks(worst_group_tpr_bp=0, worst_group_fmr_ppm=10**6) == {"tpr", "fmr"}


def test_what_is_not_shown_does_not_pass():
    for name in ("worst_group_tpr_bp", "worst_group_fmr_ppm", "worst_group_fpir_ppm", "gallery"):
        assert lacks(**{name: None})
    assert lacks(None) == {"gallery"}


def test_without_groups_there_is_one_reason_and_not_five():
    """Their bounds are missing because nobody looked at groups."""
    assert lacks(groups=0, worst_group_tpr_bp=None, gallery=None) == {"cohorts"}


def test_a_comparison_has_no_gallery():
    assert lacks(None, searches=False) == frozenset()


@pytest.mark.parametrize(
    ("standing", "told"),
    [
        ("none", "evaluation"),
        ("withdrawn", "evaluation"),
        ("revoked", "evaluation"),
        ("damaged", "evaluation"),
        ("expired", "expired"),
        ("other", "other"),
    ],
)
def test_what_does_not_count_is_missing_whatever_it_shows(standing, told):
    evaluated = Evaluated(standing=standing, decides=FACTS)
    assert missing(evaluated, GATE, gallery=1, searches=True) == {told}
    assert told in MISSING


def test_a_standing_without_an_evaluation_counts_for_nothing():
    """Fail closed, should the two ever part."""
    assert missing(Evaluated(standing="in_force"), GATE, gallery=1, searches=True) == {"evaluation"}


def test_what_asks_for_no_gate_lacks_nothing():
    assert missing(Evaluated(), None, gallery=None, searches=True) == frozenset()


@pytest.mark.parametrize(
    ("evaluated", "gallery", "covered"),
    [
        (900, 1000, 9000),
        (899, 1000, 8990),
        (8999, 10_000, 8999),
        (5, 0, 50_000),
        (None, 5, None),
        (5, None, None),
    ],
)
def test_how_much_of_a_collection_was_evaluated_is_rounded_down(evaluated, gallery, covered):
    facts = EvaluationFacts(gallery=evaluated)
    assert covered_bp(facts, gallery) == covered


def test_the_largest_collection_that_an_evaluation_is_enough_for_passes_and_one_face_more_does_not():
    """What a refusal tells is what is judged."""
    for evaluated in range(1, 300):
        most = most_faces(EvaluationFacts(gallery=evaluated), 90)
        stands = Evaluated(standing="in_force", decides=dataclasses.replace(FACTS, gallery=evaluated))
        assert missing(stands, GATE, gallery=most, searches=True) == frozenset()
        assert missing(stands, GATE, gallery=most + 1, searches=True) == {"gallery"}
    assert most_faces(None, 90) is None
    assert most_faces(EvaluationFacts(), 90) is None


def test_purposes_ask_for_what_the_law_and_the_standard_ask_for():
    gates = {name: purpose.gate for name, purpose in load_purposes().items() if purpose.gate}
    assert gates == {
        "identity-proofing": Gate(groups=2, least_tpr_bp=9900, most_fmr_ppm=100),
        "fraud-prevention": Gate(groups=2, least_tpr_bp=9800, most_fpir_ppm=1000, gallery_percent=90),
        "investigative-lead": Gate(groups=2, least_tpr_bp=9800, most_fpir_ppm=1000, gallery_percent=90),
    }
