"""Marks of forms: made for a session, each of its own, and believed from nobody else."""

from __future__ import annotations

import pytest

from countenance.console.once import new_mark, require_mark
from countenance.console.request import BadForm

NUMBER = "n" * 43


def test_each_form_of_a_session_has_a_mark_of_its_own():
    """Two forms of one page, or of two tabs, must not be taken for one."""
    marks = [new_mark(NUMBER) for _ in range(50)]
    assert len({require_mark(mark, NUMBER) for mark in marks}) == 50


@pytest.mark.parametrize("change", ["", ".", "x", "{}x", "x{}", "ä.ä", "{}\n"])
def test_what_we_did_not_make_is_no_mark(change):
    """Else a form without one, or with any, would be a first one for ever."""
    with pytest.raises(BadForm):
        require_mark(change.format(new_mark(NUMBER)), NUMBER)


def test_another_sessions_mark_is_none():
    with pytest.raises(BadForm):
        require_mark(new_mark("m" * 43), NUMBER)
