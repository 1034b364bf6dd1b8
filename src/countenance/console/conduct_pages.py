"""Findings against the account, how it stands and why, and its appeals."""

from __future__ import annotations

from countenance.console.request import BadForm
from countenance.console.visit import Visit
from countenance.gateway.call import Answer

PATH = "/console/standing"


def show(visit: Visit) -> Answer:
    """Open to every role: whoever works here may read what is held against the account."""
    account, findings, appeals = visit.calls.together(
        lambda: visit.ours("DescribeAccount"),
        lambda: visit.ours("ListFindings")["Findings"],
        lambda: visit.ours("ListAppeals")["Appeals"],
    )
    return visit.page(
        "standing.html",
        account=account,
        findings=findings,
        appeals=appeals,
        is_officer=visit.is_officer,
    )


def take(visit: Visit) -> Answer:
    """Appeal."""
    form = visit.form
    match form.one("do"):
        case "appeal":
            visit.require_first("If it submitted an appeal, that is among those below.")
            visit.ours("SubmitAppeal", Statement=form.one("statement"))
            return visit.goto(PATH, told="The appeal is submitted; another officer decides.")
        case _:
            raise BadForm("it does not say what is to be done")
