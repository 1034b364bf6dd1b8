"""Two users made one, and apart again: what it would do, and the rows that it changes (docs/adr/0037)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import numpy as np

from countenance.errors import (
    ConflictException,
    InternalServerError,
    InvalidParameterException,
    ResourceNotFoundException,
    ServiceQuotaExceededException,
)
from countenance.gallery.changing import QUERIES as GALLERY_QUERIES
from countenance.gallery.faces import lock_faces
from countenance.gallery.reading_apart import lock_named
from countenance.gallery.records import Collection, Rejection
from countenance.gallery.seal import BrokenSeal, TemplateSeal
from countenance.gallery.stored import StoredTemplates, to_unit
from countenance.gallery.subject_template import subject_template
from countenance.gallery.subjects import FACES_PER_USER, no_such_user
from countenance.similarity import Calibration, meets
from countenance.store import Connection, load_queries
from countenance.types import Cosine, FaceId, Similarity, UserId

QUERIES = load_queries("countenance.gallery", "merging.sql")
UNDO_DAYS: Final = 30
"""For so long a merge can be undone; then it is forgotten that there were two."""


class Obstacle(StrEnum):
    """Why two users are not made one."""

    LOW_SIMILARITY = "LOW_SIMILARITY"
    REJECTED = "REJECTED"
    TOO_MANY_FACES = "TOO_MANY_FACES"
    OPEN_REQUEST = "OPEN_REQUEST"


@dataclass(frozen=True, slots=True)
class Likeness:
    """Of two faces, one of each user."""

    similarity: Similarity
    source: FaceId
    target: FaceId


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """Two users beside each other, as of one moment.

    Attributes:
        source_faces, target_faces: in order of enrolment.
        similarity: of the two users' templates.
        weakest: the two faces across that resemble each other least.
        rejections: what reviewers said against it.
        uncompared: faces without a template of the model in use.
        open_requests: of people whom either user stands for.
    """

    source_faces: Sequence[FaceId]
    target_faces: Sequence[FaceId]
    similarity: Similarity
    weakest: Likeness
    rejections: Sequence[Rejection]
    uncompared: int
    open_requests: int

    def obstacles(self, threshold: Similarity) -> list[Obstacle]:
        """What stands against it where users must be as similar as `threshold`; none: it can be done."""
        against = {
            Obstacle.LOW_SIMILARITY: not meets(self.similarity, threshold),
            Obstacle.REJECTED: bool(self.rejections),
            Obstacle.TOO_MANY_FACES: len(self.source_faces) + len(self.target_faces) > FACES_PER_USER,
            Obstacle.OPEN_REQUEST: self.open_requests > 0,
        }
        return [obstacle for obstacle, stands in against.items() if stands]


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


def look(
    connection: Connection,
    collection: Collection,
    seal: TemplateSeal,
    source: UserId,
    target: UserId,
    *,
    calibration: Calibration,
) -> Pairing:
    """Two users beside each other.

    Raises:
        InvalidParameterException: they are one, or one of them has no face that can be compared.
        ResourceNotFoundException: one of them is not there.
        InternalServerError: a template is damaged: what it resembles is unknown.
    """
    if source == target:
        raise InvalidParameterException("`SourceUserId` and `TargetUserId` are the same user")
    values = _of(collection) | {"user_ids": [source, target], "source": source, "target": target}
    there = {row[0] for row in connection.execute(QUERIES["find_subjects"], values)}
    for user_id in (source, target):
        if user_id not in there:
            raise no_such_user(user_id)
    rows = connection.execute(QUERIES["read_faces_of_users"], values, binary=True).fetchall()
    faces = {user_id: [row[0] for row in rows if row[1] == user_id] for user_id in (source, target)}
    comparable = [row for row in rows if row[3] is not None]
    compared = {
        user_id: [(row[0], *row[2:]) for row in comparable if row[1] == user_id]
        for user_id in (source, target)
    }
    for user_id in (source, target):
        if not compared[user_id]:
            raise InvalidParameterException(f"the user `{user_id}` has no face that can be compared")
    values |= {"source_faces": faces[source], "target_faces": faces[target]}
    similarity, weakest = _compare(seal, compared[source], compared[target], calibration)
    requests = connection.execute(QUERIES["count_open_requests"], values).fetchone()
    assert requests is not None, "an aggregate always has a row"
    return Pairing(
        source_faces=faces[source],
        target_faces=faces[target],
        similarity=similarity,
        weakest=weakest,
        rejections=[
            Rejection(*row) for row in connection.execute(QUERIES["list_rejections_between"], values)
        ],
        uncompared=len(rows) - len(comparable),
        open_requests=int(requests[0]),
    )


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
    rows = connection.execute(QUERIES["find_subjects"], _of(collection) | {"user_ids": [source]}).fetchall()
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


def require_mergeable(pairing: Pairing, threshold: Similarity) -> None:
    """Refuse, with everything that stands against it.

    Raises:
        ConflictException, ServiceQuotaExceededException.
    """
    against = pairing.obstacles(threshold)
    if not against:
        return
    total = len(pairing.source_faces) + len(pairing.target_faces)
    words = {
        Obstacle.LOW_SIMILARITY: f"they are less alike than `{float(threshold):g}`",
        Obstacle.REJECTED: f"{len(pairing.rejections)} rejections say that they are not one person; withdraw "
        "what is wrong first (WithdrawRejection)",
        Obstacle.TOO_MANY_FACES: f"the user would have {total} faces; at most {FACES_PER_USER} are allowed",
        Obstacle.OPEN_REQUEST: "somebody whom one of them stands for has asked for something that is not "
        "decided yet (ListSubjectRequests)",
    }
    told = f"nothing was merged: {'; '.join(words[each] for each in against)}"
    if against == [Obstacle.TOO_MANY_FACES]:
        raise ServiceQuotaExceededException(told)
    raise ConflictException(told)


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


def _compare(
    seal: TemplateSeal,
    source: Sequence[tuple[FaceId, int, bytes]],
    target: Sequence[tuple[FaceId, int, bytes]],
    calibration: Calibration,
) -> tuple[Similarity, Likeness]:
    """Of the users' templates; and the least of any two faces across."""
    ours, theirs = _opened(seal, source), _opened(seal, target)
    templates = [subject_template(each).astype(np.float64) for each in (ours, theirs)]
    across = to_unit(ours).astype(np.float64) @ to_unit(theirs).astype(np.float64).T
    row, column = divmod(int(across.argmin()), across.shape[1])
    weakest = Likeness(_similarity(across.min(), calibration), source[row][0], target[column][0])
    return _similarity(templates[0] @ templates[1], calibration), weakest


def _similarity(dot: Any, calibration: Calibration) -> Similarity:
    return calibration.similarity_of(Cosine(float(np.float32(min(max(float(dot), -1.0), 1.0)))))


def _opened(seal: TemplateSeal, rows: Sequence[tuple[FaceId, int, bytes]]) -> StoredTemplates:
    stored, broken = seal.unseal_all(rows)
    if broken:
        face_id = rows[broken[0]][0]
        raise InternalServerError(f"the stored template of face `{face_id}` is damaged") from BrokenSeal(
            face_id
        )
    return stored


def _of(collection: Collection) -> dict[str, Any]:
    return {"collection_id": collection.collection_id}
