"""Exercises whose answers are known: planted among the searches, and to be told from none."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Final

from countenance.casework.held import Held, Picture, Search
from countenance.casework.reviews import Reviews
from countenance.errors import InvalidParameterException
from countenance.store import UnitOfWork
from countenance.types import FaceId

MOST_PAIRS: Final = 100


def plant_trial(
    uow: UnitOfWork,
    reviews: Reviews,
    *,
    account_id: str,
    purpose: str,
    planted_by: str,
    planted_by_id: str | None,
    event_id: uuid.UUID,
    collection_id: uuid.UUID,
    crops: Mapping[FaceId, bytes],
    probe: FaceId,
    pairs: Sequence[tuple[FaceId, bool]],
) -> uuid.UUID:
    """Put a review with known answers among the others; its id.

    Args:
        event_id: of the call that plants it.
        crops: pictures out of the collection's vault, by face.
        pairs: candidates, and whether each is of the probe's person.

    Raises:
        InvalidParameterException: a face comes twice, has no picture, or there are none or too many.
    """
    ids = [face_id for face_id, _ in pairs]
    if not 1 <= len(ids) <= MOST_PAIRS:
        raise InvalidParameterException(f"a trial has 1 to {MOST_PAIRS} candidates, and not {len(ids)}")
    if len({probe, *ids}) != len(ids) + 1:
        raise InvalidParameterException("a trial has each face once")
    if missing := [each for each in (probe, *ids) if each not in crops]:
        raise InvalidParameterException(f"the collection keeps no picture of the face `{missing[0]}`")
    nobody = reviews.digest("trial", str(uuid.uuid4()))
    search = Search(
        account_id=account_id,
        case_id=None,
        purpose=purpose,
        operation="SearchFaces",
        requested_by=planted_by,
        requested_by_id=planted_by_id,
        request_digest=nobody,
        probe_digest=nobody,
        event_id=event_id,
        # else whoever lacks training would be let in to trials alone
        needs_training=reviews.owes_training(uow.connection, account_id, purpose),
    )
    held = Held(
        answer={},
        probe=Picture(crops[probe], {}),
        candidates=[Picture(crops[face_id], {}) for face_id in ids],
        faces=[(collection_id, face_id) for face_id in (probe, *ids)],
        is_mated=[mated for _, mated in pairs],
    )
    return reviews.plant(uow, search, held)
