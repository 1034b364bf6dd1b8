"""Which of a photo's faces a caller means."""

from __future__ import annotations

import pytest

from countenance.errors import InvalidParameterException
from countenance.operations.chosen_face import face_in_box, largest_face, middle_face
from countenance.operations.images import load_photo
from countenance.store import UnitOfWork
from fakes.vision import person, picture

ADA, BOB = person("ada", left=700, size=250), person("bob", left=420, top=320, size=160)


@pytest.fixture
def load(call, models, database):
    def load(*people):
        with UnitOfWork(database) as uow:
            return load_photo({"Bytes": picture(*people)}, models.default, call.deps(uow))

    return load


def box(left, top, width, height):
    return {"Left": left, "Top": top, "Width": width, "Height": height}


def test_the_largest_and_the_one_in_the_middle_may_be_two(load):
    photo = load(ADA, BOB)
    assert largest_face(photo).box.left == 700
    assert middle_face(photo).box.left == 420


def test_where_nobody_is_there_is_no_face(load):
    photo = load()
    assert largest_face(photo) is middle_face(photo) is face_in_box(photo, box(0, 0, 1, 1)) is None


def test_a_box_names_the_face_that_it_overlaps_most_and_enough(load):
    """Boxes of another detector are larger or smaller; a box beside everybody names nobody."""
    photo = load(ADA, BOB)
    assert face_in_box(photo, box(0.40, 0.38, 0.2, 0.25)).box.left == 420
    assert face_in_box(photo, box(0.68, 0.1, 0.3, 0.36)).box.left == 700
    assert face_in_box(photo, box(0.0, 0.0, 0.1, 0.1)) is None
    assert face_in_box(photo, box(0.0, 0.0, 1.0, 1.0)) is None


@pytest.mark.parametrize(
    "none", [{}, {"Left": 0.1, "Top": 0.1, "Width": 0.1}, box(0, 0, 0, 1), box(0, 0, 1, -1)]
)
def test_what_is_no_box_is_refused(load, none):
    with pytest.raises(InvalidParameterException, match="needs Left, Top, Width and Height"):
        face_in_box(load(ADA), none)
