"""The photo coach: what is wrong with an enrolment photo, and how to take a better one.

It holds what was measured of a face (`face_quality`) against what a level of QualityFilter asks for, and
against a few things more that a person can mend. docs/quality.md says which bars are measured, and which are
customs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from countenance.vision.attributes.face_quality import SCALES, FaceMeasures, Measure
from countenance.vision.quality_filter import BARS, EYE_DISTANCE_PX, Level

CoachLevel = Literal["AUTO", "MEDIUM", "HIGH"]
LEVELS: Final[tuple[CoachLevel, ...]] = ("AUTO", "MEDIUM", "HIGH")
"""What photos are held against, each stricter than the one before."""
SignCode = Literal[Measure, "NO_FACE", "SEVERAL_FACES", "TOO_BRIGHT", "SMALL_IN_PHOTO", "LOW_FACE_QUALITY"]


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that is wrong with a photo.

    Attributes:
        measured: in `unit`; None where nothing was measured.
        wanted: what the level asks for, in the same unit.
        sentence: what is wrong and what to do, for people, with what is wanted.
        level: the laxest level that the photo fails by it: the laxer, the more severe.
        short: how far it is from what is wanted, as a share of it: of two of a level the larger comes first.
        stricter: what the levels behind it want, each with its sentence.
    """

    code: SignCode
    sentence: str
    level: CoachLevel
    measured: float | None = None
    wanted: float | None = None
    unit: str = ""
    short: float = 1.0
    stricter: Mapping[CoachLevel, tuple[float, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Want:
    """What is wanted of a measure.

    Attributes:
        bars: by level; a level without one asks for nothing.
        words: of what was measured and what is wanted.
    """

    code: SignCode
    measure: Measure
    bars: Mapping[CoachLevel, float]
    words: str
    is_most: bool = False


def _of_filter(member: str) -> dict[CoachLevel, float]:
    return {level: getattr(BARS[level], member) for level in LEVELS}


_WANTS: Final = (
    _Want(
        "EYE_DISTANCE",
        "EYE_DISTANCE",
        {level: EYE_DISTANCE_PX[level] for level in LEVELS},
        "eyes are {measured:.0f} px apart, {wanted:.0f} needed: come closer, or use a larger photo",
    ),
    _Want(
        "SHARPNESS",
        "SHARPNESS",
        _of_filter("sharpness"),
        "sharpness is {measured:.0f}, {wanted:.0f} needed: hold the camera still, focus on the eyes "
        "and clean the lens",
    ),
    _Want(
        "BRIGHTNESS",
        "BRIGHTNESS",
        _of_filter("brightness"),
        "brightness of the face is {measured:.0f}, {wanted:.0f} needed: turn the face to a window or a lamp",
    ),
    _Want(
        "TOO_BRIGHT",
        "BRIGHTNESS",
        _of_filter("brightness_most"),
        "brightness of the face is {measured:.0f}, at most {wanted:.0f} wanted: use less light or a shorter "
        "exposure",
        is_most=True,
    ),
    _Want(
        "CLIPPED",
        "CLIPPED",
        {"MEDIUM": 25.0, "HIGH": 10.0},
        "{measured:.0f} % of the face is plain white, at most {wanted:.0f} % wanted: keep flash and "
        "sun off it",
        is_most=True,
    ),
    _Want(
        "YAW",
        "YAW",
        _of_filter("yaw_deg"),
        "the head is turned {measured:.0f} degrees to a side, at most {wanted:.0f} wanted: look straight "
        "at the camera",
        is_most=True,
    ),
    _Want(
        "PITCH",
        "PITCH",
        _of_filter("pitch_deg"),
        "the head is tilted {measured:.0f} degrees up or down, at most {wanted:.0f} wanted: hold the "
        "camera at the height of the eyes",
        is_most=True,
    ),
    _Want(
        "CONFIDENCE",
        "CONFIDENCE",
        _of_filter("confidence"),
        "the detector is {measured:.0f} % sure of the face, {wanted:.0f} needed: show the whole face, and "
        "nothing before it",
    ),
    _Want(
        "NO_SUNGLASSES",
        "NO_SUNGLASSES",
        {"AUTO": 20.0, "MEDIUM": 50.0, "HIGH": 50.0},
        "there seem to be sunglasses ({measured:.0f} % sure of none, {wanted:.0f} needed): take them off",
    ),
    _Want(
        "UNCOVERED",
        "UNCOVERED",
        {"AUTO": 10.0, "MEDIUM": 40.0, "HIGH": 50.0},
        "something seems to cover the face ({measured:.0f} % sure of nothing, {wanted:.0f} needed): take off "
        "mask, scarf or hand, and keep the head inside the picture",
    ),
    _Want(
        "EYES_OPEN",
        "EYES_OPEN",
        {"MEDIUM": 20.0, "HIGH": 50.0},
        "the eyes seem closed ({measured:.0f} % sure that they are open, {wanted:.0f} needed): take another "
        "photo with open eyes",
    ),
    _Want(
        "MOUTH_CLOSED",
        "MOUTH_CLOSED",
        {"HIGH": 20.0},
        "the mouth seems open ({measured:.0f} % sure that it is closed, {wanted:.0f} needed): close it",
    ),
    _Want(
        "BACKGROUND",
        "BACKGROUND",
        {"HIGH": 20.0},
        "evenness of the background is {measured:.0f}, {wanted:.0f} needed: stand before a plain wall",
    ),
)
SIGNS_OF: Final[Mapping[str, tuple[SignCode, ...]]] = {
    "SMALL_BOUNDING_BOX": ("EYE_DISTANCE", "SMALL_IN_PHOTO"),
    "LOW_SHARPNESS": ("SHARPNESS",),
    "LOW_BRIGHTNESS": ("BRIGHTNESS",),
    "EXTREME_POSE": ("YAW", "PITCH"),
    "LOW_CONFIDENCE": ("CONFIDENCE",),
    "LOW_FACE_QUALITY": ("TOO_BRIGHT", "LOW_FACE_QUALITY"),
}
"""Reason of QualityFilter → the signs that say the same."""
_SMALL_IN_PHOTO: Final[tuple[SignCode, str]] = (
    "SMALL_IN_PHOTO",
    "the face is a small part of the photo: come closer, or cut the photo to the person",
)
_POOR_ALTOGETHER: Final[tuple[SignCode, str]] = (
    "LOW_FACE_QUALITY",
    "the face is poor in several ways at once: take a sharper photo from the front, in even light",
)
_NO_FACE: Final = Sign(
    "NO_FACE", "no face was found: use a photo that shows one face, upright and whole", "AUTO"
)


def signs_of(
    measures: FaceMeasures, *, reasons: Callable[[Level], Sequence[str]], faces: int = 1
) -> tuple[Sign, ...]:
    """What is wrong with a photo of one face by the strictest level, most severe first; empty if nothing is.

    Args:
        reasons: why QualityFilter rejects the face at a level.
        faces: how many the photo has; an enrolment photo has one.
    """
    found = [sign for want in _WANTS if (sign := _sign(want, measures)) is not None]
    if faces > 1:
        words = f"the photo shows {faces} faces: use one that shows the one person, or cut the others off"
        found.append(Sign("SEVERAL_FACES", words, "MEDIUM", float(faces), 1.0, "faces"))
    found += _rest(reasons, found)
    return tuple(sorted(found, key=lambda sign: (LEVELS.index(sign.level), -sign.short)))


def signs_without_a_face() -> tuple[Sign, ...]:
    """Of a photo in which none was found."""
    return (_NO_FACE,)


def signs_at(signs: Sequence[Sign], level: CoachLevel) -> tuple[Sign, ...]:
    """Those that count at a level, with what it wants: a photo with none of them is good enough for it."""
    return tuple(_asked_at(sign, level) for sign in signs if LEVELS.index(sign.level) <= LEVELS.index(level))


def _asked_at(sign: Sign, level: CoachLevel) -> Sign:
    """Whoever obeys is to pass: `wanted` is the level's own bar, not that of the laxest that was failed."""
    for each in reversed(LEVELS[: LEVELS.index(level) + 1]):
        if each in sign.stricter:
            wanted, sentence = sign.stricter[each]
            return replace(sign, wanted=wanted, sentence=sentence)
    return sign


def _sign(want: _Want, measures: FaceMeasures) -> Sign | None:
    """By the laxest level that the measure fails; what was not measured is not held against a photo."""
    measured = measures.values.get(want.measure)
    if measured is None:
        return None
    for level in LEVELS:
        bar = want.bars.get(level)
        if bar is None or not (measured > bar if want.is_most else measured < bar):
            continue
        return Sign(
            want.code,
            want.words.format(measured=_told(measured, bar), wanted=bar),
            level,
            measured,
            bar,
            SCALES[want.measure].unit,
            abs(measured - bar) / max(abs(bar), 1.0),
            {
                each: (other, want.words.format(measured=_told(measured, other), wanted=other))
                for each in LEVELS[LEVELS.index(level) + 1 :]
                if (other := want.bars.get(each)) is not None
            },
        )
    return None


def _told(measured: float, bar: float) -> float:
    """Never rounded to the bar that it fails."""
    return measured if round(measured) != round(bar) else bar + (1 if measured > bar else -1)


def _rest(reasons: Callable[[Level], Sequence[str]], found: Sequence[Sign]) -> list[Sign]:
    """What QualityFilter rejects though no sign says why: each by the laxest level that does."""
    added: dict[SignCode, Sign] = {}
    for level in LEVELS:
        told = {sign.code for sign in signs_at(found, level)}
        for reason in reasons(level):
            if told & {*SIGNS_OF.get(reason, ())}:
                continue
            code, words = _SMALL_IN_PHOTO if reason == "SMALL_BOUNDING_BOX" else _POOR_ALTOGETHER
            if code == "LOW_FACE_QUALITY" and told:
                continue  # it is poor altogether by what the signs say
            added.setdefault(code, Sign(code, words, level, short=0.0))
    return [*added.values()]
