"""Detectors that look at the photos that are searched with: thresholds, frames of video, harvested scores."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

from countenance.conduct.observations import Observed
from countenance.conduct.suspicion import (
    DAY,
    About,
    Severity,
    Suspicion,
    Window,
    enrolled_photos,
    events,
    fingerprint,
    fullest_windows,
)

FALLING_STEPS: Final = 3
"""Times that one photo's threshold falls within a day. (governance reference 1.5 names the pattern, no
number; two steps are what programs do by themselves that relax once or twice where nobody matches)"""
LEAST_STEP: Final = 1.0
"""A step in points of similarity: a threshold that drifts by rounding does not fall."""

STREAM_SPAN: Final = timedelta(seconds=10)
STREAM_RATE: Final = 1.0
"""More than one probe a second for ten seconds. (governance reference 1.5)"""
STREAM_GAP: Final = timedelta(seconds=5)
"""A longer pause ends a stream."""
NEAR_BITS: Final = 6
"""Most bits of 64 by which scenes of one camera differ. Of 180,000 pairs of photos of different people and
places (LFW), 5 are so near; of simulated frames (noise, light, a head that moves) nine in ten are so near to
one of the eight before them, in the hardest of 80 scenes seven in ten. So 15 s of 58 to 60 of 60 scenes were
found, and none of 2,000 photos sent at five a second."""
NEAR_LOOKED_BACK: Final = 8
"""A frame is compared with so many before it: several cameras at once, or calls that overtake one another."""
NEAR_SHARE: Final = 0.5
HELD_FOR: Final = timedelta(seconds=5)
HELD_LOOKED_BACK: Final = 16
HELD_SHARE: Final = 0.25
"""Of the frames with five seconds before them a quarter or more have a scene that was there five seconds ago:
an album with bursts of a photographer has near neighbours as well, and goes on to other scenes."""
DISTINCT_SHARE: Final = 0.9
TELLING_BITS: Final = range(8, 57)
"""Bits that are set in a scene that tells anything. Where a face fills its picture nothing is left of the
scene, and all such pictures are alike: the hash of a tightly cropped face is 0 (LFW whole: 10 to 45 bits)."""

HARVESTED_SCORES: Final = 50
"""Values of similarity for one face in a day. (governance reference 1.5: 50 to 192 are enough to rebuild a
template)"""
HARVEST_BELOW: Final = 80.0
"""Thresholds at which strangers' photos get a value, which is what a template is rebuilt from."""
_MOST_FACES: Final = 5


def threshold_shopping(observed: Sequence[Observed], about: About) -> list[Suspicion]:
    """One photo searched for again and again in one collection, each time with a lower threshold.

    Looks for: within 24 h, FALLING_STEPS searches or more that each ask for at least LEAST_STEP less than any
    before them. A threshold that was asked for already, or a higher one, is no step.
    Innocent: somebody who tunes a program on test photos, or moves a slider in a photo library. Under
    purposes that allow every threshold (asking for 0 at once would give more), and those of low risk, it is
    a notice.
    Cannot see: another photo of the same person each time; the same photo saved anew; searches by a stored
    face (SearchFaces), which come without a photo; thresholds that were left to the default.
    """
    lows: dict[tuple[str, str | None, str], list[Observed]] = {}
    found: dict[tuple[str, str | None, object], list[list[Observed]]] = defaultdict(list)
    for each in observed:
        if each.kind != "search" or each.threshold is None or not each.inputs:
            continue
        chain = lows.setdefault((each.purpose, each.collection, each.inputs[0]), [])
        while chain and chain[0].at <= each.at - DAY:
            del chain[0]
        if chain and each.threshold > (chain[-1].threshold or 0.0) - LEAST_STEP:
            continue
        chain.append(each)
        if len(chain) > FALLING_STEPS:
            found[each.purpose, each.collection, each.at.date()].append(chain.copy())
    return [
        _shopped(chains, purpose, collection, day, about)
        for (purpose, collection, day), chains in found.items()
    ]


def _shopped(
    chains: Sequence[Sequence[Observed]], purpose: str, collection: str | None, day: object, about: About
) -> Suspicion:
    longest = max(chains, key=len)
    place = about.reference(collection or "")
    mild = about.is_low_risk(purpose) or about.is_trial(purpose)
    severity: Severity = "notice" if mild else "restrict"
    return Suspicion(
        detector="threshold_shopping",
        severity=severity,
        summary=(
            f"one photo was searched for with {len(longest)} thresholds within a day, each lower than all "
            f"before: from {longest[0].threshold:g} to {longest[-1].threshold:g}"
        ),
        evidence={
            "purpose": purpose,
            "collection": place,
            "day": str(day),
            "steps": len(longest) - 1,
            "photos": len({chain[0].inputs[0] for chain in chains}),
            "highest": longest[0].threshold,
            "lowest": longest[-1].threshold,
            "events": events(longest),
        },
        fingerprint=fingerprint("threshold_shopping", purpose, place, day),
    )


def video_like_stream(observed: Sequence[Observed], about: About) -> list[Suspicion]:
    """Frames of a camera sent as single photos: a live search that does not say that it is one.

    Looks for: searches of one collection with one key, faster than STREAM_RATE for STREAM_SPAN, without a
    pause of STREAM_GAP, of which most have nearly the same scene as one of the eight before them, and at
    least nine of ten are different photos.
    Innocent: a bulk job over an album (its scenes differ; photos that are enrolled as well are left out, so
    that school portraits before one curtain may be imported); a door that takes one photo of each person
    (under one a second); a client that repeats one photo; searches that were declared live, which policy
    judges.
    Cannot see: a frame every second or slower; frames spread over several keys or collections; a camera that
    moves, or whose picture is all face or all wall.
    """
    imported = enrolled_photos(observed)
    feeds: dict[tuple[str, str], list[Observed]] = defaultdict(list)
    for each in observed:
        if each.kind != "search" or each.live or each.scene is None or not each.inputs:
            continue
        if each.key and each.collection and each.inputs[0] not in imported:
            feeds[each.key, each.collection].append(each)
    found = []
    for (key, collection), frames in feeds.items():
        by_day: dict[object, list[Window]] = defaultdict(list)
        for window in _streams(frames):
            by_day[window.day].append(window)
        found += [_streamed(windows, key, collection, day, about) for day, windows in by_day.items()]
    return found


def _streams(frames: Sequence[Observed]) -> Iterable[Window]:
    """Stretches that look like video, those that overlap as one."""
    near, held = _alike(frames)
    inside: Counter[str] = Counter()
    start = run = half = 0
    stretch: tuple[int, int] | None = None
    for end, frame in enumerate(frames):
        inside[frame.inputs[0]] += 1
        if end and frame.at - frames[end - 1].at > STREAM_GAP:
            run = end
        while start < run or (start < end and frames[start + 1].at <= frame.at - STREAM_SPAN):
            gone = frames[start].inputs[0]
            inside[gone] -= 1
            if not inside[gone]:
                del inside[gone]
            start += 1
        while frames[half].at < frames[start].at + HELD_FOR and half < end:
            half += 1
        took_s, count = (frame.at - frames[start].at).total_seconds(), end - start
        if (
            took_s >= STREAM_SPAN.total_seconds()
            and count > STREAM_RATE * took_s
            and near[end + 1] - near[start + 1] > NEAR_SHARE * count
            and held[end + 1] - held[half] >= HELD_SHARE * (end + 1 - half)
            and len(inside) >= DISTINCT_SHARE * (count + 1)
        ):
            if stretch is not None and start > stretch[1]:
                yield _window(frames, *stretch)
                stretch = None
            stretch = (start if stretch is None else stretch[0], end)
    if stretch is not None:
        yield _window(frames, *stretch)


def _alike(frames: Sequence[Observed]) -> tuple[list[int], list[int]]:
    """How many frames before each have the scene of one just before them; and of one of five seconds
    before.
    """
    near, held, ago = [0], [0], 0
    for index, frame in enumerate(frames):
        while frames[ago].at <= frame.at - HELD_FOR:
            ago += 1
        near.append(near[-1] + _is_near(frame, frames[max(0, index - NEAR_LOOKED_BACK) : index]))
        held.append(held[-1] + _is_near(frame, frames[max(0, ago - HELD_LOOKED_BACK) : ago]))
    return near, held


def _is_near(frame: Observed, others: Sequence[Observed]) -> bool:
    scene = frame.scene or 0
    return scene.bit_count() in TELLING_BITS and any(
        (scene ^ (other.scene or 0)).bit_count() <= NEAR_BITS for other in others
    )


def _window(frames: Sequence[Observed], start: int, end: int) -> Window:
    inside = frames[start : end + 1]
    return Window(inside[0].at.date(), len({each.inputs[0] for each in inside}), inside)


def _streamed(windows: Sequence[Window], key: str, collection: str, day: object, about: About) -> Suspicion:
    longest = max(windows, key=lambda window: window.count)
    first, last = longest.observed[0].at, longest.observed[-1].at
    seconds = (last - first).total_seconds()
    place, feed = about.reference(collection), about.reference(key)
    return Suspicion(
        detector="video_like_stream",
        severity="suspend",
        summary=(
            f"{len(longest.observed)} photos of nearly the same scene were searched for in {seconds:.0f} s, "
            "as a camera would give them: a live search that does not say that it is one"
        ),
        evidence={
            "purpose": longest.observed[0].purpose,
            "collection": place,
            "key": feed,
            "day": str(day),
            "photos": len(longest.observed),
            "seconds": round(seconds, 1),
            "rate": round((len(longest.observed) - 1) / seconds, 2),
            "stretches": len(windows),
            "events": events(longest.observed),
        },
        fingerprint=fingerprint("video_like_stream", place, feed, day),
    )


def score_harvesting(observed: Sequence[Observed], about: About) -> list[Suspicion]:
    """Many values of similarity for one face, from many photos: a template can be rebuilt from them.

    Looks for: HARVESTED_SCORES searches or more within 24 h, each with another photo, whose answers name the
    same face or user. Where collections hold people who agreed to be found or are enrolled themselves, only
    searches that ask for less than HARVEST_BELOW count: above it an answer means a photo of that person, and
    at a busy door or in a family's library there are hundreds of one person a day. Photos that are enrolled
    as well are left out.
    Innocent: a measurement over a test set, where every face meets every photo: under purposes that allow
    every threshold it is a notice.
    Cannot see: more than the first 20 candidates of an answer; a face that is enrolled many times; answers
    that climb towards a face from a photo of it, at high thresholds, where people agreed; values by
    CompareFaces.
    """
    imported = enrolled_photos(observed)
    values: dict[tuple[str, str], dict[str, list[Observed]]] = defaultdict(lambda: defaultdict(list))
    for each in observed:
        if each.kind != "search" or not each.faces or not each.inputs or not each.collection:
            continue
        is_low = each.threshold is not None and each.threshold < HARVEST_BELOW
        if each.inputs[0] in imported or not (is_low or about.holds_strangers(each.purpose)):
            continue
        for face in each.faces:
            values[each.purpose, each.collection][face].append(each)
    found = []
    for (purpose, collection), faces in values.items():
        fullest: dict[object, Window] = {}
        for calls in sorted(faces.values(), key=len)[-_MOST_FACES:]:
            for window in fullest_windows([(each, each.inputs[0]) for each in calls], least=HARVESTED_SCORES):
                if window.count > fullest.get(window.day, Window(window.day, 0, ())).count:
                    fullest[window.day] = window
        found += [_harvested(window, purpose, collection, about) for window in fullest.values()]
    return found


def _harvested(window: Window, purpose: str, collection: str, about: About) -> Suspicion:
    place = about.reference(collection)
    severity: Severity = "notice" if about.is_trial(purpose) else "restrict"
    return Suspicion(
        detector="score_harvesting",
        severity=severity,
        summary=f"{window.count} values of similarity for one face, each from another photo, within a day",
        evidence={
            "purpose": purpose,
            "collection": place,
            "day": str(window.day),
            "values": window.count,
            "events": events(window.observed),
        },
        fingerprint=fingerprint("score_harvesting", purpose, place, window.day),
    )
