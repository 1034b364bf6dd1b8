"""The person's side over boto3: real photos, two workers, a suspended account, receipts."""

from __future__ import annotations

import json
import uuid

import pytest
from botocore.exceptions import ClientError

from countenance.cli.installation import open_store
from countenance.settings import Settings
from countenance.transparency.erasure_receipt import verify_erasure
from countenance.transparency.note import Note, Verifier
from logged_calls import await_entry

pytestmark = pytest.mark.xdist_group("server")

CALLS = 16
"""So many reach both workers."""


@pytest.fixture
def ours(service):
    return service.client("countenance")


@pytest.fixture
def man(portraits):
    """Two photos of one man."""
    return [{"Bytes": path.read_bytes()} for path in max(portraits.known.values(), key=len)[:2]]


@pytest.fixture
def his(rekognition, collection, man):
    told = rekognition.index_faces(CollectionId=collection, Image=man[0])
    return told["FaceRecords"][0]["Face"]["FaceId"]


def requested(client, kind, **who):
    return client.open_subject_request(Kind=kind, **who)["Request"]


def test_by_a_code_somebody_learns_which_searches_found_them_and_has_it_all_erased(
    service, rekognition, ours, collection, his, man
):
    """From the letter that came with the enrolment to the proof, against two workers that had searched."""
    code = ours.issue_enrolment_code(CollectionId=collection, FaceIds=[his])["Code"]
    search = {"CollectionId": collection, "Image": man[1], "FaceMatchThreshold": 50}
    found = [rekognition.search_faces_by_image(**search) for _ in range(CALLS)]
    assert {match["Face"]["FaceId"] for each in found for match in each["FaceMatches"]} == {his}

    asked = requested(ours, "access", Code=code)
    given = ours.get_access_report(RequestId=asked["RequestId"])
    report = json.loads(given["Report"])
    uses = [use for use in report["Uses"] if use["Role"] == "candidate"]
    assert len(uses) == CALLS
    assert {use["Event"] for use in uses} == {each["ResponseMetadata"]["RequestId"] for each in found}
    assert {(use["Operation"], use["Purpose"]) for use in uses} == {("SearchFacesByImage", "development")}
    assert [face["FaceId"] for face in report["Faces"]] == [his]
    assert f"Uses: {len(report['Uses'])}" in given["Text"]

    erasure = requested(ours, "erasure", Code=code)
    done = ours.decide_subject_request(RequestId=erasure["RequestId"], Decision="grant", Reason="asked")
    assert done["Request"]["ErasedFaceIds"] == [his]
    for _ in range(CALLS):
        assert rekognition.search_faces_by_image(**search)["FaceMatches"] == []
        proof = ours.get_erasure_proof(RequestId=erasure["RequestId"])
        assert (proof["Holds"], proof["RowsLeft"], proof["SearchedFaceIds"]) == (True, 0, [])
    assert proof["FinalBy"] > proof["LookedAt"]
    [request] = [
        each
        for each in ours.list_subject_requests(Code=code)["Requests"]
        if each["RequestId"] == erasure["RequestId"]
    ]
    assert request["Receipt"] == proof["Receipt"]


def test_the_receipt_is_checked_with_the_logs_public_key_and_its_entries_are_in_the_log(
    service, ours, rekognition, collection, his
):
    """Without trusting whoever gave it."""
    request = requested(ours, "erasure", CollectionId=collection, FaceIds=[his], Attestation="passport seen")
    done = ours.decide_subject_request(RequestId=request["RequestId"], Decision="grant", Reason="asked")
    note = done["Request"]["Receipt"]
    key = _receipt_key(service)
    receipt = verify_erasure(note, [key])
    assert [str(each) for each in receipt.face_ids] == [his]
    assert Note.parse(note).text == receipt.text
    told = [json.loads(await_entry(ours, str(each))["Entry"]) for each in receipt.event_ids]
    assert {(entry["operation"], entry["deleted"]) for entry in told} == {("EraseFaces", 1)}


def test_a_suspended_account_still_answers_the_people_whose_faces_it_holds(service, portraits):
    """Its standing is not their doing; but it enrols and searches nobody."""
    made = service.make_account(f"Suspended {uuid.uuid4().hex}", "development")
    rekognition, own = service.client(**made), service.client("countenance", **made)
    name = f"rights-{uuid.uuid4().hex}"
    rekognition.create_collection(CollectionId=name)
    photo = next(iter(portraits.known.values()))[0].read_bytes()
    told = rekognition.index_faces(CollectionId=name, Image={"Bytes": photo})
    face = told["FaceRecords"][0]["Face"]["FaceId"]
    officer = service.officer()
    officer.change_standing(AccountId=made["account"], Standing="suspended", Reason="a test")
    with pytest.raises(ClientError, match="AUP-002"):
        rekognition.list_faces(CollectionId=name)
    code = own.issue_enrolment_code(CollectionId=name, FaceIds=[face])["Code"]
    asked = requested(own, "access", Code=code)
    assert face in own.get_access_report(RequestId=asked["RequestId"])["Report"]
    erasure = requested(own, "erasure", CollectionId=name, FaceIds=[face], Attestation="seen")
    done = own.decide_subject_request(RequestId=erasure["RequestId"], Decision="grant", Reason="asked")
    assert done["Request"]["ErasedFaceIds"] == [face]


def test_a_code_stands_in_no_line_of_the_log(service, ours, collection, his):
    """Nor does what was attested; the answer alone has the code."""
    code = ours.issue_enrolment_code(CollectionId=collection, FaceIds=[his])["Code"]
    requested(ours, "access", Code=code)
    requested(ours, "access", CollectionId=collection, FaceIds=[his], Attestation="passport of X seen")
    entries = [
        entry["Entry"]
        for page in ours.get_paginator("list_audit_entries").paginate()
        for entry in page["Entries"]
    ]
    lines = "\n".join([*service.log_lines(), *entries])
    for word in (code, code.replace("-", ""), "passport of X seen"):
        assert word not in lines


def _receipt_key(service):
    """As the log tells it to anyone in its first entry."""
    where = {"database_url": service.database_options[1]} if service.database_options else {}
    with (
        open_store(Settings.from_env({}, data_dir=service.data_dir, **where)) as (database, _),
        database.read() as connection,
    ):
        row = connection.execute("select vkey from audit_key where use = 'receipt'").fetchone()
    return Verifier.parse(row[0])
