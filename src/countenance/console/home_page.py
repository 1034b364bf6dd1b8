"""The overview: who one is here, how the account stands, what the server runs, what waits."""

from __future__ import annotations

from countenance.console.calls import AMAZONS
from countenance.console.growth_plot import draw
from countenance.console.visit import Visit
from countenance.gateway.call import Answer

_SHOWN = 8
_GROWTH_DAYS = 30


def show(visit: Visit) -> Answer:
    """Counts are of this moment; nothing is kept."""
    find = visit.find
    account, health, findings, entries, collections, requests, checkpoint, growth = visit.calls.together(
        lambda: visit.ours("DescribeAccount"),
        lambda: find("GetHealth", otherwise=None),
        lambda: visit.ours("ListFindings")["Findings"],  # what cannot be read is not shown as none
        lambda: find("ListAuditEntries", otherwise={"Entries": []}, MaxResults=_SHOWN, Order="NEWEST_FIRST")[
            "Entries"
        ],
        lambda: find("ListCollections", otherwise={"CollectionIds": []}, service=AMAZONS, MaxResults=100),
        lambda: find("ListPurposeRequests", otherwise={"Requests": []})["Requests"],
        lambda: find("GetCheckpoint", otherwise=None),
        lambda: find("DescribeGrowth", otherwise=None, Days=_GROWTH_DAYS),
    )
    return visit.page(
        "home.html",
        account=account,
        health=health,
        open_findings=[each for each in findings if each["Status"] == "open"],
        entries=entries,
        collections=len(collections["CollectionIds"]),
        more_collections="NextToken" in collections,
        pending=[each for each in requests if each["Status"] == "pending"],
        checkpoint=checkpoint,
        plot=None if growth is None else draw(growth),
    )
