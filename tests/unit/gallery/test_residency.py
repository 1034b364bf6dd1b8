"""What a process holds in memory: fresh before every search, whole, bounded."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest

from countenance.errors import ResourceNotFoundException
from countenance.gallery import reading, residency
from countenance.gallery.residency import Residency, ResidentCopy
from countenance.gallery.resident import Question
from countenance.store import StoreUnavailable, UnitOfWork
from fakes.faces import CALIBRATION, new_face, random_templates, unit

EVERYTHING = Question(CALIBRATION, 0.0, 4096)


@pytest.fixture
def clock():
    return [1000.0]


@pytest.fixture
def resident(database, key_store, clock):
    def make(max_bytes=1 << 30):
        return Residency(database, key_store, max_bytes=max_bytes, clock=lambda: clock[0])

    return make


def found(residency, collection):
    with residency.fresh(collection) as gallery:
        return {candidate.face.face_id for candidate in gallery.search(unit([1]), EVERYTHING)}


def test_every_search_sees_what_was_committed_before_it(resident, collection, gallery, commit, enrol):
    held = resident()
    assert found(held, collection) == set()
    one, two = enrol(unit([1]), unit([0, 1]))
    assert found(held, collection) == {one, two}
    commit(gallery.delete_faces, collection, [one])
    assert found(held, collection) == {two}


def test_a_copy_that_follows_many_changes_is_as_one_that_is_loaded(
    monkeypatch, resident, collection, enrol, rng
):
    held = resident()
    found(held, collection)
    enrolled = enrol(*random_templates(rng, 9))
    monkeypatch.setattr(reading, "MOST_CHANGES_AT_ONCE", 2)
    assert found(held, collection) == set(enrolled) == found(resident(), collection)


def test_a_copy_that_was_not_refreshed_for_long_is_read_anew(
    monkeypatch, resident, collection, enrol, database
):
    """The changes since may have been cleared away; only what is there now can be trusted."""
    held = resident()
    found(held, collection)
    (face_id,) = enrol(unit([1]))
    with database.transaction() as connection:
        connection.execute("delete from gallery_change where collection_id = %s", (collection.collection_id,))
    assert found(held, collection) == set()  # which is why changes are kept twice as long
    monkeypatch.setattr(residency, "OLDEST_FOLLOWED", timedelta(0))
    assert found(held, collection) == {face_id}
    assert reading.CHANGES_KEPT >= 2 * reading.OLDEST_FOLLOWED


def test_old_changes_are_cleared_away_and_new_ones_kept(resident, collection, clock, database, enrol):
    enrol(unit([1]))
    with database.transaction() as connection:
        connection.execute(
            "insert into gallery_change (collection_id, kind, at)"
            " values (%s, 'old', now() - interval '25 h')",
            (collection.collection_id,),
        )
    held = resident()
    clock[0] += 11
    found(held, collection)
    with database.read() as connection:
        kinds = connection.execute(
            "select kind from gallery_change where collection_id = %s", (collection.collection_id,)
        ).fetchall()
    assert kinds == [("enrolled",)]


def test_a_search_that_waits_for_a_refresh_shares_the_next(monkeypatch, database, key_store, collection):
    """However many search at once, the database is asked once for those who wait."""
    copy = ResidentCopy(collection, database, key_store)
    with copy.reading():
        pass
    asked, entered, release = [], threading.Event(), threading.Event()
    original = copy._follow

    def slow(*arguments):
        asked.append(1)
        entered.set()
        release.wait(5)
        original(*arguments)

    monkeypatch.setattr(copy, "_follow", slow)

    def search():
        with copy.reading():
            pass

    threads = [threading.Thread(target=search) for _ in range(6)]
    threads[0].start()
    entered.wait(5)
    for thread in threads[1:]:
        thread.start()
    time.sleep(0.2)  # for them to come and wait
    release.set()
    for thread in threads:
        thread.join()
    assert 1 < len(asked) < 6


def test_the_least_recently_searched_is_given_up_first(resident, new_collection, gallery, commit):
    collections = [new_collection(name) for name in "abc"]
    for collection in collections:
        commit(gallery.enrol, collection, [new_face(unit([1])) for _ in range(10)])
    one, two, three = collections
    sample = resident()
    found(sample, one)
    size = sample._held_bytes
    held = resident(max_bytes=2 * size)
    for collection in (one, two, one, three):
        found(held, collection)
    assert [collection.collection_id in held for collection in collections] == [True, False, True]
    assert len(found(held, two)) == 10


def test_a_collection_beyond_the_bound_is_served_alone(resident, new_collection, gallery, commit):
    one, two = new_collection("a"), new_collection("b")
    held = resident(max_bytes=1)
    commit(gallery.enrol, two, [new_face(unit([1]))])
    found(held, one)
    assert len(found(held, two)) == 1
    assert two.collection_id in held
    assert one.collection_id not in held


def test_a_deleted_collection_is_given_up_when_it_is_asked_for(resident, collection, gallery, commit):
    held = resident()
    found(held, collection)
    commit(gallery.delete_collection, collection)
    with pytest.raises(ResourceNotFoundException):
        found(held, collection)
    assert collection.collection_id not in held


def test_a_deleted_collection_is_given_up_soon_when_it_is_not_asked_for(
    resident, collection, new_collection, gallery, commit, clock
):
    """Deleted templates must not stay in another process's memory until somebody happens to ask."""
    held, other = resident(), new_collection("other")
    found(held, collection)
    commit(gallery.delete_collection, collection)
    found(held, other)
    assert collection.collection_id in held
    clock[0] += 11
    found(held, other)
    assert collection.collection_id not in held
    assert other.collection_id in held


def test_a_copy_whose_change_failed_half_way_is_never_searched(
    monkeypatch, database, key_store, collection, enrol
):
    copy = ResidentCopy(collection, database, key_store)
    with copy.reading() as held:
        monkeypatch.setattr(held, "change", lambda **_: 1 / 0)
    enrolled = enrol(unit([1]))
    with pytest.raises(ZeroDivisionError), copy.reading():
        pass
    with copy.reading() as anew:
        assert anew is not held
        assert len(anew) == len(enrolled)


def test_without_the_database_nothing_is_answered(database, key_store, collection, monkeypatch):
    """A copy that cannot be checked might hold what was deleted."""
    copy = ResidentCopy(collection, database, key_store)
    with copy.reading():
        pass

    def unreachable():
        raise StoreUnavailable

    monkeypatch.setattr(database, "read", unreachable)
    with pytest.raises(StoreUnavailable), copy.reading():
        pass


def test_searches_beside_changes_see_whole_transactions_only(resident, collection, gallery, database, enrol):
    """Pairs are written and deleted together; a search that finds one of a pair has seen a half."""
    held, halves, stop = resident(), [], threading.Event()

    def search():
        while not stop.is_set():
            if len(found(held, collection)) % 2:
                halves.append(1)

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(25):
        with UnitOfWork(database) as uow:
            pair = [
                face.face_id for face in gallery.enrol(uow, collection, [new_face(unit([1])) for _ in "ab"])
            ]
            uow.commit()
        with UnitOfWork(database) as uow:
            gallery.delete_faces(uow, collection, pair)
            uow.commit()
    stop.set()
    for thread in threads:
        thread.join()
    assert halves == []
