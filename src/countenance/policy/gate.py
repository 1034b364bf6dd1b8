"""What an evaluation must show for a purpose, as the catalogue says, and what of it is missing in a call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from countenance.facts import Evaluated, EvaluationFacts

MISSING: Final[Mapping[str, str]] = {
    "evaluation": "no evaluation of the model that counts is on record",
    "expired": "the one that there is has expired",
    "other": "the one that there is, is of another pack, calibration or pipeline",
    "cohorts": "no cohorts were measured, or too few",
    "tpr": "a group's bound of the true positive rate is too low, or not shown",
    "fmr": "a group's bound of the false match rate is too high, or not shown",
    "fpir": "a group's bound of the false positive identification rate is too high, or not shown",
    "gallery": "the collection is larger than what was evaluated allows",
}
"""Everything that may be missing: a closed list, each with a rule of its own."""
_BP, _PPM, _PERCENT = 10_000, 1_000_000, 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What the newest evaluation of a model must show; None: it is not asked for.

    Attributes:
        groups: in each cohort column, at least.
        least_tpr_bp: worst group's lower one-sided 95 % bound, basis points.
        most_fmr_ppm: worst group's upper bound, parts per million.
        most_fpir_ppm: likewise, of a search in a gallery.
        gallery_percent: share of the collection that the evaluated gallery must have.
    """

    groups: int
    least_tpr_bp: int | None = None
    most_fmr_ppm: int | None = None
    most_fpir_ppm: int | None = None
    gallery_percent: int | None = None


def parse_gate(told: Mapping[str, Any]) -> Gate:
    """A purpose's `gate`: shares in [0, 1], as `purposes.toml` says.

    Raises:
        ValueError: a share is none, or is finer than what is judged; names the member.
        TypeError: a member is unknown, or of another type.
    """
    shares = {"tpr": _BP, "fmr": _PPM, "fpir": _PPM, "gallery": _PERCENT}
    found = {name: _scaled(name, told[name], unit) for name, unit in shares.items() if name in told}
    if unknown := told.keys() - shares.keys() - {"groups"}:
        raise TypeError(f"a gate has no member `{min(unknown)}`")
    groups = told.get("groups")
    if not isinstance(groups, int) or groups < 2:
        raise TypeError("a gate asks for two groups or more")
    if ("fpir" in told) != ("gallery" in told):
        raise ValueError("a bound of the FPIR says something of galleries of a size")
    return Gate(
        groups=groups,
        least_tpr_bp=found.get("tpr"),
        most_fmr_ppm=found.get("fmr"),
        most_fpir_ppm=found.get("fpir"),
        gallery_percent=found.get("gallery"),
    )


def missing(
    evaluated: Evaluated, gate: Gate | None, *, gallery: int | None, searches: bool
) -> frozenset[str]:
    """What a model lacks of what a gate asks for: keys of MISSING; nothing where there is none.

    Args:
        gate: of the call's purpose.
        gallery: faces of the collection; None: not counted, which is as too many.
        searches: the call is about a gallery as a whole.
    """
    if gate is None:
        return frozenset()
    facts = evaluated.decides
    if not counts(evaluated) or facts is None:
        told = evaluated.standing if evaluated.standing in {"expired", "other"} else "evaluation"
        return frozenset({told})
    if facts.groups < gate.groups:
        return frozenset({"cohorts"})  # without groups there are no bounds: one reason is enough
    found = {
        "tpr": gate.least_tpr_bp is not None and not _at_least(facts.worst_group_tpr_bp, gate.least_tpr_bp),
        "fmr": gate.most_fmr_ppm is not None and not _at_most(facts.worst_group_fmr_ppm, gate.most_fmr_ppm),
        "fpir": gate.most_fpir_ppm is not None
        and not _at_most(facts.worst_group_fpir_ppm, gate.most_fpir_ppm),
        "gallery": searches
        and gate.gallery_percent is not None
        and not _at_least(covered_bp(facts, gallery), gate.gallery_percent * _BP // _PERCENT),
    }
    return frozenset(name for name, is_missing in found.items() if is_missing)


def counts(evaluated: Evaluated) -> bool:
    """Whether an evaluation of the model counts, whatever it shows."""
    return evaluated.standing == "in_force" and evaluated.decides is not None


def covered_bp(facts: EvaluationFacts, gallery: int | None) -> int | None:
    """Size of the evaluated gallery over the collection's, basis points, rounded down.

    None where one of them is not known. An empty collection counts as one face.
    """
    if facts.gallery is None or gallery is None:
        return None
    return facts.gallery * _BP // max(gallery, 1)


def most_faces(facts: EvaluationFacts | None, percent: int) -> int | None:
    """The largest collection that an evaluated gallery is large enough for; None where there is none."""
    return None if facts is None or facts.gallery is None else facts.gallery * _PERCENT // percent


def _at_least(value: int | None, bound: int) -> bool:
    return value is not None and value >= bound


def _at_most(value: int | None, bound: int) -> bool:
    return value is not None and value <= bound


def _scaled(name: str, value: Any, unit: int) -> int:
    if not isinstance(value, float) or not 0 < value <= 1:
        raise ValueError(f"`{name}` of a gate is not a share in (0, 1]")
    scaled = Decimal(repr(value)) * unit
    if scaled != int(scaled):
        raise ValueError(f"`{name}` of a gate is finer than 1 in {unit}")
    return int(scaled)
