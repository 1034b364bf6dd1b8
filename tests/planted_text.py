"""Text that would run in a browser, put in through every member of a call that takes free text.

`free_members()` lists these out of the models; `plant` brings each in by a call that keeps it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from console_visitor import make_officer
from countenance.assurance.evaluators import trust_evaluator
from countenance.cli.installation import open_store
from countenance.operations.registry import OPERATIONS
from countenance.settings import Settings
from countenance.transparency.note import Signer
from countenance.wire.model import ListShape, MapShape, Shape, StringShape, StructureShape, load_models
from sample_evaluation import GROUPS, sample_evaluation
from signed_evaluations import signed

MARK = "</textarea></title></script>"
"""What follows a member's name in all that is planted, so that it is found again."""
BREAKOUT = (
    MARK + '--> "\'><img src=x onerror="planted()"><svg onload=planted()>'
    '<a href="javascript:planted()"><x-planted x=\'" x-planted="{{7*7}}\u202e'
)
SHORT = '"><x-planted>'
"""For what is at most 64 long."""
_PROBES = (BREAKOUT, SHORT, '"><x>', "<x>", '"', "&lt;", "\u202e")


def free_members() -> set[str]:
    """`Operation.Member` of every string that takes anything a browser could mistake for markup."""
    services = load_models().services
    return {
        f"{operation}.{path}"
        for service, operations in OPERATIONS.items()
        for operation in operations
        for path, shape in _strings(services[service].operations[operation].input_shape, "")
        if not shape.enum and any(_takes(shape, probe) for probe in _PROBES)
    }


def _strings(shape: Shape, path: str) -> Iterator[tuple[str, StringShape]]:
    match shape:
        case StructureShape():
            for name, member in shape.members.items():
                yield from _strings(member, f"{path}.{name}" if path else name)
        case ListShape():
            yield from _strings(shape.member, path)
        case MapShape():
            yield from _strings(shape.key, f"{path}.key")
            yield from _strings(shape.value, f"{path}.value")
        case StringShape():
            yield path, shape


def _takes(shape: StringShape, text: str) -> bool:
    return shape.pattern is None or shape.pattern.fullmatch(text) is not None


def text_of(member: str) -> str:
    """What is planted through it."""
    return f"{member} {BREAKOUT}"


def printable(member: str) -> str:
    """The same, for what takes no character that is not seen."""
    return text_of(member).replace("\u202e", "")


@contextmanager
def opened(service: Any) -> Iterator[tuple[Any, Any]]:
    """The server's database and keys."""
    where = {"database_url": service.database_options[1]} if service.database_options else {}
    with open_store(Settings.from_env({}, data_dir=service.data_dir, **where)) as store:
        yield store


@dataclass
class Planted:
    """Where what was planted is to be looked for.

    Attributes:
        account: of the one of which all is decided, and a key of it.
        code: of the person whose faces they are.
    """

    collection: str = ""
    users: tuple[str, str] = ("ada", "ada-2")
    account: dict[str, str] = field(default_factory=dict)
    code: str = ""
    evaluation: str = ""


def plant(service: Any, house: str, photos: list[bytes]) -> Planted:
    """Every member that is kept. `photos`: three of one person."""
    done = Planted(collection=f"planted-{uuid.uuid4().hex[:8]}")
    ours, officer = service.client("countenance"), service.officer()
    faces = _enrol(service.client(), done, photos)
    _charter_and_rejection(ours, done, faces)
    _conduct(service, officer, done)
    _cases(service, ours, house)
    _papers(service, ours, photos[0])
    _rights(ours, officer, done, house, faces)
    _evaluation(service, officer, done)
    _erased(ours, officer, done, house, photos[:2], service.client())
    _independent_test(service, photos[0])
    return done


def _enrol(client: Any, done: Planted, photos: list[bytes]) -> list[str]:
    client.create_collection(CollectionId=done.collection, Tags={"countenance:vault-days": "30"})
    asked = {"CollectionId": done.collection, "ExternalImageId": "javascript:planted"}
    found = [client.index_faces(Image={"Bytes": photo}, **asked)["FaceRecords"] for photo in photos]
    faces = [records[0]["Face"]["FaceId"] for records in found]
    for user, theirs in zip(done.users, (faces[:2], faces[2:]), strict=True):
        client.create_user(CollectionId=done.collection, UserId=user)
        client.associate_faces(
            CollectionId=done.collection, UserId=user, FaceIds=theirs, UserMatchThreshold=0
        )
    return faces


def _charter_and_rejection(ours: Any, done: Planted, faces: list[str]) -> None:
    ours.put_charter(CollectionId=done.collection, LegalBasis=text_of("PutCharter.LegalBasis"))
    ours.reject_match(
        CollectionId=done.collection,
        FaceId=faces[0],
        RejectedFaceId=faces[2],
        Reason=text_of("RejectMatch.Reason"),
    )


def _conduct(service: Any, officer: Any, done: Planted) -> None:
    """Two accounts of such names: of one all is decided, and good again; of the other all is open."""
    other = _other_officer(service)  # who opened a finding confirms it not, nor decides an appeal against it
    for is_open in (False, True):
        made = service.make_account(text_of("CreateAccount.Name"))
        its = service.client("countenance", **made)
        asked = its.request_purpose(
            Purpose="photo-library", Justification=text_of("RequestPurpose.Justification")
        )
        finding = officer.open_finding(
            AccountId=made["account"], Severity="notice", Summary=text_of("OpenFinding.Summary")
        )
        officer.change_standing(
            AccountId=made["account"], Standing="suspended", Reason=text_of("ChangeStanding.Reason")
        )
        appeal = its.submit_appeal(Statement=text_of("SubmitAppeal.Statement"))
        if is_open:
            continue
        done.account = made
        officer.decide_purpose_request(
            RequestId=asked["RequestId"], Decision="refuse", Reason=text_of("DecidePurposeRequest.Reason")
        )
        other.decide_finding(
            FindingId=finding["FindingId"], Decision="confirm", Reason=text_of("DecideFinding.Reason")
        )
        other.decide_appeal(
            AppealId=appeal["AppealId"], Decision="grant", Reason=text_of("DecideAppeal.Reason")
        )


def _other_officer(service: Any) -> Any:
    house = service.client("countenance").get_caller_identity()["AccountId"]
    name = f"Otto {uuid.uuid4().hex[:6]}"
    make_officer(service, house, name)
    return service.client("countenance", **service.make_operator(house, name, "officer"))


def _cases(service: Any, ours: Any, house: str) -> None:
    made = ours.open_case(
        Case=text_of("OpenCase.Case"),
        Purpose="development",
        Reason=text_of("OpenCase.Reason"),
        LegalBasis=text_of("OpenCase.LegalBasis"),
        ExpiresAt=datetime.now(UTC) + timedelta(days=1),
        Urgent=True,
    )
    ours.put_case_authorization(
        CaseId=made["CaseId"],
        AuthorizationReference=text_of("PutCaseAuthorization.AuthorizationReference"),
    )
    administrator = service.make_operator(house, f"Signing {uuid.uuid4().hex[:6]}", "administrator")
    service.client("countenance", **administrator).sign_evidence(
        CaseId=made["CaseId"], EvidenceReference=text_of("SignEvidence.EvidenceReference")
    )


def _papers(service: Any, ours: Any, photo: bytes) -> None:
    """Records, a canary, what is said when a purpose is taken on, and who accepts the terms."""
    ours.put_record(Kind="notice", Reference=text_of("PutRecord.Reference"))
    ours.leave_canary(Marker=text_of("LeaveCanary.Marker")[:128])
    taken = ours.assume_purpose(
        Purpose="development",
        Case=text_of("AssumePurpose.Case"),
        ConsentReference=text_of("AssumePurpose.ConsentReference"),
        AuthorizationReference=text_of("AssumePurpose.AuthorizationReference"),
    )["Credentials"]
    under = service.client(
        aws_access_key_id=taken["AccessKeyId"],
        aws_secret_access_key=taken["SecretAccessKey"],
        aws_session_token=taken["SessionToken"],
    )
    under.detect_faces(Image={"Bytes": photo})
    terms = ours.get_terms()
    ours.accept_terms(
        Name=terms["Name"],
        Version=terms["Version"],
        Digest=terms["Digest"],
        OfficerName=text_of("AcceptTerms.OfficerName")[:128],
        OfficerRole=text_of("AcceptTerms.OfficerRole")[:128],
    )


def _rights(ours: Any, officer: Any, done: Planted, house: str, faces: list[str]) -> None:
    """One person's requests: granted, refused, put off, and what is held of them beside it."""
    ours.put_consent(
        CollectionId=done.collection, FaceIds=faces[:2], Reference=text_of("PutConsent.Reference")
    )
    held = {"AccountId": house, "CollectionId": done.collection, "FaceIds": faces[:1]}
    officer.put_legal_hold(Reason=text_of("PutLegalHold.Reason"), **held)
    released = officer.put_legal_hold(
        AccountId=house, CollectionId=done.collection, FaceIds=faces[1:2], Reason="a test"
    )
    officer.release_legal_hold(HoldId=released["HoldId"], Reason=text_of("ReleaseLegalHold.Reason"))
    done.code = ours.issue_enrolment_code(CollectionId=done.collection, FaceIds=faces[:2])["Code"]
    late = ours.open_subject_request(Kind="erasure", Code=done.code)["Request"]
    ours.extend_subject_request(
        RequestId=late["RequestId"], Months=1, Reason=text_of("ExtendSubjectRequest.Reason")
    )
    asked = ours.open_subject_request(Kind="objection", Code=done.code)["Request"]
    ours.decide_subject_request(
        RequestId=asked["RequestId"], Decision="refuse", Reason=text_of("DecideSubjectRequest.Reason")
    )
    ours.open_subject_request(
        Kind="access",
        CollectionId=done.collection,
        FaceIds=faces[:1],
        Attestation=text_of("OpenSubjectRequest.Attestation"),
    )
    ours.open_subject_request(Kind="access", Code=done.code)


def _erased(ours: Any, officer: Any, done: Planted, house: str, photos: list[bytes], client: Any) -> None:
    """Another's faces: of one nothing is left, of the other nothing but what they allowed to be kept."""
    name = f"{done.collection}-2"
    client.create_collection(CollectionId=name)
    records = [
        client.index_faces(CollectionId=name, Image={"Bytes": photo})["FaceRecords"] for photo in photos
    ]
    faces = [each[0]["Face"]["FaceId"] for each in records]
    officer.erase_faces(
        AccountId=house, CollectionId=name, FaceIds=faces[:1], Reason=text_of("EraseFaces.Reason")
    )
    asked = ours.open_subject_request(
        Kind="objection", CollectionId=name, FaceIds=faces[1:], Attestation="seen at the desk"
    )["Request"]
    ours.decide_subject_request(
        RequestId=asked["RequestId"],
        Decision="grant",
        Reason="as asked",
        BlockConsent=text_of("DecideSubjectRequest.BlockConsent"),
    )
    # What is blocked are that man's faces: other tests enrol him.
    ours.withdraw_objection(RequestId=asked["RequestId"])


def planted_evaluation() -> dict[str, Any]:
    """Whole, and whatever somebody may write in one is planted."""
    mark = text_of("PutEvaluation.SignedEvaluation")
    told = sample_evaluation(pack="planted")
    cohort = told["cohorts"][0]
    told["machine"] = told["data"]["name"] = told["pack"]["licence"] = cohort["labels_by"] = mark
    told["data"]["label_errors"] = [{"samples_or_subjects": 1, "reason": mark}]
    told["notes"], cohort["column"], cohort["rates"][0]["group"] = [mark], mark, mark
    for each in cohort["cross"]:
        each["groups"] = [mark if name == next(iter(GROUPS)) else name for name in each["groups"]]
    return told


def _evaluation(service: Any, officer: Any, done: Planted) -> None:
    """By an evaluator of such a name; on record, and withdrawn for such a reason."""
    signer = Signer.generate(f"{uuid.uuid4()}/key")
    with opened(service) as (database, _), database.transaction() as connection:
        trust_evaluator(
            connection,
            str(signer.verifier),
            name=printable("trust_evaluator.name")[:128],
            independent=False,
            reason=printable("trust_evaluator.reason"),
            by="Olga Officer",
        )
    file = signed(planted_evaluation(), signer).to_bytes().decode()
    done.evaluation = officer.put_evaluation(SignedEvaluation=file)["EvaluationId"]
    officer.withdraw_evaluation(EvaluationId=done.evaluation, Reason=printable("WithdrawEvaluation.Reason"))


def _independent_test(service: Any, photo: bytes) -> None:
    tester = service.client("countenance", **service.make_tester())
    short = {"Name", "TestedBy", "DataSet", "LabelsBy"}
    words = {name: text_of(f"CreateIndependentTest.{name}")[:128] for name in short}
    column = f"Columns {SHORT}"
    made = tester.create_independent_test(**words, CohortColumns=[column])["Test"]
    tester.add_test_sample(
        TestId=made["TestId"],
        Number=1,
        Image=photo,
        Subject=text_of("AddTestSample.Subject")[:128],
        Cohorts={column: SHORT},
    )
