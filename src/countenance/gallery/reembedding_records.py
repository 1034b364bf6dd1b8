"""What re-embeddings take and give: complete, frozen values."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from countenance.errors import CountenanceError
from countenance.gallery.records import StoredFace
from countenance.gallery.stored import StoredTemplates
from countenance.gallery.two_models import Model
from countenance.types import FaceId, ImageId, UserId

Source = Literal["folder", "vault"]
State = Literal["building", "ready", "switched", "rolled_back", "discarding", "discarded"]


class FacesLeftBehind(CountenanceError):
    """Faces would have no template of the model that is to be in use, or have none of the one that is."""

    def __init__(self, message: str, count: int) -> None:
        super().__init__(message)
        self.count = count


@dataclass(frozen=True, slots=True)
class Reembedding:
    """Of one collection; there is one at a time.

    Attributes:
        source: where pictures of the faces come from.
    """

    run_id: uuid.UUID
    from_model: Model
    to_model: Model
    source: Source
    state: State
    started_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many of a collection's faces have a template of a model; the database's `snapshot` says when."""

    faces: int
    embedded: int
    snapshot: str

    @property
    def missing(self) -> int:
        return self.faces - self.embedded


@dataclass(frozen=True, slots=True)
class Missing:
    """A face without a template of some model, and why, if that was tried."""

    face_id: FaceId
    user_id: UserId | None
    image_id: ImageId
    external_image_id: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Part:
    """Some of a collection's faces, whole pictures of them.

    Attributes:
        faces: those without a template of the model that was asked for.
        seen: how many faces were looked at.
        last: where the next part begins; None at the end.
    """

    faces: Sequence[StoredFace]
    seen: int
    last: ImageId | None


@dataclass(frozen=True, slots=True)
class TemplatesOfAll:
    """All faces with a template of one model, in order of enrolment; `stored` has a row for each."""

    face_ids: Sequence[FaceId]
    user_ids: Sequence[UserId | None]
    external_image_ids: Sequence[str | None]
    stored: StoredTemplates
