"""Which rows may still be in the answer, as bounds come in."""

from __future__ import annotations

import numpy as np

from countenance.gallery.scan import candidates as module
from countenance.gallery.scan.candidates import Candidates


def add(candidates, first_row, middles, margin):
    middles = np.asarray(middles, np.float64)
    rows = np.arange(first_row, first_row + len(middles))
    candidates.add(rows, middles - margin, middles + margin)


def test_a_row_whose_upper_bound_is_the_floor_stays():
    candidates = Candidates(0.5, 10)
    add(candidates, 0, [0.5, 0.25], 0.0)
    assert list(candidates.rows()) == [0]


def test_a_row_stays_while_it_could_be_among_the_best():
    """Of three rows the best certain one decides: what may be better than it stays, the rest goes."""
    candidates = Candidates(-1.0, 1)
    add(candidates, 0, [0.9, 0.89, 0.7], 0.01)
    assert sorted(candidates.rows()) == [0, 1]


def test_equals_all_stay_where_the_limit_cuts():
    """Which of them come first is decided by what the scan does not know of here."""
    candidates = Candidates(-1.0, 2)
    add(candidates, 0, [0.3] * 5, 0.0)
    assert sorted(candidates.rows()) == [0, 1, 2, 3, 4]


def test_the_floor_rises_with_what_comes_in(monkeypatch):
    monkeypatch.setattr(module, "_LEAST_BETWEEN", 3)
    candidates = Candidates(-1.0, 2)
    add(candidates, 0, [0.1, 0.2, 0.3, 0.4], 0.01)
    assert 0.28 < candidates.floor < 0.29
    add(candidates, 4, [0.2] * 4, 0.01)
    add(candidates, 8, [0.29], 0.01)
    assert sorted(candidates.rows()) == [2, 3, 8]


def test_none_is_no_error():
    assert len(Candidates(0.0, 5).rows()) == 0
