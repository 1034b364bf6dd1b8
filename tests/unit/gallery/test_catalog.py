"""Collections and their tags."""

from __future__ import annotations

import secrets
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from countenance.errors import (
    ResourceAlreadyExistsException,
    ResourceNotFoundException,
    ServiceQuotaExceededException,
)
from countenance.store import KeyMissing, UnitOfWork
from fakes.faces import CALIBRATION, new_face, unit

REGION = "us-east-1"


def names(found):
    return [collection.name for collection in found]


def test_a_new_collection_is_found_by_its_owner(gallery, new_collection, account_id):
    created = new_collection("friends")
    assert gallery.require_collection(account_id, REGION, "friends") == created
    assert created.face_model_version == "1.0"
    assert created.created_at.tzinfo is not None
    described = gallery.describe(created)
    assert (described.face_count, described.user_count) == (0, 0)


def test_it_is_not_there_before_its_unit_of_work_commits(gallery, database, account_id):
    with UnitOfWork(database) as uow:
        gallery.create_collection(
            uow,
            account_id=account_id,
            name="friends",
            region=REGION,
            face_model_version="1.0",
            dimensions=8,
            tags={},
        )
    with pytest.raises(ResourceNotFoundException):
        gallery.require_collection(account_id, REGION, "friends")


@pytest.mark.parametrize("name", ["Friends", "friend", "friends2"])
def test_names_are_case_sensitive_and_whole(gallery, collection, account_id, name):
    with pytest.raises(ResourceNotFoundException, match=f"The collection id: {name} does not exist"):
        gallery.require_collection(account_id, REGION, name)


def test_another_accounts_collection_is_as_if_it_were_not_there(gallery, collection, account_id, database):
    stranger = f"{secrets.randbelow(10**12):012d}"
    with pytest.raises(ResourceNotFoundException, match="The collection id: friends does not exist"):
        gallery.require_collection(stranger, REGION, "friends")
    assert gallery.list_collections(stranger, REGION, limit=10) == []


def test_a_region_is_a_world_of_its_own(gallery, new_collection, account_id):
    here, there = new_collection("friends"), new_collection("friends", region="eu-west-1")
    assert here.collection_id != there.collection_id
    assert gallery.require_collection(account_id, "eu-west-1", "friends") == there
    assert names(gallery.list_collections(account_id, REGION, limit=10)) == ["friends"]


def test_a_name_that_is_taken_is_refused(new_collection, gallery, account_id):
    first = new_collection("friends")
    with pytest.raises(ResourceAlreadyExistsException, match="The collection id: friends already exists"):
        new_collection("friends")
    assert gallery.require_collection(account_id, REGION, "friends") == first


def test_of_many_who_create_one_name_at_once_one_succeeds(new_collection):
    outcomes = []

    def create():
        try:
            outcomes.append(new_collection("friends"))
        except ResourceAlreadyExistsException:
            outcomes.append(None)

    threads = [threading.Thread(target=create) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(outcome is not None for outcome in outcomes) == 1


def test_collections_are_listed_by_the_bytes_of_their_names(gallery, new_collection, account_id):
    """Not by a locale's rules: a page must begin where the last one ended on every server."""
    for name in ["b", "a", "B", "a.1", "a-1", "_"]:
        new_collection(name)
    listed = names(gallery.list_collections(account_id, REGION, limit=10))
    assert listed == sorted(["b", "a", "B", "a.1", "a-1", "_"])
    assert names(gallery.list_collections(account_id, REGION, limit=2)) == listed[:2]
    assert names(gallery.list_collections(account_id, REGION, limit=10, after=listed[1])) == listed[2:]


def test_a_deleted_collection_is_gone_with_all_that_it_held(gallery, collection, commit, enrol, account_id):
    (face_id,) = enrol(unit([1]))
    commit(gallery.create_user, collection, "ada")
    commit(gallery.associate, collection, "ada", [face_id], calibration=CALIBRATION, threshold=80.0)
    commit(gallery.delete_collection, collection)
    for read in (
        lambda: gallery.require_collection(account_id, REGION, "friends"),
        lambda: gallery.describe(collection),
        lambda: gallery.tags(collection),
        lambda: gallery.list_faces(collection, limit=10),
        lambda: gallery.list_users(collection, limit=10),
    ):
        with pytest.raises(ResourceNotFoundException, match="The collection id: friends does not exist"):
            read()


def test_its_key_is_destroyed_when_the_deletion_has_committed(gallery, collection, database, key_store):
    """Rows survive deletion in PostgreSQL's files; without the key they are noise."""
    with UnitOfWork(database) as uow:
        gallery.delete_collection(uow, collection)
        assert key_store.collection_key(collection.collection_id)
        uow.rollback()
        assert key_store.collection_key(collection.collection_id)
        gallery.delete_collection(uow, collection)
        uow.commit()
    with pytest.raises(KeyMissing):
        key_store.collection_key(collection.collection_id)


def test_every_change_of_a_deleted_collection_is_refused(gallery, collection, commit):
    commit(gallery.delete_collection, collection)
    deciding = {"calibration": CALIBRATION, "threshold": 80.0}
    for method, *arguments in (
        (gallery.delete_collection,),
        (gallery.enrol, [new_face(unit([1]))]),
        (gallery.delete_faces, [new_face(unit([1])).face_id]),
        (gallery.create_user, "ada"),
        (gallery.delete_user, "ada"),
        (gallery.disassociate, "ada", []),
        (gallery.put_tags, {"a": "b"}),
        (gallery.remove_tags, ["a"]),
    ):
        with pytest.raises(ResourceNotFoundException, match="The collection id: friends does not exist"):
            commit(method, collection, *arguments)
    with pytest.raises(ResourceNotFoundException, match="The collection id: friends does not exist"):
        commit(gallery.associate, collection, "ada", [], **deciding)


def test_a_name_can_be_used_again_after_deletion(gallery, collection, commit, new_collection, enrol):
    enrol(unit([1]))
    commit(gallery.delete_collection, collection)
    again = new_collection("friends")
    assert gallery.describe(again).face_count == 0
    assert gallery.search(again, unit([1]), calibration=CALIBRATION, threshold=0.0, limit=5) == []


def test_faces_are_counted_without_looking_at_them_and_exactly(gallery, collection, commit, database):
    """By what every transaction notes of itself: enrolled by many at once, deleted, rolled back, twice."""
    faces = [new_face(unit([number + 1])) for number in range(24)]

    def work(part):
        for face in part:
            commit(gallery.enrol, collection, [face])
        commit(gallery.enrol, collection, part)  # is there already
        commit(gallery.delete_faces, collection, [each.face_id for each in part[::2]])
        with UnitOfWork(database) as uow:
            gallery.delete_faces(uow, collection, [part[1].face_id])  # and does not commit

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work, faces[start::4]) for start in range(4)]:
            done.result()
    with database.read() as connection:
        there = connection.execute(
            "select count(*) from face where collection_id = %s", (collection.collection_id,)
        ).fetchone()[0]
    assert (gallery.describe(collection).face_count, there) == (12, 12)


def test_tags_are_added_replaced_and_removed(gallery, new_collection, commit):
    collection = new_collection("tagged", tags={"team": "red", "tier": "1"})
    commit(gallery.put_tags, collection, {"tier": "2", "empty": ""})
    assert gallery.tags(collection) == {"empty": "", "team": "red", "tier": "2"}
    commit(gallery.remove_tags, collection, ["team", "never there"])
    assert gallery.tags(collection) == {"empty": "", "tier": "2"}


def test_a_collection_without_tags_has_an_empty_map(gallery, collection):
    assert gallery.tags(collection) == {}


def test_fifty_tags_are_the_most(gallery, new_collection, commit):
    collection = new_collection("tagged", tags={f"k{number}": "v" for number in range(50)})
    commit(gallery.put_tags, collection, {"k7": "replaced"})
    with pytest.raises(ServiceQuotaExceededException, match="51 tags; at most 50"):
        commit(gallery.put_tags, collection, {"one more": "v"})
    assert len(gallery.tags(collection)) == 50


def test_a_collection_with_too_many_tags_is_not_created(gallery, new_collection, account_id):
    with pytest.raises(ServiceQuotaExceededException):
        new_collection("tagged", tags={f"k{number}": "v" for number in range(51)})
    assert gallery.list_collections(account_id, REGION, limit=10) == []
