"""How many searches people looked at first, and what came of cases: figures, of nobody in particular."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from countenance.store import Connection, load_queries

_QUERIES: Final = load_queries("countenance.casework", "tally.sql")


@dataclass(frozen=True, slots=True)
class CaseworkTally:
    """Of all accounts.

    Attributes:
        waiting, decided: searches held for review, and those that examiners have decided.
        ended: purged before anybody had decided.
        trials: reviews with known answers that were planted.
        urgent: cases opened before their authorisation; `unauthorized` of them never got it in time.
        outcomes_due: cases of which nothing was reported for thirty days.
        outcomes: what was reported, and of how many cases.
    """

    waiting: int
    decided: int
    ended: int
    trials: int
    cases: int
    cases_open: int
    urgent: int
    unauthorized: int
    outcomes_due: int
    outcomes: tuple[tuple[str, int], ...]


def tally_casework(connection: Connection) -> CaseworkTally:
    """As things stand now."""
    reviews = connection.execute(_QUERIES["tally_reviews"]).fetchone()
    cases = connection.execute(_QUERIES["tally_cases"]).fetchone()
    assert reviews is not None, "an aggregate always has a row"
    assert cases is not None, "an aggregate always has a row"
    outcomes = connection.execute(_QUERIES["tally_outcomes"]).fetchall()
    waiting, decided, ended, trials = reviews
    total, still_open, urgent, unauthorized, due = cases
    return CaseworkTally(
        waiting=waiting,
        decided=decided,
        ended=ended,
        trials=trials,
        cases=total,
        cases_open=still_open,
        urgent=urgent,
        unauthorized=unauthorized,
        outcomes_due=due,
        outcomes=tuple((name, count) for name, count in outcomes),
    )
