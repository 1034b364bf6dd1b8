"""Enrolling, listing and deleting faces."""

from __future__ import annotations

import threading
import uuid
from dataclasses import replace

import pytest

from countenance.gallery import FaceFailure, Reason
from countenance.store import UnitOfWork
from countenance.types import RatioBox
from fakes.faces import CALIBRATION, new_face, random_templates, unit


def ids(found):
    return [face.face_id for face in found]


def test_a_face_is_stored_rounded_as_aws_stores_it(gallery, collection, commit):
    """Boxes to 6 decimals and Confidence to 4: what ListFaces answers differs a little from IndexFaces."""
    face = new_face(unit([1]), external_image_id="ada", left=0.23503491, confidence=99.99736785888672)
    (stored,) = commit(gallery.enrol, collection, [face])
    assert stored.box == RatioBox(left=0.235035, top=0.1, width=0.2, height=0.3)
    assert stored.confidence == 99.9974
    assert (stored.face_id, stored.image_id) == (face.face_id, face.image_id)
    assert (stored.external_image_id, stored.user_id) == ("ada", None)
    assert stored.face_model_version == "1.0"
    assert gallery.list_faces(collection, limit=10) == [stored]


def test_answers_come_in_the_order_of_the_faces(gallery, collection, commit):
    """IndexFaces answers by size, whatever order the rows are written in."""
    faces = [new_face(unit([1]), left=left) for left in (0.5, 0.1, 0.9, 0.3)]
    assert ids(commit(gallery.enrol, collection, faces)) == ids(faces)


def test_no_faces_are_no_error(gallery, collection, commit):
    assert commit(gallery.enrol, collection, []) == []


def test_the_same_face_of_the_same_image_is_not_stored_twice(gallery, collection, commit):
    image_id = uuid.uuid4()
    first = commit(gallery.enrol, collection, [new_face(unit([1]), image_id=image_id)])
    again = commit(
        gallery.enrol,
        collection,
        [new_face(unit([1]), image_id=image_id), new_face(unit([1]), image_id=image_id, left=0.7)],
    )
    assert again[0] == first[0]
    assert again[1].face_id != first[0].face_id
    assert gallery.describe(collection).face_count == 2


@pytest.mark.parametrize("external_image_id", [None, "ada"])
def test_another_external_image_id_is_another_face(gallery, collection, commit, external_image_id):
    image_id = uuid.uuid4()
    (first,) = commit(
        gallery.enrol,
        collection,
        [new_face(unit([1]), image_id=image_id, external_image_id=external_image_id)],
    )
    (other,) = commit(
        gallery.enrol, collection, [new_face(unit([1]), image_id=image_id, external_image_id="grace")]
    )
    assert other.face_id != first.face_id


def test_two_alike_in_one_call_are_one(gallery, collection, commit):
    image_id = uuid.uuid4()
    one, same = (new_face(unit([1]), image_id=image_id) for _ in range(2))
    assert ids(commit(gallery.enrol, collection, [one, same])) == [one.face_id, one.face_id]


def test_thousands_come_in_at_once_and_those_that_are_there_keep_their_ids(
    gallery, collection, commit, database, rng
):
    """What an import writes: new ones, ones of before, ones twice, each answered in its place."""
    many = [new_face(template) for template in random_templates(rng, 3_000)]
    first = commit(gallery.enrol, collection, many[::3])
    again = [replace(face, face_id=uuid.uuid4()) for face in many]
    stored = commit(gallery.enrol, collection, [*again, *many[:10]])
    assert ids(stored[::3])[:1000] == ids(first) == ids(many[::3])
    assert ids(stored[1:3]) == ids(again[1:3])
    assert ids(stored[3000:]) == ids(stored[:10])
    assert gallery.describe(collection).face_count == 3_000
    with database.read() as connection:
        told = connection.execute(
            "select count(*), count(distinct c.face_id), count(distinct f.secret), min(length(f.secret))"
            " from gallery_change as c left join face as f using (collection_id, face_id)"
            " where c.collection_id = %s",
            (collection.collection_id,),
        ).fetchone()
    assert told == (3_000, 3_000, 3_000, 32)


def test_after_deletion_the_same_face_is_a_new_one(gallery, collection, commit):
    image_id = uuid.uuid4()
    (first,) = commit(gallery.enrol, collection, [new_face(unit([1]), image_id=image_id)])
    commit(gallery.delete_faces, collection, [first.face_id])
    (again,) = commit(gallery.enrol, collection, [new_face(unit([1]), image_id=image_id)])
    assert again.face_id != first.face_id


def test_a_face_that_is_stored_keeps_its_user_when_it_comes_again(gallery, collection, commit):
    image_id = uuid.uuid4()
    (first,) = commit(gallery.enrol, collection, [new_face(unit([1]), image_id=image_id)])
    commit(gallery.create_user, collection, "ada")
    commit(gallery.associate, collection, "ada", [first.face_id], calibration=CALIBRATION, threshold=80.0)
    (again,) = commit(gallery.enrol, collection, [new_face(unit([1]), image_id=image_id)])
    assert (again.face_id, again.user_id) == (first.face_id, "ada")


def test_many_who_enrol_one_image_at_once_store_it_once(gallery, collection, commit):
    """A client that retries, or a fleet that shares a bucket: each gets the same ids and no error."""
    image_id, answers, errors = uuid.uuid4(), [], []

    def enrol(reverse):
        faces = [new_face(unit([1]), image_id=image_id, left=left) for left in (0.1, 0.4, 0.7)]
        try:
            stored = commit(gallery.enrol, collection, faces[::-1] if reverse else faces)
            answers.append(tuple(sorted((face.box.left, face.face_id) for face in stored)))
        except Exception as error:  # noqa: BLE001  # whatever it is, the test must hear of it
            errors.append(error)

    threads = [threading.Thread(target=enrol, args=(number % 2 == 1,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(set(answers)) == 1
    assert gallery.describe(collection).face_count == 3


def test_no_plain_template_is_in_the_database(gallery, collection, enrol, database):
    enrol(unit([0.6, 0.8]))
    with database.read() as connection:
        ((sealed,),) = connection.execute(
            "select sealed_template from face where collection_id = %s", (collection.collection_id,)
        ).fetchall()
    assert unit([0.6, 0.8]).astype("<f2").tobytes() not in bytes(sealed)


def test_faces_are_listed_by_id_page_by_page(gallery, collection, enrol):
    enrolled = sorted(enrol(*[unit([1])] * 5))
    first = ids(gallery.list_faces(collection, limit=2))
    assert first == enrolled[:2]
    assert ids(gallery.list_faces(collection, limit=9, after=first[-1])) == enrolled[2:]


def test_faces_are_listed_by_user_and_among_ids(gallery, collection, commit, enrol):
    one, two, three = enrol(*[unit([1])] * 3)
    commit(gallery.create_user, collection, "ada")
    commit(gallery.associate, collection, "ada", [one, two], calibration=CALIBRATION, threshold=80.0)
    assert ids(gallery.list_faces(collection, user_id="ada", limit=9)) == sorted([one, two])
    assert {face.user_id for face in gallery.list_faces(collection, user_id="ada", limit=9)} == {"ada"}
    among = gallery.list_faces(collection, face_ids=[three, two, uuid.uuid4()], limit=9)
    assert ids(among) == sorted([two, three])
    both = gallery.list_faces(collection, user_id="ada", face_ids=[two, three], limit=9)
    assert ids(both) == [two]
    assert gallery.list_faces(collection, user_id="nobody", limit=9) == []


def test_deleting_tells_what_was_deleted_and_why_the_rest_was_not(gallery, collection, commit, enrol):
    free, owned = enrol(unit([1]), unit([1]))
    unknown = uuid.uuid4()
    commit(gallery.create_user, collection, "ada")
    commit(gallery.associate, collection, "ada", [owned], calibration=CALIBRATION, threshold=80.0)
    deleted = commit(gallery.delete_faces, collection, [unknown, owned, free, free])
    assert deleted.face_ids == [free]
    assert deleted.failures == [
        FaceFailure(unknown, Reason.FACE_NOT_FOUND),
        FaceFailure(owned, Reason.ASSOCIATED_TO_AN_EXISTING_USER, user_id="ada"),
    ]
    assert ids(gallery.list_faces(collection, limit=9)) == [owned]


def test_a_face_of_another_collection_is_not_found(gallery, new_collection, commit, enrol):
    (face_id,) = enrol(unit([1]))
    deleted = commit(gallery.delete_faces, new_collection("others"), [face_id])
    assert deleted.failures == [FaceFailure(face_id, Reason.FACE_NOT_FOUND)]


def test_nothing_is_stored_when_the_unit_of_work_is_rolled_back(gallery, collection, database):
    with UnitOfWork(database) as uow:
        gallery.enrol(uow, collection, [new_face(unit([1]))])
    assert gallery.describe(collection).face_count == 0
