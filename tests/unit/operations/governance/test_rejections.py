"""RejectMatch, WithdrawRejection, ListRejectedMatches, and what the operations that rank make of them."""

from __future__ import annotations

import uuid

import pytest

from countenance.errors import (
    ConflictException,
    InvalidPaginationTokenException,
    InvalidParameterException,
    ResourceNotFoundException,
)
from countenance.operations.registry import OPERATIONS
from countenance.store import UnitOfWork
from fakes.vision import person, picture

IMPORT = {"ImportId": str(uuid.uuid4()), "ImportItem": 1, "ExternalImageId": "sister"}


@pytest.fixture
def people(call, collection, index, user):
    """A face of nobody's that resembles Ada, and hers: their ids."""
    [sister] = index(picture(person("ada", likeness=0.9)))
    [adas] = index(picture(person("ada")))
    user("ada", adas)
    return sister, adas


@pytest.fixture
def user(call, collection):
    def make(name, *face_ids):
        call("CreateUser", CollectionId=collection, UserId=name)
        if face_ids:
            call("AssociateFaces", CollectionId=collection, UserId=name, FaceIds=list(face_ids))

    return make


def reject(call, face, **target):
    return call("RejectMatch", CollectionId="friends", FaceId=face, **target)["Rejection"]


def test_a_rejection_is_made_once_listed_and_taken_back(call, people):
    """What is answered says who, when and why; once more it is what stands."""
    sister, adas = people
    made = reject(call, sister, UserId="ada", Reason="her sister")
    assert made.items() >= {"FaceId": sister, "UserId": "ada", "Reason": "her sister"}.items()
    assert (made["RejectedBy"], "RejectedFaceId" in made) == ("tester", False)
    assert reject(call, sister, UserId="ada", Reason="another reason") == made
    assert call("ListRejectedMatches", CollectionId="friends") == {"Rejections": [made]}
    assert call("ListRejectedMatches", CollectionId="friends", FaceId=adas)["Rejections"] == []
    taken = call("WithdrawRejection", CollectionId="friends", FaceId=sister, UserId="ada")
    assert taken == {"Rejection": made}
    with pytest.raises(ResourceNotFoundException, match="no such rejection"):
        call("WithdrawRejection", CollectionId="friends", FaceId=sister, UserId="ada")


def test_exactly_one_is_rejected(call, people):
    """Neither leaves open who; both could contradict each other."""
    sister, adas = people
    for operation in ("RejectMatch", "WithdrawRejection"):
        for target in ({}, {"UserId": "ada", "RejectedFaceId": adas}):
            with pytest.raises(InvalidParameterException, match="exactly one of"):
                call(operation, CollectionId="friends", FaceId=sister, **target)


def test_a_list_has_pages(call, people, user):
    """A page of one filter does not go on in another."""
    sister, _ = people
    for name in ("bob", "eve", "mia"):
        user(name)
        reject(call, sister, UserId=name)
    first = call("ListRejectedMatches", CollectionId="friends", MaxResults=2)
    rest = call("ListRejectedMatches", CollectionId="friends", NextToken=first["NextToken"])
    assert [each["UserId"] for each in first["Rejections"] + rest["Rejections"]] == ["bob", "eve", "mia"]
    assert "NextToken" not in rest
    with pytest.raises(InvalidPaginationTokenException):
        call("ListRejectedMatches", CollectionId="friends", FaceId=sister, NextToken=first["NextToken"])


def test_another_accounts_collection_is_as_if_it_were_not_there(call, other_call, people):
    """Nobody's corrections reach into what is another's."""
    sister, adas = people
    for operation in ("RejectMatch", "WithdrawRejection"):
        with pytest.raises(ResourceNotFoundException):
            other_call(operation, CollectionId="friends", FaceId=sister, UserId="ada")
    with pytest.raises(ResourceNotFoundException):
        other_call("ListRejectedMatches", CollectionId="friends")
    other_call("CreateCollection", CollectionId="friends")
    with pytest.raises(ResourceNotFoundException, match="face id"):
        other_call("RejectMatch", CollectionId="friends", FaceId=sister, RejectedFaceId=adas)
    assert call("ListRejectedMatches", CollectionId="friends")["Rejections"] == []


def test_a_face_of_the_user_is_disassociated_first(call, people):
    """The caller is told the way."""
    with pytest.raises(ConflictException, match="disassociate it first"):
        reject(call, people[1], UserId="ada")


@pytest.mark.parametrize("of_faces", [False, True])
def test_every_search_heeds_it_and_says_how_many_it_left_out(call, people, of_faces):
    """An exclusion that nobody is told of would be a way to hide somebody."""
    sister, adas = people
    photo = {"Bytes": picture(person("ada", likeness=0.9), note="again")}
    searches = {
        "SearchFaces": ({"FaceId": sister}, lambda told: told["FaceMatches"]),
        "SearchUsers": ({"FaceId": sister}, lambda told: told["UserMatches"]),
        "SearchUsersByImage": ({"Image": photo}, lambda told: told["UserMatches"]),
        "SearchFacesByImage": ({"Image": photo}, lambda told: told["FaceMatches"]),
        "IdentifyFace": ({"Image": photo}, lambda told: told["Candidates"]),
    }

    def asked(name):
        request, found = searches[name]
        with UnitOfWork(call.database) as uow:
            deps = call.deps(uow)
            service = "countenance" if name == "IdentifyFace" else "rekognition"
            answer = OPERATIONS[service][name]({"CollectionId": "friends", **request}, deps)
            return len(found(answer)), deps.report.rejected, answer

    before = {name: asked(name)[0] for name in searches}
    assert {name: asked(name)[1] for name in searches} == dict.fromkeys(searches, 0)
    reject(call, sister, **({"RejectedFaceId": adas} if of_faces else {"UserId": "ada"}))
    for name in searches:
        count, rejected, answer = asked(name)
        assert (count, rejected) == (before[name] - 1, 1), name
        if name == "IdentifyFace":
            assert answer["CandidatesRejected"] == 1


def test_what_compares_two_given_faces_is_not_changed(call, people):
    """Nobody is ranked: who asks whether these two are alike is answered so."""
    sister, _ = people
    image = {"Bytes": picture(person("ada", likeness=0.9), note="again")}
    before = call("VerifyFaces", CollectionId="friends", Image=image, UserId="ada")
    reject(call, sister, UserId="ada")
    assert call("VerifyFaces", CollectionId="friends", Image=image, UserId="ada") == before


def test_an_association_is_refused_while_it_stands(call, people):
    """By AWS's own enumeration, and without a Confidence: it is not for want of likeness."""
    sister, _ = people
    reject(call, sister, UserId="ada")
    asked = {"CollectionId": "friends", "UserId": "ada", "FaceIds": [sister]}
    assert call("AssociateFaces", **asked)["UnsuccessfulFaceAssociations"] == [
        {"FaceId": sister, "Reasons": ["LOW_MATCH_CONFIDENCE"]}
    ]
    call("WithdrawRejection", CollectionId="friends", FaceId=sister, UserId="ada")
    assert call("AssociateFaces", **asked)["AssociatedFaces"] == [{"FaceId": sister}]


def test_an_import_is_not_held_because_of_a_pair_that_was_rejected(call, index, user):
    """Whoever has said once that the sister is not Ada need not say it for each of her photos."""
    [adas] = index(picture(person("ada")))
    [sister] = index(picture(person("ada", likeness=0.6)))
    user("ada", adas)
    user("sister", sister)
    image = {"Bytes": picture(person("ada", likeness=0.9), note="more of her")}
    asked = {"CollectionId": "friends", "Image": image, "UserId": "sister", **IMPORT, "DryRun": True}
    held = call("ImportFace", **asked)
    assert held["Verdict"] == "LOOKS_LIKE_ANOTHER"
    assert [each["Face"]["FaceId"] for each in held["FaceMatches"]] == [adas]
    reject(call, sister, UserId="ada")
    assert call("ImportFace", **asked)["Verdict"] == "ENROLLED"
    done = call("ImportFace", **asked | {"DryRun": False})
    assert (done["Verdict"], done["FaceMatches"]) == ("ENROLLED", [])
