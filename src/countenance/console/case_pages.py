"""Cases: opened, authorised, closed, and what came of them; and how a held search stands."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final, get_args

from countenance.casework.cases import Outcome
from countenance.console.request import BadForm
from countenance.console.visit import Visit
from countenance.gateway.call import Answer
from countenance.policy.purposes import load_purposes

PATH: Final = "/console/cases"
_MOST_DAYS: Final = 366
_UUID_LETTERS: Final = 36


def show(visit: Visit) -> Answer:
    """Cases, the newest first; one review, if it is asked for."""
    asked = visit.request.asked()
    overdue, review = asked.get("overdue") == "yes", asked.get("review", "").strip()
    page = visit.ours("ListCases", MaxResults=50, OutcomeDue=overdue or None, NextToken=asked.get("after"))
    return visit.page(
        "cases.html",
        cases=page["Cases"],
        after=page.get("NextToken"),
        overdue=overdue,
        review=review,
        held=_held(visit, review) if len(review) == _UUID_LETTERS else None,
        purposes=[name for name, each in load_purposes().items() if "case" in each.requires],
        outcomes=get_args(Outcome),
    )


def take(visit: Visit) -> Answer:
    """Open, close, authorise, sign for evidence, or report what came of it."""
    form = visit.form
    case = form.one("case")
    match form.one("do"):
        case "open":
            visit.require_first("If it opened a case, that is among those below.")
            visit.ours(
                "OpenCase",
                Case=form.one("name"),
                Purpose=form.one("purpose"),
                Reason=form.one("reason"),
                LegalBasis=form.one("legal_basis"),
                ExpiresAt=(datetime.now(UTC) + timedelta(days=_days(form.one("days")))).timestamp(),
                Urgent=True if form.one("urgent") else None,
            )
            told = "The case is open."
        case "close":
            visit.ours("CloseCase", CaseId=case)
            told = "The case is closed, and what was held or released of it is purged."
        case "authorize":
            visit.ours("PutCaseAuthorization", CaseId=case, AuthorizationReference=form.one("reference"))
            told = "The authorisation is on record."
        case "sign":
            visit.ours("SignEvidence", CaseId=case, EvidenceReference=form.one("reference"))
            told = "You have signed for the evidence."
        case "report":
            visit.ours("ReportOutcome", CaseId=case, Outcome=form.one("outcome"))
            told = "The outcome is reported."
        case _:
            raise BadForm("it does not say what is to be done")
    return visit.goto(PATH, told=told)


def _held(visit: Visit, review: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = visit.find("GetReview", otherwise=None, ReviewId=review)
    if found is None:
        return None
    answer = (
        json.dumps(json.loads(found["Answer"]), indent=2, ensure_ascii=False) if "Answer" in found else ""
    )
    return found | {"Shown": answer}


def _days(text: str) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(_MOST_DAYS))
    if not is_number or not 1 <= int(text) <= _MOST_DAYS:
        raise BadForm(f"a case lasts 1 to {_MOST_DAYS} days")
    return int(text)
