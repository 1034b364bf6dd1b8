"""Who would change: counted by brute force, and named."""

from __future__ import annotations

import itertools
import uuid

import numpy as np
import pytest

from countenance.gallery.reembedding_records import TemplatesOfAll
from countenance.gallery.stored import to_unit
from countenance.reembedding.differences import Side, compare
from countenance.similarity import meets
from countenance.types import Similarity
from fakes.faces import CALIBRATION, random_templates


def side(version, stored, users, names=None, face_ids=None):
    count = len(stored)
    return Side(
        version,
        TemplatesOfAll(
            face_ids or [uuid.UUID(int=number + 1) for number in range(count)],
            users,
            names or [None] * count,
            np.asarray(stored, np.float16),
        ),
        CALIBRATION,
    )


def clustered(rng, people, per_person, dimensions, spread):
    centres = random_templates(rng, people, dimensions)
    vectors = np.repeat(centres, per_person, axis=0)
    vectors = vectors + spread * rng.standard_normal(vectors.shape)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def brute_force(stored, threshold):
    """Pairs (i < j) that match, and each face's best other, by the plainest arithmetic."""
    unit = to_unit(np.asarray(stored, np.float16)).astype(np.float64)
    similarity = CALIBRATION.to_similarity(np.clip(unit @ unit.T, -1, 1).astype(np.float32))
    matched = meets(similarity, Similarity(threshold))
    np.fill_diagonal(matched, False)
    pairs = {(i, j) for i, j in zip(*np.nonzero(matched), strict=True) if i < j}
    return pairs, matched.any(axis=1)


@pytest.mark.parametrize("threshold", [0.0, 60.0, 80.0])
def test_pairs_are_those_of_a_comparison_of_every_face_with_every_other(rng, threshold):
    before, after = clustered(rng, 12, 4, 16, 0.35), clustered(rng, 12, 4, 9, 0.35)
    users = [f"user-{number // 4}" if number % 3 else None for number in range(48)]
    found = compare(side("1", before, users), side("2", after, users), threshold=Similarity(threshold))
    old, had_best = brute_force(before, threshold)
    new, has_best = brute_force(after, threshold)
    counted = {}
    for i, j in itertools.combinations(range(48), 2):
        what = {(1, 1): "both", (1, 0): "stops", (0, 1): "begins"}.get(((i, j) in old, (i, j) in new))
        if what:
            known = users[i] is not None and users[j] is not None
            kind = ("same person" if users[i] == users[j] else "different people") if known else "not known"
            counted[kind, what] = counted.get((kind, what), 0) + 1
    assert dict(found.pairs) == counted
    assert len(found.face_changes) == len(old ^ new)
    assert found.best["lost"] == sum(had_best & ~has_best)
    assert found.best["found"] == sum(has_best & ~had_best)
    assert sum(found.best.values()) == found.faces == found.probes == 48
    assert found.is_exact


@pytest.fixture
def rng():
    return np.random.default_rng(20261126)


def test_who_would_change_is_named(rng):
    """Ada's two faces part, Bob and Eve begin to be taken for one another."""
    east, north, up = np.eye(3)
    before = [east, east, north, up]
    after = [east, north, up, up]
    found = compare(
        side("1", before, ["ada", "ada", "bob", "eve"], ["a1", "a2", "b", "e"]),
        side("2", after, ["ada", "ada", "bob", "eve"], ["a1", "a2", "b", "e"]),
        threshold=Similarity(80.0),
    )
    assert [
        (each.user_id, each.pairs, each.matching_before, each.matching_after) for each in found.user_changes
    ] == [("ada", 1, 1, 0)]
    begins = [each for each in found.face_changes if each.change == "begins"]
    assert [(each.kind, each.one_user, each.other_user, each.one_name) for each in begins] == [
        ("different people", "bob", "eve", "b")
    ]
    assert begins[0].before < 80 <= begins[0].after
    assert [(each.one, each.other, each.change) for each in found.user_pair_changes] == [
        ("bob", "eve", "begins")
    ]
    assert dict(found.best) == {"lost": 2, "found": 2}


def test_a_best_candidate_that_becomes_another_person_is_told(rng):
    east, north, _ = np.eye(3)
    near = east + 0.2 * north
    nearer = east + 0.1 * north
    found = compare(
        side("1", [east, nearer, near], [None, "bob", "eve"]),
        side("2", [east, near, nearer], [None, "bob", "eve"]),
        threshold=Similarity(80.0),
    )
    changes = {str(each.face_id)[-1]: each.change for each in found.best_changes}
    assert changes["1"] == "another person"


def test_only_faces_with_both_templates_are_compared_and_the_others_counted(rng):
    before, users = random_templates(rng, 5), [None] * 5
    ids = [uuid.UUID(int=number) for number in (1, 3, 4)]
    found = compare(
        side("1", before, users),
        side("2", random_templates(rng, 3, 4), users[:3], face_ids=ids),
        threshold=Similarity(0.0),
    )
    assert (found.faces, found.unembedded) == (3, 2)
    nobody = compare(side("1", before, users), side("2", np.empty((0, 4)), []), threshold=Similarity(0.0))
    assert (nobody.faces, nobody.unembedded, nobody.is_exact) == (0, 5, True)


def test_of_many_faces_a_stated_sample_is_compared_with_all(rng):
    before, after = random_templates(rng, 60, 16), random_templates(rng, 60, 9)
    users = [None] * 60
    whole = compare(side("1", before, users), side("2", after, users), threshold=Similarity(60.0))
    part = compare(
        side("1", before, users),
        side("2", after, users),
        threshold=Similarity(60.0),
        most_exact=20,
        sample=15,
    )
    assert (part.probes, part.is_exact, sum(part.best.values())) == (15, False, 15)
    assert 0 < sum(part.pairs.values()) < sum(whole.pairs.values())
    again = compare(
        side("1", before, users),
        side("2", after, users),
        threshold=Similarity(60.0),
        most_exact=20,
        sample=15,
    )
    assert again.pairs == part.pairs  # drawn the same each time
