"""ListRules, ListPacks, ActivatePack, DeactivatePack, ExplainCall."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import orjson

from countenance.errors import InvalidParameterException
from countenance.facts import AccountFacts, ModelFacts
from countenance.operations.deps import Deps
from countenance.operations.evaluated_model import evaluated_model
from countenance.operations.whose import require_officer
from countenance.policy import AccessRequest, PolicyEngine, load_purposes
from countenance.policy.call_file import parse_call
from countenance.policy.decision import BrokenRule, review_of
from countenance.policy.packs import Pack
from countenance.policy.register import ActivePack
from countenance.policy.rules import Rule
from countenance.wire.shapes import (
    ActivatePackRequest,
    ActivatePackResponse,
    BrokenRuleSummary,
    DeactivatePackRequest,
    DeactivatePackResponse,
    ExplainCallRequest,
    ExplainCallResponse,
    ListPacksRequest,
    ListPacksResponse,
    ListRulesRequest,
    ListRulesResponse,
    PackDetail,
    RuleSummary,
)


def list_rules(_: ListRulesRequest, deps: Deps) -> ListRulesResponse:
    """Every rule and duty in force, and those that are only watched."""
    engine = _engine(deps)
    listed = [*engine.rules.values(), *engine.duties.values()]
    return {"Rules": [_to_rule(rule, engine) for rule in listed], "PolicyDigest": engine.digest}


def list_packs(_: ListPacksRequest, deps: Deps) -> ListPacksResponse:
    """Every pack that is here, in use or not."""
    today, active = datetime.now(UTC).date(), {each.pack: each for each in deps.packs.active()}
    return {
        "Packs": [
            to_detail(
                pack,
                active.get(name),
                pack_state(pack, active.get(name), pack.state(today)),
                shown_to=None if deps.caller.officer else deps.caller.account_id,
            )
            for name, pack in sorted(deps.packs.packs().items())
        ]
    }


def activate_pack(request: ActivatePackRequest, deps: Deps) -> ActivatePackResponse:
    """Use a pack from the next call on."""
    officer, mode = require_officer(deps), request.get("Mode", "enforce")
    for account_id in request.get("AccountIds", ()):
        deps.accounts.require_account(account_id)  # a typo must not enforce it for nobody
    pack = deps.packs.activate(
        request["Pack"],
        mode=mode,
        accounts=request.get("AccountIds"),
        by=officer,
        build=deps.policies.build,
        connection=deps.uow.connection,
    )
    state = pack.state(datetime.now(UTC).date())
    return {
        "Pack": pack.pack_id,
        "Version": pack.manifest.version,
        "Digest": pack.digest,
        "State": "shadow" if mode == "shadow" else state,
        "LegalReview": pack.manifest.legal_review,
    }


def deactivate_pack(request: DeactivatePackRequest, deps: Deps) -> DeactivatePackResponse:
    """Use a pack no more."""
    require_officer(deps)
    deps.packs.deactivate(request["Pack"], connection=deps.uow.connection)
    return {}


def explain_call(request: ExplainCallRequest, deps: Deps) -> ExplainCallResponse:
    """What policy would say to a call of the caller's account."""
    try:
        told = orjson.loads(request["Call"])  # strictly: its words come back in messages, which must be UTF-8
        if not isinstance(told, dict):
            raise ValueError("the call is not an object")  # noqa: TRY004, TRY301  # told to the caller
        told["account"] = {"id": deps.caller.account_id}
        own = deps.caller.purpose
        asked = parse_call({"purpose": own, "own_purpose": own} | told if own else told)
    except ValueError as error:
        raise InvalidParameterException(f"`Call` cannot be read: {error}") from None
    if "model" not in told:
        asked = replace(asked, model=_own_model(asked, deps))
    verdict = _engine(deps).decide(replace(asked, account=_own_account(deps)))
    return {
        "Decision": verdict.decision.value,
        "BrokenRules": [to_broken(rule) for rule in verdict.broken],
        "Obligations": list(verdict.obligations),
        "Shadow": list(verdict.shadow),
        "PolicyDigest": verdict.policy_digest,
    }


def to_broken(rule: BrokenRule) -> BrokenRuleSummary:
    """A rule that a call broke, as ExplainCall tells it."""
    summary: BrokenRuleSummary = {
        "RuleId": rule.rule_id,
        "Pack": rule.pack,
        "Message": rule.message,
        "Remedy": rule.remedy,
        "Citation": rule.cite,
    }
    if (review := review_of(rule.pack)) is not None:
        summary["LegalReview"] = review
    return summary


def pack_state(pack: Pack, active: ActivePack | None, state: str) -> str:
    """`always`, `enforce`, `shadow`, `ended`, or `available`: not in use."""
    if pack.manifest.always:
        return "always"
    if active is None:
        return "available"
    return "shadow" if active.mode == "shadow" and state == "enforce" else state


def to_detail(
    pack: Pack, active: ActivePack | None, state: str, *, shown_to: str | None = None
) -> PackDetail:
    """A pack as it is listed; `shown_to`: the one account that may see whether it is for it; None for all."""
    manifest = pack.manifest
    detail: PackDetail = {
        "Pack": manifest.pack,
        "Version": manifest.version,
        "Title": manifest.title,
        "Issuer": manifest.issuer,
        "Jurisdiction": manifest.jurisdiction,
        "Kind": manifest.kind,
        "LegalReview": manifest.legal_review,
        "State": state,
        "Digest": pack.digest,
        "SignedBy": pack.signed_by,
        "Profiles": list(manifest.profiles),
        "Purposes": list(manifest.purposes),
        "Note": manifest.note,
        "Gates": list(manifest.gates),
        "Obliges": list(manifest.obliges),
        "Paper": list(manifest.paper),
    }
    if manifest.since is not None:
        detail["InForceFrom"] = manifest.since.isoformat()
    if manifest.until is not None:
        detail["InForceUntil"] = manifest.until.isoformat()
    if active is not None and active.accounts is not None:
        detail["Accounts"] = [each for each in active.accounts if shown_to in {None, each}]
    return detail


def _engine(deps: Deps) -> PolicyEngine:
    return deps.policies.engine(deps.packs.epoch(), datetime.now(UTC).date())


def _own_model(asked: AccessRequest, deps: Deps) -> ModelFacts | None:
    """What new collections get, as it is evaluated for such a call."""
    model = deps.models.facts(None)
    if model is None or asked.model is None:
        return model
    return evaluated_model(
        model,
        deps.uow.connection,
        evaluations=deps.evaluations,
        calibrations=deps.calibrations,
        threshold=asked.threshold,
        purpose=load_purposes().get(asked.purpose or ""),
        gallery=asked.gallery,
        now=datetime.now(UTC),
    )


def _own_account(deps: Deps) -> AccountFacts:
    """What a call of the caller's would be judged by: whole, as the gateway reads it."""
    caller = deps.caller
    with deps.governance.facts.reading() as connection:
        read = deps.governance.facts.read(
            connection,
            caller.account_id,
            operator=caller.operator,
            beneficiary=caller.claims.beneficiary,
            now=datetime.now(UTC),
        )
    assert read is not None, "a caller has an account"
    return read.account


def _to_rule(rule: Rule, engine: PolicyEngine) -> RuleSummary:
    summary: RuleSummary = {
        "RuleId": rule.rule_id,
        "Pack": rule.pack,
        "Forbids": rule.is_forbid,
        "Message": rule.message,
        "Remedy": rule.remedy,
        "Citation": rule.cite,
        "State": engine.state_of(rule.rule_id),
    }
    if (review := review_of(rule.pack)) is not None:
        summary["LegalReview"] = review
    if rule.obligation:
        summary["Obligation"] = rule.obligation
    return summary
