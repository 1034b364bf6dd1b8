"""Requests generated from the models' shapes, through a real client: never a 5xx, never a traceback.

In half of the draws whatever the server knows is planted: a collection, its faces and users, photos, a
list's next page. Random ids and bytes alone would end at the first look-up.
"""

from __future__ import annotations

import io
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from countenance.accounts.sign_in import Identity
from countenance.casework import Casework, Held, Picture, Search
from countenance.cli.installation import open_store
from countenance.errors import FrameworkError
from countenance.operations.registry import OPERATIONS
from countenance.policy.groups import GROUPS, OFFICERS_DO
from countenance.settings import Settings
from countenance.store import UnitOfWork
from countenance.store.jobs import Jobs, Task
from countenance.wire.model import load_models
from governed import open_governance
from logged_calls import await_entry
from strategies import requests_for

pytestmark = pytest.mark.xdist_group("server")

CASES = [(service, name) for service, operations in OPERATIONS.items() for name in operations]
FRAMEWORK_CODES = {error.__name__ for error in FrameworkError.__subclasses__()}
PHOTO_WIDTH_PX = 250
LOG_TIMEOUT_S = 10.0
TESTING = GROUPS["testing"]
DECLARED = {"Name": "generated", "TestedBy": "a test", "DataSet": "portraits"}
NEW_NAMES = {("CreateCollection", "CollectionId"), ("CreateUser", "UserId"), ("CreateAccount", "Name")}
"""Members that name what is to be made: drawn, not planted."""


@dataclass(frozen=True)
class Reviewing:
    """What is there to be examined: an examiner, a trial that may be planted, and a way past the clock."""

    service: Any
    house: str
    examiner: Any
    trial: dict[str, Any]

    def open_case(self) -> str:
        """An urgent case of the house's."""
        made = self.service.client("countenance").open_case(
            Case=f"C-{uuid.uuid4()}",
            Purpose="development",
            Reason="a test",
            LegalBasis="",
            ExpiresAt=datetime.now(UTC) + timedelta(days=1),
            Urgent=True,
        )
        return made["CaseId"]

    def held(self) -> str:
        """A search that waits; of nobody."""
        with self._store() as (database, keys), UnitOfWork(database) as work:
            reviews = Casework.open(database, keys, least_view_s=0).reviews
            digest = reviews.digest(str(uuid.uuid4()))
            search = Search(
                account_id=self.house,
                case_id=None,
                purpose="development",
                operation="SearchFaces",
                requested_by="a test",
                request_digest=digest,
                probe_digest=digest,
                event_id=uuid.uuid4(),
            )
            picture = Picture(b"none", {})
            review_id = reviews.hold(work, search, Held(answer={}, probe=picture, candidates=[picture]))
            work.commit()
        return str(review_id)

    def let_time_pass(self, review: str) -> None:
        """As long as anybody has to look."""
        with self._store() as (database, _), database.transaction() as connection:
            connection.execute(
                "update examination set began_at = began_at - interval '1 hour' where review_id = %s",
                (review,),
            )

    def brought_in(self) -> str:
        """Somebody whom another administrator invited, and who signed in."""
        second = self.service.make_operator(self.house, f"Second {uuid.uuid4().hex}", "administrator")
        client, name = self.service.client("countenance", **second), f"Disposable {uuid.uuid4().hex}"
        client.put_operator(OperatorName=name, Roles=["examiner"])
        code = client.invite_operator(OperatorName=name)["InvitationCode"]
        with self._store() as (database, keys):
            identity = Identity("https://id.example", name)
            open_governance(database, keys).sign_ins.take_up_by_identity(code, identity)
        return name

    def _store(self) -> Any:
        where = {"database_url": self.service.database_options[1]} if self.service.database_options else {}
        return open_store(Settings.from_env({}, data_dir=self.service.data_dir, **where))


@dataclass(frozen=True)
class Office:
    """The house's officer, and accounts of others that something may be done to."""

    service: Any
    officer: Any
    house: str
    suspended: Any
    appeal: str
    tester: Any
    administrator: Any
    casework: Reviewing
    photo: bytes

    def client(self, operation: str, usual: Any) -> Any:
        """Who calls an operation of our own service."""
        if operation == "SubmitAppeal":
            return self.suspended
        if operation in TESTING:
            return self.tester
        if operation in {*GROUPS["operators"], *GROUPS["vouch"], *GROUPS["supervise"], "SignEvidence"}:
            return self.administrator
        if operation in GROUPS["examine"]:
            return self.casework.examiner
        if operation in GROUPS["look"]:
            return self.developer()
        return self.officer if operation in {*OFFICERS_DO, "GetAppeal"} else usual

    def developer(self) -> Any:
        """Somebody who has taken a purpose on."""
        personal = self.service.make_operator(self.house, f"Dev {uuid.uuid4().hex[:8]}", "developer")
        taken = self.service.client("countenance", **personal).assume_purpose(Purpose="development")
        made = taken["Credentials"]
        return self.service.client(
            "countenance",
            aws_access_key_id=made["AccessKeyId"],
            aws_secret_access_key=made["SecretAccessKey"],
            aws_session_token=made["SessionToken"],
        )

    def disposable(self, operation: str) -> dict[str, Any]:
        """What an operation of ours may be done to, made for one call."""
        usual = self.service.client("countenance")
        if operation in TESTING:
            return self._test(operation)
        match operation:
            case "AcceptTerms":
                return {"Digest": usual.get_terms()["Digest"]}
            case "ActivatePack" | "DeactivatePack":
                chosen = {"Pack": "us-nyc-22-1201", "Mode": "shadow", "AccountIds": [self._account()[0]]}
                if operation == "ActivatePack":
                    return chosen
                self.officer.activate_pack(**chosen)
                return {"Pack": chosen["Pack"]}
            case "ChangeStanding" | "OpenFinding" | "DeclareRelation" | "RecordTraining":
                return {"AccountId": self._account()[0]}
            case "ConfirmRelation" | "EndRelation" | "DecideRelation":
                _, other = self._account()
                made = other.declare_relation(Kind="supplied_by", AccountId=self.house)
                return {"RelationId": made["RelationId"]}
            case "DecideAppeal":
                return {"AppealId": _appeal(self._account(suspended=True)[1])}
            case "DecideFinding":
                opened = self.officer.open_finding(
                    AccountId=self._account()[0], Severity="restrict", Summary="a test"
                )
                return {"FindingId": opened["FindingId"]}
            case "DecidePurposeRequest":
                _, other = self._account()
                asked = other.request_purpose(Purpose="photo-library", Justification="a test")
                return {"RequestId": asked["RequestId"], "Decision": "approve"}
            case "CancelJob" | "DescribeJob":
                return {"JobId": self._job()}
            case "ListJobs":
                return {"AccountId": self.house}
            case "SimulatePolicy":
                return {"Activate": ["us-nyc-22-1201"], "MaxEntries": 5}
            case "ListFindings" | "ListAppeals" | "ListRelations" | "ListPurposeRequests":
                return {"AccountId": self.house}
            case "PutEvaluation":
                return {"SignedEvaluation": self.service.make_evaluation()}
            case "GetEvaluation" | "WithdrawEvaluation":
                made = self.officer.put_evaluation(SignedEvaluation=self.service.make_evaluation())
                return {"EvaluationId": made["EvaluationId"]}
            case "InviteOperator" | "RemoveOperator":
                name = f"Disposable {uuid.uuid4().hex}"
                self.administrator.put_operator(OperatorName=name, Roles=["auditor"])
                return {"OperatorName": name}
            case "ConfirmOperator":
                return {"OperatorName": self.casework.brought_in()}
            case "OpenCase":
                return {"ExpiresAt": datetime.now(UTC) + timedelta(days=1), "Case": f"C-{uuid.uuid4()}"}
            case "PlantTrial":
                return self.casework.trial
            case "GetFaceImage":
                trial = self.casework.trial
                return {"CollectionId": trial["CollectionId"], "FaceId": trial["ProbeFaceId"]}
            case "BeginExamination":
                return {"ReviewId": self.administrator.plant_trial(**self.casework.trial)["ReviewId"]}
            case "SubmitExamination":
                review = self.administrator.plant_trial(**self.casework.trial)["ReviewId"]
                shown = self.casework.examiner.begin_examination(ReviewId=review)["Pictures"]
                self.casework.let_time_pass(review)
                said = [{"Label": each["Label"], "Verdict": "inconclusive"} for each in shown]
                return {"ReviewId": review, "Verdicts": said}
            case "GetReview":
                return {"ReviewId": self.casework.held()}
            case "CloseCase" | "DescribeCase" | "SignEvidence" | "ReportOutcome" | "PutCaseAuthorization":
                told = {"CaseId": self.casework.open_case()}
                return told | ({"Outcome": "no_lead"} if operation == "ReportOutcome" else {})
            case "WithdrawRecord":
                return {"RecordId": usual.put_record(Kind="notice", Reference="here")["RecordId"]}
            case _:
                return {}

    def _test(self, operation: str) -> dict[str, Any]:
        """A test with two samples, and the next page of a list of such."""
        if operation == "CreateIndependentTest":
            return {
                "FaceModelVersion": self.service.client("countenance").get_health()["DefaultFaceModelVersion"]
            }
        made = [self.tester.create_independent_test(**DECLARED)["Test"]["TestId"] for _ in range(2)]
        sample = {"Image": self.photo, "Subject": "s"}
        for number in (1, 2, 3):
            self.tester.add_test_sample(TestId=made[0], Number=number, **sample)
        told: dict[str, Any] = {"TestId": made[0]}
        match operation:
            case "AddTestSample":
                told |= {"Number": 4, "Image": sample["Image"], "Cohorts": {}}
            case "ListTestScores":
                self.tester.finish_independent_test(TestId=made[0])
                page = self.tester.list_test_scores(TestId=made[0], MaxResults=1)
                told |= {"NextToken": page["NextToken"]}
            case "ListIndependentTests":
                told = {"NextToken": self.tester.list_independent_tests(MaxResults=1)["NextToken"]}
        return told

    def _job(self) -> int:
        """An import of the house's that waits for a server that is not there."""
        with self.casework._store() as (database, _):  # of this module
            import_id = uuid.uuid4()
            with database.transaction() as connection:
                connection.execute(
                    "insert into import_run (import_id, account_id, collection, request, state)"
                    " values (%s, %s, 'friends', '{}', 'running')",
                    (import_id, self.house),
                )
            task = Task("import", lambda _: None, is_local=True)
            return Jobs(database, server="elsewhere").defer(task, {"import_id": str(import_id)})

    def _account(self, *, suspended: bool = False) -> tuple[str, Any]:
        made = self.service.make_account(f"Disposable {uuid.uuid4().hex}", suspended=suspended)
        return made["account"], self.service.client("countenance", **made)


ALONE = {
    "VerifyFaces": frozenset({"CollectionId", "FaceId", "UserId", "MaxFalseMatchRate", "ReviewThreshold"}),
    "ListMerges": frozenset({"NextToken"}),
    "RejectMatch": frozenset({"UserId"}),
    "WithdrawRejection": frozenset({"UserId"}),
    "IssueEnrolmentCode": frozenset({"UserId"}),
    "DecideSubjectRequest": frozenset({"BlockConsent"}),
    "ListSubjectRequests": frozenset({"Code"}),
    "OpenSubjectRequest": frozenset({"UserId", "Code"}),
    "SimulatePolicy": frozenset({"Deactivate", "NextToken"}),
    "ListJobs": frozenset({"NextToken"}),
}
"""Members that do not go with what a living request has, of which a random one mostly has some."""


@dataclass(frozen=True)
class Living:
    """Things that the server knows, and how to make more of them to be destroyed."""

    rekognition: Any
    governance: Any
    collection: str
    arn: str
    users: tuple[str, ...]
    face_ids: tuple[str, ...]
    images: tuple[dict[str, Any], ...]
    tokens: dict[str, str]
    event_id: str
    receipt: str
    office: Office
    pair: dict[str, str]

    def members(self, operation: str) -> dict[str, st.SearchStrategy[Any]]:
        """Live values by the input member that they are for."""
        image = st.sampled_from(self.images)
        members = {
            "CollectionId": st.just(self.collection),
            "ResourceArn": st.just(self.arn),
            "UserId": st.sampled_from(self.users),
            "FaceId": st.sampled_from(self.face_ids),
            "FaceIds": st.lists(st.sampled_from(self.face_ids), min_size=1, max_size=3),
            "NextToken": st.just(self.tokens.get(operation)),
            "EventId": st.just(self.event_id),
            "Receipt": st.just(self.receipt),
            "TreeSize": st.deferred(lambda: st.just(self.governance.get_checkpoint()["TreeSize"])),
            "NewTreeSize": st.deferred(lambda: st.just(self.governance.get_checkpoint()["TreeSize"])),
            "OldTreeSize": st.just(1),
            "AccountId": st.just(self.office.house),
            "OnBehalfOf": st.just(self.office.house),
            "Purpose": st.sampled_from(["development", "photo-library", "accessibility"]),
            "Version": st.just("1.0"),
            "Name": st.just("acceptable-use"),
            "Call": st.just('{"operation": "SearchFaces", "threshold": 90}'),
            "AppealId": st.just(self.office.appeal),
            **dict.fromkeys(("Image", "SourceImage", "TargetImage", "ReferenceImage"), image),
        }
        return {name: values for name, values in members.items() if (operation, name) not in NEW_NAMES}

    def disposable(self, operation: str) -> dict[str, Any]:
        """What a destructive operation may destroy, made for one call."""
        match operation:
            case "DeleteCollection":
                name = f"disposable-{uuid.uuid4().hex}"
                self.rekognition.create_collection(CollectionId=name)
                return {"CollectionId": name}
            case "DeleteFaces":
                return {"FaceIds": [_enrolled(self.rekognition, self.collection, self.images[0])]}
            case "DeleteUser":
                user_id = f"disposable-{uuid.uuid4().hex}"
                self.rekognition.create_user(CollectionId=self.collection, UserId=user_id)
                return {"UserId": user_id}
            case "VerifyFaces":
                return {"ReferenceImage": self.images[0]}
            case "MergeUsers":
                return self._two_users()
            case "UndoMerge":
                made = self.governance.merge_users(**self._two_users())
                return {"CollectionId": self.pair["CollectionId"], "MergeId": made["MergeId"]}
            case "RejectMatch":
                return self.pair
            case "WithdrawRejection":
                self.governance.reject_match(**self.pair)
                return self.pair
            case "OpenSubjectRequest":
                return self._who()
            case "IssueEnrolmentCode" | "PutConsent":
                return {name: self._who()[name] for name in ("CollectionId", "FaceIds")}
            case "GetSubjectRequest" | "ExtendSubjectRequest" | "GetAccessReport":
                return {"RequestId": self._request("access")}
            case "GetErasureProof":
                request_id = self._request("erasure")
                self.governance.decide_subject_request(
                    RequestId=request_id, Decision="grant", Reason="a test"
                )
                return {"RequestId": request_id}
            case "DecideSubjectRequest":
                return {"RequestId": self._request("objection"), "Decision": "grant"}
            case "WithdrawObjection":
                return {"RequestId": self._objection()}
            case "WithdrawConsent":
                who, reference = self._who(), uuid.uuid4().hex
                self.governance.put_consent(
                    CollectionId=who["CollectionId"], FaceIds=who["FaceIds"], Reference=reference
                )
                return {"Reference": reference}
            case "PutLegalHold":
                return self._held()
            case "ReleaseLegalHold":
                held = self.office.officer.put_legal_hold(
                    **self._held(), AccountId=self.office.house, Reason="a test"
                )
                return {"HoldId": held["HoldId"]}
            case "RevokeAccessKey":
                return {"AccessKeyId": self.governance.create_access_key()["AccessKeyId"]}
            case _:
                return self.office.disposable(operation)

    def _who(self) -> dict[str, Any]:
        """Somebody who is not among the living, where no draw narrows the charter."""
        collection = self.pair["CollectionId"]
        told = self.rekognition.index_faces(
            CollectionId=collection, Image=self.images[0], ExternalImageId=uuid.uuid4().hex
        )
        face_id = told["FaceRecords"][0]["Face"]["FaceId"]
        return {"CollectionId": collection, "FaceIds": [face_id], "Attestation": "seen"}

    def _two_users(self) -> dict[str, Any]:
        """Of one photograph, so that nothing stands against their being one."""
        users = [f"disposable-{uuid.uuid4().hex}" for _ in range(2)]
        for user_id in users:
            who = self._who()
            self.rekognition.create_user(CollectionId=who["CollectionId"], UserId=user_id)
            self.rekognition.associate_faces(
                CollectionId=who["CollectionId"], UserId=user_id, FaceIds=who["FaceIds"]
            )
        return dict(zip(("SourceUserId", "TargetUserId"), users, strict=True)) | {
            "CollectionId": self.pair["CollectionId"],
            "UserMatchThreshold": 75.0,
        }

    def _request(self, kind: str) -> str:
        return self.governance.open_subject_request(Kind=kind, **self._who())["Request"]["RequestId"]

    def _objection(self) -> str:
        """One of which a template is kept. It is taken back at once: nobody may stand in others' way."""
        request_id = self._request("objection")
        self.governance.decide_subject_request(
            RequestId=request_id, Decision="grant", Reason="a test", BlockConsent="a test"
        )
        return request_id

    def _held(self) -> dict[str, Any]:
        """In the collection that no other draw deletes from."""
        return {"CollectionId": self.pair["CollectionId"], "FaceIds": [self.pair["FaceId"]]}


def _appeal(client):
    return client.submit_appeal(Statement="It was only a test.")["AppealId"]


def _enrolled(client, collection, image):
    records = client.index_faces(CollectionId=collection, Image=image)["FaceRecords"]
    return records[0]["Face"]["FaceId"]


def _encoded(path, kind):
    with Image.open(path) as photo:
        small = photo.convert("RGB")
    small = small.resize((PHOTO_WIDTH_PX, round(PHOTO_WIDTH_PX * small.height / small.width)))
    target = io.BytesIO()
    small.save(target, kind)
    return target.getvalue()


def _python_name(client, operation):
    return next(method for method, name in client.meta.method_to_api_mapping.items() if name == operation)


def _collections(client):
    pages = client.get_paginator("list_collections").paginate()
    return {name for page in pages for name in page["CollectionIds"]}


def _active_keys(client):
    pages = client.get_paginator("list_access_keys").paginate()
    return {key["AccessKeyId"] for page in pages for key in page["AccessKeys"] if key["Status"] == "ACTIVE"}


@pytest.fixture(scope="module")
def asked(service):
    """Request ids of this module's draws; the server's log begins with the module."""
    service.running.lines.clear()
    return []


@pytest.fixture(scope="module")
def clients(service):
    return {name: service.client(name) for name in OPERATIONS}


@pytest.fixture(scope="module")
def office(service, clients, portraits):
    """The officer, a suspended account that may appeal, an appeal of another one, and a tester."""
    house = clients["countenance"].get_caller_identity()["AccountId"]
    suspended, appealing = (service.make_account(name, suspended=True) for name in ("Held", "Appealing"))
    return Office(
        service,
        service.officer(),
        house,
        service.client("countenance", **suspended),
        _appeal(service.client("countenance", **appealing)),
        service.client("countenance", **service.make_tester()),
        service.client("countenance", **service.make_operator(house, "Adam", "administrator")),
        Reviewing(
            service,
            house,
            service.client("countenance", **service.make_operator(house, "Erin", "examiner")),
            _trial(clients["rekognition"], portraits),
        ),
        _encoded(next(iter(portraits.known.values()))[0], "JPEG"),
    )


def _trial(client, portraits):
    """A planted review of two faces of a collection that keeps their pictures."""
    name = f"trial-{uuid.uuid4().hex}"
    client.create_collection(CollectionId=name, Tags={"countenance:vault-days": "3"})
    paths = [path for paths in portraits.known.values() for path in paths][:2]
    probe, other = (_enrolled(client, name, {"Bytes": _encoded(path, "JPEG")}) for path in paths)
    return {
        "CollectionId": name,
        "Purpose": "development",
        "ProbeFaceId": probe,
        "Pairs": [{"FaceId": other, "Mated": False}],
    }


@pytest.fixture(scope="module")
def living(clients, portraits, s3_root, office):
    """A collection with three faces and two users, photos, and a second page of every list."""
    client, governance = clients["rekognition"], clients["countenance"]
    before, keys_before = _collections(client), _active_keys(governance)
    name = f"living-{uuid.uuid4().hex}"
    arn = client.create_collection(CollectionId=name)["CollectionArn"]
    second = f"{name}-second"
    client.create_collection(CollectionId=second)
    governance.create_access_key()

    paths = [path for paths in portraits.known.values() for path in paths]
    (s3_root / "photos" / f"{name}.jpg").write_bytes(_encoded(paths[0], "JPEG"))
    images = (
        {"Bytes": _encoded(paths[0], "JPEG")},
        {"Bytes": _encoded(paths[1], "PNG")},
        {"S3Object": {"Bucket": "photos", "Name": f"{name}.jpg"}},
    )
    face_ids = tuple(_enrolled(client, name, image) for image in images[:2])
    # In a collection whose charter no other draw has narrowed.
    faces = [_enrolled(client, second, image) for image in images[:2]]
    pair = {"CollectionId": second, "FaceId": faces[0], "RejectedFaceId": faces[1]}
    users = ("first", "second")
    for user_id in users:
        client.create_user(CollectionId=name, UserId=user_id)
    client.associate_faces(CollectionId=name, UserId=users[0], FaceIds=[face_ids[0]])

    first_pages = {
        "ListCollections": client.list_collections(MaxResults=1),
        "ListFaces": client.list_faces(CollectionId=name, MaxResults=1),
        "ListUsers": client.list_users(CollectionId=name, MaxResults=1),
        "ListAccessKeys": governance.list_access_keys(MaxResults=1),
    }
    proven = first_pages["ListAccessKeys"]["ResponseMetadata"]
    event_id = proven["RequestId"]
    await_entry(governance, event_id)
    first_pages["ListAuditEntries"] = governance.list_audit_entries(MaxResults=1)
    tokens = {operation: page["NextToken"] for operation, page in first_pages.items()}
    receipt = proven["HTTPHeaders"]["x-countenance-receipt"]
    yield Living(
        client, governance, name, arn, users, face_ids, images, tokens, event_id, receipt, office, pair
    )
    for hold in office.officer.list_legal_holds(AccountId=office.house)["Holds"]:
        if "ReleasedAt" not in hold:
            office.officer.release_legal_hold(HoldId=hold["HoldId"], Reason="the test is over")
    for made in _collections(client) - before:
        client.delete_collection(CollectionId=made)
    for made in _active_keys(governance) - keys_before:
        governance.revoke_access_key(AccessKeyId=made)


@pytest.mark.parametrize(("service_name", "operation"), CASES, ids=[name for _, name in CASES])
def test_no_generated_request_gives_a_5xx(clients, living, asked, service_name, operation):
    """Each is answered or refused with a declared code, and some of each operation are answered."""
    client = clients[service_name]
    if service_name == "countenance":
        client = living.office.client(operation, client)
    call = getattr(client, _python_name(client, operation))
    shape = load_models().services[service_name].operations[operation]
    planted = living.members(operation)
    statuses = []

    @settings(
        max_examples=20,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(st.data())
    def probe(data):
        kind = data.draw(st.sampled_from(["live", "live", "random", "broken"]))
        request = data.draw(requests_for(shape, valid=kind != "broken"))
        if kind == "live":
            # In one order: a set's would be another in every run, and so the draws.
            request |= {name: data.draw(values) for name, values in planted.items() if name in request}
            made = living.disposable(operation)
            request |= {name: value for name, value in made.items() if name in shape.input_shape.members}
            alone = ALONE.get(operation, frozenset())
            request = {name: value for name, value in request.items() if name not in alone}
        try:
            metadata = call(**request)["ResponseMetadata"]
        except ClientError as error:
            metadata, refused = error.response["ResponseMetadata"], error.response["Error"]
            assert 400 <= metadata["HTTPStatusCode"] < 500, refused
            assert refused["Code"] in shape.error_codes | FRAMEWORK_CODES, refused
        statuses.append(metadata["HTTPStatusCode"])
        asked.append(metadata["RequestId"])

    probe()
    assert 200 in statuses


@pytest.mark.parametrize(
    "operation",
    sorted(set(load_models().services["rekognition"].operations) - set(OPERATIONS["rekognition"])),
)
def test_every_operation_that_is_not_offered_says_so(clients, operation):
    """54 operations, each a 400 with the same code."""
    client = clients["rekognition"]
    with pytest.raises(ClientError) as caught:
        getattr(client, _python_name(client, operation))()
    assert caught.value.response["Error"]["Code"] == "UnsupportedOperationException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_the_log_of_all_these_calls_holds_no_fault_and_no_traceback(service, asked):
    """A call that ended well for its client may still have gone wrong inside. Last: it looks back."""
    deadline = time.monotonic() + LOG_TIMEOUT_S
    missing = set(asked)
    while missing and time.monotonic() < deadline:
        lines = service.log_lines()
        missing -= {word.removeprefix("request=") for line in lines for word in line.split()}
    assert not missing, "every call has its line"
    assert not [line for line in service.log_lines() if "Traceback" in line or " fault=" in line]
