from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime

import numpy as np
import pytest

from countenance.errors import (
    InternalServerError,
    ResourceNotFoundException,
    UnrecognizedClientException,
)
from countenance.gallery import NewFace
from countenance.gateway.call import Call, Head
from countenance.gateway.respond import Refusal, respond_refused
from countenance.similarity import similarity_at_fmr
from countenance.store import UnitOfWork
from countenance.transparency.receipt import parse_receipt
from countenance.types import Confidence, FaceId, ImageId, RatioBox
from fakes.vision import person, picture
from fixtures_gateway import header


@pytest.fixture
def call():
    return Call(head=Head(method="POST", path="/", query="", headers={}, received_at=datetime.now(UTC)))


def _refused(call, error):
    return respond_refused(Refusal(call=call, error=error, verdict=None, fault=None, receipt="promised"))


def test_a_modeled_error_has_amazons_four_members(call):
    answer = _refused(call, ResourceNotFoundException("no such thing"))
    assert answer.body == (
        b'{"__type":"ResourceNotFoundException","Code":"ResourceNotFoundException","Logref":"%s",'
        b'"Message":"no such thing"}' % str(call.head.event_id).encode()
    )


def test_a_framework_error_has_a_type_and_a_small_message(call):
    """Clients read `message` first; only modeled errors have the capital one."""
    told = json.loads(_refused(call, UnrecognizedClientException()).body)
    assert told == {
        "__type": "UnrecognizedClientException",
        "message": "The security token included in the request is invalid.",
    }


def test_an_error_names_itself_in_a_header_as_well(call):
    """JavaScript and Java clients prefer the header, Python ones read the body only."""
    answer = _refused(call, InternalServerError())
    assert answer.status == 500
    assert header(answer, "x-amzn-ErrorType") == "InternalServerError"
    assert header(answer, "x-amzn-RequestId") == str(call.head.event_id)
    assert header(answer, "x-countenance-event-id") == str(call.head.event_id)
    assert header(answer, "x-countenance-receipt") == "promised"
    assert header(answer, "content-type") == "application/x-amz-json-1.1"


def test_an_event_id_is_answered_only_if_there_is_an_event(call):
    refusal = Refusal(call=call, error=InternalServerError(), verdict=None, fault=None)
    assert header(respond_refused(refusal), "x-countenance-event-id") is None
    assert header(respond_refused(refusal), "x-countenance-receipt") is None


def test_a_result_is_compact_json_with_its_ids(bench):
    answer, _ = bench.call(
        "SearchFaces", {"CollectionId": "c", "FaceId": "00000000-0000-4000-8000-000000000001"}
    )
    assert answer.status == 200
    assert b'"Similarity":90.25' in answer.body
    assert header(answer, "x-amzn-ErrorType") is None
    receipt, _ = parse_receipt(header(answer, "x-countenance-receipt"))
    assert str(receipt.event_id) == header(answer, "x-countenance-event-id")
    assert header(answer, "x-amzn-RequestId")


def test_faces_that_a_search_had_to_leave_out_are_told_beside_the_answer(party):
    """Their templates are damaged: the answer is of the others, and must not pass for one of all."""
    account = party("accessibility").as_("accessibility", consent="F-1")
    account.told("CreateCollection", CollectionId="friends")
    search = {"CollectionId": "friends", "Image": {"Bytes": picture(person("ada"))}}
    for name in ("ada", "bob"):
        account.told("IndexFaces", CollectionId="friends", Image={"Bytes": picture(person(name))})
    with account.bench.database.transaction() as connection:
        connection.execute(
            "update face set sealed_template = 'x' where face_id = (select min(face_id::text)::uuid from face"
            " join collection using (collection_id) where account_id = %s)",
            (account.account_id,),
        )
    answer, told = account("SearchFacesByImage", **search, FaceMatchThreshold=90.0, MaxFaces=10)
    assert answer.status == 200, told
    assert header(answer, "x-countenance-left-out") == "1"
    answer, told = account("SearchUsersByImage", **search, UserMatchThreshold=90.0, MaxUsers=10)
    assert answer.status == 200, told
    assert header(answer, "x-countenance-left-out") == "1"
    answer, _ = account("ListFaces", CollectionId="friends")
    assert header(answer, "x-countenance-left-out") is None


def test_candidates_that_rejections_left_out_are_told_beside_the_answer_and_in_its_entry(party):
    """An exclusion that nobody sees would be a way to hide somebody."""
    account = party("development")
    account.told("CreateCollection", CollectionId="friends")
    faces = [
        account.told(
            "IndexFaces",
            CollectionId="friends",
            Image={"Bytes": picture(person("ada", likeness=likeness))},
        )["FaceRecords"][0]["Face"]["FaceId"]
        for likeness in (1.0, 0.9)
    ]
    pair = {"CollectionId": "friends", "FaceId": faces[0], "RejectedFaceId": faces[1]}
    search = {"CollectionId": "friends", "FaceId": faces[0]}
    answer, _ = account("SearchFaces", **search)
    assert header(answer, "x-countenance-rejected") is None
    assert "rejected" not in account.entry(answer)
    answer, told = account("RejectMatch", service="countenance", **pair)
    assert answer.status == 200, told
    answer, told = account("SearchFaces", **search)
    assert (header(answer, "x-countenance-rejected"), told["FaceMatches"]) == ("1", [])
    assert account.entry(answer)["rejected"] == 1


def test_a_threshold_that_a_budget_raised_is_told_beside_the_answer(party):
    """The caller asked for another one: clients see the candidates, and whoever looks sees why so few."""
    account = party("accessibility").as_("accessibility", consent="F-1")
    account.told("CreateCollection", CollectionId="friends")
    search = {
        "CollectionId": "friends",
        "Image": {"Bytes": picture(person("ada"))},
        "FaceMatchThreshold": 90.0,
        "MaxFaces": 10,
    }
    gallery, collection = account.server.bench.services.gallery, None
    with UnitOfWork(account.bench.database) as work:
        collection = gallery.require_collection(account.account_id, "us-east-1", "friends")
        direction = np.zeros(64, np.float32)
        direction[0] = 1.0
        gallery.enrol(work, collection, [_face(direction) for _ in range(320)])
        work.commit()
    answer, _ = account("SearchFacesByImage", **search)
    assert header(answer, "x-countenance-threshold") is None
    assert account.entry(answer)["threshold"] == {"asked": 90, "in_force": 90}
    with UnitOfWork(account.bench.database) as work:
        gallery.enrol(work, collection, [_face(direction) for _ in range(480)])
        work.commit()
    answer, _ = account("SearchFacesByImage", **search)
    needed = similarity_at_fmr(0.01 / 800)
    assert needed > 90
    assert account.entry(answer)["threshold"] == {"asked": 90, "in_force": pytest.approx(needed)}
    assert header(answer, "x-countenance-threshold") == (
        f"{needed:g} (raised from 90: 800 references, budget of 0.01 false candidates)"
    )
    higher = search | {"FaceMatchThreshold": 99.0}
    answer, _ = account("SearchFacesByImage", **higher)
    assert header(answer, "x-countenance-threshold") is None
    assert account.entry(answer)["threshold"] == {"asked": 99, "in_force": 99}


def _face(template):
    return NewFace(
        face_id=FaceId(uuid.uuid4()),
        image_id=ImageId(uuid.uuid4()),
        external_image_id=None,
        box=RatioBox(left=0.1, top=0.1, width=0.2, height=0.3),
        confidence=Confidence(99.0),
        template=template,
    )
