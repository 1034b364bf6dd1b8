"""Which of a user's faces do not look like the rest."""

from __future__ import annotations

import uuid

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.gallery.memory import PrivateMemory
from countenance.gallery.outliers import UserFaces, find_unlike, likeness_to_the_rest
from countenance.gallery.resident import Enrolled, ResidentGallery
from countenance.gallery.stored import to_unit
from countenance.similarity import meets
from fakes.faces import CALIBRATION, DIMENSIONS, random_templates


def user_of(templates):
    units = to_unit(np.asarray(templates, np.float32).reshape(-1, DIMENSIONS)).astype(np.float16)
    return UserFaces(1, 7, [uuid.uuid4() for _ in units], units)


def like(rng, centre, share):
    return centre + share * random_templates(rng, 1)[0]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(2, 8),
    threshold=st.sampled_from([0.0, 50.0, 80.0, 100.0]),
)
def test_it_is_what_plain_arithmetic_says(seed, count, threshold):
    """Each face against the mean of the others."""
    rng = np.random.default_rng(seed)
    (centre,) = random_templates(rng, 1)
    user = user_of([like(rng, centre, rng.uniform(0, 1.5)) for _ in range(count)])
    units = to_unit(user.stored).astype(np.float64)
    expected = {}
    for at, face_id in enumerate(user.face_ids):
        rest = np.delete(units, at, axis=0).mean(axis=0)
        cosine = units[at] @ rest / np.linalg.norm(rest)
        similarity = float(CALIBRATION.to_similarity(np.array([cosine], np.float32))[0])
        if not meets(np.array([similarity]), threshold)[0]:
            expected[face_id] = similarity
    told = find_unlike(user, CALIBRATION, threshold)
    assert {each.face_id: each.similarity for each in told} == pytest.approx(expected, abs=0.05)
    assert [each.similarity for each in told] == sorted(each.similarity for each in told)
    assert all(each.faces == count for each in told)


def test_a_stranger_among_a_users_faces_is_the_first_that_is_told():
    rng = np.random.default_rng(1)
    own, other = random_templates(rng, 2)
    user = user_of([like(rng, own, 0.2), like(rng, own, 0.2), other, like(rng, own, 0.2)])
    assert find_unlike(user, CALIBRATION, 80.0)[0].face_id == user.face_ids[2]
    assert int(np.argmin(likeness_to_the_rest(user.stored))) == 2


def test_of_two_faces_both_are_told_or_none():
    """Nothing says which of them is the user's."""
    rng = np.random.default_rng(2)
    own, other = random_templates(rng, 2)
    assert len(find_unlike(user_of([own, other]), CALIBRATION, 80.0)) == 2
    assert find_unlike(user_of([own, like(rng, own, 0.05)]), CALIBRATION, 80.0) == []


def test_one_face_has_no_others_to_be_unlike():
    assert find_unlike(user_of(random_templates(np.random.default_rng(3), 1)), CALIBRATION, 100.0) == []


def test_a_gallery_gives_its_users_in_order_with_their_faces():
    """Part by part, each user once, and by name."""
    gallery = ResidentGallery(PrivateMemory(), dimensions=DIMENSIONS, owner_key=bytes(32))
    owners = ["ada", None, "bob", "ada", "bob", "eve"]
    there = [Enrolled(uuid.uuid4(), n + 1, owner) for n, owner in enumerate(owners)]
    templates = random_templates(np.random.default_rng(4), len(owners)).astype(np.float16)
    gallery.change(gone=(), there=there, templates=templates)
    users, is_all = gallery.user_faces(after=0, limit=10)
    assert is_all
    assert [user.ordinal for user in users] == [1, 3, 6]
    assert [list(user.face_ids) for user in users] == [
        [there[0].face_id, there[3].face_id],
        [there[2].face_id, there[4].face_id],
        [there[5].face_id],
    ]
    some, is_all = gallery.user_faces(after=1, limit=1)
    assert ([user.ordinal for user in some], is_all) == ([3], False)
    one, is_all = gallery.user_faces(after=0, limit=10, only="eve")
    assert ([user.ordinal for user in one], is_all) == ([6], True)
    assert gallery.user_faces(after=0, limit=10, only="nobody") == ([], True)


def test_an_answer_is_bounded_by_the_faces_that_it_copies(monkeypatch):
    """Whoever writes to the gallery waits for it; of one user all faces are there, however many."""
    monkeypatch.setattr("countenance.gallery.resident._FACES_COPIED", 3)
    gallery = ResidentGallery(PrivateMemory(), dimensions=DIMENSIONS, owner_key=bytes(32))
    owners = ["ada"] * 4 + ["bob"] * 2 + ["eve"]
    there = [Enrolled(uuid.uuid4(), n + 1, owner) for n, owner in enumerate(owners)]
    templates = random_templates(np.random.default_rng(4), len(owners)).astype(np.float16)
    gallery.change(gone=(), there=there, templates=templates)
    seen, after = [], 0
    while True:
        users, is_all = gallery.user_faces(after=after, limit=10)
        seen.append([len(user.face_ids) for user in users])
        if is_all:
            break
        after = users[-1].ordinal
    assert seen == [[4], [2, 1]]


def test_faces_that_cancel_each_other_out_have_a_likeness_all_the_same():
    """As users' templates have a direction: the first one's."""
    (one,) = random_templates(np.random.default_rng(5), 1)
    user = user_of([one, -one, one])
    assert np.isfinite(likeness_to_the_rest(user.stored)).all()
    assert np.isfinite(likeness_to_the_rest(user_of([one, -one]).stored)).all()
