"""How many of the labelled faces are found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from countenance.evaluation.protocol import Protocol
from countenance.measuring.data_sets import DataSet, Photo
from countenance.measuring.detecting import detection_figures
from countenance.measuring.photos import Amiss
from countenance.measuring.template_cache import Look
from countenance.types import PixelBox

PROTOCOL = Protocol(replicates=100)


def look(*boxes, amiss=None):
    """Faces of confidence 99 at left, top, width, height."""
    rows = [(*box, 99.0, 50.0, 50.0) for box in boxes]
    return Look(amiss, 640, 480, np.array(rows, np.float32).reshape(-1, 7))


def figures(*rows):
    """Of (path, labelled box or None, look or None)."""
    photos = tuple(Photo(path, f"s{row}", box=box) for row, (path, box, _) in enumerate(rows))
    return detection_figures(
        DataSet("x", "table", Path("/x"), photos), [seen for _, _, seen in rows], PROTOCOL
    )


def test_by_hand():
    """Three labelled faces: one found, one beside it, one in a photo without any; the fourth has no box."""
    box = PixelBox(100, 100, 50, 50)
    found = figures(
        ("1.jpg", box, look((100, 100, 50, 50), (300, 300, 90, 90))),
        ("2.jpg", box, look((180, 100, 50, 50))),
        ("3.jpg", PixelBox(0, 0, 300, 300), look(amiss=Amiss.NO_FACE)),
        ("4.jpg", None, look((0, 0, 10, 10))),
    )
    assert (found["images"], found["faces"]) == (3, 3)
    assert found["recall"]["rate"] == pytest.approx(1 / 3)
    assert found["recall"]["interval"]["low"] < 1 / 3 < found["recall"]["interval"]["high"]
    by_size = [(band["from_px"], band.get("to_px"), band["recall"]["rate"]) for band in found["by_size"]]
    assert by_size == [(32.0, 64.0, 0.5), (256.0, None, 0.0)]
    assert "precision" not in found


def test_two_people_of_one_photo_are_two_faces_of_one_image():
    content = look((0, 0, 50, 50), (200, 0, 50, 50))
    found = figures(
        ("1.jpg", PixelBox(0, 0, 50, 50), content),
        ("1.jpg", PixelBox(200, 0, 50, 50), content),
        ("2.jpg", PixelBox(0, 0, 50, 50), look()),
    )
    assert (found["images"], found["faces"]) == (2, 3)
    assert found["recall"]["rate"] == pytest.approx(2 / 3)


def test_a_photo_that_could_not_be_decoded_says_nothing_about_the_detector():
    """It is a failure to enrol, and counted there."""
    box = PixelBox(0, 0, 50, 50)
    broken = Look(Amiss.BROKEN, 0, 0, np.empty((0, 7), np.float32))
    found = figures(("1.jpg", box, look((0, 0, 50, 50))), ("2.jpg", box, broken), ("3.jpg", box, None))
    assert found["images"] == 1
    assert found["recall"]["trials_needed"] == 2


def test_without_boxes_there_is_nothing_to_say():
    assert figures(("1.jpg", None, look((0, 0, 50, 50)))) is None
