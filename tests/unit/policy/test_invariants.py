"""Twenty thousand calls at random against the terms of use in plain Python, which know nothing of Cedar.

The oracle is the terms as people read them; Cedar is what decides. Where the two part, one of them is wrong.
"""

from __future__ import annotations

import ast
import collections
import dataclasses
import inspect
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from countenance.facts import (
    AGES,
    CHARTER_KINDS,
    NOT_EVALUATED,
    PROFILES,
    RECORD_KINDS,
    SOURCES,
    ModelFacts,
    Upstream,
)
from countenance.policy import AccessRequest, Decision, PolicyEngine, Purpose, Resource
from countenance.policy.groups import GROUPS
from countenance.policy.purposes import ATTRIBUTES
from countenance.types import AccountId

CALLS = 20_000
LEAST_SHARE_ALLOWED = 0.05
LEAST_ALONE = 1
MOST_CALLS = 30 * CALLS
"""Of one seed: calls are drawn until each thing stood alone against one, so that luck misses none."""
STANDINGS = ("pending", "good", "restricted", "suspended", "terminated")

SEARCHES = {"SearchFaces", "SearchFacesByImage", "SearchUsers", "SearchUsersByImage"} | {
    *("IdentifyFace", "ImportFace", "ReportCollisions"),
}
ENROLS = {"IndexFaces", "ImportFace"}
COMPARES = {"CompareFaces", "ListOutliers", "VerifyFaces"}
LOOKS_FOR_SOMEBODY = SEARCHES | COMPARES
MOVES_FACES = LOOKS_FOR_SOMEBODY | ENROLS
ANALYSES = {"CoachPhoto", "DetectFaces"}
ASSOCIATES = {"AssociateFaces", "MergeUsers"}
SHOWS = {"GetFaceImage"}
USES_FACES = MOVES_FACES | ANALYSES | ASSOCIATES | SHOWS
IN_A_COLLECTION = SEARCHES | ENROLS | ASSOCIATES
KEEPS_AND_READS = {
    *(
        "CreateCollection",
        "CreateUser",
        "DeleteCollection",
        "DeleteFaces",
        "DeleteUser",
        "DescribeCollection",
        "DescribeFaces",
    ),
    *("DisassociateFaces", "ListCollections", "ListFaces", "ListTagsForResource", "ListUsers", "TagResource"),
    "UntagResource",
}
TERMS_AND_DUE_PROCESS = {
    "ListCallCounts",
    *("AcceptTerms", "GetTerms", "ListTerms", "DescribeAccount", "GetAppeal", "GetCallerIdentity"),
    *("GetCheckpoint", "GetConsistencyProof", "GetInclusionProof", "GetReceiptStatus", "ListAppeals"),
    *("ListAuditEntries", "ListFindings", "SubmitAppeal"),
}
OF_PEOPLE = {
    *("DecideSubjectRequest", "ExtendSubjectRequest", "GetAccessReport", "GetErasureProof"),
    *("GetSubjectRequest", "IssueEnrolmentCode", "ListConsents", "ListLegalHolds", "ListSubjectRequests"),
    *("OpenSubjectRequest", "WithdrawConsent", "WithdrawObjection"),
}
OF_OFFICERS = {
    *("ActivatePack", "ChangeStanding", "CreateAccount", "DeactivatePack", "DecideAppeal", "DecideFinding"),
    *(
        "DecidePurposeRequest",
        "DecideRelation",
        "EraseFaces",
        "ListAccounts",
        "OpenFinding",
        "RecordTraining",
    ),
    "ScanForFindings",
    *("PutEvaluation", "PutLegalHold", "ReleaseLegalHold", "WithdrawEvaluation"),
}
OF_ITS_OWN = {
    *("DescribeJob", "DescribeSystem", "ListJobs", "SimulatePolicy"),
    *("DescribeCharter", "ExplainCall", "GetHealth", "LeaveCanary", "ListAccessKeys", "ListPacks"),
    *("DescribeGrowth", "GetEvaluation", "ListErasures", "ListEvaluations", "ListMerges"),
    "ListRejectedMatches",
    "ListOperators",
    *("ListPurposeRequests", "ListPurposes", "ListRecords", "ListRules", "PutCharter", "PutRecord"),
    *("PutConsent", "RevokeAccessKey", "UndoImport", "WithdrawRecord"),
}
TESTS = {
    *("AddTestSample", "CreateIndependentTest", "DeleteIndependentTest", "FinishIndependentTest"),
    *("GetIndependentTest", "ListIndependentTests", "ListTestScores"),
}
CORRECTS = {"RejectMatch", "UndoMerge", "WithdrawRejection"}
ABOUT_PEOPLE = {"InviteOperator", "PutOperator", "RemoveOperator"}
CASEWORK = {
    *("CloseCase", "DescribeCase", "GetReview", "ListCases", "OpenCase", "PutCaseAuthorization"),
    *("ReportOutcome", "SignEvidence"),
}
EXAMINES = {"BeginExamination", "ListReviews", "SubmitExamination"}
SUPERVISES = {"DescribeExaminers", "PlantTrial"}
VOUCHES = {"ConfirmOperator"}
LOOKS_AT = {
    *("DescribeJob", "DescribeSystem", "ListJobs", "SimulatePolicy"),
    *("DescribeCharter", "DescribeCollection", "ExplainCall", "GetEvaluation", "GetHealth", "ListAccessKeys"),
    *("DescribeGrowth", "ListCollections", "ListErasures", "ListEvaluations", "ListMerges"),
    *("ListOperators", "ListPacks"),
    *("ListPurposeRequests", "ListPurposes", "ListRecords", "ListRejectedMatches", "ListRules"),
    "ListTagsForResource",
}
ENDS_JOBS = {"CancelJob"}
FOR_A_PURPOSE = {"AssumePurpose", "CreateAccessKey"}
SAYS_FOR_WHOM = {"AssumePurpose", "GetSessionToken"} | {
    *("ConfirmRelation", "DeclareRelation", "EndRelation", "ListRelations"),
}
OURS_ALONE = {"CoachPhoto", "IdentifyFace", "ImportFace", "ListOutliers"} | {
    *("GetFaceImage", "MergeUsers", "ReportCollisions", "VerifyFaces"),
}
"""Of those that use a face."""
DUE_PROCESS = TERMS_AND_DUE_PROCESS - {"AcceptTerms", "GetTerms", "ListTerms"}
MAY = {
    "administrator": {
        *(KEEPS_AND_READS | OF_ITS_OWN | LOOKS_AT | CORRECTS | FOR_A_PURPOSE | SAYS_FOR_WHOM),
        *(TERMS_AND_DUE_PROCESS | OF_PEOPLE | ABOUT_PEOPLE | {"RequestPurpose"} | CASEWORK | SUPERVISES),
        *VOUCHES,
        *ENDS_JOBS,
    },
    "auditor": LOOKS_AT | DUE_PROCESS,
    "developer": {
        *(USES_FACES | KEEPS_AND_READS | CORRECTS | LOOKS_AT | DUE_PROCESS),
        *("AssumePurpose", "GetSessionToken"),
        *CASEWORK,
    },
    "examiner": DUE_PROCESS | EXAMINES,
    "officer": OF_OFFICERS | LOOKS_AT | TERMS_AND_DUE_PROCESS | OF_PEOPLE | SUPERVISES | VOUCHES | ENDS_JOBS,
}
"""What a person of a role may do with a key of their own."""
VIDEO = {"StartFaceSearch", "GetFaceSearch", "CreateStreamProcessor", "StartStreamProcessor"}
NOT_OFFERED = VIDEO | {"RecognizeCelebrities", "StartPersonTracking", "DetectLabels", "DropEverything"}
OTHERS = sorted(
    KEEPS_AND_READS
    | OF_ITS_OWN
    | TERMS_AND_DUE_PROCESS
    | OF_PEOPLE
    | OF_OFFICERS
    | FOR_A_PURPOSE
    | SAYS_FOR_WHOM
    | TESTS
    | CORRECTS
    | ABOUT_PEOPLE
    | CASEWORK
    | EXAMINES
    | SUPERVISES
    | VOUCHES
    | ENDS_JOBS
    | {"RequestPurpose"}
)


def wrongs(call: AccessRequest, catalogue: Mapping[str, Purpose], discharges: frozenset[str]) -> set[str]:
    """Everything that the terms of use have against the call."""
    purpose = catalogue.get(call.purpose or "")
    found = [*_wrongs(call, purpose, discharges)]
    if call.operation == "CreateCollection":
        found.extend(_of_the_charter(call, purpose, catalogue))
    return {what for what, is_wrong in found if is_wrong}


def _wrongs(
    call: AccessRequest, purpose: Purpose | None, discharges: frozenset[str]
) -> Iterator[tuple[str, bool]]:
    account, does = call.account, call.operation
    yield "it is not offered", does in NOT_OFFERED
    yield "another account's", call.resource.owner != account.account_id
    yield "not an officer", does in OF_OFFICERS and not call.officer
    yield "a tester, and no test", account.tester and does not in TESTS
    yield "a test, and no tester", does in TESTS and not account.tester
    yield "not of the roles", call.roles is not None and not any(does in MAY[role] for role in call.roles)
    yield "about people, with nobody's key", does in ABOUT_PEOPLE | VOUCHES | EXAMINES and call.roles is None
    yield (
        "about examiners, with nobody's key",
        does in SUPERVISES and call.roles is None and not call.officer,
    )
    yield "a face is shown to nobody in particular", does in SHOWS and call.roles is None
    yield "an examiner sees more", does in SHOWS and "examiner" in (call.roles or ())
    standings = [*_standings(call)]
    yield "an account upstream is not known", None in standings
    if does in TERMS_AND_DUE_PROCESS | OF_PEOPLE:
        return
    yield "terms not accepted", not account.terms_accepted and does not in TESTS
    yield "suspended", "suspended" in standings
    yield "terminated", "terminated" in standings
    yield "not approved yet", "pending" in standings[:2]
    yield "immigration enforcement", account.profile == "immigration_enforcement"
    served = "immigration_enforcement" in account.serves
    yield "for immigration enforcement", served and does not in SAYS_FOR_WHOM
    yield "for somebody who is barred", account.beneficiary_barred and does not in SAYS_FOR_WHOM
    if does in FOR_A_PURPOSE:
        yield "purpose not approved", call.purpose is not None and call.purpose not in account.purposes
        yield "a key takes on more than it is for", _takes_on_more(call, purpose) and not call.officer
    if does in FOR_A_PURPOSE | {"RequestPurpose", "CreateCollection"}:
        yield from _for_whom(call, purpose)
    if does in CORRECTS:
        yield "restricted", "restricted" in standings[:2]
        yield "corrects what it may not enrol", not _may_enrol(call, purpose)
    if does in USES_FACES:
        yield "restricted", does not in ANALYSES and "restricted" in standings[:2]
        yield from _of_the_purpose(call, purpose, discharges)
        yield from _of_the_collection(call, purpose)
        yield from _of_the_photos(call, purpose)


def _may_enrol(call: AccessRequest, purpose: Purpose | None) -> bool:
    """By the key's purpose, in the collection; in one that is not there nothing is corrected either."""
    if call.resource.kind != "Collection":
        return True
    charter = call.resource.charter
    return (
        purpose is not None
        and call.purpose in call.account.purposes
        and charter is not None
        and call.purpose in charter.purposes
        and "IndexFaces" in purpose.operations
    )


def _takes_on_more(call: AccessRequest, purpose: Purpose | None) -> bool:
    """A key that is for something is not for something riskier than low by its own word."""
    is_other = call.own_purpose is not None and call.own_purpose != call.purpose
    return is_other and purpose is not None and purpose.risk in {"elevated", "high"}


def _for_whom(call: AccessRequest, purpose: Purpose | None) -> Iterator[tuple[str, bool]]:
    """Nobody may do for others what they may not do themselves, nor what it may not do for itself."""
    if purpose is not None:
        yield "not for this profile", call.account.profile not in purpose.profiles
        served = [] if call.operation == "RequestPurpose" else call.account.serves
        served = [profile for profile in served if profile not in purpose.profiles]
        yield "not for those whom it serves", bool(served)


def _standings(call: AccessRequest) -> Iterator[str | None]:
    """Its own, the register's, and of each account upstream within reach; None for one that is missing."""
    yield call.account.standing
    yield call.account.effective_standing
    rows = {row.account_id: row for row in call.account.upstream}
    ahead, seen = list(call.account.parents), set()
    while ahead:
        account_id = ahead.pop()
        if account_id not in seen:
            seen.add(account_id)
            row = rows.get(account_id)
            yield None if row is None else row.standing
            ahead.extend(() if row is None else row.upstream)
    if any(above not in rows for row in rows.values() for above in row.upstream):
        yield None


def _of_the_purpose(
    call: AccessRequest, purpose: Purpose | None, discharges: frozenset[str]
) -> Iterator[tuple[str, bool]]:
    account, does, needs = call.account, call.operation, purpose.requires if purpose else frozenset()
    yield "no purpose of the catalogue", purpose is None
    yield "purpose not approved", purpose is not None and call.purpose not in account.purposes
    if purpose is None:
        return
    yield from _for_whom(call, purpose)
    yield "no operation of the purpose", does not in purpose.operations
    yield "attributes outside the purpose", bool(set(call.attributes) - set(purpose.attributes))
    yield "too many calls", call.calls_last_hour + 1 > purpose.calls_per_hour
    if does in LOOKS_FOR_SOMEBODY | ASSOCIATES:
        yield "threshold too low", call.threshold is None or call.threshold < purpose.minimum_threshold
    if does in LOOKS_FOR_SOMEBODY:
        yield "no case", "case" in needs and call.claims.case is None
        is_closed = call.claims.case is not None and not call.case_open
        yield "the case is not open", "case" in needs and is_closed
        yield "operator not trained", "training" in needs and not account.operator_trained
        yield "nobody reviews", "review" in needs and "human_review" not in discharges
    if does in SEARCHES:
        yield "too many candidates", call.candidates is None or call.candidates > purpose.maximum_candidates
    if does not in ANALYSES | SHOWS:
        yield "no notice", "notice" in needs and "notice" not in account.records
    if does in MOVES_FACES:
        yield "nobody sees that they live", "liveness" in needs
        if "gate" in needs:
            yield from _of_the_evaluation(call, purpose)
    if purpose.name not in {"development", "research"}:
        yield "weights not for this use", call.model is None or call.model.use != "any"


WORTH: Mapping[str, tuple[float, float | None, float | None]] = {
    "identity-proofing": (0.99, 0.0001, None),
    "fraud-prevention": (0.98, None, 0.001),
    "investigative-lead": (0.98, None, 0.001),
}
"""Of the purposes that need an evaluation: least TPR, most FMR, most FPIR of the worst group."""


def _of_the_evaluation(call: AccessRequest, purpose: Purpose) -> Iterator[tuple[str, bool]]:
    facts = call.model.evaluated.decides if call.model else None
    counts = call.model is not None and call.model.evaluated.standing == "in_force" and facts is not None
    yield "model not evaluated", not counts
    if facts is None or not counts:
        return
    tpr, fmr, fpir = WORTH[purpose.name]
    shown_tpr, shown_fmr = facts.worst_group_tpr_bp, facts.worst_group_fmr_ppm
    yield "nobody looked at groups", facts.groups < 2
    yield "a group is missed too often", shown_tpr is None or shown_tpr / 10_000 < tpr
    yield (
        "a group is taken for others too often",
        fmr is not None and (shown_fmr is None or shown_fmr / 1_000_000 > fmr),
    )
    if fpir is not None:
        shown = facts.worst_group_fpir_ppm
        yield "a group is found falsely too often", shown is None or shown / 1_000_000 > fpir
        if call.resource.kind == "Collection" and call.operation in SEARCHES | ENROLS:
            small = facts.gallery is None or call.gallery is None or facts.gallery / call.gallery < 0.9
            yield "evaluated in a small gallery", small


def _of_the_collection(call: AccessRequest, purpose: Purpose | None) -> Iterator[tuple[str, bool]]:
    does, charter = call.operation, call.resource.charter
    if does in SHOWS and call.resource.kind == "Collection":
        yield "not what the collection is for", charter is None or call.purpose not in charter.purposes
    # Two photos are compared in no collection, a photo and an enrolled face in that one's.
    if does not in IN_A_COLLECTION and not (does == "VerifyFaces" and call.resource.kind == "Collection"):
        return
    yield "not what the collection is for", charter is None or call.purpose not in charter.purposes
    yield "no legal basis", charter is None or not charter.legal_basis
    if does in ASSOCIATES:
        return
    most = purpose.retention_days if purpose else None
    kept = charter.retention_days if charter else None
    yield "kept too long", most is not None and (kept is None or kept > most)
    if does in ENROLS:
        yield "collection full", charter is None or call.resource.face_count + 1 > charter.face_cap
    if call.claims.live and (does in SEARCHES or does == "VerifyFaces"):
        # Who is enrolled may stand before a camera and say so; other lists are not gone through one by one.
        theirs = {"consented"} if does in SEARCHES else {"consented", "enrolled"}
        yield "a live search of people who did not agree", charter is None or charter.kind not in theirs


def _of_the_photos(call: AccessRequest, purpose: Purpose | None) -> Iterator[tuple[str, bool]]:
    does, claims, charter = call.operation, call.claims, call.resource.charter
    needs = purpose.requires if purpose else frozenset()
    yield "scraped", claims.source == "scraped"
    yield "body camera", claims.source == "bodycam"
    if does in LOOKS_FOR_SOMEBODY and claims.live:
        yield "live, and for police", "law_enforcement" in {call.account.profile, *call.account.serves}
    if does in MOVES_FACES:
        yield "source not said", "source" in needs and claims.source == "undeclared"
    if does in ENROLS | COMPARES | ASSOCIATES:
        yield "no consent", "consent" in needs and claims.consent is None
    if does in ENROLS:
        minors = (
            charter is not None and charter.minors_allowed and purpose is not None and purpose.minors_allowed
        )
        yield "may be a minor", claims.age != "adult" and not minors
    if does in LOOKS_FOR_SOMEBODY:
        yield "age not said", "age" in needs and claims.age == "unknown"
        yield "a minor", claims.age == "minor" and purpose is not None and not purpose.minors_allowed


def _of_the_charter(
    call: AccessRequest, purpose: Purpose | None, catalogue: Mapping[str, Purpose]
) -> Iterator[tuple[str, bool]]:
    charter = call.charter
    yield "no purpose of the catalogue", purpose is None
    if charter is None:
        return
    yield "charter of unapproved purposes", bool(set(charter.purposes) - call.account.purposes)
    yield "charter without the key's purpose", bool(call.purpose) and call.purpose not in charter.purposes
    named = [catalogue.get(name) for name in charter.purposes]
    known = [each for each in named if each is not None]
    agreed = all(each.kind == "consented" for each in known)
    yield "charter of no known purpose", len(known) < len(named) or not named
    yield "charter of people who did not agree", charter.kind == "consented" and not agreed
    for each in known:
        kept, most = charter.retention_days, each.retention_days
        yield "charter too wide", charter.face_cap > each.face_cap
        yield "charter too wide", charter.minors_allowed and not each.minors_allowed
        yield "charter too wide", most is not None and (kept is None or kept > most)


# ---- Calls at random

OURS, THEIRS = AccountId("1" * 12), AccountId("9" * 12)
ABOVE = [AccountId(digit * 12) for digit in "234"]


class Calls:
    """Lawful calls with some things changed: of calls that are random through and through, none is lawful."""

    def __init__(self, seed: int, lawful, changed, catalogue: Mapping[str, Purpose]) -> None:
        self._random = random.Random(seed)
        self._lawful, self._changed, self._catalogue = lawful, changed, catalogue
        self._of_accounts = (
            *(self._standing, self._upstream, self._profile, self._serves, self._terms, self._officer),
            *(self._resource, self._purpose, self._own_purpose, self._operation, self._tester, self._roles),
            self._case_open,
        )
        self._of_faces = (
            *(self._bounds, self._bounds, self._claims, self._claims, self._lacks, self._lacks, self._photos),
            *(self._live, self._model, self._attributes, self._charter, self._charter, self._charter),
        )

    def draw(self) -> AccessRequest:
        purposes = tuple(self._catalogue.values())
        needs = [1 + len(purpose.requires) for purpose in purposes]  # who needs more may lack more
        purpose = self._random.choices(purposes, weights=needs)[0]
        kinds = (purpose.operations, ("CreateCollection",), sorted(FOR_A_PURPOSE), OTHERS)
        wanted = self._random.choices(kinds, weights=(7, 1, 1, 2))[0]
        call = self._changed(
            self._lawful(self._one_of(wanted), purpose),
            account__profile=self._one_of(purpose.profiles),
        )
        for _ in range(self._random.choices(range(7), weights=(10, 30, 25, 15, 10, 6, 4))[0]):
            changes = self._one_of(self._relevant(call))(call)
            if call.resource.charter is None:
                changes = {
                    name: value for name, value in changes.items() if "resource__charter__" not in name
                }
            if call.charter is None or "charter" in changes:
                changes = {name: value for name, value in changes.items() if not name.startswith("charter__")}
            if call.model is None:
                changes = {name: value for name, value in changes.items() if not name.startswith("model__")}
            if call.model is None or call.model.evaluated.decides is None:
                changes = {name: value for name, value in changes.items() if "__decides__" not in name}
            call = self._changed(call, **changes)
        return call

    def _relevant(self, call: AccessRequest) -> tuple[Callable[[AccessRequest], Mapping[str, Any]], ...]:
        """Most changes of what an operation does not look at would be lost on it."""
        if self._random.random() < 0.3:
            return self._of_accounts
        if call.charter is not None:
            return (self._wanted_charter,)
        purpose = self._catalogue.get(call.purpose or "")
        is_gated = call.operation in MOVES_FACES and purpose is not None and purpose.gate is not None
        if is_gated and self._random.random() < 0.5:
            return (self._evaluation,)
        return self._of_faces if call.operation in USES_FACES else self._of_accounts

    def _one_of(self, values) -> Any:
        return self._random.choice(values)

    def _subset(self, values) -> frozenset[Any]:
        return frozenset(value for value in values if self._random.random() < 0.5)

    def _maybe(self, value: Any) -> Any:
        return value if self._random.random() < 0.5 else None

    def _standing(self, call):
        name = self._one_of(("account__standing", "account__effective_standing"))
        return {name: self._one_of(STANDINGS)}

    def _upstream(self, call):
        """Up to three accounts, each directly or through another; now and then one that nobody loaded."""
        known = ABOVE[: self._random.randint(1, 3)]
        rows = tuple(
            Upstream(
                account_id,
                self._one_of((*STANDINGS, "good", "good", "good")),
                tuple(sorted(self._subset(known[number + 1 :]))),
            )
            for number, account_id in enumerate(known)
        )
        if self._random.random() < 0.2:
            rows = rows[:-1]
        parents = (known[0], *sorted(self._subset(known[1:])))
        return {"account__parents": parents, "account__upstream": rows}

    def _profile(self, call):
        return {"account__profile": self._one_of(PROFILES)}

    def _serves(self, call):
        """Of those for whom the purpose is, mostly: of others too, each time nearly all would be refused."""
        purpose = self._catalogue.get(call.purpose or "", self._catalogue["development"])
        return {"account__serves": self._subset(self._one_of((purpose.profiles, purpose.profiles, PROFILES)))}

    def _terms(self, call):
        return {
            "account__terms_accepted": self._random.random() < 0.3,
            "account__beneficiary_barred": self._random.random() < 0.3,
        }

    def _purpose(self, call):
        names = (*self._catalogue, "withdrawn", "", None)
        return {
            "purpose": self._one_of((*names, call.purpose)),
            "account__purposes": self._subset(names[:-1])
            | self._one_of((set(), {call.purpose or "research"})),
        }

    def _own_purpose(self, call):
        """Of the credential: for one that is asked for by it, any; a call with a face is under its own."""
        own = self._one_of((*self._catalogue, "withdrawn", None, call.purpose))
        return {"own_purpose": own, "officer": call.officer or self._random.random() < 0.3}

    def _bounds(self, call):
        purpose = self._catalogue.get(call.purpose or "", self._catalogue["development"])
        least, most, calls = purpose.minimum_threshold, purpose.maximum_candidates, purpose.calls_per_hour
        return self._one_of((
            {"threshold": self._one_of((None, 0.0, least - 0.01, least - 0.0001, least, least + 0.5, 100.0))},
            {"candidates": self._one_of((None, 0, 1, most - 1, most, most + 1, 4096))},
            {"calls_last_hour": self._one_of((0, calls - 2, calls - 1, calls, calls + 1))},
        ))  # fmt: skip

    def _claims(self, call):
        return self._one_of((
            {"claims__case": self._maybe("C-2")},
            {"claims__consent": self._maybe("F-2")},
            {"claims__authorization": self._maybe("W-2"), "claims__exigent": True},
            {"claims__offence_facts": True, "claims__probable_cause": True},
            {"account__operator_trained": self._random.random() < 0.5},
            {"account__records": self._subset(RECORD_KINDS)},
        ))  # fmt: skip

    def _live(self, call):
        """Of people who agreed or did not, for police or for nobody of the kind."""
        serves = self._one_of((call.account.serves, frozenset({"law_enforcement"})))
        kind = self._one_of((*CHARTER_KINDS, "consented"))
        return {"claims__live": True, "account__serves": serves, "resource__charter__kind": kind}

    def _lacks(self, call):
        """Something that the purpose needs and that is not there."""
        purpose = self._catalogue.get(call.purpose or "", self._catalogue["development"])
        missing = {
            "consent": {"claims__consent": None},
            "case": {"claims__case": None},
            "notice": {"account__records": frozenset()},
            "gate": self._evaluation(call),
            "source": {"claims__source": "undeclared"},
            "training": {"account__operator_trained": False},
            "age": {"claims__age": "unknown"},
        }
        return self._one_of([missing.get(need, {}) for need in sorted(purpose.requires)] or [{}])

    def _evaluation(self, call):
        """Something about the evaluation is at the edge, over it, or not there."""
        return self._one_of((
            {"model__evaluated__standing": self._one_of(("expired", "withdrawn", "revoked", "other"))},
            {"model__evaluated__decides": None},
            {"model__evaluated__decides__groups": self._one_of((0, 1, 2, 3))},
            {"model__evaluated__decides__worst_group_tpr_bp": self._one_of((None, 9799, 9800, 9899, 9900))},
            {"model__evaluated__decides__worst_group_fmr_ppm": self._one_of((None, 1, 100, 101))},
            {"model__evaluated__decides__worst_group_fpir_ppm": self._one_of((None, 999, 1000, 1001))},
            {"model__evaluated__decides__gallery": self._one_of((None, 899, 900, 1000))},
            {"gallery": self._one_of((None, 1, 1000, 1001, 10_000))},
        ))  # fmt: skip

    def _photos(self, call):
        return self._one_of((
            {"claims__source": self._one_of(SOURCES), "claims__age": self._one_of(AGES)},
            {"claims__source": self._one_of(("undeclared", "scraped", "bodycam"))},
            {"claims__age": "minor"},
        ))  # fmt: skip

    def _charter(self, call):
        cap = call.resource.charter.face_cap if call.resource.charter else 0
        days = self._one_of((None, 1, 30, 90, 91, 365, 1095, 10_000))
        return self._one_of((
            {"resource__charter": None},
            {"resource__charter__purposes": tuple(sorted(self._subset(self._catalogue)))},
            {"resource__charter__purposes": tuple(self._catalogue)},
            {"resource__charter__kind": self._one_of(CHARTER_KINDS)},
            {"resource__charter__legal_basis": self._one_of(("", "consent"))},
            {"resource__charter__face_cap": self._one_of((0, 1, cap))},
            {"resource__face_count": self._one_of((0, max(cap - 1, 0), cap, cap + 1))},
            {"resource__charter__retention_days": days},
            {"resource__charter__minors_allowed": self._random.random() < 0.5},
        ))  # fmt: skip

    def _wanted_charter(self, call):
        cap = call.charter.face_cap if call.charter else 0
        return self._one_of((
            {"charter": None},
            {"charter__purposes": tuple(sorted(self._subset(self._catalogue)))},
            {"charter__purposes": ()},
            {
                "charter__purposes": (*call.charter.purposes, self._one_of(tuple(self._catalogue))),
                "charter__face_cap": 1,
                "charter__retention_days": 1,
                "charter__minors_allowed": False,
                "charter__kind": self._one_of(("enrolled", "consented")),
            },
            {
                "charter__purposes": (*call.charter.purposes, "withdrawn"),
                "account__purposes": call.account.purposes | {"withdrawn"},
            },
            {"charter__kind": self._one_of(CHARTER_KINDS)},
            {"charter__face_cap": self._one_of((1, cap, cap + 1))},
            {"charter__retention_days": self._one_of((None, 1, 90, 366, 4000))},
            {"charter__minors_allowed": self._random.random() < 0.5},
        ))  # fmt: skip

    def _model(self, call):
        model = ModelFacts(
            "2.0",
            self._one_of(("any", "any", "research", "unstated")),
            evaluated=call.model.evaluated if call.model else NOT_EVALUATED,
        )
        return {"model": self._one_of((model, model, model, None))}

    def _officer(self, call):
        return {"officer": self._random.random() < 0.5}

    def _case_open(self, _):
        return {"case_open": self._one_of((True, False))}

    def _roles(self, call):
        several = (frozenset({"developer", "examiner"}),)
        single = (frozenset({role}) for role in sorted(MAY))
        return {"roles": self._one_of((None, frozenset(), *single, *several))}

    def _tester(self, call):
        return {"account__tester": not call.account.tester}

    def _resource(self, call):
        if call.resource.kind == "Account":
            return {"resource": Resource("Account", THEIRS, THEIRS)}
        return {"resource__owner": THEIRS}

    def _operation(self, call):
        if call.resource.kind == "Collection":  # who names one acts on one
            does = self._one_of((*sorted(IN_A_COLLECTION), "VerifyFaces", *sorted(VIDEO)))
            return {"operation": does, "service": "countenance" if does in OURS_ALONE else "rekognition"}
        if self._random.random() < 0.5:
            return {"operation": self._one_of(sorted(OF_OFFICERS)), "service": "countenance"}
        amazons = ("CompareFaces", "DetectFaces", *sorted(NOT_OFFERED))
        return {"operation": self._one_of(amazons), "service": "rekognition"}

    def _attributes(self, call):
        return {"attributes": self._subset(ATTRIBUTES)}


@pytest.mark.parametrize(("seed", "reviewers"), [(0, False), (1, True)], ids=["as it is", "with reviewers"])
def test_no_call_is_allowed_that_the_terms_are_against_and_none_refused_that_they_are_not(
    seed: int, reviewers: bool, operations, catalogue, discharges, lawful, changed
):
    """The terms of use are only worth what the worst of their loopholes is."""
    discharges |= {"human_review"} if reviewers else set()
    engine = PolicyEngine.load(operations, packs={}, discharges=discharges)
    calls = Calls(seed, lawful, changed, catalogue)
    # Who needs training needs reviewers as well; who asks how often a group is taken for others, liveness.
    never = {"nobody reviews" if reviewers else "operator not trained"}
    never |= {"a group is taken for others too often"}
    wanted = _everything() - never
    allowed, judged, alone = 0, 0, collections.Counter()
    while judged < CALLS // 2 or (judged < MOST_CALLS and not _are_tried(wanted, alone)):
        judged += 1
        call = calls.draw()
        verdict = engine.decide(call)
        against = wrongs(call, catalogue, discharges)
        if verdict.decision is Decision.ALLOW:
            allowed += 1
            assert not against, (against, call)
            assert verdict.errors == ()
        else:
            assert against, (verdict.message, verdict.errors, call)
            alone.update(against if len(against) == 1 else ())
    assert allowed >= LEAST_SHARE_ALLOWED * judged, (allowed, judged)
    assert _are_tried(wanted, alone), ({what for what in wanted if not alone[what]}, alone)
    rarest = min(alone.values())
    print(f"seed {seed}: {allowed} of {judged} allowed, {len(alone)} things alone, at least {rarest} times")


def _are_tried(wanted: set[str], alone: collections.Counter[str]) -> bool:
    """Whether each was the only thing against some call."""
    return all(alone[what] >= LEAST_ALONE for what in wanted)


def test_the_oracle_judges_every_operation():
    """One that nobody put on a side of the terms would be allowed or refused by accident."""
    assert set(OTHERS) | USES_FACES | VIDEO == {name for names in GROUPS.values() for name in names}
    assert not set(OTHERS) & USES_FACES


def _everything() -> set[str]:
    """What the oracle can hold against a call: each must have been the only thing against some."""
    parts = (
        *(_wrongs, _for_whom, _of_the_purpose, _of_the_evaluation, _of_the_collection, _of_the_photos),
        _of_the_charter,
    )
    sources = map(inspect.getsource, parts)
    yields = (
        node.value.elts[0].value
        for source in sources
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Yield) and isinstance(node.value, ast.Tuple)
    )
    return set(yields)


@pytest.mark.parametrize("purpose", ["development", "photo-library"])
def test_a_plain_lawful_call_is_allowed(purpose: str, engine, catalogue, discharges, lawful):
    """The other half of a terms' worth: who keeps to them is not in the way of them."""
    for operation in catalogue[purpose].operations:
        call = lawful(operation, purpose)
        verdict = engine.decide(call)
        assert (verdict.decision, verdict.message) == (Decision.ALLOW, "")
        assert not wrongs(call, catalogue, discharges)
    for operation in sorted(KEEPS_AND_READS | TERMS_AND_DUE_PROCESS | OF_PEOPLE):
        assert engine.decide(lawful(operation, purpose)).decision is Decision.ALLOW


def test_a_purpose_that_needs_what_is_not_there_yet_is_refused_whoever_asks(engine, catalogue, lawful):
    """Nothing is evaluated, no life can be detected and nobody reviews: the purposes wait for it."""
    for name, purpose in catalogue.items():
        for operation in sorted(MOVES_FACES & set(purpose.operations)):
            for profile in purpose.profiles:
                call = lawful(operation, name, account__profile=profile)
                as_it_is = dataclasses.replace(call, model=ModelFacts("1.0", "any"))
                verdict = engine.decide(as_it_is)
                waits = purpose.requires & {"gate", "liveness"} or (
                    "review" in purpose.requires and operation in LOOKS_FOR_SOMEBODY
                )
                assert (verdict.decision is Decision.DENY) == bool(waits), (name, operation)
