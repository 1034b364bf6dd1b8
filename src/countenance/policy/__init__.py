"""Who may do what: Cedar policies, default deny."""

from countenance.policy.decision import AccessRequest, Decision, Resource, Verdict
from countenance.policy.engine import PolicyEngine

__all__ = ["AccessRequest", "Decision", "PolicyEngine", "Resource", "Verdict"]
