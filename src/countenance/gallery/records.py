"""What a gallery takes and gives: complete, frozen values."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from countenance.types import (
    AccountId,
    Confidence,
    FaceId,
    ImageId,
    RatioBox,
    Similarity,
    Template,
    UserId,
)

_Each = TypeVar("_Each")


class UserStatus(StrEnum):
    """A user has faces (ACTIVE) or has none yet or any more (CREATED); changes are never in progress."""

    CREATED = "CREATED"
    ACTIVE = "ACTIVE"


class Reason(StrEnum):
    """Why one face of a request was not deleted, associated or disassociated."""

    FACE_NOT_FOUND = "FACE_NOT_FOUND"
    ASSOCIATED_TO_AN_EXISTING_USER = "ASSOCIATED_TO_AN_EXISTING_USER"
    ASSOCIATED_TO_A_DIFFERENT_USER = "ASSOCIATED_TO_A_DIFFERENT_USER"
    LOW_MATCH_CONFIDENCE = "LOW_MATCH_CONFIDENCE"


@dataclass(frozen=True, slots=True)
class Collection:
    """A gallery: `name` is its owner's, unique per account and region; `collection_id` is ours."""

    collection_id: uuid.UUID
    account_id: AccountId
    name: str
    region: str
    face_model_version: str
    dimensions: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Description:
    """How much a collection holds at the moment of asking."""

    face_count: int
    user_count: int


@dataclass(frozen=True, slots=True)
class Origin:
    """An import, and which of its photos."""

    import_id: uuid.UUID
    item: int


@dataclass(frozen=True, slots=True)
class Beside:
    """What a collection wants of each new face beside its template.

    Attributes:
        face_model_version: a template of this model as well: the collection is being re-embedded.
        crop: a picture of it: the collection has a vault.
    """

    face_model_version: str | None
    crop: bool


@dataclass(frozen=True, slots=True)
class OtherTemplate:
    """A face's template of another model: (D,) float32, unit; and how much it counts (`WeighedTemplate`)."""

    face_model_version: str
    template: Template
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class NewFace:
    """A face to enrol. Box and confidence are rounded by the gallery; `template` is (D,) float32, unit.

    Attributes:
        weight: how much it counts among the faces of its user (`WeighedTemplate`).
        user_id: of a user who is there and is locked, whose it is from the beginning.
        origin: of a face that an import brings.
        shadow, crop: see `Beside`; kept as far as they are still wanted, and the face is enrolled without.
    """

    face_id: FaceId
    image_id: ImageId
    external_image_id: str | None
    box: RatioBox
    confidence: Confidence
    template: Template
    weight: float = 1.0
    user_id: UserId | None = None
    origin: Origin | None = None
    shadow: OtherTemplate | None = None
    crop: bytes | None = None


@dataclass(frozen=True, slots=True)
class StoredFace:
    """A reference as it is stored: box rounded to 6 decimals, confidence to 4 (as AWS stores them)."""

    face_id: FaceId
    image_id: ImageId
    external_image_id: str | None
    box: RatioBox
    confidence: Confidence
    user_id: UserId | None
    face_model_version: str


@dataclass(frozen=True, slots=True)
class Subject:
    """A human in a collection: what AWS calls a user."""

    user_id: UserId
    status: UserStatus


@dataclass(frozen=True, slots=True)
class Candidate:
    """A reference that a search found, with its rounded similarity."""

    similarity: Similarity
    face: StoredFace


@dataclass(frozen=True, slots=True)
class UserCandidate:
    """A subject that a search found; similarity is to the template of the subject."""

    similarity: Similarity
    user_id: UserId
    status: UserStatus


class Ranked(list[_Each]):
    """What a search found, best first.

    Attributes:
        rejected: how many others were left out before the last, because of rejections.
    """

    def __init__(self, found: Iterable[_Each] = (), *, rejected: int = 0) -> None:
        super().__init__(found)
        self.rejected = rejected


@dataclass(frozen=True, slots=True)
class Rejection:
    """What a reviewer said: the person of a face is not that user, or not the person of that other face.

    Attributes:
        ordinal: its place in the order in which they were made.
        user_id, rejected_face_id: who the person is not: one of the two.
        rejected_by: the operator of the access key.
    """

    ordinal: int
    face_id: FaceId
    user_id: UserId | None
    rejected_face_id: FaceId | None
    reason: str | None
    rejected_by: str
    rejected_at: datetime


@dataclass(frozen=True, slots=True)
class Collision:
    """Two people of a collection who look alike; of a user, the face that was enrolled first.

    `similarity`: of the templates of the users, or of the faces that have none.
    """

    similarity: Similarity
    first: StoredFace
    second: StoredFace


@dataclass(frozen=True, slots=True)
class Collisions:
    """A part of a report, of one state of the collection; `Stretch` says what each member means.

    Attributes:
        after: (first, second) ordinals behind which the next part begins; None at the end.
    """

    pairs: Sequence[Collision]
    after: tuple[int, int] | None
    people: int
    done: int
    state: str
    rejected: int


@dataclass(frozen=True, slots=True)
class Outlier:
    """A face of a user that does not look like the rest.

    Attributes:
        similarity: to the template that the user's other faces make.
        faces: how many the user has.
    """

    face: StoredFace
    similarity: Similarity
    faces: int


@dataclass(frozen=True, slots=True)
class Outliers:
    """A part of the users of a collection, in the order of enrolment.

    Attributes:
        users: how many with two faces or more were looked at.
        after: ordinal behind which the next part begins; None at the end.
    """

    outliers: Sequence[Outlier]
    users: int
    after: int | None


@dataclass(frozen=True, slots=True)
class FaceFailure:
    """One face of a request that was left as it was.

    `user_id`: the user who has the face, where that is the reason.
    `similarity`: to the user's template, for LOW_MATCH_CONFIDENCE (AWS answers it as `Confidence`).
    """

    face_id: FaceId
    reason: Reason
    user_id: UserId | None = None
    similarity: Similarity | None = None


@dataclass(frozen=True, slots=True)
class Deleted:
    """What DeleteFaces did, each list in the order of the request."""

    face_ids: Sequence[FaceId]
    failures: Sequence[FaceFailure]


@dataclass(frozen=True, slots=True)
class Associated:
    """What AssociateFaces or DisassociateFaces did, each list in the order of the request.

    A face that was so already is in neither list.
    """

    face_ids: Sequence[FaceId]
    failures: Sequence[FaceFailure]
    status: UserStatus
