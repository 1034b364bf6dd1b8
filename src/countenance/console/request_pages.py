"""What people ask about their own faces: what waits and until when, and the answers that the law knows."""

from __future__ import annotations

from typing import Any, Final

from countenance.console.request import BadForm
from countenance.console.visit import Visit
from countenance.gateway.call import Answer
from countenance.operations.whose import ALL

PATH: Final = "/console/requests"
KINDS: Final = {
    "access": "a copy of what is held, and what it was used for",
    "erasure": "erase the faces",
    "objection": "an objection to the faces being used",
    "withdrawal": "consent taken back",
}
_ERASES: Final = frozenset({"erasure", "objection", "withdrawal"})
_SOON_DAYS: Final = 7
_MONTHS: Final = ("1", "2")


def show(visit: Visit) -> Answer:
    """What waits, what is due first before the rest; and what was decided, if that is asked for."""
    return _list(visit)


def take(visit: Visit) -> Answer:
    """Open a request for somebody, or give somebody a code."""
    form = visit.form
    match form.one("do"):
        case "open":
            visit.require_first("If it opened a request, that is among those below.")
            code = form.one("code")
            of_whom: dict[str, Any] = (
                {"Code": code} if code else _scope(visit) | {"Attestation": _seen(visit)}
            )
            opened = visit.ours("OpenSubjectRequest", Kind=form.one("kind"), **of_whom)["Request"]
            return visit.goto(f"{PATH}/{opened['RequestId']}", told="The request is open.")
        case "code":
            visit.require_first(
                "If it made a code, that was shown once and counts: if you did not note it, give another, "
                "which ends the older one."
            )
            return _list(visit, code=visit.ours("IssueEnrolmentCode", **_scope(visit))["Code"])
        case _:
            raise BadForm("it does not say what is to be done")


def show_one(visit: Visit) -> Answer:
    """One request, what it is about, and what may be answered."""
    found = visit.ours("GetSubjectRequest", RequestId=visit.parts["request"])["Request"]
    return _one(visit, found)


def take_one(visit: Visit) -> Answer:
    """Grant or refuse it, put it off, forget a template that was kept; or look: a report, a proof."""
    form, number = visit.form, visit.parts["request"]
    match form.one("do"):
        case "grant" | "refuse" as decision:
            return _decided(visit, number, decision)
        case "extend":
            if form.one("months") not in _MONTHS:
                raise BadForm("it is put off by one month or two")
            visit.ours(
                "ExtendSubjectRequest",
                RequestId=number,
                Months=int(form.one("months")),
                Reason=form.one("reason"),
            )
            return visit.goto(f"{PATH}/{number}", told="It is put off, once; the person reads the reason.")
        case "forget":
            _require_sure(visit)
            gone = visit.ours("WithdrawObjection", RequestId=number)["Forgotten"]
            told = f"{gone} kept template{'s are' if gone > 1 else ' is'} forgotten."
            told = told if gone else "No template was kept by it."
            return visit.goto(f"{PATH}/{number}", told=told)
        case "report":
            return _one(visit, _found(visit), report=visit.ours("GetAccessReport", RequestId=number)["Text"])
        case "proof":
            return _one(visit, _found(visit), proof=visit.ours("GetErasureProof", RequestId=number))
        case _:
            raise BadForm("it does not say what is to be done")


def _decided(visit: Visit, number: str, decision: str) -> Answer:
    form, found = visit.form, _found(visit)
    erases = found["Kind"] in _ERASES and decision == "grant"
    if erases:
        _require_sure(visit)
    visit.ours(
        "DecideSubjectRequest",
        RequestId=number,
        Decision=decision,
        Reason=form.one("reason"),
        BlockConsent=(form.one("consent") or None) if erases else None,
    )
    told = "It is refused: tell the person that they may complain to a supervisory authority."
    if decision == "grant":
        told = "It is granted, and the faces are erased." if erases else "It is granted."
    return visit.goto(f"{PATH}/{number}", told=told)


def _list(visit: Visit, code: str = "") -> Answer:
    asked = visit.request.asked()
    of_house = asked.get("whose") == "house" and visit.is_officer
    decided = asked.get("decided") == "1"
    listed = visit.ours(
        "ListSubjectRequests",
        AccountId=ALL if of_house else None,
        Status=None if decided else "open",
    )["Requests"]
    return visit.page(
        "requests.html",
        requests=listed,
        kinds=KINDS,
        soon_days=_SOON_DAYS,
        of_house=of_house,
        decided=decided,
        is_officer=visit.is_officer,
        code=code,
        doing=visit.was("do"),
    )


def _one(
    visit: Visit, found: dict[str, Any], report: str = "", proof: dict[str, Any] | None = None
) -> Answer:
    return visit.page(
        "request.html",
        request=found,
        kinds=KINDS,
        erases=found["Kind"] in _ERASES,
        is_own=found["AccountId"] == visit.session.account_id,
        soon_days=_SOON_DAYS,
        report=report,
        proof=proof,
        doing=visit.was("do"),
    )


def _found(visit: Visit) -> dict[str, Any]:
    found: dict[str, Any] = visit.ours("GetSubjectRequest", RequestId=visit.parts["request"])["Request"]
    return found


def _scope(visit: Visit) -> dict[str, Any]:
    """Whose faces the form names: a user's, or those of some ids; the gateway checks that it is one."""
    form = visit.form
    faces = form.one("faces").replace(",", " ").split()
    return {
        "CollectionId": form.one("collection"),
        "UserId": form.one("user") or None,
        "FaceIds": faces or None,
    }


def _seen(visit: Visit) -> str:
    attestation = visit.form.one("attestation")
    if not attestation:
        raise BadForm("say how you know that it is they who ask, or give their code")
    return attestation


def _require_sure(visit: Visit) -> None:
    if visit.form.one("sure") != "yes":
        raise BadForm("nothing was done: the box that says that it cannot be undone is not ticked")
