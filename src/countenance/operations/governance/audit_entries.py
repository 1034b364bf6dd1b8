"""ListAuditEntries: what an account did and what was done to it, by time, operation and outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from countenance.audit import OwnEntry
from countenance.audit.log_times import find_stretch
from countenance.audit.own_entries import BEHIND_ALL
from countenance.errors import AccessDeniedException
from countenance.operations.deps import Deps
from countenance.transparency.canonical import canonical_json, parse_time
from countenance.transparency.merkle import leaf_hash
from countenance.transparency.note import encode_base64
from countenance.wire.shapes import (
    AuditEntry,
    ListAuditEntriesRequest,
    ListAuditEntriesResponse,
    Opening,
)

_READ_AT_ONCE = 500
_LOOKED_AT = 5_000
"""Entries that one page of a filtered list looks at, so that it takes hundredths of a second."""
_FILTERS = ("StartTime", "EndTime", "Operation", "Outcome")


def list_audit_entries(request: ListAuditEntriesRequest, deps: Deps) -> ListAuditEntriesResponse:
    """The account's own entries, in the log's order or backwards, with what their commitments open to."""
    if deps.caller.roles == frozenset({"examiner"}):
        raise AccessDeniedException(
            "EXA-007: whoever examines does not read the log: it tells who searched for what, and which "
            "examinations are trials; ask an administrator of the account"
        )
    is_wanted = _wanted(request)
    size = request.get("MaxResults", 100)
    scope = (
        "ListAuditEntries",
        deps.caller.account_id,
        *(str(request.get(name, "")) for name in (*_FILTERS, "Order")),
    )
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


class _Part:
    """The account's entries behind an index (backwards: before it), as many as one page looks at.

    Of a time that is asked for, its stretch of the log is looked at and nothing before or behind it.

    Attributes:
        end: the index of the last of them; None if nothing is behind them, or every one of them is wanted.
    """

    def __init__(
        self, deps: Deps, position: int, request: ListAuditEntriesRequest, *, is_backwards: bool
    ) -> None:
        self._deps = deps
        self._request = request
        self._is_backwards = is_backwards
        self._account = deps.caller.account_id
        self.end: int | None = None
        stretch = find_stretch(
            deps.uow.connection,
            deps.audit.pseudonym(self._account),
            since=request.get("StartTime"),
            before=request.get("EndTime"),
        )
        self._is_empty = stretch is None
        first = stretch.first if stretch is not None and stretch.first is not None else 0
        last = stretch.last if stretch is not None and stretch.last is not None else BEHIND_ALL
        if is_backwards:
            self._position, self._until = min(position, last + 1), first
        else:
            self._position, self._until = max(position, first - 1), last
        if not self._is_empty and not request.keys().isdisjoint(_FILTERS):
            self._end_at_most(_LOOKED_AT)

    def entries(self, *, at_once: int) -> Iterator[OwnEntry]:
        """Those that may be what is asked for, read as they are wanted."""
        position = self._position
        while not self._is_empty and (found := self._read(position, at_once)):
            yield from found
            if len(found) < at_once:
                return
            assert found[-1].log_index is not None, "only what is in the log is listed"
            position, at_once = found[-1].log_index, _READ_AT_ONCE

    def _end_at_most(self, entries: int) -> None:
        place = {"before" if self._is_backwards else "after": self._position}
        reached = self._deps.audit.reach(self._deps.uow.connection, self._account, entries, **place)
        if reached is None:
            return
        if reached > self._until if self._is_backwards else reached < self._until:
            self.end = self._until = reached

    def _read(self, position: int, limit: int) -> list[OwnEntry]:
        audit, connection = self._deps.audit, self._deps.uow.connection
        asked = {"operation": self._request.get("Operation"), "outcome": self._request.get("Outcome")}
        if self._is_backwards:
            return audit.list_entries_before(
                connection, self._account, limit=limit, before=position, until=self._until, **asked
            )
        return audit.list_entries(
            connection, self._account, limit=limit, after=position, until=self._until, **asked
        )


def _wanted(request: ListAuditEntriesRequest) -> Callable[[dict[str, Any]], bool]:
    """Whether an entry's members pass the request's filters."""
    start, end = request.get("StartTime"), request.get("EndTime")
    operation, outcome = request.get("Operation"), request.get("Outcome")

    def is_wanted(members: dict[str, Any]) -> bool:
        at = parse_time(members["time"])
        return (
            (start is None or at >= start)
            and (end is None or at < end)
            and (operation is None or members.get("operation") == operation)
            and (outcome is None or members.get("outcome") == outcome)
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
