"""GetCheckpoint, GetInclusionProof, GetConsistencyProof, GetReceiptStatus, LeaveCanary."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from countenance.audit import OwnEntry
from countenance.audit.promises import MERGE_WITHIN
from countenance.audit.published import (
    Place,
    PublishedCheckpoint,
    find_checkpoint,
    find_place,
    list_keys,
)
from countenance.audit.signing import Use
from countenance.audit.tree import LogDamaged
from countenance.errors import (
    InvalidParameterException,
    ResourceNotFoundException,
)
from countenance.operations.deps import Deps
from countenance.transparency.canonical import parse_time, to_time
from countenance.transparency.checkpoint import Checkpoint
from countenance.transparency.merkle import leaf_hash
from countenance.transparency.note import Note, Verifier, encode_base64
from countenance.transparency.proof import InclusionProof
from countenance.transparency.receipt import Receipt, ReceiptInvalid, verify_receipt
from countenance.wire.shapes import (
    GetCheckpointRequest,
    GetCheckpointResponse,
    GetConsistencyProofRequest,
    GetConsistencyProofResponse,
    GetInclusionProofRequest,
    GetInclusionProofResponse,
    GetReceiptStatusRequest,
    GetReceiptStatusResponse,
    LeaveCanaryRequest,
    LeaveCanaryResponse,
    ReceiptStatus,
)


def get_checkpoint(request: GetCheckpointRequest, deps: Deps) -> GetCheckpointResponse:
    """A published checkpoint, with the keys that it and receipts are verified by."""
    checkpoint = _require_published(deps, request.get("TreeSize"))
    note = Note.parse(checkpoint.note)
    signed_by = note.signed_by(_verifiers(deps, "log"))
    if not signed_by:  # nobody may be told to trust it
        raise LogDamaged(f"no key of the log has signed its checkpoint of {checkpoint.size} entries")
    return {
        "Checkpoint": checkpoint.note,
        "Origin": Checkpoint.parse(note.text).origin,
        "TreeSize": checkpoint.size,
        "RootHash": encode_base64(checkpoint.root),
        "PublishedAt": checkpoint.published_at,
        "LogKey": str(signed_by[-1]),
        "ReceiptKey": str(_verifiers(deps, "receipt")[-1]),
    }


def get_inclusion_proof(request: GetInclusionProofRequest, deps: Deps) -> GetInclusionProofResponse:
    """That an entry of the caller's own is in the log, for whoever knows the log's key."""
    own = _require_own(deps, request["EventId"])
    if own.log_index is None:
        raise _not_yet(own)
    checkpoint = _require_covering(deps, own, own.log_index, request.get("TreeSize"))
    hashes = deps.log.inclusion(deps.uow.connection, own.log_index, checkpoint.size)
    proof = InclusionProof(own.log_index, tuple(hashes), Note.parse(checkpoint.note))
    return {
        "EventId": str(own.event_id),
        "LogIndex": own.log_index,
        "TreeSize": checkpoint.size,
        "LeafHash": encode_base64(leaf_hash(own.entry)),
        "Hashes": [encode_base64(each) for each in hashes],
        "Entry": own.entry.decode(),
        "Checkpoint": checkpoint.note,
        "ProofFile": str(proof),
    }


def get_consistency_proof(request: GetConsistencyProofRequest, deps: Deps) -> GetConsistencyProofResponse:
    """That a published checkpoint only adds to the tree of an older size."""
    checkpoint = _require_published(deps, request.get("NewTreeSize"))
    old = request["OldTreeSize"]
    if old > checkpoint.size:
        raise InvalidParameterException(
            f"`OldTreeSize` is {old}, beyond the {checkpoint.size} entries of the newer checkpoint"
        )
    hashes = deps.log.consistency(deps.uow.connection, old, checkpoint.size)
    return {
        "OldTreeSize": old,
        "NewTreeSize": checkpoint.size,
        "Hashes": [encode_base64(each) for each in hashes],
        "Checkpoint": checkpoint.note,
    }


def get_receipt_status(request: GetReceiptStatusRequest, deps: Deps) -> GetReceiptStatusResponse:
    """Whether the promise of a receipt is kept; of anybody's, as only who was answered holds it."""
    try:
        receipt = verify_receipt(request["Receipt"], _verifiers(deps, "receipt"))
    except ReceiptInvalid as error:
        raise InvalidParameterException(f"`Receipt` is no receipt of this log: {error}") from None
    place = find_place(deps.uow.connection, receipt.event_id)
    checkpoint = find_checkpoint(deps.uow.connection)
    response: GetReceiptStatusResponse = {
        "Status": _status(receipt, place, now=datetime.now(UTC)),
        "EventId": str(receipt.event_id),
        "MergeBy": receipt.merge_by,
    }
    if place is not None and place.log_index is not None:
        response["LogIndex"] = place.log_index
        if checkpoint is not None and checkpoint.size > place.log_index:
            response["TreeSize"] = checkpoint.size
    return response


def leave_canary(request: LeaveCanaryRequest, deps: Deps) -> LeaveCanaryResponse:
    """Nothing but an entry: the call's own, with a commitment to the marker."""
    deps.report.marker = request["Marker"]
    return {}


def _require_published(deps: Deps, size: int | None) -> PublishedCheckpoint:
    found = find_checkpoint(deps.uow.connection, size)
    if found is not None:
        return found
    raise ResourceNotFoundException(
        "the log has not published a checkpoint yet: ask again in a second"
        if size is None
        else f"the log has not published a checkpoint of {size} entries"
    )


def _require_own(deps: Deps, event_id: str) -> OwnEntry:
    own = deps.audit.find_entry(deps.uow.connection, deps.caller.account_id, uuid.UUID(event_id))
    if own is None:
        # INVARIANT: what is another account's is answered as what does not exist.
        raise ResourceNotFoundException(f"there is no event `{event_id}` in this account")
    return own


def _require_covering(deps: Deps, own: OwnEntry, index: int, size: int | None) -> PublishedCheckpoint:
    """The checkpoint of that size, by default the newest, if the entry is under it."""
    if size is None:
        newest = find_checkpoint(deps.uow.connection)
        if newest is None or newest.size <= index:
            raise _not_yet(own)
        return newest
    checkpoint = _require_published(deps, size)
    if checkpoint.size <= index:
        raise InvalidParameterException(f"the first {size} entries do not reach the event's index {index}")
    return checkpoint


def _not_yet(own: OwnEntry) -> ResourceNotFoundException:
    members = own.members
    due = parse_time(members.get("end", members["time"])) + MERGE_WITHIN
    return ResourceNotFoundException(
        f"the event `{own.event_id}` is not under a published checkpoint yet: merged by {to_time(due)}"
    )


def _verifiers(deps: Deps, use: Use) -> list[Verifier]:
    """Every key of that use that the log has had, the newest last."""
    return [Verifier.parse(key.vkey) for key in list_keys(deps.uow.connection) if key.use == use]


def _status(receipt: Receipt, place: Place | None, *, now: datetime) -> ReceiptStatus:
    if place is not None and place.leaf_hash != receipt.leaf_hash:
        return "MISMATCH"
    if place is not None and place.log_index is not None:
        return "INTEGRATED"
    return "OVERDUE" if now > receipt.merge_by else "PENDING"
