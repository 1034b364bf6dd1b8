"""Faces of a copy that nothing can be decided from, because their sealed templates do not open."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from countenance.types import FaceId

MOST_KEPT: Final = 250
"""Of which ids are kept: enough for damage, and all of a collection without its key is not read at all."""


class LeftOut:
    """In memory that processes share: who changes it is its writer. Beyond MOST_KEPT it counts `at least`."""

    def __init__(self, count: NDArray[np.int64], ids: NDArray[np.uint8]) -> None:
        """
        Args:
            count: (1,).
            ids: (MOST_KEPT, 16).
        """
        self._count, self._ids = count, ids

    def __len__(self) -> int:
        return int(self._count[0])

    def __contains__(self, face_id: FaceId) -> bool:
        return self._place(face_id) is not None

    def add(self, face_ids: Iterable[FaceId]) -> None:
        """Note them; those that are noted already are no error."""
        for face_id in face_ids:
            if len(self) < MOST_KEPT and face_id not in self:
                self._ids[len(self)] = np.frombuffer(face_id.bytes, np.uint8)
                self._count[0] += 1

    def discard(self, face_ids: Iterable[FaceId]) -> None:
        """Forget them: they are gone, or open again."""
        if not len(self):
            return
        for face_id in face_ids:
            place = self._place(face_id)
            if place is not None:
                last = len(self) - 1
                self._ids[place] = self._ids[last]
                self._count[0] = last

    def clear(self) -> None:
        """Forget all."""
        self._count[0] = 0

    def _place(self, face_id: FaceId) -> int | None:
        wanted = np.frombuffer(face_id.bytes, np.uint8)
        places = np.flatnonzero((self._ids[: len(self)] == wanted).all(axis=1))
        return int(places[0]) if len(places) else None
