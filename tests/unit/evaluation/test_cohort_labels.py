"""Groups are the data set's own labels."""

import numpy as np
import pytest

from countenance.evaluation.cohort_labels import UNLABELLED, cohorts_of


def test_groups_are_alphabetical_and_the_unlabelled_are_one_of_their_own():
    cohorts = cohorts_of(np.array([0, 0, 1, 2, 3, 3]), ["zeta", "zeta", " ", "alpha", None, "zeta"])
    assert cohorts.names == ("alpha", "zeta", UNLABELLED)
    assert cohorts.of_subject.tolist() == [1, 2, 0, 1]
    assert cohorts.sizes.tolist() == [1, 2, 1]
    assert [cohorts.is_named(group) for group in range(3)] == [True, True, False]


def test_all_labelled_leaves_no_group_without_a_name():
    assert cohorts_of(np.array([0, 1]), ["b", "a"]).names == ("a", "b")


def test_two_labels_of_one_subject_are_an_error_that_names_nobody():
    with pytest.raises(ValueError, match="2 of 3 subjects have samples with different labels") as error:
        cohorts_of(np.array([0, 0, 1, 1, 2]), ["secret-x", "secret-y", "secret-x", "secret-y", "secret-x"])
    assert "secret" not in str(error.value)


def test_a_label_that_is_our_own_word_is_refused():
    """It would vanish among the subjects without a label, and be compared with none."""
    with pytest.raises(ValueError, match="name yours otherwise"):
        cohorts_of(np.array([0]), [UNLABELLED])


def test_one_label_a_sample_is_needed():
    with pytest.raises(ValueError, match="2 samples have 1 labels"):
        cohorts_of(np.array([0, 1]), ["a"])
