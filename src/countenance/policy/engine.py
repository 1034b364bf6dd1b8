"""The adapter to Cedar: one call, `decide`, and only a clean Allow is an allow.

Three ways in which Cedar through cedarpy could let a call pass are closed here: a forbid whose
evaluation fails is skipped by Cedar (policies are validated strictly, requests as well, and any
error is a deny); an entity that was not loaded is taken for one that does not exist (the slice is
checked to be closed); and NoDecision is a third value (the test is for Allow, never for "not Deny").
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from importlib import resources
from typing import Any

import cedarpy
import orjson

from countenance.errors import SetupError
from countenance.policy import packs as packs_of
from countenance.policy.decision import AccessRequest, BrokenRule, Decision, Verdict
from countenance.policy.entities import (
    OpenSlice,
    context_for,
    lasting_entities,
    require_closed,
    resource_uid,
    slice_for,
    uid,
)
from countenance.policy.groups import GROUPS, PARENTS, ROLES, for_role, kinds_of
from countenance.policy.pack_tests import failed_tests, unspeakable
from countenance.policy.packs import Activation, Pack
from countenance.policy.purposes import Purpose, load_purposes
from countenance.policy.rules import CORE, Rule, read_rules, require_unique, require_valid
from countenance.policy.words import words_for

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_BROKEN_PACKAGE = "reinstall Countenance"
_UNDISCHARGED = "this server cannot discharge it yet, so the call is refused"
_PARSED_SLICES = 256
"""Each is some tens of kilobytes: accounts and collections that call within the same moments."""
_STAYS_OPEN = frozenset({"terms", "dueProcess", "rights"})
MENDS_PACKS = "DeactivatePack"
_WITH_DUTIES = frozenset({"face", "stream"})


class PolicyEngine:
    """Decides calls by a fixed policy set. Thread-safe, no state beyond the parsed handles.

    Attributes:
        digest: SHA-256 over schema, purposes, policies and packs, hexadecimal: kept in every event.
        rules: those in force and those of shadow, by `@id`.
        duties: obligations, by `@id`.
        purposes: the catalogue.
        packs: all that are known here, active or not.
        activations: those in use, by pack.
        today: the day by which it was built: rules come into force and end by days.
    """

    def __init__(
        self,
        policies: str,
        schema: str,
        *,
        obligations: str = "",
        purposes: Mapping[str, Purpose] | None = None,
        packs: Mapping[str, Pack] | None = None,
        activations: Iterable[Activation] = (),
        discharges: Collection[str] = (),
        today: date | None = None,
    ) -> None:
        """Parse and validate, strictly.

        Args:
            discharges: the obligations that the service can discharge; a call that owes another is refused.

        Raises:
            SetupError: what does not parse or validate, names an id twice, or lacks id or message; a pack
                whose own tests fail; an activation of a pack that is not here.
        """
        try:
            self._schema = cedarpy.Schema.from_str(schema)
        except ValueError as error:
            raise SetupError(f"the policies cannot be read: {error}", remedy=_BROKEN_PACKAGE) from error
        self.today = today or datetime.now(UTC).date()
        self.purposes = purposes or {}
        self.packs = packs or {}
        self.activations = {activation.pack: activation for activation in (*activations, *self._always())}
        # Purposes, packs and the hierarchy of actions are in every slice: they are parsed once.
        lasting = lasting_entities(self.purposes.values(), self.packs)
        self._lasting = cedarpy.Entities.from_json_str(json.dumps(lasting), self._schema)
        # By their very text, so that nothing but the parsing is saved: an account's slice is often the same.
        self._parsed = functools.lru_cache(_PARSED_SLICES)(self._lasting.with_added_json_str)
        self._lasting_uids = frozenset((entity["uid"]["type"], entity["uid"]["id"]) for entity in lasting)
        core, duties = read_rules(policies), read_rules(obligations) if obligations else []
        require_valid(policies, self._schema, whose="core", remedy=_BROKEN_PACKAGE)
        if obligations:
            require_valid(obligations, self._schema, whose="core", remedy=_BROKEN_PACKAGE)
        for name in self.activations:
            self._require_sound(name)
        enforced, shadow, owed = self._sorted(core, duties)
        self.rules = require_unique([*enforced, *shadow])
        self.duties = require_unique(owed)
        self._shadow_ids = frozenset(rule.rule_id for rule in shadow)
        self._policies, self._core = _policy_set(enforced), _policy_set(core)
        self._shadow = _policy_set(shadow) if shadow else None
        self._duties = _policy_set(owed) if owed else None
        self._discharges = frozenset(discharges)
        self.digest = self._digest(schema, enforced, shadow, owed)

    @classmethod
    def load(
        cls,
        operations: Mapping[str, Iterable[str]],
        *,
        packs: Mapping[str, Pack] | None = None,
        activations: Iterable[Activation] = (),
        discharges: Collection[str] = (),
        today: date | None = None,
    ) -> PolicyEngine:
        """The core policies, with an action for each operation.

        Args:
            operations: names of operations by the name of their service.
            packs: those known here; the shipped ones where none are given.

        Raises:
            SetupError: the package's own policies are damaged, or as the constructor.
        """
        folder = resources.files("countenance.policy")
        return cls(
            folder.joinpath("core.cedar").read_text("utf-8"),
            schema_for(operations),
            obligations=folder.joinpath("obligations.cedar").read_text("utf-8"),
            purposes=load_purposes(),
            packs=packs_of.load_packs(packs_of.shipped_packs(), packs_of.shipped_issuers())
            if packs is None
            else packs,
            activations=activations,
            discharges=discharges,
            today=today,
        )

    def decide(self, request: AccessRequest) -> Verdict:
        """Whether the call may go on. Never raises: what cannot be decided is denied."""
        try:
            question, entities = self._question(request)
            # INVARIANT: no pack closes the terms or due process, or keeps an officer from ending its use.
            is_open = bool(kinds_of(request.operation) & _STAYS_OPEN) or request.operation == MENDS_PACKS
            policies = self._core if is_open else self._policies
            answer = cedarpy.is_authorized(question, policies, entities, self._schema)
            owed, shadow, errors = self._beside(request, question, entities)
            if is_open:
                errors = []  # of packs that are only watched, or of duties: none of them closes this either
            return self._to_verdict(request, answer, owed, shadow, errors)
        except (OpenSlice, ValueError, TypeError, LookupError, ArithmeticError, AttributeError) as error:
            return self._undecided(request, [str(error)])

    def breaks(self, rules: Sequence[Rule], request: AccessRequest) -> tuple[str, ...]:
        """Which of some rules the call meets, whatever the others say: for simulations.

        Raises:
            ValueError: it cannot be evaluated.
        """
        return self.asking(rules)(request)

    def asking(self, rules: Sequence[Rule]) -> Callable[[AccessRequest], tuple[str, ...]]:
        """`breaks` of the same rules for many calls: they are parsed once."""
        policies, packs = _policy_set(rules), {rule.pack for rule in rules} - {CORE}

        def breaks(request: AccessRequest) -> tuple[str, ...]:
            if not rules:
                return ()
            question, entities = self._question(request, packs=packs)
            answer = cedarpy.is_authorized(question, policies, entities, self._schema)
            if answer.diagnostics.errors or answer.decision is cedarpy.Decision.NoDecision:
                raise ValueError("; ".join(map(str, answer.diagnostics.errors)) or "no decision")
            return tuple(sorted(answer.diagnostics.id_annotations_by_reason.values()))

        return breaks

    def state_of(self, rule_id: str) -> str:
        """`enforce`, or `shadow` for a rule that is only watched."""
        return "shadow" if rule_id in self._shadow_ids else "enforce"

    def packs_for(self, request: AccessRequest) -> frozenset[str]:
        """The packs that bind the account in this call: for itself, or for those for whom it is."""
        concerned = {request.account_id, *request.account.beneficiaries}
        return frozenset(
            name
            for name, activation in self.activations.items()
            if (activation.accounts is None or not activation.accounts.isdisjoint(concerned))
            and any(
                self.packs[name].manifest.binds(profile, request.purpose)
                for profile in {request.account.profile, *request.account.serves}
            )
        )

    def explain(self, rule_ids: Iterable[str], request: AccessRequest) -> tuple[BrokenRule, ...]:
        """Rules in words for the caller of one call."""
        words = words_for(request, self.purposes.get(request.purpose or ""), catalogue=self.purposes)
        told = []
        for rule_id in rule_ids:
            rule = self.rules.get(rule_id) or self.duties[rule_id]
            remedy = rule.remedy or (_UNDISCHARGED if rule.obligation else "")
            told.append(
                BrokenRule(
                    rule_id, rule.pack, rule.message.format_map(words), remedy.format_map(words), rule.cite
                )
            )
        return tuple(told)

    def _question(
        self, request: AccessRequest, *, packs: Collection[str] | None = None
    ) -> tuple[dict[str, Any], cedarpy.Entities]:
        purpose = self.purposes.get(request.purpose or "")
        binding = self.packs_for(request) if packs is None else packs
        resource, caller = resource_uid(request), uid("Caller", request.access_key_id)
        entities = slice_for(request, packs=binding, purpose=purpose)
        context = context_for(request, purpose=purpose, purposes=self.purposes)
        require_closed(entities, caller, resource, context)
        question = {
            "principal": caller,
            "action": uid("Action", request.action),
            "resource": resource,
            "context": orjson.dumps(context).decode(),
        }
        # The rest is not validated again: what does not fit is an error of the evaluation, and so a deny.
        fresh = [
            entity
            for entity in entities
            if (entity["uid"]["type"], entity["uid"]["id"]) not in self._lasting_uids
        ]
        return question, self._parsed(orjson.dumps(fresh).decode())

    def _beside(
        self, request: AccessRequest, question: dict[str, Any], entities: cedarpy.Entities
    ) -> tuple[tuple[str, ...], tuple[str, ...], list[str]]:
        """What the call owes and what it would break in shadow: ids, and errors of the evaluation.

        The question was validated with the policies in force: here it is the same one.
        """
        found: list[tuple[str, ...]] = []
        errors: list[str] = []
        duties = self._duties if kinds_of(request.operation) & _WITH_DUTIES else None
        for policies in (duties, self._shadow):
            if policies is None:
                found.append(())
                continue
            answer = cedarpy.is_authorized(question, policies, entities)
            errors.extend(map(str, answer.diagnostics.errors))
            if answer.decision is cedarpy.Decision.NoDecision:
                errors.append("no decision")
            found.append(tuple(sorted(answer.diagnostics.id_annotations_by_reason.values())))
        return found[0], found[1], errors

    def _to_verdict(
        self,
        request: AccessRequest,
        answer: cedarpy.AuthzResult,
        owed: tuple[str, ...],
        shadow: tuple[str, ...],
        errors: list[str],
    ) -> Verdict:
        diagnostics = answer.diagnostics
        if diagnostics.errors or errors or answer.decision is cedarpy.Decision.NoDecision:
            return self._undecided(request, [*map(str, diagnostics.errors), *errors] or ["no decision"])
        rule_ids = tuple(sorted(diagnostics.id_annotations_by_reason.values()))
        obligations = {self.duties[duty].obligation for duty in owed}
        unmet = tuple(duty for duty in owed if self.duties[duty].obligation not in self._discharges)
        if answer.decision is cedarpy.Decision.Allow and not unmet:
            return Verdict(
                Decision.ALLOW, rule_ids, (), "", (), tuple(sorted(obligations)), shadow, self.digest
            )
        if answer.decision is cedarpy.Decision.Allow:
            rule_ids = ()  # those that permitted it did not decide
        broken = self.explain((*rule_ids, *unmet), request)
        message = ". ".join(map(str, broken)) or f"no rule allows `{request.action}` to this caller"
        return Verdict(Decision.DENY, (*rule_ids, *unmet), (), message, broken, (), shadow, self.digest)

    def _undecided(self, request: AccessRequest, errors: Iterable[str]) -> Verdict:
        message = f"`{request.action}` could not be decided and is refused"
        return Verdict(Decision.DENY, (), tuple(errors), message, policy_digest=self.digest)

    def _always(self) -> list[Activation]:
        return [Activation(name) for name, pack in self.packs.items() if pack.manifest.always]

    def _require_sound(self, name: str) -> None:
        """Its policies fit the schema and its tests pass, or it is not used."""
        pack = self.packs.get(name)
        remedy = f"get the pack `{name}` anew from its issuer, or `countenance policy deactivate {name}`"
        if pack is None:
            raise SetupError(f"the pack `{name}` is active and not here", remedy=remedy)
        for rules in (pack.rules, pack.obligations):
            if rules:
                require_valid("\n".join(rule.text for rule in rules), self._schema, whose=name, remedy=remedy)
        for obligation in pack.obligations:
            if obligation.is_forbid:
                raise SetupError(f"`{obligation.rule_id}` of `{name}` is no obligation", remedy=remedy)
        if unknown := set(pack.manifest.purposes) - self.purposes.keys():
            raise SetupError(f"the pack `{name}` binds `{min(unknown)}`, which is no purpose", remedy=remedy)
        if wrong := unspeakable(pack):
            raise SetupError(f"the words of `{wrong[0]}` of `{name}` cannot be filled in", remedy=remedy)
        if failures := failed_tests(self, pack):
            more = f", and {len(failures) - 1} more" if len(failures) > 1 else ""
            raise SetupError(f"the pack `{name}` fails its own test `{failures[0]}`{more}", remedy=remedy)

    def _sorted(
        self, core: Sequence[Rule], duties: Sequence[Rule]
    ) -> tuple[list[Rule], list[Rule], list[Rule]]:
        """Rules in force, rules in shadow, and duties in force."""
        enforced, owed = list(core), list(duties)
        shadow: list[Rule] = []
        for name in sorted(self.activations):
            pack, mode = self.packs[name], self.activations[name].mode
            for rule in pack.rules:
                state = (
                    "shadow"
                    if mode == "shadow" and rule.state(self.today) == "enforce"
                    else rule.state(self.today)
                )
                if state != "ended":
                    (enforced if state == "enforce" else shadow).append(rule)
            owed.extend(
                rule for rule in pack.obligations if mode == "enforce" and rule.state(self.today) == "enforce"
            )
        return enforced, shadow, owed

    def _digest(self, schema: str, *groups: Sequence[Rule]) -> str:
        scopes = {
            name: None if activation.accounts is None else sorted(activation.accounts)
            for name, activation in sorted(self.activations.items())
        }
        parts = [
            schema,
            lasting_entities(self.purposes.values(), ()),
            {name: purpose.fpir_budget for name, purpose in self.purposes.items()},
            {name: asdict(purpose.gate) for name, purpose in self.purposes.items() if purpose.gate},
            {name: self.packs[name].digest for name in scopes},
            scopes,
            sorted(self._discharges),
            *([rule.text for rule in group] for group in groups),
        ]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def schema_for(operations: Mapping[str, Iterable[str]]) -> str:
    """The types, and an action for each operation."""
    types = resources.files("countenance.policy").joinpath("schema.cedarschema").read_text("utf-8")
    return types + actions_schema(operations)


def actions_schema(operations: Mapping[str, Iterable[str]]) -> str:
    """Cedar's declaration of the kinds of actions, and of one action for each operation that is of a kind.

    Generated, not kept in a file: a list by hand would be a second truth beside the service models,
    and the operation that somebody forgets there could not be called, or, worse, be left out of a rule.

    Raises:
        ValueError: a name that is not a plain identifier.
    """
    roles = {for_role(role): kinds for role, kinds in ROLES.items()}
    parents = {**PARENTS, **roles}
    lines = [f'action "{kind}";' for kind in sorted(parents)]
    for kind in sorted(GROUPS):
        above = sorted(parent for parent, kinds in parents.items() if kind in kinds)
        lines.append(f'action "{kind}"{_in(above)};')
    for service in sorted(operations):
        for name in sorted(operations[service]):
            if "unoffered" in kinds_of(name):
                continue  # no action, so no question about it can even be asked
            if not (_NAME.fullmatch(service) and _NAME.fullmatch(name)):
                raise ValueError(f"`{service}:{name}` cannot be an action")
            direct = sorted(kind for kind, members in GROUPS.items() if name in members)
            lines.append(
                f'action "{service}:{name}"{_in(direct)} appliesTo '
                "{ principal: Caller, resource: [Account, Collection], context: Context };"
            )
    return "\n".join(["", *lines, ""])


def _in(kinds: Sequence[str]) -> str:
    return f" in [{', '.join(f'Action::{json.dumps(kind)}' for kind in kinds)}]" if kinds else ""


def _policy_set(rules: Sequence[Rule]) -> cedarpy.PolicySet:
    return cedarpy.PolicySet.from_str("\n".join(rule.text for rule in rules))
