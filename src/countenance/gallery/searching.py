"""Searches over the copies in memory: of faces, of users, and of everybody against everybody."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from countenance.errors import (
    InternalServerError,
    InvalidParameterException,
    ResourceNotFoundException,
    ThrottlingException,
)
from countenance.gallery import faces as face_rows
from countenance.gallery import subjects
from countenance.gallery.collisions import Pair, Place, find_collisions
from countenance.gallery.outliers import find_unlike
from countenance.gallery.ranking import Found, Question
from countenance.gallery.records import (
    Candidate,
    Collection,
    Collision,
    Collisions,
    Outlier,
    Outliers,
    Ranked,
    StoredFace,
    UserCandidate,
    UserStatus,
)
from countenance.gallery.residency import Residency
from countenance.gallery.resident import ResidentGallery
from countenance.similarity import Calibration, meets
from countenance.store import Database
from countenance.types import FaceId, Similarity, Template, UserId

_SEARCH_ATTEMPTS = 10
"""While what a search found keeps being deleted under it."""

SAMPLED = 24
"""Comparisons that a search lends: a tenth of a millisecond."""
SAMPLED_FROM = 500
"""Faces: in a smaller collection the people who are searched for are too many of those who are in it."""
TAKEN_FOR_MATES = Similarity(80.0)
"""Whose faces are lent to nobody: who was found from here on, FMR 1e-4, whatever the call's threshold."""

Sampled = Callable[[UUID, Calibration, NDArray[np.float32]], None]
"""Collection, calibration and cosines, (n,). Called while the copy is held: quick, and does not raise."""

ThresholdFor = Similarity | Callable[[int], Similarity]
"""A threshold, or one that depends on how many a search runs over."""


class Searches:
    """What is asked of the copies of collections that this process has, or shares with others.

    Thread-safe. Every answer is one moment's, exact, and over all that was committed before the call, by any
    process.
    """

    def __init__(self, database: Database, residency: Residency, *, sampled: Sampled | None) -> None:
        """
        Args:
            sampled: told cosines of each search over faces with some drawn at random; None: none are drawn.
        """
        self._database = database
        self._residency = residency
        self._sampled = sampled

    # Faces

    def search(
        self,
        collection: Collection,
        probe: Template,
        *,
        calibration: Calibration,
        threshold: ThresholdFor,
        limit: int,
        with_rejected: bool = False,
    ) -> Ranked[Candidate]:
        """The `limit` most similar faces with similarity >= threshold, best first; ties as enrolled.

        Exact, and over all that was committed before the call, by any process. Without faces of somebody who
        is known not to be a better match (`reject`); the answer says how many, and they take no place in it.

        Args:
            with_rejected: as if nobody were known apart.
        """

        def look(gallery: ResidentGallery) -> Ranked[Found]:
            question = Question(calibration, _at(threshold, gallery.face_count), limit)
            turned = gallery.turned(probe)
            found = gallery.search(turned, question, apart_from=() if with_rejected else None)
            self._lend(collection, gallery, turned, calibration, found)
            return found

        return self._candidates(collection, look)

    def search_by_face(
        self,
        collection: Collection,
        face_id: FaceId,
        *,
        calibration: Calibration,
        threshold: ThresholdFor,
        limit: int,
        with_rejected: bool = False,
    ) -> Ranked[Candidate]:
        """As `search`, with a stored face as probe; neither the face itself is among the candidates nor
        anybody whom its person is known not to be.

        Raises:
            InvalidParameterException: `faceId was not found in the collection`.
            InternalServerError: it is there, and its template is damaged.
        """

        def look(gallery: ResidentGallery) -> Ranked[Found]:
            probe = _probe_of(gallery, face_id)
            if probe is None:
                raise InvalidParameterException("faceId was not found in the collection")
            question = Question(calibration, _at(threshold, gallery.face_count), limit)
            apart = frozenset() if with_rejected else gallery.others_than_face(face_id)
            found = gallery.search(probe, question, leaving_out=face_id, apart_from=apart)
            self._lend(collection, gallery, probe, calibration, found)
            return found

        return self._candidates(collection, look)

    # Users

    def search_users(
        self,
        collection: Collection,
        probe: Template,
        *,
        calibration: Calibration,
        threshold: ThresholdFor,
        limit: int,
    ) -> Ranked[UserCandidate]:
        """As `search`, over users who have faces; a user's template is the weighted mean of its faces'."""

        def look(gallery: ResidentGallery) -> Ranked[Found]:
            return gallery.search_subjects(
                gallery.turned(probe), Question(calibration, _at(threshold, gallery.subject_count), limit)
            )

        return self._user_candidates(collection, look)

    def search_users_by_face(
        self,
        collection: Collection,
        face_id: FaceId,
        *,
        calibration: Calibration,
        threshold: ThresholdFor,
        limit: int,
    ) -> Ranked[UserCandidate]:
        """As `search_users`, with a stored face as probe; the face's own user may well be found.

        Raises:
            ResourceNotFoundException: no such face.
            InternalServerError: it is there, and its template is damaged.
        """

        def look(gallery: ResidentGallery) -> Ranked[Found]:
            probe = _probe_of(gallery, face_id)
            if probe is None:
                raise ResourceNotFoundException(f"The face id: {face_id} does not exist")
            question = Question(calibration, _at(threshold, gallery.subject_count), limit)
            return gallery.search_subjects(probe, question, apart_from=gallery.others_than_face(face_id))

        return self._user_candidates(collection, look)

    def search_users_by_user(
        self,
        collection: Collection,
        user_id: UserId,
        *,
        calibration: Calibration,
        threshold: ThresholdFor,
        limit: int,
    ) -> Ranked[UserCandidate]:
        """As `search_users`, with a user's template as probe; the user itself is not among the candidates.

        A user without faces finds nobody.

        Raises:
            ResourceNotFoundException: no such user.
        """

        def look(gallery: ResidentGallery) -> Ranked[Found]:
            probe = gallery.subject_template_of(user_id)
            if probe is None:
                return Ranked()
            question = Question(calibration, _at(threshold, gallery.subject_count), limit)
            return gallery.search_subjects(
                probe, question, leaving_out=user_id, apart_from=gallery.others_than_user(user_id)
            )

        found = self._user_candidates(collection, look)
        if not found:
            with self._database.read() as connection:
                subjects.require_user(connection, collection, user_id)
        return found

    # Everybody against everybody

    def collisions(
        self,
        collection: Collection,
        *,
        calibration: Calibration,
        threshold: ThresholdFor,
        limit: int,
        after: tuple[int, int] | None = None,
    ) -> Collisions:
        """A part of who looks like whom: people behind `after`, at most `limit` pairs, of one moment.

        A person is a user with faces, by the user's template, or a face without a user. Each pair comes once.
        A part ends when `limit` is reached, or after about a second, so that writers are not kept waiting.

        Raises:
            ThrottlingException: the people who were found kept being deleted under it.
        """
        place = None if after is None else Place(*after)
        for attempt in range(_SEARCH_ATTEMPTS):
            with self._residency.fresh(collection, again=attempt > 0) as gallery:
                people = gallery.people()
                question = Question(calibration, _at(threshold, len(people)), limit)
                part = find_collisions(people, question, after=place, apart=gallery.apart)
            told = self._told(collection, gallery, part.pairs)
            if told is not None:
                return Collisions(told, part.after, part.people, part.done, part.state, part.rejected)
        raise ThrottlingException("the faces that were found are being deleted; try again")

    def outliers(
        self,
        collection: Collection,
        *,
        user_id: UserId | None,
        calibration: Calibration,
        threshold: Similarity,
        limit: int,
        after: int | None = None,
    ) -> Outliers:
        """Faces that are less like their user's other faces than `threshold`, of the next `limit` users.

        Raises:
            ResourceNotFoundException: `user_id` is of nobody.
        """
        with self._residency.fresh(collection, searches=False) as gallery:
            users, is_end = gallery.user_faces(after=after or 0, limit=limit, only=user_id)
        # Outside: whoever writes to the gallery waits for its readers.
        unlike = [each for user in users for each in find_unlike(user, calibration, threshold)]
        with self._database.read() as connection:
            if user_id is not None:
                subjects.require_user(connection, collection, user_id)
            faces = face_rows.find_faces(connection, collection, [each.face_id for each in unlike])
        told = [
            Outlier(face, each.similarity, each.faces)
            for each in unlike
            # what was deleted or given to another meanwhile is no outlier any more
            if (face := faces.get(each.face_id)) is not None and gallery.owner_of(face.user_id) == each.owner
        ]
        looked = sum(len(user.face_ids) > 1 for user in users)
        return Outliers(told, looked, None if is_end else users[-1].ordinal)

    # The copies in memory

    def left_out(self, collection: Collection) -> int:
        """How many of its faces searches leave out, because their sealed templates do not open.

        To be asked behind a search of this process, which has looked. They are named in the log.
        """
        return self._residency.left_out(collection.collection_id)

    def held_bytes(self) -> tuple[int, int]:
        """What copies of collections take of memory, and the most that they may."""
        return self._residency.held_bytes()

    def is_searched(self, collection: Collection, face_id: FaceId) -> bool:
        """Whether a search that begins now, in this process, compares with the face.

        Asked of the copy in memory that searches run over, brought up to all that is committed first, as
        before every search of every process.
        """
        with self._residency.fresh(collection, searches=False) as gallery:
            return face_id in gallery.left_out or gallery.template_of(face_id) is not None

    def tidy(self) -> None:
        """Let what was deleted leave memory, though nobody searches. Raises StoreUnavailable."""
        self._residency.tidy()

    def _told(
        self, collection: Collection, gallery: ResidentGallery, pairs: Sequence[Pair]
    ) -> list[Collision] | None:
        """What the database has of them; None if one was deleted or given to another meanwhile."""
        wanted = [each for pair in pairs for each in (pair.first, pair.second)]
        if not wanted:
            return []
        with self._database.read() as connection:
            faces = face_rows.find_faces(connection, collection, list({each.face_id for each in wanted}))
        if any(
            (face := faces.get(each.face_id)) is None or gallery.owner_of(face.user_id) != each.owner
            for each in wanted
        ):
            return None
        return [
            Collision(pair.similarity, faces[pair.first.face_id], faces[pair.second.face_id])
            for pair in pairs
        ]

    def _candidates(
        self, collection: Collection, look: Callable[[ResidentGallery], Ranked[Found]]
    ) -> Ranked[Candidate]:
        found = self._found(collection, look)
        return Ranked((Candidate(*each) for each in found), rejected=found.rejected)

    def _user_candidates(
        self, collection: Collection, look: Callable[[ResidentGallery], Ranked[Found]]
    ) -> Ranked[UserCandidate]:
        found = self._found(collection, look, is_of_users=True)
        return Ranked(
            (
                UserCandidate(similarity, face.user_id, UserStatus.ACTIVE)
                for similarity, face in found
                if face.user_id is not None
            ),
            rejected=found.rejected,
        )

    def _found(
        self,
        collection: Collection,
        look: Callable[[ResidentGallery], Ranked[Found]],
        *,
        is_of_users: bool = False,
    ) -> Ranked[tuple[Similarity, StoredFace]]:
        """Search, then ask for the faces that were found.

        One that was deleted in between (or, of users, given to another or to nobody) makes it begin anew: an
        answer is one moment's, with as many as there are.
        """
        for attempt in range(_SEARCH_ATTEMPTS):
            with self._residency.fresh(collection, again=attempt > 0) as gallery:
                found = look(gallery)
            if not found:
                return Ranked(rejected=found.rejected)
            with self._database.read() as connection:
                faces = face_rows.find_faces(connection, collection, [each.face_id for each in found])
            known = [
                (each.similarity, face)
                for each in found
                if (face := faces.get(each.face_id)) is not None
                and (not is_of_users or gallery.owner_of(face.user_id) == each.owner)
            ]
            if len(known) == len(found):
                return Ranked(known, rejected=found.rejected)
        raise ThrottlingException("the faces that were found are being deleted; try again")

    def _lend(
        self,
        collection: Collection,
        gallery: ResidentGallery,
        probe: Template,
        calibration: Calibration,
        found: Sequence[Found],
    ) -> None:
        """A few comparisons with faces of others than whom it found, for the watch over the calibration."""
        if self._sampled is None or gallery.face_count < SAMPLED_FROM:
            return
        # Not all who were found: a low threshold finds chance matches, which are what is to be counted.
        owners = {each.owner for each in found if meets(each.similarity, TAKEN_FOR_MATES)} - {0}
        cosines = gallery.sample(probe, SAMPLED, not_of=owners)
        if len(cosines):
            self._sampled(collection.collection_id, calibration, cosines)


def _probe_of(gallery: ResidentGallery, face_id: FaceId) -> Template | None:
    if face_id in gallery.left_out:
        raise InternalServerError(f"the stored template of face `{face_id}` is damaged")
    return gallery.template_of(face_id)


def _at(threshold: ThresholdFor, size: int) -> Similarity:
    return threshold(size) if callable(threshold) else threshold
