"""Cases, searches whose candidates people look at first, and what those people say (docs/adr/0034)."""

from __future__ import annotations

from dataclasses import dataclass

from countenance.audit import AuditLog
from countenance.casework.cases import Case, Cases
from countenance.casework.examinations import Examinations, Examiner
from countenance.casework.held import Held, Picture, Search
from countenance.casework.record import record_purged
from countenance.casework.reviews import Decided, Review, Reviews
from countenance.store import Database, KeyStore, UnitOfWork


@dataclass(frozen=True, slots=True)
class Casework:
    """All of it, of one database. Thread-safe."""

    cases: Cases
    reviews: Reviews
    examinations: Examinations

    @classmethod
    def open(cls, database: Database, keys: KeyStore, *, least_view_s: float) -> Casework:
        """`least_view_s`: seconds that a candidate must be looked at."""
        reviews = Reviews(database, keys)
        return cls(
            Cases(database, keys),
            reviews,
            Examinations(database, keys, reviews, least_view_s=least_view_s),
        )

    def close(self, uow: UnitOfWork, audit: AuditLog, account_id: str, case_id: str, *, operator: str) -> int:
        """End a case and purge its reviews, each with an entry of its own; how many.

        Raises:
            ResourceNotFoundException: the account has no such case.
        """
        ended = [
            review_id
            for review_id in self.cases.close(uow, account_id, case_id)
            if self.reviews.purge(uow, review_id)
        ]
        for review_id in ended:
            record_purged(
                audit, uow.connection, account_id, review_id, why="its case was closed", operator=operator
            )
        return len(ended)


__all__ = [
    "Case",
    "Cases",
    "Casework",
    "Decided",
    "Examinations",
    "Examiner",
    "Held",
    "Picture",
    "Review",
    "Reviews",
    "Search",
]
