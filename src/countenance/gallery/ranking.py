"""From rows that a scan finds to an answer: threshold, limit, and what is left out before that counts."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from countenance.gallery.known_apart import Match, Sifted
from countenance.gallery.records import Ranked
from countenance.gallery.scan import CertifiedScan, Rows
from countenance.similarity import Calibration, meets
from countenance.types import FaceId, Similarity, Template

_ROOM_FOR_REJECTED: Final = 16
"""So many more are asked for at first where something is rejected: mostly one pass will do."""

Sift = Callable[[Sequence[Match], int], Sifted]
"""What stays of matches, best first, up to a limit; a longer list that begins so begins with the same."""


@dataclass(frozen=True, slots=True)
class Question:
    """How a search is decided: a similarity, rounded as it is answered, must be >= `threshold`."""

    calibration: Calibration
    threshold: Similarity
    limit: int


@dataclass(frozen=True, slots=True)
class Found:
    """A face; of a subject, the one of its faces that was enrolled first.

    Attributes:
        owner: what stands for the subject that has the face (`owner_of`); 0 for nobody.
    """

    similarity: Similarity
    face_id: FaceId
    owner: int


def decide(
    scan: CertifiedScan,
    rows: Rows,
    probe: Template,
    question: Question,
    *,
    leaving_out: int | None,
    sift: Sift | None,
) -> Ranked[Found]:
    """Rows that meet the threshold, best first, without the row `leaving_out` and what `sift` leaves out.

    What is left out makes room for others: where too few stay, more are asked for, until there are none.
    """
    floor = question.calibration.cosine_floor(question.threshold)
    asked = question.limit + (leaving_out is not None) + (_ROOM_FOR_REJECTED if sift else 0)
    while True:
        found, cosines = scan.search(probe, floor=floor, limit=asked)
        similarities = question.calibration.to_similarity(cosines)
        kept = meets(similarities, question.threshold)
        is_all = len(found) < asked or not kept[-1]
        if leaving_out is not None:
            kept &= found != leaving_out
        places = np.flatnonzero(kept)
        if sift is None:
            sifted = Sifted([*range(min(len(places), question.limit))], 0)
            break
        matches = [Match(*whose(rows, int(found[at])), float(cosines[at])) for at in places]
        sifted = sift(matches, question.limit)
        if is_all or len(sifted.kept) == question.limit:
            break
        asked = min(4 * asked, len(rows) + 1)
    return Ranked(
        (
            Found(Similarity(float(similarities[at])), *whose(rows, int(found[at])))
            for at in places[sifted.kept]
        ),
        rejected=sifted.rejected,
    )


def whose(rows: Rows, row: int) -> tuple[FaceId, int]:
    """The face of a row, and what stands for the subject that has it; 0 for nobody."""
    block, offset = rows.place(row)
    high, low = (int(half) for half in block.ids[offset])
    return FaceId(uuid.UUID(int=high << 64 | low)), int(block.owners[offset])
