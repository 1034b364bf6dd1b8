"""The officers' desk: what waits for a decision, the accounts of this server, and how each stands."""

from __future__ import annotations

from typing import Final

from countenance.console.request import BadForm
from countenance.console.visit import Visit
from countenance.gateway.call import Answer
from countenance.operations.whose import ALL

PATH: Final = "/console/office"
_DECIDES: Final = {
    # what is decided → the operation, the member that names it, what is told then
    "request": ("DecidePurposeRequest", "RequestId", "The purpose is decided; some take two officers."),
    "finding": ("DecideFinding", "FindingId", "The finding is decided."),
    "appeal": ("DecideAppeal", "AppealId", "The appeal is decided."),
}


def show(visit: Visit) -> Answer:
    """What waits, of all accounts, the oldest first; and the accounts."""
    if "Officer" not in visit.ours("GetCallerIdentity"):
        # the role alone decides nothing: an office is given on the server's machine
        return visit.page("no_office.html")
    requests, findings, appeals, accounts = visit.calls.together(
        lambda: visit.ours("ListPurposeRequests", AccountId=ALL, Status="pending")["Requests"],
        lambda: visit.ours("ListFindings", AccountId=ALL, Status="open")["Findings"],
        lambda: visit.ours("ListAppeals", AccountId=ALL, Status="open")["Appeals"],
        lambda: visit.ours("ListAccounts")["Accounts"],
    )
    return visit.page(
        "office.html",
        requests=requests[::-1],
        findings=findings[::-1],
        appeals=appeals[::-1],
        accounts=accounts,
        names={each["AccountId"]: each["Name"] for each in accounts},
        reason_of=visit.was("which"),
    )


def take(visit: Visit) -> Answer:
    """Decide something that waits."""
    form = visit.form
    what = form.one("do")
    if what not in _DECIDES:
        raise BadForm("it does not say what is to be done")
    operation, member, told = _DECIDES[what]
    decided = {member: form.one("which"), "Decision": form.one("decision"), "Reason": form.one("reason")}
    visit.ours(operation, **decided)
    return visit.goto(PATH, told=told)


def show_account(visit: Visit) -> Answer:
    """One account: how it stands and why, what is held against it, what it asked for."""
    account_id = visit.parts["account"]
    account, requests, findings, appeals = visit.calls.together(
        lambda: visit.ours("DescribeAccount", AccountId=account_id),
        lambda: visit.ours("ListPurposeRequests", AccountId=account_id)["Requests"],
        lambda: visit.ours("ListFindings", AccountId=account_id)["Findings"],
        lambda: visit.ours("ListAppeals", AccountId=account_id)["Appeals"],
    )
    return visit.page("account.html", account=account, requests=requests, findings=findings, appeals=appeals)


def take_account(visit: Visit) -> Answer:
    """Change its standing."""
    form, account_id = visit.form, visit.parts["account"]
    if form.one("do") != "standing":
        raise BadForm("it does not say what is to be done")
    changed = visit.ours(
        "ChangeStanding", AccountId=account_id, Standing=form.one("standing"), Reason=form.one("reason")
    )
    told = (
        "The termination is proposed: another officer has to say the same."
        if changed["Proposed"]
        else f"The account stands as {changed['Standing']}."
    )
    return visit.goto(f"{PATH}/accounts/{account_id}", told=told)
