"""A call as policy sees it, in JSON: what `policy explain` reads, what packs' tests are written in, what
ExplainCall takes, and what a simulation makes of an entry of the log.

Every member but `operation` may be left out. Names that are not known are refused: a misspelt member would
otherwise explain another call than was meant.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, cast, get_args

from countenance.facts import (
    AGES,
    CHARTER_KINDS,
    PROFILES,
    RECORD_KINDS,
    SOURCES,
    AccountFacts,
    Charter,
    Claims,
    Evaluated,
    EvaluationFacts,
    EvaluationStanding,
    ModelFacts,
)
from countenance.policy.decision import AccessRequest, Resource
from countenance.policy.entities import to_bp
from countenance.policy.groups import ROLES, kinds_of
from countenance.policy.purposes import ATTRIBUTES
from countenance.types import AccountId

_ACCOUNT = AccountId("111122223333")
_STANDINGS = ("pending", "good", "restricted", "suspended", "terminated")
_THRESHOLDS = {"search": 80.0, "stream": 80.0, "compare": 80.0, "associate": 75.0}
_CANDIDATES = 4096
_FEWER_CANDIDATES = {"IdentifyFace": 3, "ReportCollisions": 10}
_IMPORTS, _OF_IMPORTS = "ImportFace", (99.0, 1)
_CALL = frozenset({
    "operation", "account", "operator", "officer", "purpose", "own_purpose", "claims", "threshold",
    "candidates", "attributes", "collection", "charter", "model", "calls_last_hour", "at", "roles",
    "case_open",
})  # fmt: skip
_ACCOUNT_MEMBERS = frozenset({
    "id", "standing", "effective_standing", "profile", "terms_accepted", "purposes", "records", "trained",
    "beneficiaries", "beneficiary_barred", "serves", "tester",
})  # fmt: skip
_CHARTER_MEMBERS = frozenset({
    "purposes", "kind", "legal_basis", "face_cap", "retention_days", "minors_allowed",
})  # fmt: skip
_EVALUATION_MEMBERS = frozenset({
    "standing", "differs", "independent", "groups", "smallest_group", "worst_group_tpr", "worst_group_fmr",
    "worst_group_fpir", "gallery", "age_days", "own_groups",
})  # fmt: skip
_CLAIMS = frozenset({
    "case", "source", "consent", "age", "live", "authorization", "exigent", "offence_facts",
    "probable_cause", "beneficiary",
})  # fmt: skip


def parse_call(told: Any) -> AccessRequest:
    """A call out of parsed JSON.

    Raises:
        ValueError: names the member that is unknown, missing or of another type.
    """
    members = _object(told, "the call", _CALL)
    service, operation = _operation(members)
    account = _account(members)
    collection = members.get("collection")
    resource = (
        Resource("Account", account.account_id, account.account_id)
        if collection is None
        else _collection(collection, account.account_id)
    )
    kinds = kinds_of(operation)
    threshold = next((least for kind, least in _THRESHOLDS.items() if kind in kinds), None)
    candidates = _CANDIDATES if kinds & {"search", "stream"} else None
    candidates = _FEWER_CANDIDATES.get(operation, candidates)
    if operation == _IMPORTS:
        threshold, candidates = _OF_IMPORTS
    return AccessRequest(
        account=account,
        access_key_id="AKIAEXPLAINEXPLAINEX",
        operator=_text(members, "operator", "operator"),
        officer=_flag(members, "officer"),
        service=service,
        operation=operation,
        resource=resource,
        purpose=_text(members, "purpose", None),
        own_purpose=_text(members, "own_purpose", None),
        claims=_claims(members.get("claims", {})),
        case_open=_flag(members, "case_open", default=True),  # of a call that is only supposed
        roles=_words(members, "roles", ROLES, "role") if "roles" in members else None,
        threshold=_percent(members, "threshold", threshold),
        candidates=_whole(members, "candidates", candidates),
        attributes=_attributes(members),
        charter=_charter(members["charter"], "charter") if "charter" in members else None,
        model=_model(members.get("model", {})),
        gallery=resource.face_count if resource.kind == "Collection" else None,
        calls_last_hour=_whole(members, "calls_last_hour", 0) or 0,
        now_s=_time(members),
    )


def _operation(members: Mapping[str, Any]) -> tuple[str, str]:
    text = members.get("operation")
    if not isinstance(text, str) or not text:
        raise ValueError("`operation` is missing: give it as `rekognition:SearchFacesByImage`")
    service, _, name = text.rpartition(":")
    return service or "rekognition", name


def _account(members: Mapping[str, Any]) -> AccountFacts:
    told = _object(members.get("account", {}), "account", _ACCOUNT_MEMBERS)
    standing = _one_of(told, "standing", _STANDINGS, "good")
    purpose = members.get("purpose")
    return AccountFacts(
        account_id=AccountId(_text(told, "id", _ACCOUNT)),
        standing=cast("Any", standing),
        effective_standing=cast("Any", _one_of(told, "effective_standing", _STANDINGS, standing)),
        profile=cast("Any", _one_of(told, "profile", PROFILES, "general")),
        terms_accepted=_flag(told, "terms_accepted", default=True),
        purposes=frozenset(_texts(told, "purposes", [purpose] if isinstance(purpose, str) else [])),
        records=_words(told, "records", RECORD_KINDS, "kind of record"),
        operator_trained=_flag(told, "trained"),
        beneficiaries=frozenset(map(AccountId, _texts(told, "beneficiaries", []))),
        beneficiary_barred=_flag(told, "beneficiary_barred"),
        serves=_words(told, "serves", PROFILES, "profile"),
        tester=_flag(told, "tester"),
    )


def _collection(told: Any, owner: AccountId) -> Resource:
    members = _object(told, "collection", _CHARTER_MEMBERS | {"id", "face_count"})
    written = {name: value for name, value in members.items() if name in _CHARTER_MEMBERS}
    return Resource(
        "Collection",
        _text(members, "id", "collection"),
        owner,
        charter=_charter(written, "collection") if written else None,
        face_count=_whole(members, "face_count", 0) or 0,
    )


def _charter(told: Any, where: str) -> Charter:
    members = _object(told, where, _CHARTER_MEMBERS)
    return Charter(
        purposes=tuple(_texts(members, "purposes", [])),
        kind=cast("Any", _one_of(members, "kind", CHARTER_KINDS, "consented")),
        legal_basis=_text(members, "legal_basis", "stated"),
        face_cap=_whole(members, "face_cap", 1000) or 0,
        retention_days=_whole(members, "retention_days", None),
        minors_allowed=_flag(members, "minors_allowed"),
    )


def _claims(told: Any) -> Claims:
    members = _object(told, "claims", _CLAIMS)
    return Claims(
        case=_text(members, "case", None),
        source=_one_of(members, "source", SOURCES, "undeclared"),
        consent=_text(members, "consent", None),
        age=_one_of(members, "age", AGES, "unknown"),
        live=_flag(members, "live"),
        authorization=_text(members, "authorization", None),
        exigent=_flag(members, "exigent"),
        offence_facts=_flag(members, "offence_facts"),
        probable_cause=_flag(members, "probable_cause"),
        beneficiary=_text(members, "beneficiary", None),
    )


def _model(told: Any) -> ModelFacts | None:
    if told is None:
        return None
    members = _object(told, "model", frozenset({"version", "use", "evaluation"}))
    return ModelFacts(
        _text(members, "version", "1.0"),
        _one_of(members, "use", ("any", "research", "unstated"), "any"),
        evaluated=_evaluated(members["evaluation"]) if "evaluation" in members else Evaluated(),
    )


def _evaluated(told: Any) -> Evaluated:
    """How the model stands: with one that counts, its figures at the call's threshold, percent and shares."""
    members = _object(told, "evaluation", _EVALUATION_MEMBERS)
    standing = cast("Any", _one_of(members, "standing", get_args(EvaluationStanding), "in_force"))
    differs = _words(members, "differs", ("pack", "calibration", "pipeline"), "part of a model")
    own_groups = _whole(members, "own_groups", 0) or 0
    if standing != "in_force":
        return Evaluated(standing=standing, differs=tuple(sorted(differs)))
    tpr = _percent(members, "worst_group_tpr", None)
    facts = EvaluationFacts(
        independent=_flag(members, "independent"),
        groups=_whole(members, "groups", 0) or 0,
        smallest_group=_whole(members, "smallest_group", 0) or 0,
        worst_group_tpr_bp=None if tpr is None else to_bp(tpr),
        worst_group_fmr_ppm=_ppm(members, "worst_group_fmr"),
        worst_group_fpir_ppm=_ppm(members, "worst_group_fpir"),
        gallery=_whole(members, "gallery", None),
        age_days=_whole(members, "age_days", 0) or 0,
    )
    return Evaluated(standing=standing, decides=facts, own_groups=own_groups)


def _ppm(members: Mapping[str, Any], name: str) -> int | None:
    """A share, in parts per million, rounded up."""
    value = _percent(members, name, None)
    if value is not None and value > 1:
        raise ValueError(f"`{name}` is `{value}`; it is a share, 0 to 1")
    return None if value is None else math.ceil(value * 1_000_000 - 1e-6)


def _attributes(members: Mapping[str, Any]) -> frozenset[str]:
    if "ALL" in _texts(members, "attributes", []):
        return frozenset(ATTRIBUTES)
    return _words(members, "attributes", (*ATTRIBUTES, "DEFAULT"), "attribute") - {"DEFAULT"}


def _time(members: Mapping[str, Any]) -> int:
    text = _text(members, "at", None)
    if text is None:
        return int(datetime.now(UTC).timestamp())
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("`at` is not a time: write it as `2026-11-26T12:00:00Z`") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _object(told: Any, where: str, known: frozenset[str]) -> Mapping[str, Any]:
    if not isinstance(told, dict):
        raise ValueError(f"{where} is not an object")  # noqa: TRY004  # of a file, not of a program
    unknown = told.keys() - known
    if unknown:
        raise ValueError(f"{where} has no member `{min(unknown)}`; it may have {', '.join(sorted(known))}")
    return told


def _text(members: Mapping[str, Any], name: str, default: Any) -> Any:
    value = members.get(name, default)
    if value is not default and not isinstance(value, str):
        raise ValueError(f"`{name}` is not a text")
    return value


def _texts(members: Mapping[str, Any], name: str, default: list[str]) -> list[str]:
    value = members.get(name, default)
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise ValueError(f"`{name}` is not a list of texts")
    return value


def _words(members: Mapping[str, Any], name: str, known: Collection[str], what: str) -> frozenset[str]:
    """Words of a closed list: a rule that asks for one would pass over a misspelt one."""
    told = frozenset(_texts(members, name, []))
    if unknown := told.difference(known):
        raise ValueError(f"`{name}` has `{min(unknown)}`, which is no {what}")
    return told


def _flag(members: Mapping[str, Any], name: str, *, default: bool = False) -> bool:
    value = members.get(name, default)
    if not isinstance(value, bool):
        raise ValueError(f"`{name}` is not true or false")  # noqa: TRY004
    return value


def _percent(members: Mapping[str, Any], name: str, default: float | None) -> float | None:
    value = members.get(name, default)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise ValueError(f"`{name}` is not a number")
    if value is not None and not 0 <= value <= 100:
        raise ValueError(f"`{name}` is `{value}`; it may be 0 to 100")
    return value


def _whole(members: Mapping[str, Any], name: str, default: int | None) -> int | None:
    value = members.get(name, default)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise ValueError(f"`{name}` is not a whole number")
    return value


def _one_of(members: Mapping[str, Any], name: str, known: tuple[str, ...], default: str) -> str:
    value = members.get(name, default)
    if value not in known:
        raise ValueError(f"`{name}` is `{value}`; it may be {', '.join(known)}")
    return str(value)
