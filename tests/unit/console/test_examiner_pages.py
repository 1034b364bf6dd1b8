"""Shares of examiners: said where the counts can carry them, and nowhere else."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from countenance.console.examiner_pages import LEAST, figures, share
from countenance.console.render import page


@pytest.mark.parametrize(("count", "of"), [(0, 0), (1, 1), (LEAST - 1, LEAST - 1)])
def test_of_few_no_share_is_said(count, of):
    """One miss of two is no rate of a half: somebody would be judged by it."""
    assert (share(count, of).count, share(count, of).of, share(count, of).said) == (count, of, "")


def test_of_enough_it_is_said_with_how_sure_it_is():
    assert share(5, LEAST).said == "25%, likely 11% to 47%"
    assert share(0, LEAST).said == "0%, likely 0% to 16%"
    assert share(200, 200).said == "100%, likely 98% to 100%"


def test_the_table_has_shares_of_who_did_enough_and_counts_of_who_did_not():
    """One row must not lend its sureness to the next."""
    many = {"OperatorName": "Erin <b>", "Active": False, "Examinations": 40, "MedianSeconds": 31.4}
    many |= {"Compared": 100, "Agreed": 90, "JudgedAgain": 10, "Reversed": 5}
    many |= {"TrialHits": 18, "TrialMisses": 2, "TrialFalseAlarms": 0, "TrialCorrectRejections": 0}
    few = many | {
        "OperatorName": "Emil",
        "Active": True,
        "Examinations": LEAST - 1,
        "Compared": 2,
        "Agreed": 1,
    }
    session = SimpleNamespace(operator="A", roles={"officer"}, account_name="a", account_id="1" * 12)
    made = page(
        "examiners.html",
        session=session,
        menu=[],
        form_token="",
        told="",
        taken=False,
        wrong="",
        examiners=[figures(many), figures(few)],
        least=LEAST,
        collections=[],
        name="",
        chosen=None,
        purposes=[],
        said={},
        known="known.",
    )
    erin, emil = re.findall(r"<tr><th scope=\"row\">.*?</tr>", made.body.decode(), re.DOTALL)
    assert "Erin &lt;b&gt;</bdi> (removed)" in erin
    assert "31 s" in erin
    for said in ("90%, likely 83% to 94%", "5 of 10: too few to say", "10%, likely 3% to 30%", "none yet"):
        assert said in erin, said
    assert ("too few</small>" in emil, "1 of 2: too few to say" in emil, "90%" in emil) == (True, True, False)
