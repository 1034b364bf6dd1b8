"""What is kept of calls for detectors of misuse: little, sealed, and of calls that used a face alone."""

from __future__ import annotations

import base64
import json
import re
import uuid

import pytest

from countenance.audit import AuditLog
from fakes.vision import person, picture
from fixtures_gateway import header

FACE = "00000000-0000-4000-8000-000000000001"
ADA, BOB = ({"Bytes": picture(person(name))} for name in ("ada", "bob"))


def rows(account):
    """The account's observations, the oldest first: purpose, kind, and what is sealed in them."""
    audit = account.bench.services.audit
    with account.bench.database.read() as connection:
        found = connection.execute(
            "select event_id, purpose, kind, sealed from observation where account = %s order by at",
            (bytes.fromhex(account.bench.pseudonym("account", account.account_id)),),
        ).fetchall()
    return [
        (purpose, kind, audit.unseal_observation(account.account_id, event_id, bytes(sealed)))
        for event_id, purpose, kind, sealed in found
    ]


@pytest.fixture
def account(party):
    account = party()
    account.told("CreateCollection", CollectionId="friends")
    return account


def test_each_kind_of_call_that_used_a_face_leaves_one_row(account):
    """Its purpose and kind stand in clear, by the account's pseudonym: rates are counted from them."""
    account.told("IndexFaces", CollectionId="friends", Image=ADA)
    face = account.told("IndexFaces", CollectionId="friends", Image=BOB)["FaceRecords"][0]["Face"]["FaceId"]
    account.told("SearchFaces", CollectionId="friends", FaceId=face)
    account.told("SearchFacesByImage", CollectionId="friends", Image=ADA)
    account.told("SearchUsers", CollectionId="friends", FaceId=face)
    account.told("SearchUsersByImage", CollectionId="friends", Image=ADA)
    account.told("CompareFaces", SourceImage=ADA, TargetImage=BOB)
    account.told("DetectFaces", Image=ADA)
    account.told("CreateUser", CollectionId="friends", UserId="bob")
    account.told("AssociateFaces", CollectionId="friends", UserId="bob", FaceIds=[face])
    assert [(purpose, kind) for purpose, kind, _ in rows(account)] == [
        ("development", kind) for kind in ("enrol", "enrol", *["search"] * 4, "compare", "analyse", "compare")
    ]


def test_calls_that_use_no_face_leave_none(account):
    for operation, request in {
        "ListCollections": {},
        "ListFaces": {"CollectionId": "friends"},
        "DescribeCollection": {"CollectionId": "friends"},
        "CreateUser": {"CollectionId": "friends", "UserId": "bob"},
        "DeleteFaces": {"CollectionId": "friends", "FaceIds": [FACE]},
        "DeleteCollection": {"CollectionId": "friends"},
    }.items():
        account.told(operation, **request)
    account.told("GetCallerIdentity", service="countenance")
    assert rows(account) == []


def test_calls_that_are_not_answered_leave_none(account):
    """Refused by policy, by the operation, or by a fault of ours: nothing was seen in a face."""
    account.as_("photo-library").refused("DetectFaces", Image=ADA)
    assert account("SearchFaces", CollectionId="friends", FaceId=FACE)[0].status == 400
    assert account("DetectFaces", Image={"Bytes": b"no picture"})[0].status == 400

    def broken(request, deps):
        raise RuntimeError

    assert account.with_operations(DetectFaces=broken)("DetectFaces", Image=ADA)[0].status == 500
    assert rows(account) == []


def test_an_answer_that_is_given_again_leaves_no_second_row(account):
    """A client that asks again for what it has lost has not compared twice."""
    face = account.told("IndexFaces", CollectionId="friends", Image=BOB)["FaceRecords"][0]["Face"]["FaceId"]
    account.told("CreateUser", CollectionId="friends", UserId="bob")
    request = {"CollectionId": "friends", "UserId": "bob", "FaceIds": [face], "ClientRequestToken": "t"}
    for _ in range(2):
        account.told("AssociateFaces", **request)
    assert [kind for _, kind, _ in rows(account)] == ["enrol", "compare"]


def test_what_is_seen_of_a_search(account):
    """References and figures: which detectors need, and nothing that a face could be made from."""
    for place in range(3):
        note = picture(person("ada"), note=str(place))
        account.told("IndexFaces", CollectionId="friends", Image={"Bytes": note})
    claiming = account.as_("development", case="C-7", age="adult")
    told = claiming.told(
        "SearchFacesByImage", CollectionId="friends", Image=ADA, FaceMatchThreshold=90.0, MaxFaces=2
    )
    seen = rows(account)[-1][2]
    client = seen.pop("client")
    assert len(bytes.fromhex(client)) == 8
    (digest,) = seen.pop("inputs")
    assert len(bytes.fromhex(digest)) == 32
    assert len(bytes.fromhex(seen.pop("scene"))) == 8
    assert seen == {
        "collection": "friends",
        "operator": "tester",
        "key": claiming.bench.key.access_key_id,
        "case": "C-7",
        "age": "adult",
        "threshold": 90.0,
        "candidates": 2,
        "scores": 2,
        "faces": [match["Face"]["FaceId"] for match in told["FaceMatches"]],
    }


def test_what_is_seen_of_a_comparison_and_of_an_enrolment(account):
    """How many pairs got a score, also those that did not match: a crowd compared is a search."""
    crowd = picture(*(person(name, left=250 * place) for place, name in enumerate(("ada", "bob", "eve"))))
    account.told("CompareFaces", SourceImage=ADA, TargetImage={"Bytes": crowd})
    seen = rows(account)[-1][2]
    assert (seen["candidates"], seen["scores"], len(seen["inputs"])) == (1, 3, 2)
    assert "faces" not in seen
    account.told("IndexFaces", CollectionId="friends", Image={"Bytes": crowd})
    seen = rows(account)[-1][2]
    assert (seen["enrolled"], seen["collection"]) == (3, "friends")
    assert "candidates" not in seen


def test_whom_a_photo_is_verified_against_is_seen(account):
    """One after another they would be a search: a detector has to know that they are others."""
    face = account.told("IndexFaces", CollectionId="friends", Image=BOB)["FaceRecords"][0]["Face"]["FaceId"]
    account.told("VerifyFaces", service="countenance", CollectionId="friends", FaceId=face, Image=ADA)
    _, (_, kind, seen) = rows(account)
    assert (kind, seen["faces"], len(seen["inputs"])) == ("compare", [face], 1)


def test_of_many_candidates_some_are_kept(account):
    """Enough to see that it is the same few people over and over; the whole list is in the log's entry."""
    for place in range(25):
        account.told(
            "IndexFaces",
            CollectionId="friends",
            Image={"Bytes": picture(person("ada"), note=str(place))},
        )
    account.told("SearchFacesByImage", CollectionId="friends", Image=ADA)
    seen = rows(account)[-1][2]
    assert (seen["candidates"], len(seen["faces"])) == (25, 20)


def test_the_same_client_of_another_account_is_another_word(account, party):
    """Neither address nor program can be had back from it, nor can accounts be joined by it."""
    other = party()

    def client(caller, agent):
        bench = caller.bench
        answer, _ = bench.call(
            "DetectFaces", {"Image": {"Bytes": _base64(ADA)}}, headers={"user-agent": agent}
        )
        assert answer.status == 200
        return rows(caller)[-1][2]["client"]

    same = {client(account, "Boto3/1.40"), client(account, "Boto3/1.40")}
    assert len(same) == 1
    assert client(account, "curl/8") not in same
    assert client(other, "Boto3/1.40") not in same


def _base64(image):
    return base64.b64encode(image["Bytes"]).decode()


def test_a_row_opens_with_its_own_accounts_key_and_for_its_own_event_only(account, party):
    """Detectors work account by account; and an account that is forgotten takes what was seen with it."""
    answer, _ = account("DetectFaces", Image=ADA)
    event_id, other = uuid.UUID(header(answer, "x-countenance-event-id")), party()
    audit = account.bench.services.audit
    with account.bench.database.read() as connection:
        (sealed,) = connection.execute(
            "select sealed from observation where event_id = %s", (event_id,)
        ).fetchone()
    assert audit.unseal_observation(account.account_id, event_id, bytes(sealed)) is not None
    assert audit.unseal_observation(other.account_id, event_id, bytes(sealed)) is None
    assert audit.unseal_observation(account.account_id, uuid.uuid4(), bytes(sealed)) is None
    account.bench.services.accounts.forget_in_log(account.account_id)
    assert (
        AuditLog(account.server.keys).unseal_observation(account.account_id, event_id, bytes(sealed)) is None
    )


def test_neither_picture_nor_template_nor_name_is_in_a_row_or_beside_it(account):
    """Not in what is sealed, and nothing of whom or what in what stands in clear."""
    account.told("IndexFaces", CollectionId="friends", Image=ADA, ExternalImageId="ada-lovelace")
    told = account.told("SearchFacesByImage", CollectionId="friends", Image=ADA)
    assert told["FaceMatches"][0]["Face"]["ExternalImageId"] == "ada-lovelace"
    scores = [match["Similarity"] for match in told["FaceMatches"]]
    for _, _, seen in rows(account):
        text = json.dumps(seen)
        assert "lovelace" not in text
        assert not re.search(r'["-]ada["-]', text)  # not the letters alone: an id in hex may have them
        assert _base64(ADA)[:40] not in text
        assert not any(str(score) in text for score in scores)
        assert len(text) < 2000
    with account.bench.database.read() as connection:
        clear = connection.execute(
            "select string_agg(o::text, ' ') from observation as o where account = %s",
            (bytes.fromhex(account.bench.pseudonym("account", account.account_id)),),
        ).fetchone()[0]
    for word in ("friends", "tester", account.account_id, account.bench.key.access_key_id):
        assert word not in clear
        assert word.encode().hex() not in clear
