"""The account's own audit log: entries, and the proof that one of them is in the tree."""

from __future__ import annotations

import json
from typing import Any

from countenance.console.calls import CallRefused
from countenance.console.visit import Visit
from countenance.gateway.call import Answer

_A_PAGE = 50


def show(visit: Visit) -> Answer:
    """The newest first, of one operation or of all."""
    asked = visit.request.asked()
    operation = asked.get("operation", "").strip()
    page = visit.ours(
        "ListAuditEntries",
        MaxResults=_A_PAGE,
        NextToken=asked.get("after"),
        Operation=operation or None,
        Order="NEWEST_FIRST",
    )
    return visit.page(
        "log.html",
        entries=[_read(entry) for entry in page["Entries"]],
        after=page.get("NextToken"),
        operation=operation,
        checkpoint=visit.find("GetCheckpoint", otherwise=None),
    )


def show_one(visit: Visit) -> Answer:
    """One entry, and its proof, which the page's own script checks in the browser."""
    event = visit.parts["event"]
    try:
        proof = visit.ours("GetInclusionProof", EventId=event)
    except CallRefused as error:
        return visit.page("proof.html", status=404, event=event, proof=None, wrong=error.message)
    checkpoint = visit.find("GetCheckpoint", otherwise={})
    return visit.page(
        "proof.html",
        event=event,
        proof=proof,
        wrong="",
        log_key=checkpoint.get("LogKey", ""),
        entry=json.dumps(json.loads(proof["Entry"]), indent=2, ensure_ascii=False),
    )


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
        "rules": members.get("rules", []) if members.get("decision") == "deny" else [],
        "openings": entry.get("Openings", []),
    }
