"""The rules in force, the packs that they come from, and why a call is refused."""

from __future__ import annotations

import json
from typing import Any

from countenance.console.calls import CallRefused
from countenance.console.visit import Visit
from countenance.gateway.call import Answer
from countenance.policy.groups import GROUPS

_EXAMPLE = {"operation": "rekognition:SearchFacesByImage", "purpose": "photo-library", "threshold": 80}


def show(visit: Visit) -> Answer:
    """Every rule and every pack."""
    rules = visit.ours("ListRules")
    return visit.page(
        "policy.html",
        rules=rules["Rules"],
        digest=rules["PolicyDigest"],
        packs=visit.find("ListPacks", otherwise={"Packs": []})["Packs"],
    )


def explain(visit: Visit) -> Answer:
    """What policy would say of a call, without making it."""
    text = visit.form.values.get("call", ("",))[-1] if visit.request.method == "POST" else ""
    found: dict[str, Any] | None = None
    wrong = ""
    if text:
        try:
            found = visit.ours("ExplainCall", Call=text)
        except CallRefused as error:
            wrong = error.message
    return visit.page(
        "explain.html",
        call=text or json.dumps(_EXAMPLE, indent=2),
        found=found,
        wrong=wrong,
        operations=sorted({name for kind, names in GROUPS.items() if kind != "stream" for name in names}),
    )
