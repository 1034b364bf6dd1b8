"""Who works for the account: added, invited and removed by administrators."""

from __future__ import annotations

from countenance.accounts.operators import OPERATOR_ROLES
from countenance.console.request import BadForm
from countenance.console.visit import Visit
from countenance.gateway.call import Answer

PATH = "/console/people"


def show(visit: Visit) -> Answer:
    """Everybody, by name."""
    return _page(visit)


def take(visit: Visit) -> Answer:
    """Add somebody or change their roles, invite them, confirm who they are, or remove them."""
    form, name = visit.form, visit.form.one("name")
    match form.one("do"):
        case "put":
            visit.ours("PutOperator", OperatorName=name, Roles=form.many("role"))
            return visit.goto(PATH, told="It is done. Invite them if they cannot sign in yet.")
        case "invite":
            visit.require_first(
                "If it made an invitation, its code was shown once and still counts: if you did not note it, "
                "invite them anew, which ends the older one."
            )
            return _page(
                visit, invited=visit.ours("InviteOperator", OperatorName=name) | {"OperatorName": name}
            )
        case "confirm":
            visit.ours("ConfirmOperator", OperatorName=name)
            return visit.goto(PATH, told="They are confirmed as a person of their own.")
        case "remove":
            visit.ours("RemoveOperator", OperatorName=name)
            return visit.goto(PATH, told="They are removed, and signed out.")
        case _:
            raise BadForm("it does not say what is to be done")


def _page(visit: Visit, invited: dict[str, str] | None = None) -> Answer:
    return visit.page(
        "people.html",
        operators=visit.ours("ListOperators")["Operators"],
        known_roles=[role for role in OPERATOR_ROLES if role != "officer"],  # given on the machine
        invited=invited,
    )
