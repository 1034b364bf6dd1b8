"""Users: created, given faces, deprived of them, deleted."""

from __future__ import annotations

import threading
import uuid

import pytest

from countenance.errors import (
    ConflictException,
    InternalServerError,
    ResourceNotFoundException,
    ServiceQuotaExceededException,
)
from countenance.gallery import FaceFailure, Reason, Subject, UserStatus
from fakes.faces import CALIBRATION, towards, unit

THRESHOLD = 80.0  # CALIBRATION: cosine 0.5


@pytest.fixture
def ada(gallery, collection, commit):
    commit(gallery.create_user, collection, "ada")
    return "ada"


@pytest.fixture
def associate(gallery, collection, commit):
    def run(user_id, face_ids, threshold=THRESHOLD):
        return commit(
            gallery.associate, collection, user_id, face_ids, calibration=CALIBRATION, threshold=threshold
        )

    return run


def test_a_new_user_is_created_and_becomes_active_with_faces(gallery, collection, ada, enrol, associate):
    assert gallery.list_users(collection, limit=5) == [Subject("ada", UserStatus.CREATED)]
    assert gallery.describe(collection).user_count == 1
    associate(ada, enrol(unit([1])))
    assert gallery.list_users(collection, limit=5) == [Subject("ada", UserStatus.ACTIVE)]


def test_a_user_id_that_is_taken_is_a_conflict(gallery, collection, ada, commit):
    with pytest.raises(ConflictException, match="ada"):
        commit(gallery.create_user, collection, "ada")


def test_the_same_user_id_in_two_collections_is_two_users(gallery, ada, new_collection, commit):
    others = new_collection("others")
    commit(gallery.create_user, others, "ada")
    commit(gallery.delete_user, others, "ada")
    assert gallery.list_users(others, limit=5) == []


def test_users_are_listed_by_the_bytes_of_their_ids(gallery, collection, commit):
    for user_id in ["b", "a", "B", "a:1", "a-1"]:
        commit(gallery.create_user, collection, user_id)
    listed = [subject.user_id for subject in gallery.list_users(collection, limit=9)]
    assert listed == sorted(listed) == ["B", "a", "a-1", "a:1", "b"]
    page = gallery.list_users(collection, limit=2, after="a")
    assert [subject.user_id for subject in page] == ["a-1", "a:1"]


def test_the_first_faces_are_not_compared(collection, ada, enrol, associate):
    faces = enrol(unit([1]), unit([-1]), unit([0, 1]))
    done = associate(ada, faces)
    assert (done.face_ids, done.failures, done.status) == (faces, [], UserStatus.ACTIVE)


def test_later_faces_must_resemble_the_users_template(collection, ada, enrol, associate):
    associate(ada, enrol(unit([1])))
    like, unlike = enrol(towards(0.51), towards(0.0))
    done = associate(ada, [unlike, like])
    assert done.face_ids == [like]
    (failure,) = done.failures
    assert (failure.face_id, failure.reason) == (unlike, Reason.LOW_MATCH_CONFIDENCE)
    assert failure.user_id is None
    assert failure.similarity == pytest.approx(
        float(CALIBRATION.similarity_of(0.0)), abs=0.011
    )  # half floats


def test_a_face_exactly_at_the_threshold_is_associated(collection, ada, enrol, associate):
    """Thresholds are minima."""
    associate(ada, enrol(unit([1])))
    similar = enrol(unit([0.5, 0.5, 0.5, 0.5]))  # cosine 0.5 without rounding
    assert associate(ada, similar, threshold=CALIBRATION.similarity_of(0.5)).face_ids == similar


def test_the_faces_of_one_call_do_not_vouch_for_one_another(collection, ada, enrol, associate):
    """Else the answer would depend on their order."""
    associate(ada, enrol(unit([1])))
    middle, far = enrol(towards(0.7), towards(0.0))
    assert associate(ada, [middle, far]).face_ids == [middle]
    assert associate(ada, [far], threshold=70.0).face_ids == []


def test_what_is_so_already_is_in_neither_list(collection, ada, enrol, associate):
    faces = enrol(unit([1]))
    associate(ada, faces)
    done = associate(ada, faces)
    assert (done.face_ids, done.failures, done.status) == ([], [], UserStatus.ACTIVE)


def test_unknown_faces_and_faces_of_others_are_told_apart(gallery, collection, ada, commit, enrol, associate):
    commit(gallery.create_user, collection, "grace")
    (hers,) = enrol(unit([1]))
    associate("grace", [hers])
    unknown = uuid.uuid4()
    done = associate(ada, [unknown, hers])
    assert done.face_ids == []
    assert done.failures == [
        FaceFailure(unknown, Reason.FACE_NOT_FOUND),
        FaceFailure(hers, Reason.ASSOCIATED_TO_A_DIFFERENT_USER, user_id="grace"),
    ]
    assert done.status is UserStatus.CREATED
    taken = commit(gallery.disassociate, collection, ada, [unknown, hers])
    assert taken.failures == done.failures


def test_a_user_has_a_hundred_faces_at_most(gallery, collection, ada, enrol, associate):
    faces = enrol(*[unit([1])] * 101)
    associate(ada, faces[:99])
    with pytest.raises(ServiceQuotaExceededException, match="101 faces; at most 100"):
        associate(ada, faces[99:])
    assert len(gallery.list_faces(collection, user_id=ada, limit=200)) == 99
    associate(ada, faces[98:100])
    assert len(gallery.list_faces(collection, user_id=ada, limit=200)) == 100


def test_a_user_without_faces_again_is_created_again(gallery, collection, ada, commit, enrol, associate):
    one, two, never = enrol(unit([1]), unit([1]), unit([1]))
    associate(ada, [one, two])
    first = commit(gallery.disassociate, collection, ada, [one, never])
    assert (first.face_ids, first.failures, first.status) == ([one], [], UserStatus.ACTIVE)
    assert commit(gallery.disassociate, collection, ada, [two]).status is UserStatus.CREATED
    assert gallery.describe(collection).face_count == 3


def test_a_deleted_users_faces_stay_and_can_be_deleted(gallery, collection, ada, commit, enrol, associate):
    faces = enrol(unit([1]))
    associate(ada, faces)
    commit(gallery.delete_user, collection, ada)
    (face,) = gallery.list_faces(collection, limit=5)
    assert (face.face_id, face.user_id) == (faces[0], None)
    assert commit(gallery.delete_faces, collection, faces).face_ids == faces


def test_an_unknown_user_is_not_found(gallery, collection, commit, associate):
    for change in (
        lambda: associate("nobody", [uuid.uuid4()]),
        lambda: commit(gallery.disassociate, collection, "nobody", [uuid.uuid4()]),
        lambda: commit(gallery.delete_user, collection, "nobody"),
    ):
        with pytest.raises(ResourceNotFoundException, match="nobody"):
            change()


def test_nothing_is_decided_from_a_damaged_template(collection, ada, enrol, associate, database):
    """Whether a face belongs to somebody cannot be guessed: the call fails and names the face."""
    associate(ada, enrol(unit([1])))
    (damaged,) = enrol(unit([1]))
    with database.transaction() as connection:
        connection.execute("update face set sealed_template = 'x' where face_id = %s", (damaged,))
    with pytest.raises(InternalServerError, match=str(damaged)):
        associate(ada, [damaged])


def test_two_calls_never_give_a_user_more_than_a_hundred_faces(gallery, collection, ada, enrol, associate):
    faces, refused = enrol(*[unit([1])] * 120), []

    def give(part):
        try:
            associate(ada, part)
        except ServiceQuotaExceededException as error:
            refused.append(error)

    threads = [
        threading.Thread(target=give, args=(faces[start : start + 30],)) for start in range(0, 120, 30)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert len(gallery.list_faces(collection, user_id=ada, limit=200)) == 90
