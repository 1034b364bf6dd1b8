"""What a collection is for: written with it, narrowed later, never widened; and kept when faces are."""

from __future__ import annotations

import dataclasses
import threading
import uuid
from datetime import timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from countenance.errors import AccessDeniedException, InvalidParameterException, ResourceNotFoundException
from countenance.facts import CHARTER_KINDS, Charter
from countenance.gallery import Gallery
from countenance.store import UnitOfWork
from fakes.faces import CALIBRATION, DIMENSIONS, new_face, unit

CHARTER = Charter(
    purposes=("photo-library", "development"),
    kind="enrolled",
    legal_basis="consent",
    face_cap=10,
    retention_days=30,
    minors_allowed=True,
)


@pytest.fixture
def chartered(gallery, commit, account_id):
    """A collection with a charter: `CHARTER`, with some members changed."""

    def make(name="chartered", **changes):
        return commit(
            gallery.create_collection,
            account_id=account_id,
            name=name,
            region="us-east-1",
            face_model_version="1.0",
            dimensions=DIMENSIONS,
            tags={},
            charter=dataclasses.replace(CHARTER, **changes),
        )

    return make


@pytest.fixture
def fill(gallery, commit):
    """Enrol so many faces; their ids."""

    def run(collection, count):
        faces = [new_face(unit([1, number])) for number in range(count)]
        return [face.face_id for face in commit(gallery.enrol, collection, faces)]

    return run


@pytest.fixture
def age(database):
    """Make faces older."""

    def run(face_ids, days):
        with database.transaction() as connection:
            connection.execute(
                "update face set created_at = created_at - %s where face_id = any(%s)",
                (timedelta(days=days), list(face_ids)),
            )

    return run


def seen(database, gallery, collection, *, counted=True):
    """As policy sees it before a decision."""
    with database.read() as connection:
        return gallery.find_chartered(
            connection, collection.account_id, collection.region, collection.name, counted=counted
        )


# ---- Written with the collection


@pytest.mark.parametrize("kind", CHARTER_KINDS)
@pytest.mark.parametrize("retention_days", [None, 1])
def test_a_charter_is_written_with_its_collection_and_read_back_whole(
    gallery, chartered, elsewhere, kind, retention_days
):
    charter = dataclasses.replace(CHARTER, kind=kind, retention_days=retention_days)
    collection = chartered(kind=kind, retention_days=retention_days)
    assert gallery.charter(collection) == elsewhere.charter(collection) == charter


def test_a_collection_that_is_not_made_has_no_charter_either(gallery, commit, account_id, database):
    """One transaction: a collection for nothing, or a charter of nothing, must not be left."""
    impossible = dataclasses.replace(CHARTER, purposes=())
    with pytest.raises(psycopg.errors.CheckViolation):
        commit(
            gallery.create_collection,
            account_id=account_id,
            name="chartered",
            region="us-east-1",
            face_model_version="1.0",
            dimensions=DIMENSIONS,
            tags={},
            charter=impossible,
        )
    assert gallery.list_collections(account_id, "us-east-1", limit=5) == []


def test_a_collection_without_a_charter_is_for_nothing(gallery, collection, database, commit, enrol):
    """Its faces are counted towards no cap of its own, and there is nothing to narrow."""
    assert gallery.charter(collection) is None
    found = seen(database, gallery, collection)
    assert (found.collection_id, found.charter, found.face_count) == (collection.collection_id, None, 0)
    enrol(unit([1]))
    with pytest.raises(InvalidParameterException, match="no charter to narrow"):
        commit(gallery.narrow_charter, collection, CHARTER)
    assert collection not in gallery.list_expiring()


def test_a_charter_goes_with_its_collection(gallery, chartered, commit, database):
    """One of the same name is another: its charter is its own."""
    first = chartered()
    commit(gallery.delete_collection, first)
    assert gallery.charter(first) is None
    assert seen(database, gallery, first) is None
    second = chartered(face_cap=3)
    assert gallery.charter(second).face_cap == 3
    assert seen(database, gallery, first).collection_id == second.collection_id


# ---- As policy sees it


def test_policy_sees_a_collection_of_its_own_account_and_region_only(database, gallery, chartered):
    """The name alone may be anybody's."""
    collection = chartered()
    found = seen(database, gallery, collection)
    assert (found.face_model_version, found.charter) == ("1.0", CHARTER)
    for changes in ({"account_id": "0" * 12}, {"region": "eu-west-1"}, {"name": "other"}):
        assert seen(database, gallery, dataclasses.replace(collection, **changes)) is None


def test_faces_are_counted_up_to_a_small_cap_when_that_is_asked_for(database, gallery, chartered, fill):
    """A count before every search would cost more than the search; a large cap is kept at the write."""
    small, large = chartered("small"), chartered("large", face_cap=20_001)
    for collection in (small, large):
        fill(collection, 4)
    assert seen(database, gallery, small).face_count == 4
    assert seen(database, gallery, small, counted=False).face_count == 0
    assert seen(database, gallery, large).face_count == 0


def test_a_gate_counts_faces_whatever_the_cap_and_no_further_than_it_needs(
    database, gallery, chartered, fill
):
    """What was evaluated in a gallery of some size says nothing of a larger one."""
    large = chartered("large", face_cap=20_001)
    with database.read() as connection:
        assert gallery.count_faces(connection, large.collection_id, up_to=9) == 0
    fill(large, 4)
    with database.read() as connection:
        assert gallery.count_faces(connection, large.collection_id, up_to=9) == 4
        assert gallery.count_faces(connection, large.collection_id, up_to=3) == 3
        assert gallery.count_faces(connection, uuid.uuid4(), up_to=3) == 0


def test_no_more_is_counted_than_the_cap(database, gallery, chartered, fill, commit):
    """More faces than a narrowed charter allows are as full as just enough."""
    collection = chartered()
    fill(collection, 5)
    commit(gallery.narrow_charter, collection, dataclasses.replace(CHARTER, face_cap=2))
    assert seen(database, gallery, collection).face_count == 2


# ---- Narrowed, never widened


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"purposes": (*CHARTER.purposes, "research")}, "Purposes"),
        ({"purposes": ("research",)}, "Purposes"),
        ({"purposes": ()}, "Purposes"),
        ({"kind": "consented"}, "Kind"),
        ({"face_cap": 11}, "FaceCap"),
        ({"retention_days": 31}, "RetentionDays"),
        ({"retention_days": None}, "RetentionDays"),
    ],
    ids=str,
)
def test_nothing_of_a_charter_is_ever_widened(gallery, chartered, commit, changes, told):
    """What the people were told when their faces were taken stays true."""
    collection = chartered()
    with pytest.raises(InvalidParameterException, match=f"widen or change {told}$"):
        commit(gallery.narrow_charter, collection, dataclasses.replace(CHARTER, **changes))
    assert gallery.charter(collection) == CHARTER


def test_minors_are_never_let_in_later(gallery, chartered, commit):
    collection = chartered(minors_allowed=False)
    with pytest.raises(InvalidParameterException, match=r"widen or change MinorsAllowed$"):
        commit(gallery.narrow_charter, collection, CHARTER)


def test_everything_that_would_widen_it_is_told_at_once(gallery, chartered, commit):
    collection = chartered()
    wider = dataclasses.replace(CHARTER, purposes=("research",), kind="reference", face_cap=99)
    with pytest.raises(InvalidParameterException, match=r"Purposes, Kind, FaceCap$"):
        commit(gallery.narrow_charter, collection, wider)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"purposes": ("development",)},
        {"purposes": ("development", "photo-library")},
        {"face_cap": 1},
        {"retention_days": 1},
        {"minors_allowed": False},
        {"legal_basis": "a statute"},
        {"legal_basis": ""},
        {"purposes": ("photo-library",), "face_cap": 9, "retention_days": 29, "minors_allowed": False},
    ],
    ids=str,
)
def test_a_charter_may_be_narrowed_and_its_legal_basis_put_in_other_words(
    gallery, chartered, commit, changes
):
    collection = chartered()
    narrower = dataclasses.replace(CHARTER, **changes)
    commit(gallery.narrow_charter, collection, narrower)
    assert gallery.charter(collection) == narrower


def test_retention_may_be_set_where_there_was_none(gallery, chartered, commit):
    collection = chartered(retention_days=None)
    commit(gallery.narrow_charter, collection, CHARTER)
    assert gallery.charter(collection) == CHARTER


CHARTERS = st.builds(
    Charter,
    purposes=st.lists(st.sampled_from("abc"), unique=True, max_size=3).map(tuple),
    kind=st.sampled_from(["enrolled", "consented"]),
    legal_basis=st.just("why"),
    face_cap=st.integers(1, 3),
    retention_days=st.none() | st.integers(1, 3),
    minors_allowed=st.booleans(),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(first=CHARTERS.filter(lambda charter: charter.purposes), steps=st.lists(CHARTERS, max_size=4))
def test_whatever_is_put_a_charter_allows_ever_less(first, steps, chartered, gallery, commit):
    """Each step allows nothing that an earlier one did not: in every dimension, after any number of them."""
    collection = chartered(f"c-{uuid.uuid4()}", **dataclasses.asdict(first))
    held = [gallery.charter(collection)]
    for step in steps:
        try:
            commit(gallery.narrow_charter, collection, step)
        except InvalidParameterException:
            assert gallery.charter(collection) == held[-1]
            assert not is_within(step, held[-1])
        else:
            assert gallery.charter(collection) == step
            held.append(step)
    for number, later in enumerate(held):
        assert all(is_within(later, earlier) for earlier in held[:number])


def is_within(later: Charter, earlier: Charter) -> bool:
    return (
        bool(later.purposes)
        and set(later.purposes) <= set(earlier.purposes)
        and later.kind == earlier.kind
        and later.face_cap <= earlier.face_cap
        and (later.retention_days or 10**6) <= (earlier.retention_days or 10**6)
        and later.minors_allowed <= earlier.minors_allowed
    )


def test_charters_that_are_narrowed_at_once_are_both_in_what_is_left(gallery, chartered, commit):
    """Or one would put back what the other has just taken away."""
    for number in range(5):
        collection, together = chartered(f"c{number}"), threading.Barrier(2)
        puts = [{"face_cap": 5}, {"purposes": ("development",)}]
        refused = []

        def put(changes, collection=collection, together=together, refused=refused):
            together.wait(10)
            present = gallery.charter(collection)
            try:
                commit(gallery.narrow_charter, collection, dataclasses.replace(present, **changes))
            except InvalidParameterException as error:
                refused.append(error)

        threads = [threading.Thread(target=put, args=(changes,)) for changes in puts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        left = gallery.charter(collection)
        assert is_within(left, CHARTER)
        assert (left.face_cap == 5) + (left.purposes == ("development",)) + len(refused) == 2


def test_the_charter_of_a_deleted_collection_is_not_narrowed(gallery, chartered, commit):
    collection = chartered()
    commit(gallery.delete_collection, collection)
    with pytest.raises(ResourceNotFoundException):
        commit(gallery.narrow_charter, collection, CHARTER)


# ---- The cap, kept where faces are written


def test_a_face_beyond_the_cap_is_refused_and_not_stored(gallery, chartered, commit, fill):
    """Of one call too: ten at once are refused if nine fit."""
    collection = chartered(face_cap=3)
    fill(collection, 2)
    with pytest.raises(AccessDeniedException, match=r"CAP-001.*4 faces.*allows 3"):
        fill(collection, 2)
    fill(collection, 1)
    with pytest.raises(AccessDeniedException, match="CAP-001"):
        fill(collection, 1)
    assert gallery.describe(collection).face_count == 3


def test_a_full_collection_still_answers_faces_that_it_has_and_takes_others_once_some_are_gone(
    gallery, chartered, commit, fill
):
    collection = chartered(face_cap=1)
    face = new_face(unit([1]))
    commit(gallery.enrol, collection, [face])
    again = new_face(unit([1]), image_id=face.image_id)
    assert commit(gallery.enrol, collection, [again])[0].face_id == face.face_id
    commit(gallery.delete_faces, collection, [face.face_id])
    fill(collection, 1)


@pytest.mark.parametrize("cap", [5, 6])
def test_many_processes_that_enrol_at_once_do_not_pass_the_cap_together(
    database, key_store, gallery, chartered, commit, cap
):
    """Policy has let each of them pass, for there was room when it looked: the write decides."""
    collection = chartered(face_cap=cap)
    doors, together, refused = [Gallery(database, key_store) for _ in range(4)], threading.Barrier(8), []

    def enrol(number):
        together.wait(10)
        try:
            commit(doors[number % 4].enrol, collection, [new_face(unit([1])), new_face(unit([1]))])
        except AccessDeniedException as error:
            refused.append(error)

    threads = [threading.Thread(target=enrol, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all("CAP-001" in error.message for error in refused)
    assert (len(refused), gallery.describe(collection).face_count) == (8 - cap // 2, cap // 2 * 2)


def test_a_cap_that_was_narrowed_holds_from_the_next_face_on(gallery, elsewhere, chartered, commit, fill):
    """In this process and in another one that has just counted much room."""
    collection = chartered(face_cap=1_000_000)
    fill(collection, 3)
    commit(elsewhere.narrow_charter, collection, dataclasses.replace(CHARTER, face_cap=4))
    fill(collection, 1)
    with pytest.raises(AccessDeniedException, match="CAP-001"):
        fill(collection, 1)
    assert gallery.describe(collection).face_count == 4


# ---- Retention and erasure


def test_collections_with_faces_older_than_their_charter_allows_are_found(
    gallery, chartered, fill, age, account_id
):
    """Of any account; one without retention keeps its faces for as long as it likes."""
    due, young, kept, empty = (
        chartered("due"), chartered("young"), chartered("kept", retention_days=None), chartered("empty")
    )  # fmt: skip
    for collection, days in ((due, 31), (young, 29), (kept, 3000)):
        age(fill(collection, 2)[:1], days)
    mine = [each for each in gallery.list_expiring() if each.account_id == account_id]
    assert mine == [due]
    assert empty not in mine


def test_expired_faces_are_deleted_some_at_a_time_and_no_others(gallery, chartered, fill, age, commit):
    """One transaction must not hold everything up because a collection was forgotten for a year."""
    collection = chartered()
    faces = fill(collection, 6)
    old, young = set(faces[:4]), set(faces[4:])
    age(old, 30.001)
    first = commit(gallery.expire_faces, collection, limit=3)
    assert len(first) == 3
    assert set(first) < old
    rest = commit(gallery.expire_faces, collection, limit=3)
    assert {*first, *rest} == old
    assert commit(gallery.expire_faces, collection) == []
    assert {face.face_id for face in gallery.list_faces(collection, limit=9)} == young
    assert collection not in gallery.list_expiring()


def test_an_expiry_that_is_rolled_back_has_deleted_nothing(gallery, chartered, fill, age, database):
    """Its entry in the log could not be written: then it has not happened."""
    collection = chartered()
    age(fill(collection, 2), 31)
    with UnitOfWork(database) as work:
        assert len(gallery.expire_faces(work, collection)) == 2
        work.rollback()
    assert gallery.describe(collection).face_count == 2


def test_a_charter_without_retention_expires_nothing(gallery, chartered, collection, fill, age, commit):
    for kept in (chartered(retention_days=None), collection):
        age(fill(kept, 1), 10_000)
        assert commit(gallery.expire_faces, kept) == []


@pytest.mark.parametrize("how", ["expire", "erase"])
def test_faces_of_users_go_as_well_and_are_found_no_more_by_any_process(
    gallery, elsewhere, chartered, fill, age, commit, how
):
    """DeleteFaces leaves them; a person's right and a charter's end do not ask who they were given to."""
    collection = chartered()
    face, other = fill(collection, 2)
    commit(gallery.create_user, collection, "ada")
    commit(gallery.associate, collection, "ada", [face], calibration=CALIBRATION, threshold=0.0)
    probe, wide = unit([1, 0]), {"calibration": CALIBRATION, "threshold": 0.0, "limit": 10}
    for door in (gallery, elsewhere):
        assert [found.user_id for found in door.search_users(collection, probe, **wide)] == ["ada"]
    assert commit(gallery.delete_faces, collection, [face]).face_ids == []
    if how == "expire":
        age([face], 31)
        gone = commit(gallery.expire_faces, collection)
    else:
        gone = commit(gallery.erase_faces, collection, [face, uuid.uuid4(), face])
    assert gone == [face]
    for door in (gallery, elsewhere):
        assert door.search_users(collection, probe, **wide) == []
        assert [found.face.face_id for found in door.search(collection, probe, **wide)] == [other]
    (user,) = gallery.list_users(collection, limit=5)
    assert (user.user_id, user.status.value) == ("ada", "CREATED")
    with pytest.raises(InvalidParameterException):
        gallery.search_by_face(collection, face, **wide)


def test_a_user_who_lost_one_of_two_faces_is_found_by_the_other(gallery, elsewhere, chartered, fill, commit):
    """Their template is made of the faces that are left."""
    collection = chartered()
    first, second = fill(collection, 2)
    commit(gallery.create_user, collection, "ada")
    commit(gallery.associate, collection, "ada", [first, second], calibration=CALIBRATION, threshold=0.0)
    wide = {"calibration": CALIBRATION, "threshold": 0.0, "limit": 10}
    before = elsewhere.search_users(collection, unit([1, 1]), **wide)[0].similarity
    commit(gallery.erase_faces, collection, [first])
    for door in (gallery, elsewhere):
        (found,) = door.search_users(collection, unit([1, 1]), **wide)
        assert found.similarity > before  # `second` lies in this direction, `first` did not


def test_only_faces_of_the_collection_are_erased(gallery, chartered, fill, commit):
    """Another collection's face is passed over, like one that is nowhere."""
    one, other = chartered("one"), chartered("other")
    (mine,), (theirs,) = fill(one, 1), fill(other, 1)
    assert commit(gallery.erase_faces, one, [theirs, uuid.uuid4()]) == []
    assert commit(gallery.erase_faces, one, []) == []
    assert commit(gallery.erase_faces, one, [theirs, mine]) == [mine]
    assert gallery.describe(other).face_count == 1
    commit(gallery.delete_collection, other)
    with pytest.raises(ResourceNotFoundException):
        commit(gallery.erase_faces, other, [theirs])


def test_an_erasure_leaves_a_trace_that_reconciliation_compares(gallery, chartered, fill, commit, database):
    """A deletion without an entry of the log would be found by it."""
    collection = chartered()
    faces = fill(collection, 2)
    commit(gallery.erase_faces, collection, faces)
    with database.read() as connection:
        kinds = connection.execute(
            "select kind, count(*) from gallery_change where collection_id = %s group by kind order by kind",
            (collection.collection_id,),
        ).fetchall()
    assert kinds == [("deleted", 2), ("enrolled", 2)]
