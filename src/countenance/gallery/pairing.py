"""Two users beside each other: what they have in common, and what stands against making them one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from countenance.errors import (
    ConflictException,
    InternalServerError,
    InvalidParameterException,
    ServiceQuotaExceededException,
)
from countenance.gallery.records import Collection, Rejection
from countenance.gallery.seal import BrokenSeal, TemplateSeal
from countenance.gallery.stored import StoredTemplates, to_unit
from countenance.gallery.subject_template import subject_template
from countenance.gallery.subjects import FACES_PER_USER, no_such_user
from countenance.similarity import Calibration, meets
from countenance.store import Connection, load_queries
from countenance.types import Cosine, FaceId, Similarity, UserId

QUERIES = load_queries("countenance.gallery", "pairing.sql")


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
    values: dict[str, Any] = {
        "collection_id": collection.collection_id,
        "user_ids": [source, target],
        "source": source,
        "target": target,
    }
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
