"""GetCheckpoint, GetInclusionProof, GetConsistencyProof, ListAuditEntries, GetReceiptStatus, LeaveCanary."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from countenance.audit import OwnEntry
from countenance.audit.own_entries import BEHIND_ALL
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
    AccessDeniedException,
    InvalidParameterException,
    ResourceNotFoundException,
)
from countenance.operations.deps import Deps
from countenance.transparency.canonical import canonical_json, parse_time, to_time
from countenance.transparency.checkpoint import Checkpoint
from countenance.transparency.merkle import leaf_hash
from countenance.transparency.note import Note, Verifier, encode_base64
from countenance.transparency.proof import InclusionProof
from countenance.transparency.receipt import Receipt, ReceiptInvalid, verify_receipt
from countenance.wire.shapes import (
    AuditEntry,
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
    ListAuditEntriesRequest,
    ListAuditEntriesResponse,
    Opening,
    ReceiptStatus,
)

_READ_AT_ONCE = 500
_LOOKED_AT = 5_000
"""Entries that one page of a filtered list looks at, so that it takes hundredths of a second."""


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


def list_audit_entries(request: ListAuditEntriesRequest, deps: Deps) -> ListAuditEntriesResponse:
    """The account's own entries, in the log's order or backwards, with what their commitments open to."""
    if deps.caller.roles == frozenset({"examiner"}):
        raise AccessDeniedException(
            "EXA-007: whoever examines does not read the log: it tells who searched for what, and which "
            "examinations are trials; ask an administrator of the account"
        )
    is_wanted = _wanted(request)
    size = request.get("MaxResults", 100)
    filters = (str(request.get(name, "")) for name in ("StartTime", "EndTime", "Operation", "Order"))
    scope = ("ListAuditEntries", deps.caller.account_id, *filters)
    is_backwards = request.get("Order") == "NEWEST_FIRST"
    start = str(BEHIND_ALL if is_backwards else -1)
    position = int(deps.page_tokens.resume(request.get("NextToken"), scope=scope) or start)
    looked_at = _Part(deps, position, request, is_backwards=is_backwards)
    response: ListAuditEntriesResponse = {"Entries": []}
    for own in looked_at.entries(at_once=min(size + 1, _READ_AT_ONCE)):
        if len(response["Entries"]) == size:
            response["NextToken"] = deps.page_tokens.issue(str(position), scope=scope)
            return response
        assert own.log_index is not None, "only what is in the log is listed"
        position = own.log_index
        members = own.members
        if is_wanted(members):
            response["Entries"].append(_to_audit_entry(own, own.log_index, members))
    if looked_at.end is not None:
        response["NextToken"] = deps.page_tokens.issue(str(looked_at.end), scope=scope)
    return response


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


class _Part:
    """The account's entries behind an index (backwards: before it), as many as one page looks at.

    Attributes:
        end: the index of the last of them; None if nothing is behind them, or every one of them is wanted.
    """

    def __init__(
        self, deps: Deps, position: int, request: ListAuditEntriesRequest, *, is_backwards: bool
    ) -> None:
        self._deps = deps
        self._position = position
        self._is_backwards = is_backwards
        self._operation = request.get("Operation")
        self.end: int | None = None
        if not request.keys().isdisjoint({"Operation", "StartTime", "EndTime"}):
            place = {"before" if is_backwards else "after": position}
            self.end = deps.audit.reach(deps.uow.connection, deps.caller.account_id, _LOOKED_AT, **place)

    def entries(self, *, at_once: int) -> Iterator[OwnEntry]:
        """Those that may be of the operation that is asked for, read as they are wanted."""
        position = self._position
        while found := self._read(position, at_once):
            yield from found
            if len(found) < at_once:
                return
            assert found[-1].log_index is not None, "only what is in the log is listed"
            position, at_once = found[-1].log_index, _READ_AT_ONCE

    def _read(self, position: int, limit: int) -> list[OwnEntry]:
        audit, connection, account = self._deps.audit, self._deps.uow.connection, self._deps.caller.account_id
        if self._is_backwards:
            until = 0 if self.end is None else self.end
            return audit.list_entries_before(
                connection, account, limit=limit, before=position, until=until, operation=self._operation
            )
        until = BEHIND_ALL if self.end is None else self.end
        return audit.list_entries(
            connection, account, limit=limit, after=position, until=until, operation=self._operation
        )


def _wanted(request: ListAuditEntriesRequest) -> Callable[[dict[str, Any]], bool]:
    """Whether an entry's members pass the request's filters."""
    start, end, operation = request.get("StartTime"), request.get("EndTime"), request.get("Operation")

    def is_wanted(members: dict[str, Any]) -> bool:
        at = parse_time(members["time"])
        return (
            (start is None or at >= start)
            and (end is None or at < end)
            and (operation is None or members.get("operation") == operation)
        )

    return is_wanted


def _to_audit_entry(own: OwnEntry, log_index: int, members: dict[str, Any]) -> AuditEntry:
    entry: AuditEntry = {
        "LogIndex": log_index,
        "EventId": str(own.event_id),
        "Time": parse_time(members["time"]),
        "Kind": members["kind"],
        "Entry": own.entry.decode(),
        "LeafHash": encode_base64(leaf_hash(own.entry)),
        "Openings": list(_to_openings(own)),
    }
    if "operation" in members:
        entry["Operation"] = members["operation"]
    if "outcome" in members:
        entry["Outcome"] = members["outcome"]
    return entry


def _to_openings(own: OwnEntry) -> Iterator[Opening]:
    for member, openings in own.openings.items():
        for position, opening in enumerate(openings):
            yield {
                "Member": member,
                "Position": position,
                "Salt": encode_base64(opening.salt),
                "Value": canonical_json(opening.value).decode(),
            }


def _status(receipt: Receipt, place: Place | None, *, now: datetime) -> ReceiptStatus:
    if place is not None and place.leaf_hash != receipt.leaf_hash:
        return "MISMATCH"
    if place is not None and place.log_index is not None:
        return "INTEGRATED"
    return "OVERDUE" if now > receipt.merge_by else "PENDING"
