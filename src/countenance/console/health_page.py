"""How the server is, and what to do where it is not well."""

from __future__ import annotations

from countenance.console.visit import Visit
from countenance.gateway.call import Answer


def show(visit: Visit) -> Answer:
    """What is wrong first. That figures of the machine are for officers alone, the gateway sees to."""
    system = visit.ours("DescribeSystem")
    order = ("wrong", "note", "ok")
    checks = sorted(system["Checks"], key=lambda check: order.index(check["State"]))
    return visit.page(
        "health.html",
        state=system["State"],
        at=system["At"],
        checks=checks,
        is_whole=any(check["Subject"] == "disk" for check in checks),
    )
