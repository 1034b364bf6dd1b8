"""The overview: who one is here, how the account stands, what the server runs, what waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from markupsafe import Markup

from countenance.console.calls import AMAZONS
from countenance.console.charts import Series, bars
from countenance.console.growth_plot import draw
from countenance.console.visit import Visit
from countenance.gateway.call import Answer

_SHOWN: Final = 8
_DAYS: Final = 30
_OUTCOMES: Final = (("Answered", 1), ("Refused", 2), ("Withheld", 3), ("Failed", 4))


def show(visit: Visit) -> Answer:
    """Counts are of this moment; nothing is kept.

    The page looks again by itself (`live.js`), and each look is calls on record: most looks are at what
    changes quickly, and none at the newest entries of the log, which would soon be those of the looks.
    """
    find, asked_by_page = visit.find, visit.request.refreshes
    is_quick = asked_by_page == "quick"
    account, findings, entries, collections, asked, checkpoint, growth, counts, jobs, people = (
        visit.calls.together(
            _unless(is_quick, lambda: visit.ours("DescribeAccount")),
            lambda: visit.ours("ListFindings")["Findings"],  # what cannot be read is not shown as none
            lambda: None if asked_by_page else _newest(visit),
            _unless(
                is_quick, lambda: find("ListCollections", otherwise=None, service=AMAZONS, MaxResults=100)
            ),
            _unless(is_quick, lambda: find("ListPurposeRequests", otherwise=None)),
            lambda: find("GetCheckpoint", otherwise=None),
            _unless(is_quick, lambda: find("DescribeGrowth", otherwise=None, Days=_DAYS)),
            lambda: None if _is_blind(visit) else visit.ours("ListCallCounts", Days=_DAYS)["Days"],
            lambda: find("ListJobs", otherwise=None, MaxResults=100),
            lambda: find("ListSubjectRequests", otherwise=None, Status="open"),
        )
    )
    return visit.page(
        "home.html",
        account=account,
        open_findings=[each for each in findings if each["Status"] == "open"],
        entries=entries,
        collections=None if collections is None else len(collections["CollectionIds"]),
        more_collections=collections is not None and "NextToken" in collections,
        pending=None if asked is None else _pending(asked["Requests"]),
        checkpoint=checkpoint,
        growth=None if growth is None else draw(growth, "all collections"),
        calls_today=None if counts is None else sum(counts[-1][name] for name, _ in _OUTCOMES),
        refused_today=None if counts is None else counts[-1]["Refused"],
        plot=None if counts is None else _plot(counts),
        jobs=None if jobs is None else [each for each in jobs["Jobs"] if each["State"] != "failed"],
        failed_jobs=[] if jobs is None else [each for each in jobs["Jobs"] if each["State"] == "failed"],
        people=None if people is None else people["Requests"],  # what is due first is first
        is_live=not _is_blind(visit),
    )


def _unless(skipped: bool, ask: Callable[[], Any]) -> Callable[[], Any]:
    """The question; or one that asks nothing."""
    return (lambda: None) if skipped else ask


def _is_blind(visit: Visit) -> bool:
    """Who examines and does nothing else: the log, and how many were withheld, would tell what is a trial."""
    return visit.session.roles == {"examiner"}


def _newest(visit: Visit) -> list[dict[str, Any]] | None:
    if _is_blind(visit):
        return None
    found: list[dict[str, Any]] = visit.find(
        "ListAuditEntries", otherwise={"Entries": []}, MaxResults=_SHOWN, Order="NEWEST_FIRST"
    )["Entries"]
    return found


def _pending(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in requests if each["Status"] == "pending"]


def _plot(counts: list[dict[str, Any]]) -> Markup:
    return bars(
        "calls",
        f"Calls of the last {_DAYS} days, by outcome",
        [day["Day"][5:] for day in counts],
        [Series(name.lower(), [day[name] for day in counts], colour) for name, colour in _OUTCOMES],
    )
