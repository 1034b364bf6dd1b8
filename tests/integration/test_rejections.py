""" "Not this person" over boto3: a real photo, two workers, the header, the log, races and other accounts."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from logged_calls import await_entry

pytestmark = pytest.mark.xdist_group("server")

CALLS = 16
"""So many reach both workers."""
HEADER = "x-countenance-rejected"


@pytest.fixture
def ours(service):
    return service.client("countenance")


@pytest.fixture
def man(portraits):
    """Three photos of one man: one is enrolled under no name, one under his; the third comes later."""
    return [{"Bytes": path.read_bytes()} for path in max(portraits.known.values(), key=len)]


@pytest.fixture
def index(rekognition, collection):
    def index(image):
        told = rekognition.index_faces(CollectionId=collection, Image=image)
        return told["FaceRecords"][0]["Face"]["FaceId"]

    return index


@pytest.fixture
def people(rekognition, collection, index, man):
    """A face of nobody's, and one of the user `he`: as like as two photos of one man are."""
    unknown, his = index(man[0]), index(man[1])
    rekognition.create_user(CollectionId=collection, UserId="he")
    rekognition.associate_faces(CollectionId=collection, UserId="he", FaceIds=[his])
    return unknown, his


def told_of(answer):
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    named = answer.get("FaceMatches", answer.get("UserMatches", answer.get("Candidates")))
    return len(named), headers.get(HEADER)


def entry_of(ours, answer):
    """Once the sequencer has given it its place."""
    return json.loads(await_entry(ours, answer["ResponseMetadata"]["RequestId"])["Entry"])


def test_the_next_search_of_every_worker_heeds_it_and_says_so(
    service, rekognition, ours, collection, people, man
):
    """What one worker was told, all know at once; who searches is told how many were left out, and so is the
    log.
    """
    unknown, his = people
    searches = (
        lambda: rekognition.search_faces(CollectionId=collection, FaceId=unknown),
        lambda: rekognition.search_faces(CollectionId=collection, FaceId=his),
        lambda: rekognition.search_users(CollectionId=collection, FaceId=unknown),
        lambda: rekognition.search_users_by_image(CollectionId=collection, Image=man[0]),
        lambda: rekognition.search_faces_by_image(CollectionId=collection, Image=man[0]),
        lambda: ours.identify_face(CollectionId=collection, Image=man[0]),
    )
    before = [told_of(search()) for search in searches]
    assert before == [(1, None), (1, None), (1, None), (1, None), (2, None), (2, None)]
    pair = {"CollectionId": collection, "FaceId": unknown, "UserId": "he"}
    for _ in range(2):  # withdrawn, it may be said again
        made = ours.reject_match(**pair, Reason="somebody who looks like him")["Rejection"]
        for search, (found, _) in zip(searches, before, strict=True):
            assert {told_of(search()) for _ in range(CALLS // 4)} == {(found - 1, "1")}
        listed = ours.list_rejected_matches(CollectionId=collection, UserId="he")["Rejections"]
        assert listed == [made]
        ours.withdraw_rejection(**pair)
        for search, (found, _) in zip(searches, before, strict=True):
            assert {told_of(search()) for _ in range(CALLS // 4)} == {(found, None)}


def test_the_log_says_how_many_a_search_left_out_and_who_was_corrected(rekognition, ours, collection, people):
    """An exclusion that hides somebody must be found by whoever reads the log, not by who knows of it."""
    unknown, _ = people
    made = ours.reject_match(CollectionId=collection, FaceId=unknown, UserId="he")
    members = entry_of(ours, made)
    assert (members["operation"], members["decision"], members["touched"]["count"]) == (
        "RejectMatch",
        "allow",
        2,
    )
    searched = rekognition.search_faces(CollectionId=collection, FaceId=unknown)
    members = entry_of(ours, searched)
    assert (members["candidates"], members["rejected"]) == (0, 1)
    ours.withdraw_rejection(CollectionId=collection, FaceId=unknown, UserId="he")
    members = entry_of(ours, rekognition.search_faces(CollectionId=collection, FaceId=unknown))
    assert (members["candidates"], "rejected" in members) == (1, False)


def test_another_accounts_collection_is_as_if_it_were_not_there(service, ours, collection, people, refusal):
    """What is refused to strangers tells them nothing, not even that there is something."""
    unknown, _ = people
    pair = {"CollectionId": collection, "FaceId": unknown, "UserId": "he"}
    theirs = service.client("countenance", **service.make_account("Others who correct", "development"))
    for call in (theirs.reject_match, theirs.withdraw_rejection):
        code, _, _ = refusal(call, **pair)
        assert code == "ResourceNotFoundException"
    code, _, _ = refusal(theirs.list_rejected_matches, CollectionId=collection)
    assert code == "ResourceNotFoundException"
    assert ours.list_rejected_matches(CollectionId=collection)["Rejections"] == []


def test_a_key_that_may_not_enrol_corrects_nothing(service, refusal, man):
    """Who may only compare does not decide whom the searches of others find; it may read what was decided."""
    made = service.make_account("Verifiers who correct", "identity-verification", "development")
    other = service.client("countenance", **made)
    key = other.create_access_key(Purpose="development")
    keys = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    client, own = service.client(**keys), service.client("countenance", **keys)
    client.create_collection(CollectionId="staff")
    face = client.index_faces(CollectionId="staff", Image=man[0])["FaceRecords"][0]["Face"]["FaceId"]
    client.create_user(CollectionId="staff", UserId="he")
    pair = {"CollectionId": "staff", "FaceId": face, "UserId": "he"}
    code, message, _ = refusal(other.reject_match, **pair)
    assert (code, "COR-001" in message) == ("AccessDeniedException", True)
    own.reject_match(**pair)
    assert len(other.list_rejected_matches(CollectionId="staff")["Rejections"]) == 1
    code, _, _ = refusal(other.withdraw_rejection, **pair)
    assert code == "AccessDeniedException"


def test_what_is_badly_said_is_refused_by_the_model(ours, collection, people, refusal):
    """A reason is one line for people: nothing in it steers a terminal, and it has an end."""
    unknown, _ = people
    pair = {"CollectionId": collection, "FaceId": unknown, "UserId": "he"}
    for reason in ("", "x" * 501, "two\nlines", "\x1b[2J", "\x00", "a\u2028b", "\x85"):
        code, _, _ = refusal(ours.reject_match, **pair, Reason=reason)
        assert code == "ValidationException", repr(reason)
    code, _, _ = refusal(ours.reject_match, CollectionId=collection, FaceId="no id", UserId="he")
    assert code == "ValidationException"
    assert ours.reject_match(**pair, Reason="Ünïcode 人 'ok'")["Rejection"]["Reason"] == "Ünïcode 人 'ok'"


def test_a_face_that_is_deleted_while_it_is_rejected_leaves_nothing_behind(
    service, rekognition, ours, collection, people, index, man
):
    """Whichever is first: no rejection of nobody, and no failure of ours."""
    _, his = people
    outcomes = []
    for _ in range(6):
        face = index(man[2])
        start = threading.Barrier(2)

        def reject(face=face, start=start):
            start.wait()
            try:
                ours.reject_match(CollectionId=collection, FaceId=face, RejectedFaceId=his)
            except ours.exceptions.ResourceNotFoundException:
                return "gone"
            return "rejected"

        def delete(face=face, start=start):
            start.wait()
            return rekognition.delete_faces(CollectionId=collection, FaceIds=[face])["DeletedFaces"]

        with ThreadPoolExecutor(2) as pool:
            rejected, deleted = pool.submit(reject), pool.submit(delete)
            outcomes.append(rejected.result())
            assert deleted.result() == [face]
        assert ours.list_rejected_matches(CollectionId=collection)["Rejections"] == []
    assert set(outcomes) <= {"gone", "rejected"}
