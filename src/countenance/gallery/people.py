"""The people of a gallery in one order: users by the templates of their faces, and faces without a user."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from countenance.gallery.scan import CertifiedScan, Rows
from countenance.similarity import Calibration, meets
from countenance.types import FaceId, Similarity, Templates


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows that may be people, and the scan over them: `index` (N,) has each row's person, -1 for none."""

    rows: Rows
    scan: CertifiedScan
    index: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class People:
    """In the order of enrolment, as long as nobody changes the gallery.

    Attributes:
        ordinals: (N,) int64, ascending: of a user, its first face's.
        ids: (N, 2) uint64, the halves of that face's id.
        owners: (N,) uint64, 0 for a face without a user.
    """

    ordinals: NDArray[np.int64]
    ids: NDArray[np.uint64]
    owners: NDArray[np.uint64]
    _is_user: NDArray[np.bool_]
    _row: NDArray[np.int64]
    _users: _Part
    _faces: _Part

    def __len__(self) -> int:
        return len(self.ordinals)

    def whose(self, person: int) -> tuple[FaceId, int]:
        """The face that a person is known by, and the owner."""
        high, low = (int(half) for half in self.ids[person])
        return FaceId(uuid.UUID(int=high << 64 | low)), int(self.owners[person])

    def alike(
        self, begin: int, end: int, *, calibration: Calibration, threshold: Similarity
    ) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.float32]]]:
        """Each of these people who is like somebody enrolled later, with those, in order, and similarities.

        A similarity, rounded as it is answered, is >= `threshold`. Exact.
        """
        probes = self._templates(begin, end)
        floor = calibration.cosine_floor(threshold)
        found: list[list[tuple[NDArray[np.int64], NDArray[np.float32]]]] = [[] for _ in probes]
        for part in (self._users, self._faces):
            if not (part.index >= 0).any():
                continue
            answers = part.scan.search_many(probes, floor=floor, limit=len(part.index))
            for place, (rows, cosines) in enumerate(answers):
                others = part.index[rows]
                is_later = others > begin + place
                found[place].append((others[is_later], cosines[is_later]))
        for place, parts in enumerate(found):
            others = np.concatenate([each[0] for each in parts])
            similarities = calibration.to_similarity(np.concatenate([each[1] for each in parts]))
            kept = np.flatnonzero(meets(similarities, threshold))
            order = kept[np.argsort(others[kept])]
            if len(order):
                yield begin + place, others[order], similarities[order]

    def _templates(self, begin: int, end: int) -> Templates:
        return np.stack(
            [
                (self._users if self._is_user[person] else self._faces).rows.template(int(self._row[person]))
                for person in range(begin, end)
            ]
        )


def people_of(users: tuple[Rows, CertifiedScan], faces: tuple[Rows, CertifiedScan]) -> People:
    """Users, and of the faces those without a user."""
    of_users, of_faces = _columns(users[0]), _columns(faces[0])
    loose = np.flatnonzero(of_faces[2] == 0)
    ordinals = np.concatenate((of_users[0], of_faces[0][loose]))
    order = np.argsort(ordinals)
    is_user = order < len(of_users[0])
    row = np.concatenate((np.arange(len(of_users[0])), loose))[order]
    return People(
        ordinals[order],
        np.concatenate((of_users[1], of_faces[1][loose]))[order],
        np.concatenate((of_users[2], of_faces[2][loose]))[order],
        is_user,
        row,
        _Part(*users, _index(row, np.flatnonzero(is_user), len(users[0]))),
        _Part(*faces, _index(row, np.flatnonzero(~is_user), len(faces[0]))),
    )


def _index(row: NDArray[np.int64], people: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    index = np.full(count, -1, np.int64)
    index[row[people]] = people
    return index


def _columns(rows: Rows) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.uint64]]:
    """Ordinals, ids and owners of all rows, copied."""
    parts = [
        (block.ordinals[part], block.ids[part], block.owners[part])
        for block, _, part in rows.parts(rows.layout.block_rows)
    ]
    if not parts:
        return np.empty(0, np.int64), np.empty((0, 2), np.uint64), np.empty(0, np.uint64)
    ordinals, ids, owners = zip(*parts, strict=True)
    return np.concatenate(ordinals), np.concatenate(ids), np.concatenate(owners)
