"""The packed faces of a resident copy."""

from __future__ import annotations

import uuid

import pytest

from countenance.gallery.face_table import FaceTable
from countenance.gallery.records import StoredFace
from countenance.types import RatioBox


def stored(*, external_image_id=None, user_id=None):
    return StoredFace(
        face_id=uuid.uuid4(),
        image_id=uuid.uuid4(),
        external_image_id=external_image_id,
        box=RatioBox(-0.125, 0.1, 0.333333, 0.4),
        confidence=99.9973,
        user_id=user_id,
        face_model_version="1.0",
    )


@pytest.fixture
def faces():
    return [stored(), stored(external_image_id="ada"), stored(user_id="u:1")]


@pytest.fixture
def table(faces):
    table = FaceTable("1.0")
    for ordinal, face in enumerate(faces):
        table.append(face, ordinal=ordinal + 10)
    return table


def test_a_face_comes_back_as_it_went_in(table, faces):
    assert [table.face(row) for row in range(3)] == faces
    assert [table.row_of(face.face_id) for face in faces] == [0, 1, 2]
    assert table.row_of(uuid.uuid4()) is None


@pytest.mark.parametrize(("removed", "left"), [(0, [2, 1]), (1, [0, 2]), (2, [0, 1])])
def test_the_last_face_takes_the_place_of_one_that_is_removed(table, faces, removed, left):
    """Row by row as the scan does it, so that row numbers go on meaning the same face in both."""
    table.remove(removed)
    assert [table.face(row) for row in range(len(table))] == [faces[index] for index in left]
    assert [table.ordinal_of(row) for row in range(2)] == [index + 10 for index in left]
    assert [table.row_of(faces[index].face_id) for index in left] == [0, 1]
    assert [table.user_of(row) for row in range(2)] == [faces[index].user_id for index in left]
    assert table.row_of(faces[removed].face_id) is None


def test_memory_is_counted(table):
    assert table.nbytes > 3 * 72
