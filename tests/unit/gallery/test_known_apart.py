"""What rejections leave out of an answer, against the rule in plain words: every face beside every other."""

from __future__ import annotations

import uuid

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.gallery.known_apart import KnownApart, Match, Pair, sift_faces, sift_known, sift_users
from countenance.gallery.memory import PrivateMemory
from countenance.gallery.ranking import Question
from countenance.gallery.resident import Enrolled, ResidentGallery
from fakes.faces import CALIBRATION, DIMENSIONS, towards, unit

PROBE = unit([1])
USERS = (None, None, "ada", "bob", "eve")
CLOSE = [towards(cosine) for cosine in (0.0, 0.3, 0.5, 0.51, 0.7, 0.7, 0.8, 0.9, 0.95, 1.0)]
"""Few directions, so that faces are often exactly as similar as others."""


def ids(count):
    return [uuid.UUID(int=number + 1) for number in range(count)]


# ---- Who is known to be somebody else


def test_what_is_rejected_holds_in_both_directions():
    """That F is not G is that G is not F: a reviewer who looks from the other side sees the same."""
    one, other = ids(2)
    apart = KnownApart.of([Pair(one, None, other, None)])
    assert (apart.others_than(one), apart.others_than(other)) == ({other}, {one})


def test_a_rejection_follows_the_face_to_its_user():
    """The person of F is not U: once F is Ada's, Ada is not U, whichever of her faces is looked at."""
    face, another = ids(2)
    apart = KnownApart.of([Pair(face, "ada", None, "bob"), Pair(face, "ada", another, None, "eve")])
    assert apart.others_than("ada") == {"bob", another, "eve"}
    assert "ada" in apart.others_than("bob")
    assert "ada" in apart.others_than("eve")


def test_nobody_is_kept_from_themselves():
    """Rows that say that somebody is not themselves would empty every answer about them."""
    one, other = ids(2)
    apart = KnownApart.of([Pair(one, "ada", None, "ada"), Pair(one, "ada", other, None, "ada")])
    assert not apart.others_than("ada", one, other)


def test_what_changed_is_as_if_it_were_read_whole():
    """Galleries in memory read what changed: in the end they hold what is there."""
    one, other, third = ids(3)
    before = KnownApart.of([Pair(one, None, None, "ada"), Pair(other, None, third, None)])
    now = [Pair(one, "eve", None, "ada")]
    renewed = before.renewed({one, third}, now, key_of=lambda user_id: user_id)
    assert renewed == KnownApart.of(now)


def test_changes_to_others_leave_it_as_it_is():
    """A collection in which people are enrolled all day is not read for it each time."""
    one, other = ids(2)
    before = KnownApart.of([Pair(one, None, None, "ada")])
    assert before.renewed({other}, [], key_of=lambda user_id: user_id) is before


# ---- What is left out


def test_of_two_known_apart_the_better_match_stays():
    """The photograph is of the person that it resembles more, who is known not to be the other."""
    unknown, adas = ids(2)
    apart = KnownApart.of([Pair(unknown, None, None, "ada")])
    matches = [Match(unknown, None, 0.9), Match(adas, "ada", 0.8)]
    assert sift_faces(matches, 10, apart) == ([0], 1)
    assert sift_faces([Match(adas, "ada", 0.95), Match(unknown, None, 0.9)], 10, apart) == ([0], 1)


def test_two_that_match_equally_well_both_stay():
    """Neither is the better one: leaving either out would be a coin's decision about somebody."""
    unknown, adas = ids(2)
    apart = KnownApart.of([Pair(unknown, None, None, "ada")])
    assert sift_faces([Match(unknown, None, 0.9), Match(adas, "ada", 0.9)], 10, apart) == ([0, 1], 0)


def test_a_persons_lesser_faces_stay_with_the_best():
    """A photograph that resembles Ada most is hers; her older photos do not go because F comes between."""
    best, unknown, old = ids(3)
    apart = KnownApart.of([Pair(unknown, None, None, "ada")])
    matches = [Match(best, "ada", 0.9), Match(unknown, None, 0.8), Match(old, "ada", 0.7)]
    assert sift_faces(matches, 10, apart) == ([0, 2], 1)


def test_what_is_left_out_takes_no_place():
    """MaxFaces counts answers: a rejection must not hide the next candidate as well."""
    one, other, third = ids(3)
    matches = [Match(one, None, 0.9), Match(other, "ada", 0.8), Match(third, None, 0.7)]
    assert sift_known(matches, 2, without={"ada"}) == ([0, 2], 1)
    assert sift_known(matches, 1, without={"ada"}) == ([0], 0), "it was out of reach in any case"


def test_of_users_never_both_are_left_out_for_each_other():
    """A template may match less than the other's best face, both ways: then both would go."""
    matches = [Match(ids(1)[0], "ada", 0.6), Match(ids(2)[1], "bob", 0.5)]
    apart = KnownApart.of([Pair(ids(3)[2], "ada", None, "bob")])
    best = {"ada": 0.7, "bob": 0.72, ids(3)[2]: 0.7}
    assert sift_users(matches, 10, apart, best=best, meeting=set(best)) == ([1], 1)


# ---- Against the rule in plain words


@st.composite
def galleries(draw):
    """Faces with users and directions, and pairs of them that are not one person's."""
    count = draw(st.integers(1, 24))
    faces = [
        Enrolled(face_id, ordinal, draw(st.sampled_from(USERS))) for ordinal, face_id in enumerate(ids(count))
    ]
    templates = np.array([draw(st.sampled_from(CLOSE)) for _ in faces], np.float16)
    pairs = []
    for _ in range(draw(st.integers(0, 12))):
        one, other = draw(st.sampled_from(faces)), draw(st.sampled_from(faces))
        user_id = draw(st.sampled_from(USERS))
        if user_id is not None:
            if user_id != one.user_id:
                pairs.append(Pair(one.face_id, one.user_id, None, user_id))
        elif _person(one) != _person(other):
            pairs.append(Pair(one.face_id, one.user_id, other.face_id, None, other.user_id))
    return faces, templates, pairs


def _person(face):
    return face.user_id or face.face_id


class Oracle:
    """Who may stand in an answer, by looking at all pairs of all faces; in the order of the answer."""

    def __init__(self, gallery, faces, templates, pairs, threshold):
        wide = templates.astype(np.float64)
        products = (wide * PROBE.astype(np.float64)).sum(axis=1) / np.sqrt((wide**2).sum(axis=1))
        self.cosines = dict(
            zip((each.face_id for each in faces), products.astype(np.float32).tolist(), strict=True)
        )
        self.gallery, self.faces, self.threshold = gallery, faces, threshold
        self.apart = set()
        for pair in pairs:
            here = pair.user_id or pair.face_id
            there = pair.rejected_user_id or pair.rejected_face_user_id or pair.rejected_face_id
            self.apart |= {(here, there), (there, here)}

    def meets(self, cosine):
        return CALIBRATION.similarity_of(cosine) >= self.threshold

    def is_out(self, person, strength):
        return any(
            (_person(face), person) in self.apart
            and self.cosines[face.face_id] > strength
            and self.meets(self.cosines[face.face_id])
            for face in self.faces
        )

    def best_of(self, person):
        return max(self.cosines[face.face_id] for face in self.faces if _person(face) == person)

    def faces_of_a_photo(self):
        return self._ranked(
            [
                (self.cosines[each.face_id], each.ordinal, each.face_id)
                for each in self.faces
                if not self.is_out(_person(each), self.best_of(_person(each)))
            ]
        )

    def users_of_a_photo(self):
        users = []
        for user_id in {face.user_id for face in self.faces} - {None}:
            template = self.gallery.subject_template_of(user_id).astype(np.float64)
            length = np.sqrt((template**2).sum())
            cosine = float(np.float32((template * PROBE.astype(np.float64)).sum() / length))
            first = next(face for face in self.faces if face.user_id == user_id)
            if not self.is_out(user_id, max(cosine, self.best_of(user_id))):
                users.append((cosine, first.ordinal, first.face_id))
        return self._ranked(users)

    def faces_beside(self, probe):
        return self._ranked(
            [
                (self.cosines[each.face_id], each.ordinal, each.face_id)
                for each in self.faces
                if each is not probe and (_person(probe), _person(each)) not in self.apart
            ]
        )

    def _ranked(self, found):
        found = [each for each in found if self.meets(each[0])]
        return [face_id for _, _, face_id in sorted(found, key=lambda each: (-each[0], each[1]))]


def _filled(faces, templates, pairs):
    gallery = ResidentGallery(PrivateMemory(), dimensions=DIMENSIONS, owner_key=b"k" * 32)
    gallery.change(gone=(), there=faces, templates=templates)
    gallery.apart = KnownApart.of(pairs, key_of=gallery.owner_of)
    return gallery


@pytest.mark.parametrize("room", [0, 16])
@given(drawn=galleries(), threshold=st.sampled_from([0.0, 50.0, 80.0]), limit=st.integers(1, 30))
def test_an_answer_is_what_the_rule_says_in_the_same_order(drawn, threshold, limit, room):
    """Passes that ask for a few more and then for more again: none may lose, add or move a candidate."""
    faces, templates, pairs = drawn
    gallery = _filled(faces, templates, pairs)
    oracle = Oracle(gallery, faces, templates, pairs, threshold)
    question = Question(CALIBRATION, threshold, limit)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("countenance.gallery.ranking._ROOM_FOR_REJECTED", room)
        found = gallery.search(PROBE, question)
        users = gallery.search_subjects(PROBE, question)
        probe = faces[0]
        beside = gallery.search(
            PROBE,
            question,
            leaving_out=probe.face_id,
            apart_from=gallery.others_than_face(probe.face_id),
        )
    assert [each.face_id for each in found] == oracle.faces_of_a_photo()[:limit]
    assert [each.face_id for each in users] == oracle.users_of_a_photo()[:limit]
    assert [each.face_id for each in beside] == oracle.faces_beside(probe)[:limit]
    if limit >= len(faces):
        without = _filled(faces, templates, [])
        assert found.rejected == len(without.search(PROBE, question)) - len(found)
        assert users.rejected == len(without.search_subjects(PROBE, question)) - len(users)
