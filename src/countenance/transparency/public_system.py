"""What the log says of the system itself: facts of no person, so a report withholds none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

_COUNTED: Final = (
    "alarm",
    "audit.auditor_added",
    "audit.auditor_revoked",
    "audit.read",
    "canary",
    "code.unknown",
    "drift.ended",
    "drift.raised",
    "log.continued",
    "log.key_rotated",
    "reconciliation",
)
"""Kinds of which a report says how many there were in its period."""


class SystemFacts:
    """Follows the statements of a log in their order, and tells what was in force at a period's end."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._packs: dict[str, dict[str, Any]] = {}
        self._terms: dict[tuple[str, str], dict[str, Any]] = {}
        self._evaluations: dict[str, dict[str, Any]] = {}
        self._evaluators: dict[str, bool] = {}
        self._calibrations: dict[str, dict[str, Any]] = {}

    def add(self, entry: Mapping[str, Any], *, is_in_period: bool) -> None:  # noqa: C901  # a case a kind
        """The next statement that was made before the period's end."""
        if is_in_period and entry["kind"] in _COUNTED:
            self._counts[entry["kind"]] += 1
        match entry["kind"]:
            case "pack.activated":
                self._packs[entry["pack"]] = _chosen(entry, "pack", "version", "digest", "mode")
            case "pack.deactivated":
                self._packs.pop(entry["pack"], None)
            case "terms.published":
                told = _chosen(entry, "document", "version", "digest")
                self._terms[entry["document"], entry["version"]] = told
            case "evaluator.trusted":
                self._evaluators[entry["evaluator"]] = entry["independent"]
            case "evaluator.revoked":
                self._evaluators.pop(entry["evaluator"], None)
            case "evaluation.recorded":
                self._evaluations[entry["evaluation"]] = _chosen(
                    entry, "evaluation", "evaluator", "pack", "calibration", "pipeline", "data", "expires"
                )
            case "evaluation.withdrawn":
                self._evaluations.pop(entry["evaluation"], None)
            case "calibration.used":
                told = _chosen(entry, "model", "calibration", "trials")
                self._calibrations[entry["model"]["digest"] + entry["pipeline"]] = told
            case "calibration.reverted":
                self._calibrations.pop(entry["model"]["digest"] + entry["pipeline"], None)

    def told(self, *, end: str) -> dict[str, Any]:
        """In lists of one order.

        An evaluation that had expired at `end`, or whose evaluator was trusted no more, is not in force.
        """
        evaluations = [
            each | {"independent": self._evaluators[each["evaluator"]]}
            for each in self._evaluations.values()
            if each["evaluator"] in self._evaluators and each["expires"] > end
        ]
        return {
            "counts": {kind: self._counts[kind] for kind in _COUNTED},
            "rule_packs": [self._packs[name] for name in sorted(self._packs)],
            "terms": [self._terms[each] for each in sorted(self._terms)],
            "evaluations": sorted(evaluations, key=lambda each: each["evaluation"]),
            "calibrations": [self._calibrations[each] for each in sorted(self._calibrations)],
        }


def _chosen(entry: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: entry[name] for name in names}
