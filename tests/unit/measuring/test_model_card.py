"""The measured part of a card says what the evaluation holds."""

import copy

import pytest

from countenance.errors import InvalidEvaluation
from countenance.measuring.evaluation_file import evaluation_digest
from countenance.measuring.model_card import measured_block
from sample_evaluation import compared_evaluation, rate, sample_evaluation

SAMPLE = sample_evaluation()
BLOCK = measured_block(SAMPLE)


def rows_of(block, first):
    """Cells of the rows whose first cell is this."""
    rows = [line.strip("| ").split(" | ") for line in block.splitlines() if line.startswith("|")]
    return [row[1:] for row in rows if row[0] == first]


def test_it_says_what_was_measured():
    """A card whose pack or calibration is another one is stale: the test of the cards reads these lines."""
    for named in (
        f"- pack digest: `{SAMPLE['pack']['digest']}`",
        f"- calibration digest: `{SAMPLE['calibration']['digest']}`",
        f"- digest of the evaluation: `{evaluation_digest(SAMPLE)}`",
        "3,000 photographs of 1,000 people",
    ):
        assert named in BLOCK


def test_rates_stand_with_interval_and_trials():
    evaluation = copy.deepcopy(SAMPLE)
    evaluation["verification"]["at_fmr"][1]["fnmr"] = rate(40, 2_000)
    (row,) = rows_of(measured_block(evaluation), "FNMR at FMR 1e-04")
    assert row == ["2.00%", "1.47% - 2.71%", "2,000 mated (2,000 effective)"]


def test_what_is_refused_says_what_it_takes():
    (row,) = rows_of(BLOCK, "FNMR at FMR 1e-06")
    assert row == ["not stated", "-", "the trials cannot carry this rate, it takes 10,000,000"]


def test_a_similarity_is_counted_or_extrapolated():
    assert rows_of(BLOCK, "80")[0][0] == "1.0e-04, counted"
    assert rows_of(BLOCK, "99")[0][0] == "1.0e-06, extrapolated"


def test_searches_by_size():
    assert [row[0] for size in ("100", "300", "1,000") for row in rows_of(BLOCK, size)] == [
        "80",
        "90",
        "99",
    ] * 3


def test_groups_in_alphabetical_order_with_whose_labels_they_are():
    places = [BLOCK.index(f"| {name} |") for name in ("Ardennes", "Borders", "Cévennes", "Dales")]
    assert places == sorted(places)
    assert SAMPLE["cohorts"][0]["labels_by"] in BLOCK


def test_without_labels_nothing_is_known_of_groups():
    assert "none known, the data carries no labels" in measured_block(sample_evaluation(cohorts=False))
    assert "none known" not in BLOCK


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("a|b", "a\\|b"),
        ("<b>x</b>", "\\<b\\>x\\</b\\>"),
        ("[x](y)", "\\[x\\](y)"),
        ("`x`\n| y |", "\\`x\\`⟨U+000A⟩\\| y \\|"),
    ],
)
def test_names_are_text_in_markdown(name, written):
    evaluation = copy.deepcopy(SAMPLE)
    evaluation["cohorts"][0]["rates"][3]["group"] = name
    assert f"| {written} |" in measured_block(evaluation)


def test_every_row_is_as_wide_as_its_table():
    width = 0
    for line in measured_block(compared_evaluation()).splitlines():
        if not line.startswith("|"):
            width = 0
            continue
        cells = line.replace("\\|", "").count("|")
        width = width or cells
        assert cells == width, line


def test_nothing_is_said_of_what_is_no_evaluation():
    with pytest.raises(InvalidEvaluation):
        measured_block({**SAMPLE, "format": "else"})
