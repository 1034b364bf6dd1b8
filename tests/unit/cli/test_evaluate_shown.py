"""An evaluation on a terminal."""

from __future__ import annotations

import pytest

from countenance.cli.evaluate_shown import print_evaluation
from sample_evaluation import compared_evaluation, sample_evaluation


@pytest.fixture
def shown(capsys):
    def of(evaluation):
        print_evaluation(evaluation)
        return capsys.readouterr().out

    return of


def test_every_measured_figure_and_every_refusal_has_a_row(shown):
    """What could not be measured is said beside what could."""
    evaluation = sample_evaluation()
    text = " ".join(shown(evaluation).split())
    assert "balanced accuracy" in text
    for point in evaluation["verification"]["at_fmr"]:
        assert f"FNMR at FMR {point['max_fmr']:.0e}" in text
    for found in evaluation["identification"]:
        assert f"one against {found['gallery']:,}" in text
    for group in evaluation["cohorts"][0]["rates"]:
        assert group["group"] in text
    assert "as labelled by" in text
    refused = [point for point in evaluation["verification"]["at_fmr"] if "refused" in point]
    assert refused
    assert text.count("refused") >= len(refused)


def test_two_packs_stand_beside_each_other_with_what_could_be_seen(shown):
    evaluation = compared_evaluation()
    text = shown(evaluation)
    names = evaluation["pack"]["name"], evaluation["comparison"]["with"]["pack"]["name"]
    assert f"{names[0]} and {names[1]}" in text
    assert "they differ" in text


def test_names_of_a_data_set_steer_no_terminal(shown):
    """A group may be called what somebody likes: it is text, never markup and never an escape."""
    evaluation = sample_evaluation()
    evaluation["cohorts"][0]["column"] = "\x1b[2J[red]column[/red]"
    evaluation["notes"] = ["\x1b]0;owned\x07"]
    evaluation["data"]["name"] = "a\x1bb"
    text = shown(evaluation)
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[red]column[/red]" in " ".join(text.split())


def test_attack_detection_is_shown_by_species_and_refusals_are(shown):
    evaluation = sample_evaluation()
    text = " ".join(shown(evaluation).split())
    for each in evaluation["attack_detection"]["apcer"]:
        assert f"APCER: {each['species']}" in text
    assert "APCER of the worst species │ 5.50% │ at most 100.00%" in text
    evaluation["attack_detection"] = {
        "threshold": 0.5,
        "refused": "no attack has a score",
        "trials_needed": 1,
    }
    assert "no attack has a score" in shown(evaluation)
