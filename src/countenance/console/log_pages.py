"""The account's own audit log: entries, and the proof that one of them is in the tree."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from countenance.console.calls import CallRefused
from countenance.console.visit import Visit
from countenance.gateway.call import Answer

_A_PAGE: Final = 50
_OUTCOMES: Final = ("answered", "refused", "failed", "withheld")
_FILTERS: Final = ("operation", "outcome", "from", "until")
_NO_ID: Final = frozenset({"InvalidParameterException", "ValidationException"})
NOT_THERE: Final = _NO_ID | {"ResourceNotFoundException"}
"""Codes of a refusal that says of an event that there is none, as no other does."""


def show(visit: Visit) -> Answer:
    """The newest first: of one operation, one outcome, a time, or all."""
    asked = visit.request.asked()
    filters = {name: asked.get(name, "").strip() for name in _FILTERS}
    try:
        times = _times(filters)
    except ValueError as error:
        return _page(visit, filters, {"Entries": []}, status=400, wrong=str(error))
    found = visit.ours(
        "ListAuditEntries",
        MaxResults=_A_PAGE,
        NextToken=asked.get("after"),
        Operation=filters["operation"] or None,
        Outcome=filters["outcome"] if filters["outcome"] in _OUTCOMES else None,
        Order="NEWEST_FIRST",
        **times,
    )
    return _page(visit, filters, found)


def show_one(visit: Visit) -> Answer:
    """One entry, and its proof, which the page's own script checks in the browser."""
    event = visit.parts["event"]
    try:
        proof = visit.ours("GetInclusionProof", EventId=event)
    except CallRefused as error:
        if error.code not in NOT_THERE:  # refused, or put off: which is not the same as that there is none
            raise
        return visit.page("proof.html", status=404, event=event, proof=None, wrong=error.message)
    checkpoint = visit.find("GetCheckpoint", otherwise={})
    members = json.loads(proof["Entry"])
    return visit.page(
        "proof.html",
        event=event,
        proof=proof,
        wrong="",
        log_key=checkpoint.get("LogKey", ""),
        entry=json.dumps(members, indent=2, ensure_ascii=False),
        is_refused=members.get("decision") == "deny",
    )


def _page(
    visit: Visit, filters: Mapping[str, str], found: Mapping[str, Any], *, status: int = 200, wrong: str = ""
) -> Answer:
    after = found.get("NextToken")
    kept = {name: value for name, value in filters.items() if value}
    return visit.page(
        "log.html",
        status=status,
        wrong=wrong,
        entries=[_read(entry) for entry in found["Entries"]],
        older="?" + urlencode(kept | {"after": after}) if after else "",
        filters=filters,
        outcomes=_OUTCOMES,
        checkpoint=visit.find("GetCheckpoint", otherwise=None),
    )


def _times(filters: Mapping[str, str]) -> dict[str, float]:
    """The times of the form, in seconds since 1970, as the call has them.

    Raises:
        ValueError: one is no time, or there is nothing between them.
    """
    times: dict[str, float] = {}
    for name, member in (("from", "StartTime"), ("until", "EndTime")):
        if not filters[name]:
            continue
        try:
            at = datetime.fromisoformat(filters[name])
            at = at if at.tzinfo else at.replace(tzinfo=UTC)
            times[member] = at.replace(microsecond=at.microsecond // 1000 * 1000).timestamp()
        except (ValueError, OverflowError):
            raise ValueError(f"“{filters[name]}” is no time: write it as 2026-11-27T18:30, in UTC") from None
    if times.keys() >= {"StartTime", "EndTime"} and times["StartTime"] >= times["EndTime"]:
        raise ValueError("no time is from the one and before the other: “From” is to be the earlier")
    return times


def _read(entry: dict[str, Any]) -> dict[str, Any]:
    members = json.loads(entry["Entry"])
    return {
        "event": entry["EventId"],
        "index": entry["LogIndex"],
        "time": entry["Time"],
        "kind": entry["Kind"],
        "operation": entry.get("Operation", entry["Kind"]),
        "outcome": entry.get("Outcome", ""),
        "purpose": members.get("purpose", ""),
        "is_refused": (is_refused := members.get("decision") == "deny"),
        "rules": members.get("rules", []) if is_refused else [],
        "openings": entry.get("Openings", []),
    }
