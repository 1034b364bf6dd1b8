"""From rows to a resident copy."""

from __future__ import annotations

import logging
from contextlib import ExitStack, contextmanager

import pytest

from countenance.errors import InternalServerError, ResourceNotFoundException
from countenance.gallery import reading
from countenance.gallery.memory import PrivateMemory
from countenance.gallery.ranking import Question
from countenance.gallery.reading import CollectionReader, TooManyChanges
from countenance.store import UnitOfWork
from fakes.faces import CALIBRATION, new_face, random_templates, unit

EVERYTHING = Question(CALIBRATION, 0.0, 4096)


@pytest.fixture
def reader(collection, key_store):
    return CollectionReader(collection, key_store)


@pytest.fixture
def connection(database):
    with database.read() as connection:
        yield connection


@pytest.fixture
def copy(reader, connection):
    """The collection's, empty as yet."""
    return reader.open(connection, lambda _: PrivateMemory())


def found(gallery):
    return {each.face_id for each in gallery.search(unit([1]), EVERYTHING)}


def loaded(reader, connection, copy):
    """As of which moment."""
    reader.load(connection, copy)
    return copy.moment


def test_a_collection_is_loaded_whole(
    monkeypatch, reader, connection, copy, gallery, enrol, commit, rng, collection
):
    monkeypatch.setattr(reading, "_BATCH_ROWS", 3)
    enrolled = enrol(*random_templates(rng, 8))
    commit(gallery.create_user, collection, "ada")
    options = {"calibration": CALIBRATION, "threshold": 0.0}
    commit(gallery.associate, collection, "ada", enrolled[:5], **options)
    reader.load(connection, copy)
    assert found(copy) == set(enrolled)
    assert copy.subject_count == 1
    assert copy.subject_template_of("ada") is not None


def test_loading_again_holds_everything_once(reader, connection, copy, enrol, rng):
    enrolled = enrol(*random_templates(rng, 8))
    for _ in range(2):
        reader.load(connection, copy)
        assert copy.face_count == len(enrolled)


def test_a_load_that_takes_long_says_how_far_it_is(
    monkeypatch, reader, connection, copy, enrol, rng, caplog, collection
):
    monkeypatch.setattr(reading, "_BATCH_ROWS", 3)
    monkeypatch.setattr(reading, "_TOLD_EVERY_S", 0.0)
    enrol(*random_templates(rng, 8))
    with caplog.at_level(logging.INFO):
        reader.load(connection, copy)
    told = [record.getMessage() for record in caplog.records]
    assert [line.split(": ")[1].split(",")[0] for line in told[:3]] == [
        "3 of 8 faces",
        "6 of 8 faces",
        "8 of 8 faces",
    ]
    assert all(str(collection.collection_id) in line and "a second" in line for line in told[:3])
    assert told[2].endswith(" 0 s left")
    assert "loaded" in told[3]
    assert "8 faces in 0 s" in told[3]


def test_a_load_that_is_short_says_nothing(reader, connection, copy, enrol, rng, caplog):
    enrol(*random_templates(rng, 8))
    with caplog.at_level(logging.INFO):
        reader.load(connection, copy)
    assert caplog.records == []


def test_lines_of_a_load_come_every_few_seconds_and_not_with_every_batch(
    monkeypatch, reader, connection, copy, enrol, rng, caplog
):
    monkeypatch.setattr(reading, "_BATCH_ROWS", 1)
    now_s = iter(range(1000))
    monkeypatch.setattr(reading.time, "monotonic", lambda: float(next(now_s)))
    enrol(*random_templates(rng, 12))
    with caplog.at_level(logging.INFO):
        reader.load(connection, copy)
    told = [record.getMessage() for record in caplog.records]
    assert [line.split(": ")[1].split(",")[0] for line in told] == [
        "5 of 12 faces",
        "10 of 12 faces",
        "12 faces in 13 s",
    ]


def test_changes_are_those_since_the_moment_and_no_others(
    reader, connection, copy, gallery, commit, collection, enrol
):
    kept, removed = enrol(unit([1]), unit([1]))
    moment = loaded(reader, connection, copy)
    nothing = reader.changes(connection, moment)
    assert (nothing.gone, nothing.there) == ([], [])
    (added,) = enrol(unit([0, 1]))
    commit(gallery.delete_faces, collection, [removed])
    commit(gallery.create_user, collection, "ada")
    commit(gallery.associate, collection, "ada", [kept], calibration=CALIBRATION, threshold=80.0)
    changes = reader.changes(connection, nothing.moment)
    assert changes.gone == [removed]
    assert {(each.face_id, each.user_id, each.is_new) for each in changes.there} == {
        (added, None, True),
        (kept, "ada", False),
    }
    after = reader.changes(connection, changes.moment)
    assert (after.gone, after.there) == ([], [])


@contextmanager
def beside(database, slow):
    """A unit of work that need not wait for the slow one: faces are counted in 32 parts, by the number of the
    connection (migration 0020), and two writers of one part come one after the other.
    """
    with ExitStack() as stack:
        while True:
            other = stack.enter_context(UnitOfWork(database))
            if (other.connection.info.backend_pid - slow.connection.info.backend_pid) % 32:
                break
        yield other


def test_a_transaction_that_began_before_and_committed_after_is_not_missed(
    reader, connection, copy, gallery, collection, database
):
    """The trap of sequence numbers: the lower number may become visible after the higher one."""
    early, late = new_face(unit([1])), new_face(unit([1]))
    with UnitOfWork(database) as slow:
        gallery.enrol(slow, collection, [early])
        with beside(database, slow) as other:
            gallery.enrol(other, collection, [late])
            other.commit()
        moment = loaded(reader, connection, copy)
        assert found(copy) == {late.face_id}
        slow.commit()
    changes = reader.changes(connection, moment)
    assert [each.face_id for each in changes.there] == [early.face_id]


def test_a_rolled_back_change_is_none(reader, connection, copy, gallery, collection, database):
    moment = loaded(reader, connection, copy)
    with UnitOfWork(database) as uow:
        gallery.enrol(uow, collection, [new_face(unit([1]))])
    changes = reader.changes(connection, moment)
    assert (changes.gone, changes.there) == ([], [])


def test_many_changes_come_in_parts(monkeypatch, reader, connection, copy, enrol, rng):
    moment = loaded(reader, connection, copy)
    enrolled = enrol(*random_templates(rng, 8))
    monkeypatch.setattr(reading, "MOST_CHANGES_AT_ONCE", 7)
    monkeypatch.setattr(reading, "_BATCH_ROWS", 3)
    with pytest.raises(TooManyChanges):
        reader.changes(connection, moment)
    parts = list(reader.all_changes(connection, moment))
    assert [len(part.there) for part in parts] == [3, 3, 2]
    assert {there.face_id for part in parts for there in part.there} == set(enrolled)
    monkeypatch.setattr(reading, "MOST_CHANGES_AT_ONCE", 8)
    assert len(reader.changes(connection, moment).there) == 8
    assert reader.changes(connection, parts[-1].moment).there == []


def test_a_deleted_collection_is_not_found(reader, connection, copy, gallery, commit, collection):
    moment = loaded(reader, connection, copy)
    commit(gallery.delete_collection, collection)
    for read in (
        lambda: reader.open(connection, lambda _: PrivateMemory()),
        lambda: reader.load(connection, copy),
        lambda: reader.changes(connection, moment),
        lambda: list(reader.all_changes(connection, moment)),
    ):
        with pytest.raises(ResourceNotFoundException):
            read()


def test_a_damaged_row_is_reported_by_id_and_left_out(
    reader, connection, copy, database, enrol, caplog, collection
):
    """One damaged row must not take a whole gallery down, and must not pass unnoticed."""
    good, damaged = enrol(unit([1]), unit([0, 1]))
    moment = loaded(reader, connection, copy)
    with database.transaction() as other:
        other.execute(
            "update face set sealed_template ="
            " (select sealed_template from face where face_id = %s) where face_id = %s",
            (good, damaged),
        )
        other.execute(
            "insert into gallery_change (collection_id, face_id, kind) values (%s, %s, 'test')",
            (collection.collection_id, damaged),
        )
    with caplog.at_level(logging.ERROR):
        changes = reader.changes(connection, moment)
        reader.load(connection, copy)
    assert (changes.gone, changes.there, changes.left_out) == ([damaged], [], [damaged])
    assert found(copy) == {good}
    assert (len(copy.left_out), damaged in copy.left_out) == (1, True)
    assert len([record for record in caplog.records if str(damaged) in record.getMessage()]) == 2


def test_a_collection_whose_key_is_lost_is_our_failure_and_named_in_the_log(
    reader, connection, key_store, collection, caplog
):
    key_store.destroy_collection_key(collection.collection_id)
    with pytest.raises(InternalServerError):
        reader.open(connection, lambda _: PrivateMemory())
    assert str(collection.collection_id) in caplog.text
