"""What detectors of misuse may look at for some weeks: references and figures of a call that used a face."""

from __future__ import annotations

from typing import Any

from countenance.audit import Observation
from countenance.gateway.call import Performed
from countenance.gateway.facts import Facts
from countenance.gateway.services import GatewayServices
from countenance.policy.groups import kinds_of

_KINDS = {
    "search": "search",
    "enrol": "enrol",
    "compare": "compare",
    "analyse": "analyse",
    "associate": "compare",
}
"""Kind of action → what it is to detectors: faces that are given to a user are compared with the user's."""
_MOST_FACES = 20


def observation_of(call: Performed, facts: Facts, services: GatewayServices) -> Observation | None:
    """None for a call that used no face, or repeats an answer."""
    kinds = kinds_of(call.operation.name)
    kind = call.report.seen_as or next((seen for of, seen in _KINDS.items() if of in kinds), None)
    if kind is None or call.caller.purpose is None or call.is_replay:
        return None
    told = [touch.id for touch in facts.touched if touch.role == "candidate"]
    if kind == "compare" and not told:  # what one photo was compared with, where that is enrolled
        told = [touch.id for touch in facts.touched if touch.role == "named"]
    seen: dict[str, Any] = {
        "collection": facts.collection,
        "operator": call.caller.operator,
        "key": call.caller.access_key_id,
        "case": call.caller.claims.case,
        "inputs": call.report.inputs,
        "scene": f"{call.report.scenes[0]:016x}" if call.report.scenes else None,
        "client": _client(call, services),
        "threshold": facts.threshold_asked,
        "candidates": facts.candidates,
        "scores": _scores(call, facts),
        "enrolled": facts.enrolled,
        "faces": told[:_MOST_FACES] or None,
        "age": call.caller.claims.age if call.caller.claims.age != "unknown" else None,
        "live": call.caller.claims.live or None,
    }
    known = {name: value for name, value in seen.items() if value is not None}
    return Observation(call.caller.purpose, kind, known)


def _client(call: Performed, services: GatewayServices) -> str:
    """Who was at the other end, as a word that only this account's key gives: neither address nor program."""
    key = services.audit.keys.account(call.caller.account_id)
    agent = call.head.headers.get("user-agent", "")
    return key.pseudonym("client", f"{call.head.client} {agent}")[:8].hex()


def _scores(call: Performed, facts: Facts) -> int | None:
    if "Similarity" in call.response.get("Compared", call.response):  # how alike two are
        return 1
    unmatched = call.response.get("UnmatchedFaces")
    return facts.candidates if unmatched is None else (facts.candidates or 0) + len(unmatched)
