"""What a purpose asks of the photos that are enrolled for it: the more it risks, the better they must be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from countenance.policy.purposes import Purpose, Risk, load_purposes

PhotoLevel = Literal["AUTO", "MEDIUM", "HIGH"]
"""Levels of QualityFilter."""

LEVEL_OF_RISK: Final[Mapping[Risk, PhotoLevel]] = {"low": "AUTO", "elevated": "MEDIUM", "high": "HIGH"}


def demands() -> dict[str, PhotoLevel]:
    """Purpose → level, of each purpose of the catalogue under which faces are enrolled, in its order."""
    return {name: level_of(purpose) for name, purpose in load_purposes().items() if enrols(purpose)}


def enrols(purpose: Purpose) -> bool:
    """Whether faces are enrolled under it."""
    return "IndexFaces" in purpose.operations


def level_of(purpose: Purpose) -> PhotoLevel:
    """What a photo must reach."""
    return LEVEL_OF_RISK[purpose.risk]
