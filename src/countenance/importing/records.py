"""What an import is, what it brings, and what became of it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final


class Verdict(StrEnum):
    """What became of a photo; of a dry run what would."""

    ENROLLED = "ENROLLED"
    DUPLICATE = "DUPLICATE"
    LOOKS_LIKE_ANOTHER = "LOOKS_LIKE_ANOTHER"
    UNLIKE_THE_PERSON = "UNLIKE_THE_PERSON"
    NO_FACE = "NO_FACE"
    TOO_SMALL = "TOO_SMALL"
    BLURRED = "BLURRED"
    LOW_QUALITY = "LOW_QUALITY"
    PERSON_IS_FULL = "PERSON_IS_FULL"
    BROKEN = "BROKEN"
    UNSUPPORTED = "UNSUPPORTED"
    TOO_LARGE = "TOO_LARGE"
    MISSING = "MISSING"
    REFUSED = "REFUSED"
    FAILED = "FAILED"
    TAKEN_BACK = "TAKEN_BACK"


MEANINGS: Final[Mapping[Verdict, tuple[str, str]]] = {
    Verdict.ENROLLED: ("enrolled", ""),
    Verdict.DUPLICATE: ("the person's face is there already, from this photo or a copy of it", ""),
    Verdict.LOOKS_LIKE_ANOTHER: (
        "the face looks like another person's who is in the collection",
        "look at both photos; if they are two people, import them again with --look-alikes enrol",
    ),
    Verdict.UNLIKE_THE_PERSON: (
        "the face is not like the other faces of its person",
        "see whether the photo lies with the right person",
    ),
    Verdict.NO_FACE: ("no face was found", "use a photo that shows the face"),
    Verdict.TOO_SMALL: ("the face or the photo is too small", "use a larger photo, or --quality NONE"),
    Verdict.BLURRED: ("the face is blurred", "use a sharper photo, or --quality NONE"),
    Verdict.LOW_QUALITY: (
        "the face is too dark, turned away or doubtful",
        "use a better photo, or --quality NONE",
    ),
    Verdict.PERSON_IS_FULL: ("the person has a hundred faces, and may have no more", ""),
    Verdict.BROKEN: ("the file is no photo, or a broken one", "get the file anew"),
    Verdict.UNSUPPORTED: ("the file is of a kind that is not read", "save it as JPEG or PNG"),
    Verdict.TOO_LARGE: ("the photo is too large, and cannot be made smaller here", "save it smaller"),
    Verdict.MISSING: ("there is no such file", "see the path, or --photo-pattern"),
    Verdict.REFUSED: ("the server refused the photo", "see the detail"),
    Verdict.FAILED: ("the server failed at the photo again and again", "see the server's log"),
    Verdict.TAKEN_BACK: ("enrolled, and taken back since", ""),
}
"""Each verdict in words, and what to do about it."""
WELL: Final = frozenset({Verdict.ENROLLED, Verdict.DUPLICATE})
FORGOTTEN: Final = "(of an erased person)"
"""A photo's name in words, where the ledger has forgotten it."""


class RunState(StrEnum):
    """Where an import stands."""

    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    UNDOING = "undoing"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One photo to bring.

    Attributes:
        path: relative to the source's folder, with `/`; "" once the ledger has forgotten whom it shows.
        box: left, top, width, height as ratios: which of its faces; None for the largest.
        detail: what is to be told of it, whatever comes.
        verdict: what became of it already: it could not be found.
    """

    path: str
    external_image_id: str
    user_id: str | None = None
    box: tuple[float, float, float, float] | None = None
    detail: str = ""
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A photo of an import, as the ledger has it."""

    number: int
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class Other:
    """The face that a photo is a duplicate of, or looks like."""

    face_id: uuid.UUID
    external_image_id: str | None
    user_id: str | None
    similarity: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a photo.

    Attributes:
        detail: for people; a path or a message of the server's, never what is in the file.
        sha256: of the file.
    """

    item: int
    verdict: Verdict
    reasons: Sequence[str] = ()
    detail: str = ""
    faces_found: int | None = None
    face_id: uuid.UUID | None = None
    user_created: bool = False
    other: Other | None = None
    sha256: bytes | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A photo and what became of it, for reports; `outcome` None for nothing yet."""

    wanted: Wanted
    outcome: Outcome | None
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What an import was asked for: all that is needed to go on with it, and no secret.

    Attributes:
        source: what the user named; `root` the folder that paths are relative to.
        kind: what the source is, in a word.
        profile: of the access key, in the file `credentials` ("" for the user's own AWS files).
        endpoint_url: where the server is; "" for where the profile says.
        quality: QualityFilter.
        threshold: FaceMatchThreshold; None for the server's.
        accepts_look_alikes: what looks like another person's is enrolled all the same.
        passed_over: files that are no photos, by the ending of their names.
    """

    source: str
    root: str
    kind: str
    profile: str
    credentials: str
    endpoint_url: str
    tls_cert: str
    quality: str = "AUTO"
    threshold: float | None = None
    accepts_look_alikes: bool = False
    is_dry: bool = False
    passed_over: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """An import, as the ledger has it."""

    import_id: uuid.UUID
    account_id: str
    collection: str
    request: Request
    state: RunState
    problem: str
    begun_at: datetime
    ended_at: datetime | None
    worked_s: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is: photos with a verdict, by verdict, of all."""

    total: int
    counts: Mapping[Verdict, int]

    @property
    def done(self) -> int:
        return sum(self.counts.values())

    @property
    def amiss(self) -> int:
        """Photos whose face is not in the collection after all."""
        return sum(count for verdict, count in self.counts.items() if verdict not in WELL)


def to_members(request: Request) -> dict[str, Any]:
    """As the ledger keeps it."""
    return {name: getattr(request, name) for name in Request.__dataclass_fields__} | {
        "passed_over": dict(request.passed_over)
    }
