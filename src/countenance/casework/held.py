"""What is kept of a search while people look at it: who asked for what, and the pictures."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Picture:
    """A crop, as a vault or a photo gave it, and what is known of how good it is."""

    crop: bytes
    quality: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        return {"crop": base64.b64encode(self.crop).decode(), "quality": dict(self.quality)}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Picture:
        return cls(base64.b64decode(told["crop"]), told["quality"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What was asked, by whom.

    Attributes:
        request_digest: of the whole request with its purpose, case and collection.
        probe_digest: of the face that is looked for and where, whatever the thresholds.
        requested_by_id: the person who asked; None of a key of the account's own.
        needs_training: whoever examines it has training on record, whatever the purpose asks for.
    """

    account_id: str
    case_id: str | None
    purpose: str
    operation: str
    requested_by: str
    request_digest: bytes
    probe_digest: bytes
    event_id: uuid.UUID
    requested_by_id: str | None = None
    needs_training: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What examiners look at, and the answer that waits.

    Attributes:
        answer: the operation's, as JSON values.
        faces: enrolled faces among the pictures, with the collection.
        is_mated: of a planted trial: the known answers.
        unseen: enrolled faces that were found and have no picture: they are in no answer, and count as
            looked at and not supported.
        threshold: similarity that was asked for: nobody below it is released.
    """

    answer: Mapping[str, Any]
    probe: Picture
    candidates: Sequence[Picture]
    faces: Sequence[tuple[uuid.UUID, uuid.UUID]] = ()
    is_mated: Sequence[bool] | None = None
    unseen: Sequence[str] = ()
    threshold: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return {
            "answer": dict(self.answer),
            "probe": self.probe.to_json(),
            "candidates": [each.to_json() for each in self.candidates],
            "is_mated": None if self.is_mated is None else list(self.is_mated),
            "unseen": list(self.unseen),
            "threshold": self.threshold,
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Held:
        return cls(
            answer=told["answer"],
            probe=Picture.from_json(told["probe"]),
            candidates=[Picture.from_json(each) for each in told["candidates"]],
            is_mated=told["is_mated"],
            unseen=told.get("unseen", ()),
            threshold=told.get("threshold", 0.0),
        )
