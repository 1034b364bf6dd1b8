"""Cases, searches whose candidates people look at first, and what those people say (docs/adr/0034)."""

from __future__ import annotations

from dataclasses import dataclass

from countenance.casework.cases import Case, Cases
from countenance.casework.examinations import Examinations, Examiner
from countenance.casework.reviews import Held, Picture, Review, Reviews, Search
from countenance.store import Database, KeyStore


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
            Examinations(database, reviews, least_view_s=least_view_s),
        )


__all__ = [
    "Case",
    "Cases",
    "Casework",
    "Examinations",
    "Examiner",
    "Held",
    "Picture",
    "Review",
    "Reviews",
    "Search",
]
