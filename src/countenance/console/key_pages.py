"""Keys of the account, the purposes that it has, and asking for one."""

from __future__ import annotations

from countenance.console.request import BadForm
from countenance.console.visit import Visit
from countenance.gateway.call import Answer

PATH = "/console/keys"
_A_PAGE = 100


def show(visit: Visit) -> Answer:
    """Keys and purposes; a new key's secret is told by `take`, once."""
    return _page(visit)


def take(visit: Visit) -> Answer:
    """Make a key, revoke one, or ask for a purpose."""
    form = visit.form
    match form.one("do"):
        case "create":
            visit.require_first(
                "If it made a key, that is among those below and its secret was shown once: if you did not "
                "note it, revoke the key and make another."
            )
            made = visit.ours(
                "CreateAccessKey", Operator=form.one("operator") or None, Purpose=form.one("purpose") or None
            )
            return _page(visit, made=made)
        case "revoke":
            visit.ours("RevokeAccessKey", AccessKeyId=form.one("key"))
            return visit.goto(PATH, told="The key is revoked.")
        case "request":
            visit.ours("RequestPurpose", Purpose=form.one("purpose"), Justification=form.one("justification"))
            return visit.goto(PATH, told="The purpose is asked for; an officer decides.")
        case _:
            raise BadForm("it does not say what is to be done")


def _page(visit: Visit, made: dict[str, str] | None = None) -> Answer:
    purposes = visit.ours("ListPurposes")["Purposes"]
    keys = visit.ours("ListAccessKeys", MaxResults=_A_PAGE, NextToken=visit.request.asked().get("after"))
    return visit.page(
        "keys.html",
        keys=keys["AccessKeys"],
        after=keys.get("NextToken"),
        purposes=purposes,
        approved=[each["Name"] for each in purposes if each.get("Status") == "approved"],
        requests=visit.find("ListPurposeRequests", otherwise={"Requests": []})["Requests"],
        made=made,
    )
