"""What examiners of an account did of late, out of the database: times and counts, and nobody's verdicts."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from countenance.conduct.observations import QUERIES
from countenance.conduct.suspicion import Examined, Review
from countenance.store import Connection

MOST_LOOKED_AT: Final = 20_000
"""Examinations in one look, the newest."""


def examined_since(
    connection: Connection, account_ids: Sequence[str], since: datetime
) -> dict[str, datetime]:
    """Which of the accounts had something examined after `since`, and when last."""
    values = {"account_ids": list(account_ids), "since": since}
    return dict(connection.execute(QUERIES["find_examined"], values).fetchall())


def read_examined(
    connection: Connection, account_id: str, since: datetime
) -> tuple[list[Review], list[Examined]]:
    """Reviews that two decided, and what each examiner did, in the order of time.

    A trial is an examination as any other, and no review of a search.
    """
    values = {"account_id": account_id, "since": since, "limit": MOST_LOOKED_AT}
    rows = connection.execute(QUERIES["list_examined"], values).fetchall()
    examined: list[Examined] = []
    by_review: dict[uuid.UUID, list[tuple[str, float, bool]]] = {}
    for review_id, is_planted, name, seconds, least_s, candidates, supported, agreed, known, wrong in rows:
        examined.append(
            Examined(
                examiner=name,
                seconds=float(seconds),
                least_s=least_s,
                candidates=candidates,
                supported=supported,
                known=known,
                wrong=wrong,
            )
        )
        if agreed is not None and not is_planted:  # of a third it is not said
            by_review.setdefault(review_id, []).append((name, float(seconds), agreed == candidates))
    reviews = [
        Review(
            frozenset(name for name, _, _ in of),
            min(seconds for _, seconds, _ in of),
            all(agreed for _, _, agreed in of),
        )
        for of in by_review.values()
        if len(of) == 2
    ]
    return reviews, examined
