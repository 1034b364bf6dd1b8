"""Consents bound to faces: what is enrolled under one, and what becomes of it when it is withdrawn."""

from __future__ import annotations

import threading
import uuid

import pytest

from countenance.accounts import Actor
from countenance.accounts.sealed import consent_context
from countenance.errors import (
    AccessDeniedException,
    ConflictException,
    InvalidParameterException,
    ResourceNotFoundException,
)
from countenance.facts import Claims
from countenance.store import UnitOfWork
from fakes.vision import person, picture

FORM = "Ada Lovelace, form 7"


@pytest.fixture
def consented(client_of, account, collection):
    """A client of the account whose credential refers to a consent."""

    def make(reference=FORM):
        return client_of(account, claims=Claims(consent=reference))

    return make


@pytest.fixture
def enrol(collection):
    def enrol(client, name):
        found = client("IndexFaces", CollectionId=collection, Image={"Bytes": picture(person(name))})
        return found["FaceRecords"][0]["Face"]["FaceId"]

    return enrol


def listed(call):
    return {each["FaceId"] for each in call("ListFaces", CollectionId="friends")["Faces"]}


def test_what_is_enrolled_under_a_consent_goes_when_it_is_withdrawn(call, consented, enrol):
    """And nobody else."""
    adas, again, bobs = enrol(consented(), "ada"), enrol(consented(), "ada again"), enrol(call, "bob")
    [consent] = call("ListConsents")["Consents"]
    assert (consent["Reference"], consent["Faces"]) == (FORM, 2)
    assert set(call("WithdrawConsent", Reference=FORM)["ErasedFaceIds"]) == {adas, again}
    assert listed(call) == {bobs}
    [consent] = call("ListConsents")["Consents"]
    assert (consent["WithdrawnBy"], consent["Faces"]) == ("tester", 0)
    with call.database.read() as connection:
        latest = call.audit.list_latest(connection, call.caller.account_id)
    assert "EraseFaces" in {each.members["operation"] for each in latest}


def test_nothing_is_enrolled_under_a_withdrawn_consent(call, consented, enrol, collection):
    """Before any pixel is looked at, by IndexFaces and by an import; another consent is another matter."""
    enrol(consented(), "ada")
    call("WithdrawConsent", Reference=FORM)
    with pytest.raises(AccessDeniedException, match="CON-002"):
        consented()("IndexFaces", CollectionId=collection, Image={"Bytes": b"no picture"})
    with pytest.raises(AccessDeniedException, match="CON-002"):
        consented(f" {FORM} ")(
            "ImportFace",
            CollectionId=collection,
            Image={"Bytes": b"no picture"},
            ImportId=str(uuid.uuid4()),
            ImportItem=1,
            ExternalImageId="ada",
        )
    with pytest.raises(AccessDeniedException, match="CON-002"):
        call("PutConsent", CollectionId=collection, FaceIds=[enrol(call, "bob")], Reference=FORM)
    assert enrol(consented("form 8"), "ada") in listed(call)


def test_an_import_is_bound_as_well(call, consented, collection):
    """One door that forgets it would be the way around it."""
    imported = consented()(
        "ImportFace",
        CollectionId=collection,
        Image={"Bytes": picture(person("ada"))},
        ImportId=str(uuid.uuid4()),
        ImportItem=1,
        ExternalImageId="ada",
    )
    assert call("ListConsents")["Consents"][0]["Faces"] == 1
    assert call("WithdrawConsent", Reference=FORM)["ErasedFaceIds"] == [
        imported["FaceRecords"][0]["Face"]["FaceId"]
    ]


def test_a_withdrawal_waits_for_an_enrolment_under_way_and_takes_its_face_along(
    call, consented, enrol, collection
):
    """Else a face would come in under a consent that is withdrawn, and stay."""
    enrol(consented(), "ada")
    client, done = consented(), []

    def withdraw():
        done.append(call("WithdrawConsent", Reference=FORM)["ErasedFaceIds"])

    with UnitOfWork(client.database) as uow:
        from countenance.operations.registry import OPERATIONS

        answer = OPERATIONS["rekognition"]["IndexFaces"](
            {"CollectionId": collection, "Image": {"Bytes": picture(person("ada 2"))}}, client.deps(uow)
        )
        thread = threading.Thread(target=withdraw)
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
        uow.commit()
    thread.join(10)
    [erased] = done
    assert len(erased) == 2
    assert answer["FaceRecords"][0]["Face"]["FaceId"] in erased
    assert listed(call) == set()


def test_faces_that_are_there_are_bound_later(call, enrol, collection):
    """An account that had its consents on paper."""
    adas = enrol(call, "ada")
    first = call("PutConsent", CollectionId=collection, FaceIds=[adas], Reference="paper 1")
    assert call("PutConsent", CollectionId=collection, FaceIds=[adas], Reference="paper 1") == first
    with pytest.raises(ResourceNotFoundException, match="face id"):
        call("PutConsent", CollectionId=collection, FaceIds=[str(uuid.uuid4())], Reference="paper 1")
    with pytest.raises(InvalidParameterException, match="1 to 1024"):
        call("PutConsent", CollectionId=collection, FaceIds=[adas], Reference="  ")
    assert call("WithdrawConsent", Reference="paper 1")["ErasedFaceIds"] == [adas]


def test_a_reference_is_another_accounts_own(call, other_call, consented, enrol):
    """Two accounts may number their forms alike."""
    enrol(consented(), "ada")
    with pytest.raises(ResourceNotFoundException, match="no consent"):
        other_call("WithdrawConsent", Reference=FORM)
    assert other_call("ListConsents")["Consents"] == []
    assert len(listed(call)) == 1


def test_it_is_withdrawn_once(call, consented, enrol):
    enrol(consented(), "ada")
    call("WithdrawConsent", Reference=FORM)
    with pytest.raises(ConflictException, match="already"):
        call("WithdrawConsent", Reference=FORM)


def test_the_reference_is_kept_sealed(call, consented, enrol, key_store):
    """It may be a name: it stands in clear neither in the database nor in the log."""
    enrol(consented(), "ada")
    with call.database.read() as connection:
        rows = connection.execute(
            "select * from consent where account_id = %s", (call.caller.account_id,)
        ).fetchall()
        sealed = connection.execute(
            "select consent_id, sealed_reference from consent where account_id = %s",
            (call.caller.account_id,),
        ).fetchone()
    assert "Lovelace" not in repr(rows)
    assert key_store.unseal(bytes(sealed[1]), context=consent_context(sealed[0])) == FORM.encode()


def test_a_face_under_hold_keeps_the_consent_standing_until_it_is_released(
    call, client_of, consented, enrol, collection
):
    """All or nothing: a withdrawal that half happened would be told as done."""
    adas = enrol(consented(), "ada")
    office = client_of.accounts.create_account("Office")
    client_of.governance.officers.add(office.account_id, "Olga", "officer", actor=Actor("test"))
    officer = client_of(office, officer="Olga", purpose=None)
    held = officer(
        "PutLegalHold",
        AccountId=call.caller.account_id,
        CollectionId=collection,
        FaceIds=[adas],
        Reason="court order 12",
    )
    with pytest.raises(ConflictException, match="HLD-001"):
        call("WithdrawConsent", Reference=FORM)
    assert "WithdrawnAt" not in call("ListConsents")["Consents"][0]
    officer("ReleaseLegalHold", HoldId=held["HoldId"], Reason="it was lifted")
    assert call("WithdrawConsent", Reference=FORM)["ErasedFaceIds"] == [adas]
