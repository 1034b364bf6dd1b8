"""The overview: who one is here, how the account stands, what the server runs, what waits."""

from __future__ import annotations

from typing import Any, Final

from markupsafe import Markup

from countenance.console.calls import AMAZONS
from countenance.console.charts import Series, bars
from countenance.console.visit import Visit
from countenance.gateway.call import Answer

_SHOWN: Final = 8
_DAYS: Final = 30
_OUTCOMES: Final = (("Answered", 1), ("Refused", 2), ("Withheld", 3), ("Failed", 4))


def show(visit: Visit) -> Answer:
    """Counts are of this moment; nothing is kept."""
    find = visit.find
    account, findings, entries, collections, requests, checkpoint, counts, jobs = visit.calls.together(
        lambda: visit.ours("DescribeAccount"),
        lambda: visit.ours("ListFindings")["Findings"],  # what cannot be read is not shown as none
        lambda: find("ListAuditEntries", otherwise={"Entries": []}, MaxResults=_SHOWN, Order="NEWEST_FIRST")[
            "Entries"
        ],
        lambda: find("ListCollections", otherwise={"CollectionIds": []}, service=AMAZONS, MaxResults=100),
        lambda: find("ListPurposeRequests", otherwise={"Requests": []})["Requests"],
        lambda: find("GetCheckpoint", otherwise=None),
        lambda: visit.ours("ListCallCounts", Days=_DAYS)["Days"],
        lambda: find("ListJobs", otherwise=None, MaxResults=100),
    )
    return visit.page(
        "home.html",
        account=account,
        open_findings=[each for each in findings if each["Status"] == "open"],
        entries=entries,
        collections=len(collections["CollectionIds"]),
        more_collections="NextToken" in collections,
        pending=[each for each in requests if each["Status"] == "pending"],
        checkpoint=checkpoint,
        calls_today=sum(counts[-1][name] for name, _ in _OUTCOMES),
        refused_today=counts[-1]["Refused"],
        plot=_plot(counts),
        jobs=None if jobs is None else [each for each in jobs["Jobs"] if each["State"] != "failed"],
        failed_jobs=[] if jobs is None else [each for each in jobs["Jobs"] if each["State"] == "failed"],
    )


def _plot(counts: list[dict[str, Any]]) -> Markup:
    return bars(
        "calls",
        f"Calls of the last {_DAYS} days, by outcome",
        [day["Day"][5:] for day in counts],
        [Series(name.lower(), [day[name] for day in counts], colour) for name, colour in _OUTCOMES],
    )
