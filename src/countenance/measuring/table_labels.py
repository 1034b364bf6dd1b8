"""Labels of a table's rows: one a subject, of groups and not of people, and no more than a report takes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final, NoReturn

from countenance.errors import SetupError
from countenance.evaluation.cohort_labels import UNLABELLED
from countenance.measuring.data_sets import Photo

_MOST_GROUPS: Final = 63
"""As many as a report takes, beside those without a label."""
_MOST_ALONE: Final = 3
"""Subjects who may each be the only one of a group, as in a table that somebody tries out."""


def refuse(file: Path, row: int, column: str, problem: str, remedy: str) -> NoReturn:
    raise SetupError(f"`{file}`, row {row}, column `{column}`: {problem}", remedy=remedy)


def require_one_label_each(file: Path, photos: Sequence[tuple[int, Photo]], columns: Sequence[str]) -> None:
    first: dict[tuple[str, str], tuple[int, str]] = {}
    for row, photo in photos:
        for column, label in zip(columns, photo.labels, strict=True):
            if label == UNLABELLED:
                refuse(file, row, column, f"`{UNLABELLED}`", "leave it empty where there is no label")
            earlier, other = (
                first.setdefault((photo.subject, column), (row, label)) if label else (row, label)
            )
            if other != label:
                refuse(
                    file,
                    row,
                    column,
                    f"another label than row {earlier} has for the same subject",
                    "a cohort is one of people: give each subject one label",
                )
    for column in columns:
        labels = {subject: label for (subject, of), (_, label) in first.items() if of == column}
        _require_groups(file, column, labels)
        require_few(file, column, set(labels.values()))


def _require_groups(file: Path, column: str, labels: Mapping[str, str]) -> None:
    """Refuse a column that tells people apart.

    # INVARIANT: names of groups stand in the evaluation, and nobody is named there.
    """
    are_subjects = len(labels) > 1 and all(subject == label for subject, label in labels.items())
    if are_subjects or len(set(labels.values())) == len(labels) > _MOST_ALONE:
        raise SetupError(
            f"`{file}`, column `{column}`: each of {len(labels)} subjects has a label of their own",
            remedy="give --cohort a column of groups: what names one person stands in no report",
        )


def require_few(file: Path, column: str, labels: Collection[str]) -> None:
    if len(labels) > _MOST_GROUPS:
        raise SetupError(
            f"`{file}`, column `{column}`: {len(labels)} different labels, {_MOST_GROUPS} are the most",
            remedy="put them together to fewer, such as decades of age",
        )
