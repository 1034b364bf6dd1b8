"""Two users made one, and apart again: what it would do, and the rows that it changes (docs/adr/0037)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from countenance.errors import (
    ConflictException,
    ResourceNotFoundException,
)
from countenance.gallery.changing import QUERIES as GALLERY_QUERIES
from countenance.gallery.faces import lock_faces
from countenance.gallery.pairing import QUERIES as PAIRING_QUERIES
from countenance.gallery.pairing import Pairing
from countenance.gallery.reading_apart import lock_named
from countenance.gallery.records import Collection
from countenance.gallery.subjects import no_such_user
from countenance.store import Connection, load_queries
from countenance.types import FaceId, UserId

QUERIES = load_queries("countenance.gallery", "merging.sql")
UNDO_DAYS: Final = 30
"""For so long a merge can be undone; then it is forgotten that there were two."""


@dataclass(frozen=True, slots=True)
class Merge:
    """One that was made within the last days.

    Attributes:
        ordinal: its place in the order in which they were made.
        faces: how many went over.
        still: how many of these the target has now.
    """

    ordinal: int
    merge_id: uuid.UUID
    source: UserId
    target: UserId
    faces: int
    still: int
    merged_by: str
    merged_at: datetime
    undo_until: datetime
    undone_by: str | None
    undone_at: datetime | None


@dataclass(frozen=True, slots=True)
class Parted:
    """What undoing a merge did.

    Attributes:
        returned: the faces that the first user has again.
        elsewhere: faces that went over and are the second user's no more: they stay where they are.
        gone: how many were deleted meanwhile.
    """

    source: UserId
    target: UserId
    returned: Sequence[FaceId]
    elsewhere: Sequence[FaceId]
    gone: int


def lock(connection: Connection, collection: Collection, source: UserId, target: UserId) -> None:
    """Both users by id, then their faces by id: ours until the transaction ends.

    Raises:
        ResourceNotFoundException: one of them is not there.
    """
    for user_id in sorted((source, target)):
        how = "claim_subject" if user_id == source else "lock_subject"
        values = _of(collection) | {"user_id": user_id}
        if connection.execute(GALLERY_QUERIES[how], values).fetchone() is None:
            raise no_such_user(user_id)
    connection.execute(
        QUERIES["lock_faces_of_users"], _of(collection) | {"user_ids": [source, target]}
    ).fetchall()


def merge(
    connection: Connection,
    collection: Collection,
    source: UserId,
    target: UserId,
    pairing: Pairing,
    *,
    merged_by: str,
) -> uuid.UUID:
    """Give all faces of `source` to `target`, and with them what is said and promised of it; its id.

    Both are locked, and `pairing` was looked at since.
    """
    faces = list(pairing.source_faces)
    lock_named(connection, collection, face_ids=faces, user_id=source)
    rows = connection.execute(
        PAIRING_QUERIES["find_subjects"], _of(collection) | {"user_ids": [source]}
    ).fetchall()
    _, made_at, import_id = rows[0]
    merge_id = uuid.uuid4()
    values = _of(collection) | {
        "merge_id": merge_id,
        "source": source,
        "source_made_at": made_at,
        "source_import_id": import_id,
        "target": target,
        "source_faces": faces,
        "by": merged_by,
        "days": UNDO_DAYS,
    }
    for query in (
        "forget_merges_of",
        "insert_merge",
        "note_merged_faces",
        "note_merged_rejections",
        "drop_rejections_of_both",
        "move_rejections",
        "bind_codes_to_faces",
    ):
        connection.execute(QUERIES[query], values)
    assign = {"face_ids": faces, "user_id": target}
    connection.execute(GALLERY_QUERIES["assign_faces"], _of(collection) | assign)
    connection.execute(GALLERY_QUERIES["delete_subject"], _of(collection) | {"user_id": source})
    return merge_id


def undo(connection: Connection, collection: Collection, merge_id: uuid.UUID, *, undone_by: str) -> Parted:
    """Take a merge back as far as what is still there allows; see `Merges.undo`. The collection is locked."""
    values: dict[str, Any] = _of(collection) | {"merge_id": merge_id, "days": UNDO_DAYS, "by": undone_by}
    row = connection.execute(QUERIES["lock_merge"], values).fetchone()
    if row is None:
        raise ResourceNotFoundException(f"no merge `{merge_id}` is known in the collection")
    source, import_id, target, count, merged_at, undone_at, face_ids, is_over = row
    if undone_at is not None:
        raise ConflictException(f"the merge `{merge_id}` was undone already")
    if is_over:
        raise ConflictException(f"the merge `{merge_id}` is older than {UNDO_DAYS} days: it stays")
    values |= {"source": source, "source_import_id": import_id, "target": target, "merged_at": merged_at}
    made_at = _part_subjects(connection, collection, values)
    owners = {row[0]: row[1] for row in lock_faces(connection, collection, face_ids)}
    returned = [face_id for face_id in face_ids if owners.get(face_id) == target]
    if not returned:
        raise ConflictException(
            f"none of the faces that the merge moved is the user `{target}`'s any more: nothing can go back"
        )
    lock_named(connection, collection, face_ids=returned)
    connection.execute(QUERIES["lock_rejections_of"], values).fetchall()
    assign = {"face_ids": returned, "user_id": source}
    connection.execute(GALLERY_QUERIES["assign_faces"], _of(collection) | assign)
    values |= {"returned": returned, "source_made_at": made_at}
    for query in ("give_rejections_back", "repeat_rejections", "bind_codes_to_user", "settle_merge"):
        connection.execute(QUERIES[query], values)
    elsewhere = [face_id for face_id in face_ids if face_id in owners and owners[face_id] != target]
    return Parted(UserId(source), UserId(target), returned, elsewhere, gone=count - len(owners))


def list_merges(
    connection: Connection, collection: Collection, *, user_id: UserId | None, limit: int, after: int
) -> list[Merge]:
    """Those of the last days in the order in which they were made, behind `after`."""
    values = _of(collection) | {"days": UNDO_DAYS, "user_id": user_id, "limit": limit, "after": after}
    return [Merge(*row) for row in connection.execute(QUERIES["list_merges"], values)]


def _part_subjects(connection: Connection, collection: Collection, values: dict[str, Any]) -> datetime:
    """Make the first user again beside the second one, both locked in the order of all; when it was made."""
    made_at: datetime | None = None
    for user_id in sorted((values["source"], values["target"])):
        if user_id == values["source"]:
            row = connection.execute(QUERIES["insert_subject_again"], values).fetchone()
            if row is None:
                raise ConflictException(
                    f"the collection has a user `{user_id}` by now: delete or merge it first"
                )
            made_at = row[0]
        elif (
            connection.execute(
                GALLERY_QUERIES["lock_subject"], _of(collection) | {"user_id": user_id}
            ).fetchone()
            is None
        ):
            raise ConflictException(
                f"the user `{user_id}` is not there any more: undo first what was merged later"
            )
    assert made_at is not None
    return made_at


def _of(collection: Collection) -> dict[str, Any]:
    return {"collection_id": collection.collection_id}
