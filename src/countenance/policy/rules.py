"""Cedar text taken apart: what each policy says of itself, and what kind of policy it may be."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import cedarpy

from countenance.errors import SetupError

CORE = "core"
_RULE_ID = re.compile(r"[A-Z][A-Za-z0-9.-]{1,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One policy.

    Attributes:
        pack: where it stands; `core` for ours.
        obligation: the duty that it stands for, if it is one.
        since, until: the days from which and up to which it is in force; None: no such bound.
        text: the policy as Cedar has it.
    """

    rule_id: str
    pack: str
    is_forbid: bool
    message: str
    remedy: str
    cite: str
    obligation: str
    since: date | None
    until: date | None
    text: str

    def state(self, today: date) -> str:
        """`shadow` before its day, `ended` after it, else `enforce`."""
        if self.since is not None and today < self.since:
            return "shadow"
        return "ended" if self.until is not None and today > self.until else "enforce"


def read_rules(
    text: str,
    *,
    pack: str = CORE,
    remedy: str = "reinstall Countenance",
    since: date | None = None,
    until: date | None = None,
) -> list[Rule]:
    """The policies of one file, in its order.

    Args:
        remedy: of a damaged file, for whoever runs the server.
        since, until: where a policy does not say itself.

    Raises:
        SetupError: what does not parse, is a template, or lacks an id, message or remedy.
    """
    try:
        parsed: dict[str, Any] = json.loads(cedarpy.policies_to_json_str(text))
    except ValueError as error:
        raise SetupError(f"policies of `{pack}` cannot be read: {error}", remedy=remedy) from error
    if parsed.get("templates"):
        raise SetupError(f"a policy of `{pack}` is a template, and nothing would link it", remedy=remedy)
    rules = []
    for name, policy in parsed["staticPolicies"].items():
        said = policy.get("annotations", {})
        rule = Rule(
            rule_id=said.get("id") or "",
            pack=pack,
            is_forbid=policy["effect"] == "forbid",
            message=said.get("message") or "",
            remedy=said.get("remedy") or "",
            cite=said.get("cite") or "",
            obligation=said.get("obligation") or "",
            since=_day(said.get("from"), pack, remedy) or since,
            until=_day(said.get("until"), pack, remedy) or until,
            text=_text_of(policy),
        )
        if not _RULE_ID.fullmatch(rule.rule_id) or not rule.message or (rule.is_forbid and not rule.remedy):
            raise SetupError(
                f"policy `{rule.rule_id or name}` of `{pack}` lacks its id, message or remedy", remedy=remedy
            )
        if pack != CORE and not _is_bound(policy, pack):
            raise SetupError(
                f'policy `{rule.rule_id}` of `{pack}` does not begin with `principal in Pack::"{pack}"`',
                remedy=remedy,
            )
        rules.append(rule)
    return rules


def require_unique(rules: list[Rule], *, remedy: str = "reinstall Countenance") -> Mapping[str, Rule]:
    """By id. Raises SetupError: two have one."""
    found: dict[str, Rule] = {}
    for rule in rules:
        if rule.rule_id in found:
            raise SetupError(f"two policies have the id `{rule.rule_id}`", remedy=remedy)
        found[rule.rule_id] = rule
    return found


def require_valid(text: str, schema: cedarpy.Schema, *, whose: str, remedy: str) -> None:
    """Refuse policies that could fail while they are evaluated: Cedar skips a forbid that does.

    Raises:
        SetupError: with each thing that does not fit the schema.
    """
    validation = cedarpy.validate_policies(text, schema)
    if not validation.validation_passed:
        problems = "; ".join(str(error) for error in validation.errors)
        raise SetupError(f"policies of `{whose}` do not fit the schema: {problems}", remedy=remedy)


def _text_of(policy: dict[str, Any]) -> str:
    return cedarpy.policies_from_json_str(
        json.dumps({"staticPolicies": {"policy0": policy}, "templates": {}, "templateLinks": []})
    )


def _is_bound(policy: dict[str, Any], pack: str) -> bool:
    scope = policy["principal"]
    return bool(scope.get("op") == "in" and scope.get("entity") == {"type": "Pack", "id": pack})


def _day(text: str | None, pack: str, remedy: str) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SetupError(f"`{text}` in `{pack}` is not a day", remedy=remedy) from None
