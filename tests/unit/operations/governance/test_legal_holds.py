"""Legal holds: whatever deletes faces leaves held ones, and says so."""

from __future__ import annotations

import uuid

import pytest

from countenance.accounts import Actor
from countenance.audit.signing import open_log
from countenance.errors import AccessDeniedException, ConflictException, ResourceNotFoundException
from countenance.operations.whose import ALL
from countenance.store import ForeignKeyViolation, UnitOfWork
from countenance.types import FaceId
from fakes.vision import person, picture


@pytest.fixture
def key_store(database, log_keys):
    """The one that has the log's keys: receipts are signed with them."""
    open_log(database, log_keys)
    return log_keys


@pytest.fixture
def officer(client_of):
    office = client_of.accounts.create_account("Office")
    client_of.governance.officers.add(office.account_id, "Olga", "officer", actor=Actor("test"))
    return client_of(office, officer="Olga", purpose=None)


@pytest.fixture
def faces(index):
    return index(picture(person("ada")))[0], index(picture(person("bob")))[0]


@pytest.fixture
def hold(call, officer, collection):
    def hold(*face_ids):
        return officer(
            "PutLegalHold",
            AccountId=call.caller.account_id,
            CollectionId=collection,
            FaceIds=list(face_ids),
            Reason="court order 12",
        )["HoldId"]

    return hold


def listed(call):
    return {each["FaceId"] for each in call("ListFaces", CollectionId="friends")["Faces"]}


def test_a_held_face_is_not_deleted_by_its_account(call, collection, faces, hold):
    """Nothing is deleted by a call that names one: who reads the answer must not think it was."""
    hold(faces[0])
    with pytest.raises(AccessDeniedException, match="HLD-001"):
        call("DeleteFaces", CollectionId=collection, FaceIds=list(faces))
    with pytest.raises(AccessDeniedException, match="HLD-001"):
        call("DeleteCollection", CollectionId=collection)
    assert listed(call) == set(faces)
    assert call("DeleteFaces", CollectionId=collection, FaceIds=[faces[1]])["DeletedFaces"] == [faces[1]]


def test_an_erasure_of_a_held_face_is_postponed(call, officer, collection, faces, hold):
    """The request stays open, and is granted once the hold is released."""
    held = hold(faces[0])
    request = call(
        "OpenSubjectRequest", Kind="erasure", CollectionId=collection, FaceIds=list(faces), Attestation="seen"
    )["Request"]
    grant = {"RequestId": request["RequestId"], "Decision": "grant", "Reason": "as asked"}
    with pytest.raises(ConflictException, match="HLD-001: 1 of 2 faces"):
        call("DecideSubjectRequest", **grant)
    assert listed(call) == set(faces)
    assert call("GetSubjectRequest", RequestId=request["RequestId"])["Request"]["Status"] == "open"
    officer("ReleaseLegalHold", HoldId=held, Reason="lifted")
    assert set(call("DecideSubjectRequest", **grant)["Request"]["ErasedFaceIds"]) == set(faces)


def test_officers_erasures_say_that_it_is_held(call, officer, collection, faces, hold):
    """Not that the face is not there."""
    hold(faces[0])
    with pytest.raises(AccessDeniedException, match="HLD-001"):
        officer(
            "EraseFaces",
            AccountId=call.caller.account_id,
            CollectionId=collection,
            FaceIds=list(faces),
            Reason="asked",
        )
    assert listed(call) == set(faces)


def test_retention_leaves_it_and_goes_on_with_the_others(call, collection, faces, hold):
    """Held faces that came first must not keep the rest from expiring."""
    held = hold(faces[0])
    call("PutCharter", CollectionId=collection, RetentionDays=1)
    with call.database.transaction() as connection:
        connection.execute(
            "update face set created_at = created_at - interval '2 days' where face_id = any(%s::uuid[])",
            (list(faces),),
        )
    found = call.gallery.require_collection(call.caller.account_id, "us-east-1", collection)
    with UnitOfWork(call.database) as uow:
        assert call.gallery.expire_faces(uow, found, limit=1) == [uuid.UUID(faces[1])]
        uow.commit()
    assert found.collection_id not in {each.collection_id for each in call.gallery.list_expiring()}
    with call.database.transaction() as connection:
        connection.execute("delete from legal_hold_face where hold_id = %s", (held,))
    assert found.collection_id in {each.collection_id for each in call.gallery.list_expiring()}


def test_undoing_an_import_leaves_it(call, collection, hold):
    """A third way of deleting, and it ends."""
    run = str(uuid.uuid4())
    faces = [
        call(
            "ImportFace",
            CollectionId=collection,
            Image={"Bytes": picture(person(name))},
            ImportId=run,
            ImportItem=number,
            ExternalImageId=name,
        )["FaceRecords"][0]["Face"]["FaceId"]
        for number, name in enumerate(("ada", "bob"), start=1)
    ]
    hold(faces[0])
    assert call("UndoImport", CollectionId=collection, ImportId=run)["DeletedFaces"] == [faces[1]]
    assert call("UndoImport", CollectionId=collection, ImportId=run)["IsComplete"]
    assert listed(call) == {faces[0]}


def test_what_has_not_been_taught_to_look_fails(call, collection, faces, hold):
    """The database itself holds it: a way of deleting that is added later cannot pass it by."""
    hold(faces[0])
    with pytest.raises(ForeignKeyViolation), call.database.transaction() as connection:
        connection.execute("delete from face where face_id = %s", (faces[0],))


def test_holds_are_by_officers_and_on_record(call, other_call, officer, collection, faces, hold):
    for client in (call, other_call):
        with pytest.raises(AccessDeniedException, match="CORE-004"):
            client(
                "PutLegalHold",
                AccountId=call.caller.account_id,
                CollectionId=collection,
                FaceIds=[faces[0]],
                Reason="r",
            )
    held = hold(faces[0])
    with pytest.raises(AccessDeniedException, match="CORE-004"):
        call("ReleaseLegalHold", HoldId=held, Reason="r")
    [found] = call("ListLegalHolds")["Holds"]
    assert (found["HoldId"], found["FaceIds"], found["PutBy"]) == (held, [faces[0]], "Olga")
    assert other_call("ListLegalHolds")["Holds"] == []
    assert held in {each["HoldId"] for each in officer("ListLegalHolds", AccountId=ALL)["Holds"]}
    officer("ReleaseLegalHold", HoldId=held, Reason="lifted")
    with pytest.raises(ConflictException, match="already"):
        officer("ReleaseLegalHold", HoldId=held, Reason="lifted")
    [found] = call("ListLegalHolds")["Holds"]
    assert (found["ReleasedBy"], found["ReleaseReason"], found["FaceIds"]) == ("Olga", "lifted", [])
    with call.database.read() as connection:
        latest = call.audit.list_latest(connection, call.caller.account_id)
    told = [each.members["operation"] for each in latest]
    assert [each for each in told if "Hold" in each] == ["ReleaseLegalHold", "PutLegalHold"]
    with pytest.raises(ResourceNotFoundException, match="no legal hold"):
        officer("ReleaseLegalHold", HoldId=str(uuid.uuid4()), Reason="r")


def test_two_holds_on_a_face_are_two(call, officer, collection, faces, hold):
    """Releasing one order does not release the other."""
    first, _ = hold(faces[0]), hold(faces[0])
    officer("ReleaseLegalHold", HoldId=first, Reason="lifted")
    with pytest.raises(AccessDeniedException, match="HLD-001"):
        call("DeleteFaces", CollectionId=collection, FaceIds=[faces[0]])
    with UnitOfWork(call.database) as uow:
        found = call.gallery.require_collection(call.caller.account_id, "us-east-1", collection)
        assert call.gallery.find_held(uow, found, [FaceId(uuid.UUID(faces[0]))]) == [uuid.UUID(faces[0])]
