"""What a person may ask for: codes, requests with deadlines, reports, erasure with receipt and proof."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime

import pytest

from countenance.audit import Event, Touch
from countenance.audit.signing import open_log, receipt_signer
from countenance.errors import (
    ConflictException,
    InvalidParameterException,
    ResourceNotFoundException,
    ThrottlingException,
)
from countenance.rights.access_report import AccessReports
from countenance.rights.codes import draw_code
from countenance.rights.enrolment_codes import MOST_WRONG
from countenance.transparency.erasure_receipt import ErasureReceiptInvalid, verify_erasure
from fakes.vision import person, picture


@pytest.fixture
def key_store(database, log_keys):
    """The one that has the log's keys: receipts are signed with them."""
    open_log(database, log_keys)
    return log_keys


@pytest.fixture
def faces(index):
    """Ada's face and Bob's."""
    return index(picture(person("ada")))[0], index(picture(person("bob")))[0]


@pytest.fixture
def code_for(call, collection):
    def make(**whose):
        return call("IssueEnrolmentCode", CollectionId=collection, **whose)["Code"]

    return make


def opened(call, kind, **who):
    return call("OpenSubjectRequest", Kind=kind, **who)["Request"]


def decide(call, request, decision="grant", reason="as asked"):
    return call("DecideSubjectRequest", RequestId=request["RequestId"], Decision=decision, Reason=reason)[
        "Request"
    ]


def listed(call, collection="friends"):
    return {each["FaceId"] for each in call("ListFaces", CollectionId=collection)["Faces"]}


def told(call):
    with call.database.read() as connection:
        latest = call.audit.list_latest(connection, call.caller.account_id)
    return [each.members["operation"] for each in latest]


# Codes


def test_a_code_identifies_for_its_own_faces_and_no_others(call, code_for, faces):
    """Whoever holds Ada's letter learns and erases nothing of Bob's."""
    adas, bobs = faces
    request = opened(call, "erasure", Code=code_for(FaceIds=[adas]))
    assert (request["FaceIds"], request["IdentifiedBy"]) == ([adas], "code")
    assert decide(call, request)["ErasedFaceIds"] == [adas]
    assert listed(call) == {bobs}


def test_only_a_keyed_hash_is_kept(call, code_for, faces):
    """Whoever reads the database, or a backup of it, cannot show a code."""
    code = code_for(FaceIds=[faces[0]])
    with call.database.read() as connection:
        [row] = connection.execute(
            "select * from enrolment_code where account_id = %s", (call.caller.account_id,)
        ).fetchall()
    assert code not in repr(row)
    assert code.replace("-", "") not in repr(row)


def test_a_new_code_revokes_the_old_one_for_any_of_its_faces(call, code_for, faces):
    """A lost letter is made worthless by another one."""
    old, new = code_for(FaceIds=list(faces)), code_for(FaceIds=[faces[0]])
    with pytest.raises(ResourceNotFoundException, match="not known here"):
        opened(call, "access", Code=old)
    assert opened(call, "access", Code=new)["FaceIds"] == [faces[0]]


def test_a_users_code_is_for_the_user_of_then(call, collection, code_for, faces):
    """An account may give the same id to somebody else: the old code must not open the new person's data."""
    call("CreateUser", CollectionId=collection, UserId="u-1")
    call("AssociateFaces", CollectionId=collection, UserId="u-1", FaceIds=[faces[0]])
    code = code_for(UserId="u-1")
    call("DeleteUser", CollectionId=collection, UserId="u-1")
    call("CreateUser", CollectionId=collection, UserId="u-1")
    call("AssociateFaces", CollectionId=collection, UserId="u-1", FaceIds=[faces[1]])
    request = opened(call, "erasure", Code=code)
    assert decide(call, request)["ErasedFaceIds"] == []
    assert listed(call) == set(faces)
    assert [each["UserId"] for each in call("ListUsers", CollectionId=collection)["Users"]] == ["u-1"]


def test_unknown_revoked_and_others_codes_are_answered_alike(call, other_call, code_for, faces):
    """No answer says whether somebody is enrolled, or where."""
    revoked = code_for(FaceIds=[faces[0]])
    others = code_for(FaceIds=[faces[0]])
    said = set()
    for client, code in ((call, draw_code()), (call, revoked), (other_call, others)):
        with pytest.raises(ResourceNotFoundException) as refused:
            opened(client, "access", Code=code)
        said.add(str(refused.value))
    assert len(said) == 1


def test_wrong_codes_are_limited_though_each_call_is_rolled_back(call, other_call, code_for, faces):
    """The right one as well, so that the limit tells nothing; each account has its own."""
    right = code_for(FaceIds=[faces[0]])
    for _ in range(MOST_WRONG):
        with pytest.raises(ResourceNotFoundException):
            opened(call, "access", Code=draw_code())
    for code in (draw_code(), right):
        with pytest.raises(ThrottlingException, match="try again later"):
            opened(call, "access", Code=code)
    with pytest.raises(ResourceNotFoundException):
        opened(other_call, "access", Code=draw_code())
    with call.database.transaction() as connection:
        connection.execute("update code_attempt set at = at - interval '61 minutes'")
    assert opened(call, "access", Code=right)["Status"] == "open"
    assert call.rights.codes.forget_attempts() >= MOST_WRONG


def test_mistyped_and_right_codes_use_up_nothing(call, code_for, faces):
    """Somebody who reads badly is not locked out."""
    right = code_for(FaceIds=[faces[0]])
    for _ in range(MOST_WRONG + 1):
        with pytest.raises(InvalidParameterException, match="mistyped"):
            opened(call, "access", Code="AAAA-BBBB")
        assert call("ListSubjectRequests", Code=right) == {"Requests": []}


def test_a_code_is_for_faces_or_a_user_that_are_there(call, other_call, collection, code_for, faces):
    for whose in ({}, {"FaceIds": [faces[0]], "UserId": "ada"}):
        with pytest.raises(InvalidParameterException, match="exactly one of"):
            code_for(**whose)
    for whose in ({"FaceIds": [str(uuid.uuid4())]}, {"UserId": "nobody"}):
        with pytest.raises(ResourceNotFoundException):
            code_for(**whose)
    with pytest.raises(ResourceNotFoundException):
        other_call("IssueEnrolmentCode", CollectionId=collection, FaceIds=[faces[0]])


# Requests


def test_the_operators_path_says_how_it_was_verified_who_asks(call, collection, faces):
    """There is no selfie check: anybody with a photo could ask whether its person is enrolled."""
    who = {"CollectionId": collection, "FaceIds": [faces[0]]}
    with pytest.raises(InvalidParameterException, match="Attestation"):
        opened(call, "erasure", **who)
    made = opened(call, "erasure", **who, Attestation="passport seen at the desk")
    assert (made["IdentifiedBy"], made["Attestation"]) == ("operator", "passport seen at the desk")
    with pytest.raises(InvalidParameterException, match="no other member"):
        opened(call, "erasure", Code=draw_code(), **who)
    with pytest.raises(InvalidParameterException, match="CollectionId"):
        opened(call, "erasure")


def test_by_a_code_one_request_of_a_kind_is_open_at_a_time(call, code_for, faces):
    """A client that tries again has not asked twice; what is decided may be asked for anew."""
    code = code_for(FaceIds=[faces[0]])
    asked = [opened(call, kind, Code=code)["RequestId"] for kind in ("access", "access", "objection")]
    assert (asked[0] == asked[1], asked[0] == asked[2]) == (True, False)
    assert decide(call, {"RequestId": asked[0]}, "refuse", "abusive")["Status"] == "refused"
    anew = opened(call, "access", Code=code)
    assert (anew["Status"], anew["RequestId"] == asked[0]) == ("open", False)
    assert len(call("ListSubjectRequests", Code=code)["Requests"]) == 3
    who = {"CollectionId": "friends", "FaceIds": [faces[0]], "Attestation": "seen"}
    by_operator = {opened(call, "access", **who)["RequestId"] for _ in range(2)}
    assert len(by_operator) == 2  # whom the operator knows by other means may be two people


def test_a_request_is_due_in_a_calendar_month_and_put_off_once_with_a_reason(call, collection, faces):
    """GDPR 12(3); a month of 28 days is a month."""
    made = opened(call, "access", CollectionId=collection, FaceIds=[faces[0]], Attestation="seen")
    at, due = (datetime.fromtimestamp(made[name], UTC) for name in ("OpenedAt", "DueAt"))
    assert 28 <= (due - at).days <= 31
    assert made["DaysLeft"] in {(due - at).days - 1, (due - at).days}
    extend = {"RequestId": made["RequestId"], "Reason": "many requests"}
    with pytest.raises(InvalidParameterException, match="1 to 2 months"):
        call("ExtendSubjectRequest", **extend, Months=3)
    longer = call("ExtendSubjectRequest", **extend, Months=2)["Request"]
    assert 89 <= (datetime.fromtimestamp(longer["DueAt"], UTC) - at).days <= 92
    assert longer["ExtensionReason"] == "many requests"
    with pytest.raises(ConflictException, match="twice"):
        call("ExtendSubjectRequest", **extend, Months=1)


def test_what_is_overdue_is_shown_first_and_cannot_be_put_off(call, collection, faces):
    who = {"CollectionId": collection, "FaceIds": [faces[0]], "Attestation": "seen"}
    late, early = opened(call, "access", **who), opened(call, "access", **who)
    assert call("ListSubjectRequests", OnlyOverdue=True)["Requests"] == []
    with call.database.transaction() as connection:
        connection.execute(
            "update subject_request set opened_at = opened_at - interval '2 months',"
            " due_at = due_at - interval '2 months' where request_id = %s",
            (late["RequestId"],),
        )
    [found] = call("ListSubjectRequests", OnlyOverdue=True)["Requests"]
    assert (found["RequestId"], found["IsOverdue"]) == (late["RequestId"], True)
    assert found["DaysLeft"] < 0
    ids = [each["RequestId"] for each in call("ListSubjectRequests", Status="open")["Requests"]]
    assert ids == [late["RequestId"], early["RequestId"]]
    with pytest.raises(ConflictException, match="overdue"):
        call("ExtendSubjectRequest", RequestId=late["RequestId"], Months=1, Reason="late")


def test_a_request_is_decided_once_with_a_reason(call, collection, faces):
    made = opened(call, "erasure", CollectionId=collection, FaceIds=[faces[0]], Attestation="seen")
    with pytest.raises(InvalidParameterException, match="say why"):
        decide(call, made, reason=" ")
    refused = decide(call, made, "refuse", "a court order stands against it")
    assert (refused["Status"], refused["Reason"]) == ("refused", "a court order stands against it")
    assert faces[0] in listed(call)
    with pytest.raises(ConflictException, match="refused already"):
        decide(call, made)
    assert told(call).count("EraseFaces") == 0


def test_another_accounts_requests_are_as_if_there_were_none(
    call, other_call, client_of, account, code_for, faces
):
    """But to an officer of the house."""
    made = opened(call, "access", Code=code_for(FaceIds=[faces[0]]))
    for operation, more in (
        ("GetSubjectRequest", {}),
        ("DecideSubjectRequest", {"Decision": "grant", "Reason": "r"}),
        ("ExtendSubjectRequest", {"Months": 1, "Reason": "r"}),
        ("GetAccessReport", {}),
        ("GetErasureProof", {}),
    ):
        with pytest.raises(ResourceNotFoundException, match="there is no request"):
            other_call(operation, RequestId=made["RequestId"], **more)
    assert other_call("ListSubjectRequests") == {"Requests": []}
    officer = client_of(client_of.accounts.create_account("House"), officer="Olga Officer")
    assert officer("GetSubjectRequest", RequestId=made["RequestId"])["Request"]["Status"] == "open"
    assert len(officer("ListSubjectRequests", AccountId=account.account_id)["Requests"]) == 1


# Access


def test_the_report_says_what_is_held_and_which_searches_touched_it(call, collection, code_for, faces):
    """And nothing of anybody else."""
    adas, bobs = faces
    request = opened(call, "access", Code=code_for(FaceIds=[adas]))
    given = call("GetAccessReport", RequestId=request["RequestId"])
    report = json.loads(given["Report"])
    [face] = report["Faces"]
    assert (face["FaceId"], face["KeptUntil"], report["Purposes"]) == (adas, None, ["development"])
    assert bobs not in given["Report"]
    assert adas in given["Text"]
    assert "Faces: 1" in given["Text"]


def test_the_report_tells_of_pictures_and_names_as_they_are(call, collection, code_for, faces):
    """A vault keeps a picture, and an external id is often a name."""
    request = opened(call, "access", Code=code_for(FaceIds=[faces[0]]))

    def told():
        return call("GetAccessReport", RequestId=request["RequestId"])["Text"]

    assert "a template (numbers computed from a photo), not the photo" in told()
    with call.database.transaction() as connection:
        connection.execute(
            "insert into vault_crop (collection_id, face_id, key_generation, sealed_crop, kept_until)"
            " select collection_id, face_id, 0, 'x', '2031-01-02' from face where face_id = %s",
            (faces[0],),
        )
        connection.execute("update face set external_image_id = 'Ada L.' where face_id = %s", (faces[0],))
    assert "a template (numbers computed from a photo), and a picture of the face" in told()
    assert "until 2031-01-02" in told()
    assert "called Ada L. by the account" in told()


@pytest.mark.parametrize("known_by", ["code", "operator"])
@pytest.mark.parametrize("moment", ["before", "meanwhile"])
def test_a_report_tells_nothing_of_who_got_the_users_id_since(
    call, collection, code_for, faces, monkeypatch, known_by, moment
):
    """The id is somebody else's by now: what they were searched for must not be read with the old code.

    Also not where it changes hands while the report is made.
    """
    who = {"CollectionId": collection, "UserId": "u-1"}
    call("CreateUser", **who)
    call("AssociateFaces", **who, FaceIds=[faces[0]])
    shown = {"Code": code_for(UserId="u-1")} if known_by == "code" else who | {"Attestation": "seen"}
    request = opened(call, "access", **shown)
    candidate(call, collection, "u-1", 41.5)

    def change_hands():
        call("DeleteUser", **who)
        call("CreateUser", **who)
        call("AssociateFaces", **who, FaceIds=[faces[1]])
        candidate(call, collection, "u-1", 98.75)

    uses = AccessReports._uses
    if moment == "before":
        assert "41.5" in call("GetAccessReport", RequestId=request["RequestId"])["Report"]
        change_hands()
    else:

        def uses_of_another(self, connection, where, subject):
            if subject.kind == "user":
                change_hands()
            return uses(self, connection, where, subject)

        monkeypatch.setattr(AccessReports, "_uses", uses_of_another)
    given = call("GetAccessReport", RequestId=request["RequestId"])
    assert json.loads(given["Report"])["Uses"] == []
    assert "98.75" not in given["Report"] + given["Text"]


def candidate(call, collection, user_id, similarity):
    """An entry of a search that found the user, as the gateway records it."""
    now = datetime.now(UTC)
    event = Event(
        event_id=uuid.uuid4(), at=now, ended_at=now, service="rekognition", operation="SearchUsersByImage",
        account_id=call.caller.account_id, access_key_id=call.caller.access_key_id, operator="tester",
        region="us-east-1", collection=collection, decision="Allow", rule_ids=(), policy_digest="0" * 64,
        outcome="answered", purpose="development",
        touched=(Touch(role="candidate", kind="user", id=user_id, rank=1, similarity=similarity),),
    )  # fmt: skip
    with call.database.transaction() as connection:
        call.audit.record(connection, event)


def test_a_report_is_of_a_request_for_access_that_was_not_refused(call, code_for, faces):
    code = code_for(FaceIds=[faces[0]])
    with pytest.raises(InvalidParameterException, match="for erasure"):
        call("GetAccessReport", RequestId=opened(call, "erasure", Code=code)["RequestId"])
    refused = decide(call, opened(call, "access", Code=code), "refuse", "abusive")
    with pytest.raises(InvalidParameterException, match="refused"):
        call("GetAccessReport", RequestId=refused["RequestId"])


# Erasure


@pytest.mark.parametrize("kind", ["erasure", "objection", "withdrawal"])
def test_what_is_granted_is_erased_with_a_signed_receipt_and_proved(
    call, database, key_store, code_for, faces, kind
):
    """Searches, tables and the tombstone list are looked at, not believed."""
    adas, bobs = faces
    call("SearchFaces", CollectionId="friends", FaceId=bobs)  # the gallery is in memory now
    request = decide(call, opened(call, kind, Code=code_for(FaceIds=[adas])))
    with database.read() as connection:
        _, signer = receipt_signer(connection, key_store)
    receipt = verify_erasure(request["Receipt"], [signer.verifier])
    assert [str(each) for each in receipt.face_ids] == [adas] == request["ErasedFaceIds"]
    assert str(receipt.request_id) == request["RequestId"]
    assert len(receipt.event_ids) == 1
    with database.read() as connection:
        assert call.audit.find_entry(connection, call.caller.account_id, receipt.event_ids[0]) is not None
    forged = request["Receipt"].replace(adas, bobs)
    with pytest.raises(ErasureReceiptInvalid):
        verify_erasure(forged, [signer.verifier])
    proof = call("GetErasureProof", RequestId=request["RequestId"])
    assert (proof["RowsLeft"], proof["SearchedFaceIds"], proof["IsFinal"]) == (0, [], False)
    assert proof["FinalBy"] > proof["LookedAt"]
    assert proof["Receipt"] == request["Receipt"]


def test_the_proof_does_not_hold_while_the_tombstone_list_lacks_it_or_a_row_is_there(call, code_for, faces):
    """A proof that could not fail would be none: a gallery without a list, then a face put back by hand."""
    request = decide(call, opened(call, "erasure", Code=code_for(FaceIds=[faces[0]])))
    proof = call("GetErasureProof", RequestId=request["RequestId"])
    assert (proof["IsListed"], proof["Holds"]) == (False, False)
    with call.database.transaction() as connection:
        connection.execute("delete from erasure")
    assert call("GetErasureProof", RequestId=request["RequestId"])["Holds"]
    with call.database.transaction() as connection:
        connection.execute(
            "update subject_request set erased_ids = %s where request_id = %s",
            ([uuid.UUID(faces[1])], request["RequestId"]),
        )
    proof = call("GetErasureProof", RequestId=request["RequestId"])
    assert (proof["Holds"], proof["RowsLeft"], proof["SearchedFaceIds"]) == (False, 1, [faces[1]])


def test_a_users_erasure_takes_the_user_and_its_name_along(call, collection, code_for, faces):
    """What the account called somebody is theirs as well; the code goes on for the request."""
    call("CreateUser", CollectionId=collection, UserId="ada-lovelace")
    call("AssociateFaces", CollectionId=collection, UserId="ada-lovelace", FaceIds=[faces[0]])
    code = code_for(UserId="ada-lovelace")
    request = decide(call, opened(call, "erasure", Code=code))
    assert request["ErasedFaceIds"] == [faces[0]]
    assert call("ListUsers", CollectionId=collection)["Users"] == []
    with call.database.read() as connection:
        rows = [
            row
            for table in ("subject_request", "enrolment_code")
            for row in connection.execute(
                f"select * from {table} where account_id = %s", (call.caller.account_id,)
            )
        ]
    assert len(rows) == 2
    assert "ada-lovelace" not in repr(rows)
    [found] = call("ListSubjectRequests", Code=code)["Requests"]
    assert found["RequestId"] == request["RequestId"]
    assert "DeleteUser" in told(call)


def test_nothing_is_proved_that_was_not_erased(call, code_for, faces):
    request = opened(call, "erasure", Code=code_for(FaceIds=[faces[0]]))
    with pytest.raises(ResourceNotFoundException, match="nothing was erased"):
        call("GetErasureProof", RequestId=request["RequestId"])


def test_a_request_about_a_collection_that_is_gone_is_answered(call, collection, faces):
    """All is erased with it: the report says so, and an erasure has nothing left to erase."""
    who = {"CollectionId": collection, "FaceIds": [faces[0]], "Attestation": "seen"}
    access, erasure = opened(call, "access", **who), opened(call, "erasure", **who)
    call("DeleteCollection", CollectionId=collection)
    assert json.loads(call("GetAccessReport", RequestId=access["RequestId"])["Report"])["Faces"] == []
    assert decide(call, erasure)["ErasedFaceIds"] == []
