"""The slice of the world that one decision sees, in Cedar's JSON form, and the proof that it is whole."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args

from countenance.facts import AGES, CHARTER_KINDS, PROFILES, SOURCES, Charter, Standing
from countenance.policy.decision import AccessRequest, Resource
from countenance.policy.gate import counts, covered_bp, missing
from countenance.policy.groups import ROLES, kinds_of
from countenance.policy.purposes import Purpose

_STANDINGS = get_args(Standing)
_ENUMERATED = frozenset({"Standing", "Profile"})
"""Types whose entities the schema itself lists: a slice need not hold them."""
_IN_GALLERIES = frozenset({"search", "stream", "enrol"})
_NO_CHARTER = {"purposes": [], "kind": "none", "faceCap": 0, "hasLegalBasis": False, "minorsAllowed": False}
"""Of a collection without a charter nothing may be assumed."""


class OpenSlice(Exception):
    """The slice refers to something that is not in it, so a rule about that would silently not apply."""


def uid(kind: str, identifier: str) -> dict[str, str]:
    """An entity's name."""
    return {"type": kind, "id": identifier}


def to_bp(percent: float) -> int:
    """Hundredths of a percent, rounded down, so that 98.999 is not taken for 99."""
    return math.floor(percent * 100 + 1e-6)


def slice_for(
    request: AccessRequest, *, packs: Iterable[str] = (), purpose: Purpose | None = None
) -> list[dict[str, Any]]:
    """Everything the rules may look at: caller, account and what is upstream, resource, purpose, model.

    Args:
        packs: those that bind the account in this call.
    """
    facts = request.account
    account = uid("Account", facts.account_id)
    packs = sorted(packs)
    found = [_entity(uid("Pack", pack)) for pack in packs]
    # The owner of another account's resource stands in the slice by its identity alone: no rule looks beyond.
    bare = {
        "standing": "none",
        "effectiveStanding": "none",
        "profile": "general",
        "termsAccepted": False,
        "tester": False,
    }
    nothing = bare | {"purposes": [], "records": [], "serves": []}
    accounts = {
        above.account_id: _entity(
            uid("Account", above.account_id),
            parents=[
                uid("Standing", _one_of(above.standing, _STANDINGS, "standing")),
                *(uid("Account", other) for other in above.upstream),
            ],
            attributes=nothing | {"standing": above.standing, "effectiveStanding": above.standing},
        )
        for above in facts.upstream
    }
    accounts[facts.account_id] = _entity(
        account,
        parents=[
            uid("Standing", _one_of(facts.standing, _STANDINGS, "standing")),
            *(
                uid("Profile", _one_of(profile, PROFILES, "profile"))
                for profile in sorted({facts.profile, *facts.serves})
            ),
            *(uid("Pack", pack) for pack in packs),
            *(uid("Account", above) for above in facts.parents),
        ],
        attributes={
            "standing": facts.standing,
            "effectiveStanding": _one_of(facts.effective_standing, _STANDINGS, "standing"),
            "profile": facts.profile,
            "termsAccepted": facts.terms_accepted,
            "purposes": sorted(facts.purposes),
            "records": sorted(facts.records),
            "serves": sorted(facts.serves),
            "tester": facts.tester,
        },
    )
    owner = request.resource.owner
    if owner not in accounts:
        accounts[owner] = _entity(uid("Account", owner), attributes=nothing)
    found.extend(accounts.values())
    found.append(
        _entity(
            uid("Caller", request.access_key_id),
            parents=[account],
            attributes={
                "account": {"__entity": account},
                "operator": request.operator,
                "officer": request.officer,
                "trained": facts.operator_trained,
                "personal": request.roles is not None,
                "roles": sorted(_one_of(role, ROLES, "role") for role in request.roles or ()),
            },
        )
    )
    if request.resource.kind == "Collection":
        found.append(_collection(request.resource))
    if purpose is not None:
        found.append(_entity(uid("Purpose", purpose.name), attributes=_of_purpose(purpose)))
    if request.model is not None:
        found.append(_entity(uid("Model", request.model.version), attributes=_of_model(request, purpose)))
    return found


def lasting_entities(purposes: Iterable[Purpose], packs: Iterable[str]) -> list[dict[str, Any]]:
    """The whole catalogue and every pack: what slices of one engine have in common."""
    return [
        *(_entity(uid("Purpose", purpose.name), attributes=_of_purpose(purpose)) for purpose in purposes),
        *(_entity(uid("Pack", pack)) for pack in sorted(packs)),
    ]


def context_for(
    request: AccessRequest, *, purpose: Purpose | None, purposes: Mapping[str, Purpose] | None = None
) -> dict[str, Any]:
    """The call's own facts.

    Args:
        purposes: the catalogue, for the bounds of a charter that is asked for.
    """
    claims = request.claims
    context: dict[str, Any] = {
        "now": request.now_s,
        "operation": request.operation,
        "attributes": sorted(request.attributes),
        "hasCase": claims.case is not None,
        "caseOpen": request.case_open,
        "consent": claims.consent is not None,
        "live": claims.live,
        "liveness": False,  # INVARIANT: nobody's word counts for it; presentation-attack detection will
        "source": _one_of(claims.source, SOURCES, "source"),
        "age": _one_of(claims.age, AGES, "age"),
        "authorized": claims.authorization is not None,
        "exigent": claims.exigent,
        "offenceFacts": claims.offence_facts,
        "probableCause": claims.probable_cause,
        "beneficiaryBarred": request.account.beneficiary_barred,
        "callsLastHour": request.calls_last_hour,
    }
    if request.purpose is not None:
        context["purposeName"] = request.purpose
    if request.own_purpose is not None:
        context["ownPurpose"] = request.own_purpose
    if purpose is not None:
        context["purpose"] = {"__entity": uid("Purpose", purpose.name)}
    if request.threshold is not None:
        context["thresholdBp"] = to_bp(request.threshold)
    if request.candidates is not None:
        context["candidates"] = request.candidates
    if request.model is not None:
        context["model"] = {"__entity": uid("Model", request.model.version)}
    if request.charter is not None:
        context["charter"] = _of_charter(request.charter) | _bounds(request.charter, purposes or {})
    return context


def resource_uid(request: AccessRequest) -> dict[str, str]:
    """The resource's name in the slice; a collection's includes its owner, as names are per account."""
    return _uid_of(request.resource)


def require_closed(entities: Sequence[dict[str, Any]], *named: Any) -> None:
    """Refuse a slice that refers to an entity it does not hold.

    Cedar takes an ancestor that was not loaded for one that does not exist: a suspended account whose
    row is missing would not be suspended.

    Args:
        named: what the question itself names: uids, or the context.

    Raises:
        OpenSlice: names what is missing.
    """
    held = {_key(entity["uid"]) for entity in entities}
    references = [name for name in named if "type" in name]
    for value in named:
        references.extend(_references(value))
    for entity in entities:
        references.extend(entity["parents"])
        references.extend(_references(entity["attrs"]))
    for reference in references:
        if reference["type"] not in _ENUMERATED and _key(reference) not in held:
            raise OpenSlice(f"the entity slice lacks {reference['type']}::{reference['id']!r}")


def _uid_of(resource: Resource) -> dict[str, str]:
    if resource.kind == "Account":
        return uid("Account", resource.resource_id)
    return uid("Collection", f"{resource.owner}/{resource.resource_id}")


def _collection(resource: Resource) -> dict[str, Any]:
    charter = resource.charter
    written = (
        _NO_CHARTER
        if charter is None
        else _of_charter(charter) | {"hasLegalBasis": bool(charter.legal_basis)}
    )
    attributes = {"owner": {"__entity": uid("Account", resource.owner)}, "faceCount": resource.face_count}
    return _entity(_uid_of(resource), attributes=attributes | written)


def _of_model(request: AccessRequest, purpose: Purpose | None) -> dict[str, Any]:
    model = request.model
    assert model is not None
    lacks = missing(
        model.evaluated,
        purpose.gate if purpose else None,
        gallery=request.gallery,
        searches=request.resource.kind == "Collection" and bool(kinds_of(request.operation) & _IN_GALLERIES),
    )
    members: dict[str, Any] = {
        "gatePassed": counts(model.evaluated) and not lacks,
        "gateMissing": sorted(lacks),
        "use": model.use,
        "independent": False,
        "groups": 0,
        "smallestGroup": 0,
        "ownGroups": model.evaluated.own_groups,
    }
    facts = model.evaluated.decides
    if facts is None:
        return members
    figures = {
        "ageDays": facts.age_days,
        "worstGroupTprBp": facts.worst_group_tpr_bp,
        "worstGroupFmrPpm": facts.worst_group_fmr_ppm,
        "worstGroupFpirPpm": facts.worst_group_fpir_ppm,
        "galleryCoveredBp": covered_bp(facts, request.gallery),
    }
    members |= {
        "independent": facts.independent,
        "groups": facts.groups,
        "smallestGroup": facts.smallest_group,
    }
    return members | {name: value for name, value in figures.items() if value is not None}


def _of_charter(charter: Charter) -> dict[str, Any]:
    members = {
        "purposes": sorted(charter.purposes),
        "kind": _one_of(charter.kind, CHARTER_KINDS, "kind of collection"),
        "faceCap": charter.face_cap,
        "minorsAllowed": charter.minors_allowed,
    }
    return members if charter.retention_days is None else members | {"retentionDays": charter.retention_days}


def _bounds(charter: Charter, purposes: Mapping[str, Purpose]) -> dict[str, Any]:
    """The strictest of all purposes that a charter names; of none, or an unknown one, nothing is allowed."""
    named = [purposes[name] for name in charter.purposes if name in purposes]
    known = bool(named) and len(named) == len(charter.purposes)
    days = [purpose.retention_days for purpose in named if purpose.retention_days is not None]
    bounds: dict[str, Any] = {
        "mostFaces": min((purpose.face_cap for purpose in named), default=0) if known else 0,
        "mayHaveMinors": known and all(purpose.minors_allowed for purpose in named),
        "mayBeConsented": known and all(purpose.kind == "consented" for purpose in named),
    }
    return bounds | ({"mostDays": min(days)} if days else {})


def _of_purpose(purpose: Purpose) -> dict[str, Any]:
    members = {
        "profiles": sorted(purpose.profiles),
        "operations": sorted(purpose.operations),
        "attributes": sorted(purpose.attributes),
        "minimumThresholdBp": to_bp(purpose.minimum_threshold),
        "maximumCandidates": purpose.maximum_candidates,
        "faceCap": purpose.face_cap,
        "callsPerHour": purpose.calls_per_hour,
        "minorsAllowed": purpose.minors_allowed,
        "requires": sorted(purpose.requires),
        "hasFpirBudget": purpose.fpir_budget > 0,
        "risk": purpose.risk,
    }
    return members if purpose.retention_days is None else members | {"retentionDays": purpose.retention_days}


def _entity(
    name: dict[str, str],
    *,
    parents: Sequence[dict[str, str]] = (),
    attributes: dict[str, Any] | None = None,
) -> dict[str, Any]:
    return {"uid": name, "attrs": attributes or {}, "parents": list(parents)}


def _one_of(word: str, known: Collection[str], what: str) -> str:
    """A word of a closed list: a forbid that names `scraped` would pass over a misspelt one."""
    if word not in known:
        raise ValueError(f"`{word}` is no {what}")
    return word


def _references(value: Any) -> Iterator[dict[str, str]]:
    if isinstance(value, dict):
        if "__entity" in value:
            yield value["__entity"]
            return
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _references(part)


def _key(name: dict[str, str]) -> tuple[str, str]:
    return name["type"], name["id"]
