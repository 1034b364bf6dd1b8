"""What a call used, for its event and for the duties that it has."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from countenance.types import RatioBox

if TYPE_CHECKING:  # the inference runtime loads when a pack is first used
    from countenance.vision.pipeline import Vision


@dataclass(frozen=True, slots=True)
class Shown:
    """A face of a photo that was compared: where it is, its picture, and quality figures of 0-100."""

    box: RatioBox
    crop: bytes
    quality: Mapping[str, float]


@dataclass(slots=True)
class Report:
    """What an operation used, for the record: filled while it runs, by the doors it goes through.

    Attributes:
        model_version: FaceModelVersion of the pack that was asked.
        model_digest: SHA-256 of that pack, hexadecimal.
        threshold: similarity threshold in force, 0-100.
        inputs: SHA-256 of each photograph that was read, hexadecimal.
        scenes: difference hash of each photograph with its faces blanked, 64 bits: for detectors.
        marker: what the caller wants to find again in the log.
        resource: what the call changed, in words for its account; None for what the request names.
        raised: why the threshold in force is not the one asked for; empty where it is.
        calibration: digest of the operator's calibration that similarities were of; None for the pack's own.
        left_out: faces of the collection that the search could not compare: they are damaged.
        rejected: candidates that the search left out because of rejections.
        discharged: obligations that were met.
        review: the held search that the call is about, for its event.
        word: what the call asked for or settled, for its event (`audit.event.WORDS`).
        reviewers: names of the people who decided what is answered of it.
        seen_as: what the call is to detectors of misuse, where its operation alone does not say.
    """

    model_version: str | None = None
    model_digest: str | None = None
    threshold: float | None = None
    inputs: list[str] = field(default_factory=list)
    scenes: list[int] = field(default_factory=list)
    marker: str | None = None
    resource: str | None = None
    raised: str = ""
    calibration: str | None = None
    left_out: int = 0
    rejected: int = 0
    discharged: set[str] = field(default_factory=set)
    review: uuid.UUID | None = None
    word: str | None = None
    reviewers: tuple[str, ...] = ()
    seen_as: str | None = None

    def changes(self, what: str) -> None:
        """Note what the call changes; the first word counts."""
        self.resource = self.resource or what

    def uses(self, vision: Vision) -> Vision:
        """Note the pack."""
        self.model_version, self.model_digest = vision.face_model_version, vision.pack_digest
        return vision
