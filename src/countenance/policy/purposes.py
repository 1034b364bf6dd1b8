"""The closed catalogue of purposes: `purposes.toml`, read once and checked."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Any, Final, Literal

from countenance.errors import SetupError
from countenance.facts import CHARTER_KINDS, PROFILES, Charter, CharterKind
from countenance.policy.gate import Gate, parse_gate

Risk = Literal["low", "elevated", "high"]
REQUIREMENTS: Final[Mapping[str, str]] = {
    "consent": "a reference to the consent of the person",
    "case": "a case",
    "notice": "a notice on file",
    "review": "review by people before the caller sees candidates",
    "liveness": "a check that a living person is before the camera",
    "gate": "a signed evaluation of the model that shows what the purpose asks for",
    "source": "the source of the photos",
    "training": "a trained operator",
    "age": "an attestation of age where minors may not be enrolled",
}
ATTRIBUTES: Final = (
    "AGE_RANGE",
    "BEARD",
    "EMOTIONS",
    "EYEGLASSES",
    "EYES_OPEN",
    "EYE_DIRECTION",
    "FACE_OCCLUDED",
    "GENDER",
    "MOUTH_OPEN",
    "MUSTACHE",
    "SMILE",
    "SUNGLASSES",
)
"""What DetectFaces may be asked for beside the default members, as Amazon spells it; `ALL` is all of it."""
MAY_READ_EMOTIONS: Final = frozenset({"development", "research"})
"""Where nothing is decided about anybody: never at work or in education (AI Act of the EU, 5(1)(f))."""
_RISKS = ("low", "elevated", "high")


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What faces may be used for, and within which bounds; `purposes.toml` says what each member means."""

    name: str
    title: str
    summary: str
    risk: Risk
    approvals: int
    profiles: tuple[str, ...]
    operations: tuple[str, ...]
    attributes: tuple[str, ...]
    minimum_threshold: float
    maximum_candidates: int
    fpir_budget: float
    face_cap: int
    calls_per_hour: int
    retention_days: int | None
    kind: CharterKind
    legal_basis: str
    minors_allowed: bool
    requires: frozenset[str]
    gate: Gate | None = None

    def charter(self) -> Charter:
        """What a collection gets that is made without a charter of its own."""
        return Charter(
            purposes=(self.name,),
            kind=self.kind,
            legal_basis=self.legal_basis,
            face_cap=self.face_cap,
            retention_days=self.retention_days,
            minors_allowed=self.minors_allowed,
        )


@functools.cache
def load_purposes() -> Mapping[str, Purpose]:
    """By name, in the order of the catalogue.

    Raises:
        SetupError: the package's own file is damaged.
    """
    text = resources.files("countenance.policy").joinpath("purposes.toml").read_text("utf-8")
    return MappingProxyType({name: _parse(name, members) for name, members in tomllib.loads(text).items()})


def _parse(name: str, members: Mapping[str, Any]) -> Purpose:
    try:
        told: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in members.items()
        }
        told |= {"retention_days": members["retention_days"] or None}
        told |= {"requires": frozenset(members["requires"])}
        told |= {"gate": parse_gate(members["gate"]) if "gate" in members else None}
        purpose = Purpose(name=name, **told)
        sound = (
            purpose.risk in _RISKS
            and purpose.approvals in {1, 2}
            and set(purpose.profiles) <= set(PROFILES) - {"immigration_enforcement"}
            and set(purpose.attributes) <= set(ATTRIBUTES)
            and ("EMOTIONS" not in purpose.attributes or name in MAY_READ_EMOTIONS)
            and purpose.kind in CHARTER_KINDS
            and purpose.requires <= REQUIREMENTS.keys()
            and ("gate" in purpose.requires) == (purpose.gate is not None)
        )
    except (KeyError, TypeError, ValueError) as error:
        raise SetupError(
            f"the purpose `{name}` is damaged: {error}", remedy="reinstall Countenance"
        ) from error
    if not sound:
        raise SetupError(f"the purpose `{name}` is damaged", remedy="reinstall Countenance")
    return purpose
