from __future__ import annotations

import numpy as np
import pytest

from countenance.gallery.subject_template import subject_template


def test_it_is_the_unit_mean():
    template = subject_template(np.array([[1, 0], [0, 1]], np.float32))
    assert template == pytest.approx([0.5**0.5, 0.5**0.5])
    assert template.dtype == np.float32


def test_one_face_is_its_own_mean():
    assert list(subject_template(np.array([[0, 1]], np.float32))) == [0, 1]


def test_opposite_faces_fall_back_to_the_first():
    """Their mean has no direction, and no template may be a division by zero."""
    assert list(subject_template(np.array([[1, 0], [-1, 0]], np.float32))) == [1, 0]


def test_a_longer_row_counts_for_more():
    """A sharp photograph says more of a face than a blurred one."""
    template = subject_template(np.array([[2, 0], [0, 1]], np.float16))
    assert template == pytest.approx([2 / 5**0.5, 1 / 5**0.5])


def test_rounding_is_no_weight():
    """Rows are of length 1 only to within half precision: those that weigh the same count the same."""
    rows = np.array([[1.001, 0], [0, 0.999]], np.float16)
    assert subject_template(rows) == pytest.approx([0.5**0.5, 0.5**0.5], abs=1e-7)
