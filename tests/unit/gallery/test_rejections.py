"""Rejections on a real database: what is refused, who heeds them, and when they go."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from countenance.errors import (
    ConflictException,
    InvalidParameterException,
    ResourceNotFoundException,
    ServiceQuotaExceededException,
)
from countenance.gallery import Reason, Target, rejections
from countenance.store import UnitOfWork
from fakes.faces import CALIBRATION, towards, unit

MANY = 120
"""Faces of one deletion: enough for two to meet in the middle."""
EVERYTHING = {"calibration": CALIBRATION, "threshold": 0.0, "limit": 100}


@pytest.fixture
def user(gallery, commit, collection):
    """`user(name, *face_ids)`: a user with these faces."""

    def make(name, *face_ids):
        commit(gallery.create_user, collection, name)
        if face_ids:
            give(gallery, commit, collection, name, *face_ids)
        return name

    return make


def give(gallery, commit, collection, name, *face_ids):
    return commit(gallery.associate, collection, name, face_ids, calibration=CALIBRATION, threshold=0.0)


@pytest.fixture
def reject(gallery, commit, collection):
    def run(one, *, by="reviewer", reason=None, **target):
        return commit(gallery.reject, collection, one, Target(**target), rejected_by=by, reason=reason)

    return run


@pytest.fixture
def withdraw(gallery, commit, collection):
    def run(one, **target):
        return commit(gallery.withdraw_rejection, collection, one, Target(**target))

    return run


def listed(gallery, collection, **filters):
    return [
        (each.face_id, each.user_id or each.rejected_face_id)
        for each in gallery.list_rejections(collection, limit=100, **filters)
    ]


def faces_like(gallery, collection, face_id):
    return [each.face.face_id for each in gallery.search_by_face(collection, face_id, **EVERYTHING)]


def users_like(gallery, collection, face_id):
    return [each.user_id for each in gallery.search_users_by_face(collection, face_id, **EVERYTHING)]


# ---- Made, listed, taken back


def test_a_rejection_says_who_made_it_and_why(gallery, collection, enrol, user, reject):
    """A correction that nobody stands behind could not be questioned."""
    face, adas = enrol(towards(0.9), unit([1]))
    user("ada", adas)
    made = reject(face, user_id="ada", by="eve", reason="her sister")
    assert (made.face_id, made.user_id, made.rejected_face_id) == (face, "ada", None)
    assert (made.rejected_by, made.reason) == ("eve", "her sister")
    assert gallery.list_rejections(collection, limit=10) == [made]


def test_the_same_again_is_the_one_that_stands(gallery, collection, enrol, reject):
    """Two reviewers say one thing once, from whichever side they look; the first reason stays."""
    one, other = enrol(towards(0.9), unit([1]))
    made = reject(one, face_id=other, reason="first")
    assert reject(one, face_id=other, reason="second") == made
    assert reject(other, face_id=one, by="another") == made
    assert len(gallery.list_rejections(collection, limit=10)) == 1


def test_what_is_withdrawn_stands_no_more(gallery, collection, enrol, reject, withdraw):
    """A reviewer may err as well: the way back is whole, and tells when there is nothing to go back to."""
    one, other = enrol(towards(0.9), unit([1]))
    made = reject(one, face_id=other)
    assert faces_like(gallery, collection, one) == []
    assert withdraw(other, face_id=one) == made
    assert faces_like(gallery, collection, one) == [other]
    with pytest.raises(ResourceNotFoundException, match="no such rejection"):
        withdraw(one, face_id=other)


def test_a_list_is_of_a_face_or_of_a_user_with_its_faces(gallery, collection, enrol, user, reject):
    """Whoever asks what is rejected for Ada means her faces as well, on either side."""
    one, adas, other = enrol(towards(0.9), unit([1]), towards(0.5))
    user("ada", adas)
    user("bob")
    reject(one, user_id="ada")
    reject(other, face_id=adas)
    reject(one, user_id="bob")
    assert listed(gallery, collection) == [(one, "ada"), (other, adas), (one, "bob")]
    assert listed(gallery, collection, user_id="ada") == [(one, "ada"), (other, adas)]
    assert listed(gallery, collection, face_id=adas) == [(other, adas)]
    assert listed(gallery, collection, face_id=one, user_id="bob") == [(one, "bob")]
    first = gallery.list_rejections(collection, limit=1)[0]
    assert len(gallery.list_rejections(collection, limit=10, after=first.ordinal)) == 2


# ---- Refused


def test_a_face_of_the_user_is_disassociated_first(gallery, collection, enrol, user, reject):
    """Whose a face is and whose it is not must not both be on file."""
    (face, another) = enrol(towards(0.9), unit([1]))
    user("ada", face, another)
    with pytest.raises(ConflictException, match=r"associated with the user `ada`: disassociate it first"):
        reject(face, user_id="ada")
    with pytest.raises(ConflictException, match="both associated with the user `ada`"):
        reject(face, face_id=another)
    assert gallery.list_rejections(collection, limit=10) == []


def test_what_is_not_there_is_not_rejected(gallery, new_collection, collection, enrol, user, reject, commit):
    """An id of another collection says as little as one of nobody."""
    (face,) = enrol(towards(0.9))
    with pytest.raises(ResourceNotFoundException, match="user id: nobody"):
        reject(face, user_id="nobody")
    with pytest.raises(ResourceNotFoundException, match="face id"):
        reject(face, face_id=uuid.uuid4())
    user("ada")
    with pytest.raises(ResourceNotFoundException, match="face id"):
        reject(uuid.uuid4(), user_id="ada")
    with pytest.raises(InvalidParameterException, match="same face"):
        reject(face, face_id=face)
    other = new_collection("others")
    with pytest.raises(ResourceNotFoundException):
        commit(gallery.reject, other, face, Target(user_id="ada"), rejected_by="r")


def test_a_face_has_a_hundred_rejections_at_most(monkeypatch, enrol, reject):
    """A face that is nobody's could keep everybody out of answers; both sides count."""
    monkeypatch.setattr(rejections, "MOST_OF_A_FACE", 2)
    one, *others = enrol(*(towards(cosine) for cosine in (0.9, 0.8, 0.7, 0.6)))
    reject(one, face_id=others[0])
    reject(others[1], face_id=one)
    with pytest.raises(ServiceQuotaExceededException, match="would have 3 rejections; at most 2"):
        reject(one, face_id=others[2])
    with pytest.raises(ServiceQuotaExceededException, match=str(one)):
        reject(others[2], face_id=one)
    assert reject(one, face_id=others[0]).face_id == one, "what stands is no new one"


def test_a_collection_has_so_many_for_its_size(monkeypatch, enrol, reject, user):
    """Corrections are some of the faces; more would be a list of people whom searches do not find."""
    monkeypatch.setattr(rejections, "MOST_OF_A_SMALL_ONE", 1)
    monkeypatch.setattr(rejections, "FACES_PER_REJECTION", 2)
    one, two, *_ = enrol(*(towards(cosine) for cosine in (0.9, 0.8, 0.7, 0.6, 0.5)))
    for name in ("ada", "bob", "eve"):
        user(name)
    reject(one, user_id="ada")
    reject(two, user_id="ada")
    with pytest.raises(ServiceQuotaExceededException, match="would have 3 rejections; at most 2 are allowed"):
        reject(two, user_id="bob")


# ---- Heeded


def test_a_rejected_user_is_found_neither_by_the_face_nor_the_other_way(
    gallery, elsewhere, on_another_machine, collection, enrol, user, reject, withdraw
):
    """Seen by the next search of every process, on every machine; and so is its withdrawal."""
    unknown, adas, another, bobs = enrol(towards(0.9), unit([1]), towards(0.95), towards(0.5))
    user("ada", adas, another)
    user("bob", bobs)
    processes = (gallery, elsewhere, on_another_machine)
    for each in processes:
        assert users_like(each, collection, unknown) == ["ada", "bob"]
    reject(unknown, user_id="ada")
    for each in processes:
        assert users_like(each, collection, unknown) == ["bob"]
        assert faces_like(each, collection, unknown) == [bobs]
        assert unknown not in faces_like(each, collection, adas)
        assert set(faces_like(each, collection, adas)) == {another, bobs}
    withdraw(unknown, user_id="ada")
    for each in processes:
        assert users_like(each, collection, unknown) == ["ada", "bob"]


def test_users_of_rejected_faces_do_not_find_each_other(gallery, collection, enrol, user, reject):
    """SearchUsers by user: F is Ada's, G is Bob's, and F is not G's person."""
    adas, bobs = enrol(unit([1]), towards(0.9))
    user("ada", adas)
    user("bob", bobs)
    reject(adas, face_id=bobs)
    found = gallery.search_users_by_user(collection, "ada", **EVERYTHING)
    assert (found, found.rejected) == ([], 1)
    assert gallery.search_users_by_user(collection, "bob", **EVERYTHING) == []


def test_a_photograph_of_the_rejected_face_does_not_find_the_user(gallery, collection, enrol, user, reject):
    """The sister's next photo resembles her enrolled face more than Ada's: it is not Ada."""
    sister, adas = enrol(unit([1]), towards(0.9))
    user("ada", adas)
    reject(sister, user_id="ada")
    faces = gallery.search(collection, unit([1]), **EVERYTHING)
    users = gallery.search_users(collection, unit([1]), **EVERYTHING)
    assert ([each.face.face_id for each in faces], faces.rejected) == ([sister], 1)
    assert (users, users.rejected) == ([], 1)
    like_ada = gallery.search_users(collection, towards(0.9), **EVERYTHING)
    assert ([each.user_id for each in like_ada], like_ada.rejected) == (["ada"], 0)


def test_a_better_match_below_the_threshold_says_nothing(gallery, collection, enrol, user, reject):
    """What does not count as a match is no evidence of whose the photograph is."""
    sister, one, other = enrol(towards(0.51), unit([0, 1]), towards(-0.4))
    user("ada", one, other)
    reject(sister, user_id="ada")
    probe = unit([1])
    low = gallery.search_users(collection, probe, calibration=CALIBRATION, threshold=0.0, limit=10)
    assert low.rejected == 1
    high = gallery.search_users(collection, probe, calibration=CALIBRATION, threshold=99.0, limit=10)
    assert (high, high.rejected) == ([], 0)


def test_the_rejected_face_is_not_associated_with_the_user(gallery, commit, collection, enrol, user, reject):
    """Else the next reviewer would undo the first one's work without knowing of it."""
    sister, adas, friend = enrol(towards(0.99), unit([1]), towards(0.98))
    user("ada", adas)
    reject(sister, user_id="ada")
    reject(friend, face_id=adas)
    done = give(gallery, commit, collection, "ada", sister, friend)
    assert done.face_ids == []
    assert [(each.face_id, each.reason, each.similarity) for each in done.failures] == [
        (sister, Reason.LOW_MATCH_CONFIDENCE, None),
        (friend, Reason.LOW_MATCH_CONFIDENCE, None),
    ]


def test_faces_of_one_call_that_are_not_one_persons_do_not_get_one_user(
    gallery, commit, collection, enrol, user, reject
):
    """A user without faces takes what comes first, and not what that is known not to be."""
    one, other = enrol(unit([1]), towards(0.99))
    reject(one, face_id=other)
    user("ada")
    done = give(gallery, commit, collection, "ada", one, other)
    assert (done.face_ids, [each.face_id for each in done.failures]) == ([one], [other])


def test_rejections_follow_the_face_to_a_user_and_back(
    gallery, elsewhere, commit, collection, enrol, user, reject
):
    """F is Bob's now, so Bob is not Ada; taken from him, it says nothing of Bob any more."""
    sister, adas, bobs = enrol(towards(0.9), unit([1]), towards(0.8))
    user("ada", adas)
    user("bob", bobs)
    reject(sister, user_id="ada")
    assert users_like(elsewhere, collection, bobs) == ["bob", "ada"]
    give(gallery, commit, collection, "bob", sister)
    for each in (gallery, elsewhere):
        assert users_like(each, collection, bobs) == ["bob"]
        assert [found.user_id for found in each.search_users_by_user(collection, "ada", **EVERYTHING)] == []
    commit(gallery.disassociate, collection, "bob", [sister])
    for each in (gallery, elsewhere):
        assert users_like(each, collection, bobs) == ["bob", "ada"]
        assert users_like(each, collection, sister) == ["bob"]


def test_what_is_written_past_the_server_is_heeded_and_noted(gallery, elsewhere, collection, enrol, database):
    """Nobody hides anybody by a row of their own: it is a change like any, and reconciliation looks for its
    event.
    """
    one, two = enrol(unit([1]), towards(0.9))
    assert faces_like(elsewhere, collection, one) == [two]
    of_it = (collection.collection_id,)
    with database.transaction() as connection:
        connection.execute(
            "insert into rejection (collection_id, face_id, rejected_face_id, rejected_by)"
            " values (%s, %s, %s, 'somebody')",
            (*of_it, one, two),
        )
    assert faces_like(elsewhere, collection, one) == []
    with database.transaction() as connection:
        connection.execute("delete from rejection where collection_id = %s", of_it)
    assert faces_like(elsewhere, collection, one) == [two]
    with database.read() as connection:
        noted = "select count(*) from gallery_change where collection_id = %s and kind = 'corrected'"
        assert connection.execute(noted, of_it).fetchone() == (2,)


# ---- Gone


def test_a_deleted_face_takes_its_rejections_along(gallery, elsewhere, commit, collection, enrol, reject):
    """Whichever side it was on: what is left names nobody who is not there."""
    one, two, three = enrol(unit([1]), towards(0.9), towards(0.8))
    reject(one, face_id=two)
    reject(three, face_id=one)
    assert faces_like(elsewhere, collection, two) == [three]
    commit(gallery.delete_faces, collection, [one])
    assert gallery.list_rejections(collection, limit=10) == []
    assert faces_like(elsewhere, collection, two) == [three]


def test_a_deleted_user_takes_them_along(gallery, elsewhere, commit, collection, enrol, user, reject):
    """Another Ada who comes later is somebody of whom nothing was said."""
    sister, adas = enrol(towards(0.9), unit([1]))
    user("ada", adas)
    reject(sister, user_id="ada")
    assert faces_like(elsewhere, collection, sister) == []
    commit(gallery.delete_user, collection, "ada")
    assert gallery.list_rejections(collection, limit=10) == []
    user("ada", adas)
    for each in (gallery, elsewhere):
        assert users_like(each, collection, sister) == ["ada"]


def test_a_deleted_collection_takes_them_along(gallery, commit, collection, enrol, user, reject, database):
    """Nothing of a collection outlives it."""
    sister, adas = enrol(towards(0.9), unit([1]))
    user("ada", adas)
    reject(sister, user_id="ada")
    commit(gallery.delete_collection, collection)
    with database.read() as connection:
        counted = connection.execute(
            "select count(*) from rejection where collection_id = %s", (collection.collection_id,)
        ).fetchone()
    assert counted == (0,)
    with pytest.raises(ResourceNotFoundException):
        gallery.list_rejections(collection, limit=10)


def test_a_copy_that_has_slept_reads_them_whole(
    gallery, elsewhere, collection, enrol, reject, database, monkeypatch
):
    """Changes are forgotten after a day: what was rejected meanwhile must not be."""
    one, two = enrol(unit([1]), towards(0.9))
    assert faces_like(elsewhere, collection, one) == [two]
    reject(one, face_id=two)
    with database.transaction() as connection:
        connection.execute("delete from gallery_change where kind = 'corrected'")
    monkeypatch.setattr("countenance.gallery.resident_copy.OLDEST_FOLLOWED", timedelta(microseconds=1))
    assert faces_like(elsewhere, collection, one) == []


# ---- Races


def test_faces_of_many_rejections_are_deleted_side_by_side(gallery, collection, enrol, reject, monkeypatch):
    """Each deletion takes rows along that name faces of the other: in one order, or both would wait."""
    monkeypatch.setattr("countenance.gallery.changing.CONTENTION", ())  # no second attempt hides it
    for _ in range(3):
        left, right = (enrol(*(towards(0.9) for _ in range(MANY))) for _ in range(2))
        for one, other in zip(left, reversed(right), strict=True):
            reject(one, face_id=other)
        start = threading.Barrier(2)

        def delete(face_ids, start=start):
            with UnitOfWork(gallery._database) as uow:
                start.wait()
                done = gallery.delete_faces(uow, collection, face_ids)
                uow.commit()
            return len(done.face_ids)

        with ThreadPoolExecutor(2) as pool:
            assert [*pool.map(delete, (left, right))] == [MANY, MANY]
        assert gallery.list_rejections(collection, limit=10) == []


def test_a_face_that_is_deleted_meanwhile_is_not_rejected(gallery, commit, collection, enrol, user, database):
    """Whoever comes second finds it gone: no row about nobody, and no error of ours."""
    face, adas = enrol(towards(0.9), unit([1]))
    user("ada", adas)
    outcome = []

    def run():
        try:
            outcome.append(commit(gallery.reject, collection, face, Target(user_id="ada"), rejected_by="r"))
        except ResourceNotFoundException as error:
            outcome.append(error)

    with UnitOfWork(database) as uow:
        gallery.delete_faces(uow, collection, [face])
        racing = threading.Thread(target=run)
        racing.start()
        racing.join(0.3)
        assert not outcome, "it waits for the deletion"
        uow.commit()
    racing.join(10)
    assert isinstance(outcome[0], ResourceNotFoundException)


@pytest.mark.parametrize("of_faces", [False, True])
def test_who_associates_meanwhile_waits_and_is_refused(
    gallery, commit, collection, enrol, user, database, of_faces
):
    """Of an association and a rejection at once one is first, and the other knows of it."""
    face, adas = enrol(towards(0.99), unit([1]))
    user("ada", adas)
    outcome = []

    def run():
        outcome.append(give(gallery, commit, collection, "ada", face))

    with UnitOfWork(database) as uow:
        target = Target(face_id=adas) if of_faces else Target(user_id="ada")
        gallery.reject(uow, collection, face, target, rejected_by="r")
        racing = threading.Thread(target=run)
        racing.start()
        racing.join(0.3)
        assert not outcome
        uow.commit()
    racing.join(10)
    assert [each.reason for each in outcome[0].failures] == [Reason.LOW_MATCH_CONFIDENCE]


def test_who_rejects_meanwhile_waits_and_is_refused(gallery, commit, collection, enrol, user, database):
    """The other way round."""
    face, adas = enrol(towards(0.99), unit([1]))
    user("ada", adas)
    outcome = []

    def run():
        with pytest.raises(ConflictException, match="disassociate it first") as refused:
            commit(gallery.reject, collection, face, Target(user_id="ada"), rejected_by="r")
        outcome.append(refused.value)

    with UnitOfWork(database) as uow:
        gallery.associate(uow, collection, "ada", [face], calibration=CALIBRATION, threshold=0.0)
        racing = threading.Thread(target=run)
        racing.start()
        racing.join(0.3)
        assert not outcome
        uow.commit()
    racing.join(10)
    assert outcome
