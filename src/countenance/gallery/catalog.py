"""Collections and their tags, as rows."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from countenance.errors import ResourceAlreadyExistsException, ServiceQuotaExceededException
from countenance.gallery.changing import QUERIES, hold, no_such_collection
from countenance.gallery.held import require_none_held
from countenance.gallery.records import Collection, Description
from countenance.store import Connection
from countenance.types import AccountId

TAG_QUOTA = 50


def insert_collection(
    connection: Connection,
    *,
    account_id: AccountId,
    name: str,
    region: str,
    face_model_version: str,
    dimensions: int,
    basis: int,
) -> Collection:
    """Raises ResourceAlreadyExistsException, also for one that is committed while this waits."""
    row = connection.execute(
        QUERIES["insert_collection"],
        {
            "collection_id": uuid.uuid4(),
            "account_id": account_id,
            "name": name,
            "region": region,
            "face_model_version": face_model_version,
            "dimensions": dimensions,
            "basis": basis,
        },
    ).fetchone()
    if row is None:
        raise ResourceAlreadyExistsException(f"The collection id: {name} already exists")
    return Collection(*row)


def find_collection(
    connection: Connection, account_id: AccountId, region: str, name: str
) -> Collection | None:
    row = connection.execute(
        QUERIES["find_collection"], {"account_id": account_id, "region": region, "name": name}
    ).fetchone()
    return None if row is None else Collection(*row)


def find_named(connection: Connection, region: str, name: str) -> list[Collection]:
    rows = connection.execute(QUERIES["find_named"], {"region": region, "name": name})
    return [Collection(*row) for row in rows]


def list_collections(
    connection: Connection, account_id: AccountId, region: str, *, limit: int, after: str
) -> list[Collection]:
    rows = connection.execute(
        QUERIES["list_collections"],
        {"account_id": account_id, "region": region, "limit": limit, "after": after},
    )
    return [Collection(*row) for row in rows]


def describe(connection: Connection, collection: Collection) -> Description:
    """Counts at one moment. Raises ResourceNotFoundException."""
    row = connection.execute(QUERIES["describe_collection"], _of(collection)).fetchone()
    if row is None:
        raise no_such_collection(collection.name)
    return Description(face_count=row[0], user_count=row[1])


def delete_collection(connection: Connection, collection: Collection) -> None:
    """Everything of it, once the changes under way have ended.

    Raises ResourceNotFoundException, and AccessDeniedException where faces are under a legal hold.
    """
    hold(connection, collection, how="claim_collection")
    require_none_held(connection, collection)
    connection.execute(QUERIES["begin_whole_collection"])
    connection.execute(QUERIES["delete_faces_of_collection"], _of(collection))
    connection.execute(QUERIES["delete_collection"], _of(collection))
    connection.execute(QUERIES["end_whole_collection"])


def list_tags(connection: Connection, collection: Collection) -> dict[str, str]:
    """By key. Raises ResourceNotFoundException."""
    rows = connection.execute(QUERIES["list_tags"], _of(collection)).fetchall()
    if not rows:
        raise no_such_collection(collection.name)
    return {key: value for _, key, value in rows if key is not None}


def put_tags(connection: Connection, collection: Collection, tags: Mapping[str, str]) -> None:
    """Add or replace. Raises ResourceNotFoundException, ServiceQuotaExceededException."""
    # Changes to one collection's tags take turns, so that two of them cannot pass the quota together.
    hold(connection, collection, how="lock_collection")
    connection.execute(
        QUERIES["put_tags"], _of(collection) | {"keys": list(tags), "values": list(tags.values())}
    )
    counted = connection.execute(QUERIES["count_tags"], _of(collection)).fetchone()
    assert counted is not None
    if counted[0] > TAG_QUOTA:
        raise ServiceQuotaExceededException(
            f"the collection would have {counted[0]} tags; at most {TAG_QUOTA} are allowed"
        )


def remove_tags(connection: Connection, collection: Collection, keys: Sequence[str]) -> None:
    """Absent keys are no error. Raises ResourceNotFoundException."""
    hold(connection, collection, how="lock_collection")
    connection.execute(QUERIES["remove_tags"], _of(collection) | {"keys": list(keys)})


def _of(collection: Collection) -> dict[str, Any]:
    return {"collection_id": collection.collection_id}
