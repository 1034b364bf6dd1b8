"""Which group each subject of a data set is in, by the data set's own labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UNLABELLED = "(unlabelled)"
"""The group of subjects without a label: reported like any other, compared with none."""


@dataclass(frozen=True, slots=True)
class Cohorts:
    """A partition of the subjects.

    Attributes:
        names: of the groups as the data set has them, alphabetical; `UNLABELLED` last where there are such.
        of_subject: (people,) int64, place in `names`.
    """

    names: tuple[str, ...]
    of_subject: NDArray[np.int64]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """(groups,) subjects of each."""
        return np.bincount(self.of_subject, minlength=len(self.names))

    def is_named(self, group: int) -> bool:
        """Whether the data set names this group: only such groups are compared with one another."""
        return self.names[group] != UNLABELLED


def cohorts_of(subjects: NDArray[np.int64], labels: Sequence[str | None]) -> Cohorts:
    """Groups from one label a sample; a subject is labelled if any of their samples is.

    Args:
        subjects: (n,) int, 0 to the number of subjects - 1.
        labels: n labels; None and blanks are missing.

    Raises:
        ValueError: not one label a sample; a subject has two different labels; a label is `UNLABELLED`.
    """
    if len(subjects) != len(labels):
        raise ValueError(f"{len(subjects)} samples have {len(labels)} labels: one a sample is needed")
    given: list[set[str]] = [set() for _ in range(int(subjects.max()) + 1)]
    for subject, label in zip(subjects, labels, strict=True):
        if label is not None and label.strip():
            given[subject].add(label.strip())
    torn = sum(len(names) > 1 for names in given)
    if torn:
        raise ValueError(
            f"{torn} of {len(given)} subjects have samples with different labels: a subject has one"
        )
    named = sorted({name for names in given for name in names})
    if UNLABELLED in named:
        raise ValueError(f"`{UNLABELLED}` is the name of the group without labels: name yours otherwise")
    names = (*named, *([UNLABELLED] if not all(given) else []))
    place = {name: number for number, name in enumerate(names)}
    of_subject = [place[next(iter(labelled), UNLABELLED)] for labelled in given]
    return Cohorts(names, np.array(of_subject, np.int64))
