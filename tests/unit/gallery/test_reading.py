"""From rows to a resident copy."""

from __future__ import annotations

import logging

import pytest

from countenance.errors import InternalServerError, ResourceNotFoundException
from countenance.gallery import reading
from countenance.gallery.reading import CollectionReader, TooManyChanges
from countenance.gallery.resident import Question
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


def found(gallery):
    return {candidate.face.face_id for candidate in gallery.search(unit([1]), EVERYTHING)}


def test_a_collection_is_loaded_whole(monkeypatch, reader, connection, gallery, collection, enrol, rng):
    monkeypatch.setattr(reading, "_BATCH_ROWS", 3)
    enrolled = enrol(*random_templates(rng, 8))
    copy, _ = reader.load(connection)
    assert found(copy) == set(enrolled)
    faces = {candidate.face for candidate in copy.search(unit([1]), EVERYTHING)}
    assert faces == set(gallery.list_faces(collection, limit=10))


def test_changes_are_those_since_the_moment_and_no_others(
    reader, connection, gallery, commit, collection, enrol
):
    kept, removed = enrol(unit([1]), unit([1]))
    _, moment = reader.load(connection)
    nothing = reader.changes(connection, moment)
    assert (nothing.gone, nothing.there) == ([], [])
    (added,) = enrol(unit([0, 1]))
    commit(gallery.delete_faces, collection, [removed])
    commit(gallery.create_user, collection, "ada")
    commit(gallery.associate, collection, "ada", [kept], calibration=CALIBRATION, threshold=80.0)
    changes = reader.changes(connection, nothing.moment)
    assert changes.gone == [removed]
    assert {(enrolled.face.face_id, enrolled.face.user_id) for enrolled in changes.there} == {
        (added, None),
        (kept, "ada"),
    }
    after = reader.changes(connection, changes.moment)
    assert (after.gone, after.there) == ([], [])


def test_a_transaction_that_began_before_and_committed_after_is_not_missed(
    reader, connection, gallery, collection, database, enrol
):
    """The trap of sequence numbers: the lower number may become visible after the higher one."""
    with UnitOfWork(database) as slow:
        early = new_face(unit([1]))
        gallery.enrol(slow, collection, [early])
        late = enrol(unit([1]))
        copy, moment = reader.load(connection)
        assert found(copy) == set(late)
        slow.commit()
    changes = reader.changes(connection, moment)
    assert [enrolled.face.face_id for enrolled in changes.there] == [early.face_id]


def test_a_rolled_back_change_is_none(reader, connection, gallery, collection, database):
    _, moment = reader.load(connection)
    with UnitOfWork(database) as uow:
        gallery.enrol(uow, collection, [new_face(unit([1]))])
    changes = reader.changes(connection, moment)
    assert (changes.gone, changes.there) == ([], [])


def test_many_changes_come_in_parts(monkeypatch, reader, connection, enrol, rng):
    _, moment = reader.load(connection)
    enrolled = enrol(*random_templates(rng, 8))
    monkeypatch.setattr(reading, "MOST_CHANGES_AT_ONCE", 7)
    monkeypatch.setattr(reading, "_BATCH_ROWS", 3)
    with pytest.raises(TooManyChanges):
        reader.changes(connection, moment)
    parts = list(reader.all_changes(connection, moment))
    assert [len(part.there) for part in parts] == [3, 3, 2]
    assert {there.face.face_id for part in parts for there in part.there} == set(enrolled)
    monkeypatch.setattr(reading, "MOST_CHANGES_AT_ONCE", 8)
    assert len(reader.changes(connection, moment).there) == 8
    assert reader.changes(connection, parts[-1].moment).there == []


def test_a_deleted_collection_is_not_found(reader, connection, gallery, commit, collection):
    _, moment = reader.load(connection)
    commit(gallery.delete_collection, collection)
    for read in (
        lambda: reader.load(connection),
        lambda: reader.changes(connection, moment),
        lambda: list(reader.all_changes(connection, moment)),
    ):
        with pytest.raises(ResourceNotFoundException):
            read()


def test_a_damaged_row_is_reported_by_id_and_left_out(
    reader, connection, database, enrol, caplog, collection
):
    """One damaged row must not take a whole gallery down, and must not pass unnoticed."""
    good, damaged = enrol(unit([1]), unit([0, 1]))
    _, moment = reader.load(connection)
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
        copy, _ = reader.load(connection)
    assert (changes.gone, changes.there) == ([damaged], [])
    assert found(copy) == {good}
    assert len([record for record in caplog.records if str(damaged) in record.getMessage()]) == 2


def test_a_collection_whose_key_is_lost_is_our_failure_and_named_in_the_log(
    reader, connection, key_store, collection, caplog
):
    key_store.destroy_collection_key(collection.collection_id)
    with pytest.raises(InternalServerError):
        reader.load(connection)
    assert str(collection.collection_id) in caplog.text
