"""The charter of a collection, narrowed: never widened, and said before it is done."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from countenance.console.request import BadForm
from countenance.console.visit import Visit
from countenance.gateway.call import Answer

_WORDS: Final = {
    "Purposes": "Purposes",
    "LegalBasis": "Legal basis",
    "FaceCap": "Most faces",
    "RetentionDays": "Days that faces are kept",
    "MinorsAllowed": "Minors are allowed",
}


def show(visit: Visit) -> Answer:
    """The charter as a form; beside it what would change, once that was asked for."""
    name = visit.parts["collection"]
    charter = visit.ours("DescribeCharter", CollectionId=name)["Charter"]
    wanted: dict[str, Any] = {}
    try:
        wanted = _wanted(visit, charter) if visit.posted() else {}
    except BadForm as error:
        visit.wrong = visit.wrong or str(error)
    changes = [(_WORDS[what], charter.get(what), value) for what, value in wanted.items()]
    return visit.page(
        "charter.html",
        name=name,
        charter=charter,
        changes=changes,
        was_asked=bool(visit.posted()),
        said=_said(visit) if visit.posted() else None,
        wrong=visit.wrong,
    )


def take(visit: Visit) -> Answer:
    """Say what would change; with `sure`, change it."""
    name = visit.parts["collection"]
    charter = visit.ours("DescribeCharter", CollectionId=name)["Charter"]
    wanted = _wanted(visit, charter)
    if visit.form.one("do") != "change" or not wanted:
        return show(visit)
    visit.ours("PutCharter", CollectionId=name, **wanted)
    return visit.goto(f"/console/collections/{quote(name)}", told="The charter is changed.")


def _said(visit: Visit) -> dict[str, Any]:
    """What was typed, as it was: a form that was refused loses nothing."""
    form = visit.form
    names = ("legal_basis", "face_cap", "retention_days", "minors")
    return {name: form.one(name) for name in names} | {"purposes": form.many("purpose")}


def _wanted(visit: Visit, charter: dict[str, Any]) -> dict[str, Any]:
    """What the form says otherwise than the charter.

    Raises:
        BadForm: a number that is none.
    """
    form = visit.form
    said: dict[str, Any] = {
        "Purposes": form.many("purpose"),
        "LegalBasis": form.one("legal_basis"),
        "FaceCap": _number(form.one("face_cap"), "the most faces"),
        "RetentionDays": _number(form.one("retention_days"), "the days that faces are kept"),
        "MinorsAllowed": form.one("minors") == "yes",
    }
    if not said["Purposes"]:
        raise BadForm("a charter has one purpose at least")
    return {
        name: value
        for name, value in said.items()
        if value is not None and value != charter.get(name, "" if name == "LegalBasis" else None)
    }


def _number(text: str, what: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 12:
        raise BadForm(f"{what} are a whole number")
    return int(text)
