"""The adapter to Cedar: one call, `decide`, and only a clean Allow is an allow.

Three ways in which Cedar through cedarpy could let a call pass are closed here: a forbid whose
evaluation fails is skipped by Cedar (policies are validated strictly, requests as well, and any
error is a deny); an entity that was not loaded is taken for one that does not exist (the slice is
checked to be closed); and NoDecision is a third value (the test is for Allow, never for "not Deny").
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

import cedarpy

from countenance.errors import SetupError
from countenance.policy.decision import AccessRequest, Decision, Verdict
from countenance.policy.entities import OpenSlice, require_closed, resource_uid, slice_for, uid

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_BROKEN_PACKAGE = "reinstall Countenance"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a policy says about itself."""

    rule_id: str
    is_forbid: bool
    message: str
    remedy: str

    def __str__(self) -> str:
        return (
            f"{self.rule_id}: {self.message}; {self.remedy}"
            if self.remedy
            else f"{self.rule_id}: {self.message}"
        )


class PolicyEngine:
    """Decides calls by a fixed policy set. Thread-safe, no state beyond the parsed handles.

    Attributes:
        digest: SHA-256 over schema, actions and policies, hexadecimal: kept in every event.
        rules: by `@id`.
    """

    def __init__(self, policies: str, schema: str) -> None:
        """Parse and validate, strictly.

        Raises:
            SetupError: what does not parse or validate, names an id twice, or lacks id or message.
        """
        try:
            self._schema = cedarpy.Schema.from_str(schema)
            self._policies = cedarpy.PolicySet.from_str(policies)
        except ValueError as error:
            raise SetupError(f"the policies cannot be read: {error}", remedy=_BROKEN_PACKAGE) from error
        validation = cedarpy.validate_policies(policies, self._schema)
        if not validation.validation_passed:
            problems = "; ".join(str(error) for error in validation.errors)
            raise SetupError(f"the policies do not fit their schema: {problems}", remedy=_BROKEN_PACKAGE)
        self.rules = _read_rules(policies)
        self.digest = hashlib.sha256(json.dumps([schema, policies]).encode()).hexdigest()

    @classmethod
    def load(cls, operations: Mapping[str, Iterable[str]]) -> PolicyEngine:
        """The core policies, with an action for each operation.

        Args:
            operations: names of operations by the name of their service.

        Raises:
            SetupError: the package's own policies are damaged.
        """
        folder = resources.files("countenance.policy")
        types = folder.joinpath("schema.cedarschema").read_text("utf-8")
        return cls(folder.joinpath("core.cedar").read_text("utf-8"), types + actions_schema(operations))

    def decide(self, request: AccessRequest) -> Verdict:
        """Whether the call may go on. Never raises: what cannot be decided is denied."""
        resource, entities = resource_uid(request), slice_for(request)
        caller = uid("Caller", request.access_key_id)
        try:
            require_closed(entities, caller, resource)
            answer = cedarpy.is_authorized(
                {
                    "principal": caller,
                    "action": uid("Action", f"{request.service}:{request.operation}"),
                    "resource": resource,
                    "context": {},
                },
                self._policies,
                json.dumps(entities),
                self._schema,
            )
        except (OpenSlice, ValueError, TypeError) as error:
            return _undecided(request, [str(error)])
        return self._to_verdict(request, answer)

    def _to_verdict(self, request: AccessRequest, answer: cedarpy.AuthzResult) -> Verdict:
        diagnostics = answer.diagnostics
        if diagnostics.errors or answer.decision is cedarpy.Decision.NoDecision:
            return _undecided(request, diagnostics.errors or ["no decision"])
        rule_ids = tuple(sorted(diagnostics.id_annotations_by_reason.values()))
        if answer.decision is cedarpy.Decision.Allow:
            return Verdict(Decision.ALLOW, rule_ids, (), "")
        return Verdict(Decision.DENY, rule_ids, (), self._explain(request, rule_ids))

    def _explain(self, request: AccessRequest, rule_ids: Iterable[str]) -> str:
        broken = [str(self.rules[rule_id]) for rule_id in rule_ids]
        return ". ".join(broken) or f"no rule allows `{request.service}:{request.operation}` to this caller"


def actions_schema(operations: Mapping[str, Iterable[str]]) -> str:
    """Cedar's declaration of one action for each operation.

    Generated, not kept in a file: a list by hand would be a second truth beside the service models,
    and the operation that somebody forgets there could not be called, or, worse, be left out of a rule.

    Raises:
        ValueError: a name that is not a plain identifier.
    """
    lines = []
    for service in sorted(operations):
        for name in sorted(operations[service]):
            if not (_NAME.fullmatch(service) and _NAME.fullmatch(name)):
                raise ValueError(f"`{service}:{name}` cannot be an action")
            lines.append(
                f'action "{service}:{name}" appliesTo '
                "{ principal: Caller, resource: [Account, Collection], context: {} };"
            )
    return "\n".join(["", *lines, ""])


def _undecided(request: AccessRequest, errors: Iterable[str]) -> Verdict:
    message = f"`{request.service}:{request.operation}` could not be decided and is refused"
    return Verdict(Decision.DENY, (), tuple(errors), message)


def _read_rules(policies: str) -> dict[str, Rule]:
    parsed: dict[str, Any] = json.loads(cedarpy.policies_to_json_str(policies))
    if parsed["templates"]:
        raise SetupError("a policy is a template, and nothing would link it", remedy=_BROKEN_PACKAGE)
    rules: dict[str, Rule] = {}
    for name, policy in parsed["staticPolicies"].items():
        said = policy.get("annotations", {})
        rule = Rule(
            said.get("id") or "",
            policy["effect"] == "forbid",
            said.get("message") or "",
            said.get("remedy") or "",
        )
        if not rule.rule_id or not rule.message or (rule.is_forbid and not rule.remedy):
            raise SetupError(
                f"policy `{rule.rule_id or name}` lacks its id, message or remedy", remedy=_BROKEN_PACKAGE
            )
        if rule.rule_id in rules:
            raise SetupError(f"two policies have the id `{rule.rule_id}`", remedy=_BROKEN_PACKAGE)
        rules[rule.rule_id] = rule
    return rules
