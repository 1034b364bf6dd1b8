"""Who would change: the answers of the old model beside those of the new one, before anybody gets them.

Every face is searched for among all others under both models, at one threshold, as SearchFaces would; and
every user as SearchUsers would. What one of the models answers and the other does not is a difference: it
says that the models disagree, and not which is right.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from countenance.gallery.reembedding_records import TemplatesOfAll
from countenance.gallery.subject_template import subject_template
from countenance.reembedding.pairs import Matcher, Matches
from countenance.similarity import Calibration
from countenance.types import FaceId, Similarity, UserId

MOST_EXACT: Final = 20_000
"""Faces up to which each is compared with each: a minute of two cores."""
SAMPLE: Final = 2_000
"""So many are drawn of more, and compared with all."""
_SEED: Final = 20_261_126
_MOST_TOLD: Final = 100_000

Kind = Literal["same person", "different people", "not known"]
Change = Literal["begins", "stops"]


@dataclass(frozen=True, slots=True)
class PairChange:
    """Two faces, or two users, that match under one of the models only.

    Attributes:
        kind: `same person` for faces of one user, `not known` where one of them is of nobody.
        before, after: similarity under the old model and under the new.
    """

    change: Change
    kind: Kind
    one: str
    other: str
    one_user: UserId | None
    other_user: UserId | None
    one_name: str | None
    other_name: str | None
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class BestChange:
    """A face whose best candidate is another, or comes or goes.

    Attributes:
        change: `another person`, `another face` (of the same person, or of nobody), `found` or `lost`.
    """

    change: str
    face_id: FaceId
    user_id: UserId | None
    name: str | None
    before: FaceId | None
    after: FaceId | None
    similarity_before: float | None
    similarity_after: float | None


@dataclass(frozen=True, slots=True)
class UserChange:
    """A user some of whose own faces match one another under one of the models only: pairs of them."""

    user_id: UserId
    pairs: int
    matching_before: int
    matching_after: int


@dataclass(slots=True)
class Differences:
    """The report.

    Attributes:
        faces: with templates of both models: those that are compared.
        probes: those that were searched for: all, or a random sample.
        unembedded: faces without a template of the new model: as if lost.
        pairs: of faces, by kind and `both`, `begins` or `stops`; those with a probe among them.
        best: faces by what became of their best candidate.
        users: with a face that is compared; `user_pairs` as `pairs`, of users.
        told: whether lists were cut short.
    """

    threshold: float
    from_version: str
    to_version: str
    faces: int
    probes: int
    unembedded: int
    users: int
    pairs: Counter[tuple[Kind, str]] = field(default_factory=Counter)
    best: Counter[str] = field(default_factory=Counter)
    user_pairs: Counter[str] = field(default_factory=Counter)
    face_changes: list[PairChange] = field(default_factory=list)
    best_changes: list[BestChange] = field(default_factory=list)
    user_changes: list[UserChange] = field(default_factory=list)
    user_pair_changes: list[PairChange] = field(default_factory=list)

    @property
    def is_exact(self) -> bool:
        """Every face was compared with every other."""
        return self.probes == self.faces

    @property
    def is_whole(self) -> bool:
        """The lists have everything that was counted."""
        return len(self.face_changes) < _MOST_TOLD and len(self.best_changes) < _MOST_TOLD


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two models, as it is in a collection."""

    version: str
    templates: TemplatesOfAll
    calibration: Calibration


def compare(
    before: Side,
    after: Side,
    *,
    threshold: Similarity,
    most_exact: int = MOST_EXACT,
    sample: int = SAMPLE,
) -> Differences:
    """What would change for whom."""
    where = {face_id: row for row, face_id in enumerate(after.templates.face_ids)}
    rows = [row for row, face_id in enumerate(before.templates.face_ids) if face_id in where]
    people = _People.of(before.templates, rows)
    old = before.templates.stored[rows]
    new = after.templates.stored[[where[face_id] for face_id in people.face_ids]]
    probes = list(range(len(rows)))
    if len(probes) > most_exact:
        probes = sorted(random.Random(_SEED).sample(probes, min(sample, len(probes))))  # noqa: S311 - a sample, no secret
    found = Differences(
        threshold=float(threshold),
        from_version=before.version,
        to_version=after.version,
        faces=len(rows),
        probes=len(probes),
        unembedded=len(before.templates.face_ids) - len(rows),
        users=len({user_id for user_id in people.user_ids if user_id is not None}),
    )
    if rows:
        matchers = Matcher(old, before.calibration), Matcher(new, after.calibration)
        _compare_faces(found, people, matchers, probes, threshold)
        _compare_users(found, people, (old, new), (before.calibration, after.calibration), threshold)
    return found


@dataclass(frozen=True, slots=True)
class _People:
    """Whose the faces are that are compared, by row."""

    face_ids: Sequence[FaceId]
    user_ids: Sequence[UserId | None]
    names: Sequence[str | None]

    @classmethod
    def of(cls, templates: TemplatesOfAll, rows: Sequence[int]) -> _People:
        return cls(
            [templates.face_ids[row] for row in rows],
            [templates.user_ids[row] for row in rows],
            [templates.external_image_ids[row] for row in rows],
        )

    def kind(self, one: int, other: int) -> Kind:
        a, b = self.user_ids[one], self.user_ids[other]
        if a is None or b is None:
            return "not known"
        return "same person" if a == b else "different people"


def _compare_faces(
    found: Differences,
    people: _People,
    matchers: tuple[Matcher, Matcher],
    probes: Sequence[int],
    threshold: Similarity,
) -> None:
    sampled = set(probes)
    own: dict[UserId, Counter[str]] = {}
    sides = (matchers[0].matches(probes, threshold), matchers[1].matches(probes, threshold))
    for probe, before, after in zip(probes, *sides, strict=True):
        _note_best(found, people, probe, before, after)
        for other in before.keys() | after.keys():
            if other in sampled and other < probe:
                continue  # it was looked at from the other's side
            kind = people.kind(probe, other)
            what = "both" if other in before and other in after else "begins" if other in after else "stops"
            found.pairs[kind, what] += 1
            user_id = people.user_ids[probe]
            if kind == "same person" and user_id is not None:
                own.setdefault(user_id, Counter())[what] += 1
            if what != "both" and len(found.face_changes) < _MOST_TOLD:
                found.face_changes.append(_pair(people, matchers, (probe, other), kind, what))
    sizes = Counter(user_id for user_id in people.user_ids if user_id is not None)
    found.user_changes += [
        UserChange(
            user_id,
            sizes[user_id] * (sizes[user_id] - 1) // 2,
            told["both"] + told["stops"],
            told["both"] + told["begins"],
        )
        for user_id, told in sorted(own.items())
        if told["begins"] or told["stops"]
    ]
    found.face_changes.sort(key=lambda each: (each.kind, each.change, -abs(each.after - each.before)))


def _pair(
    people: _People, matchers: tuple[Matcher, Matcher], rows: tuple[int, int], kind: Kind, what: str
) -> PairChange:
    one, other = rows
    return PairChange(
        change="begins" if what == "begins" else "stops",
        kind=kind,
        one=str(people.face_ids[one]),
        other=str(people.face_ids[other]),
        one_user=people.user_ids[one],
        other_user=people.user_ids[other],
        one_name=people.names[one],
        other_name=people.names[other],
        before=matchers[0].similarity(one, other),
        after=matchers[1].similarity(one, other),
    )


def _note_best(found: Differences, people: _People, probe: int, before: Matches, after: Matches) -> None:
    old, new = next(iter(before), None), next(iter(after), None)
    if old is None and new is None:
        change = "none"
    elif old is None or new is None:
        change = "found" if old is None else "lost"
    elif old == new:
        change = "same"
    else:
        change = "another person" if people.kind(old, new) == "different people" else "another face"
    found.best[change] += 1
    if change not in {"none", "same"} and len(found.best_changes) < _MOST_TOLD:
        found.best_changes.append(
            BestChange(
                change,
                people.face_ids[probe],
                people.user_ids[probe],
                people.names[probe],
                None if old is None else people.face_ids[old],
                None if new is None else people.face_ids[new],
                None if old is None else before[old],
                None if new is None else after[new],
            )
        )


def _compare_users(
    found: Differences,
    people: _People,
    stored: tuple[NDArray[np.float16], NDArray[np.float16]],
    calibrations: tuple[Calibration, Calibration],
    threshold: Similarity,
) -> None:
    rows_of: dict[UserId, list[int]] = {}
    for row, user_id in enumerate(people.user_ids):
        if user_id is not None:
            rows_of.setdefault(user_id, []).append(row)
    user_ids = sorted(rows_of)
    if len(user_ids) < 2:
        return
    matchers = [
        Matcher(np.stack([subject_template(side[rows_of[user_id]]) for user_id in user_ids]), calibration)
        for side, calibration in zip(stored, calibrations, strict=True)
    ]
    everybody = range(len(user_ids))
    sides = [matcher.matches(everybody, threshold) for matcher in matchers]
    for one, other in _pairs(sides):
        before, after = other in sides[0][one], other in sides[1][one]
        what = "both" if before and after else "begins" if after else "stops"
        found.user_pairs[what] += 1
        if what != "both" and len(found.user_pair_changes) < _MOST_TOLD:
            a, b = user_ids[one], user_ids[other]
            similarities = [matcher.similarity(one, other) for matcher in matchers]
            found.user_pair_changes.append(
                PairChange(
                    "begins" if after else "stops", "different people", a, b, a, b, None, None, *similarities
                )
            )


def _pairs(sides: Sequence[Sequence[Matches]]) -> Iterator[tuple[int, int]]:
    for one, (before, after) in enumerate(zip(*sides, strict=True)):
        yield from ((one, other) for other in sorted(before.keys() | after.keys()) if other > one)
