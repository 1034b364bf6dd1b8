"""When faces were enrolled; and how many on which day, and erased: counts that are kept as faces come and go.

What was erased before the counts were kept is not in them, nor is what went with its whole collection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from countenance.gallery.records import Collection
from countenance.store import Connection, load_queries
from countenance.types import AccountId, FaceId

_QUERIES = load_queries("countenance.gallery", "growth.sql")


@dataclass(frozen=True, slots=True)
class Day:
    """Of faces, on one day (UTC)."""

    day: date
    enrolled: int
    erased: int


@dataclass(frozen=True, slots=True)
class Enrolment:
    """When a face came, and by which import if by one."""

    face_id: FaceId
    at: datetime
    import_id: UUID | None


def enrolments_of(
    connection: Connection, collection: Collection, face_ids: Sequence[FaceId]
) -> list[Enrolment]:
    """Of those that are there, by id."""
    values = {"collection_id": collection.collection_id, "face_ids": list(face_ids)}
    return [Enrolment(*row) for row in connection.execute(_QUERIES["list_enrolments"], values)]


def growth_of(connection: Connection, collection: Collection, *, since: date) -> list[Day]:
    """Days on which something changed, in order."""
    values = {"collection_id": collection.collection_id, "since": since}
    return [Day(*row) for row in connection.execute(_QUERIES["of_collection"], values)]


def growth_of_account(
    connection: Connection, account_id: AccountId, region: str, *, since: date
) -> list[Day]:
    """As `growth_of`, of all collections that an account has now in a region together."""
    values = {"account_id": account_id, "region": region, "since": since}
    return [Day(*row) for row in connection.execute(_QUERIES["of_account"], values)]
