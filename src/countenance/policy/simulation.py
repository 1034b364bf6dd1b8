"""What rule packs would have refused: calls out of entries of the log, judged by packs that are not in force.

An entry says less than a call did, as the log holds nothing personal. What it does not say is taken as
`UNSAID` tells, and each rule that looks at such a thing is marked with it.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from countenance.facts import Charter
from countenance.policy.call_file import parse_call
from countenance.policy.decision import AccessRequest, Decision
from countenance.policy.engine import PolicyEngine
from countenance.policy.groups import kinds_of
from countenance.policy.packs import Activation, Pack
from countenance.policy.purposes import load_purposes
from countenance.policy.rules import Rule
from countenance.transparency.canonical import parse_time

UNSAID: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "beneficiary": (
        ("beneficiaryBarred", "serves", "Profile::"),
        "for whom the call was made: taken as for nobody but the account itself",
    ),
    "case": (
        ("caseOpen",),
        "whether a case that was named was open: taken as open",
    ),
    "face count": (
        ("faceCount",),
        "how many faces a collection with the charter of its purpose had: taken as none",
    ),
    "model": (
        (
            *(
                "gatePassed",
                "gateMissing",
                "worstGroupTprBp",
                "worstGroupFmrPpm",
                "worstGroupFpirPpm",
                "ageDays",
            ),
            *("galleryCoveredBp", "groups", "smallestGroup", "independent", "ownGroups", "use"),
        ),
        "licence and evaluation of the model: taken as licensed for any use, with no evaluation on record",
    ),
    "names": (
        ("operator", "Account::", "Collection::"),
        "names of accounts, operators and collections: the log has pseudonyms and commitments for them",
    ),
    "officer": (("officer",), "whether the key was an officer's: taken as none"),
    "own purpose": (
        ("ownPurpose",),
        "the purpose of the key that asked for a purpose, a key or a session: taken as none",
    ),
    "purposes": (
        ("account.purposes",),
        "which purposes were approved: taken as those alone that the call was for",
    ),
    "rate": (("callsLastHour",), "how many calls there were within an hour: counted in what is read"),
    "standing": (
        ("standing", "effectiveStanding", "termsAccepted", "Standing::"),
        "how the account stood, and whether it had accepted the terms: taken as good, and accepted",
    ),
    "tester": (("tester",), "whether the account was an independent tester's: taken as none"),
}
"""What → how a rule looks at it (attributes, types of entities), and how it is taken."""
_RELEVANT: Final = frozenset({"face", "chartering", "purposed", "requesting"})
_ASKING: Final = frozenset({"purposed", "requesting"})
"""Calls whose purpose is the one that they ask for."""
_REFERENCES: Final = {"consent": "consent", "authorized": "authorization"}
_ASIDE: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[()]')
"""Texts, and parentheses: Cedar puts them around everything."""
_HOUR: Final = timedelta(hours=1)
_MOST_EXAMPLES: Final = 5
_MOST_TOLD: Final = 20


@dataclass(slots=True)
class RuleOutcome:
    """What one rule or duty would have done.

    Attributes:
        bound: calls that its pack binds.
        refused: calls that were allowed and that it would have refused.
        refused_already: calls that it would have refused and that were refused anyway.
        by: the same as `refused`, by operation and purpose.
        examples: events of such calls.
        unsaid: what it looks at that an entry does not say: keys of UNSAID.
    """

    rule: Rule
    unsaid: tuple[str, ...]
    bound: int = 0
    refused: int = 0
    refused_already: int = 0
    by: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Outcome:
    """What a simulation came to.

    Attributes:
        lines: that were read, empty ones left out.
        calls: that were judged: they got to the policy, and use faces or purposes.
        allowed: of these, by the policy of then.
        refused: calls that were allowed and that some rule would have refused.
        by: all judged calls by operation and purpose.
        malformed: how many lines were no entries; the first of them with their numbers and what is wrong.
        undecided: how many calls could not be evaluated, and the first of them.
        rebuilt_otherwise: allowed calls that the core rules refuse as rebuilt: what is unsaid matters there.
    """

    lines: int = 0
    calls: int = 0
    allowed: int = 0
    refused: int = 0
    by: Counter[tuple[str, str]] = field(default_factory=Counter)
    malformed: int = 0
    malformed_lines: list[tuple[int, str]] = field(default_factory=list)
    undecided: int = 0
    undecided_calls: list[tuple[str, str]] = field(default_factory=list)
    rebuilt_otherwise: int = 0
    rules: dict[str, RuleOutcome] = field(default_factory=dict)


def engine_for(
    packs: Mapping[str, Pack], operations: Mapping[str, Iterable[str]], *, discharges: Collection[str]
) -> PolicyEngine:
    """An engine that has all these packs in force, whatever the days of their rules.

    Raises:
        SetupError: a pack does not fit the schema.
    """
    undated = {
        name: replace(pack, rules=_undated(pack.rules), obligations=_undated(pack.obligations))
        for name, pack in packs.items()
    }
    return PolicyEngine.load(
        operations,
        packs=undated,
        activations=[Activation(name) for name in undated],
        discharges=discharges,
    )


class Simulation:
    """Reads a log line by line, in its order, and counts. Not thread-safe."""

    def __init__(self, engine: PolicyEngine, *, since: datetime | None = None) -> None:
        """`since`: calls before it are not judged."""
        self._engine = engine
        self._since = since
        self._recent: dict[tuple[str, str], deque[datetime]] = {}
        self.outcome = Outcome()
        for pack in engine.packs.values():
            for rule in (*pack.rules, *pack.obligations):
                self.outcome.rules[rule.rule_id] = RuleOutcome(rule, _unsaid(rule))

    def read(self, line: bytes | str, *, number: int) -> None:
        """One line of `countenance audit export --format jsonl`, or an entry by itself."""
        if not line.strip():
            return
        self.outcome.lines += 1
        try:
            members = _entry(line)
            if members["kind"] != "call" or not kinds_of(str(members["operation"])) & _RELEVANT:
                return
            at, calls = self._rate(members)
            if members["decision"] == "none" or (self._since is not None and at < self._since):
                return
            request = to_request(members, calls_last_hour=calls)
            event, allowed = str(members["event"]), members["decision"] == "allow"
        except KeyError as error:
            self._malformed(number, f"it has no {error}")
        except (ValueError, TypeError, AttributeError) as error:
            self._malformed(number, str(error))
        else:
            self._judge(request, event, was_allowed=allowed)

    def count(self, line: bytes | str) -> None:
        """An entry before those that are read: it counts for the rates of these alone."""
        try:
            members = _entry(line)
            if members["kind"] == "call" and kinds_of(str(members["operation"])) & _RELEVANT:
                self._rate(members)
        except (KeyError, ValueError, TypeError, AttributeError):
            return  # as one that is read: it has no rate

    def _judge(self, request: AccessRequest, event: str, *, was_allowed: bool) -> None:
        outcome, where = self.outcome, (request.operation, request.purpose or "")
        outcome.calls += 1
        outcome.allowed += was_allowed
        outcome.by[where] += 1
        for name in self._engine.packs_for(request):
            pack = self._engine.packs[name]
            for rule in (*pack.rules, *pack.obligations):
                outcome.rules[rule.rule_id].bound += 1
        verdict = self._engine.decide(request)
        if verdict.errors:
            outcome.undecided += 1
            if len(outcome.undecided_calls) < _MOST_TOLD:
                outcome.undecided_calls.append((event, "; ".join(verdict.errors)))
            return
        broken = [rule_id for rule_id in verdict.rule_ids if rule_id in outcome.rules]
        is_ours = verdict.decision is Decision.DENY and len(broken) < len(verdict.rule_ids)
        outcome.rebuilt_otherwise += was_allowed and is_ours
        outcome.refused += was_allowed and bool(broken)
        for rule_id in broken:
            found = outcome.rules[rule_id]
            if not was_allowed:
                found.refused_already += 1
                continue
            found.refused += 1
            found.by[where] += 1
            if len(found.examples) < _MOST_EXAMPLES:
                found.examples.append(event)

    def _rate(self, members: Mapping[str, Any]) -> tuple[datetime, int]:
        """When the call began, and how many calls with a face there were in the hour before."""
        at = parse_time(members["time"])
        earlier = self._recent.setdefault((str(members.get("account")), str(members.get("purpose"))), deque())
        while earlier and earlier[0] <= at - _HOUR:
            earlier.popleft()
        count = len(earlier)
        if members["outcome"] == "answered" and "face" in kinds_of(members["operation"]):
            earlier.append(at)
        return at, count

    def _malformed(self, number: int, problem: str) -> None:
        self.outcome.malformed += 1
        if len(self.outcome.malformed_lines) < _MOST_TOLD:
            self.outcome.malformed_lines.append((number, problem))


def to_request(members: Mapping[str, Any], *, calls_last_hour: int = 0) -> AccessRequest:
    """The call that an entry tells of, as far as it does; the rest as `UNSAID` says.

    Raises:
        ValueError: a member is of another type, or a word that nobody knows.
        KeyError: a member is missing that every call's entry has.
    """
    return parse_call(to_call(members, calls_last_hour=calls_last_hour))


def to_call(members: Mapping[str, Any], *, calls_last_hour: int = 0) -> dict[str, Any]:
    """The same in the form of `policy explain`."""
    kinds = kinds_of(members["operation"])
    told, asked = members.get("claims", {}), members.get("asked", {})
    claims = {name: value for name, value in told.items() if name not in _REFERENCES}
    claims |= {member: "in the entry" for name, member in _REFERENCES.items() if told.get(name)}
    if "case" in members:
        claims["case"] = members["case"]
    call: dict[str, Any] = {
        "operation": f"{members['service']}:{members['operation']}",
        "account": {
            "id": members.get("account", "unknown"),
            "profile": members.get("profile", "general"),
            "records": list(members.get("records", [])),
            "trained": members.get("trained", False),
        },
        "operator": members.get("operator", "unknown"),
        **({"roles": list(members["roles"])} if "roles" in members else {}),
        "claims": claims,
        "calls_last_hour": calls_last_hour,
        "at": members["time"],
    }
    if "purpose" in members:
        call["purpose"] = members["purpose"]
        if not kinds & _ASKING:
            call["own_purpose"] = members["purpose"]
    if "asked" in members.get("threshold", {}):
        call["threshold"] = members["threshold"]["asked"]
    call |= {name: asked[name] for name in ("candidates", "attributes") if name in asked}
    if "version" in members.get("model", {}):
        call["model"] = {"version": members["model"]["version"]}
    call |= _of_collection(members, kinds)
    if "charter" in call and members["decision"] == "allow":  # then all of its purposes were approved
        call["account"]["purposes"] = sorted({*call["charter"]["purposes"], call.get("purpose", "")} - {""})
    return call


def _of_collection(members: Mapping[str, Any], kinds: Collection[str]) -> dict[str, Any]:
    """The collection with its charter, or the charter asked for; an entry leaves out that of its purpose."""
    purpose = load_purposes().get(members.get("purpose", ""))
    charter = _charter(members) or (_told(purpose.charter()) if purpose is not None else {})
    if "chartering" not in kinds:
        return {"collection": {"id": members["collection"], **charter}} if "collection" in members else {}
    charter.pop("face_count", None)
    told = {"collection": {"id": members["collection"]}} if "collection" in members else {}
    return told | ({"charter": charter} if charter else {})


def _told(charter: Charter) -> dict[str, Any]:
    told: dict[str, Any] = {
        "purposes": list(charter.purposes),
        "kind": charter.kind,
        "legal_basis": charter.legal_basis,
        "face_cap": charter.face_cap,
        "minors_allowed": charter.minors_allowed,
    }
    return told if charter.retention_days is None else told | {"retention_days": charter.retention_days}


def _charter(members: Mapping[str, Any]) -> dict[str, Any] | None:
    told = members.get("charter")
    if told is None:
        return None
    return dict(told) | {"legal_basis": "in the entry" if told.get("legal_basis") else ""}


def _entry(line: bytes | str) -> Mapping[str, Any]:
    try:
        told = orjson.loads(line)
    except ValueError as error:
        raise ValueError(f"it is no JSON ({error})") from None
    if isinstance(told, dict) and isinstance(told.get("entry"), dict):
        told = told["entry"]
    if not isinstance(told, dict) or not isinstance(told.get("kind"), str):
        raise ValueError("it is no entry of the log")  # noqa: TRY004  # of a file, not of a program
    return told


def _undated(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    return tuple(replace(rule, since=None, until=None) for rule in rules)


def _unsaid(rule: Rule) -> tuple[str, ...]:
    # What a rule says of itself, and compares with, is not what it looks at.
    text = _ASIDE.sub("", rule.text)
    return tuple(what for what, (names, _) in UNSAID.items() if any(_names(name, text) for name in names))


def _names(name: str, text: str) -> bool:
    """Whether a policy, as Cedar has it, names an attribute or the type of an entity."""
    if name.endswith("::"):
        return re.search(rf"\b{name}", text) is not None
    return re.search(rf"(?:\.|\bhas ){re.escape(name)}\b", text) is not None
