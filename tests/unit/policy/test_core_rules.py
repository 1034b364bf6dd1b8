"""Every rule of the core and every duty: the call that breaks it and nothing else, and its lawful neighbour.

A row is a lawful call at the edge of what is allowed, and a step over it. The rows are then turned on the
rules themselves: whatever is taken out of a rule, some row must come out differently, or nobody would notice.
Long, because the table is one: a rule is looked up in one place.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

import cedarpy
import pytest

from countenance.facts import (
    NOT_EVALUATED,
    PROFILES,
    Charter,
    Claims,
    Evaluated,
    EvaluationFacts,
    Upstream,
)
from countenance.policy import AccessRequest, Decision, PolicyEngine, Purpose, Resource, load_purposes
from countenance.policy.engine import schema_for
from countenance.policy.gate import Gate
from countenance.policy.groups import GROUPS, PARENTS, ROLES, kinds_of
from countenance.policy.rules import read_rules
from countenance.types import AccountId

FOLDER = resources.files("countenance.policy")
CORE = FOLDER.joinpath("core.cedar").read_text("utf-8")
DUTIES = FOLDER.joinpath("obligations.cedar").read_text("utf-8")
RULES = {rule.rule_id: rule for rule in (*read_rules(CORE), *read_rules(DUTIES))}
DISCHARGED = frozenset({"human_review", "fpir_budget", "record_attestations"})
OURS, THEIRS, ABOVE, TOP = (AccountId(digit * 12) for digit in "1234")

ONE_OF_A_KIND = {
    "search": "SearchFacesByImage",
    "enrol": "IndexFaces",
    "associate": "AssociateFaces",
    "correct": "RejectMatch",
    "compare": "CompareFaces",
    "analyse": "DetectFaces",
    "look": "GetFaceImage",
    "stream": "StartFaceSearch",
    "chartering": "CreateCollection",
    "gallery": "DeleteFaces",
    "terms": "AcceptTerms",
    "dueProcess": "SubmitAppeal",
    "rights": "DecideSubjectRequest",
    "purposed": "CreateAccessKey",
    "requesting": "RequestPurpose",
    "relations": "DeclareRelation",
    "sessions": "GetSessionToken",
    "operators": "PutOperator",
    "casework": "OpenCase",
    "examine": "BeginExamination",
    "jobs": "CancelJob",
    "supervise": "DescribeExaminers",
    "vouch": "ConfirmOperator",
    "reading": "ListOperators",
    "own": "PutRecord",
    "testing": "CreateIndependentTest",
    "officer": "OpenFinding",
}
FACE = PARENTS["face"]
ALWAYS_OPEN = ("terms", "dueProcess", "rights")
CLOSABLE = tuple(kind for kind in ONE_OF_A_KIND if kind not in ALWAYS_OPEN)
SAYS_FOR_WHOM = ("relations", "sessions")
LOOKS = ("search", "stream", "compare")
MATCHES = (*LOOKS, "enrol")
MOVES_FACES = (*MATCHES, "associate")
IN_COLLECTIONS = ("search", "stream", "enrol")
IN_THEIR_COLLECTION = (*IN_COLLECTIONS, "associate", "look")
OF_RESTRICTED = (*MOVES_FACES, "correct", "look")
"""What an account that is restricted may not do."""


def _may(role: str, kind: str) -> bool:
    """Whether the operation that stands for a kind is one of the role's, by that kind or another."""
    return bool(kinds_of(ONE_OF_A_KIND[kind]) & set(ROLES[role]))


_EVERYTHING = Gate(groups=2, least_tpr_bp=9800, most_fmr_ppm=100, most_fpir_ppm=1000, gallery_percent=90)


def _catalogue() -> Mapping[str, Purpose]:
    """The real one, with the searches of video that no purpose has, and purposes that need one thing only.

    No real purpose has a video search, lacks DetectFaces, or needs a trained operator but nothing else:
    without these the rules about them could not be told from the rules beside them.
    """
    video = ("StartFaceSearch", "CreateStreamProcessor", "StartStreamProcessor")
    real = {
        name: dataclasses.replace(purpose, operations=(*purpose.operations, *video))
        for name, purpose in load_purposes().items()
    }
    plain = dataclasses.replace(real["photo-library"], profiles=PROFILES)
    needs = ("training", "liveness", "gate", "review")
    made = [
        dataclasses.replace(plain, name="plain"),
        dataclasses.replace(plain, name="watching", operations=("GetFaceSearch",)),
        dataclasses.replace(plain, name="budgeted", fpir_budget=0.01),
        *(
            dataclasses.replace(
                plain,
                name=f"needs-{need}",
                requires=frozenset({need}),
                gate=_EVERYTHING if need == "gate" else None,
            )
            for need in needs
        ),
    ]
    return real | {purpose.name: purpose for purpose in made}


CATALOGUE = _catalogue()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A lawful call, and what makes it break one rule.

    Attributes:
        given: what the lawful call has beside the least that its purpose needs.
        broken: what is different in the other one.
        says: what the message must say of that call.
    """

    rule: str
    kind: str
    purpose: str
    given: Mapping[str, Any]
    broken: Mapping[str, Any]
    says: str

    def calls(self, lawful, changed) -> tuple[AccessRequest, AccessRequest]:
        given = CONSENTED | self.given if self.kind == "stream" else self.given
        fine = lawful(ONE_OF_A_KIND[self.kind], CATALOGUE[self.purpose], **given)
        return fine, changed(fine, **self.broken)


def rows(
    rule: str,
    kinds: tuple[str, ...],
    *broken: Mapping[str, Any],
    purpose: str = "plain",
    given: Mapping[str, Any] | None = None,
    says: str = "",
) -> list[Row]:
    """One for each kind of action and way to break the rule."""
    return [
        Row(rule=rule, kind=kind, purpose=purpose, given=given or {}, broken=change, says=says)
        for kind in kinds
        for change in broken
    ]


def under(rule: str, kinds: tuple[str, ...], purpose: str, says: str = "", **more: Any) -> list[Row]:
    """The same call under another purpose, for which account and collection are as good."""
    both = frozenset({"plain", purpose})
    in_collections = {kind for kind in kinds if kind in IN_THEIR_COLLECTION}
    given = {"account__purposes": both, **more}
    return [
        *rows(
            rule,
            tuple(kind for kind in kinds if kind in in_collections),
            {"purpose": purpose},
            given=given | {"resource__charter__purposes": tuple(sorted(both))},
            says=says,
        ),
        *rows(
            rule,
            tuple(kind for kind in kinds if kind not in in_collections),
            {"purpose": purpose},
            given=given,
            says=says,
        ),
    ]


def gated(rule: str, kinds: tuple[str, ...], *broken: Mapping[str, Any], **more: Any) -> list[Row]:
    """Of a purpose whose gate asks for everything."""
    return rows(rule, kinds, *broken, **{"purpose": "needs-gate"} | more)


def ended(standing: str, *differs: str) -> Mapping[str, Any]:
    """No evaluation counts."""
    return {"model__evaluated": Evaluated(standing=standing, differs=differs)}


def standings(standing: str) -> tuple[Mapping[str, Any], ...]:
    """Its own, as the register computed it, and of an account upstream."""
    return (
        {"account__standing": standing},
        {"account__effective_standing": standing},
        {"account__parents": (ABOVE,), "account__upstream": (Upstream(ABOVE, standing),)},
    )


def with_who_is_enrolled(purpose: str, *, kind: str = "consented") -> Mapping[str, Any]:
    """A comparison with a face of a collection of that purpose: that of two photos is in none."""
    charter = Charter(
        purposes=(purpose,),
        kind=kind,
        legal_basis="a statute",
        face_cap=10,
        retention_days=1,
        minors_allowed=False,
    )
    collection = Resource("Collection", "staff", OURS, charter, face_count=9)
    return {"operation": "VerifyFaces", "service": "countenance", "resource": collection}


A_MINOR = {"claims__age": "minor"}
CONSENTED = {"resource__charter__kind": "consented"}
THEIR_COLLECTION = {"resource__owner": THEIRS}
THEIR_ACCOUNT = {"resource": Resource("Account", THEIRS, THEIRS)}
TWO_UP = {
    "account__parents": (ABOVE,),
    "account__upstream": (Upstream(ABOVE, "good", (TOP,)), Upstream(TOP, "suspended")),
}
PASSES = Evaluated(
    standing="in_force",
    decides=EvaluationFacts(groups=2, worst_group_tpr_bp=9800, worst_group_fpir_ppm=1000, gallery=900),
)
EVALUATED: Mapping[str, Any] = {
    "account__records": frozenset({"notice"}),
    "claims__source": "record",
    "claims__age": "adult",
    "model__evaluated": PASSES,
    "threshold": 99.0,
    "calls_last_hour": 119,
}
"""All that the purposes of high risk need of a comparison, but for people who look at it first."""
FOR_POLICE: tuple[Mapping[str, Any], ...] = (
    {"account__profile": "law_enforcement"},
    {"account__serves": frozenset({"law_enforcement"})},
)
"""Being one, and acting for one."""
BOTH = frozenset({"development", "event-photos"})
FOR_BOTH = Charter(
    purposes=("development", "event-photos"),
    kind="consented",
    legal_basis="consent",
    face_cap=200_000,
    retention_days=90,
    minors_allowed=False,
)

TABLE: list[Row] = [
    # who may call
    *rows(
        "CORE-002",
        (*IN_THEIR_COLLECTION, "correct"),
        THEIR_COLLECTION,
        says="belongs to another account",
    ),
    *rows(
        "CORE-002",
        tuple(kind for kind in ONE_OF_A_KIND if kind not in {*IN_THEIR_COLLECTION, "correct"}),
        THEIR_ACCOUNT,
        says="belongs to another account",
    ),
    *rows("CORE-004", ("officer",), {"officer": False}, says="OpenFinding is for officers"),
    # people, and what their roles are for
    *rows("ROL-001", tuple(ONE_OF_A_KIND), {"roles": frozenset()}, says="nothing that the roles of `guy`"),
    *(
        row
        for role, kinds in ROLES.items()
        for row in rows(
            "ROL-001",
            tuple(kind for kind in ONE_OF_A_KIND if kind not in kinds and not _may(role, kind)),
            {"roles": frozenset({role})},
        )
    ),
    *rows("ROL-002", ("operators",), {"roles": None}, says="is for administrators of the account"),
    *rows("ROL-003", ("vouch",), {"roles": None}, says="is for administrators and officers"),
    *rows(
        "LOOK-001",
        ("look",),
        {"roles": None},
        {"roles": frozenset({"developer", "examiner"})},
        says="the key is nobody's own",
    ),
    # cases and those who examine
    *rows(
        "CASE-001",
        LOOKS,
        {"case_open": False},
        purpose="missing-persons",
        says="not open for the purpose `missing-persons`",
    ),
    *rows("EXA-001", ("examine",), {"roles": None}, says="is for examiners of the account"),
    *rows("EXA-005", ("supervise",), {"roles": None}, says="is for administrators of the account"),
    # independent testers
    *rows(
        "TEST-001",
        tuple(kind for kind in ONE_OF_A_KIND if kind != "testing"),
        {"account__tester": True},
        says="is no operation of tests",
    ),
    *rows(
        "TEST-002", ("testing",), {"account__tester": False}, says="CreateIndependentTest is for independent"
    ),
    # terms and standing
    *rows(
        "AUP-001",
        tuple(kind for kind in CLOSABLE if kind != "testing"),
        {"account__terms_accepted": False},
        says="(acceptable-use 1.0)",
    ),
    *rows("AUP-002", CLOSABLE, *standings("suspended"), says="suspended"),
    *rows("AUP-002", ("search",), TWO_UP, says="suspended"),
    *rows("AUP-003", CLOSABLE, *standings("terminated"), says="terminated"),
    *rows("AUP-004", OF_RESTRICTED, *standings("restricted")[:2], says="restricted"),
    *rows("AUP-005", CLOSABLE, *standings("pending")[:2], says="not approved yet"),
    *rows(
        "AUP-005",
        CLOSABLE,
        {"account__standing": "pending"},
        given={"account__parents": (ABOVE,), "account__upstream": (Upstream(ABOVE, "good"),)},
        says="not approved yet",
    ),
    *rows(
        "AUP-006",
        CLOSABLE,
        {"account__profile": "immigration_enforcement"},
        says="immigration",
    ),
    *rows(
        "AUP-006",
        tuple(kind for kind in CLOSABLE if kind not in SAYS_FOR_WHOM),
        {"account__serves": frozenset({"business", "immigration_enforcement"})},
        says="immigration",
    ),
    *rows(
        "AUP-007",
        tuple(kind for kind in CLOSABLE if kind not in SAYS_FOR_WHOM),
        {"account__beneficiary_barred": True},
        says="OnBehalfOf",
    ),
    # purposes
    *rows("PUR-001", (*FACE, "purposed"), {"account__purposes": frozenset()}, says="`plain` is not approved"),
    *rows(
        "PUR-001",
        ("compare",),
        {"account__purposes": frozenset({"research"})},
        says="`plain` is not approved",
    ),
    *rows(
        "PUR-002",
        IN_THEIR_COLLECTION,
        {"resource__charter__purposes": ("development",)},
        says="`plain`",
    ),
    *rows(
        "PUR-002",
        ("compare",),
        {"resource__charter__purposes": ("development",)},
        given=with_who_is_enrolled("plain"),
        says="`plain`",
    ),
    *rows(
        "COR-001",
        ("correct",),
        {"account__purposes": frozenset()},
        {"account__purposes": frozenset({"research"})},
        {"resource__charter__purposes": ("development",)},
        {"resource__charter": None},
        {"purpose": None},
        says="RejectMatch changes what searches of the collection answer",
    ),
    *rows(
        "COR-001",
        ("correct",),
        {"purpose": "watching"},
        {"purpose": "withdrawn"},
        given={
            "account__purposes": frozenset({"plain", "watching", "withdrawn"}),
            "resource__charter__purposes": ("plain", "watching", "withdrawn"),
        },
        says="no purpose that enrols in it",
    ),
    *rows("PUR-003", ("compare", "analyse", "chartering"), {"purpose": None}, says="no purpose"),
    *under("PUR-003", IN_THEIR_COLLECTION, "withdrawn", says="no purpose", claims__age="adult"),
    *under("PUR-004", FACE, "watching", says="it has: GetFaceSearch"),
    *rows(
        "PUR-004",
        ("compare",),
        {"operation": "IndexFaces"},
        purpose="identity-verification",
        says="CompareFaces, VerifyFaces, DetectFaces",
    ),
    *rows(
        "PUR-005",
        (*LOOKS, "associate"),
        {"threshold": 49.99},
        says="is 49.99, and the purpose `plain` needs at least 50",
    ),
    *rows("PUR-005", ("search", "compare", "associate"), {"threshold": 0.0}, says="is 0, and"),
    *rows("PUR-005", (*LOOKS, "associate"), {"threshold": None}, says="is not given"),
    *rows(
        "PUR-005",
        ("associate",),
        {"threshold": 75.0},
        purpose="access-control",
        says="is 75, and the purpose `access-control` needs at least 99; send UserMatchThreshold >= 99",
    ),
    *rows(
        "PUR-006", ("search", "stream"), {"candidates": 4097}, says="up to 4097 candidates, and the purpose"
    ),
    *rows(
        "PUR-006",
        ("search", "stream"),
        {"candidates": None},
        says="any number of candidates, and the purpose",
    ),
    *rows("PUR-007", FACE, {"attributes": frozenset({"SMILE", "EMOTIONS"})}, says="allow `EMOTIONS`"),
    *rows("PUR-008", FACE, {"calls_last_hour": 360_000}, says="360000 calls"),
    *rows("PUR-008", ("analyse",), {"calls_last_hour": 360_001}, says="360001 calls"),
    *rows(
        "PUR-009",
        (*FACE, "purposed", "requesting", "chartering"),
        {"account__profile": "identity_proofing"},
        purpose="photo-library",
        says="profile identity_proofing",
    ),
    *rows(
        "PUR-009",
        (*FACE, "purposed", "chartering"),
        {"account__serves": frozenset({"identity_proofing"})},
        {"account__serves": frozenset({"business", "identity_proofing"})},
        purpose="photo-library",
        given={"account__serves": frozenset({"business", "public_body"})},
        says="not for those for whom the account acts",
    ),
    *rows(
        "PUR-009",
        ("search", "compare"),
        {"account__serves": frozenset({"business", "law_enforcement"})},
        purpose="photo-library",
        says="not for those for whom the account acts",
    ),
    *rows(
        "PUR-009",
        ("compare",),
        {"account__profile": "identity_proofing"},
        purpose="photo-library",
        given={"account__serves": frozenset({"business"})},
        says="profile identity_proofing",
    ),
    *rows(
        "PUR-010",
        ("enrol", "associate", "compare"),
        {"claims__consent": None},
        purpose="accessibility",
        says="`accessibility` needs a reference to the consent",
    ),
    *rows(
        "PUR-011",
        LOOKS,
        {"claims__case": None, "case_open": False},
        purpose="missing-persons",
        says="`missing-persons` needs a case",
    ),
    *rows(
        "PUR-012",
        MOVES_FACES,
        {"account__records": frozenset()},
        {"account__records": frozenset({"use_policy"})},
        purpose="access-control",
        says="needs a notice",
    ),
    *under("PUR-013", MATCHES, "needs-liveness", says="there is none yet"),
    *rows(
        "PUR-014",
        MATCHES,
        {"claims__source": "undeclared"},
        purpose="research",
        says="`research` needs the source",
    ),
    *rows(
        "PUR-015",
        LOOKS,
        {"account__operator_trained": False},
        purpose="needs-training",
        says="operator `guy`",
    ),
    *rows(
        "PUR-015",
        ("search", "compare"),
        {"account__operator_trained": False},
        purpose="investigative-lead",
        says="operator `guy`",
    ),
    *rows(
        "PUR-016",
        LOOKS,
        {"claims__age": "unknown"},
        purpose="access-control",
        says="`access-control` is not for minors and needs to know",
    ),
    *rows(
        "PUR-016",
        ("search", "compare"),
        {"claims__age": "unknown"},
        purpose="investigative-lead",
        says="AgeAttestation `adult`",
    ),
    *rows(
        "PUR-017",
        ("purposed",),
        {"own_purpose": "plain"},
        purpose="research",
        says="the purpose `plain` makes neither keys nor sessions for `research`, which is of elevated risk",
    ),
    *rows(
        "PUR-017",
        ("purposed",),
        {"own_purpose": "identity-verification"},
        {"own_purpose": "withdrawn"},
        purpose="investigative-lead",
        says="for `investigative-lead`, which is of high risk",
    ),
    # charters
    *rows(
        "CHA-001",
        ("chartering",),
        {"charter__purposes": ("budgeted", "plain")},
        {"account__purposes": frozenset({"budgeted"})},
    ),
    *rows(
        "CHA-002",
        ("chartering",),
        {"charter__face_cap": 200_001},
        {"charter__retention_days": 91},
        {"charter__retention_days": None},
        {"charter__minors_allowed": True},
        purpose="event-photos",
        says="at most 200000 faces, at most 90 days",
    ),
    *rows(
        "CHA-002",
        ("chartering",),
        {"charter__face_cap": 200_001},
        {"charter__retention_days": 91},
        {"charter__minors_allowed": True},
        purpose="development",
        given={"account__purposes": BOTH, "charter": FOR_BOTH},
        says="at most 200000 faces, at most 90 days",
    ),
    *rows(
        "CHA-003",
        ("chartering",),
        {"charter__purposes": ("budgeted",)},
        given={"account__purposes": frozenset({"plain", "budgeted"})},
        says="`plain`",
    ),
    *rows("CHA-004", ("chartering",), {"charter__kind": "consented"}, purpose="missing-persons"),
    *rows(
        "CHA-004",
        ("chartering",),
        {"charter__kind": "consented"},
        given={
            "account__purposes": frozenset({"plain", "fraud-prevention"}),
            "charter": dataclasses.replace(
                FOR_BOTH, purposes=("plain", "fraud-prevention"), face_cap=9, kind="enrolled"
            ),
        },
    ),
    *rows(
        "CAP-001",
        ("enrol",),
        {"resource__face_count": 1000},
        purpose="accessibility",
        says="it has 1000 faces, and its charter allows 1000",
    ),
    *rows(
        "CAP-001",
        ("enrol",),
        {"resource__charter__face_cap": 10, "resource__face_count": 12},
        purpose="accessibility",
        says="it has 12 faces, and its charter allows 10",
    ),
    *rows("CAP-002", (*IN_COLLECTIONS, "associate"), {"resource__charter__legal_basis": ""}),
    *rows(
        "CAP-002", ("compare",), {"resource__charter__legal_basis": ""}, given=with_who_is_enrolled("plain")
    ),
    *rows(
        "RET-000",
        ("compare",),
        {"resource__charter__retention_days": 1096},
        {"resource__charter__retention_days": None},
        purpose="access-control",
        given=with_who_is_enrolled("access-control"),
        says="RetentionDays <= ",
    ),
    *rows(
        "RET-000",
        IN_COLLECTIONS,
        {"resource__charter__retention_days": 91},
        {"resource__charter__retention_days": None},
        purpose="event-photos",
        says="RetentionDays <= 90",
    ),
    # people and photos
    *rows("MIN-001", ("enrol",), {"claims__age": "unknown"}, purpose="event-photos", says="(age: unknown)"),
    *rows("MIN-001", ("enrol",), A_MINOR, purpose="event-photos", says="(age: minor)"),
    *rows(
        "MIN-001",
        ("enrol",),
        A_MINOR,
        {"claims__age": "unknown"},
        purpose="event-photos",
        given={"resource__charter__minors_allowed": True},
    ),
    *rows(
        "MIN-001",
        ("enrol",),
        A_MINOR,
        {"claims__age": "unknown"},
        given={"resource__charter__minors_allowed": False, "claims__age": "adult"},
    ),
    *rows("MIN-002", ("search", "stream"), A_MINOR, purpose="event-photos"),
    *rows("MIN-002", ("compare",), A_MINOR, purpose="access-control"),
    *rows("SRC-001", FACE, {"claims__source": "scraped"}),
    *rows("SRC-002", FACE, {"claims__source": "bodycam"}),
    *rows(
        "LIVE-001",
        ("search", "stream"),
        {"resource__charter__kind": "enrolled"},
        {"resource__charter__kind": "watch_list"},
        {"resource__charter__kind": "reference"},
        {"resource": Resource("Account", OURS, OURS)},
        given={"claims__live": True},
    ),
    *rows("LIVE-001", ("stream",), {"resource__charter__kind": "reference"}),
    *rows(
        "LIVE-001",
        ("compare",),
        with_who_is_enrolled("plain", kind="watch_list"),
        with_who_is_enrolled("plain", kind="reference"),
        given=with_who_is_enrolled("plain", kind="enrolled") | {"claims__live": True},
    ),
    *rows(
        "LIVE-001",
        ("compare",),
        with_who_is_enrolled("plain", kind="watch_list"),
        given=with_who_is_enrolled("plain") | {"claims__live": True},
    ),
    *rows(
        "LIVE-001",
        ("compare",),
        with_who_is_enrolled("plain", kind="watch_list"),
        given={"claims__live": True},
    ),
    *rows(
        "LIVE-001",
        ("compare",),
        {"claims__live": True},
        given=with_who_is_enrolled("plain", kind="watch_list"),
    ),
    *rows("LIVE-001", ("search",), {"claims__live": True}, purpose="access-control"),
    *rows("LIVE-002", LOOKS, *FOR_POLICE, given={"claims__live": True}),
    *rows(
        "LIVE-002",
        ("search", "compare"),
        {"claims__live": True},
        given={"account__profile": "law_enforcement"},
    ),
    *rows("LIVE-002", ("compare",), {"claims__live": True}, given=FOR_POLICE[1]),
    *rows("LIVE-002", ("stream",), {"account__profile": "law_enforcement"}),
    # models
    *gated("GATE-001", MATCHES, {"model__evaluated": NOT_EVALUATED}, says="there is none of it"),
    *gated(
        "GATE-001",
        ("search", "compare", "enrol"),
        {"model__evaluated": NOT_EVALUATED},
        purpose="fraud-prevention",
        says="(`countenance evaluate`)",
    ),
    *gated("GATE-001", ("compare",), ended("withdrawn"), says="the one that there was is withdrawn"),
    *gated("GATE-001", ("compare",), ended("revoked"), says="by an evaluator who is trusted no more"),
    *gated("GATE-001", ("compare",), ended("damaged"), says="not what its evaluator signed"),
    *gated("GATE-003", MATCHES, ended("expired"), says="has expired"),
    *gated("GATE-004", MATCHES, ended("other", "pipeline"), says="of another pipeline"),
    *gated(
        "GATE-004",
        ("search",),
        ended("other", "pack", "calibration"),
        says="another pack and another calibration",
    ),
    *gated("GATE-005", MATCHES, {"model__evaluated__decides__groups": 1}, says="the one that decides has 1"),
    *gated(
        "GATE-006",
        MATCHES,
        {"model__evaluated__decides__worst_group_tpr_bp": 9799},
        {"model__evaluated__decides__worst_group_tpr_bp": None},
        says="at least 98 %",
    ),
    *gated(
        "GATE-007",
        MATCHES,
        {"model__evaluated__decides__worst_group_fmr_ppm": 101},
        {"model__evaluated__decides__worst_group_fmr_ppm": None},
        says="at most 0.0001",
    ),
    *gated(
        "GATE-008",
        MATCHES,
        {"model__evaluated__decides__worst_group_fpir_ppm": 1001},
        {"model__evaluated__decides__worst_group_fpir_ppm": None},
        says="at most 0.001",
    ),
    *gated(
        "GATE-009",
        ("search", "stream", "enrol"),
        {"model__evaluated__decides__gallery": 899},
        says="evaluated for the purpose `needs-gate` in a gallery of 899: that is enough for 998",
    ),
    *gated("GATE-009", ("search", "stream", "enrol"), {"gallery": 1001}, says="1001 faces"),
    *gated("GATE-009", ("search",), {"gallery": None}, {"model__evaluated__decides__gallery": None}),
    *rows("GATE-002", FACE, {"model__use": "research"}, says="model 1.0's weights does not allow"),
    *rows("GATE-002", FACE, {"model__use": "unstated"}, says="(unstated)"),
    *rows("GATE-002", FACE, {"model": None}, says="the model's weights"),
    # duties that nobody discharges
    *under("OBL-REVIEW", ("search", "stream"), "needs-review"),
    *under("OBL-REVIEW-COMPARE", ("compare",), "needs-review"),
    *under(
        "OBL-REVIEW-COMPARE",
        ("compare",),
        "fraud-prevention",
        account__profile="business",
        **EVALUATED,
    ),
    *under(
        "OBL-REVIEW-COMPARE",
        ("compare",),
        "investigative-lead",
        account__profile="law_enforcement",
        account__operator_trained=True,
        claims__case="C-1",
        case_open=True,
        **EVALUATED,
    ),
    *under("OBL-FPIR", ("search", "stream"), "budgeted"),
    *rows(
        "OBL-ATTEST",
        FACE,
        {"claims__consent": "F-1"},
        {"claims__source": "own_camera"},
        {"claims__age": "adult"},
        {"claims__authorization": "W-1"},
        {"claims__live": True},
        {"claims__exigent": True},
        {"claims__offence_facts": True},
        {"claims__probable_cause": True},
    ),
]
"""Every forbid and every duty."""

CALLS_THAT_ONE_PERMIT_ALLOWS: dict[str, tuple[str, Mapping[str, Any], Mapping[str, Any]]] = {
    "CORE-001": ("search", {}, {"operation": "StartFaceSearch"}),
    "CORE-003": (
        "dueProcess",
        {"account__standing": "suspended"},
        {"resource": Resource("Collection", "staff", OURS)},
    ),
}
"""By permit: a call that it alone allows, and what makes it one that nothing allows."""

OPEN_IN_SPITE_OF: list[Row] = [
    *(row for role, kinds in ROLES.items() for row in rows("ROL-001", kinds, {"roles": frozenset({role})})),
    *rows("EXA-005", ("supervise",), {"roles": None, "officer": True}),
    *rows("CASE-001", ("search", "compare"), {"claims__case": "C-1"}),
    *rows("AUP-001", (*ALWAYS_OPEN, "testing"), {"account__terms_accepted": False}),
    *rows("TEST-001", ("testing",), {"account__tester": True}),
    *rows("AUP-002", ALWAYS_OPEN, *standings("suspended")),
    *rows("AUP-003", ALWAYS_OPEN, *standings("terminated")),
    *rows("AUP-005", ALWAYS_OPEN, *standings("pending")),
    *rows("AUP-006", ALWAYS_OPEN, {"account__profile": "immigration_enforcement"}),
    *rows(
        "AUP-006",
        (*ALWAYS_OPEN, *SAYS_FOR_WHOM),
        {"account__serves": frozenset({"immigration_enforcement"})},
    ),
    *rows("AUP-007", (*ALWAYS_OPEN, *SAYS_FOR_WHOM), {"account__beneficiary_barred": True}),
    *rows(
        "PUR-009",
        ("requesting",),
        {"account__serves": frozenset({"business", "identity_proofing"})},
        purpose="photo-library",
    ),
]
"""What a rule lets pass on purpose."""


def named(row: Row) -> str:
    """Not in the order of a set's hashes: workers that run the tests together must name them alike."""
    told = {
        name: sorted(value) if isinstance(value, frozenset) else value for name, value in row.broken.items()
    }
    ways = ",".join(f"{name}={str(value)[:20]}" for name, value in told.items())
    return f"{row.rule}-{row.kind}-{row.purpose}-{ways}"


@pytest.fixture(scope="module")
def table_engine(operations) -> PolicyEngine:
    """Discharges every duty, so that the forbids are seen alone."""
    return PolicyEngine(
        CORE, schema_for(operations), obligations=DUTIES, purposes=CATALOGUE, discharges=DISCHARGED
    )


@pytest.fixture(scope="module")
def engines(table_engine) -> Mapping[str, PolicyEngine]:
    """By duty: the engine of a service that can do everything but discharge it."""
    return {
        rule_id: _with(table_engine, _discharges=DISCHARGED - {duty.obligation})
        for rule_id, duty in table_engine.duties.items()
    }


def _with(engine: PolicyEngine, **parts: Any) -> PolicyEngine:
    """The same parsed engine with some parts exchanged: parsing all of it takes a hundred times as long."""
    other = copy.copy(engine)
    for name, part in parts.items():
        setattr(other, name, part)
    return other


@pytest.mark.parametrize("row", TABLE, ids=named)
def test_a_step_over_the_edge_breaks_that_rule_alone_and_says_how_to_mend_it(
    row: Row, table_engine, engines, lawful, changed
):
    """Who is refused must learn which rule it was, by how much, and what to do; nobody else is refused."""
    engine = engines.get(row.rule, table_engine)
    fine, broken = row.calls(lawful, changed)
    before = engine.decide(fine)
    assert before.errors == ()
    if row.kind == "stream":  # nothing permits it: what can be told is that no rule is broken
        assert before.rule_ids == ()
    else:
        assert before.decision is Decision.ALLOW, before.message

    verdict = engine.decide(broken)
    rule = RULES[row.rule]
    assert (verdict.decision, verdict.rule_ids, verdict.errors) == (Decision.DENY, (row.rule,), ())
    assert [told.rule_id for told in verdict.broken] == [row.rule]
    assert verdict.message.startswith(f"{row.rule}: ")
    assert _filled(rule.message).search(verdict.message)
    assert rule.remedy == "" or _filled(rule.remedy).search(verdict.message)
    assert rule.remedy or "cannot discharge it yet" in verdict.message
    assert rule.cite in verdict.message
    assert row.says in verdict.message
    assert not re.search(r"[?{}]", verdict.message)


def _filled(template: str) -> re.Pattern[str]:
    return re.compile(r"[^{}?]+".join(re.escape(part) for part in re.split(r"\{\w+\}", template)))


@pytest.mark.parametrize("rule_id", sorted(CALLS_THAT_ONE_PERMIT_ALLOWS))
def test_what_a_permit_allows_nothing_else_does(rule_id: str, table_engine, lawful, changed):
    """Default deny: a call that no permit is about is refused though it breaks no rule."""
    kind, given, otherwise = CALLS_THAT_ONE_PERMIT_ALLOWS[rule_id]
    allowed = lawful(ONE_OF_A_KIND[kind], CATALOGUE["plain"], **given)
    verdict = table_engine.decide(allowed)
    assert (verdict.decision, verdict.rule_ids, verdict.message) == (Decision.ALLOW, (rule_id,), "")

    refused = table_engine.decide(changed(allowed, **otherwise))
    assert (refused.decision, refused.rule_ids, refused.errors) == (Decision.DENY, (), ())
    assert refused.message.startswith("no rule allows `")


@pytest.mark.parametrize("row", OPEN_IN_SPITE_OF, ids=named)
def test_terms_and_due_process_stay_open(row: Row, table_engine, lawful, changed):
    """Whoever is shut out must be able to read why, to appeal, and to take its own record along."""
    for operation in GROUPS[row.kind]:
        verdict = table_engine.decide(lawful(operation, CATALOGUE["plain"], **row.broken))
        assert verdict.decision is Decision.ALLOW, verdict.message


def test_the_table_has_every_rule_and_every_kind_of_action_that_a_rule_is_about():
    """A rule without a row is a rule that nobody would miss; so is an action in a rule."""
    covered: dict[str, set[str]] = {}
    for row in (*TABLE, *OPEN_IN_SPITE_OF):
        covered.setdefault(row.rule, set()).add(row.kind)
    assert covered.keys() | CALLS_THAT_ONE_PERMIT_ALLOWS.keys() == RULES.keys()
    assert not covered.keys() & CALLS_THAT_ONE_PERMIT_ALLOWS.keys()
    for rule_id, kinds in covered.items():
        scope = _parsed(rule_id)["action"]
        about = (
            set(ONE_OF_A_KIND)
            if scope["op"] == "All"
            else {kind for name in _actions(scope) for kind in PARENTS.get(name, (name,))}
        )
        assert about == kinds, rule_id


def test_the_kinds_of_the_table_are_those_that_there_are():
    """A new kind of action must be put to every rule that speaks of all of them."""
    assert ONE_OF_A_KIND.keys() == GROUPS.keys()
    for kind, operation in ONE_OF_A_KIND.items():
        assert operation in GROUPS[kind]


@pytest.mark.parametrize("rule_id", sorted(RULES))
def test_without_the_rule_some_row_comes_out_differently(
    rule_id: str, table_engine, engines, lawful, changed
):
    """The table would notice if the rule were gone: not one row of it passes by accident."""
    engine = engines.get(rule_id, table_engine)
    rest = [rule.text for rule in read_rules(CORE) if rule.rule_id != rule_id]
    duties = [rule.text for rule in read_rules(DUTIES) if rule.rule_id != rule_id]
    core = cedarpy.PolicySet.from_str("\n".join(rest))
    without = _with(
        engine,
        _policies=core,
        _core=core,
        _duties=cedarpy.PolicySet.from_str("\n".join(duties)),
    )
    if rule_id in CALLS_THAT_ONE_PERMIT_ALLOWS:
        kind, given, _ = CALLS_THAT_ONE_PERMIT_ALLOWS[rule_id]
        verdict = without.decide(lawful(ONE_OF_A_KIND[kind], CATALOGUE["plain"], **given))
        assert (verdict.decision, verdict.errors) == (Decision.DENY, ())
        return
    verdicts = [
        without.decide(row.calls(lawful, changed)[1])
        for row in TABLE
        if row.rule == rule_id and row.kind != "stream"
    ]
    assert verdicts
    assert all(verdict.errors == () and rule_id not in verdict.rule_ids for verdict in verdicts)
    if rule_id != "CORE-002":  # that one gives a name to what no permit allows anyhow
        assert any(verdict.decision is Decision.ALLOW for verdict in verdicts)


# ---- Parts of rules


SAME_AS_WHOLE: Mapping[str, tuple[str, ...]] = {
    # an account equals nothing but an account
    "CORE-001": ("only (principal.account == resource)",),
    "CORE-002": ("only (principal.account == resource)",),
    "CORE-003": ("only (principal.account == resource)",),
    # the purpose is looked up by its name: who has it has the name
    "PUR-003": ("only (context has purpose)",),
    "COR-001": ("only (context has purpose)",),
    # as above
    "PUR-017": ("only (context has purpose)",),
    # that a collection is too large is found of searches and enrolments alone
    "GATE-009": ("any action",),
    # always false, until there is presentation-attack detection
    "PUR-013": ('only ((context has purpose) && (context.purpose.requires.contains("liveness")))',),
}
"""What may be left out of a rule, because no call can tell; by rule."""


@pytest.fixture(scope="module")
def questions(table_engine, lawful, changed) -> Mapping[str, list[Any]]:
    """Every call of this module as Cedar is asked it, by the rule that it was written for; "" for none."""
    found: dict[str, list[AccessRequest]] = {"": []}
    for row in (*TABLE, *OPEN_IN_SPITE_OF):
        found.setdefault(row.rule, []).extend(row.calls(lawful, changed))
    for rule_id, (kind, given, otherwise) in CALLS_THAT_ONE_PERMIT_ALLOWS.items():
        call = lawful(ONE_OF_A_KIND[kind], CATALOGUE["plain"], **given)
        found.setdefault(rule_id, []).extend([call, changed(call, **otherwise)])
    for row in TABLE:
        found[row.rule].extend(_elsewhere(row, lawful, changed))
    for operation, purpose, changes, *_ in (*NOTHING_SAID.values(), *LAWFUL.values(), *NOTHING_THERE):
        call = lawful(operation, purpose, **changes)
        found[""].extend([call, changed(call, account__purposes=frozenset())])
    return {rule_id: [table_engine._question(call) for call in calls] for rule_id, calls in found.items()}


@pytest.mark.parametrize("rule_id", sorted(RULES))
def test_whatever_is_taken_out_of_a_rule_is_missed(rule_id: str, questions):
    """A condition that no call is about could be lost in an edit, and nobody would know."""
    calls = [
        *questions[rule_id],
        *(call for other, many in questions.items() if other != rule_id for call in many),
    ]
    whole = _parsed(rule_id)
    policy = _policy_of(whole)
    expected: list[tuple[bool, bool]] = []

    def missed(mutant: dict[str, Any]) -> bool:
        other = _policy_of(mutant)
        for number, call in enumerate(calls):
            if number == len(expected):
                expected.append(_fires(policy, call))
            if _fires(other, call) != expected[number]:
                return True
        return False

    kept = tuple(what for what, mutant in _mutants(whole) if not missed(mutant))
    assert kept == SAME_AS_WHOLE.get(rule_id, ())


@pytest.mark.parametrize("rule_id", sorted(RULES))
def test_a_rule_is_about_its_kinds_of_action_and_no_others(
    rule_id: str, table_engine, engines, lawful, changed
):
    """A collection without a legal basis can still be deleted, and a restricted account read what it owns."""
    engine = engines.get(rule_id, table_engine)
    for row in (row for row in TABLE if row.rule == rule_id):
        for call in _elsewhere(row, lawful, changed):
            assert rule_id not in engine.decide(call).rule_ids


def _elsewhere(row: Row, lawful, changed) -> Iterator[AccessRequest]:
    """The call that breaks a rule, as a call of each kind that the rule is not about."""
    scope = _parsed(row.rule)["action"]
    if scope["op"] == "All":
        return
    about = {kind for name in _actions(scope) for kind in PARENTS.get(name, (name,))}
    _, broken = row.calls(lawful, changed)
    for kind in ONE_OF_A_KIND.keys() - about:
        there = lawful(ONE_OF_A_KIND[kind])
        yield changed(broken, service=there.service, operation=there.operation)


def _fires(policy: cedarpy.PolicySet, call: Any) -> tuple[bool, bool]:
    question, entities = call
    answer = cedarpy.is_authorized(question, policy, entities)
    return bool(answer.diagnostics.reasons), bool(answer.diagnostics.errors)


def _parsed(rule_id: str) -> dict[str, Any]:
    return next(
        iter(json.loads(cedarpy.policies_to_json_str(RULES[rule_id].text))["staticPolicies"].values())
    )


def _policy_of(policy: dict[str, Any]) -> cedarpy.PolicySet:
    return cedarpy.PolicySet.from_json_str(
        json.dumps({"staticPolicies": {"policy0": policy}, "templates": {}, "templateLinks": []})
    )


def _actions(scope: dict[str, Any]) -> list[str]:
    return [entity["id"] for entity in scope.get("entities", [scope.get("entity")])]


def _mutants(policy: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The policy with one thing left out or turned round."""
    actions = policy["action"].get("entities", [])
    for number, action in enumerate(actions):
        kept = {"op": "in", "entities": [*actions[:number], *actions[number + 1 :]]}
        yield f"without {action['id']}", policy | {"action": kept}
    if policy["action"]["op"] != "All":
        yield "any action", policy | {"action": {"op": "All"}}
    for part in ("principal", "resource"):
        if policy[part]["op"] != "All":
            yield f"any {part}", policy | {part: {"op": "All"}}
    for number, condition in enumerate(policy["conditions"]):
        others = policy["conditions"][:number], policy["conditions"][number + 1 :]
        yield f"without `{condition['kind']}`", policy | {"conditions": [*others[0], *others[1]]}
        for what, body in _changed_bodies(condition["body"]):
            yield what, policy | {"conditions": [*others[0], condition | {"body": body}, *others[1]]}


_TURNED = {"&&": "||", "||": "&&", ">=": ">", "<=": "<", ">": ">=", "<": "<=", "==": "!=", "!=": "=="}


def _changed_bodies(body: Any) -> Iterator[tuple[str, Any]]:
    """An expression with one operand left out, one comparison or conjunction turned, or one `!` dropped."""
    if isinstance(body, list):
        for number, part in enumerate(body):
            yield f"without {_shown(part)}", [*body[:number], *body[number + 1 :]]
            for what, inner in _changed_bodies(part):
                yield what, [*body[:number], inner, *body[number + 1 :]]
        return
    if not isinstance(body, dict):
        return
    for operator, operands in body.items():
        if operator in _TURNED:
            yield f"{operator} turned in {_shown(body)}", {_TURNED[operator]: operands}
        if operator in {"&&", "||"}:
            yield f"only {_shown(operands['left'])}", operands["left"]
            yield f"only {_shown(operands['right'])}", operands["right"]
        if operator == "!":
            yield f"not ! in {_shown(body)}", operands["arg"]
        if operator in {"Value", "Var"} or not isinstance(operands, dict | list):
            continue
        if isinstance(operands, list):
            for what, inner in _changed_bodies(operands):
                yield what, {operator: inner}
            continue
        for name, operand in operands.items():
            for what, inner in _changed_bodies(operand):
                yield what, {operator: operands | {name: inner}}


def _shown(body: Any) -> str:
    """An expression in few words."""
    ((operator, operands),) = body.items()
    if operator == "Var":
        return operands
    if operator == "Value":
        entity = operands.get("__entity") if isinstance(operands, dict) else None
        return f'{entity["type"]}::"{entity["id"]}"' if entity else json.dumps(operands)
    if operator == "Set":
        return f"[{', '.join(map(_shown, operands))}]"
    if operator == "!":
        return f"!{_shown(operands['arg'])}"
    if operator == ".":
        return f"{_shown(operands['left'])}.{operands['attr']}"
    if operator in {"contains", "containsAll"}:
        return f"({_shown(operands['left'])}.{operator}({_shown(operands['right'])}))"
    right = operands.get("attr") or operands.get("entity_type") or _shown(operands["right"])
    return f"({_shown(operands['left'])} {operator} {right})"


# ---- What is not said is refused


NO_CHARTER = {"resource__charter": None}
NOTHING_THERE = [
    *(
        (operation, "event-photos", {"resource": Resource("Account", OURS, OURS)})
        for operation in ("SearchFacesByImage", "IndexFaces")
    ),
    ("AssociateFaces", "development", {"resource": Resource("Account", OURS, OURS)}),
    ("CreateCollection", "development", {"charter": None}),
]
"""A collection that does not exist, as the gateway tells it, and a charter that nobody asks for."""
UNCATALOGUED = {
    "purpose": "withdrawn",
    "account__purposes": frozenset({"withdrawn"}),
}
NOTHING_SAID: dict[str, tuple[str, Any, Mapping[str, Any], set[str]]] = {
    "a search says no threshold": ("SearchFaces", "photo-library", {"threshold": None}, {"PUR-005"}),
    "a comparison says no threshold": ("CompareFaces", "photo-library", {"threshold": None}, {"PUR-005"}),
    "a search says no threshold where the least is 0": (
        "SearchFaces",
        "development",
        {"threshold": None},
        {"PUR-005"},
    ),
    "an association says no threshold": ("AssociateFaces", "photo-library", {"threshold": None}, {"PUR-005"}),
    "an association says no threshold where the least is 0": (
        "AssociateFaces",
        "development",
        {"threshold": None},
        {"PUR-005"},
    ),
    "an association is left to Amazon's default, and the purpose needs more": (
        "AssociateFaces",
        "accessibility",
        {"threshold": 75.0, "claims__consent": None},
        {"PUR-005", "PUR-010"},
    ),
    "a search says no number of candidates": (
        "SearchUsers",
        "photo-library",
        {"candidates": None},
        {"PUR-006"},
    ),
    "a search has no purpose": ("SearchFaces", None, {}, {"PUR-002", "PUR-003"}),
    "an enrolment has no purpose": ("IndexFaces", None, {}, {"PUR-002", "PUR-003", "MIN-001"}),
    "an association has no purpose": ("AssociateFaces", None, {}, {"PUR-002", "PUR-003"}),
    "a comparison has no purpose": ("CompareFaces", None, {}, {"PUR-003"}),
    "an analysis has no purpose": ("DetectFaces", None, {}, {"PUR-003"}),
    "a collection is made without a purpose": ("CreateCollection", None, {}, {"PUR-003"}),
    "a purpose is not in the catalogue": ("CompareFaces", "development", UNCATALOGUED, {"PUR-003"}),
    "a search's purpose is not in the catalogue": (
        "SearchFaces",
        "development",
        UNCATALOGUED | {"resource__charter__purposes": ("withdrawn",)},
        {"PUR-003"},
    ),
    "a purpose is in the catalogue by another spelling": (
        "DetectFaces",
        "development",
        {"purpose": "Development", "account__purposes": frozenset({"development"})},
        {"PUR-001", "PUR-003"},
    ),
    "a key is asked for without its purpose being approved": (
        "CreateAccessKey",
        "development",
        {"account__purposes": frozenset()},
        {"PUR-001"},
    ),
    "a key is asked for a purpose that is not in the catalogue": (
        "CreateAccessKey",
        "development",
        {"purpose": "withdrawn"},
        {"PUR-001"},
    ),
    "an association is in a collection without a charter": (
        "AssociateFaces",
        "development",
        NO_CHARTER,
        {"PUR-002", "CAP-002"},
    ),
    "a search is in a collection without a charter": (
        "SearchFaces",
        "development",
        NO_CHARTER,
        {"PUR-002", "CAP-002"},
    ),
    "an enrolment is in a collection without a charter": (
        "IndexFaces",
        "development",
        NO_CHARTER,
        {"PUR-002", "CAP-001", "CAP-002", "MIN-001"},
    ),
    "an enrolment in a collection without a charter is of nobody's age": (
        "IndexFaces",
        "event-photos",
        NO_CHARTER | {"claims__age": "unknown"},
        {"PUR-002", "CAP-001", "CAP-002", "MIN-001", "RET-000"},
    ),
    "a live search is in a collection without a charter": (
        "SearchFaces",
        "development",
        NO_CHARTER | {"claims__live": True},
        {"PUR-002", "CAP-002", "LIVE-001"},
    ),
    "retention is not set, and the purpose has a limit": (
        "IndexFaces",
        "accessibility",
        {"resource__charter__retention_days": None},
        {"RET-000"},
    ),
    "a collection is to be made without retention": (
        "CreateCollection",
        "accessibility",
        {"charter__retention_days": None},
        {"CHA-002"},
    ),
    "a collection is to be made for nothing": (
        "CreateCollection",
        "development",
        {"charter__purposes": ()},
        {"CHA-002", "CHA-003", "CHA-004"},
    ),
    "a collection is to be made for a purpose that is not in the catalogue": (
        "CreateCollection",
        "development",
        {
            "charter__purposes": ("development", "withdrawn"),
            "account__purposes": frozenset({"development", "withdrawn"}),
        },
        {"CHA-002", "CHA-004"},
    ),
    "there is no model": ("DetectFaces", "photo-library", {"model": None}, {"GATE-002"}),
    "there is no model, and the purpose needs an evaluated one": (
        "CompareFaces",
        "fraud-prevention",
        {"model": None},
        {"GATE-001", "GATE-002"},
    ),
    "a model's licence is not stated": (
        "DetectFaces",
        "photo-library",
        {"model__use": "unstated"},
        {"GATE-002"},
    ),
    "an enrolment does not say how old the person is": (
        "IndexFaces",
        "event-photos",
        {"claims__age": "unknown"},
        {"MIN-001"},
    ),
    "a search does not say how old the person is": (
        "SearchFacesByImage",
        "event-photos",
        {"claims__age": "unknown"},
        {"PUR-016"},
    ),
    "a comparison does not say how old the person is": (
        "CompareFaces",
        "access-control",
        {"claims__age": "unknown"},
        {"PUR-016"},
    ),
    "a comparison says nothing of what a lead needs": (
        "CompareFaces",
        "investigative-lead",
        {"claims": Claims(), "account__operator_trained": False, "threshold": 80.0},
        {"PUR-005", "PUR-011", "PUR-014", "PUR-015", "PUR-016"},
    ),
    "a source is not declared": (
        "IndexFaces",
        "missing-persons",
        {"claims__source": "undeclared"},
        {"PUR-014"},
    ),
    "consent is not referred to": ("IndexFaces", "accessibility", {"claims__consent": None}, {"PUR-010"}),
    "police compare without a purpose": (
        "CompareFaces",
        None,
        {"account__profile": "law_enforcement", "claims__age": "minor"},
        {"PUR-003"},
    ),
    "nothing at all is said": (
        "IndexFaces",
        None,
        NO_CHARTER | {"model": None, "account__purposes": frozenset(), "claims__age": "unknown"},
        {"PUR-002", "PUR-003", "CAP-001", "CAP-002", "MIN-001"},
    ),
}


LAW = {"account__profile": "law_enforcement"}
FOR_LAW = {"account__profile": "public_body", "account__serves": frozenset({"law_enforcement"})}
RESTRICTED = {"account__standing": "restricted", "account__effective_standing": "restricted"}
LAWFUL: dict[str, tuple[str, Any, Mapping[str, Any]]] = {
    "development with weights for research only": ("DetectFaces", "development", {"model__use": "research"}),
    "research with weights of an unstated licence": ("IndexFaces", "research", {"model__use": "unstated"}),
    "a minor in the photos of a family": ("SearchFaces", "photo-library", A_MINOR),
    "a minor enrolled where the charter has minors": ("IndexFaces", "photo-library", A_MINOR),
    "a comparison by police that finds a missing person": ("CompareFaces", "missing-persons", LAW),
    "a comparison for police by whom it takes to do it": ("CompareFaces", "missing-persons", FOR_LAW),
    "a live comparison by who acts for no police": (
        "CompareFaces",
        "accessibility",
        {"claims__live": True, "account__serves": frozenset({"business", "research"})},
    ),
    "a search for a missing person of whatever age": (
        "SearchFacesByImage",
        "missing-persons",
        {"claims__age": "unknown"},
    ),
    "a key without a purpose makes one for a purpose of high risk": (
        "CreateAccessKey",
        "investigative-lead",
        {"own_purpose": None},
    ),
    "a key for a purpose makes another one for it": ("CreateAccessKey", "fraud-prevention", {}),
    "a key for a purpose of high risk makes one for a purpose of low risk": (
        "CreateAccessKey",
        "photo-library",
        {"own_purpose": "fraud-prevention"},
    ),
    "an officer's key for one purpose makes a key for another one": (
        "CreateAccessKey",
        "investigative-lead",
        {"own_purpose": "development", "officer": True},
    ),
    "a live search among people who agreed": ("SearchFacesByImage", "accessibility", {"claims__live": True}),
    "good accounts on both sides": (
        "SearchFaces",
        "development",
        {"account__parents": (ABOVE,), "account__upstream": (Upstream(ABOVE, "good"),)},
    ),
    "an account upstream that is restricted": (
        "SearchFaces",
        "development",
        {"account__parents": (ABOVE,), "account__upstream": (Upstream(ABOVE, "restricted"),)},
    ),
    "a restricted account deletes what it has": (
        "DeleteFaces",
        "development",
        RESTRICTED,
    ),
    "a threshold and a number of candidates with room to spare": (
        "SearchFaces",
        "photo-library",
        {"threshold": 99.9, "candidates": 1},
    ),
    "a charter that is narrower than its purpose": (
        "CreateCollection",
        "event-photos",
        {"charter__face_cap": 10, "charter__retention_days": 7},
    ),
}


@pytest.mark.parametrize("what", LAWFUL)
def test_what_no_rule_is_against_is_allowed(what: str, table_engine, lawful):
    """Rules that refuse the lawful as well are switched off by whoever has work to do."""
    operation, purpose, changes = LAWFUL[what]
    verdict = table_engine.decide(lawful(operation, purpose, **changes))
    assert (verdict.decision, verdict.message) == (Decision.ALLOW, "")


@pytest.mark.parametrize(("operation", "purpose", "changes"), NOTHING_THERE, ids=lambda told: str(told)[:20])
def test_what_is_not_there_breaks_no_charter(operation: str, purpose: str, changes, table_engine, lawful):
    """All else is judged, and the operation says that there is no such collection: that is no refusal."""
    call = lawful(operation, purpose, **changes)
    assert table_engine.decide(call).decision is Decision.ALLOW
    assert table_engine.decide(dataclasses.replace(call, purpose=None)).rule_ids == ("PUR-003",)


@pytest.mark.parametrize("what", NOTHING_SAID)
def test_what_is_not_said_is_refused(what: str, table_engine, lawful):
    """A forbid that compares what is absent would fail and be skipped: absence must refuse by itself."""
    operation, purpose, changes, expected = NOTHING_SAID[what]
    verdict = table_engine.decide(lawful(operation, purpose, **changes))
    assert (verdict.decision, set(verdict.rule_ids), verdict.errors) == (Decision.DENY, expected, ())
    assert not re.search(r"[?{}]", verdict.message)


# ---- A restriction


@pytest.mark.parametrize(
    "operation", [name for kind in ONE_OF_A_KIND if kind not in OF_RESTRICTED for name in GROUPS[kind]]
)
def test_a_restricted_account_may_do_what_moves_no_face(operation: str, engine, lawful):
    """AUP-004 says that it may neither search, compare, enrol, associate, correct nor look: it may delete."""
    verdict = engine.decide(lawful(operation, **RESTRICTED))
    assert verdict.decision is Decision.ALLOW, verdict.message


@pytest.mark.parametrize("operation", [name for kind in OF_RESTRICTED for name in GROUPS[kind]])
def test_a_restricted_account_moves_no_face(operation: str, engine, lawful):
    """Of every operation, of video as well: that nothing permits those is no reason not to say it."""
    verdict = engine.decide(lawful(operation, **RESTRICTED))
    assert (verdict.decision, verdict.errors) == (Decision.DENY, ())
    assert set(verdict.rule_ids) - {"PUR-004"} == {"AUP-004"}
