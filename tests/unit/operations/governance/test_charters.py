from __future__ import annotations

import base64
import uuid
from types import MappingProxyType

import pytest

from countenance.accounts import Actor
from countenance.audit import Touch
from countenance.audit.disclosure import disclose
from countenance.errors import (
    AccessDeniedException,
    InvalidParameterException,
    ResourceNotFoundException,
)
from countenance.policy import load_purposes
from countenance.wire.model import load_models
from fakes.vision import person, picture
from governed import OFFICERS, ready_account, ready_key
from small_server import small_server

OLGA = OFFICERS[0]
TAGS = MappingProxyType(
    {
        "countenance:purposes": "development photo-library",
        "countenance:kind": "enrolled",
        "countenance:legal-basis": " consent, in writing ",
        "countenance:face-cap": "100",
        "countenance:retention-days": "30",
        "countenance:minors": "allowed",
        "team": "a",
    }
)
WRITTEN = MappingProxyType(
    {
        "Purposes": ["development", "photo-library"],
        "Kind": "enrolled",
        "LegalBasis": "consent, in writing",
        "FaceCap": 100,
        "RetentionDays": 30,
        "MinorsAllowed": True,
    }
)


@pytest.fixture
def officer(client_of):
    office = client_of.accounts.create_account("Office")
    client_of.governance.officers.add(office.account_id, OLGA, "officer", actor=Actor("test"))
    return client_of(office, officer=OLGA, purpose=None)


@pytest.fixture
def chartered(call):
    """A collection whose charter was asked for in tags."""
    call("CreateCollection", CollectionId="chartered", Tags=dict(TAGS))
    return "chartered"


def charter(call, name):
    return call("DescribeCharter", CollectionId=name)["Charter"]


# DescribeCharter


def test_a_collection_that_asks_for_nothing_has_the_charter_of_its_keys_purpose(call, collection):
    purpose = load_purposes()["development"]
    assert charter(call, collection) == {
        "Purposes": ["development"],
        "Kind": purpose.kind,
        "LegalBasis": purpose.legal_basis,
        "FaceCap": purpose.face_cap,
        "MinorsAllowed": purpose.minors_allowed,
    }


def test_a_charter_asked_for_in_tags_is_the_collections(call, chartered):
    """Clients of Amazon's API can send no more than tags; those of ours are not kept as tags."""
    assert charter(call, chartered) == WRITTEN
    arn = call("DescribeCollection", CollectionId=chartered)["CollectionARN"]
    assert call("ListTagsForResource", ResourceArn=arn)["Tags"] == {"team": "a"}


@pytest.mark.parametrize("operation", ["DescribeCharter", "PutCharter"])
def test_a_charter_is_of_a_collection_of_the_callers(call, other_call, collection, operation):
    for client, name in ((call, "nobody"), (other_call, collection)):
        with pytest.raises(ResourceNotFoundException, match=f"The collection id: {name} does not exist"):
            client(operation, CollectionId=name)


@pytest.mark.parametrize("operation", ["DescribeCharter", "PutCharter"])
def test_a_collection_without_a_charter_is_for_nothing(call, collection, operation):
    with call.database.transaction() as connection:
        connection.execute(
            "delete from charter using collection as c where c.collection_id = charter.collection_id"
            " and c.account_id = %s",
            (call.caller.account_id,),
        )
    with pytest.raises(ResourceNotFoundException, match="it is for nothing"):
        call(operation, CollectionId=collection)


# PutCharter


@pytest.mark.parametrize(
    "narrower",
    [
        {"Purposes": ["photo-library"]},
        {"FaceCap": 99},
        {"RetentionDays": 29},
        {"MinorsAllowed": False},
        {"LegalBasis": "another paper"},
        {"Purposes": ["development"], "FaceCap": 1, "RetentionDays": 1, "MinorsAllowed": False},
        {},
    ],
)
def test_a_charter_is_narrowed_and_what_is_not_named_stays(call, chartered, narrower):
    assert call("PutCharter", CollectionId=chartered, **narrower) == {"Charter": WRITTEN | narrower}
    assert charter(call, chartered) == WRITTEN | narrower


@pytest.mark.parametrize(
    ("wider", "named"),
    [
        ({"Purposes": ["development", "photo-library", "research"]}, "Purposes"),
        ({"Purposes": ["research"]}, "Purposes"),
        ({"FaceCap": 101}, "FaceCap"),
        ({"RetentionDays": 31}, "RetentionDays"),
        ({"FaceCap": 10**6, "RetentionDays": 36500}, "FaceCap, RetentionDays"),
    ],
)
def test_a_charter_is_never_widened(call, chartered, wider, named):
    """What people were told when their faces were enrolled stays true; nothing of such a call is done."""
    narrower = {"LegalBasis": "another paper", "MinorsAllowed": False}
    with pytest.raises(InvalidParameterException, match=f"would widen or change {named}$"):
        call("PutCharter", CollectionId=chartered, **narrower | wider)
    assert charter(call, chartered) == WRITTEN


def test_what_was_narrowed_is_not_widened_back(call, chartered):
    call("PutCharter", CollectionId=chartered, Purposes=["development"], MinorsAllowed=False)
    for wider in ({"Purposes": ["development", "photo-library"]}, {"MinorsAllowed": True}):
        with pytest.raises(InvalidParameterException):
            call("PutCharter", CollectionId=chartered, **wider)


def test_a_retention_can_be_set_where_there_was_none(call, collection):
    call("PutCharter", CollectionId=collection, RetentionDays=365)
    assert charter(call, collection)["RetentionDays"] == 365
    with pytest.raises(InvalidParameterException):
        call("PutCharter", CollectionId=collection, RetentionDays=366)


def test_a_legal_basis_may_be_taken_away_as_well(call, chartered):
    """CAP-002 then stops searches and enrolments: taking it back is narrowing."""
    call("PutCharter", CollectionId=chartered, LegalBasis=" ")
    assert charter(call, chartered)["LegalBasis"] == ""


# EraseFaces


def erase(client, call, collection, *face_ids, reason="the person asked for it"):
    return client(
        "EraseFaces",
        AccountId=call.caller.account_id,
        CollectionId=collection,
        FaceIds=list(face_ids),
        Reason=reason,
    )


def test_faces_are_erased_by_officers_alone(call, other_call, collection, index):
    [face] = index(picture(person("ada")))
    for client in (call, other_call):
        with pytest.raises(AccessDeniedException, match="CORE-004"):
            erase(client, call, collection, face)
    assert call("ListFaces", CollectionId=collection)["Faces"]


def test_a_face_is_erased_also_where_it_is_a_users_and_what_is_not_there_is_passed_over(
    call, collection, index, officer
):
    """DeleteFaces leaves the faces of users alone; what a person may ask for does not depend on that."""
    ada, bob = index(picture(person("ada"), person("bob", left=500)))
    call("CreateUser", CollectionId=collection, UserId="ada")
    call("AssociateFaces", CollectionId=collection, UserId="ada", FaceIds=[ada])
    absent = str(uuid.uuid4())
    assert erase(officer, call, collection, ada, absent, ada) == {"ErasedFaceIds": [ada]}
    assert [face["FaceId"] for face in call("ListFaces", CollectionId=collection)["Faces"]] == [bob]
    found = call(
        "SearchFacesByImage", CollectionId=collection, Image={"Bytes": picture(person("ada", left=300))}
    )
    assert found["FaceMatches"] == []


@pytest.mark.parametrize("unknown", ["face", "collection", "account", "other account"])
def test_an_erasure_of_nothing_is_told_as_such(call, other_call, collection, index, officer, unknown):
    """Whoever asks for a person must not think that it was done."""
    [face] = index(picture(person("ada")))
    asked = {
        "face": (call.caller.account_id, collection, str(uuid.uuid4())),
        "collection": (call.caller.account_id, "nobody", face),
        "account": ("999999999999", collection, face),
        "other account": (other_call.caller.account_id, collection, face),
    }[unknown]
    with pytest.raises(ResourceNotFoundException):
        officer(
            "EraseFaces",
            **dict(zip(("AccountId", "CollectionId"), asked[:2], strict=True)),
            FaceIds=[asked[2]],
            Reason="asked for",
        )
    assert [each["FaceId"] for each in call("ListFaces", CollectionId=collection)["Faces"]] == [face]


def test_an_erasure_stands_in_the_log_of_the_account_that_had_the_face(call, collection, index, officer):
    """Not in that of the officer's call alone: the account must be able to see what became of its data."""
    faces = index(picture(person("ada"), person("bob", left=500)))
    erase(officer, call, collection, *faces)
    with call.database.read() as connection:
        newest = call.audit.list_latest(connection, call.caller.account_id)[0]
    told = {name: newest.members[name] for name in ("kind", "operation", "outcome", "deleted", "previous")}
    assert told == {
        "kind": "change",
        "operation": "EraseFaces",
        "outcome": "answered",
        "deleted": 2,
        "previous": str(officer.caller.event_id),
    }
    assert newest.opened("resource") == "the person asked for it"
    assert newest.opened("collection") == collection


class Customer:
    """An account beside the house on a small server, and an officer of the house."""

    def __init__(self, server):
        self.server = server
        services = server.bench.services
        self.account = ready_account(services.accounts, services.governance, "Customer")
        self.key = ready_key(services.accounts, self.account)
        self.office = services.accounts.create_access_key(
            server.bench.account.account_id, operator=OLGA, officer=OLGA
        )

    def call(self, operation, **request):
        return self._call(self.key, "rekognition", operation, request)

    def officer(self, operation, **request):
        return self._call(self.office, "countenance", operation, request)

    def _call(self, key, service, operation, request):
        answer, told = self.server.bench.call(
            operation, request, service=service, access_key_id=key.access_key_id, secret=key.secret
        )
        assert answer.status == 200, told
        return told

    def disclosed(self, face_id):
        """Operations that the person whose face it is is told of."""
        with self.server.database.read() as connection:
            found = disclose(
                connection,
                self.server.bench.services.audit,
                account_id=self.account.account_id,
                region="us-east-1",
                collection="friends",
                subject=Touch(role="probe", kind="face", id=face_id),
            )
        return [each.own.members["operation"] for each in found]


@pytest.fixture
def customer(empty_database_url, tmp_path, engine):
    """On a server with a log of its own, that has worked and was reconciled."""
    models = load_models()
    with small_server(empty_database_url, tmp_path / "data", models=models, policy=engine) as server:
        server.work()
        server.merge()
        assert server.reconcile().mismatches == {}
        yield Customer(server)


def test_an_erasure_agrees_with_the_log_and_the_person_is_told_of_it(customer):
    """Faces that are gone without an entry of their own are what reconciliation looks for."""
    customer.call("CreateCollection", CollectionId="friends")
    image = {"Bytes": base64.b64encode(picture(person("ada"), person("bob", left=500))).decode()}
    records = customer.call("IndexFaces", CollectionId="friends", Image=image)["FaceRecords"]
    ada, bob = (record["Face"]["FaceId"] for record in records)
    customer.call("CreateUser", CollectionId="friends", UserId="ada")
    customer.call("AssociateFaces", CollectionId="friends", UserId="ada", FaceIds=[ada])
    customer.server.merge()
    assert customer.server.reconcile().mismatches == {}
    erased = customer.officer(
        "EraseFaces",
        AccountId=customer.account.account_id,
        CollectionId="friends",
        FaceIds=[ada],
        Reason="asked for",
    )
    assert erased["ErasedFaceIds"] == [ada]
    customer.server.merge()
    assert customer.server.reconcile().mismatches == {}
    assert customer.server.reconcile(full=True).mismatches == {}
    assert customer.disclosed(ada) == ["EraseFaces"]
    assert customer.disclosed(bob) == ["IndexFaces"]


# ListErasures


def indexed(call, name, *people):
    return [
        call("IndexFaces", CollectionId=name, Image={"Bytes": picture(person(who))})["FaceRecords"][0][
            "Face"
        ]["FaceId"]
        for who in people
    ]


def test_deletions_are_listed_until_they_are_final(call, other_call):
    for name in ("one", "two"):
        call("CreateCollection", CollectionId=name)
        first, *_ = indexed(call, name, "ada", "bob")
        call("DeleteFaces", CollectionId=name, FaceIds=[first])
    assert [each["CollectionId"] for each in call("ListErasures")["Erasures"]] == ["one", "two"]
    [pending] = call("ListErasures", CollectionId="two")["Erasures"]
    assert (pending["CollectionId"], pending["PendingFaces"]) == ("two", 1)
    assert pending["FinalBy"] - pending["OldestDeletion"] == pytest.approx(24 * 3600)
    assert other_call("ListErasures")["Erasures"] == []
    with pytest.raises(ResourceNotFoundException):
        other_call("ListErasures", CollectionId="two")
    finality = call.gallery.finality
    for each in finality.pending(account_id=call.caller.account_id):
        finality.make_final(each.collection, record=lambda *_: None)
    assert call("ListErasures")["Erasures"] == []
    assert len(call("ListFaces", CollectionId="two")["Faces"]) == 1


def test_a_deleted_collection_is_final_at_once(call, collection):
    (face_id,) = indexed(call, collection, "ada")
    call("DeleteFaces", CollectionId=collection, FaceIds=[face_id])
    call("DeleteCollection", CollectionId=collection)
    assert call("ListErasures")["Erasures"] == []
