"""PutLegalHold, ReleaseLegalHold, ListLegalHolds."""

from __future__ import annotations

import uuid

from countenance.operations.deps import Deps
from countenance.operations.whose import accounts_asked, require_officer
from countenance.rights.records import LegalHold
from countenance.types import AccountId
from countenance.wire.shapes import (
    LegalHoldDetail,
    ListLegalHoldsRequest,
    ListLegalHoldsResponse,
    PutLegalHoldRequest,
    PutLegalHoldResponse,
    ReleaseLegalHoldRequest,
    ReleaseLegalHoldResponse,
)


def put_legal_hold(request: PutLegalHoldRequest, deps: Deps) -> PutLegalHoldResponse:
    """Keep faces of any account's collection, whatever would delete them."""
    officer = require_officer(deps)
    account_id = AccountId(request["AccountId"])
    hold_id = deps.rights.holds.put(
        deps.gallery.require_collection(account_id, deps.caller.region, request["CollectionId"]),
        [uuid.UUID(each) for each in request["FaceIds"]],
        officer=officer,
        reason=request["Reason"],
        actor=deps.actor(),
    )
    return {"HoldId": str(hold_id)}


def release_legal_hold(request: ReleaseLegalHoldRequest, deps: Deps) -> ReleaseLegalHoldResponse:
    """End it; what waited for it may delete the faces."""
    officer = require_officer(deps)
    deps.rights.holds.release(
        uuid.UUID(request["HoldId"]), officer=officer, reason=request["Reason"], actor=deps.actor()
    )
    return {}


def list_legal_holds(request: ListLegalHoldsRequest, deps: Deps) -> ListLegalHoldsResponse:
    """Of the caller's account; officers see any."""
    asked = accounts_asked(request.get("AccountId"), deps)
    return {"Holds": [_to_detail(each) for each in deps.rights.holds.list(asked)]}


def _to_detail(hold: LegalHold) -> LegalHoldDetail:
    detail: LegalHoldDetail = {
        "HoldId": str(hold.hold_id),
        "AccountId": hold.account_id,
        "CollectionId": hold.collection,
        "FaceIds": [str(each) for each in hold.face_ids],
        "Reason": hold.reason,
        "PutBy": hold.put_by,
        "PutAt": hold.put_at,
    }
    if hold.released_at is not None:
        detail["ReleasedAt"] = hold.released_at
        detail["ReleasedBy"] = hold.released_by or ""
        detail["ReleaseReason"] = hold.release_reason or ""
    return detail
