"""DescribeCharter, PutCharter, EraseFaces, ListErasures."""

from __future__ import annotations

import uuid
from dataclasses import replace

from countenance.errors import AccessDeniedException, ResourceNotFoundException
from countenance.facts import Charter
from countenance.gallery.finality import PendingErasure
from countenance.operations.deps import Deps
from countenance.operations.whose import require_officer
from countenance.types import AccountId, FaceId
from countenance.wire.shapes import (
    CharterDetail,
    DescribeCharterRequest,
    DescribeCharterResponse,
    EraseFacesRequest,
    EraseFacesResponse,
    ErasureDetail,
    ListErasuresRequest,
    ListErasuresResponse,
    PutCharterRequest,
    PutCharterResponse,
)


def describe_charter(request: DescribeCharterRequest, deps: Deps) -> DescribeCharterResponse:
    """What a collection of the caller's is for."""
    return {"Charter": _to_detail(_require(request["CollectionId"], deps), request["CollectionId"], deps)}


def put_charter(request: PutCharterRequest, deps: Deps) -> PutCharterResponse:
    """Narrow a charter, or say its legal basis; what is not given stays."""
    name = request["CollectionId"]
    charter = _require(name, deps)
    charter = replace(
        charter,
        purposes=tuple(request.get("Purposes", charter.purposes)),
        legal_basis=request.get("LegalBasis", charter.legal_basis).strip(),
        face_cap=request.get("FaceCap", charter.face_cap),
        retention_days=request.get("RetentionDays", charter.retention_days),
        minors_allowed=request.get("MinorsAllowed", charter.minors_allowed),
    )
    deps.gallery.narrow_charter(deps.uow, deps.collection(name), charter)
    return {"Charter": _to_detail(charter, name, deps)}


def erase_faces(request: EraseFacesRequest, deps: Deps) -> EraseFacesResponse:
    """Erase faces of any account's collection, for the people whose faces they are.

    What a person may ask for does not depend on the standing of the account that holds their face.
    """
    require_officer(deps)
    account_id = AccountId(request["AccountId"])
    collection = deps.gallery.require_collection(account_id, deps.caller.region, request["CollectionId"])
    face_ids = [FaceId(uuid.UUID(text)) for text in request["FaceIds"]]
    erased = deps.gallery.erase_faces(deps.uow, collection, face_ids)
    if held := deps.gallery.find_held(deps.uow, collection, face_ids):
        raise AccessDeniedException(
            f"HLD-001: {len(held)} of these faces are under a legal hold: nothing was erased; release it "
            "first (ReleaseLegalHold), or leave them out"
        )
    if not erased:
        raise ResourceNotFoundException("none of these faces is in the collection")
    actor = deps.actor()
    deps.audit.record_erasure(
        deps.uow.connection,
        "EraseFaces",
        account_id=account_id,
        region=collection.region,
        collection=collection.name,
        face_ids=[str(face_id) for face_id in erased],
        resource=request["Reason"],
        operator=actor.name,
        previous=actor.event_id,
    )
    return {"ErasedFaceIds": [str(face_id) for face_id in erased]}


def list_erasures(request: ListErasuresRequest, deps: Deps) -> ListErasuresResponse:
    """Deletions of the caller's that are not final yet."""
    name = request.get("CollectionId")
    pending = deps.gallery.finality.pending(
        account_id=AccountId(deps.caller.account_id),
        region=deps.caller.region,
        collection=None if name is None else deps.collection(name),
    )
    return {"Erasures": [_to_erasure(each) for each in pending]}


def _to_erasure(pending: PendingErasure) -> ErasureDetail:
    detail: ErasureDetail = {
        "CollectionId": pending.collection.name,
        "PendingFaces": pending.faces,
        "OldestDeletion": pending.oldest_at,
    }
    if pending.final_by is not None:
        detail["FinalBy"] = pending.final_by
    return detail


def _require(name: str, deps: Deps) -> Charter:
    charter = deps.gallery.charter(deps.collection(name))
    if charter is None:
        raise ResourceNotFoundException(f"the collection `{name}` has no charter: it is for nothing")
    return charter


def _to_detail(charter: Charter, name: str, deps: Deps) -> CharterDetail:
    detail: CharterDetail = {
        "Purposes": list(charter.purposes),
        "Kind": charter.kind,
        "LegalBasis": charter.legal_basis,
        "FaceCap": charter.face_cap,
        "MinorsAllowed": charter.minors_allowed,
    }
    if charter.retention_days is not None:
        detail["RetentionDays"] = charter.retention_days
    vault = deps.gallery.vaults.find(deps.collection(name))
    if vault is not None:
        detail["PicturesKeptDays"] = vault.kept_days
    return detail
