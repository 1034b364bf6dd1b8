"""A collection in memory, without any database."""

from __future__ import annotations

import uuid

import numpy as np
import pytest

from countenance.gallery.records import StoredFace, UserStatus
from countenance.gallery.resident import Enrolled, Question, ResidentGallery
from countenance.types import RatioBox
from fakes.faces import CALIBRATION, DIMENSIONS, towards, unit

PROBE = unit([1])


def enrolled(ordinal, *, user_id=None, face_id=None):
    face = StoredFace(
        face_id=face_id or uuid.uuid4(),
        image_id=uuid.uuid4(),
        external_image_id=None,
        box=RatioBox(0.1, 0.1, 0.2, 0.2),
        confidence=99.0,
        user_id=user_id,
        face_model_version="1.0",
    )
    return Enrolled(face, ordinal)


@pytest.fixture
def gallery():
    return ResidentGallery(face_model_version="1.0", dimensions=DIMENSIONS)


def put(gallery, there, templates, gone=()):
    gallery.change(gone=gone, there=there, templates=np.array(templates, np.float16))


def question(threshold=0.0, limit=100):
    return Question(CALIBRATION, threshold, limit)


def found(gallery, threshold=0.0, limit=100, **options):
    return [
        candidate.face.face_id for candidate in gallery.search(PROBE, question(threshold, limit), **options)
    ]


def found_users(gallery, threshold=0.0, limit=100, **options):
    return [
        candidate.user_id
        for candidate in gallery.search_subjects(PROBE, question(threshold, limit), **options)
    ]


def test_candidates_come_by_similarity_with_what_is_known_of_the_face(gallery):
    far, near = enrolled(1), enrolled(2, user_id="ada")
    put(gallery, [far, near], [towards(0.6), towards(0.9)])
    candidates = gallery.search(PROBE, question(80.0))
    assert [candidate.face for candidate in candidates] == [near.face, far.face]
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
    assert found(gallery, limit=2, leaving_out=second.face.face_id) == [
        first.face.face_id,
        third.face.face_id,
    ]


def test_the_answer_does_not_depend_on_how_the_copy_came_about():
    """Two processes learn of the same faces in other batches and in another order."""
    faces = [enrolled(ordinal) for ordinal in range(6)]
    templates = [PROBE, towards(0.5), PROBE, towards(0.5), PROBE, towards(0.9)]
    whole = ResidentGallery(face_model_version="1.0", dimensions=DIMENSIONS)
    put(whole, faces, templates)
    piecemeal = ResidentGallery(face_model_version="1.0", dimensions=DIMENSIONS)
    stranger = enrolled(99)
    put(piecemeal, [stranger], [PROBE])
    for face, template in reversed(list(zip(faces, templates, strict=True))):
        put(piecemeal, [face], [template])
    put(piecemeal, [], np.empty((0, DIMENSIONS)), gone=[stranger.face.face_id])
    for limit in range(1, 7):
        assert found(whole, limit=limit) == found(piecemeal, limit=limit)


def test_a_face_that_is_put_again_replaces_what_was_known_of_it(gallery):
    before = enrolled(1)
    after = enrolled(1, user_id="ada", face_id=before.face.face_id)
    put(gallery, [before], [PROBE])
    put(gallery, [after], [PROBE])
    assert len(gallery) == 1
    assert gallery.search(PROBE, question())[0].face.user_id == "ada"


def test_unknown_faces_may_be_gone(gallery):
    put(gallery, [], np.empty((0, DIMENSIONS)), gone=[uuid.uuid4()])
    assert found(gallery) == []


def test_a_users_template_is_the_unit_mean_of_its_faces(gallery):
    put(gallery, [enrolled(1, user_id="ada"), enrolled(2, user_id="ada")], [unit([1]), unit([0, 1])])
    assert gallery.subject_template_of("ada") == pytest.approx(unit([1, 1]))
    (candidate,) = gallery.search_subjects(unit([1, 1]), question(80.0))
    assert (candidate.user_id, candidate.status) == ("ada", UserStatus.ACTIVE)
    assert candidate.similarity == CALIBRATION.similarity_of(1.0)


def test_users_follow_their_faces(gallery):
    one, two, hers = enrolled(1, user_id="ada"), enrolled(2, user_id="ada"), enrolled(3, user_id="grace")
    put(gallery, [one, two, hers], [PROBE, unit([0, 1]), towards(0.9)])
    assert found_users(gallery) == ["grace", "ada"]
    put(gallery, [], np.empty((0, DIMENSIONS)), gone=[two.face.face_id])
    assert found_users(gallery) == ["ada", "grace"]
    moved = enrolled(1, user_id="grace", face_id=one.face.face_id)
    put(gallery, [moved], [PROBE])
    assert found_users(gallery) == ["grace"]
    assert gallery.subject_template_of("ada") is None


def test_a_user_left_out_does_not_use_up_the_limit(gallery):
    put(gallery, [enrolled(1, user_id="ada"), enrolled(2, user_id="grace")], [PROBE, PROBE])
    assert found_users(gallery, limit=1) == ["ada"]
    assert found_users(gallery, limit=1, leaving_out="ada") == ["grace"]


def test_templates_are_answered_by_face(gallery):
    one = enrolled(1)
    put(gallery, [one], [towards(0.25)])
    assert gallery.template_of(one.face.face_id) == pytest.approx(towards(0.25), abs=1e-3)
    assert gallery.template_of(uuid.uuid4()) is None


def test_memory_grows_with_the_gallery(gallery):
    empty = gallery.nbytes
    put(gallery, [enrolled(ordinal) for ordinal in range(1000)], [PROBE] * 1000)
    assert gallery.nbytes - empty > 1000 * DIMENSIONS * 4
