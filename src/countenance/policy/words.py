"""What a rule's message is filled in with: figures and names of the call that broke it."""

from __future__ import annotations

from collections.abc import Mapping

from countenance.policy.decision import AccessRequest
from countenance.policy.purposes import Purpose

_THRESHOLD_MEMBERS = {
    "AssociateFaces": "UserMatchThreshold",
    "CompareFaces": "SimilarityThreshold",
    "SearchUsers": "UserMatchThreshold",
}
_THRESHOLD_MEMBERS["SearchUsersByImage"] = "UserMatchThreshold"
_USERS = frozenset({"SearchUsers", "SearchUsersByImage"})


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
        candidates_member="MaxUsers" if request.operation in _USERS else "MaxFaces",
        calls=str(request.calls_last_hour),
        faces=str(request.resource.face_count),
        charter_cap=str(charter.face_cap) if charter else "none",
        model="the model" if request.model is None else f"model {request.model.version}",
        model_use=request.model.use if request.model else "unstated",
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
