"""Who is known to be somebody else: rejections as searches see them, and what they leave out of an answer.

A person is whoever a face is of: its user with all its faces, or the face alone while it has none. What was
rejected of one face counts for its person, in both directions, for as long as the face is that person's.

Whose a stored face is, is known: all that is known apart from its person is left out. Whose a photograph is,
is not: the better match speaks. A candidate is left out where a face of somebody who is known to be somebody
else matches the photograph better than the candidate itself and than every face of the candidate's person.
So of two who are known apart never both are left out for each other, and the best match never is.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from countenance.types import FaceId, UserId

Key = Any
"""Of a face its FaceId; of a user whatever stands for it: its UserId, or a gallery's number for it."""


class Pair(NamedTuple):
    """Two who are not the same: the person of a face, and a user or the person of another face.

    Attributes:
        user_id, rejected_face_user_id: whose the two faces are; None for nobody's.
    """

    face_id: FaceId
    user_id: UserId | None
    rejected_face_id: FaceId | None
    rejected_user_id: UserId | None
    rejected_face_user_id: UserId | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """A row that a scan found.

    Attributes:
        owner: the key of the user whose it is; falsy for nobody's.
    """

    face_id: FaceId
    owner: Key
    cosine: float


class Sifted(NamedTuple):
    """Places in what was sifted that stay, and how many before the last of them were left out."""

    kept: list[int]
    rejected: int


@dataclass(frozen=True, slots=True)
class KnownApart:
    """Immutable: who reads it needs no lock, and what changes is another one.

    Attributes:
        named: of each face and user that a pair names, those pairs, and everybody who each says it is not.
    """

    named: Mapping[Key, Mapping[Pair, frozenset[Key]]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, pairs: Iterable[Pair], *, key_of: Callable[[UserId], Key] = lambda user_id: user_id
    ) -> KnownApart:
        """Args:
        key_of: what stands for a user.
        """
        return cls().renewed((), pairs, key_of=key_of)

    def renewed(
        self, changed: Iterable[FaceId], pairs: Iterable[Pair], *, key_of: Callable[[UserId], Key]
    ) -> KnownApart:
        """As it is now that `pairs` are all that name a face of `changed`; at the cost of what changed."""
        gone = {pair for face_id in changed for pair in self.named.get(face_id, ())}
        pairs = set(pairs)
        if not pairs and not gone:
            return self
        named = dict(self.named)
        for pair in gone:
            for key in _keys(pair.face_id, pair.user_id, key_of) | _keys(*_rejected(pair), key_of):
                left = {each: others for each, others in named.pop(key, {}).items() if each != pair}
                if left:
                    named[key] = left
        copied: dict[Key, dict[Pair, frozenset[Key]]] = {}
        for pair in pairs:
            one, other = _keys(pair.face_id, pair.user_id, key_of), _keys(*_rejected(pair), key_of)
            if one & other:  # nobody is somebody else than themselves, whatever is read
                continue
            for here, there in ((one, other), (other, one)):
                for key in here:
                    if key not in copied:
                        copied[key] = dict(named.get(key, {}))
                    copied[key][pair] = there
        return KnownApart(named | copied)

    def others_than(self, *keys: Key) -> frozenset[Key]:
        """Whoever a person of these keys (falsy ones say nothing) is known not to be."""
        found = (self.named[key].values() for key in keys if key and key in self.named)
        return frozenset().union(*(others for each in found for others in each))


def sift_known(matches: Sequence[Match], limit: int, *, without: Container[Key]) -> Sifted:
    """For a probe whose person is known not to be any of `without`."""
    return _sift(
        len(matches), limit, lambda at: matches[at].face_id in without or matches[at].owner in without
    )


def sift_faces(matches: Sequence[Match], limit: int, apart: KnownApart) -> Sifted:
    """For a photograph: faces, best first, none missing that is better than the last."""
    best: dict[Key, float] = {}
    """Of each face and user that was met: a user's first face is its best."""

    def is_out(at: int) -> bool:
        each = matches[at]
        best.setdefault(each.face_id, each.cosine)
        own = best.setdefault(each.owner, each.cosine) if each.owner else each.cosine
        return any(best.get(other, own) > own for other in apart.others_than(each.face_id, each.owner))

    return _sift(len(matches), limit, is_out)


def sift_users(
    matches: Sequence[Match],
    limit: int,
    apart: KnownApart,
    *,
    best: Mapping[Key, float],
    meeting: Container[Key],
) -> Sifted:
    """For a photograph: users, best first.

    Args:
        best: the best cosine of any face, by the keys of faces and users: of all that `apart` names beside
            a match, and of the matches that it names.
        meeting: those of them whose best face meets the threshold.
    """

    def is_out(at: int) -> bool:
        each = matches[at]
        own = max(each.cosine, best.get(each.owner, each.cosine))
        return any(best[other] > own for other in apart.others_than(each.owner) if other in meeting)

    return _sift(len(matches), limit, is_out)


def _sift(count: int, limit: int, is_out: Callable[[int], bool]) -> Sifted:
    kept: list[int] = []
    rejected = 0
    for at in range(count):
        if len(kept) == limit:
            break
        if is_out(at):
            rejected += 1
        else:
            kept.append(at)
    return Sifted(kept, rejected)


def _rejected(pair: Pair) -> tuple[FaceId | None, UserId | None]:
    return pair.rejected_face_id, pair.rejected_user_id or pair.rejected_face_user_id


def _keys(face_id: FaceId | None, user_id: UserId | None, key_of: Callable[[UserId], Key]) -> frozenset[Key]:
    return frozenset(
        (*(() if face_id is None else (face_id,)), *(() if user_id is None else (key_of(user_id),)))
    )
