"""Deletion that is final: what is sealed anew, which keys are gone, and what the raw files still hold."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from countenance.errors import InternalServerError, ResourceNotFoundException, ThrottlingException
from countenance.gallery import Gallery, OtherTemplate, resealing
from countenance.gallery import faces as face_rows
from countenance.gallery.basis import Sealing
from countenance.gallery.crop_seal import CropSeal
from countenance.gallery.finality import BEGIN_AFTER, FINAL_WITHIN, Finality, due
from countenance.gallery.reading import CollectionReader
from countenance.gallery.seal import BrokenSeal, TemplateSeal
from countenance.gallery.two_models import Model
from countenance.store import Database, EmbeddedPostgres, KeyMissing, KeyStore, UnitOfWork, migrate
from fakes.faces import CALIBRATION, DIMENSIONS, new_face, random_templates, unit

ALL = {"calibration": CALIBRATION, "threshold": 0.0, "limit": 4096}


@pytest.fixture
def finality(database, key_store):
    return Finality(database, key_store)


@pytest.fixture
def recorded():
    return []


@pytest.fixture
def record(recorded):
    return lambda _connection, faces, generation: recorded.append((faces, generation))


def generations(key_store, collection):
    """Of the keys that are there."""
    paths = (key_store.directory / "collections").glob(f"{collection.collection_id}.*")
    return sorted(int(path.suffix[1:]) for path in paths)


def found(gallery, collection):
    return {candidate.face.face_id for candidate in gallery.search(collection, unit([1]), **ALL)}


def rows_of(database, collection):
    with database.read() as connection:
        return connection.execute(
            "select face_id, key_generation, sealed_template from face where collection_id = %s",
            (collection.collection_id,),
        ).fetchall()


def opener(key_store, collection, generation=1):
    return TemplateSeal(
        key_store,
        Sealing(generation),
        collection_id=collection.collection_id,
        face_model_version=collection.face_model_version,
        dimensions=collection.dimensions,
    )


def test_without_deletions_nothing_is_pending_and_nothing_is_done(
    finality, collection, enrol, key_store, record, recorded
):
    enrol(unit([1]))
    assert finality.pending(collection=collection) == []
    assert finality.make_final(collection, record=record) == 0
    assert (generations(key_store, collection), recorded) == ([1], [])


def test_what_is_deleted_is_pending_until_its_key_is_destroyed(
    finality, collection, gallery, elsewhere, commit, enrol, key_store, record, recorded, database, rng
):
    kept = enrol(*random_templates(rng, 7))
    gone = enrol(unit([1]), unit([0, 1]), unit([1, 1]))
    before = {row[0]: row for row in rows_of(database, collection)}
    commit(gallery.delete_faces, collection, gone[:2])
    commit(gallery.erase_faces, collection, gone[2:])
    (pending,) = finality.pending(collection=collection)
    assert (pending.collection, pending.faces) == (collection, 3)
    assert pending.final_by == pending.oldest_at + FINAL_WITHIN
    for face_id in gone:
        assert opener(key_store, collection).unseal(*before[face_id]).shape == (DIMENSIONS,)
    resealed = []
    assert finality.make_final(collection, record=record, progress=resealed.append) == 3
    assert (generations(key_store, collection), recorded, sum(resealed)) == ([2], [(3, 2)], 7)
    assert finality.pending(collection=collection) == []
    for face_id in gone:
        with pytest.raises(KeyMissing):
            opener(key_store, collection, generation=2).unseal(*before[face_id])
        with pytest.raises(BrokenSeal):  # nor does the key of now open it
            opener(key_store, collection, generation=2).unseal(face_id, 2, before[face_id][2])
    after = {row[0]: row for row in rows_of(database, collection)}
    assert after.keys() == set(kept)
    for face_id in kept:
        one = opener(key_store, collection, generation=2).unseal(*after[face_id])
        assert np.array_equal(
            elsewhere.list_faces(collection, face_ids=[face_id], limit=1)[0].face_id, face_id
        )
        assert one.shape == (DIMENSIONS,)
    assert found(gallery, collection) == found(elsewhere, collection) == set(kept)


def test_templates_are_the_same_bit_for_bit_after_they_were_sealed_anew(
    finality, collection, gallery, commit, enrol, key_store, record, database, rng
):
    enrol(*random_templates(rng, 5))
    (gone,) = enrol(unit([1]))
    before = {row[0]: opener(key_store, collection).unseal(*row) for row in rows_of(database, collection)}
    commit(gallery.delete_faces, collection, [gone])
    finality.make_final(collection, record=record)
    after = {
        row[0]: opener(key_store, collection, generation=2).unseal(*row)
        for row in rows_of(database, collection)
    }
    assert before.keys() - after.keys() == {gone}
    assert all(np.array_equal(after[face_id], before[face_id]) for face_id in after)


def test_it_goes_on_where_it_ended(
    finality, collection, gallery, commit, enrol, key_store, record, recorded, rng, monkeypatch
):
    """Killed after some were sealed anew, and again after the keys were destroyed: no further key is made."""
    monkeypatch.setattr("countenance.gallery.resealing._ROWS_AT_ONCE", 3)
    enrol(*random_templates(rng, 8))
    (gone,) = enrol(unit([1]))
    commit(gallery.delete_faces, collection, [gone])

    def killed(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finality.make_final(collection, record=record, progress=killed)
    assert generations(key_store, collection) == [1, 2]
    assert finality.pending(collection=collection)[0].faces == 1
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(finality, "_settle", killed)
        finality.make_final(collection, record=record)
    assert generations(key_store, collection) == [2]
    assert finality.make_final(collection, record=record) == 1
    assert (generations(key_store, collection), recorded) == ([2], [(1, 2)])


def test_what_is_deleted_while_it_runs_becomes_final_with_the_next(
    finality, collection, gallery, commit, enrol, key_store, record, recorded
):
    one, two, _ = enrol(unit([1]), unit([0, 1]), unit([1, 1]))
    commit(gallery.delete_faces, collection, [one])

    def meanwhile(faces):
        if faces:
            commit(gallery.delete_faces, collection, [two])

    assert finality.make_final(collection, record=record, progress=meanwhile) == 1
    assert finality.pending(collection=collection)[0].faces == 1
    assert finality.make_final(collection, record=record) == 1
    assert (generations(key_store, collection), recorded) == ([3], [(1, 2), (1, 3)])


def test_searches_and_writes_go_on_while_keys_are_replaced(
    finality, collection, gallery, elsewhere, on_another_machine, commit, enrol, record, rng, database
):
    """Nobody is left out of a search because their row was sealed anew just then, in whatever process."""
    kept = set(enrol(*random_templates(rng, 60)))
    stop, wrong, added = threading.Event(), [], set()

    def search(which):
        while not stop.is_set():
            there = found(which() if callable(which) else which, collection)
            if not kept <= there:
                wrong.append(kept - there)

    def fresh():
        return Gallery(database, gallery._keys)

    def write():
        while not stop.is_set():
            face = new_face(unit([1]))
            with UnitOfWork(database) as uow:
                gallery.enrol(uow, collection, [face])
                uow.commit()
            added.add(face.face_id)

    threads = [
        threading.Thread(target=search, args=(each,)) for each in (elsewhere, on_another_machine, fresh)
    ]
    threads.append(threading.Thread(target=write))
    for thread in threads:
        thread.start()
    try:
        for _ in range(6):
            (gone,) = enrol(unit([1]))
            commit(gallery.delete_faces, collection, [gone])
            finality.make_final(collection, record=record)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert found(gallery, collection) == kept | added


def test_a_row_whose_key_went_between_reading_and_opening_is_read_again(
    finality, collection, gallery, commit, enrol, record, database, key_store, monkeypatch, shared_memories
):
    one, gone = enrol(unit([1]), unit([0, 1]))
    original, finished = CollectionReader._unsealed, []

    def late(self, rows):
        if not finished:
            finished.append(1)
            commit(gallery.delete_faces, collection, [gone])
            finality.make_final(collection, record=record)
        return original(self, rows)

    monkeypatch.setattr(CollectionReader, "_unsealed", late)
    assert found(Gallery(database, key_store, memories=shared_memories()), collection) == {one}


def test_a_damaged_row_keeps_no_key_alive(
    finality, collection, gallery, commit, enrol, key_store, record, database, caplog
):
    """It opens with none: to wait for it would be to keep what others were promised is gone."""
    good, damaged, gone = enrol(unit([1]), unit([0, 1]), unit([1, 1]))
    commit(gallery.delete_faces, collection, [gone])
    with database.transaction() as connection:
        connection.execute("update face set sealed_template = '\\x01' where face_id = %s", (damaged,))
    with caplog.at_level(logging.ERROR):
        assert finality.make_final(collection, record=record) == 1
    assert str(damaged) in caplog.text
    assert generations(key_store, collection) == [2]
    assert found(gallery, collection) == {good}
    assert commit(gallery.delete_faces, collection, [damaged]).face_ids == [damaged]


def test_a_missing_key_that_faces_need_is_told_and_destroys_nothing(
    finality, collection, gallery, commit, enrol, key_store, record, caplog
):
    _, gone = enrol(unit([1]), unit([0, 1]))
    commit(gallery.delete_faces, collection, [gone])
    (key_store.directory / "collections" / f"{collection.collection_id}.1").rename(
        key_store.directory / "away"
    )
    with caplog.at_level(logging.ERROR), pytest.raises(InternalServerError):
        finality.make_final(collection, record=record)
    assert "key missing" in caplog.text
    assert finality.pending(collection=collection)[0].faces == 1


def test_a_deleted_collection_has_no_keys_and_nothing_pending(
    finality, collection, gallery, commit, enrol, key_store, record
):
    (gone,) = enrol(unit([1]))
    commit(gallery.delete_faces, collection, [gone])
    commit(gallery.delete_collection, collection)
    assert generations(key_store, collection) == []
    assert finality.pending(collection=collection) == []
    with pytest.raises(ResourceNotFoundException):
        finality.make_final(collection, record=record)
    assert generations(key_store, collection) == []


def test_what_was_sealed_before_there_were_generations_is_never_said_to_be_final(
    finality, collection, gallery, commit, enrol, key_store, record, recorded, database
):
    """Under the collection's own key, as the first version sealed it: that key lives as long as it does."""
    old, gone = enrol(unit([1]), unit([0, 1]))
    first = opener(key_store, collection, generation=0)
    sealed = first.seal(gone, unit([0, 1]))
    with database.transaction() as connection:
        for face_id, bytes_ in ((old, first.seal(old, unit([1]))), (gone, sealed)):
            connection.execute(
                "update face set key_generation = 0, sealed_template = %s where face_id = %s",
                (bytes_, face_id),
            )
        connection.execute(
            "update collection set key_generation = 0, had_own_key = true where collection_id = %s",
            (collection.collection_id,),
        )
    key_store.destroy_template_keys(collection.collection_id)
    assert found(gallery, collection) == {old, gone}
    commit(gallery.delete_faces, collection, [gone])
    (pending,) = finality.pending(collection=collection)
    assert pending.final_by is None
    assert due([pending], pending.oldest_at + timedelta(days=30)) == []
    assert opener(key_store, collection, generation=0).unseal(gone, 0, sealed).shape == (DIMENSIONS,)
    (new,) = enrol(unit([1, 1]))
    assert found(gallery, collection) == {old, new}
    commit(gallery.delete_collection, collection)
    with pytest.raises(KeyMissing):
        opener(key_store, collection, generation=0)


def test_bytes_of_a_resealing_that_was_rolled_back_are_not_left_openable(
    finality, collection, gallery, commit, enrol, key_store, record, recorded, database, rng, monkeypatch
):
    """They are in the files under the key of now: what is deleted before the end needs one more key."""
    one, other, gone = enrol(*random_templates(rng, 3))
    commit(gallery.delete_faces, collection, [gone])
    aborted = {}

    def killed(_faces):
        raise KeyboardInterrupt

    original = UnitOfWork.commit

    def no_commit(uow):
        rows = uow.connection.execute(
            "select face_id, key_generation, sealed_template from face"
            " where collection_id = %s and key_generation = 2",
            (collection.collection_id,),
        ).fetchall()
        if rows:
            aborted.update({row[0]: row for row in rows})
            raise KeyboardInterrupt
        original(uow)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(UnitOfWork, "commit", no_commit)
        finality.make_final(collection, record=record)
    assert aborted.keys() == {one, other}
    commit(gallery.delete_faces, collection, [one])
    assert finality.make_final(collection, record=record) == 2
    assert generations(key_store, collection) == [3]
    with pytest.raises(KeyMissing):
        opener(key_store, collection, generation=3).unseal(*aborted[one])


def test_a_key_under_a_temporary_name_is_destroyed_as_well(
    finality, collection, gallery, commit, enrol, key_store, record
):
    """A process that is killed as it makes a key leaves it under two names."""
    (gone, _) = enrol(unit([1]), unit([0, 1]))
    folder = key_store.directory / "collections"
    for name in (f"{collection.collection_id}.1", str(collection.collection_id)):
        (folder / f".{name}.0123456789abcdef").hardlink_to(folder / name)
    commit(gallery.delete_faces, collection, [gone])
    finality.make_final(collection, record=record)
    assert [path.name for path in folder.glob(f".{collection.collection_id}.*.*")] == []
    commit(gallery.delete_collection, collection)
    assert list(folder.glob(f"*{collection.collection_id}*")) == []


def test_writers_that_overlap_do_not_keep_it_from_its_turn(
    finality, collection, gallery, commit, enrol, record, database
):
    """There is never a moment without one here; each enrols with a key that is there when it commits."""
    (gone,) = enrol(unit([1]))
    commit(gallery.delete_faces, collection, [gone])
    stop = threading.Event()

    def hold_on(number):
        time.sleep(number * 0.05)
        while not stop.is_set():
            with UnitOfWork(database) as uow:
                gallery.enrol(uow, collection, [new_face(unit([1]))])
                time.sleep(0.15)
                uow.commit()

    writers = [threading.Thread(target=hold_on, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    time.sleep(0.2)
    begun = time.monotonic()
    assert finality.make_final(collection, record=record) == 1
    took_s = time.monotonic() - begun
    stop.set()
    for writer in writers:
        writer.join()
    assert took_s < 10
    count = len(rows_of(database, collection))
    assert len(found(gallery, collection)) == count > 4


def test_who_held_the_collection_before_the_key_was_replaced_seals_with_the_next(
    finality, collection, gallery, key_store, database, monkeypatch
):
    """One that nobody waited for: it may have read the old generation and got its number afterwards."""
    original = face_rows.enrol

    def late(connection, held, seal, faces):
        if seal.generation == 1:
            with UnitOfWork(database) as other:
                key_store.create_template_key(collection.collection_id, 2)
                other.connection.execute(
                    "update collection set key_generation = 2 where collection_id = %s",
                    (collection.collection_id,),
                )
                other.commit()
        return original(connection, held, seal, faces)

    monkeypatch.setattr(face_rows, "enrol", late)
    with UnitOfWork(database) as uow:
        gallery.enrol(uow, collection, [new_face(unit([1]))])
        uow.commit()
    assert [generation for _, generation, _ in rows_of(database, collection)] == [2]


def test_a_transaction_that_does_not_end_puts_it_off(
    finality, collection, gallery, commit, enrol, key_store, record, database, monkeypatch
):
    monkeypatch.setattr("countenance.gallery.finality._WRITERS_END_S", 0.2)
    (gone,) = enrol(unit([1]))
    commit(gallery.delete_faces, collection, [gone])
    with UnitOfWork(database) as uow:
        gallery.enrol(uow, collection, [new_face(unit([1]))])
        with pytest.raises(ThrottlingException):
            finality.make_final(collection, record=record)
        assert 1 in generations(key_store, collection)
        uow.commit()
    monkeypatch.setattr("countenance.gallery.finality._WRITERS_END_S", 30.0)  # others' tests write as well
    assert finality.make_final(collection, record=record) == 1
    assert len(found(gallery, collection)) == 1


def test_two_at_once_finish_it_once(
    finality, collection, gallery, commit, enrol, key_store, recorded, record, rng
):
    enrol(*random_templates(rng, 40))
    (gone,) = enrol(unit([1]))
    commit(gallery.delete_faces, collection, [gone])
    threads = [
        threading.Thread(target=lambda: finality.make_final(collection, record=record)) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [faces for faces, _ in recorded] == [1]
    assert len(generations(key_store, collection)) == 1
    assert len(found(gallery, collection)) == 40


def test_a_collection_is_sealed_anew_though_nothing_was_deleted(
    finality, collection, gallery, enrol, key_store, record, recorded, database, rng
):
    """After somebody may have read keys: what is there is under keys that no copy has."""
    kept = enrol(*random_templates(rng, 7))
    before, resealed = rows_of(database, collection), []
    old = opener(key_store, collection)
    assert old.unseal(*before[0]).shape == (DIMENSIONS,)
    assert finality.count_faces(collection) == 7
    assert finality.seal_anew(collection, record=record, progress=resealed.append) == 0
    assert (generations(key_store, collection), recorded, sum(resealed)) == ([2], [(0, 2)], 7)
    for face_id, _, sealed in rows_of(database, collection):
        with pytest.raises(BrokenSeal):  # the key of before, in somebody's copy
            old.unseal(face_id, 1, bytes(sealed))
    assert found(gallery, collection) == set(kept)
    finality.seal_anew(collection, record=record)
    assert (generations(key_store, collection), recorded) == ([3], [(0, 2), (0, 3)])


def test_deletions_that_pend_are_final_with_it(
    finality, collection, gallery, commit, enrol, record, recorded
):
    (gone,) = enrol(unit([1]))
    commit(gallery.delete_faces, collection, [gone])
    assert finality.seal_anew(collection, record=record) == 1
    assert (finality.pending(collection=collection), recorded) == ([], [(1, 2)])


def test_sealing_anew_goes_on_where_it_ended(
    finality, collection, enrol, key_store, record, recorded, monkeypatch, database, rng
):
    """Killed half-way, the next call takes up the same generation and does what is left."""
    enrol(*random_templates(rng, 6))
    monkeypatch.setattr("countenance.gallery.resealing._ROWS_AT_ONCE", 2)
    resealed = []

    def killed(count):
        resealed.append(count)
        if sum(resealed) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finality.seal_anew(collection, record=record, progress=killed)
    assert sorted(generation for _, generation, _ in rows_of(database, collection)) == [1, 1, 2, 2, 2, 2]
    assert generations(key_store, collection) == [1, 2]
    finality.seal_anew(collection, record=record, progress=resealed.append)
    assert (generations(key_store, collection), sum(resealed), recorded) == ([2], 6, [(0, 2)])


def test_collections_are_listed_by_account_and_name(finality, collection):
    assert collection in finality.collections()
    assert finality.collections(account_id=collection.account_id, name=collection.name) == [collection]
    assert finality.collections(name="no such") == []


def test_deletions_are_due_in_time_to_be_final_within_a_day(finality, collection, gallery, commit, enrol):
    (gone,) = enrol(unit([1]))
    commit(gallery.delete_faces, collection, [gone])
    (pending,) = finality.pending(collection=collection)
    assert due([pending], pending.oldest_at + BEGIN_AFTER - timedelta(seconds=1)) == []
    assert due([pending], pending.oldest_at + BEGIN_AFTER) == [pending]
    assert BEGIN_AFTER + timedelta(hours=2) < FINAL_WITHIN


SHADOW = Model("2.0", 16)


@pytest.fixture
def with_everything(gallery, collection, commit, rng):
    """`with_everything(n)`: faces with a template of each of two models and a crop; by id what was given."""

    def make(count):
        commit(gallery.reembeddings.start, collection, SHADOW, "folder")
        commit(gallery.vaults.open, collection, kept_days=30)
        faces = [
            replace(new_face(one), shadow=OtherTemplate("2.0", two), crop=rng.bytes(400))
            for one, two in zip(
                random_templates(rng, count), random_templates(rng, count, dimensions=16), strict=True
            )
        ]
        commit(gallery.enrol, collection, faces)
        return {face.face_id: face for face in faces}

    return make


def sealed_beside(database, collection):
    with database.read() as connection:
        return [
            connection.execute(
                f"select face_id, key_generation, {column} from {table} where collection_id = %s",
                (collection.collection_id,),
            ).fetchall()
            for table, column in (("shadow_template", "sealed_template"), ("vault_crop", "sealed_crop"))
        ]


@pytest.mark.parametrize("is_switched", [False, True])
def test_what_lies_beside_faces_is_sealed_anew_as_well(
    finality, collection, gallery, commit, key_store, record, recorded, database, with_everything, is_switched
):
    """They open with the keys of before, which must not be kept for them."""
    faces = with_everything(7)
    run = gallery.reembeddings.require(collection)
    if is_switched:
        commit(gallery.reembeddings.switch, collection, run)
    gone = next(iter(faces))
    before = [{row[0]: row for row in rows} for rows in sealed_beside(database, collection)]
    commit(gallery.delete_faces, collection, [gone])
    assert finality.make_final(collection, record=record) == 1
    assert (generations(key_store, collection), recorded) == ([2], [(1, 2)])
    for rows, old in zip(sealed_beside(database, collection), before, strict=True):
        assert {row[0] for row in rows} == faces.keys() - {gone}
        assert {row[1] for row in rows} == {2}
        assert all(row[2] != old[row[0]][2] for row in rows)
    kept = sorted(faces.keys() - {gone})
    crops = gallery.vaults.crops(collection, kept)
    templates = gallery.shadow_templates.templates(collection, SHADOW)
    for face_id, template in zip(templates.face_ids, templates.stored, strict=True):
        assert np.array_equal(template, faces[face_id].shadow.template.astype(np.float16))
        assert crops[face_id] == faces[face_id].crop
    assert set(templates.face_ids) == set(kept)
    own = gallery.shadow_templates.templates(collection, run.from_model)
    for face_id, template in zip(own.face_ids, own.stored, strict=True):
        assert np.array_equal(template, faces[face_id].template.astype(np.float16))


def test_a_switch_while_it_runs_spoils_nothing(
    finality, collection, gallery, commit, record, with_everything, monkeypatch
):
    """Each part is sealed for the models that the collection has then: else keys would go that it needs."""
    monkeypatch.setattr("countenance.gallery.resealing._ROWS_AT_ONCE", 2)
    faces = with_everything(6)
    gone = next(iter(faces))
    commit(gallery.delete_faces, collection, [gone])
    run, calls = gallery.reembeddings.require(collection), []

    def to_and_fro(_faces):
        calls.append(1)
        change = gallery.reembeddings.switch if len(calls) % 2 else gallery.reembeddings.roll_back
        commit(change, collection, run)

    assert finality.make_final(collection, record=record, progress=to_and_fro) == 1
    assert len(calls) > 8
    for model in (run.from_model, SHADOW):
        assert set(gallery.shadow_templates.templates(collection, model).face_ids) == faces.keys() - {gone}


def test_a_sweep_that_waited_for_it_takes_what_was_sealed_anew(
    finality, collection, gallery, commit, record, database, monkeypatch, rng
):
    """It waits for the pass at a template that it is about to move, and ends when the old key is gone."""
    commit(gallery.reembeddings.start, collection, SHADOW, "folder")
    pairs = zip(random_templates(rng, 5), random_templates(rng, 5, dimensions=16), strict=True)
    new = [replace(new_face(one), shadow=OtherTemplate("2.0", two)) for one, two in pairs]
    faces = {face.face_id: face for face in new}
    commit(gallery.enrol, collection, new)
    run = gallery.reembeddings.require(collection)
    commit(gallery.reembeddings.finish_building, collection, run)
    commit(gallery.reembeddings.switch, collection, run)
    commit(gallery.reembeddings.begin_discarding, collection, run)
    original, sweeping = resealing._sealed_anew, []

    def sweep():
        with UnitOfWork(database) as uow:
            gallery.reembeddings.sweep(uow, collection)
            swept.set()
            assert passed.wait(30)
            uow.commit()

    def meanwhile(seals, rows):
        sealed = original(seals, rows)
        if rows and rows[0][1] == 1 and not sweeping:  # templates beside faces: this holds their rows
            sweeping.append(threading.Thread(target=sweep))
            sweeping[0].start()
            await_waiting(database)
        return sealed

    def destroyed(*given, **options):
        assert swept.wait(30)
        destroy(*given, **options)
        passed.set()

    swept, passed, destroy = threading.Event(), threading.Event(), finality._keys.destroy_template_keys
    monkeypatch.setattr(resealing, "_sealed_anew", meanwhile)
    monkeypatch.setattr(finality._keys, "destroy_template_keys", destroyed)
    finality.seal_anew(collection, record=record)
    for thread in sweeping:
        thread.join()
    assert len(sweeping) == 1
    switched = replace(collection, face_model_version=SHADOW.version, dimensions=SHADOW.dimensions)
    assert {face_id for face_id, generation, _ in rows_of(database, collection) if generation == 2} == set(
        faces
    )
    for face_id, face in faces.items():
        (best, *_) = gallery.search(switched, face.shadow.template, **ALL)
        assert best.face.face_id == face_id


def await_waiting(database):
    """Until somebody waits for a lock on a row."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with database.read() as connection:
            waiting = connection.execute("select pid from pg_stat_activity where wait_event_type = 'Lock'")
            if waiting.fetchone():
                return
        time.sleep(0.01)
    pytest.fail("nobody waits")


def test_the_raw_files_hold_no_other_template_and_no_picture_and_no_key_of_what_was_deleted(tmp_path, rng):
    """Of a face that had both and of one that was swept, whatever PostgreSQL has on its disk."""
    data, account = tmp_path / "data", "000000000001"
    jpegs = [b"\xff\xd8\xff" + rng.bytes(3000) for _ in range(3)]
    kept, gone = (
        replace(new_face(one), shadow=OtherTemplate("2", two), crop=jpeg)
        for one, two, jpeg in zip(
            random_templates(rng, 2, dimensions=128),
            random_templates(rng, 2, dimensions=96),
            jpegs,
            strict=False,
        )
    )
    planted = jpegs[2]
    with EmbeddedPostgres(data) as server, Database(server.url, max_connections=4) as database:
        migrate(database)
        keys = KeyStore.open(data / "keys")
        gallery = Gallery(database, keys)

        def commit(work, *arguments, **options):
            with UnitOfWork(database) as uow:
                answer = work(uow, *arguments, **options)
                uow.commit()
            return answer

        with database.transaction() as connection:
            connection.execute("insert into account (account_id, name) values (%s, 'T')", (account,))
            connection.execute("create table planted (clear bytea)")
            connection.execute("insert into planted values (%s)", (planted,))
        made = {"name": "raw", "region": "r", "face_model_version": "1", "dimensions": 128, "tags": {}}
        collection = commit(gallery.create_collection, account_id=account, **made)
        commit(gallery.reembeddings.start, collection, Model("2", 96), "vault")
        commit(gallery.vaults.open, collection, kept_days=9)
        commit(gallery.enrol, collection, [kept, gone])
        before_rows = sealed_beside(database, collection)
        key_file = data / "keys" / "collections" / f"{collection.collection_id}.1"
        old_key = key_file.read_bytes()

        def raw():
            with database.read() as connection:
                connection.execute("checkpoint")
            return b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())

        before = raw()
        # PostgreSQL keeps what is longer than 2 kB in pieces: so it is looked for in short ones.
        pieces = range(0, 3000, 500)
        assert all(planted[start : start + 24] in before for start in pieces), "clear bytes would be found"
        for face in (kept, gone):
            for start in pieces:
                assert face.crop[start : start + 24] not in before
            for form in ("<f2", ">f2", "<f4", ">f4", "<f8"):
                assert face.shadow.template.astype(form).tobytes()[:32] not in before
        commit(gallery.delete_faces, collection, [gone.face_id])
        gallery.finality.make_final(collection, record=lambda *_: None)
        after = raw()
        assert old_key not in after
        assert not key_file.exists()
        for rows in before_rows:
            sealed = {row[0]: bytes(row[2]) for row in rows}
            assert sealed[gone.face_id][:200] in after, (
                "deleted rows' sealed bytes stay where PostgreSQL had them"
            )
        shadow = {row[0]: bytes(row[2]) for row in before_rows[0]}[gone.face_id]
        crop = {row[0]: bytes(row[2]) for row in before_rows[1]}[gone.face_id]
        model = replace(collection, face_model_version="2", dimensions=96)
        with pytest.raises(KeyMissing):
            opener(keys, model, generation=2).unseal(gone.face_id, 1, shadow)
        for generation in (0, 2):
            with pytest.raises(BrokenSeal):
                opener(keys, model, generation).unseal(gone.face_id, generation, shadow)
            crops = CropSeal(
                lambda number: keys.template_key(collection.collection_id, number),
                generation=generation,
                collection_id=collection.collection_id,
            )
            with pytest.raises(BrokenSeal):
                crops.unseal(gone.face_id, generation, crop)
        assert gallery.vaults.crops(collection, [kept.face_id]) == {kept.face_id: kept.crop}


def test_the_raw_files_hold_no_template_and_no_key_of_what_was_deleted(tmp_path, rng):
    """Everything that PostgreSQL has on its disk: pages, its log, and what deletions leave behind in both."""
    data, account = tmp_path / "data", "000000000001"
    kept, gone = (new_face(template) for template in random_templates(rng, 2, dimensions=128))
    planted = random_templates(rng, 1, dimensions=128)[0]
    with EmbeddedPostgres(data) as server, Database(server.url, max_connections=4) as database:
        migrate(database)
        keys = KeyStore.open(data / "keys")
        gallery, finality = Gallery(database, keys), Finality(database, keys)

        def commit(work, *arguments, **options):
            with UnitOfWork(database) as uow:
                answer = work(uow, *arguments, **options)
                uow.commit()
            return answer

        with database.transaction() as connection:
            connection.execute("insert into account (account_id, name) values (%s, 'T')", (account,))
            connection.execute("create table planted (clear bytea)")
            connection.execute("insert into planted values (%s)", (planted.astype("<f2").tobytes(),))
        collection = commit(
            gallery.create_collection,
            account_id=account,
            name="raw",
            region="r",
            face_model_version="1",
            dimensions=128,
            tags={},
        )
        commit(gallery.enrol, collection, [kept, gone])
        assert len(gallery.search(collection, kept.template, **ALL)) == 2
        sealed = {row[0]: bytes(row[2]) for row in rows_of(database, collection)}
        key_file = data / "keys" / "collections" / f"{collection.collection_id}.1"
        old_key = key_file.read_bytes()

        def raw():
            with database.read() as connection:
                connection.execute("checkpoint")
            return b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())

        before = raw()
        assert planted.astype("<f2").tobytes() in before, "clear bytes would be found"
        assert old_key in before
        for face in (kept, gone):
            for form in ("<f2", ">f2", "<f4", ">f4", "<f8"):
                assert face.template.astype(form).tobytes()[:32] not in before
        commit(gallery.delete_faces, collection, [gone.face_id])
        finality.make_final(collection, record=lambda *_: None)
        after = raw()
        assert sealed[gone.face_id] in after, "a deleted row's sealed bytes stay where PostgreSQL had them"
        assert old_key not in after
        assert not key_file.exists()
        for generation in (0, 2):
            with pytest.raises(BrokenSeal):
                opener(keys, collection, generation).unseal(gone.face_id, generation, sealed[gone.face_id])
        assert len(gallery.search(collection, kept.template, **ALL)) == 1
