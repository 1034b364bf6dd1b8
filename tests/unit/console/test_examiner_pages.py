"""Shares of examiners: said where the counts can carry them, and nowhere else."""

from __future__ import annotations

import pytest

from countenance.console.examiner_pages import LEAST, share


@pytest.mark.parametrize(("count", "of"), [(0, 0), (1, 1), (LEAST - 1, LEAST - 1)])
def test_of_few_no_share_is_said(count, of):
    """One miss of two is no rate of a half: somebody would be judged by it."""
    assert (share(count, of).count, share(count, of).of, share(count, of).said) == (count, of, "")


def test_of_enough_it_is_said_with_how_sure_it_is():
    assert share(5, LEAST).said == "25%, likely 11% to 47%"
    assert share(0, LEAST).said == "0%, likely 0% to 16%"
    assert share(200, 200).said == "100%, likely 98% to 100%"
