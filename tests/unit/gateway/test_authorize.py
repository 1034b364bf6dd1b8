"""What policy refuses, and what the caller is told: through the gateway, by real operations."""

from __future__ import annotations

from typing import Any

import pytest

from countenance.accounts import Actor
from countenance.errors import SetupError
from countenance.policy.register import FixedPolicies
from fakes.vision import person, picture
from fixtures_gateway import header

OTHER = "222222222222"
FACE = "00000000-0000-4000-8000-000000000001"
ADA = {"Bytes": picture(person("ada"))}
THREE_RULES = ["PUR-005", "PUR-006", "PUR-007"]


@pytest.mark.parametrize("kind", ["collection/faces", "streamprocessor/door"])
def test_what_is_anothers_does_not_exist_for_the_caller_and_is_a_deny_in_the_event(bench, kind):
    """Else an error's code would tell which collections another account has."""
    arn = f"arn:aws:rekognition:us-east-1:{OTHER}:{kind}"
    answer, told = bench.call("ListTagsForResource", {"ResourceArn": arn})
    assert (answer.status, told["__type"]) == (400, "ResourceNotFoundException")
    event = bench.event(header(answer, "x-countenance-event-id"))
    assert (event["decision"], event["outcome"]) == ("deny", "refused")
    assert event["rules"] == ["CORE-002"]
    assert event["resource"] == arn


def test_an_account_may_name_its_own_resource_by_arn(bench):
    arn = f"arn:aws:rekognition:us-east-1:{bench.account.account_id}:collection/faces"
    assert bench.call("ListTagsForResource", {"ResourceArn": arn})[1] == {"Tags": {}}


@pytest.mark.parametrize("standing", ["pending", "restricted", "suspended", "terminated"])
def test_an_account_that_is_not_in_good_standing_is_refused_with_the_rule_and_its_remedy(bench, standing):
    """A restricted one may not search; the others may not do anything but read why and appeal."""
    bench.services.governance.standings.change(
        bench.account.account_id,
        standing,
        reason="why",
        decided_by="Olga",
        second_officer="Otto",
        actor=Actor("test"),
    )
    asked = {"CollectionId": "faces", "FaceId": FACE}
    answer, told = bench.call("SearchFaces", asked)
    assert (answer.status, told["__type"]) == (400, "AccessDeniedException")
    assert told["Message"].startswith("AUP-00")
    assert bench.events()[0].members["decision"] == "deny"
    answer, told = bench.call("CreateCollection", {"CollectionId": "faces"})
    assert (answer.status == 200) is (standing == "restricted")
    assert bench.collections() == ({"faces"} if standing == "restricted" else set())
    assert bench.call("GetCallerIdentity", {}, service="countenance")[0].status == 200


def test_an_account_that_accepted_nothing_is_told_what_to_accept(bench, make_bench):
    """The first thing that a newcomer meets must say what to do."""
    accounts = bench.services.accounts
    account = accounts.create_account("newcomer")
    key = accounts.create_access_key(account.account_id, operator="guy", purpose="development")
    signed = {"access_key_id": key.access_key_id, "secret": key.secret}
    _, told = bench.call("DetectFaces", {"Image": {"Bytes": "AAAA"}}, **signed)
    assert "AUP-001" in told["Message"]
    assert "acceptable-use" in told["Message"]
    assert "AcceptTerms" in told["Message"]


# ---- Purposes: each refused by name


def test_a_key_without_a_purpose_moves_no_face(party):
    """It lists, describes and deletes; whatever needs a purpose says so, and how to get one."""
    bare = party().as_(None)
    for operation, request in {
        "DetectFaces": {"Image": ADA},
        "CoachPhoto": {"Image": ADA, "service": "countenance"},
        "CompareFaces": {"SourceImage": ADA, "TargetImage": ADA},
        "CreateCollection": {"CollectionId": "faces"},
    }.items():
        message = bare.refused(operation, **request)
        assert message.startswith("PUR-003: the access key has no purpose")
        assert "--purpose" in message
    assert bare.told("ListCollections") == {"CollectionIds": [], "FaceModelVersions": []}


def test_a_key_for_a_purpose_that_was_never_approved_moves_none_either(party):
    """A key may be made on the machine for anything: what is approved is looked up at every call."""
    message = party().as_("photo-library").refused("DetectFaces", Image=ADA)
    assert message.startswith("PUR-001: the purpose `photo-library` is not approved")


def test_a_purpose_that_is_withdrawn_ends_at_the_next_call(party):
    account = party()
    account.told("DetectFaces", Image=ADA)
    grants = account.bench.services.governance.grants
    (request,) = grants.list(account.account_id)
    grants.decide(
        request.request_id,
        "withdraw",
        officer="Olga Officer",
        reason="",
        approvals=1,
        risk="low",
        actor=Actor("test"),
    )
    assert "PUR-001" in account.refused("DetectFaces", Image=ADA)


def test_a_collection_is_for_its_own_purposes(party):
    """Photos of a family are not searched under another purpose, however well that is approved."""
    library = party("photo-library", "development")
    library.told("CreateCollection", CollectionId="family")
    library.told("IndexFaces", CollectionId="family", Image=ADA)
    developer = library.as_("development")
    asked = {
        "SearchFacesByImage": {"Image": ADA},
        "IndexFaces": {"Image": ADA},
        "SearchUsers": {"FaceId": FACE},
        "AssociateFaces": {"UserId": "u", "FaceIds": [FACE]},
    }
    for operation, request in asked.items():
        message = developer.refused(operation, CollectionId="family", **request)
        assert message.startswith("PUR-002: the collection's charter does not have the purpose `development`")
    assert library.told("SearchFacesByImage", CollectionId="family", Image=ADA)["FaceMatches"]


def test_thresholds_candidates_and_attributes_are_refused_by_name_with_both_numbers(party):
    """Whoever is refused must be able to mend the call without asking anybody."""
    account = party("accessibility").as_("accessibility", consent="F-1")
    account.told("CreateCollection", CollectionId="friends")
    search = {"CollectionId": "friends", "Image": ADA, "FaceMatchThreshold": 90.0, "MaxFaces": 10}
    account.told("SearchFacesByImage", **search)
    low = account.refused("SearchFacesByImage", **search | {"FaceMatchThreshold": 89.5})
    assert low.startswith("PUR-005: the similarity threshold is 89.5,")
    assert "send FaceMatchThreshold >= 90" in low
    many = account.refused("SearchFacesByImage", **search | {"MaxFaces": 11})
    assert many.startswith("PUR-006: the search asks for up to 11 candidates")
    assert "send MaxFaces <= 10" in many
    for asked, named in ((["GENDER"], "`GENDER`"), (["ALL"], "`AGE_RANGE`"), (["AGE_RANGE"], "`AGE_RANGE`")):
        refused = account.refused("DetectFaces", Image=ADA, Attributes=asked)
        assert refused.startswith("PUR-007: the purpose `accessibility` does not allow")
        assert named in refused
    account.told("DetectFaces", Image=ADA, Attributes=["DEFAULT", "SMILE"])


def test_what_an_operation_takes_by_default_is_judged_as_if_it_were_asked(party):
    """80 and 4096 are asked for by whoever asks for nothing."""
    account = party("accessibility").as_("accessibility", consent="F-1")
    account.told("CreateCollection", CollectionId="friends")
    message = account.refused("SearchFacesByImage", CollectionId="friends", Image=ADA)
    assert "the similarity threshold is 80," in message
    assert "up to 4096 candidates" in message
    compare = account.refused("CompareFaces", SourceImage=ADA, TargetImage=ADA)
    assert "send SimilarityThreshold >= 90" in compare
    users = account.refused("SearchUsersByImage", CollectionId="friends", Image=ADA, UserMatchThreshold=95)
    assert "send MaxUsers <= 10" in users


def test_all_rules_that_a_call_breaks_are_told_at_once(party):
    """One round for each rule would drive people to whatever lets them through."""
    account = party("accessibility", "development")
    account.told("CreateCollection", CollectionId="friends")
    developer = account.as_("development", source="scraped", age="unknown")
    asked = {"FaceMatchThreshold": 1.0, "MaxFaces": 4000}
    message = developer.refused("SearchFacesByImage", CollectionId="friends", Image=ADA, **asked)
    assert [rule in message for rule in ("PUR-002:", "SRC-001:")] == [True, True]
    message = account.refused("SearchFacesByImage", CollectionId="friends", Image=ADA, **asked)
    assert [rule in message for rule in ("PUR-005:", "PUR-006:")] == [True, True]
    assert message.count(". ") >= 1
    answer, _ = account("SearchFacesByImage", CollectionId="friends", Image=ADA, **asked)
    rules = account.entry(answer)["rules"]
    assert rules == sorted(rules)
    assert {"PUR-005", "PUR-006"} <= set(rules)
    assert all(rule in message for rule in rules)


def test_an_operation_that_the_purpose_does_not_have_is_refused(party):
    account = party("identity-verification", "development")
    account.as_("development").told("CreateCollection", CollectionId="c")
    message = account.refused("SearchFacesByImage", CollectionId="c", Image=ADA)
    assert "PUR-004: SearchFacesByImage is not among the operations" in message


# ---- Charters


def charter(account: Any, name: str) -> dict[str, Any]:
    return account.told("DescribeCharter", CollectionId=name, service="countenance")["Charter"]


def test_a_collection_made_by_an_unmodified_client_gets_the_charter_of_its_keys_purpose(party):
    account = party("event-photos")
    account.told("CreateCollection", CollectionId="wedding")
    assert charter(account, "wedding") == {
        "Purposes": ["event-photos"],
        "Kind": "consented",
        "LegalBasis": "consent of the people photographed, asked for at the event",
        "FaceCap": 200_000,
        "RetentionDays": 90,
        "MinorsAllowed": False,
    }


def test_tags_ask_for_a_narrower_charter_and_are_kept_nowhere_else(party):
    account = party("event-photos", "development")
    tags = {
        "countenance:purposes": "event-photos development",
        "countenance:kind": "enrolled",
        "countenance:legal-basis": "they signed",
        "countenance:face-cap": "10",
        "countenance:retention-days": "7",
        "countenance:minors": "refused",
        "team": "weddings",
    }
    made = account.told("CreateCollection", CollectionId="wedding", Tags=tags)
    assert charter(account, "wedding") == {
        "Purposes": ["event-photos", "development"],
        "Kind": "enrolled",
        "LegalBasis": "they signed",
        "FaceCap": 10,
        "RetentionDays": 7,
        "MinorsAllowed": False,
    }
    arn = made["CollectionArn"]
    assert account.told("ListTagsForResource", ResourceArn=arn) == {"Tags": {"team": "weddings"}}


@pytest.mark.parametrize(
    ("tags", "rule"),
    [
        ({"countenance:purposes": "event-photos research"}, "CHA-001"),
        ({"countenance:purposes": "event-photos nonsense"}, "CHA-001"),
        ({"countenance:face-cap": "200001"}, "CHA-002"),
        ({"countenance:retention-days": "91"}, "CHA-002"),
        ({"countenance:minors": "allowed"}, "CHA-002"),
        ({"countenance:purposes": "development"}, "CHA-003"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_charter_that_goes_beyond_its_purpose_is_refused(party, tags, rule):
    """Policy judges what is asked for before anything is made."""
    account = party("event-photos", "development")
    assert rule in account.refused("CreateCollection", CollectionId="wedding", Tags=tags)
    assert account.told("ListCollections")["CollectionIds"] == []


@pytest.mark.parametrize(
    "tags",
    [
        {"countenance:purpose": "event-photos"},
        {"countenance:": "x"},
        {"countenance:face-cap": "many"},
        {"countenance:face-cap": "0"},
        {"countenance:kind": "everybody"},
        {"countenance:minors": "yes"},
        {"countenance:purposes": " "},
    ],
    ids=str,
)
def test_a_tag_of_ours_that_means_nothing_is_refused_before_policy_is_asked(party, tags):
    """A misspelt limit must not quietly be no limit."""
    account = party("event-photos")
    answer, told = account("CreateCollection", CollectionId="wedding", Tags=tags)
    assert (answer.status, told["__type"]) == (400, "InvalidParameterException")
    assert next(iter(tags)) in told["Message"]
    assert account.entry(answer)["decision"] == "none"
    assert account.told("ListCollections")["CollectionIds"] == []


@pytest.mark.parametrize("key", ["countenance:purposes", "countenance:face-cap", "countenance:x"])
def test_a_charter_is_not_changed_by_tags(party, key):
    """TagResource widens nothing: our prefix is refused whole, and nothing of the call is kept."""
    account = party("event-photos")
    arn = account.told("CreateCollection", CollectionId="wedding")["CollectionArn"]
    before = charter(account, "wedding")
    answer, told = account("TagResource", ResourceArn=arn, Tags={"team": "x", key: "event-photos research"})
    assert (answer.status, told["__type"]) == (400, "InvalidParameterException")
    assert "PutCharter" in told["Message"]
    assert charter(account, "wedding") == before
    assert account.told("ListTagsForResource", ResourceArn=arn) == {"Tags": {}}


def test_a_full_collection_is_refused_before_a_photo_is_read(party):
    """The charter's cap, told with both numbers."""
    account = party()
    account.told("CreateCollection", CollectionId="c", Tags={"countenance:face-cap": "2"})
    for name in ("ada", "bob"):
        account.told("IndexFaces", CollectionId="c", Image={"Bytes": picture(person(name))})
    message = account.refused("IndexFaces", CollectionId="c", Image={"Bytes": b"no picture at all"})
    assert message.startswith("CAP-001: the collection is full: it has 2 faces, and its charter allows 2")


def test_faces_that_would_go_over_the_cap_together_are_refused_at_the_write(party):
    """Policy has room for one; the photo has three."""
    account = party()
    account.told("CreateCollection", CollectionId="c", Tags={"countenance:face-cap": "2"})
    three = picture(*(person(name, left=250 * place) for place, name in enumerate("abc")))
    message = account.refused("IndexFaces", CollectionId="c", Image={"Bytes": three})
    assert "CAP-001: the collection would have 3 faces, and its charter allows 2" in message
    assert account.told("DescribeCollection", CollectionId="c")["FaceCount"] == 0
    account.told("IndexFaces", CollectionId="c", Image={"Bytes": three}, MaxFaces=2)


# ---- What is not there


def test_a_collection_that_is_not_there_is_told_as_such_and_all_else_is_judged(party):
    """No rule about charters is broken by what has none; those about the caller are."""
    account = party()
    answer, told = account("SearchFacesByImage", CollectionId="nowhere", Image=ADA)
    assert (answer.status, told["__type"]) == (400, "ResourceNotFoundException")
    message = account.as_("photo-library").refused("SearchFacesByImage", CollectionId="nowhere", Image=ADA)
    assert "PUR-001" in message
    assert "PUR-002" not in message


def test_another_accounts_collection_is_as_if_it_were_not_there(party):
    """Whatever its charter allows, and whatever the caller's key is for."""
    party().told("CreateCollection", CollectionId="theirs")
    answer, told = party()("SearchFacesByImage", CollectionId="theirs", Image=ADA)
    assert (answer.status, told["__type"]) == (400, "ResourceNotFoundException")


# ---- Packs that cannot be read


class Unreadable(FixedPolicies):
    """As `PoliciesInForce`, of which a pack in use has gone."""

    def engine(self, epoch: int, today: Any) -> Any:
        raise SetupError("the pack `x` is active and not here", remedy="put it back")


def test_without_the_packs_in_use_nothing_is_decided_but_due_process(make_bench, policy):
    """No call goes on by fewer rules than are in force; to read the terms and to appeal stays open."""
    bench = make_bench()
    object.__setattr__(bench.services, "policies", Unreadable(policy))
    answer, told = bench.call("DetectFaces", {"Image": {"Bytes": "AAAA"}})
    assert (answer.status, told["__type"]) == (500, "InternalServerError")
    assert bench.call("ListCollections", {})[0].status == 500
    assert bench.call("GetCallerIdentity", {}, service="countenance")[0].status == 200
