"""Who may do what: purposes, Cedar policies and rule packs; default deny."""

from countenance.policy.decision import AccessRequest, BrokenRule, Decision, Resource, Verdict
from countenance.policy.engine import PolicyEngine
from countenance.policy.purposes import Purpose, load_purposes

__all__ = [
    "AccessRequest",
    "BrokenRule",
    "Decision",
    "PolicyEngine",
    "Purpose",
    "Resource",
    "Verdict",
    "load_purposes",
]
