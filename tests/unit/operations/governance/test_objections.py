"""Do not enrol me: a template is kept of who objects, by their own consent, and used for nothing else."""

from __future__ import annotations

import uuid

import pytest

from countenance.audit.signing import open_log
from countenance.errors import (
    AccessDeniedException,
    InternalServerError,
    InvalidParameterException,
    ResourceNotFoundException,
)
from countenance.operations.governance import imports
from countenance.operations.objected import require_no_objection
from countenance.operations.rekognition import faces
from fakes.vision import person, picture

CONSENT = "form B, signed: recognise me in order to leave me alone"


@pytest.fixture
def key_store(database, log_keys):
    """The one that has the log's keys: receipts are signed with them."""
    open_log(database, log_keys)
    return log_keys


@pytest.fixture
def object_(call, collection, index):
    """Ada is enrolled, objects, and is erased: the request."""

    def object_(kind="objection", decision="grant", *, consent=CONSENT, who="ada"):
        [face] = index(picture(person(who)))
        asked = call(
            "OpenSubjectRequest", Kind=kind, CollectionId=collection, FaceIds=[face], Attestation="passport"
        )["Request"]
        more = {"BlockConsent": consent} if consent else {}
        return call(
            "DecideSubjectRequest", RequestId=asked["RequestId"], Decision=decision, Reason="asked", **more
        )["Request"]

    return object_


def photo(name="ada", likeness=0.95):
    return {"Bytes": picture(person(name, likeness=likeness), note="another day")}


def uses(collection):
    """Every way in which a picture is enrolled or searched with."""
    imported = {"ImportId": str(uuid.uuid4()), "ImportItem": 1, "ExternalImageId": "x"}
    return {
        "IndexFaces": {},
        "ImportFace": imported,
        "SearchFacesByImage": {},
        "SearchUsersByImage": {},
        "IdentifyFace": {},
    }


@pytest.mark.parametrize("operation", uses(""))
def test_who_objects_is_neither_enrolled_nor_searched_for(call, collection, object_, operation):
    """On a new photo, whichever way it comes; nobody else is kept out."""
    object_()
    more = uses(collection)[operation]
    with pytest.raises(AccessDeniedException, match="OBJ-001"):
        call(operation, CollectionId=collection, Image=photo(), **more)
    call(operation, CollectionId=collection, Image=photo("bob"), **more)


@pytest.mark.parametrize("operation", ["IndexFaces", "ImportFace"])
def test_who_objects_while_they_are_being_enrolled_is_not_enrolled(
    call, collection, object_, monkeypatch, operation
):
    """Between the look before the work and the commit an objection is granted: erased, and not back again."""
    where = faces if operation == "IndexFaces" else imports

    def look_then_object(*args, **more):
        require_no_objection(*args, **more)
        monkeypatch.setattr(where, "require_no_objection", require_no_objection)
        object_()

    monkeypatch.setattr(where, "require_no_objection", look_then_object)
    with pytest.raises(AccessDeniedException, match="OBJ-001"):
        call(operation, CollectionId=collection, Image=photo(), **uses(collection)[operation])
    assert call("ListFaces", CollectionId=collection)["Faces"] == []


def test_a_group_photo_with_them_is_not_enrolled(call, collection, object_):
    """All or none: the answer must not say which face it is."""
    object_()
    group = {"Bytes": picture(person("bob"), person("ada", left=500, likeness=0.95))}
    with pytest.raises(AccessDeniedException, match="OBJ-001"):
        call("IndexFaces", CollectionId=collection, Image=group)
    assert call("ListFaces", CollectionId=collection)["Faces"] == []


def test_without_their_consent_nothing_is_kept_of_them(call, collection, object_):
    """An objection alone erases: to keep a template of somebody who objects needs their word."""
    object_(consent="")
    assert call("IndexFaces", CollectionId=collection, Image=photo())["FaceRecords"]
    with call.database.read() as connection:
        row = connection.execute(
            "select count(*) from objection where account_id = %s", (call.caller.account_id,)
        ).fetchone()
    assert row == (0,)


@pytest.mark.parametrize(("kind", "decision"), [("erasure", "grant"), ("objection", "refuse")])
def test_it_is_kept_of_nobody_else(object_, kind, decision):
    """Whoever wants to be erased is erased."""
    with pytest.raises(InvalidParameterException, match="only of an objection"):
        object_(kind, decision)


def test_a_template_in_a_basis_of_its_own_is_known_in_every_collection_of_the_model(call):
    """It is kept as the model makes it, and compared so."""
    for name, basis in (("own", "own"), ("plain", "model")):
        call("CreateCollection", CollectionId=name, Tags={"countenance:basis": basis})
    found = call("IndexFaces", CollectionId="own", Image={"Bytes": picture(person("ada"))})
    face = found["FaceRecords"][0]["Face"]["FaceId"]
    asked = call(
        "OpenSubjectRequest", Kind="objection", CollectionId="own", FaceIds=[face], Attestation="passport"
    )["Request"]
    call(
        "DecideSubjectRequest",
        RequestId=asked["RequestId"],
        Decision="grant",
        Reason="asked",
        BlockConsent=CONSENT,
    )
    for name in ("own", "plain"):
        with pytest.raises(AccessDeniedException, match="OBJ-001"):
            call("IndexFaces", CollectionId=name, Image=photo())


def test_it_is_another_accounts_business_whom_they_enrol(call, other_call, object_):
    """The objection was to one account; others learn nothing of it."""
    object_()
    other_call("CreateCollection", CollectionId="theirs")
    assert other_call("IndexFaces", CollectionId="theirs", Image=photo())["FaceRecords"]


def test_it_is_taken_back_and_its_key_destroyed(call, other_call, collection, object_, key_store):
    """From then on what lies in old pages of the database opens with nothing."""
    made = object_()
    before = set(key_store.secrets_named("objection-", older_than_s=-1.0))
    with pytest.raises(ResourceNotFoundException):
        other_call("WithdrawObjection", RequestId=made["RequestId"])
    assert call("WithdrawObjection", RequestId=made["RequestId"]) == {"Forgotten": 1}
    assert len(before - set(key_store.secrets_named("objection-", older_than_s=-1.0))) == 1
    assert call("IndexFaces", CollectionId=collection, Image=photo())["FaceRecords"]
    with pytest.raises(ResourceNotFoundException, match="no template is kept"):
        call("WithdrawObjection", RequestId=made["RequestId"])


def test_a_template_that_does_not_open_lets_nobody_through(call, client_of, account, collection, object_):
    """Fail closed: whoever cannot be compared with might be the person in the picture."""
    object_()
    with call.database.transaction() as connection:
        connection.execute(
            "update objection set sealed_template = set_byte(sealed_template, 40, 1)"
            " || '\\x00'::bytea where account_id = %s",
            (account.account_id,),
        )
    with pytest.raises(InternalServerError):
        call("IndexFaces", CollectionId=collection, Image=photo("bob"))


def test_the_template_is_sealed(call, object_):
    """Neither a vector nor the consent's text tells whose face it is; the template opens with its own key."""
    object_()
    with call.database.read() as connection:
        [(sealed,)] = connection.execute(
            "select sealed_template from objection where account_id = %s", (call.caller.account_id,)
        ).fetchall()
    vision = call.models.default
    assert len(sealed) == 4 * vision.dimensions + 28
