"""Rule packs: what each is, what using it would change, and the officers' way to begin and end its use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from countenance.console.calls import CallRefused
from countenance.console.request import BadForm
from countenance.console.visit import Visit
from countenance.gateway.call import Answer

_IN_USE: Final = frozenset({"enforce", "shadow", "ended"})
_DAYS: Final = (1, 7, 30, 90, 365)
_ENTRIES: Final = (1_000, 5_000)
_DAY_S: Final = 86_400
_COMING: Final = "coming."
_GOING: Final = "going."


def show(visit: Visit) -> Answer:
    """One pack."""
    pack = _require(visit)
    return visit.page(
        "pack.html",
        pack=pack,
        is_used=pack["State"] in _IN_USE,
        rules=[rule for rule in visit.ours("ListRules")["Rules"] if rule["Pack"] == pack["Pack"]],
        is_officer=visit.is_officer,
    )


def take(visit: Visit) -> Answer:
    """Begin or end its use: by an officer, who has said to know what it changes."""
    form, name = visit.form, visit.parts["pack"]
    if form.one("sure") != "yes":
        raise BadForm("the box that says that you know what it changes is not ticked")
    match form.one("do"):
        case "activate":
            accounts = form.one("accounts").replace(",", " ").split()
            visit.ours("ActivatePack", Pack=name, Mode=form.one("mode"), AccountIds=accounts or None)
            return visit.goto(f"/console/policy/packs/{name}", told="It is in use from the next call on.")
        case "deactivate":
            visit.ours("DeactivatePack", Pack=name)
            return visit.goto(f"/console/policy/packs/{name}", told="It is in use no more.")
        case _:
            raise BadForm("it does not say what is to be done")


def simulate(visit: Visit) -> Answer:
    """What a change would have meant. It changes nothing, so it is asked for by GET, and can be linked to."""
    asked = {name: value for name, value in visit.request.asked().items() if value}
    packs = visit.ours("ListPacks")["Packs"]
    days, entries = _number(asked, "days", _DAYS, 30), _number(asked, "entries", _ENTRIES, _ENTRIES[0])
    coming, going = (
        [name.removeprefix(prefix) for name in asked if name.startswith(prefix)]
        for prefix in (_COMING, _GOING)
    )
    found, wrong = None, ""
    if "run" in asked:
        try:
            found = visit.ours(
                "SimulatePolicy",
                Activate=coming or None,
                Deactivate=going or None,
                Since=int(visit.calls.now().timestamp()) - days * _DAY_S,
                MaxEntries=entries,
                NextToken=asked.get("after"),
            )
        except CallRefused as error:
            wrong = f"{error.code}: {error.message}"
    return visit.page(
        "simulate.html",
        coming=[each for each in packs if each["State"] in {"available", "shadow"}],
        going=[each for each in packs if each["State"] == "enforce"],
        chosen=frozenset((*coming, *going)),
        days=days,
        entries=entries,
        choices={"days": _DAYS, "entries": _ENTRIES},
        found=found,
        further=_further(asked, found),
        leaving=going,
        wrong=wrong,
    )


def _further(asked: Mapping[str, str], found: Mapping[str, Any] | None) -> str:
    """Where the entries before these are judged; empty if there are none."""
    token = (found or {}).get("NextToken")
    return "?" + urlencode({**asked, "after": token}) if token else ""


def _number(asked: Mapping[str, str], name: str, choices: Sequence[int], usual: int) -> int:
    """What was chosen; the usual where it is no choice."""
    return next((each for each in choices if str(each) == asked.get(name)), usual)


def _require(visit: Visit) -> dict[str, Any]:
    """The pack that the path names.

    Raises:
        CallRefused: there is none.
    """
    name = visit.parts["pack"]
    packs: list[dict[str, Any]] = visit.ours("ListPacks")["Packs"]
    found = next((each for each in packs if each["Pack"] == name), None)
    if found is None:
        raise CallRefused(
            code="ResourceNotFoundException",
            message=f"there is no pack `{name}` here",
            status=404,
            event_id="",
        )
    return found
