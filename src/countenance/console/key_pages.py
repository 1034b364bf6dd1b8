"""Keys of the account, the purposes that it has, and asking for one."""

from __future__ import annotations

from countenance.console.request import BadForm
from countenance.console.visit import Visit
from countenance.gateway.call import Answer

PATH = "/console/keys"


def show(visit: Visit) -> Answer:
    """Keys and purposes; a new key's secret is told by `take`, once."""
    return _page(visit)


def take(visit: Visit) -> Answer:
    """Make a key, revoke one, ask for a purpose, or decide about one that was asked for."""
    form = visit.form
    match form.one("do"):
        case "create":
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
        case "decide":
            visit.ours(
                "DecidePurposeRequest",
                RequestId=form.one("request"),
                Decision=form.one("decision"),
                Reason=form.one("reason"),
            )
            return visit.goto(PATH, told="It is decided.")
        case _:
            raise BadForm("it does not say what is to be done")


def _page(visit: Visit, made: dict[str, str] | None = None) -> Answer:
    purposes = visit.ours("ListPurposes")["Purposes"]
    return visit.page(
        "keys.html",
        keys=visit.find("ListAccessKeys", otherwise={"AccessKeys": []}, MaxResults=100)["AccessKeys"],
        purposes=purposes,
        approved=[each["Name"] for each in purposes if each.get("Status") == "approved"],
        requests=visit.find("ListPurposeRequests", otherwise={"Requests": []})["Requests"],
        made=made,
    )
