"""From rows to an answer: how often a scan is asked, and that it is asked for enough."""

from __future__ import annotations

import uuid

import numpy as np
import pytest

from countenance.gallery import ranking
from countenance.gallery.known_apart import KnownApart, Pair
from countenance.gallery.memory import PrivateMemory
from countenance.gallery.ranking import Question
from countenance.gallery.resident import Enrolled, ResidentGallery
from fakes.faces import CALIBRATION, DIMENSIONS, towards, unit

COUNT = 60


@pytest.fixture
def gallery():
    """Sixty faces, each a little less like the probe than the one before."""
    made = ResidentGallery(PrivateMemory(), dimensions=DIMENSIONS, owner_key=b"k" * 32)
    made.faces = [Enrolled(uuid.UUID(int=number + 1), number, None) for number in range(COUNT)]
    made.change(
        gone=(),
        there=made.faces,
        templates=np.array([towards(1 - number / 100) for number in range(COUNT)], np.float16),
    )
    return made


@pytest.fixture
def asked(gallery, monkeypatch):
    """For how many the scan was asked, call by call."""
    limits, search = [], gallery._face_scan.search

    def counted(probe, *, floor, limit):
        limits.append(limit)
        return search(probe, floor=floor, limit=limit)

    monkeypatch.setattr(gallery._face_scan, "search", counted)
    return limits


def found(gallery, limit, **options):
    return [each.face_id for each in gallery.search(unit([1]), Question(CALIBRATION, 0.0, limit), **options)]


def test_without_rejections_the_scan_is_asked_once_and_for_no_more(gallery, asked):
    """Who corrects nothing pays nothing."""
    assert found(gallery, 5) == [each.face_id for each in gallery.faces[:5]]
    assert asked == [5]


def test_a_few_rejections_cost_no_second_scan(gallery, asked):
    """One pass asks for a few more."""
    ids = [each.face_id for each in gallery.faces]
    gallery.apart = KnownApart.of([Pair(ids[0], None, ids[1], None)], key_of=gallery.owner_of)
    assert found(gallery, 5) == [ids[0], *ids[2:6]]
    assert asked == [5 + ranking._ROOM_FOR_REJECTED]


def test_many_do_not_shorten_an_answer_that_has_others(gallery, asked):
    """Forty of the best are left out for the first: the rest move up, from a second, longer look."""
    ids = [each.face_id for each in gallery.faces]
    gallery.apart = KnownApart.of(
        [Pair(ids[0], None, other, None) for other in ids[1:41]], key_of=gallery.owner_of
    )
    assert found(gallery, 5) == [ids[0], *ids[41:45]]
    assert asked == [21, COUNT + 1]
    asked.clear()
    assert found(gallery, 5, apart_from=gallery.others_than_face(ids[0]), leaving_out=ids[0]) == ids[41:46]
    assert asked == [22, COUNT + 1]


def test_a_threshold_ends_the_asking(gallery, asked):
    """Below it nobody is answered, so that nobody need be looked for."""
    ids = [each.face_id for each in gallery.faces]
    gallery.apart = KnownApart.of(
        [Pair(ids[0], None, other, None) for other in ids[1:41]], key_of=gallery.owner_of
    )
    threshold = CALIBRATION.similarity_of(0.9)
    answer = gallery.search(unit([1]), Question(CALIBRATION, threshold, 20))
    assert ([each.face_id for each in answer], len(asked)) == ([ids[0]], 1)
    assert answer.rejected == 10
