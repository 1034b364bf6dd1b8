"""Which of two templates counts: started, switched, rolled back, discarded, with everybody else at work."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from countenance.errors import (
    ConflictException,
    InvalidParameterException,
    ResourceNotFoundException,
    ThrottlingException,
)
from countenance.gallery import Beside, OtherTemplate
from countenance.gallery.reembedding_records import FacesLeftBehind
from countenance.gallery.two_models import Model
from countenance.store import UnitOfWork
from fakes.faces import CALIBRATION, new_face, random_templates, unit, weighed

ALL = {"calibration": CALIBRATION, "threshold": 0.0, "limit": 4096}
NEW = Model("2.0", 5)
"""Of other dimensions, so that a template of the wrong model could not even be compared."""


def other(*values):
    """A template of the new model."""
    vector = np.zeros(NEW.dimensions, np.float32)
    vector[: len(values)] = values
    return vector / np.linalg.norm(vector)


@pytest.fixture
def reembeddings(gallery):
    return gallery.reembeddings


@pytest.fixture
def begin(gallery, commit, collection):
    """`begin({face_id: template})`: a run onto the new model with these templates."""

    def run(templates=None):
        commit(gallery.reembeddings.start, collection, NEW, "folder")
        found = gallery.reembeddings.require(collection)
        if templates:
            commit(gallery.shadow_templates.put, collection, found, NEW, weighed(templates))
        commit(gallery.reembeddings.finish_building, collection, found)
        return gallery.reembeddings.require(collection)

    return run


@pytest.fixture
def current(gallery, collection):
    """The collection as it is now."""
    return lambda: gallery.require_collection(collection.account_id, collection.region, collection.name)


def found(gallery, collection, probe=None):
    probe = probe if probe is not None else (unit([1]) if collection.dimensions != 5 else other(1))
    return {
        candidate.face.face_id: round(candidate.similarity, 2)
        for candidate in gallery.search(collection, probe, **ALL)
    }


def test_templates_beside_those_in_use_are_seen_by_nobody(gallery, elsewhere, collection, enrol, begin):
    one, two = enrol(unit([1]), unit([0, 1]))
    before = found(gallery, collection)
    run = begin({one: other(1), two: other(0, 1)})
    assert (run.state, run.from_model.version, run.to_model) == ("ready", "1.0", NEW)
    assert found(gallery, collection) == found(elsewhere, collection) == before


def test_switched_and_rolled_back_every_process_answers_by_the_model_in_use(
    gallery, elsewhere, on_another_machine, collection, enrol, begin, commit, current, reembeddings
):
    one, two = enrol(unit([1]), unit([0, 1]))
    everywhere = (gallery, elsewhere, on_another_machine)
    before = found(gallery, collection)
    assert all(found(each, collection) == before for each in everywhere)
    run = begin({one: other(0, 1), two: other(1)})
    assert commit(reembeddings.switch, collection, run) == 0
    switched = current()
    assert (switched.face_model_version, switched.dimensions) == ("2.0", 5)
    for each in everywhere:
        assert found(each, switched)[two] > found(each, switched)[one]  # the other way round than before
        with pytest.raises(ThrottlingException):
            found(each, collection)
    run = reembeddings.require(collection)
    commit(reembeddings.roll_back, collection, run)
    assert current() == collection
    for each in everywhere:
        assert found(each, collection) == before
        with pytest.raises(ThrottlingException):
            found(each, switched)


def test_a_template_of_the_model_of_before_is_not_stored_after_the_switch(
    gallery, collection, begin, commit, current, reembeddings
):
    """IndexFaces embedded with the old model and commits late: the client tries again and gets it right."""
    commit(reembeddings.switch, collection, begin())
    with pytest.raises(ThrottlingException):
        commit(gallery.enrol, collection, [new_face(unit([1]))])
    with pytest.raises(ThrottlingException):
        gallery.beside(collection)
    (stored,) = commit(gallery.enrol, current(), [new_face(other(1))])
    assert found(gallery, current()).keys() == {stored.face_id}


def test_an_enrolment_that_waited_for_the_switch_is_not_stored_either(
    gallery, collection, begin, database, reembeddings
):
    """A shared row lock answers what there was before the wait: so the model is asked for once more."""
    run, caught = begin(), []

    def late():
        with UnitOfWork(database) as uow:
            try:
                gallery.enrol(uow, collection, [new_face(unit([1]))])
            except ThrottlingException as error:
                caught.append(error)

    with UnitOfWork(database) as uow:
        reembeddings.switch(uow, collection, run)
        thread = threading.Thread(target=late)
        thread.start()
        thread.join(0.5)
        assert thread.is_alive(), "it waits for the switch"
        uow.commit()
    thread.join()
    assert len(caught) == 1


def await_waiting(database, count):
    """Until so many wait for their turn at the gallery."""
    deadline = time.monotonic() + 30
    waiting = (
        "select count(*) from pg_locks where locktype = 'advisory' and not granted"
        " and database = (select oid from pg_database where datname = current_database())"
    )
    while True:
        with database.read() as connection:
            if connection.execute(waiting).fetchone()[0] >= count:
                return
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_switch_waits_for_changes_under_way_and_is_not_passed_by_later_ones(
    gallery, collection, begin, database, reembeddings, current
):
    run, seen, done = begin(), [], []
    with UnitOfWork(database) as uow:
        gallery.enrol(uow, collection, [new_face(unit([1]), external_image_id="early")])

        def switch():
            with UnitOfWork(database) as other_uow:
                with pytest.raises(FacesLeftBehind) as refused:
                    reembeddings.switch(other_uow, collection, run)
                seen.append(refused.value.count)

        def enrol_later():
            with UnitOfWork(database) as other_uow:
                gallery.enrol(other_uow, collection, [new_face(unit([1]))])
                other_uow.commit()
                done.append("later")

        threads = [threading.Thread(target=switch), threading.Thread(target=enrol_later)]
        for number, thread in enumerate(threads, start=1):
            thread.start()
            await_waiting(database, number)
        assert (seen, done) == ([], [])
        uow.commit()
    for thread in threads:
        thread.join()
    # It sees the face that it waited for, and not the one that waited for it.
    assert (seen, done) == ([1], ["later"])
    assert current() == collection


def test_a_switch_that_does_not_get_its_turn_says_so_and_lets_others_go_on(
    gallery, collection, begin, database, reembeddings, monkeypatch, commit
):
    monkeypatch.setattr("countenance.gallery.reembeddings._TURN_WITHIN_MS", 200)
    run = begin()
    with UnitOfWork(database) as uow:
        gallery.enrol(uow, collection, [new_face(unit([1]))])
        with pytest.raises(ThrottlingException):
            commit(reembeddings.switch, collection, run)
        uow.commit()
    commit(gallery.enrol, collection, [new_face(unit([1]))])


def test_new_faces_get_both_templates_whichever_is_in_use(
    gallery, collection, enrol, begin, commit, current, reembeddings
):
    (one,) = enrol(unit([1]))
    run = begin({one: other(1)})
    assert gallery.beside(collection) == Beside("2.0", crop=False)
    meanwhile = new_face(unit([1]))
    commit(gallery.enrol, collection, [_with(meanwhile, "2.0", other(1))])
    assert commit(reembeddings.switch, collection, run) == 0
    assert gallery.beside(current()) == Beside("1.0", crop=False)
    since = new_face(other(1))
    commit(gallery.enrol, current(), [_with(since, "1.0", unit([1]))])
    everybody = {one, meanwhile.face_id, since.face_id}
    assert found(gallery, current()).keys() == everybody
    assert commit(reembeddings.roll_back, collection, reembeddings.require(collection)) == 0
    assert found(gallery, current()).keys() == everybody


def _with(face, version, template):
    return replace(face, shadow=OtherTemplate(version, template))


def assign_all(database, collection, user_id, face_ids):
    with database.transaction() as connection:
        connection.execute(
            "update face set user_id = %s where collection_id = %s and face_id = any(%s)",
            (user_id, collection.collection_id, list(face_ids)),
        )


def test_faces_without_a_template_refuse_the_switch_until_they_are_left_behind(
    gallery, elsewhere, collection, enrol, begin, commit, current, reembeddings, database
):
    """They stay listed and stored; no search finds them, and none compares them."""
    one, two = enrol(unit([1]), unit([0, 1]))
    run = begin({one: other(1)})
    with pytest.raises(FacesLeftBehind) as caught:
        commit(reembeddings.switch, collection, run)
    assert caught.value.count == 1
    assert current() == collection
    assert commit(reembeddings.switch, collection, run, leave_behind=True) == 1
    assert found(gallery, current()).keys() == found(elsewhere, current()).keys() == {one}
    assert {face.face_id for face in gallery.list_faces(current(), limit=10)} == {one, two}
    with pytest.raises(InvalidParameterException):
        gallery.search_by_face(current(), two, **ALL)
    commit(gallery.create_user, current(), "ada")
    associate = {"calibration": CALIBRATION, "threshold": 0.0}
    commit(gallery.associate, current(), "ada", [one], **associate)
    refused = commit(gallery.associate, current(), "ada", [two], **associate)
    assert (list(refused.face_ids), refused.failures[0].reason) == ([], "LOW_MATCH_CONFIDENCE")
    # a user of whom no template is in use is no user without faces: nobody is given to it unseen
    commit(gallery.disassociate, current(), "ada", [one])
    assign_all(database, current(), "ada", [two])
    refused = commit(gallery.associate, current(), "ada", [one], **associate)
    assert (list(refused.face_ids), refused.failures[0].reason) == ([], "LOW_MATCH_CONFIDENCE")
    # a template that comes later is seen at once, by everybody
    put = gallery.shadow_templates.put
    late = (collection, reembeddings.require(collection), NEW, weighed({two: other(0, 1)}))
    assert (commit(put, *late), commit(put, *late)) == (1, 0)  # how many are found from now on
    assert found(gallery, current()).keys() == found(elsewhere, current()).keys() == {one, two}


def test_users_keep_their_faces_and_are_compared_by_the_model_in_use(
    gallery, collection, enrol, begin, commit, current, reembeddings
):
    one, two = enrol(unit([1]), unit([0, 1]))
    for user_id, face_id in (("ada", one), ("bob", two)):
        commit(gallery.create_user, collection, user_id)
        commit(gallery.associate, collection, user_id, [face_id], calibration=CALIBRATION, threshold=0.0)
    commit(reembeddings.switch, collection, begin({one: other(0, 1), two: other(1)}))
    best = gallery.search_users(current(), other(1), **ALL)[0]
    assert best.user_id == "bob"
    assert {face.user_id for face in gallery.list_faces(current(), limit=10)} == {"ada", "bob"}


def test_a_face_that_is_deleted_meanwhile_is_nowhere_whatever_comes_after(
    gallery, elsewhere, collection, enrol, begin, commit, current, reembeddings, database
):
    kept, early, late = enrol(unit([1]), unit([0, 1]), unit([1, 1]))
    run = begin({face_id: other(1) for face_id in (kept, early, late)})
    commit(gallery.delete_faces, collection, [early])
    commit(reembeddings.switch, collection, run)
    commit(gallery.erase_faces, current(), [late])
    assert found(gallery, current()).keys() == {kept}
    commit(
        gallery.shadow_templates.put,
        collection,
        reembeddings.require(collection),
        NEW,
        weighed({early: other(1)}),
    )
    commit(reembeddings.roll_back, collection, reembeddings.require(collection))
    for each in (gallery, elsewhere):
        assert found(each, current()).keys() == {kept}
    assert [face.face_id for face in gallery.list_faces(current(), limit=10)] == [kept]
    with database.read() as connection:
        for table in ("face", "shadow_template"):
            rows = connection.execute(
                f"select face_id from {table} where collection_id = %s", (collection.collection_id,)
            ).fetchall()
            assert rows == [(kept,)]


@pytest.mark.parametrize("is_switched", [False, True])
def test_discarding_keeps_the_model_in_use_and_nothing_of_the_other(
    gallery,
    elsewhere,
    collection,
    enrol,
    begin,
    commit,
    current,
    reembeddings,
    database,
    is_switched,
    monkeypatch,
    rng,
):
    monkeypatch.setattr("countenance.gallery.reembeddings._SWEPT_AT_ONCE", 3)
    faces = enrol(*random_templates(rng, 8))
    run = begin({face_id: other(*rng.standard_normal(5)) for face_id in faces})
    if is_switched:
        commit(reembeddings.switch, collection, run)
    before = found(gallery, current())
    run = reembeddings.require(collection)
    assert commit(reembeddings.begin_discarding, collection, run) == 0
    for refused in (reembeddings.switch, reembeddings.roll_back):
        with pytest.raises(ConflictException):
            commit(refused, collection, run)
    assert gallery.beside(current()).face_model_version is None
    late = new_face(other(1) if is_switched else unit([1]))
    late = _with(late, "1.0" if is_switched else "2.0", unit([1]) if is_switched else other(1))
    commit(gallery.enrol, current(), [late])
    swept = []
    while part := commit(reembeddings.sweep, collection):
        swept.append(part)
    commit(reembeddings.end, collection, run)
    assert swept == [3, 3, 2]
    now = found(gallery, current())
    assert {face_id: now[face_id] for face_id in before} == before
    assert found(elsewhere, current()) == now
    assert reembeddings.find(collection) is None
    with database.read() as connection:
        rows = connection.execute(
            "select (select count(*) from shadow_template where collection_id = c.collection_id),"
            " count(*) filter (where f.model_slot <> c.model_slot)"
            " from collection as c join face as f using (collection_id)"
            " where collection_id = %s group by c.collection_id",
            (collection.collection_id,),
        ).fetchall()
    assert rows == [(0, 0)]
    (pending,) = gallery.finality.pending(collection=collection)
    assert pending.faces == 8
    # and another one may begin
    commit(reembeddings.start, current(), Model("3.0", 4), "folder")


def test_faces_that_would_have_no_template_at_all_are_erased_only_when_told(
    gallery, collection, enrol, begin, commit, current, reembeddings
):
    one, two = enrol(unit([1]), unit([0, 1]))
    run = begin({one: other(1)})
    commit(reembeddings.switch, collection, run, leave_behind=True)
    with pytest.raises(FacesLeftBehind):
        commit(reembeddings.begin_discarding, collection, run)
    assert commit(reembeddings.begin_discarding, collection, run, leave_behind=True) == 1
    while commit(reembeddings.sweep, collection):
        pass
    assert commit(reembeddings.erase_left_behind, collection) == [two]
    assert commit(reembeddings.erase_left_behind, collection) == []
    commit(reembeddings.end, collection, run)
    assert [face.face_id for face in gallery.list_faces(current(), limit=10)] == [one]


def test_there_is_one_at_a_time_and_none_onto_the_model_in_use(
    reembeddings, collection, begin, commit, enrol, gallery
):
    with pytest.raises(ResourceNotFoundException):
        reembeddings.require(collection)
    with pytest.raises(InvalidParameterException):
        commit(reembeddings.start, collection, Model("1.0", 8), "folder")
    run = begin()
    with pytest.raises(ConflictException):
        commit(reembeddings.start, collection, Model("3.0", 4), "folder")
    with pytest.raises(ConflictException):
        commit(reembeddings.roll_back, collection, run)
    assert collection in reembeddings.list_collections()
    commit(gallery.delete_collection, collection)
    assert collection not in reembeddings.list_collections()
    with pytest.raises(ResourceNotFoundException):
        commit(reembeddings.switch, collection, run)
