"""From rejections as rows to who is known to be somebody else: of a collection, or of some in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from countenance.gallery.known_apart import Key, KnownApart, Pair
from countenance.gallery.records import Collection
from countenance.gallery.resident import Moment
from countenance.store import Connection, load_queries
from countenance.types import FaceId, UserId

QUERIES = load_queries("countenance.gallery", "rejections.sql")


@dataclass(frozen=True, slots=True)
class ApartAsOf:
    """Everything that is rejected in a collection, as of a moment."""

    apart: KnownApart
    moment: Moment


def read_apart(
    connection: Connection,
    collection: Collection,
    *,
    face_ids: Sequence[FaceId],
    user_ids: Sequence[UserId] = (),
) -> KnownApart:
    """What is rejected that names any of these, by UserId and FaceId: for changes, in their transaction."""
    values = {
        "collection_id": collection.collection_id,
        "face_ids": list(face_ids),
        "user_ids": list(user_ids),
    }
    rows = connection.execute(QUERIES["read_pairs_of"], values).fetchall()
    return KnownApart.of(Pair(*row) for row in rows)


def lock_named(
    connection: Connection,
    collection: Collection,
    *,
    face_ids: Sequence[FaceId] = (),
    user_id: UserId | None = None,
) -> None:
    """Lock what goes with these, in one order for all: else two who delete the two sides of several would
    wait for each other. Behind the faces themselves.
    """
    values = {
        "collection_id": collection.collection_id,
        "face_ids": list(face_ids),
        "user_id": user_id,
    }
    connection.execute(QUERIES["lock_rejections"], values)


def follow(
    connection: Connection,
    collection: Collection,
    before: ApartAsOf | None,
    *,
    key_of: Callable[[UserId], Key],
) -> ApartAsOf:
    """Everything that is rejected as of now, read anew as far as it changed since `before`: one statement."""
    values: dict[str, Any] = {"collection_id": collection.collection_id}
    query = "read_pairs"
    if before is not None:
        query, values = "read_pairs_since", values | {"snapshot": before.moment.snapshot}
    rows = connection.execute(QUERIES[query], values).fetchall()
    moment = Moment(*rows[0][:2])
    pairs = [Pair(*row[3:]) for row in rows if row[3] is not None]
    if before is None:
        return ApartAsOf(KnownApart.of(pairs, key_of=key_of), moment)
    changed = {FaceId(row[2]) for row in rows if row[2] is not None}
    return ApartAsOf(before.apart.renewed(changed, pairs, key_of=key_of), moment)
