"""The gallery as a whole: any history against a brute-force oracle, seen from two processes; and crowds."""

from __future__ import annotations

import threading
import uuid
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from countenance.errors import (
    InvalidParameterException,
    ResourceNotFoundException,
    ServiceError,
    ThrottlingException,
)
from countenance.gallery import Gallery, Reason
from countenance.gallery import faces as face_rows
from countenance.store import UnitOfWork
from fakes.brute_force_gallery import BruteForceGallery
from fakes.faces import CALIBRATION, DIMENSIONS, new_face, random_templates, towards, unit

DECIDING = {"calibration": CALIBRATION, "threshold": 80.0}
ALL = {"calibration": CALIBRATION, "threshold": 0.0, "limit": 4096}

directions = st.one_of(
    st.sampled_from([(1.0,), (0.0, 1.0), (1.0, 1.0), (-1.0,), (1.0, 0.01)]),
    st.integers(0, 2**32).map(lambda seed: tuple(np.random.default_rng(seed).standard_normal(DIMENSIONS))),
)
weights = st.sampled_from([1.0, 1.0, 0.25, 2.0**0.5, 4.0])
thresholds = st.sampled_from([0.0, 30.0, 80.0, 99.0, 100.0])
users = st.sampled_from(["ada", "grace", "emmy"])


class Histories(RuleBasedStateMachine):
    """Changes go through either of two galleries on one database; each answers as the oracle does."""

    def __init__(self, database, galleries, make_collection):
        super().__init__()
        self.database = database
        self.galleries = galleries
        self.collection = make_collection()
        self.oracle = BruteForceGallery(CALIBRATION)
        self.changes = 0

    def commit(self, method, *arguments, **options):
        with UnitOfWork(self.database) as uow:
            self.changes += 1
            answer = getattr(self.galleries[self.changes % 2], method)(
                uow, self.collection, *arguments, **options
            )
            uow.commit()
        return answer

    def pick(self, number):
        known = list(self.oracle.templates)
        return known[number % len(known)] if known else uuid.uuid4()

    @rule(templates=st.lists(st.tuples(directions, weights), min_size=1, max_size=3))
    def enrol(self, templates):
        faces = [new_face(unit(template), weight=weight) for template, weight in templates]
        # One call each: which of two faces of one call counts as enrolled first is not promised.
        for face in faces:
            self.commit("enrol", [face])
            self.oracle.enrol(face.face_id, face.template, face.weight)

    @rule(number=st.integers(0, 50))
    def delete(self, number):
        face_id = self.pick(number)
        deleted = self.commit("delete_faces", [face_id])
        assert list(deleted.face_ids) == ([face_id] if self.oracle.delete(face_id) else [])

    @rule(user_id=users)
    def create_user(self, user_id):
        if user_id not in self.oracle.users:
            self.commit("create_user", user_id)
            self.oracle.create_user(user_id)

    @rule(user_id=users)
    def delete_user(self, user_id):
        if user_id in self.oracle.users:
            self.commit("delete_user", user_id)
            self.oracle.delete_user(user_id)

    @rule(user_id=users, number=st.integers(0, 50), threshold=thresholds)
    def associate(self, user_id, number, threshold):
        face_id = self.pick(number)
        if user_id not in self.oracle.users:
            return
        before = self.oracle.user_template(user_id)
        done = self.commit("associate", user_id, [face_id], calibration=CALIBRATION, threshold=threshold)
        owner = self.oracle.owners.get(face_id)
        if done.face_ids:
            assert owner is None
            self.oracle.assign(face_id, user_id)
        elif done.failures and done.failures[0].reason is Reason.LOW_MATCH_CONFIDENCE:
            assert before is not None
            assert done.failures[0].similarity < threshold
        else:
            assert owner is not None or face_id not in self.oracle.owners

    @rule(user_id=users, number=st.integers(0, 50))
    def disassociate(self, user_id, number):
        face_id = self.pick(number)
        if user_id not in self.oracle.users:
            return
        taken = self.commit("disassociate", user_id, [face_id]).face_ids
        assert list(taken) == ([face_id] if self.oracle.owners.get(face_id) == user_id else [])
        for gone in taken:
            self.oracle.assign(gone, None)

    @rule(probe=directions, threshold=thresholds, limit=st.integers(1, 6))
    def search(self, probe, threshold, limit):
        options = {"threshold": threshold, "limit": limit}
        for gallery in self.galleries:
            found = gallery.search(self.collection, unit(probe), calibration=CALIBRATION, **options)
            answer = [(candidate.face.face_id, candidate.similarity) for candidate in found]
            assert answer == self.oracle.search(unit(probe), **options)
            assert [candidate.face.user_id for candidate in found] == [
                self.oracle.owners[face_id] for face_id, _ in answer
            ]

    @rule(number=st.integers(0, 50), threshold=thresholds, limit=st.integers(1, 6))
    def search_by_face(self, number, threshold, limit):
        face_id = self.pick(number)
        if face_id not in self.oracle.templates:
            return
        probe, options = self.oracle.templates[face_id], {"threshold": threshold, "limit": limit}
        for gallery in self.galleries:
            found = gallery.search_by_face(self.collection, face_id, calibration=CALIBRATION, **options)
            answer = [(candidate.face.face_id, candidate.similarity) for candidate in found]
            assert answer == self.oracle.search(probe, leaving_out=face_id, **options)

    @rule(probe=directions, threshold=thresholds, limit=st.integers(1, 4))
    def search_users(self, probe, threshold, limit):
        options = {"threshold": threshold, "limit": limit}
        expected = self.oracle.search_users(unit(probe), **options)
        for gallery in self.galleries:
            found = gallery.search_users(self.collection, unit(probe), calibration=CALIBRATION, **options)
            assert [(candidate.user_id, candidate.similarity) for candidate in found] == expected

    @rule()
    def lists_and_counts(self):
        for gallery in self.galleries:
            faces = gallery.list_faces(self.collection, limit=1000)
            assert {face.face_id: face.user_id for face in faces} == self.oracle.owners
            described = gallery.describe(self.collection)
            assert (described.face_count, described.user_count) == (
                len(self.oracle.owners),
                len(self.oracle.users),
            )
            statuses = {user.user_id: user.status for user in gallery.list_users(self.collection, limit=9)}
            assert statuses == {
                user_id: "ACTIVE" if self.oracle.faces_of(user_id) else "CREATED"
                for user_id in self.oracle.users
            }


def test_any_history_is_answered_as_the_oracle_does(database, gallery, elsewhere, new_collection):
    run_state_machine_as_test(
        lambda: Histories(database, (gallery, elsewhere), lambda: new_collection(uuid.uuid4().hex)),
        settings=settings(max_examples=25, stateful_step_count=30, deadline=None),
    )


def test_a_write_through_one_process_is_seen_by_the_next_search_of_another(
    gallery, elsewhere, collection, enrol
):
    """AWS is eventually consistent here and clients suffer from it; we need not be."""
    assert elsewhere.search(collection, unit([1]), **ALL) == []
    (face_id,) = enrol(unit([1]))
    (candidate,) = elsewhere.search(collection, unit([1]), **ALL)
    assert candidate.face.face_id == face_id
    assert candidate.similarity == CALIBRATION.similarity_of(1.0)
    assert elsewhere.search_by_face(collection, face_id, **ALL) == []


def test_the_probe_of_a_search_by_face_is_never_its_own_candidate(gallery, collection, enrol):
    probe, twin = enrol(unit([1]), unit([1]))
    found = gallery.search_by_face(collection, probe, **ALL)
    assert [candidate.face.face_id for candidate in found] == [twin]


def test_an_unknown_probe_is_told_in_awss_words(gallery, collection):
    """SearchFaces: InvalidParameterException, which clients match by its words."""
    with pytest.raises(InvalidParameterException, match=r"^faceId was not found in the collection$"):
        gallery.search_by_face(collection, uuid.uuid4(), **ALL)


def test_a_face_of_another_collection_is_an_unknown_probe(gallery, new_collection, enrol):
    (face_id,) = enrol(unit([1]))
    with pytest.raises(InvalidParameterException):
        gallery.search_by_face(new_collection("others"), face_id, **ALL)


def test_users_are_searched_by_face_by_user_and_by_template(gallery, collection, commit, enrol):
    ada, grace, nobodys = enrol(unit([1]), towards(0.8), unit([1]))
    for user_id, face_id in (("ada", ada), ("grace", grace)):
        commit(gallery.create_user, collection, user_id)
        commit(gallery.associate, collection, user_id, [face_id], **DECIDING)
    commit(gallery.create_user, collection, "without faces")

    def ids(found):
        return [candidate.user_id for candidate in found]

    assert ids(gallery.search_users(collection, unit([1]), **ALL)) == ["ada", "grace"]
    assert ids(gallery.search_users_by_face(collection, nobodys, **ALL)) == ["ada", "grace"]
    assert ids(gallery.search_users_by_face(collection, ada, **ALL)) == ["ada", "grace"]
    assert ids(gallery.search_users_by_user(collection, "ada", **ALL)) == ["grace"]
    assert gallery.search_users_by_user(collection, "without faces", **ALL) == []


def test_an_unknown_user_or_face_to_search_users_with_is_not_found(gallery, collection):
    with pytest.raises(ResourceNotFoundException, match="nobody"):
        gallery.search_users_by_user(collection, "nobody", **ALL)
    with pytest.raises(ResourceNotFoundException):
        gallery.search_users_by_face(collection, uuid.uuid4(), **ALL)


def test_a_search_in_a_deleted_collection_is_refused(gallery, elsewhere, collection, commit, enrol):
    (face_id,) = enrol(unit([1]))
    for process in (gallery, elsewhere):
        assert len(process.search(collection, unit([1]), **ALL)) == 1
    commit(gallery.delete_collection, collection)
    for process in (gallery, elsewhere):
        for search in (
            lambda process=process: process.search(collection, unit([1]), **ALL),
            lambda process=process: process.search_by_face(collection, face_id, **ALL),
            lambda process=process: process.search_users(collection, unit([1]), **ALL),
            lambda process=process: process.search_users_by_user(collection, "ada", **ALL),
        ):
            with pytest.raises(ResourceNotFoundException, match="The collection id: friends does not exist"):
                search()


class Crowd:
    """Threads that call at once; what they did, and what went wrong with them."""

    def __init__(self):
        self.refused = []
        self.broken = []

    def run(self, jobs):
        threads = [threading.Thread(target=self._call, args=(job,)) for job in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _call(self, job):
        try:
            job()
        except ServiceError as error:
            self.refused.append(error.code)
        except Exception as error:  # noqa: BLE001  # whatever it is, the test must hear of it
            self.broken.append(error)


def test_nothing_is_lost_when_many_enrol_through_two_processes(gallery, elsewhere, collection, commit, rng):
    crowd, enrolled = Crowd(), []

    def enrol(process, template):
        enrolled.extend(face.face_id for face in commit(process.enrol, collection, [new_face(template)]))

    crowd.run(
        [
            lambda number=number, template=template: enrol((gallery, elsewhere)[number % 2], template)
            for number, template in enumerate(random_templates(rng, 64))
        ]
    )
    assert (crowd.refused, crowd.broken) == ([], [])
    for process in (gallery, elsewhere):
        found = {candidate.face.face_id for candidate in process.search(collection, unit([1]), **ALL)}
        assert found == set(enrolled)
        assert len(found) == 64


def test_a_crowd_that_changes_everything_at_once_meets_only_the_domains_errors(
    gallery, elsewhere, collection, commit, enrol
):
    """Faces given, taken, deleted and users deleted in every order of ids: no deadlock, no database error."""
    faces = enrol(*[towards(0.9)] * 12)
    for user_id in ("ada", "grace"):
        commit(gallery.create_user, collection, user_id)
    crowd, rng = Crowd(), np.random.default_rng(7)

    def job(number):
        process, user_id = (gallery, elsewhere)[number % 2], ("ada", "grace")[number // 2 % 2]
        some = [faces[index] for index in rng.permutation(12)[:6]]
        return (
            lambda: commit(process.associate, collection, user_id, some, **DECIDING),
            lambda: commit(process.disassociate, collection, user_id, some),
            lambda: commit(process.delete_faces, collection, some[:1]),
            lambda: commit(process.enrol, collection, [new_face(unit([1])) for _ in range(3)]),
            lambda: process.search(collection, unit([1]), **ALL),
            lambda: commit(process.delete_user, collection, user_id) if number > 50 else None,
        )[number % 6]

    crowd.run([job(number) for number in range(60)])
    assert crowd.broken == []
    assert set(crowd.refused) <= {"ResourceNotFoundException"}  # of a user who was deleted
    stored = {face.face_id: face.user_id for face in gallery.list_faces(collection, limit=1000)}
    for process in (gallery, elsewhere):
        found = process.search(collection, unit([1]), **ALL)
        assert {candidate.face.face_id: candidate.face.user_id for candidate in found} == stored


def test_deletion_of_a_collection_in_the_middle_of_everything_is_clean(
    gallery, elsewhere, collection, commit, database, key_store
):
    crowd, acknowledged = Crowd(), []

    def enrol(process):
        acknowledged.append(commit(process.enrol, collection, [new_face(unit([1]))]))

    jobs = [lambda number=number: enrol((gallery, elsewhere)[number % 2]) for number in range(24)]
    jobs += [lambda: elsewhere.search(collection, unit([1]), **ALL)] * 6
    jobs += [lambda: commit(gallery.create_user, collection, uuid.uuid4().hex)] * 4
    jobs.insert(12, lambda: commit(gallery.delete_collection, collection))
    jobs.insert(16, lambda: commit(elsewhere.delete_collection, collection))
    crowd.run(jobs)
    assert crowd.broken == []
    assert set(crowd.refused) == {"ResourceNotFoundException"}
    with database.read() as connection:
        for table in ("face", "subject", "collection"):
            left = connection.execute(
                f"select count(*) from {table} where collection_id = %s", (collection.collection_id,)
            ).fetchone()
            assert left == (0,)


def test_a_restarted_process_finds_what_was_committed(gallery, collection, enrol, database, key_store):
    faces = enrol(unit([1]), towards(0.9))
    found = Gallery(database, key_store).search(collection, unit([1]), **ALL)
    assert [candidate.face.face_id for candidate in found] == faces


@contextmanager
def between_search_and_answer(monkeypatch, happens, times=1):
    """What was found is asked for after `happens()`, the first `times` times; how often it was asked for."""
    asked = []
    original = face_rows.find_faces

    def find_faces(*arguments):
        asked.append(1)
        if len(asked) <= times:
            happens()
        return original(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(face_rows, "find_faces", find_faces)
        yield asked


def test_a_face_that_is_deleted_under_a_search_is_replaced_by_the_next_best(
    monkeypatch, gallery, collection, commit, enrol
):
    """An answer is one moment's: not one with a gap, and not one with a face that is no more."""
    best, second, third = enrol(unit([1]), towards(0.9), towards(0.8))

    def delete():
        commit(gallery.delete_faces, collection, [best])

    with between_search_and_answer(monkeypatch, delete) as asked:
        found = gallery.search(collection, unit([1]), **ALL | {"limit": 2})
    assert [candidate.face.face_id for candidate in found] == [second, third]
    assert len(asked) == 2


def test_a_face_that_changes_hands_under_a_search_for_users_names_nobody_wrongly(
    monkeypatch, gallery, collection, commit, enrol
):
    """Or the similarity of one user would be answered under the name of another."""
    (face_id,) = enrol(unit([1]))
    for user_id in ("ada", "grace"):
        commit(gallery.create_user, collection, user_id)
    commit(gallery.associate, collection, "ada", [face_id], **DECIDING)
    (other,) = enrol(towards(0.8))
    commit(gallery.associate, collection, "ada", [other], **DECIDING | {"threshold": 0.0})

    def change_hands():
        commit(gallery.disassociate, collection, "ada", [face_id])
        commit(gallery.associate, collection, "grace", [face_id], **DECIDING)

    with between_search_and_answer(monkeypatch, change_hands) as asked:
        found = gallery.search_users(collection, unit([1]), **ALL)
    similarities = {candidate.user_id: candidate.similarity for candidate in found}
    assert similarities == {
        "grace": CALIBRATION.similarity_of(1.0),
        "ada": gallery.search_users(collection, unit([1]), **ALL)[1].similarity,
    }
    assert len(asked) == 2


def test_a_search_under_which_everything_goes_on_being_deleted_is_throttled(
    monkeypatch, gallery, collection, commit, enrol
):
    def replace():
        (candidate,) = gallery.list_faces(collection, limit=2)
        commit(gallery.delete_faces, collection, [candidate.face_id])
        enrol(unit([1]))

    enrol(unit([1]))
    with between_search_and_answer(monkeypatch, replace, times=1000), pytest.raises(ThrottlingException):
        gallery.search(collection, unit([1]), **ALL)


def test_a_search_that_begins_anew_is_counted_once(
    monkeypatch, database, key_store, collection, commit, enrol
):
    """The count is compared with the log, where it is one call."""
    counted = SimpleNamespace(searches=0)
    counted.searched = lambda: setattr(counted, "searches", counted.searches + 1)
    gallery = Gallery(database, key_store, activity=counted)
    best, _ = enrol(unit([1]), towards(0.9))

    def delete():
        commit(gallery.delete_faces, collection, [best])

    with between_search_and_answer(monkeypatch, delete) as asked:
        gallery.search(collection, unit([1]), **ALL)
    assert (len(asked), counted.searches) == (2, 1)


def test_two_machines_answer_alike(gallery, on_another_machine, collection, enrol, rng, commit):
    """Who shares no memory came to its copy in another way."""
    enrolled = enrol(*random_templates(rng, 40))
    gallery.search(collection, unit([1]), **ALL)
    commit(gallery.delete_faces, collection, enrolled[::3])
    enrol(*random_templates(rng, 7))
    for probe in random_templates(rng, 5):
        assert gallery.search(collection, probe, **ALL) == on_another_machine.search(collection, probe, **ALL)
