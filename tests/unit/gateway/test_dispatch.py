from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from countenance.errors import ConflictException
from countenance.gateway.dispatch import digest_of
from countenance.operations.registry import OPERATIONS
from fakes.vision import person, picture

ADA = {"Bytes": picture(person("ada"))}
FACES = ["00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"]


def test_a_repeated_token_repeats_the_answer_and_not_the_work(bench):
    """A client that lost the answer asks again and must not be told that its own user is in the way."""
    bench.call("CreateCollection", {"CollectionId": "faces"})
    request = {"CollectionId": "faces", "UserId": "ada", "ClientRequestToken": "t-1"}
    first, _ = bench.call("CreateUser", request)
    again, body = bench.call("CreateUser", request)
    assert (first.status, again.status, body) == (200, 200, {})
    assert ["replay" in entry.members for entry in bench.events()[:2]] == [True, False]
    other, told = bench.call("CreateUser", request | {"ClientRequestToken": "t-2"})
    assert (other.status, told["__type"]) == (400, "ConflictException")


def test_the_answer_comes_back_as_it_was(bench):
    request = {"CollectionId": "c", "UserId": "ada", "FaceIds": FACES, "ClientRequestToken": "t"}
    first = bench.call("AssociateFaces", request)[1]
    bench.operations["rekognition"]["AssociateFaces"] = None
    assert bench.call("AssociateFaces", request)[1] == first


def test_the_same_token_with_another_request_is_a_mismatch(bench):
    request = {"CollectionId": "c", "UserId": "ada", "FaceIds": FACES, "ClientRequestToken": "t"}
    bench.call("AssociateFaces", request)
    answer, told = bench.call("AssociateFaces", request | {"UserId": "grace"})
    assert (answer.status, told["__type"]) == (400, "IdempotentParameterMismatchException")
    assert told["Message"] == "The ClientRequestToken: t you have supplied is already in use"


def test_a_token_is_of_one_account_and_one_operation(bench, make_bench):
    request = {"CollectionId": "c", "UserId": "ada", "FaceIds": FACES, "ClientRequestToken": "t"}
    bench.call("AssociateFaces", request)
    assert make_bench().call("AssociateFaces", request | {"UserId": "grace"})[0].status == 200
    assert (
        bench.call("CreateUser", {"CollectionId": "c", "UserId": "ada", "ClientRequestToken": "t"})[0].status
        == 200
    )


def test_a_call_that_failed_leaves_its_token_free(bench):
    """What was rolled back has not happened: the client's next attempt is the first."""
    request = {"CollectionId": "c", "UserId": "ada", "FaceIds": FACES, "ClientRequestToken": "t"}
    works = bench.operations["rekognition"]["AssociateFaces"]

    def fails(request, deps):
        raise ConflictException("not now")

    bench.operations["rekognition"]["AssociateFaces"] = fails
    assert bench.call("AssociateFaces", request)[0].status == 400
    bench.operations["rekognition"]["AssociateFaces"] = works
    assert bench.call("AssociateFaces", request)[0].status == 200


def test_of_calls_that_arrive_together_with_one_token_one_works_and_all_get_its_answer(bench):
    runs = []
    together = threading.Barrier(4)

    def count(request, deps):
        runs.append(deps.caller)
        return {"AssociatedFaces": [], "UnsuccessfulFaceAssociations": [], "UserStatus": "ACTIVE"}

    bench.operations["rekognition"]["AssociateFaces"] = count
    request = {"CollectionId": "c", "UserId": "ada", "FaceIds": FACES, "ClientRequestToken": "t"}

    def send(_):
        together.wait(10)
        return bench.call("AssociateFaces", request)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send, range(4)))
    assert len(runs) == 1
    assert [answer.status for answer, _ in answers] == [200] * 4
    assert all(body == answers[0][1] for _, body in answers)
    assert sorted("replay" in entry.members for entry in bench.events()[:4]) == [False, True, True, True]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"A": 1, "B": [2]}, {"B": [2], "A": 1}, True),
        ({"A": 1, "ClientRequestToken": "x"}, {"A": 1, "ClientRequestToken": "y"}, True),
        ({"A": 1}, {"A": 2}, False),
        ({"A": [1, 2]}, {"A": [2, 1]}, False),
        ({"A": b"photo"}, {"A": b"photo"}, True),
        ({"A": b"photo"}, {"A": b"other"}, False),
    ],
)
def test_requests_are_the_same_whatever_the_order_of_their_members(one, other, same):
    assert (digest_of(one) == digest_of(other)) is same


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("SearchFacesByImage", {"Image": ADA}),
        ("SearchUsersByImage", {"Image": ADA}),
        ("IndexFaces", {"Image": ADA}),
        ("SearchFaces", {"FaceId": FACES[0]}),
        ("SearchUsers", {"FaceId": FACES[0]}),
        ("AssociateFaces", {"UserId": "ada", "FaceIds": FACES}),
    ],
)
@pytest.mark.parametrize("meanwhile", ["exchanged", "made"])
def test_a_collection_that_came_after_the_decision_is_not_found(party, operation, request_, meanwhile):
    """Policy has judged the charter of another one, or of none: no face is used in what it never saw."""
    account = party("development", "photo-library")
    library = account.as_("photo-library")
    if meanwhile == "exchanged":
        account.told("CreateCollection", CollectionId="faces")

    def after_the_decision(request, deps):
        if meanwhile == "exchanged":
            library.told("DeleteCollection", CollectionId="faces")
        library.told("CreateCollection", CollectionId="faces")
        return OPERATIONS["rekognition"][operation](request, deps)

    late = account.with_operations(**{operation: after_the_decision})
    answer, told = late(operation, CollectionId="faces", **request_)
    assert (answer.status, told["__type"]) == (400, "ResourceNotFoundException")
    assert told["Message"] == "The collection id: faces does not exist"
    assert library.told("DescribeCollection", CollectionId="faces")["FaceCount"] == 0


def test_an_operation_that_uses_no_face_finds_any_collection_of_the_account(party):
    """Only what a charter is about is bound to the one that was judged."""
    account = party()

    def made_meanwhile(request, deps):
        account.told("CreateCollection", CollectionId="faces")
        return OPERATIONS["rekognition"]["DescribeCollection"](request, deps)

    late = account.with_operations(DescribeCollection=made_meanwhile)
    assert late.told("DescribeCollection", CollectionId="faces")["FaceCount"] == 0


def test_a_response_that_its_model_does_not_have_is_our_failure_and_changes_nothing(bench):
    answer, told = bench.call("DeleteCollection", {"CollectionId": "faces"})
    assert (answer.status, told["__type"]) == (500, "InternalServerError")
    assert bench.collections() == set()
