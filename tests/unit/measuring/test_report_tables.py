"""Tables hold what the evaluation holds."""

import copy

import pytest

from countenance.measuring.cohort_tables import in_order
from countenance.measuring.evaluation_tables import tables_of
from countenance.measuring.report_tables import NOTHING, Column, shown, table
from sample_evaluation import compared_evaluation, rate, refused

SAMPLE = compared_evaluation()
TABLES = {each.name: each for each in tables_of(SAMPLE)}


def numbers_in(value):
    if isinstance(value, dict):
        for each in value.values():
            yield from numbers_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from numbers_in(each)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def test_every_measured_number_is_in_a_table():
    """A figure that is drawn or told is also written down, with all its digits."""
    measured = {
        member: SAMPLE[member]
        for member in ("failure_to_enrol", "verification", "identification", "cohorts", "detection")
    }
    held = set()
    for each in TABLES.values():
        for row in each.rows:
            for cell in row:
                held |= {cell} if isinstance(cell, int | float) else set(numbers_in(cell))
    assert {(value) for value in numbers_in(measured) if isinstance(value, float)} - held - {
        SAMPLE["verification"]["effective_non_mated"],
        SAMPLE["detection"]["iou"],  # in the caption
        SAMPLE["cohorts"][0]["alpha"],  # in the section's sentences
    } == set()


def test_names_of_tables_are_file_names_and_stand_once():
    names = [each.name for each in tables_of(SAMPLE)]
    assert len(set(names)) == len(names)
    assert all(name.replace("-", "").isalnum() and name.isascii() for name in names)


def test_what_was_not_measured_makes_no_table():
    evaluation = {
        name: SAMPLE[name]
        for name in ("format", "made_at", "program", "machine", "pack", "calibration", "data", "protocol")
    }
    assert [each.name for each in tables_of(evaluation)] == ["facts"]


def test_groups_stand_in_alphabetical_order_and_those_without_a_label_last():
    """Never by rate: an order by rate is a ranking of people."""
    groups = [{"group": name} for name in ("zeta", "(unlabelled)", "alpha", "beta")]
    assert [each["group"] for each in in_order(groups)] == ["alpha", "beta", "zeta", "(unlabelled)"]
    cohort = copy.deepcopy(SAMPLE)
    cohort["cohorts"][0]["rates"].reverse()
    rows = {each.name: each for each in tables_of(cohort)}["cohort-1-rates"].rows
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)


def test_whose_labels_they_are_is_said_with_the_rates():
    for name in ("cohort-1-rates", "cohort-1-enrolling", "cohort-1-searches"):
        assert SAMPLE["cohorts"][0]["labels_by"] in TABLES[name].caption


def test_a_rate_is_shown_with_its_range_and_its_trials():
    cell = shown(rate(10, 1_000, bound="high"), Column("fpir", "FPIR", "rate"))
    said = f"{cell.words} {cell.range} {cell.rests_on}".replace("\u00a0", " ")
    assert said == "1.00 % (0.54 % to 1.83 %) 1,000 trials, 1,000 effective; one-sided bound 1.83 %"


def test_a_refusal_says_why_and_what_it_would_take():
    cell = shown(refused(10_000), Column("fmr", "FMR", "small rate"))
    assert cell.is_refusal
    assert "10,000 trials" in cell.words


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [("count", 12_345, "12,345"), ("value", 0.123456789, "0.12346"), ("text", "a\u202e", "a⟨U+202E⟩")],
)
def test_other_cells(kind, value, words):
    assert shown(value, Column("x", "x", kind)).words == words
    assert shown(None, Column("x", "x", kind)).words == NOTHING


def test_a_row_is_as_wide_as_its_table():
    with pytest.raises(AssertionError):
        table("x", "x", [Column("a", "a", "text")], [["a", "b"]])


def test_attack_detection_has_all_its_numbers_or_why_it_has_none():
    """What bounds the worst species is what somebody who lets people in by it has to know."""
    found = SAMPLE["attack_detection"]
    worst = TABLES["attack-detection-worst"]
    assert [column.name for column in worst.columns] == [
        "threshold",
        "apcer_worst",
        "apcer_worst_bound",
        "alpha",
    ]
    assert worst.rows == (
        (found["threshold"], found["apcer_worst"], found["apcer_worst_bound"], found["alpha"]),
    )
    assert TABLES["attack-detection-bona-fide"].rows == ((found["bpcer"], found["bpnrr"]),)
    assert {(row[0], row[2]["rate"]) for row in TABLES["attack-detection"].rows} == {
        (each["species"], each["apnrr"]["rate"]) for each in found["apcer"]
    }
    evaluation = copy.deepcopy(SAMPLE)
    evaluation["attack_detection"] = {"threshold": 0.5, **refused(1)}
    held = {each.name: each for each in tables_of(evaluation)}
    assert "attack-detection-worst" not in held
    assert held["attack-detection"].rows == ((evaluation["attack_detection"],),)
