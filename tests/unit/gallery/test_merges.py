"""Merging users and undoing it, on a real database: what must survive it, and what stands against it."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import numpy as np
import pytest

from countenance.errors import (
    ConflictException,
    InvalidParameterException,
    ResourceNotFoundException,
    ServiceError,
    ServiceQuotaExceededException,
)
from countenance.gallery import Description, Target
from countenance.gallery.growth import growth_of, growth_of_account
from countenance.gallery.merges import Merges
from countenance.gallery.pairing import Obstacle
from countenance.store import UnitOfWork
from fakes.faces import CALIBRATION, DIMENSIONS, new_face, unit

EVERYTHING = {"calibration": CALIBRATION, "threshold": 0.0, "limit": 100}


def drawn(rng):
    """A template of nobody in particular."""
    return unit(rng.normal(size=DIMENSIONS))


def near(template, rng):
    return unit(template + 0.2 * rng.normal(size=DIMENSIONS) / DIMENSIONS**0.5)


@pytest.fixture
def merges(database, key_store):
    return Merges(database, key_store)


@pytest.fixture
def user(gallery, commit, collection):
    """`user(name, *face_ids)`: a user with these faces."""

    def make(name, *face_ids):
        commit(gallery.create_user, collection, name)
        if face_ids:
            commit(gallery.associate, collection, name, face_ids, calibration=CALIBRATION, threshold=0.0)
        return name

    return make


@pytest.fixture
def merge(merges, commit, collection):
    def run(source, target, threshold=0.0):
        return commit(
            merges.merge,
            collection,
            source,
            target,
            calibration=CALIBRATION,
            threshold=threshold,
            merged_by="olga",
        )

    return run


@pytest.fixture
def undo(merges, commit, collection):
    def run(merge_id):
        return commit(merges.undo, collection, merge_id, undone_by="olga")

    return run


@pytest.fixture
def reject(gallery, commit, collection):
    def run(one, reason=None, **target):
        return commit(
            gallery.reject, collection, one, Target(**target), rejected_by="reviewer", reason=reason
        )

    return run


def faces_of(gallery, collection, name):
    return {face.face_id for face in gallery.list_faces(collection, user_id=name, limit=1000)}


def rejected(gallery, collection):
    return {
        (each.face_id, each.user_id or each.rejected_face_id, each.reason)
        for each in gallery.list_rejections(collection, limit=100)
    }


@pytest.fixture
def people(rng, enrol, user):
    """Ada, known twice: her faces under `ada` and `ada-2`, and somebody else's."""
    ada = drawn(rng)
    faces = enrol(*(near(ada, rng) for _ in range(5)), drawn(rng))
    user("ada", *faces[:3])
    user("ada-2", *faces[3:5])
    return faces


def test_searches_know_only_the_one_user_that_is_left(
    gallery, elsewhere, collection, people, merge, merges, rng
):
    """In every process, with a template of all the faces: as if there had never been two."""
    probe = drawn(rng)
    assert {each.user_id for each in gallery.search_users(collection, probe, **EVERYTHING)} == {
        "ada",
        "ada-2",
    }
    elsewhere.search_users(collection, probe, **EVERYTHING)
    _, pairing = merge("ada-2", "ada")
    assert (len(pairing.source_faces), len(pairing.target_faces)) == (2, 3)
    assert faces_of(gallery, collection, "ada") == set(people[:5])
    for process in (gallery, elsewhere):
        [found] = process.search_users(collection, probe, **EVERYTHING)
        assert found.user_id == "ada"
        assert found.similarity == gallery.compare_with_user(
            collection, "ada", probe, calibration=CALIBRATION
        )
    assert [each.user_id for each in gallery.list_users(collection, limit=9)] == ["ada"]


def test_looking_changes_nothing_and_tells_what_merging_would_be_of(
    gallery, collection, people, merges, merge
):
    looked = merges.look(collection, "ada-2", "ada", calibration=CALIBRATION)
    assert looked.obstacles(0.0) == []
    assert set(looked.source_faces) == set(people[3:5])
    assert looked.weakest.source in people[3:5]
    assert looked.weakest.target in people[:3]
    assert looked.weakest.similarity <= looked.similarity
    assert faces_of(gallery, collection, "ada-2") == set(people[3:5])
    assert merges.list_merges(collection, limit=9) == []
    _, merged = merge("ada-2", "ada")
    assert merged == looked


def test_undone_it_is_as_it_was(gallery, elsewhere, collection, people, merge, undo, merges, rng):
    merge_id, _ = merge("ada-2", "ada")
    elsewhere.search_users(collection, drawn(rng), **EVERYTHING)
    parted = undo(merge_id)
    assert (parted.source, parted.target, set(parted.returned)) == ("ada-2", "ada", set(people[3:5]))
    assert (parted.elsewhere, parted.gone) == ([], 0)
    assert faces_of(gallery, collection, "ada") == set(people[:3])
    assert faces_of(gallery, collection, "ada-2") == set(people[3:5])
    found = elsewhere.search_users(collection, drawn(rng), **EVERYTHING)
    assert {each.user_id for each in found} == {"ada", "ada-2"}
    [listed] = merges.list_merges(collection, limit=9)
    assert (listed.undone_by, listed.faces, listed.still) == ("olga", 2, 0)
    with pytest.raises(ConflictException, match="undone already"):
        undo(merge_id)


def test_what_cannot_go_back_is_told(gallery, commit, collection, people, merge, undo, enrol, rng):
    """A face deleted since, one taken from the user, one that came since."""
    extra = enrol(*(drawn(rng) for _ in range(2)))
    commit(gallery.associate, collection, "ada-2", extra[:1], calibration=CALIBRATION, threshold=0.0)
    merge_id, _ = merge("ada-2", "ada")
    commit(gallery.associate, collection, "ada", extra[1:], calibration=CALIBRATION, threshold=0.0)
    commit(gallery.disassociate, collection, "ada", [extra[0]])
    commit(gallery.erase_faces, collection, [people[4]])
    parted = undo(merge_id)
    assert (parted.returned, parted.elsewhere, parted.gone) == ([people[3]], [extra[0]], 1)
    assert faces_of(gallery, collection, "ada") == {*people[:3], extra[1]}


def test_a_merge_of_which_no_face_is_left_is_forgotten_with_them(
    gallery, commit, collection, people, merge, merges, undo
):
    """What was erased leaves no trace of whose it was."""
    merge_id, _ = merge("ada-2", "ada")
    commit(gallery.erase_faces, collection, people[3:5])
    assert merges.list_merges(collection, limit=9) == []
    with pytest.raises(ResourceNotFoundException):
        undo(merge_id)


def test_merges_are_undone_in_turn(gallery, collection, people, merge, undo, user):
    """A to B, B to C: the first comes back when the second has."""
    user("c", people[5])
    first, _ = merge("ada-2", "ada")
    second, _ = merge("ada", "c")
    with pytest.raises(ConflictException, match="undo first what was merged later"):
        undo(first)
    undo(second)
    undo(first)
    assert faces_of(gallery, collection, "ada-2") == set(people[3:5])
    assert faces_of(gallery, collection, "ada") == set(people[:3])
    assert faces_of(gallery, collection, "c") == {people[5]}


def test_a_user_of_that_id_who_came_since_is_not_overwritten(gallery, collection, people, merge, undo, user):
    merge_id, _ = merge("ada-2", "ada")
    user("ada-2")
    with pytest.raises(ConflictException, match="has a user `ada-2` by now"):
        undo(merge_id)
    assert faces_of(gallery, collection, "ada") == set(people[:5])


@pytest.mark.parametrize("pair", ["face-face", "face-target", "target-face"])
def test_who_was_rejected_for_each_other_is_never_made_one(gallery, collection, people, merge, reject, pair):
    """A correction that a merge could undo would not stick."""
    match pair:
        case "face-face":
            reject(people[4], face_id=people[0])
        case "face-target":
            reject(people[4], user_id="ada")
        case _:
            reject(people[0], user_id="ada-2")
    with pytest.raises(ConflictException, match="1 rejections say"):
        merge("ada-2", "ada")
    assert faces_of(gallery, collection, "ada-2") == set(people[3:5])


def test_what_was_rejected_of_the_one_stays_rejected_and_comes_back(
    gallery, collection, people, merge, undo, reject, enrol, rng, commit
):
    """Of the user who goes; of both; of the merged one; and one that was taken back meanwhile stays away."""
    stranger = people[5]
    both, since, withdrawn = enrol(*(drawn(rng) for _ in range(3)))
    reject(stranger, reason="of the second", user_id="ada-2")
    reject(both, reason="first", user_id="ada")
    reject(both, reason="second", user_id="ada-2")
    reject(withdrawn, reason="wrong", user_id="ada-2")
    merge_id, _ = merge("ada-2", "ada")
    assert rejected(gallery, collection) == {
        (stranger, "ada", "of the second"),
        (both, "ada", "first"),
        (withdrawn, "ada", "wrong"),
    }
    done = commit(gallery.associate, collection, "ada", [stranger], calibration=CALIBRATION, threshold=0.0)
    assert done.face_ids == []
    commit(gallery.withdraw_rejection, collection, withdrawn, Target(user_id="ada"))
    reject(since, reason="neither", user_id="ada")
    undo(merge_id)
    assert rejected(gallery, collection) == {
        (stranger, "ada-2", "of the second"),
        (both, "ada", "first"),
        (both, "ada-2", "second"),
        (since, "ada", "neither"),
        (since, "ada-2", "neither"),
    }


def test_more_faces_than_a_user_may_have(gallery, collection, people, merge, merges, enrol, user, rng):
    user("many", *enrol(*(drawn(rng) for _ in range(98))))
    looked = merges.look(collection, "many", "ada", calibration=CALIBRATION)
    assert Obstacle.TOO_MANY_FACES in looked.obstacles(0.0)
    with pytest.raises(ServiceQuotaExceededException, match="101 faces"):
        merge("many", "ada")


def test_strangers_are_not_merged_under_a_threshold_and_are_without_one(
    gallery, collection, people, merge, user
):
    """AssociateFaces would refuse their faces, and merging is no way around it."""
    user("stranger", people[5])
    with pytest.raises(ConflictException, match="less alike than `90`"):
        merge("stranger", "ada", threshold=90.0)
    merge("stranger", "ada")


def test_nonsense_is_refused(collection, people, merge, merges, user, undo, new_collection, commit):
    user("empty")
    with pytest.raises(InvalidParameterException, match="same user"):
        merge("ada", "ada")
    with pytest.raises(InvalidParameterException, match="`empty` has no face"):
        merge("empty", "ada")
    with pytest.raises(ResourceNotFoundException, match="nobody"):
        merge("nobody", "ada")
    with pytest.raises(ResourceNotFoundException):
        undo(uuid.uuid4())
    merge_id, _ = merge("ada-2", "ada")
    other = new_collection("others")
    with pytest.raises(ResourceNotFoundException):
        commit(merges.undo, other, merge_id, undone_by="olga")


def test_a_merge_that_is_rolled_back_was_none(gallery, collection, people, merges, database):
    with UnitOfWork(database) as uow:
        merges.merge(
            uow, collection, "ada-2", "ada", calibration=CALIBRATION, threshold=0.0, merged_by="olga"
        )
    assert faces_of(gallery, collection, "ada-2") == set(people[3:5])
    assert merges.list_merges(collection, limit=9) == []


def test_after_thirty_days_it_stays(collection, people, merge, merges, undo, database):
    merge_id, _ = merge("ada-2", "ada")
    with database.transaction() as connection:
        connection.execute(
            "update user_merge set merged_at = now() - interval '31 days' where merge_id = %s", (merge_id,)
        )
    with pytest.raises(ConflictException, match="older than 30 days"):
        undo(merge_id)
    assert merges.list_merges(collection, limit=9) == []
    assert merges.forget() == 1


def test_codes_stand_for_the_faces_of_those_who_have_them(collection, people, merge, undo, database):
    """Whoever has a code of the user who went gets at no face of the other one: perhaps they are two."""
    code_id = uuid.uuid4()
    with database.transaction() as connection:
        connection.execute(
            "insert into enrolment_code "
            "(code_id, digest, account_id, collection_id, user_id, user_made_at, issued_by) "
            "select %s, sha256(%s), %s, collection_id, user_id, created_at, 'x' from subject "
            "where collection_id = %s and user_id = 'ada-2'",
            (code_id, code_id.bytes, collection.account_id, collection.collection_id),
        )

    def code():
        with database.read() as connection:
            return connection.execute(
                "select face_ids, user_id, user_made_at = (select created_at from subject as s "
                "where s.collection_id = e.collection_id and s.user_id = 'ada-2') "
                "from enrolment_code as e where code_id = %s",
                (code_id,),
            ).fetchone()

    merge_id, _ = merge("ada-2", "ada")
    faces, user_id, _ = code()
    assert (set(faces), user_id) == (set(people[3:5]), None)
    undo(merge_id)
    assert code() == ([], "ada-2", True)


def test_an_open_request_by_the_user_is_decided_first(collection, people, merge, database):
    with database.transaction() as connection:
        connection.execute(
            "insert into subject_request (request_id, account_id, region, collection_id, collection, kind, "
            "face_ids, user_id, user_made_at, identified_by, attestation, opened_by, due_at) "
            "select gen_random_uuid(), %s, 'us-east-1', collection_id, 'friends', 'erasure', '{}', user_id, "
            "created_at, 'operator', 'seen', 'x', now() + interval '1 month' from subject "
            "where collection_id = %s and user_id = 'ada'",
            (collection.account_id, collection.collection_id),
        )
    with pytest.raises(ConflictException, match="not decided yet"):
        merge("ada-2", "ada")
    with database.transaction() as connection:
        connection.execute(
            "update subject_request set status = 'refused', decided_at = now() where collection_id = %s",
            (collection.collection_id,),
        )
    merge("ada-2", "ada")


def test_whoever_changes_the_users_at_once_waits_and_no_face_is_lost(
    gallery, collection, people, merge, undo, commit, enrol, rng, merges
):
    """Merges both ways, associations and deletions race; each face ends with one who is there, or nobody."""
    extra = enrol(*(drawn(rng) for _ in range(12)))

    def tried(work, *args, **kwargs):
        try:
            return commit(work, *args, **kwargs)
        except ServiceError as error:
            return error

    def everything(number):
        how = {"calibration": CALIBRATION, "threshold": 0.0}
        names = ("ada", "ada-2") if number % 2 else ("ada-2", "ada")
        match number % 4:
            case 0 | 1:
                done = tried(merges.merge, collection, *names, **how, merged_by="olga")
                if isinstance(done, tuple):
                    tried(merges.undo, collection, done[0], undone_by="olga")
                return done
            case 2:
                return tried(gallery.associate, collection, names[0], [extra[number % 12]], **how)
            case _:
                return tried(gallery.erase_faces, collection, [extra[number % 12]])

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(everything, range(48)))
    assert not [each for each in done if isinstance(each, Exception) and not isinstance(each, ServiceError)]
    users = {each.user_id for each in gallery.list_users(collection, limit=9)}
    faces = gallery.list_faces(collection, limit=100)
    assert {face.user_id for face in faces} - {None} <= users
    assert set(people) <= {face.face_id for face in faces}
    assert any(isinstance(each, tuple) for each in done)


def test_growth_is_counted_with_what_changes(gallery, collection, enrol, commit, database, rng):
    """In the same transaction: what is rolled back is not counted."""
    faces = enrol(*(drawn(rng) for _ in range(4)))
    commit(gallery.erase_faces, collection, faces[:1])
    with UnitOfWork(database) as uow:
        gallery.erase_faces(uow, collection, faces[1:])
    today = datetime.now(UTC).date()
    with database.read() as connection:
        [day] = growth_of(connection, collection, since=today)
        of_all = growth_of_account(connection, collection.account_id, collection.region, since=today)
    assert (day.day, day.enrolled, day.erased) == (today, 4, 1)
    assert of_all == [day]
    assert gallery.describe(collection) == Description(face_count=3, user_count=0)


def test_sizes_are_exact_though_everybody_writes_at_once(gallery, collection, commit, user, drawn_faces):
    """They are kept in parts, by connection: what one adds another may take away."""

    def everything(number):
        stored = commit(gallery.enrol, collection, drawn_faces(3))
        commit(gallery.create_user, collection, f"user-{number}")
        commit(gallery.erase_faces, collection, [stored[0].face_id])
        if number % 2:
            commit(gallery.delete_user, collection, f"user-{number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(everything, range(24)))
    assert gallery.describe(collection) == Description(face_count=48, user_count=12)


def test_a_collection_that_goes_takes_its_counts_along(
    gallery, collection, commit, enrol, user, rng, database
):
    user("ada", *enrol(drawn(rng)))
    commit(gallery.delete_collection, collection)
    with database.read() as connection:
        for table in ("gallery_size", "gallery_day"):
            counted = connection.execute(
                f"select count(*) from {table} where collection_id = %s", (collection.collection_id,)
            ).fetchone()
            assert counted == (0,)
    with pytest.raises(ResourceNotFoundException):
        gallery.describe(collection)


@pytest.fixture
def drawn_faces():
    """Templates for threads: each draws with a generator of its own."""
    return lambda count: [new_face(drawn(np.random.default_rng())) for _ in range(count)]
