"""From a validated call to what policy is asked: what it says, what its key attests, what is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from countenance.errors import ResourceNotFoundException
from countenance.facts import Charter
from countenance.gateway.call import Validated
from countenance.gateway.resource import resource_of
from countenance.gateway.services import GatewayServices
from countenance.operations.asked_thresholds import DECIDING, least_told
from countenance.operations.charter_tags import charter_from
from countenance.operations.defaults import (
    ASSOCIATE_THRESHOLD,
    COLLISIONS,
    COMPARE_THRESHOLD,
    DECIDING_FACES,
    IMPORT_THRESHOLD,
    MOST_FACES,
    MOST_USERS,
    SEARCH_THRESHOLD,
)
from countenance.operations.evaluated_model import evaluated_model
from countenance.policy import AccessRequest, Purpose, Resource, load_purposes
from countenance.policy.groups import GROUPS, OFFICERS_DO, kinds_of
from countenance.policy.purposes import ATTRIBUTES
from countenance.store import Connection

_THRESHOLDS = ("FaceMatchThreshold", "SimilarityThreshold", "UserMatchThreshold")
_DEFAULTS = {
    "search": SEARCH_THRESHOLD,
    "stream": SEARCH_THRESHOLD,
    "compare": COMPARE_THRESHOLD,
    "associate": ASSOCIATE_THRESHOLD,
}
_USERS = frozenset({"SearchUsers", "SearchUsersByImage"})
_IMPORTS = "ImportFace"
_COLLISIONS = "ReportCollisions"
_OF_ACCOUNTS = OFFICERS_DO | set(GROUPS["rights"])
"""Though they name a collection: what officers may do, and what people may ask for, hangs on no charter."""
_ATTRIBUTES = ("Attributes", "DetectionAttributes")


@dataclass(frozen=True, slots=True)
class Question:
    """What policy is asked, and by which set of packs it is to be answered."""

    request: AccessRequest
    epoch: int


def question_of(call: Validated, services: GatewayServices) -> Question:
    """Read what the decision rests on, as the database has it now.

    Raises:
        InvalidParameterException: a charter that is asked for cannot be.
        ResourceNotFoundException: the caller's account is gone.
        StoreUnavailable: the database cannot be reached; so nothing is decided.
    """
    caller, now = call.caller, call.head.received_at
    with services.database.read() as connection:
        read = services.governance.facts.read(
            connection,
            caller.account_id,
            operator=caller.operator,
            beneficiary=_beneficiary(call),
            now=now,
        )
        if read is None:
            raise ResourceNotFoundException(f"there is no account `{caller.account_id}`")
        request = AccessRequest(
            account=read.account,
            access_key_id=caller.access_key_id,
            operator=caller.operator,
            officer=caller.officer is not None,
            service=call.service.name,
            operation=call.operation.name,
            resource=resource_of(
                call.request, caller.account_id, of_account=call.operation.name in _OF_ACCOUNTS
            ),
            purpose=_purpose(call),
            own_purpose=caller.purpose,
            claims=caller.claims,
            roles=caller.roles,
            now_s=int(now.timestamp()),
        )
        kinds = kinds_of(request.operation)
        if caller.claims.case is not None and request.purpose is not None and "face" in kinds:
            found = services.casework.cases.find_open(
                connection, caller.account_id, name=caller.claims.case, purpose=request.purpose
            )
            request = replace(request, case_open=found is not None)
        if kinds & {"face", "chartering", "correct"}:
            request = _of_faces(call, request, kinds, connection, services)
    return Question(request, read.epoch)


def _purpose(call: Validated) -> str | None:
    """Of the credential, or the one that is asked for."""
    if kinds_of(call.operation.name) & {"purposed", "requesting"}:
        asked: str | None = call.request.get("Purpose")
        if asked is not None:
            return asked
    return call.caller.purpose


def _beneficiary(call: Validated) -> str | None:
    """For whom the call is: of the credential, or of the one that is asked for."""
    if call.operation.name == "AssumePurpose":
        asked: str | None = call.request.get("OnBehalfOf")
        return asked
    return call.caller.claims.beneficiary


def _of_faces(
    call: Validated,
    request: AccessRequest,
    kinds: frozenset[str],
    connection: Connection,
    services: GatewayServices,
) -> AccessRequest:
    """What is asked with a face, or of a collection that is to be."""
    members, purpose = call.request, load_purposes().get(request.purpose or "")
    searches = bool(kinds & {"search", "stream"})
    resource, version = request.resource, None
    if resource.kind == "Collection" and resource.owner == request.account_id:
        found = services.gallery.find_chartered(
            connection, resource.owner, call.caller.region, resource.resource_id, counted="enrol" in kinds
        )
        if found is not None:
            version = found.face_model_version
            resource = replace(
                resource,
                charter=found.charter,
                face_count=found.face_count,
                collection_id=found.collection_id,
            )
        elif "chartering" not in kinds:
            # What is not there breaks no charter: policy judges all else, the operation says that it is not.
            resource = Resource("Account", resource.owner, resource.owner)
    counted = "face" in kinds and purpose is not None
    threshold = _threshold(members, kinds, request.operation)
    gallery = _gallery(kinds, resource, purpose, connection, services)
    model = services.model_facts(version) if "face" in kinds else None
    if model is not None:
        model = evaluated_model(
            model,
            connection,
            evaluations=services.evaluations,
            calibrations=services.calibrations,
            threshold=threshold,
            purpose=purpose,
            gallery=gallery,
            now=call.head.received_at,
        )
    return replace(
        request,
        resource=resource,
        threshold=threshold,
        candidates=_candidates(members, request.operation) if searches else None,
        attributes=_attributes(members),
        charter=_charter(members, purpose) if "chartering" in kinds else None,
        model=model,
        gallery=gallery,
        calls_last_hour=services.governance.calls.calls_last_hour(
            connection, request.account_id, purpose.name
        )
        if counted and purpose
        else 0,
    )


def _gallery(
    kinds: frozenset[str],
    resource: Resource,
    purpose: Purpose | None,
    connection: Connection,
    services: GatewayServices,
) -> int | None:
    """Faces of the collection, where a purpose's gate is about them: counting a large one takes long.

    Not beyond the purpose's own bound: what has more than that is too large for any evaluation of it.
    """
    is_judged = (
        purpose is not None and purpose.gate is not None and bool(kinds & {"search", "stream", "enrol"})
    )
    if not is_judged or purpose is None or resource.collection_id is None:
        return None
    return services.gallery.count_faces(connection, resource.collection_id, up_to=purpose.face_cap + 1)


def _threshold(members: Mapping[str, Any], kinds: frozenset[str], operation: str) -> float | None:
    default = next((default for kind, default in _DEFAULTS.items() if kind in kinds), None)
    if operation == _IMPORTS:
        default = IMPORT_THRESHOLD
    if default is None:
        return None
    if operation in DECIDING:
        asked = least_told(members)
        return default if asked is None else float(asked)
    return next((float(members[name]) for name in _THRESHOLDS if name in members), default)


def _candidates(members: Mapping[str, Any], operation: str) -> int:
    if operation == _IMPORTS:
        return 1
    if operation in DECIDING:
        return int(members.get("MaxFaces", DECIDING_FACES))
    if operation == _COLLISIONS:
        return int(members.get("MaxResults", COLLISIONS))
    name, default = ("MaxUsers", MOST_USERS) if operation in _USERS else ("MaxFaces", MOST_FACES)
    return int(members.get(name, default))


def _attributes(members: Mapping[str, Any]) -> frozenset[str]:
    asked = next((set(members[name]) for name in _ATTRIBUTES if name in members), set())
    return frozenset(ATTRIBUTES) if "ALL" in asked else frozenset(asked - {"DEFAULT"})


def _charter(members: Mapping[str, Any], purpose: Purpose | None) -> Charter | None:
    return None if purpose is None else charter_from(members.get("Tags", {}), purpose.charter())
