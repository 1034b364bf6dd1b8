"""A page for people who decide: natural frequencies that agree with the record."""

import copy
import re

import pytest

from countenance.errors import InvalidEvaluation
from countenance.evaluation.wording import find_forbidden
from countenance.measuring.board import ESTIMATED, NOT_KNOWN, render_board, write_board
from countenance.measuring.evaluation_file import evaluation_digest
from html_page import Page
from sample_evaluation import rate, refused, sample_evaluation

SAMPLE = sample_evaluation()


def words_of(evaluation):
    text = re.sub(r"\s+", " ", "".join(Page(render_board(evaluation)).texts).replace("\u00a0", " "))
    return text[text.index("How often this face recognition errs", 60) :]


WORDS = words_of(SAMPLE)


def largest():
    evaluation = copy.deepcopy(SAMPLE)
    return evaluation, evaluation["identification"][-1]["at_similarity"][-1]


def test_strangers_are_counted_in_people():
    evaluation, row = largest()
    row["fpir"] = rate(30, 10_000)
    ends = row["fpir"]["interval"]
    assert (int(ends["low"] * 1_000), int(ends["high"] * 1_000)) == (2, 4)
    assert (
        "If 1,000 people who are not on the list are searched, about 3 (between 2 and 5) are wrongly named"
        " (setting 99, 1,000 people on the list)." in words_of(evaluation)
    )


def test_a_thousand_people_are_the_measure_where_they_show_enough():
    evaluation, row = largest()
    row["fpir"] = rate(500, 10_000)
    assert "If 1,000 people who are not on the list are searched, about 50 (between 45 and 55)" in words_of(
        evaluation
    )


def test_who_is_missed_is_counted_in_people():
    evaluation, row = largest()
    row["fnir"] = rate(1_000, 10_000)
    said = words_of(evaluation)
    assert "If 100 people who are on the list are searched, about 10 (between 9 and 11) are missed" in said


def test_a_count_of_zero_is_not_called_never():
    evaluation, row = largest()
    row["fpir"] = rate(0, 10_000)
    assert "none (at most 4) are wrongly named" in words_of(evaluation)


def test_an_estimate_is_marked_and_a_count_too():
    """A list ten times as long: the chance that none of ten such lists names a stranger."""
    evaluation, row = largest()
    row["fpir"] = rate(500, 10_000)
    assert "99 10,000 about 4,013 (3,749 to 4,288) not known estimated, not counted" in words_of(evaluation)
    assert WORDS.count("counted") > WORDS.count(ESTIMATED) >= 2


def test_a_promise_beyond_the_trials_is_marked():
    evaluation = copy.deepcopy(SAMPLE)
    assert f"about 1 of 1,000,000 at this setting ({ESTIMATED})" in words_of(evaluation)
    evaluation["verification"]["at_similarity"][-1]["extrapolated"] = False
    assert "about 1 of 1,000,000 at this setting (counted when it was set up)" in words_of(evaluation)


def test_groups_are_told_in_alphabetical_order_with_whose_labels_they_are():
    places = [WORDS.index(f" {name} ") for name in ("Ardennes", "Borders", "Cévennes", "Dales")]
    assert places == sorted(places)
    assert SAMPLE["cohorts"][0]["labels_by"] in WORDS
    assert f"Dales 10 {NOT_KNOWN} {NOT_KNOWN}" in WORDS


def test_the_groups_own_numbers_are_told():
    evaluation = copy.deepcopy(SAMPLE)
    for group in evaluation["cohorts"][0]["rates"][:3]:
        group["at_similarity"] = [
            {
                "similarity": 90.0,
                "fmr": rate(200, 1_000_000),
                "fnmr": rate(50, 1_000),
                "tpr": rate(950, 1_000),
            }
        ]
    said = words_of(evaluation)
    assert "strangers of one group taken for one person, of 10,000" in said
    assert "Borders 330 about 2 (1 to 3) about 5 (3 to 7)" in said


def test_groups_are_told_at_the_setting_that_all_else_is_told_at():
    """Evaluations go on above 99 for searches in large collections; a board reads of one setting."""
    evaluation = copy.deepcopy(SAMPLE)
    for group in evaluation["cohorts"][0]["rates"][:3]:
        of = {"fmr": rate(200, 1_000_000), "tpr": rate(950, 1_000)}
        group["at_similarity"] = [{"similarity": similarity, **of} for similarity in (90.0, 99.0, 99.9)]
    assert "groups in alphabetical order, setting 99 " in words_of(evaluation)


def test_where_only_the_hits_of_a_group_are_stated_the_rest_are_misses():
    evaluation = copy.deepcopy(SAMPLE)
    for group in evaluation["cohorts"][0]["rates"][:3]:
        group["at_similarity"] = [{"similarity": 90.0, "fmr": rate(200, 1_000_000), "tpr": rate(950, 1_000)}]
    assert "Borders 330 about 2 (1 to 3) about 5 (3 to 7)" in words_of(evaluation)


@pytest.mark.parametrize(
    ("member", "said"),
    [
        ("cohorts", "some groups of people"),
        ("attack_detection", "printed photograph"),
        ("detection", "not found at all"),
        ("identification", "Searching a list of people."),
    ],
)
def test_what_was_not_tested_is_listed(member, said):
    evaluation = copy.deepcopy(SAMPLE)
    untested = WORDS[WORDS.index("What was not tested") :]
    assert said not in untested
    del evaluation[member]
    without = words_of(evaluation)
    assert said in without[without.index("What was not tested") :]


def test_attack_detection_that_was_refused_was_not_tested():
    evaluation = copy.deepcopy(SAMPLE)
    evaluation["attack_detection"] = {"threshold": 0.5, **refused(1)}
    said = words_of(evaluation)
    assert "printed photograph" in said[said.index("What was not tested") :]


def test_what_was_refused_is_not_told_as_a_number():
    evaluation, row = largest()
    row["fpir"], row["fnir"] = refused(10_000), refused(10_000)
    evaluation["verification"] = refused(2)
    said = words_of(evaluation)
    assert NOT_KNOWN in said
    assert "If 1" not in said.partition("What that means")[0].partition("Stricter settings")[0]


def test_no_jargon():
    """Whoever reads it decides about other people's lives and has not read ISO/IEC 19795."""
    said = words_of(SAMPLE)
    for word in ("FMR", "FNMR", "FPIR", "FNIR", "cosine", "mated", "bootstrap", "threshold", "confidence"):
        assert not re.search(rf"\b{word}\b", said), word
    assert find_forbidden(said) == []


def test_the_page_is_as_safe_as_the_report():
    page = Page(render_board(SAMPLE))
    assert page.unclosed == []
    assert not page.of("script")
    assert evaluation_digest(SAMPLE) in render_board(SAMPLE)
    evaluation = copy.deepcopy(SAMPLE)
    evaluation["cohorts"][0]["rates"][3]["group"] = "<script>x</script>"
    assert "<script" not in render_board(evaluation)


def test_one_file_is_written(tmp_path):
    path = write_board(SAMPLE, tmp_path / "new")
    assert path.name == "board.html"
    assert path.read_text("utf-8") == render_board(SAMPLE)
    with pytest.raises(InvalidEvaluation):
        write_board({}, tmp_path / "other")
    assert not (tmp_path / "other").exists()
