"""CSV files: readable back to the same numbers, and harmless in a spreadsheet."""

import copy
import csv
import json

import pytest

from countenance.errors import InvalidEvaluation
from countenance.measuring.evaluation_file import evaluation_digest, load_evaluation
from countenance.measuring.report_csv import to_csv, write_tables
from countenance.measuring.report_tables import Column, table
from sample_evaluation import compared_evaluation, rate, refused

SAMPLE = compared_evaluation()


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def test_numbers_come_back_with_all_their_digits(tmp_path):
    write_tables(SAMPLE, tmp_path)
    rows = read(tmp_path / "similarity.csv")
    for row, stated in zip(rows, SAMPLE["verification"]["at_similarity"], strict=True):
        assert float(row["similarity"]) == stated["similarity"]
        assert float(row["fmr"]) == stated["fmr"]["rate"]
        assert float(row["fmr_low"]) == stated["fmr"]["interval"]["low"]
        assert float(row["fnmr_high"]) == stated["fnmr"]["interval"]["high"]
        assert int(row["fnmr_trials"]) == stated["fnmr"]["trials"]


def test_every_point_of_a_curve_is_there(tmp_path):
    """The page thins them, the file does not."""
    write_tables(SAMPLE, tmp_path)
    points = [(float(row["fmr"]), float(row["fnmr"])) for row in read(tmp_path / "det.csv")]
    assert points == [(each["fmr"], each["fnmr"]) for each in SAMPLE["verification"]["det"]]


def test_a_refusal_has_columns_of_its_own(tmp_path):
    write_tables(SAMPLE, tmp_path)
    last = read(tmp_path / "operating-points.csv")[-1]
    assert last["fmr"] == last["fnmr"] == ""
    assert last["refused"] == "the trials cannot carry this rate"
    assert last["trials_needed"] == "10000000"


def test_the_evaluation_lies_beside_them_in_its_canonical_form(tmp_path):
    written = write_tables(SAMPLE, tmp_path / "new" / "folder")
    assert {path.name for path in written} == {path.name for path in (tmp_path / "new/folder").iterdir()}
    kept = load_evaluation(tmp_path / "new/folder/evaluation.json")
    assert evaluation_digest(kept) == evaluation_digest(SAMPLE)
    assert json.loads(written[0].read_bytes()) == SAMPLE


def test_nothing_is_written_of_what_is_no_evaluation(tmp_path):
    with pytest.raises(InvalidEvaluation):
        write_tables({"format": "else"}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0"])
def test_text_is_no_formula(name):
    """Who names a group or a species must not run anything in the spreadsheet of who reads it."""
    text = to_csv(table("t", "t", [Column("group", "group", "text")], [[name]]))
    (row,) = csv.DictReader(text.splitlines())
    assert row["group"].startswith("'")


def test_a_negative_number_stays_a_number():
    text = to_csv(table("t", "t", [Column("cosine", "cosine", "value")], [[-0.25], [1e-7]]))
    assert [float(row["cosine"]) for row in csv.DictReader(text.splitlines())] == [-0.25, 1e-7]


def test_hostile_names_stay_in_their_cell(tmp_path):
    """Quotes, commas and line ends are RFC 4180's to quote."""
    evaluation = copy.deepcopy(SAMPLE)
    name = 'a",b\r\n"=c'
    for group in evaluation["cohorts"][0]["rates"][:1]:
        group["group"] = name
    del evaluation["cohorts"][0]["cross"]
    write_tables(evaluation, tmp_path)
    groups = {row["group"] for row in read(tmp_path / "cohort-1-rates.csv")}
    assert 'a",b⟨U+000D⟩⟨U+000A⟩"=c' in groups
    assert groups - {'a",b⟨U+000D⟩⟨U+000A⟩"=c'} == {"Borders", "Cévennes", "Dales"}


def test_lines_end_as_the_standard_says():
    text = to_csv(table("t", "t", [Column("x", "x", "rate")], [[rate(1, 10)], [refused(5)]]))
    assert text.count("\r\n") == text.count("\n") == 3
