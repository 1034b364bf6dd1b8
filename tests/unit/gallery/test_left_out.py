"""Which faces of a copy do not open."""

from __future__ import annotations

import uuid

import numpy as np
import pytest

from countenance.gallery.left_out import MOST_KEPT, LeftOut


@pytest.fixture
def memory():
    return np.zeros(1, np.int64), np.zeros((MOST_KEPT, 16), np.uint8)


def test_faces_are_noted_once_and_forgotten(memory):
    left_out, faces = LeftOut(*memory), [uuid.uuid4() for _ in range(4)]
    left_out.add([*faces[:3], faces[0]])
    assert len(left_out) == 3
    left_out.discard([faces[0], faces[3]])
    assert [face in left_out for face in faces] == [False, True, True, False]
    assert len(left_out) == 2
    left_out.clear()
    assert len(left_out) == 0
    assert faces[1] not in left_out


def test_another_process_sees_the_same(memory):
    face = uuid.uuid4()
    LeftOut(*memory).add([face])
    assert face in LeftOut(*memory)


def test_it_counts_as_far_as_it_has_room(memory):
    """A whole gallery that does not open is a lost key, and no search is answered then."""
    left_out = LeftOut(*memory)
    left_out.add(uuid.uuid4() for _ in range(MOST_KEPT + 5))
    assert len(left_out) == MOST_KEPT
