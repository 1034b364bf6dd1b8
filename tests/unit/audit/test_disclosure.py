"""What a person may be told holds against the log, and says nothing of anybody else."""

from __future__ import annotations

import uuid

import pytest

from countenance.accounts import Accounts
from countenance.audit import Touch
from countenance.audit.disclosure import disclose
from countenance.audit.published import list_keys
from countenance.audit.tree import LogDamaged
from countenance.errors import ResourceNotFoundException
from countenance.transparency.merkle import leaf_hash, verify_inclusion
from countenance.transparency.note import Verifier
from whole_log import whole_log

REGION = "us-east-1"


class Gallery:
    """An account with a collection `staff` in a log of its own."""

    def __init__(self, log):
        self.log = log
        self.account_id = Accounts(log.database, log.keys).create_account("one").account_id
        self.collection_id = uuid.uuid4()
        log.keys.create_collection_key(self.collection_id)
        self._run(
            "insert into collection (collection_id, account_id, name, region, face_model_version, dimensions)"
            " values (%s, %s, 'staff', %s, '1.0', 4)",
            (self.collection_id, self.account_id, REGION),
        )

    def _run(self, statement, values):
        with self.log.database.transaction() as connection:
            connection.execute(statement, values)

    def face(self):
        face_id = str(uuid.uuid4())
        self._run(
            "insert into face (collection_id, face_id, image_id, box_left, box_top, box_width, box_height,"
            " confidence, sealed_template, key_generation) values (%s, %s, %s, 0, 0, 1, 1, 99, '', 1)",
            (self.collection_id, face_id, uuid.uuid4()),
        )
        return face_id

    def user(self, user_id):
        self._run("insert into subject values (%s, %s)", (self.collection_id, user_id))
        return user_id

    def forget(self, face_id):
        self._run("delete from face where face_id = %s", (face_id,))

    def call(self, operation, *touched):
        return self.log.record(
            self.account_id, region=REGION, collection="staff", operation=operation, touched=touched
        )

    def told(self, kind, subject_id, *, collection="staff", region=REGION):
        with self.log.database.read() as connection:
            return disclose(
                connection,
                self.log.audit,
                account_id=self.account_id,
                region=region,
                collection=collection,
                subject=Touch(role="named", kind=kind, id=subject_id),
            )


@pytest.fixture
def gallery(postgres_url, tmp_path):
    with whole_log(postgres_url, tmp_path) as log:
        yield Gallery(log)


def candidates(*face_ids):
    return [
        Touch(role="candidate", kind="face", id=face_id, rank=rank, similarity=100 - rank)
        for rank, face_id in enumerate(face_ids, start=1)
    ]


def test_a_person_is_told_every_entry_that_touched_their_face_and_can_check_each(gallery):
    """With the log's key alone: commitment, path, root in the entry, entry in the signed tree."""
    ours, theirs = gallery.face(), gallery.face()
    gallery.call("IndexFaces", Touch(role="enrolled", kind="face", id=ours))
    gallery.call("SearchFaces", *candidates(theirs, theirs, ours))
    gallery.call("SearchFaces", *candidates(theirs))
    gallery.log.settle()
    gallery.call("SearchFaces", Touch(role="probe", kind="face", id=ours))
    enrolled, searched, probed = gallery.told("face", ours)
    assert [each.opening.value["role"] for each in (enrolled, searched, probed)] == [
        "enrolled",
        "candidate",
        "probe",
    ]
    assert (searched.position, searched.opening.value["rank"]) == (2, 3)
    with gallery.log.database.read() as connection:
        keys = [Verifier.parse(key.vkey) for key in list_keys(connection) if key.use == "log"]
    for each in (enrolled, searched):
        each.proof.verify(leaf_hash(each.own.entry), keys)
        touched = each.own.members["touched"]
        root = bytes.fromhex(touched["root"])
        verify_inclusion(leaf_hash(each.commitment), each.position, touched["count"], each.path, root)
    assert probed.proof is None
    assert len(gallery.told("face", theirs)) == 3


def test_a_user_is_told_of_what_touched_the_user(gallery):
    user = gallery.user("maria")
    gallery.call("SearchUsers", Touch(role="candidate", kind="user", id=user, rank=1, similarity=99.0))
    (found,) = gallery.told("user", user)
    assert found.opening.value["user"] == "maria"
    assert gallery.told("user", "tony") == []
    assert gallery.told("face", "maria") == []


def test_of_a_deleted_face_only_the_deletion_is_left(gallery):
    """What the others meant is erased with its key; that it was deleted can be shown."""
    ours, other = gallery.face(), gallery.face()
    gallery.call("SearchFaces", *candidates(ours, other))
    gallery.forget(ours)
    gallery.call("DeleteFaces", Touch(role="deleted", kind="face", id=ours))
    (found,) = gallery.told("face", ours)
    assert found.opening.value == {"role": "deleted", "face": ours}
    assert len(gallery.told("face", other)) == 1
    assert gallery.told("face", str(uuid.uuid4())) == []


@pytest.mark.parametrize("where", [{"collection": "nobodys"}, {"region": "eu-west-1"}])
def test_what_is_not_there_is_refused(gallery, where):
    """A mistyped name must not read as: nothing touched you."""
    with pytest.raises(ResourceNotFoundException):
        gallery.told("face", gallery.face(), **where)


@pytest.mark.parametrize(
    "damage",
    [
        "update audit_touch set commitment = decode(repeat('00', 32), 'hex') where position = 0",
        "delete from audit_touch where position = 0",
        "delete from audit_event where account is not null",
    ],
)
def test_a_damaged_database_tells_nothing_that_does_not_hold(gallery, damage):
    """Better an error than a proof that fails in the person's hands."""
    ours = gallery.face()
    gallery.call("SearchFaces", *candidates(gallery.face(), ours))
    with gallery.log.database.transaction() as connection:
        connection.execute(damage)
    with pytest.raises(LogDamaged):
        gallery.told("face", ours)


def test_a_person_is_told_all_the_same_when_the_account_was_forgotten(gallery):
    """What an account's entries say of a person is the person's, and not the account's to take away."""
    face = gallery.face()
    gallery.call("SearchFaces", *candidates(face))
    gallery.log.settle()
    gallery.log.audit.keys.forget_account(gallery.account_id)
    (told,) = gallery.told("face", face)
    assert told.opening.value["rank"] == 1
    assert told.own.openings == {}
    assert told.proof is not None
