"""Templates beside those in use, as rows."""

from __future__ import annotations

import uuid

import numpy as np
import pytest

from countenance.errors import ConflictException
from countenance.gallery.stored import weights_of
from countenance.gallery.two_models import Model
from countenance.types import WeighedTemplate
from fakes.faces import new_face, random_templates, unit, weighed

NEW = Model("2.0", 4)


def other(*values):
    vector = np.zeros(NEW.dimensions, np.float32)
    vector[: len(values)] = values
    return vector / np.linalg.norm(vector)


@pytest.fixture
def shadows(gallery):
    return gallery.shadow_templates


@pytest.fixture
def run(gallery, collection, commit):
    commit(gallery.reembeddings.start, collection, NEW, "folder")
    return gallery.reembeddings.require(collection)


def test_what_is_missing_comes_picture_by_picture_and_whole(shadows, collection, gallery, commit, run, rng):
    """Two faces of one photograph are never in two parts, wherever a part ends."""
    image_ids = [uuid.uuid4() for _ in range(5)]
    faces = [
        new_face(template, image_id=image_ids[number // 3], left=number / 100)
        for number, template in enumerate(random_templates(rng, 15))
    ]
    stored = commit(gallery.enrol, collection, faces)
    commit(shadows.put, collection, run, NEW, weighed({face.face_id: other(1) for face in stored[:4]}))
    found, after, sizes = [], None, []
    while True:
        part = shadows.next_faces(collection, NEW, after=after, limit=4)
        found += part.faces
        sizes.append(part.seen)
        images = {face.image_id for face in part.faces}
        assert all(
            {each.face_id for each in part.faces if each.image_id == image}
            == {face.face_id for face in stored[4:] if face.image_id == image}
            for image in images
        )
        if part.last is None:
            break
        after = part.last
    assert sum(sizes) == 15
    assert {face.face_id for face in found} == {face.face_id for face in stored[4:]}
    assert shadows.next_faces(collection, Model("1.0", 8), after=None).faces == []


def test_coverage_counts_faces_with_a_template_of_a_model(shadows, collection, enrol, commit, run):
    one, _ = enrol(unit([1]), unit([0, 1]))
    commit(shadows.put, collection, run, NEW, weighed({one: other(1)}))
    new, old = shadows.coverage(collection, NEW), shadows.coverage(collection, run.from_model)
    assert (new.faces, new.embedded, new.missing, old.missing) == (2, 1, 1, 0)


def test_a_template_is_written_once_and_for_faces_that_are_there(
    shadows, collection, enrol, commit, run, gallery
):
    one, gone = enrol(unit([1]), unit([0, 1]))
    commit(gallery.delete_faces, collection, [gone])
    commit(shadows.put, collection, run, NEW, weighed({one: other(1), gone: other(1)}))
    commit(shadows.put, collection, run, NEW, weighed({one: other(0, 1)}))
    found = shadows.templates(collection, NEW)
    assert list(found.face_ids) == [one]
    assert np.allclose(found.stored[0], other(1))


def test_nothing_is_written_once_the_run_has_ended(shadows, collection, enrol, commit, run, gallery):
    (one,) = enrol(unit([1]))
    commit(gallery.reembeddings.begin_discarding, collection, run)
    with pytest.raises(ConflictException):
        commit(shadows.put, collection, run, NEW, weighed({one: other(1)}))


def test_reasons_are_kept_counted_and_forgotten_with_a_template(
    shadows, collection, enrol, commit, run, gallery
):
    one, two, three = enrol(unit([1]), unit([0, 1]), unit([1, 1]))
    commit(shadows.note_failures, run, {one: "no photo", two: "no photo", three: "changed photo"})
    assert shadows.count_failures(collection, run) == {"no photo": 2, "changed photo": 1}
    commit(shadows.note_failures, run, {two: "no face there"})
    commit(shadows.put, collection, run, NEW, weighed({one: other(1)}))
    commit(gallery.delete_faces, collection, [three])
    assert shadows.count_failures(collection, run) == {"no face there": 1}
    assert [(each.face_id, each.reason) for each in shadows.list_missing(collection, run, NEW, limit=9)] == [
        (two, "no face there")
    ]
    commit(gallery.reembeddings.take_up, collection, run, "folder")
    assert shadows.list_missing(collection, run, NEW, limit=9)[0].reason is None


def test_a_template_beside_another_keeps_its_weight(shadows, run, collection, gallery, commit):
    """After a switch a user's faces count as they would have if they had been enrolled with the new model."""
    one = commit(gallery.enrol, collection, [new_face(unit([1]))])[0].face_id
    commit(shadows.put, collection, run, NEW, {one: WeighedTemplate(other(1), 2.0)})
    assert list(weights_of(shadows.templates(collection, NEW).stored)) == [2.0]
