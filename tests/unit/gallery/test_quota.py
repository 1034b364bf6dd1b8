"""Quotas that are kept exactly without counting at every write."""

from __future__ import annotations

import threading

import pytest

from countenance.errors import AccessDeniedException, ServiceQuotaExceededException
from countenance.gallery import Gallery
from countenance.gallery.quota import Quota
from fakes.faces import new_face, unit


class CountingConnection:
    """Answers every count with `count`, and counts the counting."""

    def __init__(self, count):
        self.count = count
        self.asked = []

    def execute(self, query, parameters):
        self.asked.append("lock" if "advisory" in query else "count")
        return self

    def fetchone(self):
        return (self.count,)


def quota(limit, clock):
    return Quota(limit, noun="faces", query="count_faces", lock=1, clock=clock)


def test_a_face_beyond_the_quota_is_refused_and_not_stored(database, key_store, collection, commit):
    gallery = Gallery(database, key_store, face_quota=3)
    commit(gallery.enrol, collection, [new_face(unit([1])) for _ in range(2)])
    with pytest.raises(ServiceQuotaExceededException, match="more than 3 faces"):
        commit(gallery.enrol, collection, [new_face(unit([1])) for _ in range(2)])
    commit(gallery.enrol, collection, [new_face(unit([1]))])
    assert gallery.describe(collection).face_count == 3


def test_a_full_collection_still_answers_faces_that_it_has(database, key_store, collection, commit):
    gallery = Gallery(database, key_store, face_quota=1)
    face = new_face(unit([1]))
    again = new_face(unit([1]), image_id=face.image_id)
    commit(gallery.enrol, collection, [face])
    assert commit(gallery.enrol, collection, [again])[0].face_id == face.face_id


def test_a_user_beyond_the_quota_is_refused(database, key_store, collection, commit):
    gallery = Gallery(database, key_store, user_quota=1)
    commit(gallery.create_user, collection, "ada")
    with pytest.raises(ServiceQuotaExceededException, match="more than 1 users"):
        commit(gallery.create_user, collection, "grace")


def test_many_at_once_do_not_pass_the_quota_together(database, key_store, collection, commit):
    gallery, refused = Gallery(database, key_store, face_quota=5), []

    def enrol():
        try:
            commit(gallery.enrol, collection, [new_face(unit([1]))])
        except ServiceQuotaExceededException as error:
            refused.append(error)

    threads = [threading.Thread(target=enrol) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 3
    assert gallery.describe(collection).face_count == 5


def test_far_from_the_quota_it_counts_once_for_long(collection):
    """20 million faces cannot be reached in less than minutes: counting them each time would take seconds."""
    now, connection = [1000.0], CountingConnection(0)
    far = quota(20_000_000, lambda: now[0])
    assert not far.begin(connection, collection)
    now[0] += 390
    assert not far.begin(connection, collection)
    assert connection.asked == ["count"]
    now[0] += 20
    assert not far.begin(connection, collection)
    assert connection.asked == ["count", "count"]


def test_near_the_quota_every_write_takes_its_turn_and_counts(collection):
    connection = CountingConnection(19_950_000)
    near = quota(20_000_000, lambda: 1000.0)
    for _ in range(2):
        assert near.begin(connection, collection)
    assert connection.asked == ["count", "lock"] * 2
    near.require(connection, collection)
    connection.count = 20_000_001
    with pytest.raises(ServiceQuotaExceededException, match="more than 20000000 faces"):
        near.require(connection, collection)


def test_a_collections_own_limit_is_kept_where_it_is_less(collection):
    """A charter allows fewer faces than all that fit: it is a rule that is broken then, and no quota."""
    connection = CountingConnection(4)
    own = quota(20_000_000, lambda: 1000.0)
    assert own.begin(connection, collection, limit=5)
    connection.count = 5
    own.require(connection, collection, limit=5)
    connection.count = 6
    with pytest.raises(AccessDeniedException, match=r"CAP-001.*6 faces.*allows 5"):
        own.require(connection, collection, limit=5)
    small = quota(5, lambda: 1000.0)
    with pytest.raises(ServiceQuotaExceededException, match="more than 5 faces"):
        small.require(connection, collection, limit=10)
    with pytest.raises(ServiceQuotaExceededException, match="more than 5 faces"):
        small.require(connection, collection, limit=5)


def test_room_that_was_counted_under_a_larger_limit_is_none_under_a_smaller_one(collection):
    """A charter that was narrowed holds from the next write on, and not when the room would be used up."""
    connection = CountingConnection(3)
    narrowed = quota(20_000_000, lambda: 1000.0)
    assert not narrowed.begin(connection, collection, limit=1_000_000)
    assert not narrowed.begin(connection, collection, limit=1_000_000)
    assert connection.asked == ["count"]
    assert narrowed.begin(connection, collection, limit=5)
    assert connection.asked == ["count", "count", "lock"]
    assert not narrowed.begin(connection, collection, limit=900_000)  # room enough, counted anew
    assert connection.asked == ["count", "count", "lock", "count"]
    assert not narrowed.begin(connection, collection, limit=1_000_000)
    assert connection.asked == ["count", "count", "lock", "count"]


def test_a_deleted_collection_is_forgotten(collection):
    connection = CountingConnection(0)
    far = quota(20_000_000, lambda: 1000.0)
    far.begin(connection, collection)
    far.forget(collection.collection_id)
    far.begin(connection, collection)
    assert connection.asked == ["count", "count"]
