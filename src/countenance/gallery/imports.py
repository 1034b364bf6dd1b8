"""Imports, as rows: judge one face against what is there, enrol it with its user, take an import back.

A face is judged twice: by the search, over all that was committed when it began, and then, one import at a
time in a collection, against what was enrolled since. So of two photos of one person that arrive at once
under two names the second is told, whichever it is.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from countenance.errors import InvalidParameterException
from countenance.gallery import faces as face_rows
from countenance.gallery import subjects
from countenance.gallery.changing import QUERIES
from countenance.gallery.reading_apart import read_apart
from countenance.gallery.records import Candidate, Collection, NewFace, Origin, StoredFace
from countenance.gallery.seal import TemplateSeal
from countenance.gallery.stored import to_unit
from countenance.gallery.subject_template import subject_template
from countenance.similarity import FMR, Calibration, meets
from countenance.store import Connection
from countenance.types import FaceId, Similarity, Templates, UserId

SAVED_ANEW: Final = 0.12
"""A face is of the same photograph, saved anew, from so much of the way on which lies between the cosine of
one face again, 1, and that of FMR 1e-6: models differ in how far they spread people, and a cosine that only
copies reach with one of them is any good pair of photographs with another (docs/operations/import.md)."""
_LEAST_FMR: Final = FMR(1e-6)
MOST_RIVALS: Final = 256
"""Faces that a search may find: a user's own, up to a hundred, and some others behind them."""
MOST_DELETED: Final = 1000


class Verdict(StrEnum):
    """What becomes of a face that an import brings."""

    ENROLLED = "ENROLLED"
    DUPLICATE = "DUPLICATE"
    LOOKS_LIKE_ANOTHER = "LOOKS_LIKE_ANOTHER"
    UNLIKE_THE_PERSON = "UNLIKE_THE_PERSON"
    PERSON_IS_FULL = "PERSON_IS_FULL"


@dataclass(frozen=True, slots=True)
class Bounds:
    """By what a face is judged.

    Attributes:
        look_alike: similarity at which a face of another person is told.
        like_the_person: similarity that a face must have to the template of its user, if that has faces.
        accepts_look_alikes: what looks like another person's is enrolled all the same.
    """

    calibration: Calibration
    look_alike: Similarity
    like_the_person: Similarity
    accepts_look_alikes: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a face, or would.

    Attributes:
        face: it, if it is enrolled.
        other: the face that it is a duplicate of, or looks like.
        is_same_photo: `other` is of the same photograph.
        user_created: the import made its user.
        rejected: how many faces it looks like and was not held for, as they are known not to be its person's.
    """

    verdict: Verdict
    face: StoredFace | None = None
    other: Candidate | None = None
    is_same_photo: bool = False
    user_created: bool = False
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class Undone:
    """What was taken back; `is_complete`: nothing of the import is left."""

    face_ids: Sequence[FaceId]
    user_ids: Sequence[UserId]
    is_complete: bool


def take_turns(connection: Connection, collection: Collection) -> None:
    """Alone among imports into the collection until the transaction ends. The first of all locks."""
    connection.execute(QUERIES["take_turns_at_importing"], {"collection_id": collection.collection_id})


def require_not_undone(connection: Connection, collection: Collection, face: NewFace) -> None:
    """The caller has its turn (`take_turns`): who takes an import back comes before it or after it.

    Raises:
        InvalidParameterException: the import that brings the face was taken back.
    """
    if face.origin is None:
        return
    values = {"collection_id": collection.collection_id, "import_id": face.origin.import_id}
    if connection.execute(QUERIES["find_undone_import"], values).fetchone() is not None:
        raise InvalidParameterException(
            f"the import `{face.origin.import_id}` has been taken back: bring its photos under another id"
        )


def judge(
    connection: Connection,
    collection: Collection,
    seal: TemplateSeal,
    face: NewFace,
    *,
    found: Sequence[FaceId],
    since: str,
    bounds: Bounds,
) -> Judged:
    """What is against enrolling it.

    Args:
        face: with its user and its origin.
        found: faces that a search for it found.
        since: a moment before the search (`read_present_moment`).
    """
    same = face_rows.find_same(connection, collection, face)
    if same is not None:
        if _origin_of(connection, collection, same.face_id) == face.origin:
            return Judged(
                Verdict.ENROLLED, same, user_created=_has_made(connection, collection, face)
            )  # the same call again
        return Judged(Verdict.DUPLICATE, other=Candidate(Similarity(100.0), same), is_same_photo=True)
    rivals, cosines = _rivals(connection, collection, seal, face, found=found, since=since)
    similarities = bounds.calibration.to_similarity(cosines)
    own = np.array([_is_of_the_person(rival, face) for rival in rivals], bool)
    copied = 1.0 - SAVED_ANEW * (1.0 - bounds.calibration.cosine_at_fmr(_LEAST_FMR))
    best_own = _best(cosines, own)
    if best_own is not None and cosines[best_own] >= copied:
        twin = Candidate(Similarity(float(similarities[best_own])), rivals[best_own])
        return Judged(Verdict.DUPLICATE, other=twin, is_same_photo=True)
    alike = ~own & meets(similarities, bounds.look_alike)
    apart = _known_apart(connection, collection, rivals, own, face)
    best_other = _best(cosines, alike & ~apart)
    rejected = int(np.count_nonzero(alike & apart))
    other = None
    if best_other is not None:
        other = Candidate(Similarity(float(similarities[best_other])), rivals[best_other])
    is_same_photo = best_other is not None and bool(cosines[best_other] >= copied)
    if other is not None and not bounds.accepts_look_alikes:
        verdict = Verdict.LOOKS_LIKE_ANOTHER
    else:
        verdict = _beside_the_person(connection, collection, seal, face, bounds)
    return Judged(verdict, other=other, is_same_photo=is_same_photo, rejected=rejected)


def enrol(
    connection: Connection, collection: Collection, seal: TemplateSeal, face: NewFace, judged: Judged
) -> Judged:
    """Enrol what was judged to be enrolled, and make its user if there is none."""
    if judged.verdict is not Verdict.ENROLLED or judged.face is not None:
        return judged
    _require_user(connection, collection, face)
    if face.user_id is not None:  # locked now: others may have given it faces meanwhile
        count = subjects.count_faces(connection, collection, face.user_id)
        if count >= subjects.FACES_PER_USER:
            return replace(judged, verdict=Verdict.PERSON_IS_FULL)
    (stored,) = face_rows.enrol(connection, collection, seal, [face])
    return replace(judged, face=stored, user_created=_has_made(connection, collection, face))


def undo(connection: Connection, collection: Collection, import_id: uuid.UUID) -> Undone:
    """Delete some of the faces that the import enrolled; when there are none, users that it made.

    From then on it enrols nobody (`require_not_undone`).
    """
    values = {
        "collection_id": collection.collection_id,
        "import_id": import_id,
        "limit": MOST_DELETED,
    }
    connection.execute(QUERIES["note_undone_import"], values)
    rows = connection.execute(QUERIES["list_imported_faces"], values).fetchall()
    if rows:
        erased = face_rows.erase_faces(connection, collection, [FaceId(face_id) for (face_id,) in rows])
        return Undone(erased, [], is_complete=False)
    users = connection.execute(QUERIES["delete_imported_subjects"], values).fetchall()
    return Undone([], [UserId(user_id) for (user_id,) in users], is_complete=len(users) < MOST_DELETED)


def _require_user(connection: Connection, collection: Collection, face: NewFace) -> None:
    """Make the face's user if there is none, and lock it: before faces are."""
    if face.user_id is None:
        return
    values = {
        "collection_id": collection.collection_id,
        "user_id": face.user_id,
        "import_id": face.origin and face.origin.import_id,
    }
    if connection.execute(QUERIES["insert_imported_subject"], values).fetchone() is None:
        connection.execute(QUERIES["lock_subject"], values)


def _rivals(
    connection: Connection,
    collection: Collection,
    seal: TemplateSeal,
    face: NewFace,
    *,
    found: Sequence[FaceId],
    since: str,
) -> tuple[list[StoredFace], NDArray[np.float64]]:
    """Faces that it may be taken for, and the cosine of each to it at stored precision."""
    values = {"collection_id": collection.collection_id, "face_ids": list(found), "snapshot": since}
    rows = connection.execute(QUERIES["read_rivals"], values, binary=True).fetchall()
    stored, broken = seal.unseal_all([(row[0], row[9], row[10]) for row in rows])
    # What does not open is left out, as searches leave it out.
    rivals = [
        face_rows.to_stored(row[:9], collection.face_model_version)
        for position, row in enumerate(rows)
        if position not in set(broken)
    ]
    if not rivals:
        return [], np.empty(0, np.float64)
    return rivals, _cosines(to_unit(stored), seal.basis.turned(face.template))


def _cosines(templates: Templates, probe: NDArray[np.float32]) -> NDArray[np.float64]:
    products = templates.astype(np.float64) @ probe.astype(np.float64)
    return np.asarray(np.clip(products, -1.0, 1.0), np.float64)


def _best(cosines: NDArray[np.float64], among: NDArray[np.bool_]) -> int | None:
    return int(np.argmax(np.where(among, cosines, -np.inf))) if among.any() else None


def _known_apart(
    connection: Connection,
    collection: Collection,
    rivals: Sequence[StoredFace],
    own: NDArray[np.bool_],
    face: NewFace,
) -> NDArray[np.bool_]:
    """Which of its rivals a reviewer has said not to be its person's: of its user, or of a face that is."""
    if not rivals:
        return np.empty(0, np.bool_)
    person = {face.user_id} | {
        key
        for rival, is_own in zip(rivals, own, strict=True)
        if is_own
        for key in (rival.face_id, rival.user_id)
    }
    apart = read_apart(
        connection,
        collection,
        face_ids=[rival.face_id for rival in rivals],
        user_ids=[each for each in {face.user_id, *(rival.user_id for rival in rivals)} if each is not None],
    )
    return np.array(
        [not person.isdisjoint(apart.others_than(rival.face_id, rival.user_id)) for rival in rivals], np.bool_
    )


def _is_of_the_person(stored: StoredFace, face: NewFace) -> bool:
    """By user, and by external image id where either has no user: that is how faces without users are told
    apart.
    """
    names = {face.user_id, face.external_image_id} - {None}
    return (stored.external_image_id if stored.user_id is None else stored.user_id) in names


def _beside_the_person(
    connection: Connection, collection: Collection, seal: TemplateSeal, face: NewFace, bounds: Bounds
) -> Verdict:
    """As AssociateFaces would have it: like the user's template, unless the user has no face."""
    if face.user_id is None:
        return Verdict.ENROLLED
    own = subjects.read_stored(connection, collection, seal, face.user_id)
    if not len(own):
        # A user whose faces have no template of the model in use is unknown, and not without faces.
        is_unknown = subjects.count_faces(connection, collection, face.user_id) > 0
        return Verdict.UNLIKE_THE_PERSON if is_unknown else Verdict.ENROLLED
    if len(own) >= subjects.FACES_PER_USER:
        return Verdict.PERSON_IS_FULL
    cosine = _cosines(subject_template(own)[np.newaxis], seal.basis.turned(face.template))
    is_like = meets(bounds.calibration.to_similarity(cosine), bounds.like_the_person)[0]
    return Verdict.ENROLLED if is_like else Verdict.UNLIKE_THE_PERSON


def _origin_of(connection: Connection, collection: Collection, face_id: FaceId) -> Origin | None:
    values = {"collection_id": collection.collection_id, "face_id": face_id}
    row: Sequence[Any] | None = connection.execute(QUERIES["find_origin"], values).fetchone()
    return None if row is None or row[0] is None else Origin(row[0], row[1])


def _has_made(connection: Connection, collection: Collection, face: NewFace) -> bool:
    if face.user_id is None or face.origin is None:
        return False
    values: Mapping[str, Any] = {
        "collection_id": collection.collection_id,
        "user_id": face.user_id,
        "import_id": face.origin.import_id,
    }
    return connection.execute(QUERIES["find_imported_subject"], values).fetchone() is not None
