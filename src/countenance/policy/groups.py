"""Which operation is which kind of action: the rules speak of kinds, this table says what is in them.

Closed on purpose: an operation that stands in no kind is `unoffered`, no action of the schema, and permitted
by nothing; a test sees to it that every operation that is offered stands in one.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from typing import Final

GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    # what uses a face
    # an import looks for people who look like the one whom it enrols, so it is both
    "search": (
        *("SearchFaces", "SearchFacesByImage", "SearchUsers", "SearchUsersByImage", "IdentifyFace"),
        *("ImportFace", "ReportCollisions"),
    ),
    "enrol": ("IndexFaces", "ImportFace"),
    "associate": ("AssociateFaces", "MergeUsers"),
    # what searches answer is put right, and no face is used: by whoever may enrol
    "correct": ("RejectMatch", "UndoMerge", "WithdrawRejection"),
    "compare": ("CompareFaces", "ListOutliers", "VerifyFaces"),
    "analyse": ("DetectFaces", "CoachPhoto"),
    # a face is shown to somebody, and nothing else is done with it
    "look": ("GetFaceImage",),
    # searches of video: not offered, and refused by rule should they ever be
    "stream": ("StartFaceSearch", "GetFaceSearch", "CreateStreamProcessor", "StartStreamProcessor"),
    "chartering": ("CreateCollection",),
    # AWS's other operations on what an account owns, and one of ours
    "gallery": (
        "CreateUser",
        "DeleteCollection",
        "DeleteFaces",
        "DeleteUser",
        "DescribeCollection",
        "DescribeFaces",
        "DisassociateFaces",
        "ListCollections",
        "ListFaces",
        "ListTagsForResource",
        "ListUsers",
        "TagResource",
        "UntagResource",
    ),
    # our own service
    "terms": ("AcceptTerms", "GetTerms", "ListTerms"),
    "dueProcess": (
        "DescribeAccount",
        "GetAppeal",
        "GetCallerIdentity",
        "GetCheckpoint",
        "GetConsistencyProof",
        "GetInclusionProof",
        "GetReceiptStatus",
        "ListAppeals",
        "ListAuditEntries",
        "ListCallCounts",
        "ListFindings",
        "SubmitAppeal",
    ),
    # what people whose faces these are may ask for: open whatever the standing of who holds their faces
    "rights": (
        "DecideSubjectRequest",
        "ExtendSubjectRequest",
        "GetAccessReport",
        "GetErasureProof",
        "GetSubjectRequest",
        "IssueEnrolmentCode",
        "ListConsents",
        "ListLegalHolds",
        "ListSubjectRequests",
        "OpenSubjectRequest",
        "WithdrawConsent",
        "WithdrawObjection",
    ),
    "purposed": ("AssumePurpose", "CreateAccessKey"),
    "requesting": ("RequestPurpose",),
    "relations": ("ConfirmRelation", "DeclareRelation", "EndRelation", "ListRelations"),
    "sessions": ("AssumePurpose", "GetSessionToken"),
    # who works for the account; its administrators decide, and nobody else
    "operators": ("InviteOperator", "PutOperator", "RemoveOperator"),
    # that who works for it are different people, said by a second one
    "vouch": ("ConfirmOperator",),
    # what searches are for, and what people have decided of them
    "casework": (
        "CloseCase",
        "DescribeCase",
        "GetReview",
        "ListCases",
        "OpenCase",
        "PutCaseAuthorization",
        "ReportOutcome",
        "SignEvidence",
    ),
    # by people whose role it is
    "examine": ("BeginExamination", "ListReviews", "SubmitExamination"),
    # what the server does beside answering calls, and an account or the house may end
    "jobs": ("CancelJob",),
    # how well they do it: by administrators and officers, who alone know which reviews are trials
    "supervise": ("DescribeExaminers", "PlantTrial"),
    # of what an account has and does, what may be looked at by whoever watches over it
    "reading": (
        "DescribeCharter",
        "DescribeCollection",
        "DescribeGrowth",
        "DescribeJob",
        "DescribeSystem",
        "ExplainCall",
        "GetEvaluation",
        "GetHealth",
        "ListAccessKeys",
        "ListCollections",
        "ListErasures",
        "ListEvaluations",
        "ListMerges",
        "ListJobs",
        "ListOperators",
        "ListPacks",
        "ListPurposeRequests",
        "ListPurposes",
        "ListRecords",
        "ListRejectedMatches",
        "ListRules",
        "ListTagsForResource",
        "SimulatePolicy",
    ),
    "own": (
        "DescribeCharter",
        "DescribeGrowth",
        "DescribeJob",
        "DescribeSystem",
        "ExplainCall",
        "GetEvaluation",
        "GetHealth",
        "LeaveCanary",
        "ListAccessKeys",
        "ListErasures",
        "ListEvaluations",
        "ListMerges",
        "ListJobs",
        "ListOperators",
        "ListPacks",
        "ListPurposeRequests",
        "ListPurposes",
        "ListRecords",
        "ListRejectedMatches",
        "ListRules",
        "PutCharter",
        "PutConsent",
        "PutRecord",
        "RevokeAccessKey",
        "SimulatePolicy",
        "UndoImport",
        "WithdrawRecord",
    ),
    # by independent testers, who may do nothing else
    "testing": (
        "AddTestSample",
        "CreateIndependentTest",
        "DeleteIndependentTest",
        "FinishIndependentTest",
        "GetIndependentTest",
        "ListIndependentTests",
        "ListTestScores",
    ),
    "officer": (
        "ActivatePack",
        "ChangeStanding",
        "DecideRelation",
        "CreateAccount",
        "DeactivatePack",
        "DecideAppeal",
        "DecideFinding",
        "DecidePurposeRequest",
        "EraseFaces",
        "ListAccounts",
        "OpenFinding",
        "PutEvaluation",
        "PutLegalHold",
        "RecordTraining",
        "ReleaseLegalHold",
        "ScanForFindings",
        "WithdrawEvaluation",
    ),
}
"""Kind → operations. An operation may be of several kinds."""

PARENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "face": ("search", "enrol", "associate", "compare", "analyse", "look", "stream"),
    "offered": (
        *("search", "enrol", "associate", "compare", "analyse", "look", "chartering", "gallery"),
        *(
            "correct",
            "terms",
            "dueProcess",
            "rights",
            "purposed",
            "requesting",
            "relations",
            "sessions",
            "operators",
            "casework",
            "examine",
            "jobs",
            "supervise",
            "vouch",
            "reading",
            "own",
            "testing",
        ),
        "officer",
    ),
}
"""Kinds of kinds. `stream` is a use of faces, and not offered."""

ROLES: Final[Mapping[str, tuple[str, ...]]] = {
    "administrator": (
        *("chartering", "correct", "gallery", "operators", "own", "purposed", "reading", "relations"),
        *("requesting", "sessions", "terms", "dueProcess", "rights", "casework", "supervise", "jobs"),
        "vouch",
    ),
    "auditor": ("reading", "dueProcess"),
    "developer": (
        *("search", "enrol", "associate", "correct", "compare", "analyse", "look", "chartering", "gallery"),
        *("reading", "sessions", "dueProcess", "casework"),
    ),
    "examiner": ("examine", "dueProcess"),
    "officer": ("officer", "jobs", "supervise", "vouch", "reading", "terms", "dueProcess", "rights"),
}
"""Role → kinds of operations that a person of that role may call with a key of their own."""


def for_role(role: str) -> str:
    """The kind of all that a role may do, as rules have it."""
    return f"for{role.capitalize()}s"


def is_for_roles(operation: str, roles: Collection[str]) -> bool:
    """Whether an operation is something that one of these roles is for (ROL-001)."""
    return any(kinds_of(operation) & frozenset(ROLES[role]) for role in roles)


OFFICERS_DO = frozenset(GROUPS["officer"])


@functools.cache
def kinds_of(operation: str) -> frozenset[str]:
    """Every kind that an operation is of, directly or through another kind; `unoffered` for none."""
    direct = {kind for kind, operations in GROUPS.items() if operation in operations}
    return frozenset(
        direct | {parent for parent, kinds in PARENTS.items() if direct & set(kinds)}
    ) or frozenset({"unoffered"})
