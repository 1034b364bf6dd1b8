"""The rules in force, and the packs that they come from."""

from __future__ import annotations

from countenance.console.visit import Visit
from countenance.gateway.call import Answer


def show(visit: Visit) -> Answer:
    """Every rule and every pack."""
    rules = visit.ours("ListRules")
    return visit.page(
        "policy.html",
        rules=rules["Rules"],
        digest=rules["PolicyDigest"],
        packs=visit.find("ListPacks", otherwise={"Packs": []})["Packs"],
    )
