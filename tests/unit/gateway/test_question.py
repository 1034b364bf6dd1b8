"""What policy is asked, of each kind of call."""

from __future__ import annotations

import base64
import dataclasses
import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from countenance.accounts import Actor
from countenance.errors import InvalidParameterException
from countenance.facts import Charter, Claims, ModelFacts
from countenance.gateway.authenticate import authenticate
from countenance.gateway.call import Validated, received
from countenance.gateway.question import question_of
from countenance.gateway.validate import validate
from countenance.policy import AccessRequest, Resource, load_purposes
from countenance.policy.groups import GROUPS
from countenance.policy.purposes import ATTRIBUTES
from countenance.policy.register import PackRegister
from governed import OFFICERS, accept_all

FACE = "00000000-0000-4000-8000-000000000001"
PICTURE = {"Bytes": base64.b64encode(b"a picture").decode()}
SEARCH = {"CollectionId": "faces", "FaceId": FACE}
IMPORT = {
    "CollectionId": "faces",
    "Image": PICTURE,
    "ExternalImageId": "ada",
    "ImportId": FACE,
    "ImportItem": 1,
}
OPERATIONS = {name for names in GROUPS.values() for name in names}
CHARTER = Charter(
    purposes=("development", "photo-library"),
    kind="enrolled",
    legal_basis="why",
    face_cap=3,
    retention_days=30,
    minors_allowed=False,
)


@pytest.fixture
def bench(make_bench):
    """Offers every operation of both models: none of them is run here."""
    bench = make_bench()
    offered = {
        name: dict.fromkeys(service.operations) for name, service in bench.services.models.services.items()
    }
    services = dataclasses.replace(bench.services, operations=offered)
    return dataclasses.replace(bench, services=services)


def validated(bench: Any, operation: str, request: Any, **changes: Any) -> Validated:
    body = json.dumps(request).encode()
    admitted = bench.pipeline.admit(bench.head(operation, body, **changes))
    return validate(authenticate(received(admitted), body, bench.services), bench.services)


def ask(bench: Any, operation: str, request: Any = None, **changes: Any) -> AccessRequest:
    return question_of(validated(bench, operation, request or {}, **changes), bench.services).request


def signed(bench: Any, purpose: str | None, **given: Any) -> dict[str, Any]:
    """To sign with another key of the account."""
    key = bench.services.accounts.create_access_key(
        bench.account.account_id, operator="marian", purpose=purpose, **given
    )
    return {"access_key_id": key.access_key_id, "secret": key.secret}


def claiming(bench: Any, purpose: str, claims: Claims) -> dict[str, Any]:
    """To sign with temporary credentials that attest something."""
    parent = signed(bench, purpose)["access_key_id"]
    with bench.database.transaction() as connection:
        made = bench.services.accounts.create_session(connection, parent, 900, purpose=purpose, claims=claims)
    return {"access_key_id": made.access_key_id, "secret": made.secret, "token": made.session_token}


def insert(bench: Any, name: str, charter: Charter | None, *, region: str = "us-east-1", faces: int = 0):
    """A collection, its charter and faces, as they stand in the database; its id."""
    collection_id = uuid.uuid4()
    with bench.database.transaction() as connection:
        connection.execute(
            "insert into collection (collection_id, account_id, name, region, face_model_version, dimensions)"
            " values (%s, %s, %s, %s, '7.0', 4)",
            (collection_id, bench.account.account_id, name, region),
        )
        if charter is not None:
            members = dataclasses.asdict(charter) | {"purposes": list(charter.purposes)}
            connection.execute(
                f"insert into charter (collection_id, {', '.join(members)}) values"
                f" (%s, {', '.join(['%s'] * len(members))})",
                (collection_id, *members.values()),
            )
        for _ in range(faces):
            connection.execute(
                "insert into face (face_id, collection_id, image_id, box_left, box_top, box_width,"
                " box_height, confidence, sealed_template, key_generation)"
                " values (gen_random_uuid(), %s, gen_random_uuid(), 0.1, 0.1, 0.1, 0.1, 99, '', 1)",
                (collection_id,),
            )
    return collection_id


def test_it_is_asked_about_the_caller_as_the_database_has_them_now(bench):
    """Account, operator, key and time: from the signature and the register, nothing from the body."""
    bench.clock.moment = datetime.now(UTC)
    asked = ask(bench, "ListFaces", {"CollectionId": "faces"})
    assert asked.account_id == bench.account.account_id
    assert asked.account.terms_accepted
    assert asked.account.purposes == {"development"}
    assert (asked.access_key_id, asked.operator, asked.officer) == (
        bench.key.access_key_id,
        "tester",
        False,
    )
    assert (asked.service, asked.operation) == ("rekognition", "ListFaces")
    assert asked.purpose == "development"
    assert asked.now_s == int(bench.clock.moment.timestamp())


def test_the_number_of_the_set_of_packs_comes_with_it(bench):
    """Read in the same statement as the account: the answer is by the packs of that moment."""
    question = question_of(validated(bench, "ListCollections", {}), bench.services)
    assert question.epoch == PackRegister(bench.database).epoch()


def test_an_officers_key_is_one_of_the_house(bench, make_bench):
    """Whether somebody may decide about others is no matter of what their request says."""
    governance, accounts = bench.services.governance, bench.services.accounts
    house = governance.officers.house()
    governance.officers.add(house, OFFICERS[0], "officer", actor=Actor("test"))
    accept_all(governance, house)
    key = accounts.create_access_key(house, operator="olga", officer=OFFICERS[0])
    as_officer = {"access_key_id": key.access_key_id, "secret": key.secret, "service": "countenance"}
    asked = ask(bench, "ListAccounts", **as_officer)
    assert asked.officer
    assert asked.resource == Resource("Account", house, house)
    request = {"AccountId": "1" * 12, "CollectionId": "faces", "FaceIds": [FACE], "Reason": "they asked"}
    assert ask(bench, "EraseFaces", request, **as_officer).resource == Resource("Account", house, house)
    assert not ask(bench, "ListAccounts", service="countenance").officer


@pytest.mark.parametrize("operation", ["AssumePurpose", "CreateAccessKey", "RequestPurpose"])
def test_whoever_asks_for_a_purpose_is_judged_by_it(bench, operation):
    """Not by the one of the key that asks: or any key would do to get keys for anything."""
    request = {"Purpose": "research"} | ({"Justification": "why"} if operation == "RequestPurpose" else {})
    asked = ask(bench, operation, request, service="countenance")
    assert (asked.purpose, asked.own_purpose) == ("research", "development")
    if operation == "CreateAccessKey":
        assert ask(bench, operation, {}, service="countenance").purpose == "development"


@pytest.mark.parametrize("member", ["Purpose", "purpose", "AccountId", "Claims"])
def test_what_a_photo_call_says_of_itself_is_passed_over(bench, member):
    """Members that the model does not have are ignored, and change nothing that is judged."""
    insert(bench, "faces", CHARTER)
    plain = ask(bench, "SearchFaces", SEARCH)
    asked = ask(bench, "SearchFaces", SEARCH | {member: "research"})
    assert asked == dataclasses.replace(plain, now_s=asked.now_s, calls_last_hour=plain.calls_last_hour + 1)


@pytest.mark.parametrize(
    "extra",
    [
        {"AccountId": "1" * 12},
        {"ResourceArn": "arn:aws:rekognition:us-east-1:{own}:collection/other"},
        {"ResourceArn": "arn:aws:rekognition:us-east-1:111111111111:collection/faces"},
        {"ResourceArn": "arn:aws:rekognition:us-east-1:{own}:streamprocessor/x"},
        {"UserMatchThreshold": 99.9},
        {"SimilarityThreshold": 99.9},
        {"MaxUsers": 1},
        {"Attributes": ["ALL"]},
        {"DetectionAttributes": ["ALL"]},
        {"Tags": {"countenance:purposes": "research"}},
    ],
    ids=str,
)
def test_members_of_other_operations_change_nothing_of_what_is_judged(bench, extra):
    """Policy must judge the collection, the threshold and the number that the operation will use."""
    for name in ("faces", "other"):
        insert(bench, name, CHARTER)
    request = {"CollectionId": "faces", "Image": PICTURE, "FaceMatchThreshold": 60}
    plain = ask(bench, "SearchFacesByImage", request)
    own = bench.account.account_id
    told = {name: value.format(own=own) if isinstance(value, str) else value for name, value in extra.items()}
    asked = ask(bench, "SearchFacesByImage", request | told)
    assert dataclasses.replace(asked, now_s=0, calls_last_hour=0) == dataclasses.replace(
        plain, now_s=0, calls_last_hour=0
    )
    assert asked.resource.resource_id == "faces"


def test_what_the_key_attests_is_asked_with(bench):
    """From the credential alone: a lasting key attests nothing."""
    claims = Claims(case="C-1", source="subject", age="adult", live=True, consent="F-1")
    asked = ask(bench, "DetectFaces", {"Image": PICTURE}, **claiming(bench, "development", claims))
    assert asked.claims == claims
    assert ask(bench, "DetectFaces", {"Image": PICTURE}).claims == Claims()


def test_for_whom_a_call_is_decides_whether_it_is_barred(bench, make_bench):
    """The beneficiary of the credential, looked up at every call."""
    customer, governance = make_bench().account.account_id, bench.services.governance
    relation = governance.relations.declare(
        bench.account.account_id, "acts_for", customer, actor=Actor("test")
    )
    governance.relations.confirm(relation, account_id=customer, actor=Actor("test"))
    credentials = claiming(bench, "development", Claims(beneficiary=customer))
    assert not ask(bench, "DetectFaces", {"Image": PICTURE}, **credentials).account.beneficiary_barred
    governance.standings.change(customer, "suspended", reason="why", decided_by="Olga", actor=Actor("test"))
    assert ask(bench, "DetectFaces", {"Image": PICTURE}, **credentials).account.beneficiary_barred
    own = claiming(bench, "development", Claims(beneficiary=bench.account.account_id))
    assert not ask(bench, "DetectFaces", {"Image": PICTURE}, **own).account.beneficiary_barred


def test_credentials_are_asked_for_as_for_whom_they_will_be(bench, make_bench):
    """Else an account that acts for a business and a police force could work for neither."""
    governance, customers = bench.services.governance, {}
    for profile in ("business", "law_enforcement"):
        customers[profile] = make_bench().account.account_id
        bench.services.accounts.change_profile(customers[profile], profile)
        relation = governance.relations.declare(
            bench.account.account_id, "acts_for", customers[profile], actor=Actor("test")
        )
        governance.relations.confirm(relation, account_id=customers[profile], actor=Actor("test"))
    wanted = {"Purpose": "photo-library"}
    assert ask(bench, "AssumePurpose", wanted, service="countenance").account.serves == {
        "business",
        "law_enforcement",
    }
    for profile, customer in customers.items():
        asked = ask(bench, "AssumePurpose", wanted | {"OnBehalfOf": customer}, service="countenance")
        assert asked.account.serves == {profile}
        inherited = claiming(bench, "development", Claims(beneficiary=customer))
        assert ask(bench, "AssumePurpose", wanted, service="countenance", **inherited).account.serves == set(
            customers
        )


# ---- Thresholds, candidates, attributes


@pytest.mark.parametrize(
    ("operation", "request_", "threshold", "candidates"),
    [
        ("SearchFaces", SEARCH, 80.0, 4096),
        ("SearchFaces", SEARCH | {"FaceMatchThreshold": 0, "MaxFaces": 1}, 0.0, 1),
        ("SearchFacesByImage", {"CollectionId": "faces", "Image": PICTURE}, 80.0, 4096),
        (
            "SearchFacesByImage",
            {"CollectionId": "faces", "Image": PICTURE, "FaceMatchThreshold": 99.5, "MaxFaces": 7},
            99.5,
            7,
        ),
        ("SearchUsers", SEARCH, 80.0, 500),
        ("SearchUsers", SEARCH | {"UserMatchThreshold": 91, "MaxUsers": 3}, 91.0, 3),
        ("SearchUsersByImage", {"CollectionId": "faces", "Image": PICTURE, "MaxUsers": 2}, 80.0, 2),
        ("CompareFaces", {"SourceImage": PICTURE, "TargetImage": PICTURE}, 80.0, None),
        (
            "CompareFaces",
            {"SourceImage": PICTURE, "TargetImage": PICTURE, "SimilarityThreshold": 42},
            42.0,
            None,
        ),
        ("DetectFaces", {"Image": PICTURE}, None, None),
        ("IndexFaces", {"CollectionId": "faces", "Image": PICTURE, "MaxFaces": 3}, None, None),
        (
            "AssociateFaces",
            {"CollectionId": "faces", "UserId": "u", "FaceIds": [FACE], "UserMatchThreshold": 10},
            10.0,
            None,
        ),
        ("AssociateFaces", {"CollectionId": "faces", "UserId": "u", "FaceIds": [FACE]}, 75.0, None),
        ("ImportFace", IMPORT, 99.0, 1),
        ("ImportFace", IMPORT | {"FaceMatchThreshold": 80.5}, 80.5, 1),
        ("IdentifyFace", {"CollectionId": "faces", "Image": PICTURE}, 80.0, 3),
        (
            "IdentifyFace",
            {"CollectionId": "faces", "Image": PICTURE, "MatchThreshold": 95.0, "ReviewThreshold": 70.0}
            | {"MaxFaces": 7},
            70.0,
            7,
        ),
        ("ReportCollisions", {"CollectionId": "faces"}, 80.0, 10),
        (
            "ReportCollisions",
            {"CollectionId": "faces", "SimilarityThreshold": 91.5, "MaxResults": 21},
            91.5,
            21,
        ),
        ("VerifyFaces", {"Image": PICTURE, "ReferenceImage": PICTURE}, 80.0, None),
        (
            "VerifyFaces",
            {"Image": PICTURE, "ReferenceImage": PICTURE, "MaxFalseMatchRate": 1e-6},
            99.01,
            None,
        ),
    ],
    ids=str,
)
def test_threshold_and_candidates_are_those_asked_for_or_the_operations_own(
    bench, operation, request_, threshold, candidates
):
    """A search asks for both, what compares for the one, and what only looks for neither."""
    ours = {"ImportFace", "IdentifyFace", "ReportCollisions", "VerifyFaces"}
    service = "countenance" if operation in ours else "rekognition"
    asked = ask(bench, operation, request_, service=service)
    assert (asked.threshold, asked.candidates) == (threshold, candidates)


@pytest.mark.parametrize(
    ("given", "attributes"),
    [
        (None, set()),
        ([], set()),
        (["DEFAULT"], set()),
        (["DEFAULT", "SMILE", "GENDER"], {"SMILE", "GENDER"}),
        (["ALL"], set(ATTRIBUTES)),
        (["DEFAULT", "ALL"], set(ATTRIBUTES)),
    ],
)
@pytest.mark.parametrize("operation", ["DetectFaces", "IndexFaces"])
def test_attributes_are_those_beside_the_default_ones(bench, operation, given, attributes):
    """`ALL` is every one of them, whatever the operation answers today."""
    member = {"DetectFaces": "Attributes", "IndexFaces": "DetectionAttributes"}[operation]
    request = {"Image": PICTURE} | ({"CollectionId": "faces"} if operation == "IndexFaces" else {})
    asked = ask(bench, operation, request | ({} if given is None else {member: given}))
    assert asked.attributes == attributes


# ---- Collections


def test_a_collection_is_judged_by_its_charter_and_the_pack_that_it_is_bound_to(bench):
    collection_id = insert(bench, "faces", CHARTER, faces=2)
    asked = ask(bench, "SearchFaces", SEARCH)
    own = bench.account.account_id
    assert asked.resource == Resource("Collection", "faces", own, CHARTER, 0, collection_id)
    assert asked.model == ModelFacts("7.0", "any")


def test_faces_are_counted_for_an_enrolment_alone(bench):
    """Only then the number matters: a search of a small collection must not count it first."""
    insert(bench, "faces", CHARTER, faces=2)
    request = {"CollectionId": "faces", "Image": PICTURE}
    assert ask(bench, "IndexFaces", request).resource.face_count == 2
    assert ask(bench, "SearchFacesByImage", request).resource.face_count == 0


def test_a_collection_without_a_charter_is_one_that_is_for_nothing(bench):
    collection_id = insert(bench, "faces", None)
    found = ask(bench, "SearchFaces", SEARCH).resource
    assert (found.kind, found.charter, found.collection_id) == ("Collection", None, collection_id)


@pytest.mark.parametrize("operation", ["SearchFaces", "SearchUsers"])
def test_one_that_is_not_there_is_no_collection_to_policy(bench, operation):
    """It breaks no charter, and the operation says that it is not there: also of another region's."""
    insert(bench, "faces", CHARTER, region="eu-west-1")
    own = bench.account.account_id
    assert ask(bench, operation, SEARCH).resource == Resource("Account", own, own)
    assert ask(bench, "ListFaces", SEARCH).resource == Resource("Collection", "faces", own)


def test_a_collection_of_another_account_by_the_same_name_is_not_looked_at(bench, make_bench):
    insert(make_bench(), "faces", CHARTER)
    assert ask(bench, "SearchFaces", SEARCH).resource.kind == "Account"


def test_a_pack_that_is_not_installed_any_more_is_no_model(make_bench, bench):
    """Policy refuses what needs one; of calls without a collection the default pack is asked about."""
    insert(bench, "faces", CHARTER)
    services = dataclasses.replace(
        bench.services,
        model_facts=lambda version: None if version == "7.0" else ModelFacts(version or "default", "any"),
    )
    bench = dataclasses.replace(bench, services=services)
    assert ask(bench, "SearchFaces", SEARCH).model is None
    assert ask(bench, "DetectFaces", {"Image": PICTURE}).model == ModelFacts("default", "any")
    assert ask(bench, "ListFaces", SEARCH).model is None


# ---- A charter that is asked for


def test_a_new_collection_is_judged_by_the_charter_that_it_would_get(bench):
    purpose = load_purposes()["development"]
    asked = ask(bench, "CreateCollection", {"CollectionId": "new"})
    assert asked.charter == purpose.charter()
    tags = {"countenance:face-cap": "5", "countenance:purposes": "development research", "team": "x"}
    asked = ask(bench, "CreateCollection", {"CollectionId": "new", "Tags": tags})
    assert asked.charter == dataclasses.replace(
        purpose.charter(), face_cap=5, purposes=("development", "research")
    )
    assert ask(bench, "SearchFaces", SEARCH).charter is None


def test_a_charter_that_cannot_be_is_no_question(bench):
    """Nothing is asked, and the caller is told which tag it was."""
    request = {"CollectionId": "new", "Tags": {"countenance:face-cap": "lots"}}
    with pytest.raises(InvalidParameterException, match="`countenance:face-cap`"):
        ask(bench, "CreateCollection", request)


@pytest.mark.parametrize("purpose", [None, "withdrawn-long-ago"])
def test_without_a_purpose_of_the_catalogue_there_is_no_charter_to_judge(bench, purpose):
    """The rule about purposes refuses; a default here would answer for the caller."""
    asked = ask(bench, "CreateCollection", {"CollectionId": "new"}, **signed(bench, purpose))
    assert (asked.purpose, asked.charter) == (purpose, None)


# ---- How often


def test_calls_of_the_last_hour_are_counted_for_calls_with_a_face(bench):
    """Under the purpose of the key, and only for what a rate is about."""
    pseudonym = bytes.fromhex(bench.pseudonym("account", bench.account.account_id))
    with bench.database.transaction() as connection:
        connection.execute(
            "insert into observation (event_id, account, purpose, kind, sealed)"
            " select gen_random_uuid(), %s, 'development', 'search', '' from generate_series(1, 4)",
            (pseudonym,),
        )
    assert ask(bench, "DetectFaces", {"Image": PICTURE}).calls_last_hour == 4
    assert ask(bench, "DetectFaces", {"Image": PICTURE}).calls_last_hour == 5
    assert ask(bench, "ListFaces", SEARCH).calls_last_hour == 0
    assert ask(bench, "CreateCollection", {"CollectionId": "c"}).calls_last_hour == 0
    bare = signed(bench, None)
    assert ask(bench, "DetectFaces", {"Image": PICTURE}, **bare).calls_last_hour == 0
    assert ask(bench, "DetectFaces", {"Image": PICTURE}).calls_last_hour == 6


def test_every_operation_that_is_offered_can_be_asked_about(bench):
    """None is left that a missing member or a kind would stop before policy is asked."""
    from countenance.operations.registry import OPERATIONS as REGISTERED

    names = {name for table in REGISTERED.values() for name in table}
    assert names <= OPERATIONS
