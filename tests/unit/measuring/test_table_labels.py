"""Labels of a table's rows, as they are read."""

from __future__ import annotations

import pytest

from countenance.errors import SetupError
from countenance.measuring.tables import load_table


@pytest.fixture
def load(tmp_path):
    def from_text(text, **given):
        file = tmp_path / "people.csv"
        file.write_text(text)
        return load_table(file, **given)

    return from_text


def test_a_subject_has_one_label_or_none(load):
    """Groups are of people: who is in two would be counted in both."""
    with pytest.raises(SetupError, match=r"row 3, column `sex`: another label than row 2"):
        load("subject,path,sex\na,1.jpg,x\na,2.jpg,y\n", cohort_columns=["sex"])
    assert load("subject,path,sex\na,1.jpg,x\na,2.jpg,\n", cohort_columns=["sex"]).labels_of("sex") == (
        "x",
        "",
    )
    with pytest.raises(SetupError, match=r"row 2, column `sex`: `\(unlabelled\)`"):
        load("subject,path,sex\na,1.jpg,(unlabelled)\n", cohort_columns=["sex"])


@pytest.mark.parametrize(
    "rows",
    ["ann,1.jpg,ann\nbob,2.jpg,bob\n", "1,1.jpg,Ann\n2,2.jpg,Bob\n3,3.jpg,Cy\n4,4.jpg,Di\n4,5.jpg,\n"],
)
def test_a_column_that_tells_people_apart_is_no_cohort(load, rows):
    """Names of groups are in the evaluation, and nobody is named there."""
    with pytest.raises(SetupError, match=r"column `who`: each of \d subjects has a label") as refusal:
        load(f"subject,path,who\n{rows}", cohort_columns=["who"])
    assert "Ann" not in str(refusal.value)
    coded = "1,1.jpg,1\n2,2.jpg,2\n3,3.jpg,1\n4,4.jpg,2\n"
    assert load(f"subject,path,who\n{coded}", cohort_columns=["who"]).labels_of("who") == ("1", "2") * 2


def test_too_many_groups_are_refused(load):
    """A column of ages in days is no column of groups."""
    rows = "\n".join(f"s{row},{row}.jpg,{row % 64}" for row in range(65))
    with pytest.raises(SetupError, match="column `age`: 64 different labels, 63 are the most"):
        load(f"subject,path,age\n{rows}\n", cohort_columns=["age"])
    with pytest.raises(SetupError, match="column `attack`: 64 different labels"):
        load(f"subject,path,attack\n{rows}\n")
    with pytest.raises(SetupError, match="column `age`: over 200 characters"):
        load(f"subject,path,age\na,a.jpg,{'x' * 201}\n", cohort_columns=["age"])
