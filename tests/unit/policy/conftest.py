"""A lawful call of every operation, at the very edge of what is allowed: a test changes one thing of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from countenance.facts import AccountFacts, Claims, Evaluated, EvaluationFacts, ModelFacts
from countenance.policy import AccessRequest, PolicyEngine, Purpose, Resource, load_purposes
from countenance.policy.groups import kinds_of
from countenance.types import AccountId
from countenance.wire.model import load_models

OURS = AccountId("1" * 12)
OF_COLLECTIONS = frozenset({"search", "stream", "enrol", "associate", "correct", "look"})
AMAZON = "rekognition"


@pytest.fixture(scope="session")
def operations() -> Mapping[str, list[str]]:
    """Both service models whole, by service: more than this server offers."""
    return {name: sorted(service.operations) for name, service in load_models().services.items()}


@pytest.fixture(scope="session")
def discharges() -> frozenset[str]:
    """The duties that this version of the service can discharge: nobody reviews candidates yet."""
    return frozenset({"fpir_budget", "log_min_12_3", "record_attestations"})


@pytest.fixture(scope="session")
def engine(operations, discharges) -> PolicyEngine:
    return PolicyEngine.load(operations, packs={}, discharges=discharges)


@pytest.fixture(scope="session")
def catalogue() -> Mapping[str, Purpose]:
    return load_purposes()


@pytest.fixture(scope="session")
def changed() -> Callable[..., Any]:
    return _changed


@pytest.fixture(scope="session")
def lawful(catalogue) -> Callable[..., AccessRequest]:
    """`lawful("SearchFaces", "missing-persons", account__standing="restricted")`."""

    def make(
        operation: str, purpose: str | Purpose | None = "development", /, **changes: Any
    ) -> AccessRequest:
        found = purpose if isinstance(purpose, Purpose) else catalogue[purpose or "development"]
        request = _lawful(operation, found)
        bare = dataclasses.replace(request, purpose=None, own_purpose=None)
        return _changed(request if purpose else bare, **changes)

    return make


def _lawful(operation: str, purpose: Purpose) -> AccessRequest:
    kinds = kinds_of(operation)
    charter = purpose.charter()
    charter = dataclasses.replace(charter, legal_basis=charter.legal_basis or "a statute")
    needs = purpose.requires
    compares = bool(kinds & {"search", "stream", "compare", "associate"})
    return AccessRequest(
        account=AccountFacts(
            account_id=OURS,
            standing="good",
            effective_standing="good",
            profile=purpose.profiles[0],
            terms_accepted=True,
            terms_wanted="acceptable-use 1.0",
            purposes=frozenset({purpose.name}),
            records=frozenset({"notice"} & needs),
            operator_trained="training" in needs,
            tester="testing" in kinds,
        ),
        access_key_id="AKIA" + "A" * 16,
        operator="guy",
        service="countenance" if operation in _OURS else AMAZON,
        operation=operation,
        officer="officer" in kinds,
        roles=next((frozenset({role}) for kind, role in _PEOPLE.items() if kind in kinds), None),
        case_open="case" in needs,
        resource=(
            Resource("Collection", "staff", OURS, charter, face_count=charter.face_cap - 1)
            if kinds & OF_COLLECTIONS
            else Resource("Account", OURS, OURS)
        ),
        purpose=purpose.name,
        own_purpose=purpose.name,
        claims=Claims(
            case="C-1" if "case" in needs else None,
            source="own_camera" if "source" in needs else "undeclared",
            consent="F-1" if "consent" in needs else None,
            age="unknown" if purpose.minors_allowed else "adult",
        ),
        threshold=purpose.minimum_threshold if compares else None,
        candidates=purpose.maximum_candidates if kinds & {"search", "stream"} else None,
        attributes=frozenset(purpose.attributes) if kinds & {"analyse", "enrol"} else frozenset(),
        charter=charter if "chartering" in kinds else None,
        model=_model(purpose) if "face" in kinds else None,
        gallery=1000 if kinds & OF_COLLECTIONS else None,
        calls_last_hour=purpose.calls_per_hour - 1,
        now_s=1_800_000_000,
    )


def _model(purpose: Purpose) -> ModelFacts:
    """Of one that is gated, evaluated at the very edge of what the gate asks for."""
    gate = purpose.gate
    if gate is None:
        return ModelFacts("1.0", "any")
    facts = EvaluationFacts(
        groups=gate.groups,
        smallest_group=30,
        worst_group_tpr_bp=gate.least_tpr_bp,
        worst_group_fmr_ppm=gate.most_fmr_ppm,
        worst_group_fpir_ppm=gate.most_fpir_ppm,
        gallery=900 if gate.gallery_percent else None,
    )
    return ModelFacts("1.0", "any", evaluated=Evaluated(standing="in_force", decides=facts))


_PEOPLE = {
    **dict.fromkeys(("operators", "supervise", "vouch"), "administrator"),
    "examine": "examiner",
    "look": "developer",
}
"""Kinds that are for people: who may."""
_OURS = frozenset(load_models().services["countenance"].operations)


def _changed(value: Any, **changes: Any) -> Any:
    """A copy with some members changed; `account__standing` is the standing of the account."""
    here = {name: new for name, new in changes.items() if "__" not in name}
    deeper: dict[str, dict[str, Any]] = {}
    for name, new in changes.items():
        head, _, rest = name.partition("__")
        if rest:
            deeper.setdefault(head, {})[rest] = new
    for head, inner in deeper.items():
        here[head] = _changed(getattr(value, head), **inner)
    return dataclasses.replace(value, **here)
