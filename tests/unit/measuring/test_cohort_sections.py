"""Rates by group: what stands first, what is marked, what is left to be known."""

import copy

import pytest

from countenance.measuring.cohort_sections import cohort_section
from countenance.measuring.evaluation_tables import tables_of
from countenance.measuring.report_blocks import Figure, Matrix, Told
from countenance.measuring.report_tables import Table
from sample_evaluation import rate, refused, sample_evaluation

SAMPLE = sample_evaluation()


def section_of(evaluation):
    tables = {each.name: each for each in tables_of(evaluation)}
    return cohort_section(evaluation["cohorts"][0], 1, tables)


@pytest.fixture
def evaluation():
    return copy.deepcopy(SAMPLE)


def test_rates_first_then_between_groups_then_what_follows():
    """docs/spec/wording.md: differentials never stand before the rates that they are made of."""
    blocks = section_of(SAMPLE).blocks
    kinds = [type(each) for each in blocks]
    names = [each.name for each in blocks if isinstance(each, Table)]
    assert kinds.index(Figure) < kinds.index(Table) < kinds.index(Matrix) < kinds.index(Told)
    assert (
        names.index("cohort-1-rates") < names.index("cohort-1-cross") < names.index("cohort-1-differentials")
    )


def test_groups_that_are_too_small_are_listed(evaluation):
    said = " ".join(section_of(evaluation).sentences)
    assert "Dales: no rates." in said
    assert "It would take 1,000 trials" in said


def test_alpha_and_the_number_of_bounds_are_stated():
    assert "level 0.05 / 3" in " ".join(section_of(SAMPLE).sentences)


def test_a_matrix_has_the_groups_own_rates_on_its_diagonal(evaluation):
    (matrix,) = [each for each in section_of(evaluation).blocks if isinstance(each, Matrix)]
    assert matrix.groups == ("Ardennes", "Borders", "Cévennes")
    within = [
        group["at_similarity"][0]["fmr"]["rate"]
        for group in evaluation["cohorts"][0]["rates"]
        if "refused" not in group
    ]
    shades = [matrix.cells[place][place][1] for place in range(3)]
    assert [within.index(value) for value in sorted(within)] == sorted(range(3), key=shades.__getitem__)
    for one in range(3):
        for other in range(3):
            assert matrix.cells[one][other] == matrix.cells[other][one]


def test_rates_that_hardly_differ_have_hardly_another_shade(evaluation):
    """A shade is read as a finding: a tenth more is none."""
    cohort = evaluation["cohorts"][0]
    for place, group in enumerate(cohort["rates"][:3]):
        group["at_similarity"] = [
            {"similarity": 80.0, "fmr": rate(100 + place, 1_000_000), "tpr": rate(9, 10)}
        ]
    for pair in cohort["cross"]:
        pair["fmr"] = rate(101, 1_000_000)
    (matrix,) = [each for each in section_of(evaluation).blocks if isinstance(each, Matrix)]
    assert {shade for row in matrix.cells for _, shade in row} == {0}


def test_a_rate_that_is_refused_has_no_shade_and_no_bar(evaluation):
    evaluation["cohorts"][0]["cross"][0]["fmr"] = refused(10)
    section = section_of(evaluation)
    (matrix,) = [each for each in section.blocks if isinstance(each, Matrix)]
    said, shade = matrix.cells[0][1]
    assert said.is_refusal
    assert shade == 0
    figures = [each for each in section.blocks if isinstance(each, Figure)]
    assert len(figures) == 4  # FMR and TPR at 80 and 90; all is refused at 99
    assert all("too few trials" in each.drawing for each in figures)


def test_nothing_is_drawn_of_nothing(evaluation):
    cohort = evaluation["cohorts"][0]
    cohort["rates"] = [{"group": "a", "subjects": 3, **refused(20)}]
    for member in ("cross", "differentials", "tests"):
        del cohort[member]
    assert [type(each) for each in section_of(evaluation).blocks] == [Table]
