"""A labelled data set: which photographs show whom, and what else is known of them.

Readers (`folders`, `pairs_files`, `tables`) make it, nothing of a photograph is opened for it. Names of
people and files stay in it: an evaluation has numbers only.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from countenance.evaluation.trials import Pairs
from countenance.types import PixelBox

Kind = Literal["folder", "pairs", "table"]


@dataclass(frozen=True, slots=True)
class Photo:
    """One photograph as the data set lists it.

    Attributes:
        path: relative to the data set's folder, with `/`.
        subject: whom it is said to show.
        box: where the labelled face is, where the data set says so; pixels of the upright photograph.
        species: of the attack that it presents (ISO/IEC 30107-3); empty for a bona fide one.
        session: of its capture, where the data set says so.
        labels: one for each of the data set's cohort columns; empty where it gives none.
        pad_score: of the operator's presentation attack detector, the higher the more it looks bona fide;
            None where it gave no answer.
    """

    path: str
    subject: str
    box: PixelBox | None = None
    species: str = ""
    session: str = ""
    labels: tuple[str, ...] = ()
    pad_score: float | None = None


@dataclass(frozen=True, slots=True)
class DataSet:
    """Photographs with labels.

    Attributes:
        name: of the folder or file that it was read from.
        kind: how it was given.
        root: the folder that all paths are in, links resolved.
        photos: bona fide presentations, sorted by path.
        attacks: presentation attacks, sorted by path.
        cohort_columns: what `Photo.labels` are.
        labels_by: who assigned the cohort labels; empty without columns.
        pairs: comparisons that the data set prescribes, by row of `photos`; None: all are made.
        passed_over: files that were not taken, by what they are.
        has_pad_scores: whether the data set states any, so that a photo without one got no answer.
    """

    name: str
    kind: Kind
    root: Path
    photos: tuple[Photo, ...]
    attacks: tuple[Photo, ...] = ()
    cohort_columns: tuple[str, ...] = ()
    labels_by: str = ""
    pairs: Pairs | None = None
    passed_over: dict[str, int] = field(default_factory=dict)
    has_pad_scores: bool = False

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(photo.path for photo in self.photos)

    @property
    def people(self) -> tuple[str, ...]:
        """Names, sorted: a subject's number is the place here."""
        return tuple(sorted({photo.subject for photo in self.photos}))

    @property
    def subjects(self) -> NDArray[np.int64]:
        """(n,) number of the subject of each photo."""
        number = {name: index for index, name in enumerate(self.people)}
        return np.array([number[photo.subject] for photo in self.photos], np.int64)

    @property
    def has_boxes(self) -> bool:
        return any(photo.box is not None for photo in self.photos)

    def labels_of(self, column: str) -> tuple[str, ...]:
        """(n,) the label of each photo in a cohort column; empty where the data set gives none.

        Raises:
            ValueError: there is no such column.
        """
        place = self.cohort_columns.index(column)
        return tuple(photo.labels[place] for photo in self.photos)


def in_order(photos: Sequence[Photo]) -> tuple[Photo, ...]:
    """Sorted by path and subject, so that a data set does not depend on how a folder is listed."""
    return tuple(sorted(photos, key=lambda photo: (photo.path, photo.subject)))


def leave_out(
    data: DataSet, *, paths: Collection[str] = (), doubles: Collection[tuple[str, str]] = ()
) -> DataSet:
    """The data set without some photos, and without prescribed comparisons of people who are one person.

    Args:
        paths: of photos to leave out, with the comparisons that they are in.
        doubles: pairs of names; their photos stay, comparisons of the two are left out where the data set
            prescribes comparisons.
    """
    kept = np.array([photo.path not in paths for photo in data.photos], np.bool_)
    photos = tuple(photo for photo, is_kept in zip(data.photos, kept, strict=True) if is_kept)
    if data.pairs is None:
        return replace(data, photos=photos)
    row = np.cumsum(kept) - 1
    one_person = {frozenset(names) for names in doubles}
    names = [photo.subject for photo in data.photos]
    stays = np.array(
        [
            bool(kept[a] and kept[b]) and frozenset((names[a], names[b])) not in one_person
            for a, b in zip(data.pairs.first, data.pairs.second, strict=True)
        ],
        np.bool_,
    )
    pairs = Pairs(
        first=row[data.pairs.first[stays]],
        second=row[data.pairs.second[stays]],
        mated=data.pairs.mated[stays],
        fold=data.pairs.fold[stays],
    )
    return replace(data, photos=photos, pairs=pairs)
