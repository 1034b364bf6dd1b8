"""How many people asked for what, and how it was answered: figures for papers, of nobody in particular."""

from __future__ import annotations

from dataclasses import dataclass

from countenance.rights.enrolment_codes import QUERIES
from countenance.store import Connection


@dataclass(frozen=True, slots=True)
class RequestTally:
    """Requests of one kind.

    Attributes:
        overdue: open beyond the time that they were due.
        late: decided beyond it.
        put_off: given more time, with a reason.
    """

    kind: str
    asked: int
    granted: int
    refused: int
    open: int
    overdue: int
    late: int
    put_off: int


@dataclass(frozen=True, slots=True)
class RightsTally:
    """Of all accounts.

    Attributes:
        faces_by_consent: faces that are bound to a consent.
        codes: enrolment codes that count.
    """

    requests: tuple[RequestTally, ...]
    consents: int
    consents_withdrawn: int
    faces_by_consent: int
    holds: int
    faces_held: int
    templates_kept: int
    codes: int


def tally_rights(connection: Connection) -> RightsTally:
    """As things stand now."""
    requests = tuple(RequestTally(*row) for row in connection.execute(QUERIES["tally_requests"]).fetchall())
    row = connection.execute(QUERIES["tally_rights"]).fetchone()
    assert row is not None, "an aggregate always has a row"
    return RightsTally(requests, *row)
