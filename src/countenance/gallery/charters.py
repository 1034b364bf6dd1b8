"""Charters: what a collection is for. Written with it, narrowed later, never widened."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from countenance.errors import InvalidParameterException
from countenance.facts import Charter
from countenance.gallery.changing import QUERIES, hold
from countenance.gallery.records import Collection
from countenance.store import Connection
from countenance.types import FaceId

COUNTED_UP_TO = 20_000
"""A cap up to this is counted before every enrolment; a larger one is kept when faces are written."""


@dataclass(frozen=True, slots=True)
class Chartered:
    """A collection as policy sees it.

    Attributes:
        charter: None for a collection that has none: nothing may be done with it.
        face_count: how many faces it has, if it was counted.
    """

    collection_id: uuid.UUID
    face_model_version: str
    charter: Charter | None
    face_count: int


def insert_charter(connection: Connection, collection: Collection, charter: Charter) -> None:
    connection.execute(QUERIES["insert_charter"], _values(collection, charter))


def find_chartered(
    connection: Connection, account_id: str, region: str, name: str, *, counted: bool
) -> Chartered | None:
    """The account's collection of that name with its charter; `counted`: with its faces, of a low cap."""
    row = connection.execute(
        QUERIES["find_chartered"],
        {
            "account_id": account_id,
            "region": region,
            "name": name,
            "count_up_to": COUNTED_UP_TO if counted else 0,
        },
    ).fetchone()
    if row is None:
        return None
    collection_id, version, *members, face_count = row
    return Chartered(collection_id, version, _charter(members), face_count)


def count_faces(connection: Connection, collection_id: uuid.UUID, *, up_to: int) -> int:
    """How many faces the collection has, counted no further than `up_to`."""
    values = {"collection_id": collection_id, "up_to": up_to}
    row = connection.execute(QUERIES["count_faces_up_to"], values).fetchone()
    assert row is not None
    return int(row[0])


def find_charter(connection: Connection, collection: Collection) -> Charter | None:
    row = connection.execute(QUERIES["find_charter"], {"collection_id": collection.collection_id}).fetchone()
    return None if row is None else _charter(list(row))


def narrow(connection: Connection, collection: Collection, charter: Charter) -> None:
    """Put a charter that allows no more than the one that is there; in all but the words of its legal basis.

    Raises:
        InvalidParameterException: it would allow more; names what.
        ResourceNotFoundException: the collection was deleted.
    """
    hold(connection, collection, how="lock_collection")
    present = find_charter(connection, collection)
    if present is None:
        raise InvalidParameterException(f"the collection `{collection.name}` has no charter to narrow")
    wider = [
        name
        for name, is_wider in (
            ("Purposes", not set(charter.purposes) <= set(present.purposes) or not charter.purposes),
            ("Kind", charter.kind != present.kind),
            ("FaceCap", charter.face_cap > present.face_cap),
            (
                "RetentionDays",
                present.retention_days is not None
                and (charter.retention_days is None or charter.retention_days > present.retention_days),
            ),
            ("MinorsAllowed", charter.minors_allowed and not present.minors_allowed),
        )
        if is_wider
    ]
    if wider:
        raise InvalidParameterException(
            f"a charter is only ever narrowed, and this one would widen or change {', '.join(wider)}"
        )
    connection.execute(QUERIES["update_charter"], _values(collection, charter))


def list_expiring(connection: Connection) -> list[Collection]:
    return [Collection(*row) for row in connection.execute(QUERIES["list_expiring"]).fetchall()]


def list_expired_faces(connection: Connection, collection: Collection, *, limit: int) -> list[FaceId]:
    rows = connection.execute(
        QUERIES["list_expired_faces"], {"collection_id": collection.collection_id, "limit": limit}
    ).fetchall()
    return [FaceId(face_id) for face_id, _ in rows]


def _values(collection: Collection, charter: Charter) -> dict[str, Any]:
    return {
        "collection_id": collection.collection_id,
        "purposes": list(charter.purposes),
        "kind": charter.kind,
        "legal_basis": charter.legal_basis,
        "face_cap": charter.face_cap,
        "retention_days": charter.retention_days,
        "minors_allowed": charter.minors_allowed,
    }


def _charter(members: list[Any]) -> Charter | None:
    purposes, kind, legal_basis, cap, retention_days, minors_allowed = members
    if purposes is None:
        return None
    return Charter(
        purposes=tuple(purposes),
        kind=kind,
        legal_basis=legal_basis,
        face_cap=cap,
        retention_days=retention_days,
        minors_allowed=minors_allowed,
    )
