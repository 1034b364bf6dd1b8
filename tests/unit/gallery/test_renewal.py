"""A collection with a basis of its own: what it answers, what lies where, and how it is renewed."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from countenance.errors import InternalServerError
from countenance.gallery import Gallery, OtherTemplate, store
from countenance.gallery.basis import basis_from
from countenance.gallery.finality import Finality
from countenance.gallery.imports import Bounds, Verdict
from countenance.gallery.records import Origin
from countenance.gallery.scan import Layout
from countenance.gallery.two_models import Model, read_models
from fakes.faces import CALIBRATION, new_face, random_templates

DIMENSIONS = 96
SHADOW = Model("2.0", 64)
ALL = {"calibration": CALIBRATION, "threshold": 0.0, "limit": 4096}


@pytest.fixture
def collection(gallery, commit, account_id):
    return commit(
        gallery.create_collection,
        account_id=account_id,
        name="friends",
        region="us-east-1",
        face_model_version="1.0",
        dimensions=DIMENSIONS,
        tags={},
    )


@pytest.fixture
def told():
    return []


@pytest.fixture
def renew(database, key_store, collection, told):
    def run(*, is_own=True, finality=None, **given):
        return (finality or Finality(database, key_store)).renew_basis(
            collection,
            is_own=is_own,
            began=lambda _connection: told.append("began"),
            record=lambda _connection, faces, generation: told.append((faces, generation)),
            renewed=lambda _connection: told.append("renewed"),
            **given,
        )

    return run


@pytest.fixture
def templates(rng):
    """20, of which each looks like the one before."""
    steps = random_templates(rng, 20, dimensions=DIMENSIONS)
    walk = np.cumsum(steps, axis=0)
    return (walk / np.linalg.norm(walk, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def enrol(gallery, collection, commit):
    def run(templates):
        faces = [new_face(template) for template in templates]
        return [face.face_id for face in commit(gallery.enrol, collection, faces)]

    return run


@pytest.fixture
def people(gallery, collection, commit):
    """Give each five of the faces to a user."""

    def run(face_ids):
        for start in range(0, len(face_ids), 5):
            user_id = f"user-{start // 5}"
            commit(gallery.create_user, collection, user_id)
            given = commit(
                gallery.associate,
                collection,
                user_id,
                face_ids[start : start + 5],
                calibration=CALIBRATION,
                threshold=0.0,
            )
            assert given.face_ids

    return run


def answers(gallery, collection, face_ids, templates):
    """All that a gallery answers of likeness: by template and by face, over faces and over users."""
    found = {}
    for face_id, template in zip(face_ids, templates, strict=False):
        for name, over, probe in (
            ("faces", gallery.search, template),
            ("faces by face", gallery.search_by_face, face_id),
            ("users", gallery.search_users, template),
            ("users by face", gallery.search_users_by_face, face_id),
        ):
            for each in over(collection, probe, **ALL):
                key = each.user_id if "users" in name else each.face.face_id
                found[name, face_id, key] = float(each.similarity)
    for user in gallery.list_users(collection, limit=100):
        for each in gallery.search_users_by_user(collection, user.user_id, **ALL):
            found["users by user", user.user_id, each.user_id] = float(each.similarity)
    return found


def alike(one, other, within=0.1):
    assert one.keys() == other.keys()
    return max(abs(one[key] - other[key]) for key in one) <= within


def sealing_of(database, collection):
    with database.read() as connection:
        return read_models(connection, collection).sealing


def bases(key_store, collection):
    """Numbers of the seeds that are there."""
    paths = (key_store.directory / "collections").glob(f"*{collection.collection_id}.basis-*")
    return sorted(int(path.name.rpartition("-")[2]) for path in paths)


def stored(database, key_store, collection, model=None):
    """The templates as they lie there, by face, whatever basis that is."""
    gallery = Gallery(database, key_store)
    with database.read() as connection:
        models = read_models(connection, collection)
    found = gallery.shadow_templates.templates(collection, model or models.in_use)
    return dict(zip(found.face_ids, found.stored.astype(np.float32), strict=True))


def test_a_collection_is_in_the_models_basis_unless_it_is_given_one(
    collection, database, key_store, enrol, templates
):
    face_ids = enrol(templates)
    there = stored(database, key_store, collection)
    assert np.array_equal(
        np.stack([there[each] for each in face_ids]), templates.astype(np.float16).astype(np.float32)
    )
    assert bases(key_store, collection) == []
    (basis,) = Finality(database, key_store).bases(account_id=collection.account_id)
    assert (basis.is_own, basis.since, basis.is_renewing) == (False, None, False)


def test_it_answers_in_a_basis_of_its_own_what_it_answered_before(
    collection,
    gallery,
    elsewhere,
    on_another_machine,
    enrol,
    people,
    templates,
    renew,
    told,
    database,
    key_store,
):
    face_ids = enrol(templates)
    people(face_ids)
    before = answers(gallery, collection, face_ids, templates)
    for number in (2, 3):
        assert renew() == 0
        there = stored(database, key_store, collection)
        basis = basis_from(key_store.basis(collection.collection_id, number), DIMENSIONS)
        for face_id, template in zip(face_ids, templates, strict=True):
            assert basis.turned(template) @ there[face_id] == pytest.approx(1, abs=2e-3)
        for each in (gallery, elsewhere, on_another_machine):
            assert alike(answers(each, collection, face_ids, templates), before)
        assert bases(key_store, collection) == [number]
    assert told == ["began", (0, 2), "renewed", "began", (0, 3), "renewed"]
    (basis,) = Finality(database, key_store).bases(name=collection.name, account_id=collection.account_id)
    assert (basis.collection, basis.is_own, basis.is_renewing) == (collection, True, False)
    assert basis.since is not None


def test_what_got_out_before_is_like_nobody_afterwards(
    collection, gallery, enrol, templates, renew, database, key_store
):
    """The sense of it: a template of before, or of another collection, names nobody."""
    enrol(templates)
    renew()
    out = stored(database, key_store, collection)
    with gallery._residency.fresh(collection) as copy:
        for face_id, template in out.items():
            row = copy.template_of(face_id)
            assert row @ template == pytest.approx(1, abs=1e-3)  # of the basis of now it would
    renew()
    with gallery._residency.fresh(collection) as copy:
        worst = max(abs(copy.template_of(face_id) @ template) for face_id, template in out.items())
    assert worst < 0.5


def test_and_back_into_the_models_basis(
    collection, gallery, enrol, people, templates, renew, told, key_store, database
):
    face_ids = enrol(templates)
    people(face_ids)
    before = answers(gallery, collection, face_ids, templates)
    renew(is_own=False)  # it is there: sealed anew, and no more
    assert told == [(0, 2)]
    renew()
    renew(is_own=False)
    assert alike(answers(gallery, collection, face_ids, templates), before)
    assert bases(key_store, collection) == []
    there = stored(database, key_store, collection)
    assert np.abs(np.stack([there[each] for each in face_ids]) - templates).max() < 2e-3


def test_half_way_everything_is_answered_and_enrolled_and_taken_up_again(
    collection,
    gallery,
    elsewhere,
    database,
    key_store,
    commit,
    enrol,
    people,
    templates,
    renew,
    told,
    monkeypatch,
):
    monkeypatch.setattr("countenance.gallery.resealing._ROWS_AT_ONCE", 3)
    face_ids = enrol(templates[:15])
    people(face_ids)
    renew()
    before = answers(gallery, collection, face_ids, templates)
    told.clear()
    (gone,) = enrol([templates[19]])
    commit(gallery.delete_faces, collection, [gone])
    done = []

    def killed(count):
        done.append(count)
        if sum(done) == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        renew(progress=killed)
    sealing = sealing_of(database, collection)
    assert (sealing.is_renewing, sealing.basis, sealing.earlier) == (True, 3, 2)
    assert bases(key_store, collection) == [2, 3]
    (basis,) = Finality(database, key_store).bases(account_id=collection.account_id)
    assert basis.is_renewing
    fresh = Gallery(database, key_store)  # reads rows of both bases
    for each in (gallery, elsewhere, fresh):
        assert alike(answers(each, collection, face_ids, templates), before)
    new = enrol(templates[15:17])
    for each in (gallery, elsewhere, fresh):
        (best, *_) = each.search(collection, templates[15], **ALL)
        assert (best.face.face_id, best.similarity >= 99) == (new[0], True)
    given = commit(gallery.associate, collection, "user-0", new[:1], calibration=CALIBRATION, threshold=0.0)
    assert given.face_ids == new[:1]
    commit(gallery.disassociate, collection, "user-0", new[:1])
    assert told == ["began"]
    renew(is_own=False)  # it takes up what was begun, whatever is asked
    assert told == ["began", (1, 3), "renewed"]
    assert bases(key_store, collection) == [3]
    found = answers(gallery, collection, face_ids, templates)
    assert alike({key: value for key, value in found.items() if key[2] not in new}, before)


def test_what_makes_deletions_final_ends_it_as_well(
    collection, gallery, database, key_store, enrol, templates, renew, told, commit
):
    """The server's hourly task, where the command was killed."""
    enrol(templates)

    def killed(_count):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        renew(progress=killed)
    finality = Finality(database, key_store)
    finality.make_final(
        collection,
        record=lambda *given: told.append(given[1:]),
        renewed=lambda _connection: told.append("renewed"),
    )
    assert told == ["began", "renewed"]
    assert not sealing_of(database, collection).is_renewing
    assert bases(key_store, collection) == [2]


def test_an_import_judges_in_the_basis(collection, gallery, enrol, templates, renew, commit):
    (first,) = enrol(templates[:1])
    renew()
    bounds = Bounds(CALIBRATION, look_alike=80.0, like_the_person=80.0, accepts_look_alikes=False)
    import_id = first  # any uuid

    def judged(template, item, user_id=None):
        face = replace(new_face(template), user_id=user_id, origin=Origin(import_id, item))
        return commit(gallery.import_face, collection, face, bounds=lambda _size: bounds, is_trial=True)

    assert judged(templates[0], 1).verdict is Verdict.LOOKS_LIKE_ANOTHER
    assert judged(-templates[0], 2).verdict is Verdict.ENROLLED
    commit(gallery.create_user, collection, "ada")
    commit(gallery.associate, collection, "ada", [first], calibration=CALIBRATION, threshold=0.0)
    assert judged(templates[0], 3, "ada").verdict is Verdict.DUPLICATE
    assert judged(-templates[0], 4, "ada").verdict is Verdict.UNLIKE_THE_PERSON
    away = templates[1] - (templates[1] @ templates[0]) * templates[0]
    like = (0.8 * templates[0] + 0.6 * away / np.linalg.norm(away)).astype(np.float32)
    assert judged(like, 5, "ada").verdict is Verdict.ENROLLED


def test_while_it_changes_its_model_both_templates_are_in_it(
    collection, gallery, enrol, templates, renew, commit, rng, database, key_store
):
    others = random_templates(rng, 20, dimensions=SHADOW.dimensions)
    faces = [
        replace(new_face(one), shadow=OtherTemplate(SHADOW.version, two))
        for one, two in zip(templates, others, strict=True)
    ]
    commit(gallery.reembeddings.start, collection, SHADOW, "folder")
    run = gallery.reembeddings.require(collection)
    face_ids = [face.face_id for face in commit(gallery.enrol, collection, faces[:10])]
    renew()
    face_ids += [face.face_id for face in commit(gallery.enrol, collection, faces[10:])]
    basis = basis_from(key_store.basis(collection.collection_id, 2), SHADOW.dimensions)
    there = stored(database, key_store, collection, SHADOW)
    for face_id, template in zip(face_ids, others, strict=True):
        assert basis.turned(template) @ there[face_id] == pytest.approx(1, abs=2e-3)
    commit(gallery.reembeddings.finish_building, collection, run)
    commit(gallery.reembeddings.switch, collection, run)
    switched = replace(collection, face_model_version=SHADOW.version, dimensions=SHADOW.dimensions)
    for face_id, template in zip(face_ids, others, strict=True):
        (best, *_) = gallery.search(switched, template, **ALL)
        assert (best.face.face_id, best.similarity >= 99) == (face_id, True)
    renew()
    commit(gallery.reembeddings.roll_back, collection, run)
    for face_id, template in zip(face_ids, templates, strict=True):
        (best, *_) = gallery.search(collection, template, **ALL)
        assert (best.face.face_id, best.similarity >= 99) == (face_id, True)


def test_every_search_is_right_while_it_is_renewed_again_and_again(
    collection, gallery, elsewhere, enrol, templates, renew, commit
):
    """Of two processes, with enrolments beside; none fails, none compares templates of two bases."""
    face_ids = enrol(templates)
    wrong, over = [], threading.Event()
    like = {
        face_id: {
            each.face.face_id: each.similarity for each in gallery.search_by_face(collection, face_id, **ALL)
        }
        for face_id in face_ids
    }

    def search(each):
        while not over.is_set():
            for face_id, template in zip(face_ids, templates, strict=True):
                try:
                    by_template = each.search(collection, template, **(ALL | {"threshold": 99.0}))
                    by_face = each.search_by_face(collection, face_id, **ALL)
                except Exception as error:  # noqa: BLE001  # in a thread
                    wrong.append(error)
                    return
                seen = {one.face.face_id: one.similarity for one in by_face}
                off = [other for other, value in like[face_id].items() if abs(seen[other] - value) > 0.1]
                if face_id not in [one.face.face_id for one in by_template] or off:
                    wrong.append((face_id, by_template, off))

    def write():
        while not over.is_set():
            try:
                enrol(-templates[:2])
            except Exception as error:  # noqa: BLE001  # in a thread
                wrong.append(error)
                return

    threads = [threading.Thread(target=search, args=(each,)) for each in (gallery, elsewhere)]
    threads.append(threading.Thread(target=write))
    for thread in threads:
        thread.start()
    for is_own in (True, True, False, True, True):
        renew(is_own=is_own)
    over.set()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_memory_has_it_as_well(collection, gallery, enrol, templates, renew):
    """What all processes share, and what may come into a swap or a core file; with a control."""

    def memory():
        with gallery._residency.fresh(collection) as copy:
            return bytes(copy.memory.map(0, (1 << 21) + Layout(DIMENSIONS).block_bytes))

    enrol(templates)
    clear = templates[3].astype(np.float16).tobytes()
    assert clear in memory()
    renew()
    assert clear not in memory()


def test_what_it_costs_in_precision(collection, gallery, enrol, templates, renew, database, key_store):
    """A rounding to half precision each time: after 20 of them less than a thousandth of a cosine."""
    face_ids = enrol(templates)
    for _ in range(20):
        renew()
    renew(is_own=False)
    there = stored(database, key_store, collection)
    now = np.stack([there[each] for each in face_ids])
    assert np.abs(now @ now.T - templates @ templates.T).max() < 1e-3


def test_without_its_seed_it_says_so_and_answers_nothing(
    collection, database, key_store, enrol, templates, renew, gallery, new_collection, caplog
):
    enrol(templates)
    renew()
    (path,) = (key_store.directory / "collections").glob(f"{collection.collection_id}.basis-2")
    path.unlink()
    with pytest.raises(InternalServerError):
        Gallery(database, key_store).search(collection, templates[0], **ALL)
    assert f"key missing: collection={collection.collection_id}" in caplog.text
    with pytest.raises(InternalServerError):
        enrol(-templates[:1])


def test_a_deleted_collection_leaves_no_seed(collection, gallery, commit, enrol, templates, renew, key_store):
    enrol(templates)
    renew()
    commit(gallery.delete_collection, collection)
    key_store.destroy_collection_key(collection.collection_id)
    assert bases(key_store, collection) == []


def begun(renew, **given):
    """A renewal that is killed after its first rows."""

    def killed(_count):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        renew(progress=killed, **given)


def test_a_pass_of_before_leaves_a_renewal_that_begins_meanwhile_its_bases(
    collection, gallery, database, key_store, enrol, people, templates, renew, monkeypatch
):
    """Rows are in both: of the pass that makes deletions final, and of a second one at the same renewal."""
    monkeypatch.setattr("countenance.gallery.resealing._ROWS_AT_ONCE", 6)
    face_ids = enrol(templates)
    people(face_ids)
    before = answers(gallery, collection, face_ids, templates)
    renew()
    finality, calls = Finality(database, key_store), []

    def meanwhile(_count):
        calls.append(1)
        if len(calls) == 2:
            begun(renew)

    finality.seal_anew(collection, record=lambda *_: None, progress=meanwhile)
    assert bases(key_store, collection) == [2, 4]
    for each in (gallery, Gallery(database, key_store)):
        assert alike(answers(each, collection, face_ids, templates), before)
    calls.clear()

    def two_more(_count):
        calls.append(1)
        if len(calls) == 2:
            renew()  # brings the same one to its end
            begun(renew)

    finality.make_final(collection, record=lambda *_: None, progress=two_more)
    sealing = sealing_of(database, collection)
    assert (sealing.earlier, sealing.is_renewing) == (4, True)
    assert bases(key_store, collection) == [4, sealing.basis]
    assert alike(answers(Gallery(database, key_store), collection, face_ids, templates), before)
    renew()
    assert bases(key_store, collection) == [sealing.basis]
    assert alike(answers(gallery, collection, face_ids, templates), before)


def test_a_change_that_meets_rows_of_a_newer_basis_begins_anew(
    collection, gallery, commit, enrol, templates, renew, monkeypatch
):
    """It has looked which basis there is; before it reads its rows, they are in another."""
    one, other = enrol([templates[0], templates[0]])
    commit(gallery.create_user, collection, "ada")
    asked = {"calibration": CALIBRATION, "threshold": 99.0}
    commit(gallery.associate, collection, "ada", [one], **asked)
    original, seen = store.open_seal, []

    def late(connection, collection, keys, sealing):
        seal = original(connection, collection, keys, sealing)
        seen.append(sealing.basis)
        if len(seen) == 1:
            monkeypatch.setattr("countenance.gallery.finality.wait_for_writers", lambda *_, **__: None)
            renewing = threading.Thread(target=renew)  # another process, whose patience is at its end
            renewing.start()
            renewing.join()
        return seal

    monkeypatch.setattr(store, "open_seal", late)
    given = commit(gallery.associate, collection, "ada", [other], **asked)
    assert (given.face_ids, given.failures, seen) == ([other], [], [0, 2])


def test_a_copy_that_is_opened_as_keys_go_is_opened_with_the_next(
    collection, database, key_store, enrol, templates, renew, monkeypatch
):
    (face_id, *_) = enrol(templates)
    renew()
    original, done = key_store.template_key, []

    def late(collection_id, generation):
        if not done:
            done.append(1)
            renew()
        return original(collection_id, generation)

    fresh = Gallery(database, key_store)
    monkeypatch.setattr(key_store, "template_key", late)
    (best, *_) = fresh.search(collection, templates[0], **ALL)
    assert best.face.face_id == face_id


def test_memory_of_the_basis_before_goes_though_nobody_searches(collection, gallery, enrol, templates, renew):
    enrol(templates)
    gallery.search(collection, templates[0], **ALL)
    renew()
    assert collection.collection_id in gallery._residency
    gallery.tidy()  # as every server process does, each minute
    assert collection.collection_id not in gallery._residency


def test_a_rotation_counts_as_memory(collection, gallery, enrol, templates, renew):
    enrol(templates)
    with gallery._residency.fresh(collection) as copy:
        before = copy.nbytes
    renew()
    with gallery._residency.fresh(collection) as copy:
        assert copy.nbytes - before == DIMENSIONS * DIMENSIONS * 8


def test_with_a_key_that_is_never_replaced_no_deletion_is_said_to_be_final(
    collection, gallery, database, key_store, commit, enrol, templates, renew, told
):
    """Of a collection from before keys were replaced (docs/adr/0015)."""
    (gone, *_) = enrol(templates)
    with database.transaction() as connection:
        connection.execute(
            "update collection set had_own_key = true where collection_id = %s", (collection.collection_id,)
        )
    commit(gallery.delete_faces, collection, [gone])
    assert renew() == 0
    (pending,) = Finality(database, key_store).pending(collection=collection)
    assert (pending.faces, pending.is_with_collection) == (1, True)
    assert told == ["began", (0, 2), "renewed"]
