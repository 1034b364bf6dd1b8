"""The overview: who one is here, how the account stands, what the server runs, what waits."""

from __future__ import annotations

from countenance.console.visit import Visit
from countenance.gateway.call import Answer

_SHOWN = 8


def show(visit: Visit) -> Answer:
    """Counts are of this moment; nothing is kept."""
    account = visit.ours("DescribeAccount")
    health = visit.find("GetHealth", otherwise=None)
    findings = visit.find("ListFindings", otherwise={"Findings": []})["Findings"]
    entries = visit.find(
        "ListAuditEntries", otherwise={"Entries": []}, MaxResults=_SHOWN, Order="NEWEST_FIRST"
    )["Entries"]
    collections = visit.find(
        "ListCollections", otherwise={"CollectionIds": []}, service="rekognition", MaxResults=100
    )
    requests = visit.find("ListPurposeRequests", otherwise={"Requests": []})["Requests"]
    return visit.page(
        "home.html",
        account=account,
        health=health,
        open_findings=[each for each in findings if each["Status"] == "open"],
        entries=entries,
        collections=len(collections["CollectionIds"]),
        more_collections="NextToken" in collections,
        pending=[each for each in requests if each["Status"] == "pending"],
        checkpoint=visit.find("GetCheckpoint", otherwise=None),
    )
