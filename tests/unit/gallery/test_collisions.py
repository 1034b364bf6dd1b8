"""Everybody against everybody, held to a brute-force oracle."""

from __future__ import annotations

import uuid

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.gallery.collisions import find_collisions
from countenance.gallery.known_apart import KnownApart, Pair
from countenance.gallery.memory import PrivateMemory
from countenance.gallery.ranking import Question
from countenance.gallery.resident import Enrolled, ResidentGallery
from countenance.gallery.stored import to_unit
from countenance.gallery.subject_template import subject_template
from fakes.faces import CALIBRATION, DIMENSIONS, random_templates

OWNER_KEY = bytes(range(32))


def gallery_of(there, templates):
    gallery = ResidentGallery(PrivateMemory(), dimensions=DIMENSIONS, owner_key=OWNER_KEY)
    gallery.change(gone=(), there=there, templates=np.asarray(templates, np.float16))
    return gallery


def drawn(seed, owners):
    """Faces with these owners, some of whom look alike; enrolled in an order of their own."""
    rng = np.random.default_rng(seed)
    centres = random_templates(rng, 3)
    templates = [centres[rng.integers(3)] + 0.3 * each for each in random_templates(rng, len(owners))]
    units = to_unit(np.array(templates).reshape(-1, DIMENSIONS)).astype(np.float16)
    order = rng.permutation(len(owners)) + 1
    return [Enrolled(uuid.uuid4(), int(n), who) for n, who in zip(order, owners, strict=True)], units


def oracle(there, templates, threshold):
    """Every pair by plain arithmetic: {(first face of one, first face of the other): similarity}."""
    people = {}
    for face, template in sorted(zip(there, templates, strict=True), key=lambda each: each[0].ordinal):
        people.setdefault(face.user_id or face.face_id, []).append((face.face_id, template))
    known = [
        (faces[0][0], subject_template(np.stack([each for _, each in faces]))) for faces in people.values()
    ]
    pairs = {}
    for place, (one, template) in enumerate(known):
        for other, another in known[place + 1 :]:
            cosine = np.float32(template.astype(np.float64) @ another.astype(np.float64))
            similarity = float(CALIBRATION.to_similarity(np.array([cosine], np.float32))[0])
            if similarity >= threshold:
                pairs[one, other] = similarity
    return pairs


def reported(gallery, threshold, *, limit=100, at_once=2_000_000, a_stretch=20_000_000):
    """All stretches of a report, one after the other."""
    told, after = [], None
    while True:
        question = Question(CALIBRATION, threshold, limit)
        stretch = find_collisions(
            gallery.people(), question, after=after, at_once=at_once, a_stretch=a_stretch
        )
        assert len(stretch.pairs) <= limit
        told += stretch.pairs
        if stretch.after is None:
            assert stretch.done == stretch.people
            return told
        assert after is None or stretch.after > after, "a report gets on"
        after = stretch.after


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    owners=st.lists(st.sampled_from([None, None, "ada", "bob", "eve"]), max_size=14),
    threshold=st.sampled_from([0.0, 60.0, 80.0, 95.0]),
    limit=st.integers(1, 5),
    at_once=st.sampled_from([1, 20, 2_000_000]),
    a_stretch=st.sampled_from([1, 30, 20_000_000]),
)
def test_it_tells_each_pair_once_whatever_it_is_cut_into(seed, owners, threshold, limit, at_once, a_stretch):
    """A pair that falls between two pages is a twin whom nobody is told of."""
    there, templates = drawn(seed, owners)
    told = reported(
        gallery_of(there, templates), threshold, limit=limit, at_once=at_once, a_stretch=a_stretch
    )
    expected = oracle(there, templates, threshold)
    assert {(pair.first.face_id, pair.second.face_id): pair.similarity for pair in told} == pytest.approx(
        expected, abs=0.02
    )
    assert len(told) == len(expected)


def apart(gallery, first, second):
    """A rejection of the first face's person for the second's."""
    pair = Pair(first.face_id, first.user_id, second.face_id, None, second.user_id)
    gallery.apart = KnownApart.of([pair], key_of=gallery.owner_of)
    return gallery


@pytest.mark.parametrize("owners", [[None, None, None], ["ada", "bob", "eve"], ["ada", None, "bob"]])
@pytest.mark.parametrize("is_turned", [False, True])
def test_who_are_known_to_be_two_people_are_not_told_again(owners, is_turned):
    """Somebody looked at the twins, and said so (RejectMatch); the others are still told."""
    there, templates = drawn(4, owners)
    first, second = (there[1], there[0]) if is_turned else (there[0], there[1])
    gallery = apart(gallery_of(there, templates), first, second)
    question = Question(CALIBRATION, 0.0, 10)
    everything = find_collisions(gallery.people(), question, after=None)
    stretch = find_collisions(gallery.people(), question, after=None, apart=gallery.apart)
    assert (len(everything.pairs), everything.rejected) == (3, 0)
    assert (len(stretch.pairs), stretch.rejected) == (2, 1)
    named = [{pair.first.face_id, pair.second.face_id} for pair in stretch.pairs]
    assert {first.face_id, second.face_id} not in named


@pytest.mark.parametrize("owners", [[], [None], ["ada", "ada"]])
def test_nobody_collides_with_themselves(owners):
    """An empty gallery, one face, and two faces of one user have no two people to compare."""
    there, templates = drawn(1, owners)
    assert reported(gallery_of(there, templates), 0.0) == []


def test_the_state_tells_of_what_was_deleted_added_or_given_to_somebody():
    """A report that goes on over another gallery has to say so; it is the same for every process."""
    there, templates = drawn(3, [None, None, "ada"])

    def state(there, templates):
        question = Question(CALIBRATION, 80.0, 10)
        return find_collisions(gallery_of(there, templates).people(), question, after=None).state

    same = state(there, templates)
    assert state(there[::-1], templates[::-1]) == same
    given = [Enrolled(there[0].face_id, there[0].ordinal, "bob"), *there[1:]]
    assert len({same, state(there[1:], templates[1:]), state(given, templates)}) == 3
