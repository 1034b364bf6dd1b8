"""A labelled data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from countenance.evaluation.trials import Pairs
from countenance.measuring.data_sets import DataSet, Photo, in_order, leave_out

PHOTOS = tuple(Photo(f"{name}/{number}.jpg", name) for name in "abc" for number in (1, 2))
DATA = DataSet("lfw-dev", "folder", Path("/nowhere"), PHOTOS)


def test_subjects_are_numbered_by_name_without_gaps():
    """Samples of an evaluation are numbered from 0; an attack's subject is none of them."""
    photos = (Photo("2.jpg", "zoe"), Photo("1.jpg", "ann"), Photo("3.jpg", "zoe"))
    data = DataSet("x", "table", Path("/x"), photos, attacks=(Photo("4.jpg", "bob", species="mask"),))
    assert data.people == ("ann", "zoe")
    assert data.subjects.tolist() == [1, 0, 1]
    assert [photo.path for photo in in_order(photos)] == ["1.jpg", "2.jpg", "3.jpg"]


def test_labels_are_those_of_the_column():
    photos = (Photo("1.jpg", "a", labels=("f", "30s")), Photo("2.jpg", "b", labels=("m", "")))
    data = DataSet("x", "table", Path("/x"), photos, cohort_columns=("sex", "age"), labels_by="me")
    assert (data.labels_of("sex"), data.labels_of("age")) == (("f", "m"), ("30s", ""))
    with pytest.raises(ValueError, match="not in tuple"):
        data.labels_of("height")


def test_photos_are_left_out_with_the_comparisons_that_they_are_in():
    pairs = Pairs(
        first=np.array([0, 2, 0, 1, 3]),
        second=np.array([1, 3, 2, 4, 5]),
        mated=np.array([True, True, False, False, False]),
        fold=np.array([0, 1, 0, 1, 1]),
    )
    data = leave_out(
        DataSet("x", "pairs", Path("/x"), PHOTOS, pairs=pairs), paths=["a/2.jpg"], doubles=[("a", "b")]
    )
    assert data.files == ("a/1.jpg", "b/1.jpg", "b/2.jpg", "c/1.jpg", "c/2.jpg")
    assert data.pairs.first.tolist() == [1, 2]
    assert data.pairs.second.tolist() == [2, 4]
    assert data.pairs.fold.tolist() == [1, 1]
    assert leave_out(DATA, paths=["a/1.jpg"]).files == tuple(photo.path for photo in PHOTOS[1:])
