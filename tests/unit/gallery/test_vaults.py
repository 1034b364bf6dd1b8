"""Pictures of enrolled faces: kept only where it was said, only as long, and gone with their faces."""

from __future__ import annotations

import logging
import uuid
from dataclasses import replace

import pytest

from countenance.errors import InvalidParameterException, ResourceNotFoundException
from countenance.gallery import Beside
from fakes.faces import new_face, unit

CROP = b"the picture of a face, as a file"


@pytest.fixture
def vaults(gallery):
    return gallery.vaults


@pytest.fixture
def enrol_with_crop(gallery, collection, commit):
    def run(count=1):
        faces = [replace(new_face(unit([1])), crop=CROP + bytes([number])) for number in range(count)]
        return [face.face_id for face in commit(gallery.enrol, collection, faces)]

    return run


def age(database, face_id, days):
    """As if it had been enrolled so many days earlier."""
    with database.transaction() as connection:
        for statement in (
            "update face set created_at = created_at - make_interval(days => %s) where face_id = %s",
            "update vault_crop set kept_until = kept_until - make_interval(days => %s) where face_id = %s",
        ):
            connection.execute(statement, (days, face_id))


def test_without_a_vault_nothing_is_kept_whatever_an_enrolment_brings(
    gallery, vaults, collection, enrol_with_crop, database
):
    (face_id,) = enrol_with_crop()
    assert (vaults.find(collection), gallery.beside(collection)) == (None, Beside(None, crop=False))
    assert vaults.crops(collection, [face_id]) == {}
    with database.read() as connection:
        rows = connection.execute("select 1 from vault_crop where face_id = %s", (face_id,)).fetchall()
    assert rows == []


def test_an_open_vault_keeps_a_sealed_picture_of_each_new_face(
    gallery, vaults, collection, commit, enrol_with_crop, database
):
    commit(vaults.open, collection, kept_days=30)
    assert gallery.beside(collection) == Beside(None, crop=True)
    one, two = enrol_with_crop(2)
    assert vaults.crops(collection, [one, two]) == {one: CROP + b"\0", two: CROP + b"\1"}
    found = vaults.find(collection)
    assert (found.kept_days, found.crops) == (30, 2)
    with database.read() as connection:
        rows = connection.execute(
            "select sealed_crop, kept_until - now() from vault_crop where collection_id = %s",
            (collection.collection_id,),
        ).fetchall()
    assert all(CROP not in bytes(sealed) and 29 <= left.days < 30 for sealed, left in rows)


def test_a_picture_goes_with_its_face_and_with_the_collection(
    gallery, vaults, collection, commit, enrol_with_crop, database
):
    commit(vaults.open, collection, kept_days=30)
    one, two = enrol_with_crop(2)
    commit(gallery.delete_faces, collection, [one])
    assert vaults.crops(collection, [one, two]).keys() == {two}
    commit(gallery.delete_collection, collection)
    with database.read() as connection:
        for table in ("vault", "vault_crop"):
            rows = connection.execute(
                f"select 1 from {table} where collection_id = %s", (collection.collection_id,)
            ).fetchall()
            assert rows == []
    with pytest.raises(ResourceNotFoundException):
        vaults.crops(collection, [two])


def test_over_its_time_a_picture_is_opened_by_nobody_and_deleted(
    gallery, vaults, collection, commit, enrol_with_crop, database
):
    commit(vaults.open, collection, kept_days=30)
    old, young = enrol_with_crop(2)
    age(database, old, 31)
    assert vaults.crops(collection, [old, young]).keys() == {young}
    assert collection in vaults.list_ended()
    assert commit(vaults.expire, collection) == 1
    assert commit(vaults.expire, collection) == 0
    assert collection not in vaults.list_ended()
    assert vaults.find(collection).crops == 1
    (pending,) = gallery.finality.pending(collection=collection)
    assert pending.faces == 1  # old pages hold it until keys are replaced, and the list says so


def test_fewer_days_hold_for_what_is_kept_already_and_more_do_not(
    vaults, collection, commit, enrol_with_crop, database
):
    commit(vaults.open, collection, kept_days=30)
    (face_id,) = enrol_with_crop()
    age(database, face_id, 10)
    commit(vaults.open, collection, kept_days=366)
    age(database, face_id, 15)
    assert vaults.crops(collection, [face_id]).keys() == {face_id}
    commit(vaults.open, collection, kept_days=5)
    assert vaults.crops(collection, [face_id]) == {}


def test_a_closed_vault_opens_nothing_and_is_emptied(vaults, collection, commit, enrol_with_crop):
    commit(vaults.open, collection, kept_days=30)
    kept = enrol_with_crop(3)
    commit(vaults.close, collection)
    assert (vaults.find(collection), vaults.crops(collection, kept)) == (None, {})
    assert collection in vaults.list_ended()
    assert [commit(vaults.expire, collection, limit=2) for _ in range(3)] == [2, 1, 0]
    with pytest.raises(ResourceNotFoundException):
        commit(vaults.close, collection)


@pytest.mark.parametrize("days", [0, -1, 367])
def test_days_that_cannot_be_are_refused(vaults, collection, commit, days):
    with pytest.raises(InvalidParameterException):
        commit(vaults.open, collection, kept_days=days)


def test_a_damaged_picture_is_named_and_left_out(
    vaults, collection, commit, enrol_with_crop, database, caplog
):
    commit(vaults.open, collection, kept_days=30)
    good, damaged = enrol_with_crop(2)
    with database.transaction() as connection:
        connection.execute("update vault_crop set sealed_crop = '\\x0102' where face_id = %s", (damaged,))
    with caplog.at_level(logging.ERROR):
        assert vaults.crops(collection, [good, damaged, uuid.uuid4()]).keys() == {good}
    assert str(damaged) in caplog.text
