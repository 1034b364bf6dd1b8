from __future__ import annotations

import pytest

from countenance.errors import InvalidParameterException
from countenance.operations.catalogue import require_purpose
from countenance.policy import load_purposes


@pytest.mark.parametrize("name", load_purposes())
def test_a_purpose_of_the_catalogue_is_found_by_its_name(name):
    assert require_purpose(name) is load_purposes()[name]


@pytest.mark.parametrize(
    "name", ["", "Development", "development ", "immigration-enforcement", "crowd-monitoring", "research/x"]
)
def test_any_other_is_refused_with_the_whole_catalogue_and_what_it_never_covers(name):
    """Nobody should have to guess what this is for, nor hope that the right word opens it."""
    with pytest.raises(InvalidParameterException, match=f"^`{name}` is no purpose") as refused:
        require_purpose(name)
    for known in load_purposes():
        assert known in refused.value.message
    assert "immigration enforcement" in refused.value.message
