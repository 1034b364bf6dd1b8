"""A collection in memory, without any database."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import numpy as np
import pytest

from countenance.errors import InternalServerError
from countenance.gallery import resident
from countenance.gallery.memory import PrivateMemory
from countenance.gallery.ranking import Question
from countenance.gallery.resident import Enrolled, Moment, ResidentGallery
from countenance.gallery.scan import layout
from fakes.faces import CALIBRATION, DIMENSIONS, towards, unit

PROBE = unit([1])
OWNER_KEY = bytes(range(32))


def enrolled(ordinal, *, user_id=None, face_id=None):
    return Enrolled(face_id or uuid.uuid4(), ordinal, user_id)


def empty_gallery(memory=None):
    return ResidentGallery(memory or PrivateMemory(), dimensions=DIMENSIONS, owner_key=OWNER_KEY)


@pytest.fixture
def gallery():
    return empty_gallery()


def put(gallery, there, templates, gone=()):
    gallery.change(gone=gone, there=there, templates=np.array(templates, np.float16))


def question(threshold=0.0, limit=100):
    return Question(CALIBRATION, threshold, limit)


def found(gallery, threshold=0.0, limit=100, **options):
    return [each.face_id for each in gallery.search(PROBE, question(threshold, limit), **options)]


def found_users(gallery, faces, threshold=0.0, limit=100, **options):
    """By the face that each is known by: the first of its faces."""
    user_of = {face.face_id: face.user_id for face in faces}
    found = gallery.search_subjects(PROBE, question(threshold, limit), **options)
    return [user_of[each.face_id] for each in found]


def test_faces_come_by_similarity(gallery):
    far, near = enrolled(1), enrolled(2, user_id="ada")
    put(gallery, [far, near], [towards(0.6), towards(0.9)])
    candidates = gallery.search(PROBE, question(80.0))
    assert [candidate.face_id for candidate in candidates] == [near.face_id, far.face_id]
    assert candidates[0].similarity == CALIBRATION.similarity_of(float(towards(0.9)[0]))


def test_a_threshold_is_met_by_the_similarity_that_is_answered(gallery):
    """A caller who repeats the search with an answered similarity as threshold finds the face again."""
    put(gallery, [enrolled(1)], [towards(0.61803)])
    (candidate,) = gallery.search(PROBE, question())
    assert len(found(gallery, candidate.similarity)) == 1
    assert found(gallery, np.nextafter(np.float32(candidate.similarity), np.float32(101))) == []


def test_threshold_zero_finds_even_the_opposite(gallery):
    put(gallery, [enrolled(1), enrolled(2)], [unit([-1]), PROBE])
    assert len(found(gallery, 0.0)) == 2


def test_threshold_hundred_finds_only_what_rounds_to_hundred(gallery):
    put(gallery, [enrolled(1)], [towards(0.9)])
    assert found(gallery, 100.0) == []


def test_a_face_left_out_does_not_use_up_the_limit(gallery):
    first, second, third = enrolled(1), enrolled(2), enrolled(3)
    put(gallery, [first, second, third], [PROBE, PROBE, towards(0.9)])
    assert found(gallery, limit=2, leaving_out=second.face_id) == [
        first.face_id,
        third.face_id,
    ]


def test_the_answer_does_not_depend_on_how_the_copy_came_about():
    """Two processes learn of the same faces in other batches and in another order."""
    faces = [enrolled(ordinal) for ordinal in range(6)]
    templates = [PROBE, towards(0.5), PROBE, towards(0.5), PROBE, towards(0.9)]
    whole = empty_gallery()
    put(whole, faces, templates)
    piecemeal = empty_gallery()
    stranger = enrolled(99)
    put(piecemeal, [stranger], [PROBE])
    for face, template in reversed(list(zip(faces, templates, strict=True))):
        put(piecemeal, [face], [template])
    put(piecemeal, [], np.empty((0, DIMENSIONS)), gone=[stranger.face_id])
    for limit in range(1, 7):
        assert found(whole, limit=limit) == found(piecemeal, limit=limit)


def test_a_face_that_is_put_again_replaces_what_was_known_of_it(gallery):
    before = enrolled(1)
    after = enrolled(1, user_id="ada", face_id=before.face_id)
    put(gallery, [before], [PROBE])
    put(gallery, [after], [PROBE])
    assert gallery.face_count == 1
    assert found_users(gallery, [after]) == ["ada"]


def test_unknown_faces_may_be_gone(gallery):
    put(gallery, [], np.empty((0, DIMENSIONS)), gone=[uuid.uuid4()])
    assert found(gallery) == []


def test_a_users_template_is_the_unit_mean_of_its_faces(gallery):
    second, first = enrolled(2, user_id="ada"), enrolled(1, user_id="ada")
    put(gallery, [second, first], [unit([1]), unit([0, 1])])
    assert gallery.subject_template_of("ada") == pytest.approx(unit([1, 1]))
    (candidate,) = gallery.search_subjects(unit([1, 1]), question(80.0))
    assert candidate.face_id == first.face_id
    assert candidate.similarity == CALIBRATION.similarity_of(1.0)


def test_users_follow_their_faces(gallery):
    one, two, hers = enrolled(1, user_id="ada"), enrolled(2, user_id="ada"), enrolled(3, user_id="grace")
    faces = [one, two, hers]
    put(gallery, faces, [PROBE, unit([0, 1]), towards(0.9)])
    assert found_users(gallery, faces) == ["grace", "ada"]
    put(gallery, [], np.empty((0, DIMENSIONS)), gone=[two.face_id])
    assert found_users(gallery, faces) == ["ada", "grace"]
    moved = enrolled(1, user_id="grace", face_id=one.face_id)
    put(gallery, [moved], [PROBE])
    assert found_users(gallery, [moved, hers]) == ["grace"]
    assert gallery.subject_template_of("ada") is None


def test_a_user_left_out_does_not_use_up_the_limit(gallery):
    faces = [enrolled(1, user_id="ada"), enrolled(2, user_id="grace")]
    put(gallery, faces, [PROBE, PROBE])
    assert found_users(gallery, faces, limit=1) == ["ada"]
    assert found_users(gallery, faces, limit=1, leaving_out="ada") == ["grace"]


def test_templates_are_answered_by_face(gallery):
    one = enrolled(1)
    put(gallery, [one], [towards(0.25)])
    assert gallery.template_of(one.face_id) == pytest.approx(towards(0.25), abs=1e-3)
    assert gallery.template_of(uuid.uuid4()) is None


def test_memory_grows_with_the_gallery(gallery):
    empty = gallery.nbytes
    put(gallery, [enrolled(ordinal) for ordinal in range(1000)], [PROBE] * 1000)
    assert gallery.nbytes - empty > 1000 * DIMENSIONS * 4


MOMENT = Moment("10:20:11,12", datetime(2026, 11, 26, 12, 0, 0, 123456, UTC))


def test_a_copy_is_one_as_of_the_moment_that_it_settled_on(gallery):
    assert gallery.moment is None
    with gallery.changing():
        put(gallery, [enrolled(1)], [PROBE])
        assert gallery.moment is None
        gallery.settle(MOMENT)
    assert gallery.moment == MOMENT


def test_a_copy_whose_change_failed_half_way_holds_nothing(gallery):
    with gallery.changing():
        put(gallery, [enrolled(1, user_id="ada")], [PROBE])
        gallery.settle(MOMENT)
    with pytest.raises(ZeroDivisionError), gallery.changing():
        put(gallery, [enrolled(2)], [PROBE])
        _ = 1 / 0
    assert gallery.moment is None
    assert (gallery.face_count, gallery.subject_count) == (0, 0)


def test_who_maps_the_same_memory_has_the_same_copy():
    memory = PrivateMemory()
    mine, theirs = empty_gallery(memory), empty_gallery(memory)
    faces = [enrolled(1, user_id="ada"), enrolled(2)]
    with mine.changing():
        mine.fill(faces, np.array([PROBE, towards(0.9)], np.float16))
        mine.finish()
        mine.settle(MOMENT)
    assert theirs.moment == MOMENT
    assert found(theirs) == [face.face_id for face in faces]
    assert found_users(theirs, faces) == ["ada"]
    put(theirs, [], np.empty((0, DIMENSIONS)), gone=[faces[0].face_id])
    assert found(mine) == [faces[1].face_id]
    assert mine.subject_template_of("ada") is None


def test_a_snapshot_may_name_ten_thousand_transactions(gallery):
    """One for each that is open then: more than a server has connections."""
    long = Moment("1:99999999:" + ",".join(map(str, range(10_000_000, 10_010_000))), MOMENT.at)
    gallery.settle(long)
    assert gallery.moment == long
    gallery.settle(MOMENT)
    assert gallery.moment == MOMENT


def test_new_faces_are_not_looked_for(gallery, monkeypatch):
    """In a gallery of millions that is most of what an enrolment costs the next search."""
    put(gallery, [enrolled(1)], [PROBE])
    monkeypatch.setattr(gallery._faces, "find", lambda _ids: 1 / 0)
    new = Enrolled(uuid.uuid4(), 2, None, is_new=True)
    put(gallery, [new], [PROBE])
    assert gallery.face_count == 2


def test_who_dies_while_it_is_wiped_leaves_no_copy(gallery, monkeypatch):
    with gallery.changing():
        put(gallery, [enrolled(1)], [PROBE])
        gallery.settle(MOMENT)
    monkeypatch.setattr(gallery.memory, "wipe", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        gallery.clear()
    assert gallery.moment is None


def test_faces_never_run_into_what_lies_behind_them(monkeypatch):
    """Users do: their templates would be overwritten."""
    monkeypatch.setattr(resident, "_MOST_FACES", 10)
    monkeypatch.setattr(layout.Layout.__init__, "__defaults__", ("float16", 4))
    small = empty_gallery()
    faces = [enrolled(number, user_id="ada") for number in range(13)]
    put(small, faces[:12], [PROBE] * 12)
    with pytest.raises(InternalServerError, match="room for 10"):
        put(small, faces[12:], [PROBE])
    assert small.subject_count == 1


def test_many_users_are_made_in_parts(monkeypatch):
    monkeypatch.setattr(resident, "_SUBJECTS_AT_ONCE", 3)
    gallery = empty_gallery()
    faces = [enrolled(number, user_id=f"user {number % 8}") for number in range(24)]
    gallery.fill(faces, np.array([PROBE] * 24, np.float16))
    gallery.finish()
    assert found_users(gallery, faces) == [f"user {number}" for number in range(8)]
