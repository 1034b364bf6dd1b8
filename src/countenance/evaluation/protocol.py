"""How an evaluation is made: everything that is chosen and not measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """What is asked of the samples.

    Attributes:
        face: which face of a photograph is the sample; said in the record only.
        seed: of everything that is drawn: one seed, one record.
        replicates: of the draw of subjects.
        most_mated_a_subject: pairs that one person may bring to the balanced accuracy.
        folds: of people, at most, for the balanced accuracy.
        draws: of pairs and folds, and of galleries; figures are means over them.
        max_fmrs: false match rates at which FNMR is stated, descending.
        similarities: thresholds at which FMR and FNMR are stated, ascending: up to where budgets of false
            positive identifications raise a threshold in large collections.
        galleries: sizes N of galleries searched; empty: 100, 1,000, … up to half of the people.
        lists: candidate list lengths.
        max_fpirs: false positive identification rates at which FNIR is stated, descending.
    """

    face: str = "largest"
    seed: int = 1
    replicates: int = 1000
    most_mated_a_subject: int = 10
    folds: int = 10
    draws: int = 10
    max_fmrs: tuple[float, ...] = (1e-3, 1e-4, 1e-5, 1e-6)
    similarities: tuple[float, ...] = (80.0, 90.0, 99.0, 99.5, 99.9, 99.97, 99.99)
    galleries: tuple[int, ...] = ()
    lists: tuple[int, ...] = (1, 10, 50)
    max_fpirs: tuple[float, ...] = (1e-1, 1e-2, 1e-3)

    def to_dict(self) -> dict[str, Any]:
        """The member `protocol` of an evaluation."""
        return {
            "face": self.face,
            "seed": self.seed,
            "confidence": 0.95,
            "replicates": self.replicates,
            "draws": self.draws,
            "most_mated_a_subject": self.most_mated_a_subject,
            "lists": list(self.lists),
        }
