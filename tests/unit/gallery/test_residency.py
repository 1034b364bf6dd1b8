"""What a process holds in memory: fresh before every search, whole, bounded."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest

from countenance.errors import ResourceNotFoundException
from countenance.gallery import reading, residency, resident_copy
from countenance.gallery.memory import can_share
from countenance.gallery.memory_broker import PrivateMemories
from countenance.gallery.ranking import Question
from countenance.gallery.reading import CollectionReader
from countenance.gallery.residency import Residency
from countenance.gallery.resident_copy import ResidentCopy
from countenance.store import StoreUnavailable, UnitOfWork
from fakes.faces import CALIBRATION, DIMENSIONS, new_face, random_templates, unit
from memory_holder import end, holder

EVERYTHING = Question(CALIBRATION, 0.0, 4096)


@pytest.fixture
def clock():
    return [1000.0]


@pytest.fixture(params=["private", "shared"])
def memories(request, shared_memories):
    """`memories()`: of one process; processes share a copy, or have one each."""
    return shared_memories if request.param == "shared" else PrivateMemories


@pytest.fixture
def resident(database, key_store, clock, memories):
    def make(max_bytes=1 << 30):
        return Residency(
            database, key_store, max_bytes=max_bytes, memories=memories(), clock=lambda: clock[0]
        )

    return make


def found(residency, collection):
    with residency.fresh(collection) as gallery:
        return {each.face_id for each in gallery.search(unit([1]), EVERYTHING)}


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
    monkeypatch.setattr(resident_copy, "OLDEST_FOLLOWED", timedelta(0))
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


def test_a_search_that_waits_for_a_refresh_shares_the_next(
    memories, monkeypatch, database, key_store, collection
):
    """However many search at once, the database is asked once for those who wait."""
    copy = ResidentCopy(collection, database, key_store, memories())
    with copy.reading():
        pass
    asked, entered, release = [], threading.Event(), threading.Event()
    original = copy._follow

    def slow(*arguments):
        asked.append(1)
        entered.set()
        release.wait(5)
        return original(*arguments)

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


def test_what_is_held_is_told_beside_the_bound(resident, collection, gallery, commit):
    """Health tells it to officers: of all processes where they share the memory, else of this one."""
    held = resident(max_bytes=10**9)
    assert held.held_bytes() == (0, 10**9)
    commit(gallery.enrol, collection, [new_face(unit([1]))])
    found(held, collection)
    taken, most = held.held_bytes()
    assert (taken > 0, most) == (True, 10**9)


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
    memories, monkeypatch, database, key_store, collection, enrol
):
    copy = ResidentCopy(collection, database, key_store, memories())
    with copy.reading() as held:
        monkeypatch.setattr(held, "change", lambda **_: 1 / 0)
    enrolled = enrol(unit([1]))
    with pytest.raises(ZeroDivisionError), copy.reading():
        pass
    monkeypatch.undo()
    with copy.reading() as anew:
        assert anew.face_count == len(enrolled)


def test_without_the_database_nothing_is_answered(memories, database, key_store, collection, monkeypatch):
    """A copy that cannot be checked might hold what was deleted."""
    copy = ResidentCopy(collection, database, key_store, memories())
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


def loads_of(monkeypatch):
    """How often a collection was read whole, from now on."""
    loads = []
    original = CollectionReader.load

    def counted(*arguments):
        loads.append(1)
        return original(*arguments)

    monkeypatch.setattr(CollectionReader, "load", counted)
    return loads


def test_processes_that_share_memory_load_a_collection_once(
    monkeypatch, database, key_store, shared_memories, collection, enrol, gallery, commit
):
    one, two = (
        Residency(database, key_store, max_bytes=1 << 30, memories=shared_memories()) for _ in range(2)
    )
    loads = loads_of(monkeypatch)
    kept, gone = enrol(unit([1]), unit([0, 1]))
    assert found(one, collection) == found(two, collection) == {kept, gone}
    commit(gallery.delete_faces, collection, [gone])
    assert found(two, collection) == found(one, collection) == {kept}
    assert len(loads) == 1


def test_searches_that_come_while_a_collection_is_loaded_answer_from_all_of_it(
    monkeypatch, database, key_store, memories, collection, enrol, rng
):
    """A cold load takes minutes for millions of faces, and part of a gallery must never be taken for it."""
    everybody = set(enrol(*random_templates(rng, 60)))
    one, two = (Residency(database, key_store, max_bytes=1 << 30, memories=memories()) for _ in range(2))
    loading, in_batches = threading.Event(), reading._batches

    def slowly(*arguments):
        for rows in in_batches(*arguments):
            yield rows
            loading.set()
            time.sleep(0.02)

    monkeypatch.setattr(reading, "_BATCH_ROWS", 3)
    monkeypatch.setattr(reading, "_batches", slowly)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(found(one, collection)))]
    threads[0].start()
    assert loading.wait(10)
    threads += [
        threading.Thread(target=lambda held=held: answers.append(found(held, collection)))
        for held in (one, two, one, two)
    ]
    for thread in threads[1:]:
        thread.start()
    assert answers == []
    for thread in threads:
        thread.join()
    assert answers == [everybody] * 5


def test_a_damaged_face_is_left_out_told_and_forgotten_with_its_deletion(
    database, key_store, memories, collection, gallery, enrol, commit
):
    """In every process, also in one that maps what another has loaded."""
    good, damaged = enrol(unit([1]), unit([0, 1]))
    with database.transaction() as connection:
        connection.execute(
            "update face set"
            " sealed_template = set_byte(sealed_template, 40, get_byte(sealed_template, 40) # 1)"
            " where face_id = %s",
            (damaged,),
        )
    one, two = (Residency(database, key_store, max_bytes=1 << 30, memories=memories()) for _ in range(2))
    assert one.left_out(collection.collection_id) == 0  # nobody has looked
    for held in (one, two):
        assert found(held, collection) == {good}
        assert held.left_out(collection.collection_id) == 1
    commit(gallery.delete_faces, collection, [damaged])
    for held in (one, two):
        assert found(held, collection) == {good}
        assert held.left_out(collection.collection_id) == 0


def test_what_one_gave_up_is_there_again_as_long_as_another_holds_it(
    monkeypatch, database, key_store, shared_memories, new_collection, gallery, commit
):
    """Each bounds what it has mapped by itself; mapping it again is no load."""
    first, second = new_collection("a"), new_collection("b")
    for each in (first, second):
        commit(gallery.enrol, each, [new_face(unit([1]))])
    large = Residency(database, key_store, max_bytes=1 << 30, memories=shared_memories())
    small = Residency(database, key_store, max_bytes=1, memories=shared_memories())
    for each in (first, second):
        found(large, each)
    loads = loads_of(monkeypatch)
    for each in (first, second, first):
        assert len(found(small, each)) == 1
    assert first.collection_id in small
    assert second.collection_id not in small
    assert loads == []


def test_changes_that_were_read_before_another_process_went_on_are_not_applied(
    monkeypatch, database, key_store, shared_memories, collection, enrol, gallery, commit
):
    """Or a face would be back that was deleted meanwhile: what was read may be older than the copy is."""
    slow, quick = (ResidentCopy(collection, database, key_store, shared_memories()) for _ in range(2))
    for copy in (slow, quick):
        with copy.reading():
            pass
    (face_id,) = enrol(unit([1]))
    original = slow._reader.changes

    def overtaken(*arguments):
        monkeypatch.undo()
        changes = original(*arguments)
        assert [each.face_id for each in changes.there] == [face_id]
        commit(gallery.delete_faces, collection, [face_id])
        with quick.reading() as held:
            assert held.face_count == 0
        return changes

    monkeypatch.setattr(slow._reader, "changes", overtaken)
    with slow.reading() as held:
        assert held.face_count == 0


@pytest.mark.skipif(not can_share(), reason="no shared memory here")
def test_a_process_that_dies_while_it_changes_the_copy_leaves_none(
    database, key_store, shared_memories, collection, enrol, rng, monkeypatch
):
    """Its lock is given back by the system; what it left half done is read anew, never searched."""
    copy = ResidentCopy(collection, database, key_store, shared_memories())
    enrolled = enrol(*random_templates(rng, 9))
    with copy.reading() as held:
        assert held.face_count == 9
    memory = copy._gallery.memory
    end(holder("half-changed", memory._main, memory._gate, words=[DIMENSIONS]))
    loads = loads_of(monkeypatch)
    with copy.reading() as held:
        assert held.face_count == len(enrolled)
    assert loads == [1]


def test_so_many_copies_are_held_as_there_are_files_for(monkeypatch, resident, new_collection):
    """A copy takes five; calls and the database need theirs."""
    monkeypatch.setattr(residency, "_open_files", lambda: 2 * residency._FILES_PER_COPY)
    held = resident()
    collections = [new_collection(name) for name in "abc"]
    for collection in collections:
        found(held, collection)
    assert [collection.collection_id in held for collection in collections] == [False, True, True]


def test_processes_keep_within_the_bound_together(
    database, key_store, shared_memories, new_collection, gallery, commit, clock, rng
):
    """Each held its own within it; what all of them take is looked at every few seconds."""
    collections = [new_collection(name) for name in "abcd"]
    for collection in collections:
        commit(gallery.enrol, collection, [new_face(unit([1]))])
    bound = gallery._residency._memories.held_bytes() + 100_000
    one, two = (
        Residency(database, key_store, max_bytes=bound, memories=shared_memories(), clock=lambda: clock[0])
        for _ in range(2)
    )
    for collection in collections[:2]:
        found(one, collection)
    for collection in collections[2:]:
        found(two, collection)
    clock[0] += 11
    found(one, collections[1])
    found(two, collections[3])
    kept = [collection.collection_id in each for each in (one, two) for collection in collections]
    assert kept.count(True) < 4
    assert kept[1]
    assert kept[7]


def test_who_was_overtaken_asks_again_while_alone(
    database, key_store, shared_memories, collection, enrol, monkeypatch
):
    """And is not overtaken again: however many processes search, each gets there by its second try."""
    slow, quick = (ResidentCopy(collection, database, key_store, shared_memories()) for _ in range(2))
    for copy in (slow, quick):
        with copy.reading():
            pass
    asked = []
    original = slow._reader.changes

    def always_overtaken(*arguments):
        changes = original(*arguments)
        asked.append(1)
        enrol(unit([1]))
        with quick.reading():
            pass
        return changes

    monkeypatch.setattr(slow._reader, "changes", always_overtaken)
    enrol(unit([1]))
    with slow.reading() as held:
        assert held.face_count == 2
    assert asked == [1]
