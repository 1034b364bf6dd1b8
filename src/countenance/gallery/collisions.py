"""Who in a gallery looks like whom: everybody against everybody, a stretch at a time.

Compared are *people*: a user by the template of its faces, and each face without a user by its own. They
stand in the order of enrolment; a pair belongs to the one of the two that was enrolled first, so it comes
once, and a place in the order says what has been compared. A stretch is small, because whoever writes to the
gallery waits while it is looked at; between two stretches nobody holds anything, and the gallery may change:
`Stretch.state` says whether it did.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np

from countenance.gallery.known_apart import Key, KnownApart
from countenance.gallery.people import People
from countenance.gallery.ranking import Found, Question
from countenance.types import Similarity

COMPARED_AT_ONCE: Final = 4_000_000
"""Comparisons between two looks at whether the stretch is over; it bounds memory, as all may be pairs."""
COMPARED_A_STRETCH: Final = 8_000_000
"""Comparisons for which one may hold a gallery: under a second."""
_STATE_BYTES: Final = 8
_LAST: Final = 2**63 - 1
"""Behind every ordinal."""


class Place(NamedTuple):
    """Behind which pair one goes on: the ordinals of its two."""

    first: int
    second: int


@dataclass(frozen=True, slots=True)
class Pair:
    """Two people who are as alike as was asked for; `place` holds their ordinals."""

    similarity: Similarity
    first: Found
    second: Found
    place: Place


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a report, of one state of the gallery.

    Attributes:
        pairs: in the order of their places, but for those who are known to be two people.
        rejected: how many of these are left out.
        after: where to go on; None at the end.
        people: how many are compared with each other.
        done: how many of them have been compared with all that were enrolled after them.
        state: a digest, the same for every process, of who is in the gallery; in hexadecimal.
    """

    pairs: list[Pair]
    after: Place | None
    people: int
    done: int
    state: str
    rejected: int = 0


def find_collisions(
    people: People,
    question: Question,
    *,
    after: Place | None,
    apart: KnownApart | None = None,
    at_once: int = COMPARED_AT_ONCE,
    a_stretch: int = COMPARED_A_STRETCH,
) -> Stretch:
    """The next pairs behind `after`, at most `question.limit`; exact, at stored precision.

    Args:
        apart: who is known to be somebody else, by their owners and faces.
        at_once, a_stretch: comparisons; whatever they are, one person's are made.
    """
    count = len(people)
    done = 0
    if after is not None:
        side: Literal["left", "right"] = "right" if after.second == _LAST else "left"
        done = int(np.searchsorted(people.ordinals, after.first, side))
    step = max(1, at_once // max(1, count))
    end = min(count, done + max(step, a_stretch // max(1, count)))
    pairs: list[Pair] = []
    known, rejected = apart or KnownApart(), 0
    while done < end and len(pairs) <= question.limit:
        upto = min(done + step, end)
        for pair in _between(people, done, upto, question, after):
            if _key(pair.second) in known.others_than(_key(pair.first)):
                rejected += 1
                continue
            pairs.append(pair)
            if len(pairs) > question.limit:  # one more than are told: so it is known whether there are more
                break
        done = upto
    told = pairs[: question.limit]
    behind = None
    if len(pairs) > len(told):
        behind = told[-1].place
        done = int(np.searchsorted(people.ordinals, behind.first))
    elif done < count:
        behind = Place(int(people.ordinals[done - 1]), _LAST)
    return Stretch(told, behind, count, done, _state(people), rejected)


def _between(people: People, begin: int, end: int, question: Question, after: Place | None) -> Iterator[Pair]:
    """What these people have with those who were enrolled later, in the order of their places."""
    found = people.alike(begin, end, calibration=question.calibration, threshold=question.threshold)
    for person, others, similarities in found:
        for other, similarity in zip(others.tolist(), similarities.tolist(), strict=True):
            place = Place(int(people.ordinals[person]), int(people.ordinals[other]))
            if after is None or place > after:
                alike = Similarity(similarity)
                first, second = (Found(alike, *people.whose(each)) for each in (person, other))
                yield Pair(alike, first, second, place)


def _key(found: Found) -> Key:
    """Of a user its owner, of a face without one its id."""
    return found.owner or found.face_id


def _state(people: People) -> str:
    digest = hashlib.blake2b(digest_size=_STATE_BYTES)
    for column in (people.ordinals, people.ids, people.owners):
        digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()
