"""Reviews as whoever keeps the server sees them: how each stands, and never whom it shows."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from countenance.casework.cases import QUERIES
from countenance.store import Database

MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class ReviewLine:
    """One review.

    Attributes:
        status: `waiting`, `released`, or `over`.
        is_planted: it is a trial: examiners must not learn that.
        examined: how many have decided.
    """

    review_id: uuid.UUID
    status: str
    operation: str
    purpose: str
    case_id: str | None
    is_planted: bool
    candidates: int
    examined: int
    opened_at: datetime
    decided_at: datetime | None
    expires_at: datetime


def list_reviews(
    database: Database, account_id: str, *, review_id: uuid.UUID | None = None
) -> Sequence[ReviewLine]:
    """The account's newest reviews, MOST at most, or the one that is asked for."""
    values = {"account_id": account_id, "review_id": review_id, "limit": MOST}
    with database.read() as connection:
        return [ReviewLine(*row) for row in connection.execute(QUERIES["list_reviews"], values).fetchall()]
