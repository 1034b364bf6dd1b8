"""What a rule's message is filled in with: figures and names of the call that broke it."""

from __future__ import annotations

from collections.abc import Mapping

from countenance.facts import NOT_EVALUATED, EvaluationFacts, ModelFacts
from countenance.policy.decision import AccessRequest
from countenance.policy.gate import Gate, most_faces
from countenance.policy.purposes import Purpose

_THRESHOLD_MEMBERS = {
    "AssociateFaces": "UserMatchThreshold",
    "CompareFaces": "SimilarityThreshold",
    "IdentifyFace": "MatchThreshold",
    "ListOutliers": "SimilarityThreshold",
    "MergeUsers": "UserMatchThreshold",
    "ReportCollisions": "SimilarityThreshold",
    "VerifyFaces": "MatchThreshold",
    "SearchUsers": "UserMatchThreshold",
}
_THRESHOLD_MEMBERS["SearchUsersByImage"] = "UserMatchThreshold"
_CANDIDATES_MEMBERS = {
    **dict.fromkeys(("SearchUsers", "SearchUsersByImage"), "MaxUsers"),
    "ReportCollisions": "MaxResults",
}


_STANDINGS = {
    "withdrawn": "the one that there was is withdrawn",
    "revoked": "the one that there is, is by an evaluator who is trusted no more",
    "damaged": "the one that there is, is not what its evaluator signed",
}
_NOT_SHOWN = "not shown"


class _Words(dict[str, str]):
    """A word that nobody filled in is shown as missing: a message must never be a reason to fail."""

    def __missing__(self, key: str) -> str:
        return "?"


def words_for(
    request: AccessRequest, purpose: Purpose | None, *, catalogue: Mapping[str, Purpose] | None = None
) -> dict[str, str]:
    """By the name that stands in braces; what the caller wrote is in backticks."""
    charter = request.resource.charter
    words = _Words(
        operation=request.operation,
        account=request.account_id,
        terms=request.account.terms_wanted or "none shown",
        profile=request.account.profile,
        operator=request.operator,
        purpose=f"`{request.purpose}`" if request.purpose else "(none)",
        own_purpose=f"`{request.own_purpose}`" if request.own_purpose else "(none)",
        age=request.claims.age,
        source=request.claims.source,
        threshold="not given" if request.threshold is None else f"{request.threshold:.8g}",
        threshold_member=_THRESHOLD_MEMBERS.get(request.operation, "FaceMatchThreshold"),
        candidates="any number of" if request.candidates is None else str(request.candidates),
        candidates_member=_CANDIDATES_MEMBERS.get(request.operation, "MaxFaces"),
        calls=str(request.calls_last_hour),
        faces=str(request.resource.face_count),
        charter_cap=str(charter.face_cap) if charter else "none",
        model="the model" if request.model is None else f"model {request.model.version}",
        model_use=request.model.use if request.model else "unstated",
        gallery="an unknown number of" if request.gallery is None else str(request.gallery),
        **_of_evaluation(request.model),
        **_of_gate(purpose.gate if purpose else None, request.model),
    )
    if purpose is not None:
        refused = sorted(request.attributes - set(purpose.attributes))
        words.update(
            risk=purpose.risk,
            minimum=f"{purpose.minimum_threshold:g}",
            most=str(purpose.maximum_candidates),
            operations=", ".join(purpose.operations),
            attributes=", ".join(purpose.attributes) or "the default ones only",
            refused_attributes=", ".join(f"`{name}`" for name in refused) or "them",
            calls_most=str(purpose.calls_per_hour),
            retention=str(purpose.retention_days or "any number of"),
        )
    if request.charter is not None:
        known = catalogue or {}
        named = [known[name] for name in request.charter.purposes if name in known]
        days = [each.retention_days for each in named if each.retention_days is not None]
        words.update(
            charter_faces=str(min((each.face_cap for each in named), default=0)),
            charter_days=str(min(days)) if days else "any number of",
        )
    return words


def _of_evaluation(model: ModelFacts | None) -> dict[str, str]:
    """What the evaluation that decides shows, or why none does."""
    evaluated = model.evaluated if model is not None else NOT_EVALUATED
    facts = evaluated.decides or EvaluationFacts()
    return {
        "gate_standing": _STANDINGS.get(evaluated.standing, "there is none of it"),
        "gate_differs": " and another ".join(evaluated.differs) or "model",
        "groups": str(facts.groups or "none"),
        "worst_tpr": _percent(facts.worst_group_tpr_bp, 100),
        "worst_fmr": _share(facts.worst_group_fmr_ppm),
        "worst_fpir": _share(facts.worst_group_fpir_ppm),
        "gate_gallery": _NOT_SHOWN if facts.gallery is None else str(facts.gallery),
    }


def _of_gate(gate: Gate | None, model: ModelFacts | None) -> dict[str, str]:
    """What the purpose asks for."""
    gate = gate or Gate(groups=0)
    facts = model.evaluated.decides if model is not None else None
    enough = most_faces(facts, gate.gallery_percent) if gate.gallery_percent else None
    return {
        "gate_groups": str(gate.groups),
        "gate_tpr": _percent(gate.least_tpr_bp, 100),
        "gate_fmr": _share(gate.most_fmr_ppm),
        "gate_fpir": _share(gate.most_fpir_ppm),
        "gate_share": _percent(gate.gallery_percent, 1),
        "gate_most_faces": str(enough or 0),
    }


def _percent(value: int | None, unit: int) -> str:
    return _NOT_SHOWN if value is None else f"{value / unit:g} %"


def _share(ppm: int | None) -> str:
    return _NOT_SHOWN if ppm is None else f"{ppm / 1_000_000:.6f}".rstrip("0").rstrip(".")
