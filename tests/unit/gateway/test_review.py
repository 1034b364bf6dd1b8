"""Held searches, from the refusal with the review's id to the released answer: with real operations."""

from __future__ import annotations

import base64
import dataclasses
import json
import threading
import uuid
from collections import Counter
from concurrent import futures
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from countenance.audit import Touch
from countenance.audit.disclosure import disclose
from countenance.casework import Casework
from countenance.casework.expiry import ReviewExpiry
from countenance.cli.casework_jobs import purge_due
from countenance.store import KeyStore
from countenance.transparency.merkle import leaf_hash
from countenance.transparency.public_report import Asked, Figures
from fakes.vision import person, picture
from review_house import ADA, EVE, NOBODY, OURS, SEARCH, House, strict_policies

BOTH = {"Bytes": picture(person("ada"), person("eve", left=400))}


@pytest.fixture(scope="module")
def strict(models):
    return strict_policies(models)


@pytest.fixture
def house(party, strict):
    """An account with ada and eve enrolled, pictures kept, a case, and three examiners."""
    return House(party("development"), strict)


def test_two_examiners_who_agree_release_the_answer_to_the_same_call(house):
    """The whole story: nothing but an id until two have looked; then what was found, as it was found."""
    answer, told = house.requester("SearchFacesByImage", **SEARCH, Image=ADA)
    assert (answer.status, told["__type"]) == (400, "AccessDeniedException")
    review = house.held()
    entry = house.requester.entry(answer)
    assert (entry["outcome"], entry["review"], entry["error"]) == (
        "withheld",
        review,
        "AccessDeniedException",
    )
    assert "human_review" in entry["obligations"]
    assert "candidates" not in entry
    assert "touched" not in entry
    first, second, _ = house.examiners
    for examiner in (first, second):
        assert house.requester.told("GetReview", **OURS, ReviewId=review)["Status"] == "waiting"
        [waiting] = examiner.told("ListReviews", **OURS)["Reviews"]
        assert (waiting["ReviewId"], waiting["CandidateCount"]) == (review, 2)
        house.examine(examiner, review)
    answer, told = house.requester("SearchFacesByImage", **SEARCH, Image=ADA)
    assert answer.status == 200
    assert [match["Face"]["FaceId"] for match in told["FaceMatches"]] == [
        house.faces["ada"],
        house.faces["ada too"],
    ]
    entry = house.requester.entry(answer)
    assert (entry["outcome"], entry["review"], entry["candidates"]) == ("answered", review, 2)
    assert entry["replay"] is True
    released = house.requester.told("GetReview", **OURS, ReviewId=review)
    assert released["Status"] == "released"
    assert "no identification" in released["Statement"]
    assert released["ProbeQuality"]["Sharpness"] == 90
    assert [each["Face"]["FaceId"] for each in released["Candidates"]] == [
        house.faces["ada"],
        house.faces["ada too"],
    ]


def test_nobody_found_is_answered_as_ever(house):
    told = house.requester.told("SearchFacesByImage", **SEARCH, Image=NOBODY)
    assert told["FaceMatches"] == []


def test_what_an_examiner_sees_tells_nothing_but_faces(house):
    review = house.held()
    seen = house.examiners[0].told("BeginExamination", **OURS, ReviewId=review)
    assert seen.keys() == {"BeganAt", "LeastViewSeconds", "Probe", "Pictures"}
    assert [each.keys() for each in seen["Pictures"]] == [{"Label", "Picture"}] * 2
    assert [each["Label"] for each in seen["Pictures"]] == ["candidate-1", "candidate-2"]
    for data in (seen["Probe"], *(each["Picture"] for each in seen["Pictures"])):
        assert base64.b64decode(data)[:3] == b"\xff\xd8\xff"
        assert b"who" not in base64.b64decode(data)  # what the vault's picture says in its comment
    again = house.examiners[0].told("BeginExamination", **OURS, ReviewId=review)
    assert again == seen


def test_disagreement_is_decided_by_a_third_and_the_majority_stands(house):
    review = house.held()
    first, second, third = house.examiners
    house.examine(first, review, "support_strong")
    house.examine(second, review, "against")
    assert house.requester.told("GetReview", **OURS, ReviewId=review)["Status"] == "waiting"
    for examiner in (first, second):
        assert examiner.told("ListReviews", **OURS)["Reviews"] == []
    house.examine(third, review, "inconclusive")
    told = house.requester.told("SearchFacesByImage", **SEARCH, Image=ADA)
    assert told["FaceMatches"] == []
    released = house.requester.told("GetReview", **OURS, ReviewId=review)
    assert "no candidate" in released["Conclusion"]
    figures = {
        each["OperatorName"]: each
        for each in _administrator(house).told("DescribeExaminers", **OURS)["Examiners"]
    }
    assert figures["Erin"]["Agreed"] == 0
    assert figures["Erin"]["Reversed"] == 0  # the three of them said three things
    assert figures["Edda"]["Compared"] == 0


def _administrator(house: House) -> Any:
    return house.operator("Adam", "administrator")


def test_only_candidates_whom_the_majority_supports_are_released(house):
    """Verdicts belong to faces, whatever place each examiner saw them at."""
    review = house.held()
    for examiner in house.examiners[:2]:
        seen = examiner.told("BeginExamination", **OURS, ReviewId=review)
        [[order]] = house.statement(
            "select presented from examination e join operator o using (operator_id)"
            " where review_id = %s and o.name = %s",
            uuid.UUID(review),
            examiner.bench.key.operator,
        )
        said = [
            {"Label": each["Label"], "Verdict": "support" if order[place] == 1 else "against_strong"}
            for place, each in enumerate(seen["Pictures"])
        ]
        examiner.told("SubmitExamination", **OURS, ReviewId=review, Verdicts=said)
    told = house.requester.told("SearchFacesByImage", **SEARCH, Image=ADA)
    assert [match["Face"]["FaceId"] for match in told["FaceMatches"]] == [house.faces["ada too"]]


@pytest.mark.parametrize(
    ("operation", "request_of", "none"),
    [
        ("SearchFaces", lambda house: SEARCH | {"FaceId": house.faces["ada"]}, {"FaceMatches": []}),
        ("SearchFacesByImage", lambda _: SEARCH | {"Image": ADA}, {"FaceMatches": []}),
        (
            "IdentifyFace",
            lambda _: {"CollectionId": "seen", "Image": ADA} | OURS,
            {"Candidates": [], "Decision": "NO_MATCH"},
        ),
        ("CompareFaces", lambda _: {"SourceImage": ADA, "TargetImage": BOTH}, {"FaceMatches": []}),
        ("VerifyFaces", lambda _: {"Image": ADA, "ReferenceImage": ADA} | OURS, {"Decision": "NO_MATCH"}),
    ],
)
def test_each_operation_is_held_and_answered_with_whom_people_support(house, operation, request_of, none):
    request = request_of(house)
    review = house.held(operation, **request)
    for examiner in house.examiners[:2]:
        house.examine(examiner, review)
    told = house.requester.told(operation, **request)
    assert any(told.get(name) for name in ("FaceMatches", "Candidates", "Similarity")), told
    again = house.party.as_("development", case=_other_case(house))
    house.requester = again
    review = house.held(operation, **request)
    for examiner in house.examiners[:2]:
        house.examine(examiner, review, "against")
    told = house.requester.told(operation, **request)
    assert told | none == told
    assert "Similarity" not in told
    if operation == "CompareFaces":
        assert len(told["UnmatchedFaces"]) == 2


def _other_case(house: House) -> str:
    name = f"C-{uuid.uuid4().hex}"
    house.open_case(name)
    return name


@pytest.mark.parametrize(
    ("operation", "request_of"),
    [
        ("SearchUsersByImage", lambda _: {"CollectionId": "seen", "Image": ADA}),
        ("ReportCollisions", lambda _: {"CollectionId": "seen"} | OURS),
        (
            "VerifyFaces",
            lambda house: {"CollectionId": "seen", "Image": ADA, "FaceId": house.faces["ada"]} | OURS,
        ),
    ],
)
def test_what_cannot_be_held_is_refused_with_the_reason(house, operation, request_of):
    assert "cannot be held" in house.requester.refused(operation, **request_of(house))


def test_no_threshold_tells_a_score_while_a_review_waits(house):
    """Asking for ever more similarity would be a search by halves: the same face waits, whatever is asked."""
    review = house.held()
    for threshold in (81.0, 99.0, 100.0):
        for image in ({"Image": ADA}, {"Image": ADA, "QualityFilter": "LOW"}):
            assert (
                house.held(
                    **(SEARCH | {"FaceMatchThreshold": threshold} | image), operation="SearchFacesByImage"
                )
                == review
            )
    assert house.held("IdentifyFace", **OURS, CollectionId="seen", Image=ADA) == review
    told = house.requester.told("GetReview", **OURS, ReviewId=review)
    assert "Candidates" not in told
    assert "Answer" not in told


def test_a_storm_of_retries_makes_one_review(house):
    """Clients send again what was refused, and several at once."""
    found, errors = [], []

    def send() -> None:
        try:
            found.append(house.held())
        except BaseException as error:  # noqa: BLE001  # told below
            errors.append(error)

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(set(found)) == 1
    [[count]] = house.statement("select count(*) from review where account_id = %s", house.party.account_id)
    assert count == 1


def test_neither_the_requester_nor_who_opened_the_case_examines(house):
    """Nor two people who are one: a seat is a person's."""
    review = house.held()
    for asked in (house.requester, house.party):
        assert "EXA-001" in asked.refused("BeginExamination", **OURS, ReviewId=review)
    themselves = house.operator("tester", "examiner")  # by whose key it was asked for, and opened
    assert themselves.told("ListReviews", **OURS)["Reviews"] == []
    assert "EXA-002" in themselves.refused("BeginExamination", **OURS, ReviewId=review)
    first = house.examiners[0]
    house.examine(first, review)
    answer, told = first("BeginExamination", **OURS, ReviewId=review)
    assert (answer.status, told["__type"]) == (400, "ConflictException")


def test_a_third_does_not_sit_down_unless_two_disagree(house):
    review = house.held()
    first, second, third = house.examiners
    for examiner in (first, second):
        examiner.told("BeginExamination", **OURS, ReviewId=review)
    assert third("BeginExamination", **OURS, ReviewId=review)[1]["__type"] == "ConflictException"
    assert third.told("ListReviews", **OURS)["Reviews"] == []
    house.statement(
        "update examination set began_at = began_at - interval '5 hours' where review_id = %s",
        uuid.UUID(review),
    )
    house.examine(third, review)  # whoever said nothing for hours makes room


def test_another_account_sees_nothing(house, party, strict):
    review = house.held()
    other = House(party("development"), strict)
    assert other.requester("GetReview", **OURS, ReviewId=review)[1]["__type"] == "ResourceNotFoundException"
    assert (
        other.examiners[0]("BeginExamination", **OURS, ReviewId=review)[1]["__type"]
        == "ResourceNotFoundException"
    )
    assert other.examiners[0].told("ListReviews", **OURS)["Reviews"] == []
    assert (
        other.requester("DescribeCase", **OURS, CaseId=house.case)[1]["__type"] == "ResourceNotFoundException"
    )
    assert other.held() != review


def test_nothing_is_said_faster_than_anybody_can_look(house):
    """By the server's clock, from when the pictures were given."""
    services = house.party.bench.services
    keys, database = house.party.server.keys, services.database
    slow = Casework.open(database, keys, least_view_s=30)
    make = services.make_deps
    services = dataclasses.replace(
        services, casework=slow, make_deps=lambda *given: dataclasses.replace(make(*given), casework=slow)
    )
    review = house.held()
    examiner = house.examiners[0]
    examiner = dataclasses.replace(examiner, bench=dataclasses.replace(examiner.bench, services=services))
    assert examiner.told("BeginExamination", **OURS, ReviewId=review)["LeastViewSeconds"] == 60
    said = [{"Label": f"candidate-{number}", "Verdict": "support"} for number in (1, 2)]
    request = OURS | {"ReviewId": review, "Verdicts": said}
    assert "EXA-004" in examiner.refused("SubmitExamination", **request)
    house.statement(
        "update examination set began_at = began_at - interval '61 seconds' where review_id = %s",
        uuid.UUID(review),
    )
    examiner.told("SubmitExamination", **request)


@pytest.mark.parametrize(
    "labels",
    [
        ("candidate-1",),
        ("candidate-1", "candidate-1"),
        ("candidate-1", "candidate-3"),
        ("candidate-0", "candidate-1"),
    ],
)
def test_every_candidate_has_exactly_one_verdict(house, labels):
    review = house.held()
    house.examiners[0].told("BeginExamination", **OURS, ReviewId=review)
    said = [{"Label": label, "Verdict": "support"} for label in labels]
    assert (
        house.examiners[0]("SubmitExamination", **OURS, ReviewId=review, Verdicts=said)[1]["__type"]
        == "InvalidParameterException"
    )


def test_a_collection_without_pictures_is_refused_before_the_search(house):
    """Nobody could look: and a search that is made all the same would tell whether somebody is there."""
    house.party.told("CreateCollection", CollectionId="unseen")
    for image in (ADA, NOBODY):
        message = house.requester.refused(
            "SearchFacesByImage", CollectionId="unseen", Image=image, MaxFaces=5
        )
        assert "keeps no pictures" in message
        assert "vault-days" in message


def test_a_call_without_an_open_case_is_refused(house):
    stranger = house.party.as_("development", case="C-2")
    assert "CASE-001" in stranger.refused("SearchFacesByImage", **SEARCH, Image=ADA)
    house.requester.told("SearchFacesByImage", **SEARCH, Image=NOBODY)
    house.opener.told("CloseCase", **OURS, CaseId=house.case)
    assert "CASE-001" in house.requester.refused("SearchFacesByImage", **SEARCH, Image=NOBODY)


def test_reviews_end_with_their_case_key_and_all(house):
    review = house.held()
    assert house.opener.told("CloseCase", **OURS, CaseId=house.case)["ReviewsPurged"] == 1
    assert house.requester("GetReview", **OURS, ReviewId=review)[1]["__type"] == "ResourceNotFoundException"
    assert _keys(house).secret(f"review-{review}") is None
    assert house.statement(
        "select status, sealed_held, sealed_released from review where review_id = %s", uuid.UUID(review)
    ) == [("purged", None, None)]


def _keys(house: House) -> KeyStore:
    return house.party.server.keys


@pytest.mark.parametrize("is_released", [False, True])
def test_an_urgent_case_without_authorisation_loses_its_reviews_after_two_days(house, is_released):
    """Released or not (Regulation (EU) 2024/1689, Article 26(10)): at once for readers, then for good."""
    name = f"urgent {uuid.uuid4()}"
    case = house.open_case(name, Urgent=True)
    house.requester = house.party.as_("development", case=name)
    review = house.held()
    if is_released:
        for examiner in house.examiners[:2]:
            house.examine(examiner, review)
    house.statement(
        "update review_case set authorize_by = clock_timestamp() - interval '1 second' where case_id = %s",
        case,
    )
    assert house.requester("GetReview", **OURS, ReviewId=review)[1]["__type"] == "ResourceNotFoundException"
    assert "CASE-001" in house.requester.refused("SearchFacesByImage", **SEARCH, Image=ADA)
    assert (
        house.opener("PutCaseAuthorization", **OURS, CaseId=case, AuthorizationReference="W-1")[1]["__type"]
        == "ConflictException"
    )
    assert purge_due(house.party.bench.database, _keys(house)) >= 1
    assert _keys(house).secret(f"review-{review}") is None
    with house.party.bench.database.read() as connection:
        entries = house.party.bench.services.audit.list_latest(connection, house.party.account_id)
    told = [json.loads(entry.entry) for entry in entries]
    [purged] = [each for each in told if each.get("operation") == "PurgeReview"]
    assert (purged["review"], purged["kind"]) == (review, "change")


def test_an_authorisation_in_time_keeps_them(house):
    name = f"urgent {uuid.uuid4()}"
    case = house.open_case(name, Urgent=True)
    house.requester = house.party.as_("development", case=name)
    review = house.held()
    house.opener.told("PutCaseAuthorization", **OURS, CaseId=case, AuthorizationReference="W-1")
    house.statement(
        "update review_case set authorize_by = clock_timestamp() - interval '1 second' where case_id = %s",
        case,
    )
    assert house.requester.told("GetReview", **OURS, ReviewId=review)["Status"] == "waiting"
    told = house.opener.told("DescribeCase", **OURS, CaseId=case)["Case"]
    assert told["AuthorizationReference"] == "W-1"


def test_a_review_ends_with_a_face_that_is_erased(house):
    """A picture of somebody who was deleted is looked at by nobody."""
    review = house.held()
    house.party.told("DeleteFaces", CollectionId="seen", FaceIds=[house.faces["ada too"]])
    assert house.requester("GetReview", **OURS, ReviewId=review)[1]["__type"] == "ResourceNotFoundException"
    assert house.held() != review
    ReviewExpiry(house.party.bench.database, _keys(house)).sweep(older_than_s=-10)
    assert _keys(house).secret(f"review-{review}") is None


def test_a_planted_trial_looks_like_a_search_and_is_released_to_nobody(house):
    administrator = _administrator(house)
    trial = administrator.told(
        "PlantTrial",
        **OURS,
        CollectionId="seen",
        Purpose="development",
        ProbeFaceId=house.faces["ada"],
        Pairs=[
            {"FaceId": house.faces["ada too"], "Mated": True},
            {"FaceId": house.faces["eve"], "Mated": False},
        ],
    )["ReviewId"]
    held = house.held()
    listed = house.examiners[0].told("ListReviews", **OURS)["Reviews"]
    assert {each["ReviewId"] for each in listed} == {trial, held}
    assert len({tuple(sorted(each)) for each in listed}) == 1
    for examiner in house.examiners[:2]:
        house.examine(examiner, trial, "support")
    assert house.requester("GetReview", **OURS, ReviewId=trial)[1]["__type"] == "ResourceNotFoundException"
    figures = {
        each["OperatorName"]: each for each in administrator.told("DescribeExaminers", **OURS)["Examiners"]
    }
    assert (figures["Erin"]["TrialHits"], figures["Erin"]["TrialFalseAlarms"]) == (1, 1)
    assert "ROL-001" in house.examiners[0].refused("DescribeExaminers", **OURS)
    assert "EXA-005" in house.opener.refused("DescribeExaminers", **OURS)


def test_a_lead_is_used_only_on_independent_evidence_that_another_has_signed_for(house):
    house.held()
    for outcome in ("used_for_arrest", "lead_used"):
        message = house.opener.refused("ReportOutcome", **OURS, CaseId=house.case, Outcome=outcome)
        assert "CASE-002" in message
    sign = OURS | {"CaseId": house.case, "EvidenceReference": "a witness, file 7"}
    assert "CASE-002" in house.opener.refused("SignEvidence", **sign)  # nobody's key
    administrator = _administrator(house)
    administrator.told("SignEvidence", **sign)
    assert "CASE-002" in administrator.refused(
        "ReportOutcome", **OURS, CaseId=house.case, Outcome="used_for_arrest"
    )
    house.opener.told("ReportOutcome", **OURS, CaseId=house.case, Outcome="used_for_arrest")
    told = house.opener.told("DescribeCase", **OURS, CaseId=house.case)["Case"]
    assert (told["Outcome"], told["EvidenceSignedBy"]) == ("used_for_arrest", "Adam")
    assert (
        house.opener("ReportOutcome", **OURS, CaseId=house.case, Outcome="no_lead")[1]["__type"]
        == "ConflictException"
    )


def test_cases_without_an_outcome_are_listed_after_thirty_days(house):
    assert house.opener.told("ListCases", **OURS, OutcomeDue=True)["Cases"] == []
    house.statement(
        "update review_case set opened_at = opened_at - interval '31 days' where case_id = %s", house.case
    )
    [due] = house.opener.told("ListCases", **OURS, OutcomeDue=True)["Cases"]
    assert (due["CaseId"], due["OutcomeDue"], due["Case"]) == (house.case, True, "C-1")


def test_a_search_that_is_not_recorded_is_not_held(house):
    """Killed before its commit: no review, and its key is swept."""
    services = house.party.bench.services

    def broken(*_: Any) -> Any:
        raise RuntimeError("killed")

    class Broken:
        def __getattr__(self, name: str) -> Any:
            return broken if name == "record_in_force" else getattr(services.audit, name)

    bench = dataclasses.replace(
        house.requester.bench, services=dataclasses.replace(house.requester.bench.services, audit=Broken())
    )
    answer, _ = dataclasses.replace(house.requester, bench=bench)("SearchFacesByImage", **SEARCH, Image=ADA)
    assert answer.status == 500
    assert house.statement("select * from review where account_id = %s", house.party.account_id) == []
    keys = _keys(house)
    expiry = ReviewExpiry(house.party.bench.database, keys)
    assert expiry.sweep(older_than_s=-10) >= 1
    assert house.held()
    assert expiry.sweep(older_than_s=-10) == 0


def test_whom_an_administrator_brought_in_examines_once_another_person_has_confirmed_them(house):
    """Else one administrator invites two examiners, signs in as both, and is the two pairs of eyes."""
    operators, account = house.party.bench.services.governance.operators, house.party.account_id
    anna, bert = house.operator("Anna", "administrator"), house.operator("Bert", "administrator")
    review = house.held()
    anna.told("PutOperator", **OURS, OperatorName="Fred", Roles=["examiner"])
    code = anna.told("InviteOperator", **OURS, OperatorName="Fred")["InvitationCode"]
    fred = house.taken_up(code, "Fred")
    assert fred.refused("BeginExamination", **OURS, ReviewId=review).startswith("EXA-006: ")
    assert "whom they invited" in anna.refused("ConfirmOperator", **OURS, OperatorName="Fred")
    assert "ROL-001" in fred.refused("ConfirmOperator", **OURS, OperatorName="Fred")
    assert "ROL-003" in house.opener.refused("ConfirmOperator", **OURS, OperatorName="Fred")
    bert.told("ConfirmOperator", **OURS, OperatorName="Fred")
    house.examine(fred, review)
    assert {each.name: each.vouched_by for each in operators.list(account)}["Fred"] == "Bert"


def test_an_examiner_who_is_invited_anew_loses_the_word_in_the_middle_of_it(house):
    """Begun by one person, submitted by whoever took the invitation: it is not taken."""
    erin, anna = house.examiners[0], house.operator("Anna", "administrator")
    review = house.held()
    erin.told("BeginExamination", **OURS, ReviewId=review)
    code = anna.told("InviteOperator", **OURS, OperatorName="Erin")["InvitationCode"]
    taken = house.taken_up(code, "Erin")
    said = [{"Label": "candidate-1", "Verdict": "support"}, {"Label": "candidate-2", "Verdict": "support"}]
    message = taken.refused("SubmitExamination", **OURS, ReviewId=review, Verdicts=said)
    assert message.startswith("EXA-006: ")
    answer, told = erin("ListReviews", **OURS)
    assert (answer.status, told["__type"]) == (400, "UnrecognizedClientException")  # her old key is revoked


def test_evidence_is_signed_for_by_nobody_whom_the_opener_might_be(house):
    """An administrator opens a case, makes somebody up, and signs for the evidence as them: not any more."""
    anna, bert = house.operator("Anna", "administrator"), house.operator("Bert", "administrator")
    anna.told("PutOperator", **OURS, OperatorName="Carl", Roles=["administrator"])
    code = anna.told("InviteOperator", **OURS, OperatorName="Carl")["InvitationCode"]
    carl = house.taken_up(code, "Carl")
    sign = OURS | {"CaseId": house.case, "EvidenceReference": "a witness, file 7"}
    assert carl.refused("SignEvidence", **sign).startswith("CASE-003: ")
    bert.told("ConfirmOperator", **OURS, OperatorName="Carl")
    carl.told("SignEvidence", **sign)


def test_the_publics_figures_are_those_of_what_happened(house):
    """Two searches held, one released and fetched twice, one purged; a case's end; three requests."""
    told_again, administrator = house.held(), _administrator(house)
    assert house.held() == told_again
    for examiner in house.examiners[:2]:
        house.examine(examiner, told_again)
    for _ in range(2):
        house.requester.told("SearchFacesByImage", **SEARCH, Image=ADA)
    purged = house.held(**SEARCH, Image=EVE)
    house.statement(
        "update review set expires_at = clock_timestamp() where review_id = %s", uuid.UUID(purged)
    )
    purge_due(house.party.bench.database, _keys(house))
    house.opener.told("ReportOutcome", **OURS, CaseId=house.case, Outcome="no_lead")
    administrator.told("CloseCase", **OURS, CaseId=house.case)
    whose = {"CollectionId": "seen", "FaceIds": [house.faces["eve"]], "Attestation": "passport seen"}
    for kind, decision in (("access", None), ("withdrawal", "refuse"), ("erasure", "grant")):
        opened = house.opener.told("OpenSubjectRequest", **OURS, Kind=kind, **whose)["Request"]["RequestId"]
        if decision:
            settled = {"RequestId": opened, "Decision": decision, "Reason": "as asked"}
            house.opener.told("DecideSubjectRequest", **OURS, **settled)
    now = datetime.now(UTC)
    month = now.year * 12 + now.month
    figures = Figures(Asked(start=f"{now:%Y-%m}-01", end=f"{month // 12:04d}-{month % 12 + 1:02d}-01"))
    with house.party.bench.database.read() as connection:
        entries = house.party.bench.services.audit.list_latest(connection, house.party.account_id, limit=1000)
    for index, entry in enumerate(reversed(entries)):
        figures.add(index, entry.entry, leaf_hash(entry.entry))
    counts: Counter[str] = Counter()
    for names, count in figures._atoms.items():
        counts.update(dict.fromkeys(names, count))
    of_people = {name: count for name, count in counts.items() if name.startswith(("reviews/", "people/"))}
    assert of_people == {
        "reviews/withheld": 3,
        "reviews/held": 2,
        "reviews/decided": 1,
        "reviews/answered": 1,
        "reviews/purged": 2,  # one at its end, one with its case
        "reviews/outcome/no_lead": 1,
        "reviews/operation/BeginExamination": 2,
        "reviews/operation/SubmitExamination": 2,
        "reviews/operation/PurgeReview": 2,
        "reviews/operation/OpenCase": 1,
        "reviews/operation/ReportOutcome": 1,
        "reviews/operation/CloseCase": 1,
        "people/asked/access": 1,
        "people/asked/withdrawal": 1,
        "people/asked/erasure": 1,
        "people/decided/refuse": 1,
        "people/decided/grant": 1,
        "people/operation/OpenSubjectRequest": 3,
        "people/operation/DecideSubjectRequest": 2,
    }
    assert counts["erasures/operation/countenance.EraseFaces"] == 1
    assert figures.report()["not_offered"] == []


def test_nobody_examines_what_they_asked_for_under_another_name(house):
    """By who they are and not by what they were called: names are given anew, people are not."""
    review = house.held()
    [[operator_id]] = house.statement(
        "select operator_id from operator where account_id = %s and name = %s",
        house.party.account_id,
        house.examiners[0].bench.key.operator,
    )
    house.statement(
        "update review set requested_by = 'somebody', requested_by_id = %s where review_id = %s",
        operator_id,
        uuid.UUID(review),
    )
    assert "EXA-002" in house.examiners[0].refused("BeginExamination", **OURS, ReviewId=review)
    assert house.examiners[0].told("ListReviews", **OURS)["Reviews"] == []
    house.statement("update review set requested_by_id = null where review_id = %s", uuid.UUID(review))
    house.statement("update review_case set opened_by_id = %s where case_id = %s", operator_id, house.case)
    assert "EXA-002" in house.examiners[0].refused("BeginExamination", **OURS, ReviewId=review)


def test_who_asked_is_kept_as_a_person_where_it_was_one(house):
    """What the rule above goes by is written by the calls themselves."""
    administrator = house.operator("Adam", "administrator")
    case = administrator.told(
        "OpenCase",
        **OURS,
        Case="C-9",
        Purpose="development",
        Reason="r",
        LegalBasis="l",
        ExpiresAt=(datetime.now(UTC) + timedelta(days=1)).timestamp(),
    )["CaseId"]
    trial = _trial(house, administrator)
    [[who]] = house.statement(
        "select operator_id from operator where account_id = %s and name = 'Adam'", house.party.account_id
    )
    assert house.statement("select opened_by_id from review_case where case_id = %s", case) == [(who,)]
    assert house.statement("select requested_by_id from review where review_id = %s", uuid.UUID(trial)) == [
        (who,)
    ]


def _trial(house: House, administrator: Any) -> str:
    pairs = [("ada too", True), ("eve", False)]
    told = administrator.told(
        "PlantTrial",
        **OURS,
        CollectionId="seen",
        Purpose="development",
        ProbeFaceId=house.faces["ada"],
        Pairs=[{"FaceId": house.faces[who], "Mated": mated} for who, mated in pairs],
    )
    return str(told["ReviewId"])


def test_nothing_that_an_examiner_gets_tells_a_trial_from_a_search(house):
    """Members, wording and figures of every answer are alike, before, while and after they decide."""
    trial, held = _trial(house, _administrator(house)), house.held()
    first, second, third = house.examiners
    seen: dict[str, list[Any]] = {trial: [], held: []}
    listed = {each["ReviewId"]: each for each in first.told("ListReviews", **OURS)["Reviews"]}
    for review, answers in seen.items():
        # No end: a search ends with its case, and a trial has none.
        assert listed[review].keys() == {"ReviewId", "Purpose", "OpenedAt", "CandidateCount"}
        begun = first.told("BeginExamination", **OURS, ReviewId=review)
        answers.append(
            (sorted(begun), begun["LeastViewSeconds"], [sorted(each) for each in begun["Pictures"]])
        )
        answer, told = third("SubmitExamination", **OURS, ReviewId=review, Verdicts=_said())
        answers.append((answer.status, told["__type"], told["Message"]))
        for examiner in (first, second):
            house.examine(examiner, review)
        for examiner in (first, third):
            answer, told = examiner("BeginExamination", **OURS, ReviewId=review)
            answers.append((answer.status, told["__type"], told["Message"].replace(review, "-")))
    assert seen[trial] == seen[held]
    # The log would tell: of the one a search was withheld, of the other it was planted.
    for operation in ("ListAuditEntries", "ListCallCounts"):
        assert "EXA-007" in first.refused(operation, **OURS)


def _said() -> list[dict[str, Any]]:
    return [{"Label": f"candidate-{number}", "Verdict": "support"} for number in (1, 2)]


def test_trials_are_examined_by_trained_people_alone_where_searches_are(house):
    """Else whoever lacks training, refused at each search, would be let in to trials and know them."""
    held = house.held()
    with house.party.bench.database.transaction() as connection:  # as `two_person_verification` has it held
        connection.execute("update review set needs_training = true where review_id = %s", [held])
    trial, refusals = _trial(house, _administrator(house)), []
    for review in (held, trial):
        answer, told = house.examiners[0]("BeginExamination", **OURS, ReviewId=review)
        refusals.append((answer.status, told["__type"], told["Message"]))
    assert refusals[0] == refusals[1]
    assert "EXA-003" in refusals[0][2]
    # once the duty is over, trials alone would refuse the untrained
    later = house.held("SearchFaces", **SEARCH, FaceId=house.faces["ada"])
    assert later != held
    for review in (later, _trial(house, _administrator(house))):
        house.examiners[0].told("BeginExamination", **OURS, ReviewId=review)


def test_whoever_could_tell_a_trial_is_given_none(house):
    """An administrator who examines as well knows what was planted: they get searches alone."""
    both = house.operator("Bo", "administrator", "examiner")
    trial, held = _trial(house, _administrator(house)), house.held()
    assert [each["ReviewId"] for each in both.told("ListReviews", **OURS)["Reviews"]] == [held]
    assert both("BeginExamination", **OURS, ReviewId=trial)[1]["__type"] == "ResourceNotFoundException"
    both.told("BeginExamination", **OURS, ReviewId=held)


def test_whom_nobody_supported_is_not_found_again_and_somebody_new_is(house):
    """No threshold, and no second try, gets another pair of examiners for the same faces of the same case."""
    review = house.held()
    for examiner in house.examiners[:2]:
        house.examine(examiner, review, "against")
    for threshold in (80.0, 85.0, 81.5):
        answer, told = house.requester(
            "SearchFacesByImage", **(SEARCH | {"FaceMatchThreshold": threshold}), Image=ADA
        )
        assert (answer.status, told["FaceMatches"]) == (200, [])
        assert house.requester.entry(answer)["review"] == review
    photo = {"Bytes": picture(person("ada", likeness=0.95))}
    [made] = house.party.told("IndexFaces", CollectionId="seen", Image=photo)["FaceRecords"]
    again = house.held()
    assert again != review
    seen = house.examiners[0].told("BeginExamination", **OURS, ReviewId=again)
    assert len(seen["Pictures"]) == 1
    for examiner in house.examiners[:2]:
        house.examine(examiner, again)
    told = house.requester.told("SearchFacesByImage", **SEARCH, Image=ADA)
    assert [match["Face"]["FaceId"] for match in told["FaceMatches"]] == [made["Face"]["FaceId"]]


def test_a_closed_case_leaves_an_entry_of_each_review_that_it_ended(house):
    review = house.held()
    house.opener.told("CloseCase", **OURS, CaseId=house.case)
    [entry] = [each for each in _entries(house) if each.get("operation") == "PurgeReview"]
    assert (entry["review"], entry["kind"]) == (review, "change")
    house.opener.told("CloseCase", **OURS, CaseId=house.case)  # again ends nothing
    assert len([each for each in _entries(house) if each.get("operation") == "PurgeReview"]) == 1


def _entries(house: House) -> list[dict[str, Any]]:
    services = house.party.bench.services
    with services.database.read() as connection:
        found = services.audit.list_latest(connection, house.party.account_id)
    return [each.members for each in found]


def test_whoever_was_shown_to_examiners_finds_it_in_their_report(house):
    """They were looked at and not named in any answer: the log says so, and they are told of it."""
    review = house.held()
    for examiner in house.examiners[:2]:
        house.examine(examiner, review, "against")
    services = house.party.bench.services
    with services.database.read() as connection:
        for who, times in (("ada", 1), ("ada too", 1), ("eve", 0)):
            told = disclose(
                connection,
                services.audit,
                account_id=house.party.account_id,
                region="us-east-1",
                collection="seen",
                subject=Touch(role="named", kind="face", id=house.faces[who]),
            )
            shown = [each for each in told if each.opening.value["role"] == "shown"]
            assert len(shown) == times, who
            for each in shown:
                assert each.own.members["operation"] == "DecideReview"
                assert each.own.members["review"] == review
                assert len(each.own.members["reviewers"]) == 2
                assert "similarity" not in each.opening.value
    for who, times in (("ada", 1), ("eve", 0)):
        asked = house.opener.told(
            "OpenSubjectRequest",
            **OURS,
            Kind="access",
            CollectionId="seen",
            FaceIds=[house.faces[who]],
            Attestation="passport seen",
        )["Request"]["RequestId"]
        given = house.opener.told("GetAccessReport", **OURS, RequestId=asked)
        uses = [use for use in json.loads(given["Report"])["Uses"] if use["Role"] == "shown"]
        assert [use["Review"] for use in uses] == [review] * times
        assert given["Text"].count("compared it with another, in the review") == times


def test_whoever_was_looked_at_before_a_review_ended_undecided_finds_it_as_well(house):
    """One examiner had seen them when the case was closed; of what nobody saw there is nothing to tell."""
    review = house.held()
    house.examiners[0].told("BeginExamination", **OURS, ReviewId=review)
    house.opener.told("CloseCase", **OURS, CaseId=house.case)
    [entry] = [each for each in _entries(house) if each.get("operation") == "PurgeReview"]
    assert (entry["review"], entry["touched"]["count"]) == (review, 2)
    house.requester = house.party.as_("development", case=(name := f"C-{uuid.uuid4().hex}"))
    case = house.open_case(name)
    unseen = house.held()
    house.opener.told("CloseCase", **OURS, CaseId=case)
    [entry] = [each for each in _entries(house) if each.get("operation") == "PurgeReview"][:1]
    assert (entry["review"], "touched" in entry) == (unseen, False)


def test_a_released_candidate_comes_with_the_quality_of_its_picture(house):
    """A lead that rests on a blurred picture is to be known for one."""
    review = house.held()
    for examiner in house.examiners[:2]:
        house.examine(examiner, review)
    for each in house.requester.told("GetReview", **OURS, ReviewId=review)["Candidates"]:
        assert each["Quality"].keys() == {"Confidence", "Brightness", "Sharpness"}


def _at_once(*calls: Any) -> list[Any]:
    """What each call of a thread of its own gave."""
    with futures.ThreadPoolExecutor(len(calls)) as pool:
        barrier = threading.Barrier(len(calls))

        def run(call: Any) -> Any:
            barrier.wait()
            return call()

        return [each.result(60) for each in [pool.submit(run, call) for call in calls]]


def test_two_who_submit_at_once_decide_once(house):
    """Neither is lost, and the search is not released twice: the log has one decision, with both of them."""
    review = house.held()
    pair = house.examiners[:2]
    for examiner in pair:
        examiner.told("BeginExamination", **OURS, ReviewId=review)
    submit = OURS | {"ReviewId": review, "Verdicts": _said()}
    answers = _at_once(*[lambda each=each: each("SubmitExamination", **submit)[0].status for each in pair])
    assert answers == [200, 200]
    [decided] = [each for each in _entries(house) if each.get("operation") == "DecideReview"]
    assert len(decided["reviewers"]) == 2
    assert len(house.requester.told("SearchFacesByImage", **SEARCH, Image=ADA)["FaceMatches"]) == 2


def test_one_examiner_who_submits_twice_at_once_is_one(house):
    """A seat is a person's: two requests of one are not two people."""
    review = house.held()
    first = house.examiners[0]
    first.told("BeginExamination", **OURS, ReviewId=review)
    submit = OURS | {"ReviewId": review, "Verdicts": _said()}
    answers = _at_once(*[lambda: first("SubmitExamination", **submit)[0].status] * 3)
    assert sorted(answers) == [200, 400, 400]
    assert house.requester.told("GetReview", **OURS, ReviewId=review)["Status"] == "waiting"
    assert house.held() == review


def test_three_who_sit_down_at_once_find_two_seats(house):
    review = house.held()
    begin = OURS | {"ReviewId": review}
    answers = _at_once(
        *[lambda each=each: each("BeginExamination", **begin)[0].status for each in house.examiners]
    )
    assert sorted(answers) == [200, 200, 400]
