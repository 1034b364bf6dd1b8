"""Arithmetic on what detectors say, against tables made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from countenance.vision.raw_faces import RawFaces, contained, fuse, overlaps, suppress


def faces(*rows: tuple[float, float, float, float, float]) -> RawFaces:
    """(left, top, right, bottom, score) each; all five points at the left top corner plus their index."""
    table = np.array(rows, np.float32).reshape(-1, 5)
    landmarks = table[:, None, :2] + np.arange(5, dtype=np.float32)[None, :, None]
    return RawFaces(table[:, :4], table[:, 4], landmarks)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ((0, 0, 10, 10), 1),
        ((5, 0, 15, 10), 1 / 3),
        ((5, 5, 15, 15), 25 / 175),
        ((0, 0, 5, 10), 0.5),
        ((2, 2, 4, 4), 0.04),
        ((10, 0, 20, 10), 0),
        ((30, 30, 40, 40), 0),
        ((3, 3, 3, 3), 0),
        ((8, 8, 2, 2), 0),
    ],
    ids=["same", "half", "corner", "part", "inside", "touching", "apart", "empty", "inverted"],
)
def test_overlap_is_intersection_over_union(other, expected):
    """Nothing in it may be negative or divide by zero: a network can say any box."""
    box = np.array([0, 0, 10, 10], np.float32)
    assert overlaps(box, np.array([other], np.float32)) == pytest.approx(expected)


def test_two_empty_boxes_do_not_overlap():
    """Zero over zero."""
    empty = np.array([5, 5, 5, 5], np.float32)
    assert overlaps(empty, empty[None]).tolist() == [0]


def test_the_most_confident_of_overlapping_faces_is_kept():
    """Table: 0 and 1 overlap by 8/12, 1 and 2 by 8/12, 0 and 2 by 6/14; 3 is alone."""
    found = faces((0, 0, 10, 10, 0.7), (2, 0, 12, 10, 0.9), (4, 0, 14, 10, 0.8), (50, 50, 60, 60, 0.75))
    for max_overlap, kept in ((0.3, [1, 3]), (0.66, [1, 3]), (0.67, [1, 2, 3, 0])):
        result = suppress(found, max_overlap=max_overlap)
        assert np.array_equal(result.boxes, found.boxes[kept])
        assert np.array_equal(result.scores, found.scores[kept])
        assert np.array_equal(result.landmarks, found.landmarks[kept])


def test_what_was_suppressed_suppresses_nothing():
    """In a row of three, the ends survive the middle's neighbour: 0 beats 1, and 1 would have beaten 2."""
    found = faces((0, 0, 10, 10, 0.9), (5, 0, 15, 10, 0.8), (10, 0, 20, 10, 0.7))
    assert suppress(found, max_overlap=0.3).boxes[:, 0].tolist() == [0, 10]


def test_overlap_exactly_at_the_limit_is_kept():
    """The limit is a maximum."""
    found = faces((0, 0, 10, 10, 0.9), (0, 0, 5, 10, 0.8))
    assert len(suppress(found, max_overlap=0.5)) == 2
    assert len(suppress(found, max_overlap=0.49)) == 1


def test_of_equal_faces_the_first_stays():
    """Answers must not depend on how a sort breaks ties."""
    found = faces((0, 0, 10, 10, 0.9), (1, 0, 11, 10, 0.9))
    assert suppress(found, max_overlap=0.3).boxes[0, 0] == 0


def test_contained_is_the_share_of_the_first_box():
    """Not symmetric: a piece lies wholly in a face, a face hardly in a piece."""
    small, large = faces((2, 2, 6, 6, 1)).boxes, faces((0, 0, 8, 8, 1), (4, 0, 12, 12, 1)).boxes
    assert contained(small[0], large).tolist() == [1, 0.5]
    assert contained(large[0], small).tolist() == [0.25]


def test_overlapping_faces_are_fused_by_weight():
    """Table: the first two (weights 3 and 1) make one face, the third stays as it is."""
    found = faces((0, 0, 10, 10, 0.8), (4, 0, 14, 10, 0.9), (50, 50, 60, 60, 0.7))
    fused = fuse(found, np.array([3, 1, 1], np.float32), min_overlap=0.4)
    assert fused.boxes.tolist() == [[1, 0, 11, 10], [50, 50, 60, 60]]
    assert fused.scores == pytest.approx([0.9, 0.7]), "the surest of the group speaks for it"
    assert np.allclose(fused.landmarks[0], [[1 + i, i] for i in range(5)])
    assert np.allclose(fused.landmarks[1], found.landmarks[2])


def test_a_group_forms_about_its_most_confident_face():
    """What overlaps only a member, not the head, is a face of its own: groups do not creep."""
    found = faces((0, 0, 10, 10, 0.9), (4, 0, 14, 10, 0.8), (8, 0, 18, 10, 0.7))
    fused = fuse(found, np.ones(3, np.float32), min_overlap=0.4)
    assert fused.boxes[:, 0].tolist() == [2, 8]


def test_untrusted_faces_fuse_to_their_plain_mean():
    """Weights of zero (a face far too small for one look) must not divide by zero."""
    found = faces((0, 0, 10, 10, 0.9), (2, 0, 12, 10, 0.8))
    fused = fuse(found, np.zeros(2, np.float32), min_overlap=0.4)
    assert np.allclose(fused.boxes, [[1, 0, 11, 10]])


def test_an_empty_box_is_fused_with_itself_only():
    """It overlaps nothing, not even itself, and must neither vanish nor loop for ever."""
    found = faces((5, 5, 5, 5, 0.9), (5, 5, 5, 5, 0.8))
    assert len(fuse(found, np.ones(2, np.float32), min_overlap=0.4)) == 2


def test_no_faces_stay_no_faces():
    """The commonest picture of all; shapes stay what callers index."""
    none = RawFaces.none()
    results = (
        suppress(none, max_overlap=0.3),
        fuse(none, np.empty(0, np.float32), min_overlap=0.3),
        RawFaces.joined([]),
        RawFaces.joined([none, none]),
        none.scaled(2),
        none.take(np.empty(0, np.intp)),
    )
    for result in results:
        assert len(result) == 0
        assert result.boxes.shape == (0, 4)
        assert result.landmarks.shape == (0, 5, 2)
        assert result.widths_px.shape == result.areas_px.shape == (0,)


def test_joined_faces_keep_their_order():
    """Weights are made beside them, in that order."""
    first, second = faces((0, 0, 1, 1, 0.1), (2, 2, 3, 3, 0.2)), faces((4, 4, 5, 5, 0.3))
    joined = RawFaces.joined([first, RawFaces.none(), second])
    assert joined.scores.tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert joined.boxes[:, 0].tolist() == [0, 2, 4]


def test_faces_are_picked_by_mask_or_index():
    """Sorting picks by index, filters by mask."""
    found = faces((0, 0, 1, 1, 0.1), (2, 2, 3, 3, 0.2), (4, 4, 5, 5, 0.3))
    assert found.take(np.array([2, 0])).boxes[:, 0].tolist() == [4, 0]
    assert found.take(np.array([False, True, True])).boxes[:, 0].tolist() == [2, 4]


def test_widths_and_areas():
    """In pixels of the picture."""
    found = faces((1, 2, 4, 9, 0.5), (0, 0, 10, 1, 0.5))
    assert found.widths_px.tolist() == [3, 10]
    assert found.areas_px.tolist() == [21, 10]


def test_scaled_faces_lie_where_a_larger_picture_shows_them():
    """Scores are no lengths."""
    found = faces((1, 2, 4, 9, 0.5)).scaled(4)
    assert found.boxes.tolist() == [[4, 8, 16, 36]]
    assert found.scores.tolist() == [0.5]
    assert found.landmarks[0].tolist() == [[4 + 4 * i, 8 + 4 * i] for i in range(5)]
    assert (found.boxes.dtype, found.landmarks.dtype) == (np.float32, np.float32)


# what takes a pixel of np.rot90(picture, turns), for a picture 20 px wide and 12 high, back to the picture
TURNED_BACK = {
    1: [[0, -1, 20], [1, 0, 0]],
    2: [[-1, 0, 20], [0, -1, 12]],
    3: [[0, 1, 0], [-1, 0, 12]],
}


@pytest.mark.parametrize("turns", TURNED_BACK)
def test_faces_of_a_turned_picture_are_moved_back(turns):
    """Shown on a picture with a marked patch; left stays less than right, top less than bottom."""
    picture = np.zeros((12, 20), np.uint8)
    picture[2:5, 3:10] = 1
    rows, columns = np.nonzero(np.rot90(picture, turns))
    seen = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    moved = faces((*seen, 0.9)).moved(np.array(TURNED_BACK[turns], np.float64))
    assert moved.boxes.tolist() == [[3, 2, 10, 5]]


def test_points_turn_with_their_box():
    """A quarter turn anticlockwise: the corner that was left top is now left bottom."""
    moved = faces((2, 3, 10, 5, 0.9)).moved(np.array([[0, 1, 0], [-1, 0, 20]], np.float64))
    assert moved.boxes.tolist() == [[3, 10, 5, 18]]
    assert moved.landmarks[0, 0].tolist() == [3, 18]
    assert moved.landmarks[0, 4].tolist() == [7, 14]
