"""Ways round a review: each told something of a candidate whom nobody had looked at. None does."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

import pytest

from countenance.accounts import Actor
from countenance.casework import Casework
from countenance.cli.casework_jobs import purge_due
from countenance.facts import Claims
from countenance.operations.caller import Caller
from countenance.store import UnitOfWork
from fakes.vision import person, picture
from review_house import ADA, EVE, OURS, SEARCH, House, strict_policies


@pytest.fixture(scope="module")
def strict(models):
    return strict_policies(models)


@pytest.fixture
def house(party, strict):
    """An account with ada and eve enrolled, pictures kept, a case, and three examiners."""
    return House(party("development"), strict)


def _enrolled(house: House) -> str:
    """A face of ada's that somebody enrols to search with."""
    photo = {"Bytes": picture(person("ada"), note="another file")}
    [made] = house.party.told("IndexFaces", CollectionId="seen", Image=photo)["FaceRecords"]
    return str(made["Face"]["FaceId"])


def test_a_rejected_candidate_is_held_like_any_other(house):
    """Rejected all, swept through thresholds: the number left out at each would be everybody's score."""
    probe = _enrolled(house)
    for face_id in house.faces.values():
        house.party.told("RejectMatch", **OURS, CollectionId="seen", FaceId=probe, RejectedFaceId=face_id)
    for threshold in (80.0, 99.0, 99.99):
        answer, told = house.requester(
            "SearchFaces", **(SEARCH | {"FaceMatchThreshold": threshold}), FaceId=probe
        )
        assert (answer.status, "OBL-REVIEW" in told["Message"]) == (400, True)
        assert "x-countenance-rejected" not in dict(answer.headers)
        assert "rejected" not in house.requester.entry(answer)


def test_a_rejection_is_no_answer_of_a_photos_search_either(house):
    """Two who are known apart: the better of them says of the other that they are like the photo as well."""
    house.party.told(
        "RejectMatch",
        **OURS,
        CollectionId="seen",
        FaceId=house.faces["ada"],
        RejectedFaceId=house.faces["ada too"],
    )
    review = house.held("IdentifyFace", **OURS, CollectionId="seen", Image=ADA)
    seen = house.examiners[0].told("BeginExamination", **OURS, ReviewId=review)
    assert len(seen["Pictures"]) == 2
    for examiner in house.examiners[:2]:
        house.examine(examiner, review)
    told = house.requester.told("IdentifyFace", **OURS, CollectionId="seen", Image=ADA)
    assert told["CandidatesRejected"] == 0


def _find(house: House, probe: dict[str, bytes], threshold: float) -> tuple[int, str]:
    """How a search ends, and what its caller is told."""
    answer, told = house.requester(
        "SearchFacesByImage", **(SEARCH | {"FaceMatchThreshold": threshold}), Image=probe
    )
    return answer.status, told.get("Message", "")


def test_candidates_without_pictures_are_found_all_the_same_and_told_to_nobody(house):
    """Refused when found, answered when not: ever higher thresholds gave their score."""
    house.statement(
        "delete from vault_crop where face_id = any(%s)", [uuid.UUID(each) for each in house.faces.values()]
    )
    for number, threshold in enumerate((80.0, 99.0, 100.0)):
        probe = {"Bytes": picture(person("ada", likeness=0.9), note=str(number))}
        status, message = _find(house, probe, threshold)
        assert (status, "keeps no picture" in message) == (400, True), message
        review = message.split("review `")[1].split("`")[0]
        told = house.requester.told("GetReview", **OURS, ReviewId=review)
        assert told["Status"] == "released"
        assert "faces without a picture" in told["Conclusion"]
        assert told["Candidates"] == []
        assert "FaceId" not in told["Answer"]
        assert _find(house, probe, threshold) == (200, "")  # decided, for nobody
    assert house.examiners[0].told("ListReviews", **OURS)["Reviews"] == []


def test_one_old_face_without_a_picture_keeps_nobody_else_from_review(house):
    """Who can be looked at is; who cannot is never released, whatever examiners say of the others."""
    house.statement("delete from vault_crop where face_id = %s", uuid.UUID(house.faces["ada"]))
    review = house.held()
    for examiner in house.examiners[:2]:
        seen = examiner.told("BeginExamination", **OURS, ReviewId=review)
        assert len(seen["Pictures"]) == 1
        house.examine(examiner, review)
    told = house.requester.told("SearchFacesByImage", **SEARCH, Image=ADA)
    assert [each["Face"]["FaceId"] for each in told["FaceMatches"]] == [house.faces["ada too"]]
    assert (
        "faces without a picture" in house.requester.told("GetReview", **OURS, ReviewId=review)["Conclusion"]
    )


def test_a_probe_without_a_picture_is_refused_before_the_search(house):
    house.statement("delete from vault_crop where face_id = %s", uuid.UUID(house.faces["eve"]))
    assert "no pictures" in house.requester.refused("SearchFaces", **SEARCH, FaceId=house.faces["eve"])


def test_whether_a_search_is_held_tells_no_score(house):
    """The same face under other bytes is another probe: at any threshold it is held, or at none."""
    for number, threshold in enumerate((0.0, 80.0, 99.0, 99.99, 100.0)):
        for who, status in (("ada", 400), ("nobody", 200)):
            probe = {"Bytes": picture(person(who, likeness=0.9), note=str(number))}
            assert _find(house, probe, threshold)[0] == status, (who, threshold)


def test_nobody_below_the_threshold_that_was_asked_for_is_released(house):
    """People look from the purpose's minimum on; the caller gets what was asked for, of whom they support."""
    request = SEARCH | {"FaceMatchThreshold": 99.6, "Image": ADA}
    review = house.held("SearchFacesByImage", **request)
    assert len(house.examiners[0].told("BeginExamination", **OURS, ReviewId=review)["Pictures"]) == 2
    for examiner in house.examiners[:2]:
        house.examine(examiner, review)
    told = house.requester.told("SearchFacesByImage", **request)
    assert [each["Face"]["FaceId"] for each in told["FaceMatches"]] == [house.faces["ada"]]
    told = house.requester.told("GetReview", **OURS, ReviewId=review)
    assert len(told["Candidates"]) == 1
    assert "1 of them below" in told["Conclusion"]


def test_decisions_are_of_the_thresholds_that_were_asked_for(house):
    request = OURS | {"CollectionId": "seen", "Image": ADA, "MatchThreshold": 99.7, "ReviewThreshold": 99.6}
    review = house.held("IdentifyFace", **request)
    for examiner in house.examiners[:2]:
        house.examine(examiner, review)
    told = house.requester.told("IdentifyFace", **request)
    assert told["ThresholdInForce"]["ReviewSimilarity"] == 99.6
    assert told["ThresholdInForce"]["Similarity"] == 99.7
    assert [each["Face"]["FaceId"] for each in told["Candidates"]] == [house.faces["ada"]]
    assert told["Decision"] == "MATCH"


def _acts_under_the_case(house: House, operator: Any) -> Any:
    """The same person, with a session that searches under the house's purpose and case."""
    accounts, bench = house.party.bench.services.accounts, operator.bench
    with house.party.bench.database.transaction() as connection:
        session = accounts.create_session(
            connection, bench.key.access_key_id, 900, purpose="development", claims=Claims(case="C-1")
        )
    key = dataclasses.replace(bench.key, access_key_id=session.access_key_id, secret=session.secret)
    return dataclasses.replace(
        operator, bench=dataclasses.replace(bench, key=key), token=session.session_token
    )


def test_who_asks_second_examines_as_little_as_who_asked_first(house):
    """They want the answer as much; and it is their eyes that would give it."""
    review = house.held()
    bob = house.operator("Bob", "examiner", "developer")
    answer, told = _acts_under_the_case(house, bob)("SearchFacesByImage", **SEARCH, Image=ADA)
    assert (answer.status, review in told["Message"]) == (400, True)
    assert "EXA-002" in bob.refused("BeginExamination", **OURS, ReviewId=review)
    assert bob.told("ListReviews", **OURS)["Reviews"] == []


def test_whoever_holds_a_seat_does_not_ask(house):
    review = house.held()
    bob = house.operator("Bob", "examiner", "developer")
    bob.told("BeginExamination", **OURS, ReviewId=review)
    asking = _acts_under_the_case(house, bob)
    assert "EXA-002" in asking.refused("SearchFacesByImage", **SEARCH, Image=ADA)
    house.examine(bob, review)
    assert "EXA-002" in asking.refused("SearchFacesByImage", **SEARCH, Image=ADA)
    house.examine(house.examiners[0], review)
    assert len(asking.told("SearchFacesByImage", **SEARCH, Image=ADA)["FaceMatches"]) == 2


def test_one_person_under_two_ids_is_one(house):
    """Removed and put again they have a new id, and the same eyes."""
    review = house.held()
    erin = house.examiners[0]
    house.examine(erin, review)
    operators = house.party.bench.services.governance.operators
    operators.remove(house.party.account_id, "Erin", actor=Actor("test"))
    again = house.operator("Erin", "examiner")
    assert again.told("ListReviews", **OURS)["Reviews"] == []
    answer, told = again("BeginExamination", **OURS, ReviewId=review)
    assert (answer.status, told["__type"]) == (400, "ConflictException")
    assert house.requester.told("GetReview", **OURS, ReviewId=review)["Status"] == "waiting"


def test_an_answer_behind_which_one_name_stands_twice_is_given_to_nobody(house):
    """However the second seat came about."""
    review = house.held()
    for examiner in house.examiners[:2]:
        house.examine(examiner, review)
    house.statement(
        "update operator set removed_at = clock_timestamp(), name = 'Emil' where account_id = %s"
        " and name = 'Erin'",
        house.party.account_id,
    )
    assert house.held() != review


def test_two_reviews_are_not_looked_at_at_a_time(house):
    """Begun together, they take as long as one after the other."""
    services = house.party.bench.services
    slow = Casework.open(services.database, house.party.server.keys, least_view_s=30)
    make = services.make_deps
    services = dataclasses.replace(
        services, casework=slow, make_deps=lambda *given: dataclasses.replace(make(*given), casework=slow)
    )
    first, second = house.held(), house.held("SearchFaces", **SEARCH, FaceId=house.faces["ada"])
    examiner = house.examiners[0]
    examiner = dataclasses.replace(examiner, bench=dataclasses.replace(examiner.bench, services=services))
    said = {}
    for review in (first, second):
        seen = examiner.told("BeginExamination", **OURS, ReviewId=review)
        verdicts = [{"Label": each["Label"], "Verdict": "support"} for each in seen["Pictures"]]
        said[review] = OURS | {"ReviewId": review, "Verdicts": verdicts}
    house.statement("update examination set began_at = began_at - interval '61 seconds'")
    examiner.told("SubmitExamination", **said[first])
    assert "EXA-004" in examiner.refused("SubmitExamination", **said[second])
    house.statement(
        "update examination set submitted_at = submitted_at - interval '61 seconds'"
        " where submitted_at is not null"
    )
    examiner.told("SubmitExamination", **said[second])


def _purged(house: House) -> list[dict[str, Any]]:
    """Entries of reviews that were purged."""
    services = house.party.bench.services
    with services.database.read() as connection:
        found = services.audit.list_latest(connection, house.party.account_id)
    return [each.members for each in found if each.members.get("operation") == "PurgeReview"]


@pytest.mark.parametrize("end", ["a face is deleted", "its time is over and the same is asked again"])
def test_a_review_that_ended_by_itself_is_purged_as_any_other(house, end):
    """With its verdicts, its key and an entry that says so: it left all three until now."""
    review = house.held()
    house.examine(house.examiners[0], review)
    if end == "a face is deleted":
        house.party.told("DeleteFaces", CollectionId="seen", FaceIds=[house.faces["ada too"]])
    else:
        house.statement("update review set expires_at = clock_timestamp() where review_id = %s", review)
        assert house.held() != review
    keys = house.party.server.keys
    purge_due(house.party.bench.database, keys)
    assert keys.secret(f"review-{review}") is None
    assert house.statement(
        "select sealed_verdicts from examination where review_id = %s", uuid.UUID(review)
    ) == [(None,)]
    [entry] = _purged(house)
    assert entry["review"] == review
    purge_due(house.party.bench.database, keys)
    assert len(_purged(house)) == 1


def test_pictures_are_not_looked_at_when_the_vault_is_closed(house):
    """Who closes a vault has no picture kept any more, and none in a review."""
    review, photos = house.held(), house.held("CompareFaces", SourceImage=ADA, TargetImage=ADA)
    house.examiners[0].told("BeginExamination", **OURS, ReviewId=review)
    services = house.party.bench.services
    deps = services.make_deps(_caller(house), UnitOfWork(services.database))
    with UnitOfWork(services.database) as work:
        deps.gallery.vaults.close(work, deps.collection("seen"))
        work.commit()
    answer, told = house.examiners[0]("BeginExamination", **OURS, ReviewId=review)
    assert (answer.status, told["__type"]) == (400, "ResourceNotFoundException")
    house.examiners[0].told("BeginExamination", **OURS, ReviewId=photos)  # of no vault
    purge_due(house.party.bench.database, house.party.server.keys)
    assert [each["review"] for each in _purged(house)] == [review]


def _caller(house: House) -> Caller:
    return Caller(account_id=house.party.account_id, access_key_id="-", operator="test", region="us-east-1")


@pytest.mark.parametrize("is_held", [False, True])
def test_a_review_ends_with_the_first_of_its_pictures(house, is_held):
    """A crop that is kept for another hour is not looked at for days; nor where the days become fewer."""
    review = house.held() if is_held else ""
    house.statement(
        "update vault_crop set kept_until = clock_timestamp() + interval '1 hour' where face_id = %s",
        uuid.UUID(house.faces["ada too"]),
    )
    review = review or house.held()
    [[is_soon]] = house.statement(
        "select expires_at < clock_timestamp() + interval '61 minutes' from review where review_id = %s",
        uuid.UUID(review),
    )
    assert is_soon


def test_a_photo_that_its_store_exchanges_meanwhile_is_not_held_as_another(house):
    """Read twice, it is compared: else people would decide about one photo, and another be answered."""
    photos = iter([ADA["Bytes"], EVE["Bytes"]])

    class Store:
        def read(self, *_: Any, **__: Any) -> bytes:
            return next(photos)

    services = house.requester.bench.services
    make = services.make_deps
    services = dataclasses.replace(
        services, make_deps=lambda *given: dataclasses.replace(make(*given), objects=Store())
    )
    bench = dataclasses.replace(house.requester.bench, services=services)
    answer, told = dataclasses.replace(house.requester, bench=bench)(
        "SearchFacesByImage", **SEARCH, Image={"S3Object": {"Bucket": "photos", "Name": "a.jpg"}}
    )
    assert (answer.status, told["__type"]) == (400, "ThrottlingException")
    assert house.statement("select * from review where account_id = %s", house.party.account_id) == []
