"""The tree of errors."""

from __future__ import annotations

import pytest

from countenance import errors


def _all(base):
    for kind in base.__subclasses__():
        yield kind
        yield from _all(kind)


SERVICE_ERRORS = [kind for kind in _all(errors.ServiceError) if kind is not errors.FrameworkError]


@pytest.mark.parametrize("kind", SERVICE_ERRORS, ids=lambda kind: kind.__name__)
def test_every_service_error_has_its_name_as_code_and_says_what_it_means(kind):
    """The code is AWS's spelling; the docstring is its entry in the documentation."""
    error = kind("because")
    assert (error.code, error.message) == (kind.__name__, "because")
    assert kind.__doc__
    assert 400 <= kind.status <= 500


def test_only_our_own_faults_are_five_hundreds():
    """A 5xx costs every client three retries."""
    assert [kind.__name__ for kind in SERVICE_ERRORS if kind.status >= 500] == ["InternalServerError"]


def test_a_setup_error_names_problem_and_remedy():
    """The command line prints them on two lines."""
    error = errors.SetupError("the disk is full", remedy="free some space")
    assert str(error) == "the disk is full: free some space"
    assert (error.problem, error.remedy) == ("the disk is full", "free some space")
