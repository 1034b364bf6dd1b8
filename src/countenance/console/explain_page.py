"""Why a call is refused, or was: a call in JSON, or one out of the log, judged by the rules in force now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from countenance.console.calls import CallRefused
from countenance.console.log_pages import NOT_THERE
from countenance.console.visit import Visit
from countenance.gateway.call import Answer
from countenance.policy.groups import GROUPS
from countenance.policy.recalled import recall

_EXAMPLE: Final = {"operation": "rekognition:SearchFacesByImage", "purpose": "photo-library", "threshold": 80}
_OPERATIONS: Final = sorted({name for kind, names in GROUPS.items() if kind != "stream" for name in names})


def show(visit: Visit) -> Answer:
    """The form; for an event of the log it is filled in, and what was decided then stands beside now."""
    event = visit.request.asked().get("event", "")
    return _of_event(visit, event) if event else _page(visit, json.dumps(_EXAMPLE, indent=2))


def take(visit: Visit) -> Answer:
    """What policy would say of the call that was posted, and not make it; beside then, if it was recorded."""
    text, event = (visit.form.values.get(name, ("",))[-1] for name in ("call", "event"))
    if event:
        return _of_event(visit, event, text)
    return _judged(visit, text) if text else show(visit)


def _of_event(visit: Visit, event: str, text: str = "") -> Answer:
    """Args: text: the call as somebody has filled it in further; empty for as the entry says it."""
    shown = text or json.dumps(_EXAMPLE, indent=2)
    try:
        members = json.loads(visit.ours("GetInclusionProof", EventId=event)["Entry"])
        recalled = recall(members)
    except CallRefused as error:
        if error.code not in NOT_THERE:
            raise
        return _page(visit, shown, wrong=error.message, status=404)
    except ValueError as error:
        return _page(visit, shown, wrong=f"That entry cannot be judged: {error}.", status=400)
    then = _then(visit, event, members)
    return _judged(visit, text or json.dumps(recalled.call, indent=2), then=then, unsaid=recalled.unsaid)


def _judged(visit: Visit, text: str, **values: Any) -> Answer:
    try:
        found = visit.ours("ExplainCall", Call=text)
    except CallRefused as error:
        return _page(visit, text, wrong=error.message, status=error.status, **values)
    return _page(visit, text, found=found, **values)


def _page(visit: Visit, text: str, *, wrong: str = "", **values: Any) -> Answer:
    given: dict[str, Any] = {"found": None, "then": None, "unsaid": ()}
    return visit.page("explain.html", call=text, wrong=wrong, operations=_OPERATIONS, **(given | values))


def _then(visit: Visit, event: str, members: Mapping[str, Any]) -> dict[str, Any]:
    """What was decided when the call was made, and by which rules, in the words of now, if any."""
    broken = members.get("rules", []) if members.get("decision") == "deny" else []
    known = {rule["RuleId"]: rule for rule in visit.ours("ListRules")["Rules"]}
    return {
        "event": event,
        "time": members["time"],
        "operation": members["operation"],
        "decision": members.get("decision", "none"),
        "outcome": members.get("outcome", ""),
        "broken": [(rule_id, known.get(rule_id, {})) for rule_id in broken],
    }
