"""A collection in memory: templates in a scan, faces and subjects beside them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from countenance.gallery.face_table import FaceTable
from countenance.gallery.records import Candidate, StoredFace, UserCandidate, UserStatus
from countenance.gallery.scan import CertifiedScan, Scan
from countenance.gallery.stored import StoredTemplates
from countenance.gallery.subject_template import subject_template
from countenance.similarity import Calibration, meets
from countenance.types import FaceId, Similarity, Template, UserId


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A face with its place in the order of enrolment, which decides between equal similarities."""

    face: StoredFace
    ordinal: int


@dataclass(frozen=True, slots=True)
class Question:
    """How a search is decided: a similarity, rounded as it is answered, must be >= `threshold`."""

    calibration: Calibration
    threshold: Similarity
    limit: int


class ResidentGallery:
    """One collection at one moment. Not thread-safe: changes exclude searches (`Residency` sees to it).

    A search's answer depends on what is stored and not on the order in which this copy came to know
    it, so that every process answers alike.
    """

    def __init__(self, *, face_model_version: str, dimensions: int) -> None:
        self._faces = FaceTable(face_model_version)
        self._scan: Scan = CertifiedScan(dimensions)
        self._members: dict[UserId, set[FaceId]] = {}
        self._subject_scan: Scan = CertifiedScan(dimensions, np.float32)
        self._subject_ids: list[UserId] = []
        self._subject_rows: dict[UserId, int] = {}

    def __len__(self) -> int:
        return len(self._faces)

    @property
    def face_count(self) -> int:
        """How many faces a search runs over."""
        return len(self._faces)

    @property
    def subject_count(self) -> int:
        """How many subjects a search runs over: those with faces."""
        return len(self._subject_ids)

    @property
    def nbytes(self) -> int:
        """Memory held, as far as it grows with the collection."""
        return self._scan.nbytes + self._faces.nbytes + self._subject_scan.nbytes

    def change(
        self, *, gone: Iterable[FaceId], there: Sequence[Enrolled], templates: StoredTemplates
    ) -> None:
        """Take faces out, then put faces in (in place of what was known of them).

        Args:
            gone: faces that are no more; unknown ones are no error.
            there: faces as they are now.
            templates: one row for each of `there`.
        """
        touched: set[UserId] = set()
        for face_id in (*gone, *(enrolled.face.face_id for enrolled in there)):
            touched |= self._take_out(face_id)
        for enrolled in there:
            self._faces.append(enrolled.face, ordinal=enrolled.ordinal)
            if enrolled.face.user_id is not None:
                self._members.setdefault(enrolled.face.user_id, set()).add(enrolled.face.face_id)
                touched.add(enrolled.face.user_id)
        self._scan.extend(templates, [enrolled.ordinal for enrolled in there])
        for user_id in touched:
            self._renew_subject(user_id)

    def template_of(self, face_id: FaceId) -> Template | None:
        """The template of a stored face, None if there is none."""
        row = self._faces.row_of(face_id)
        return None if row is None else self._scan.template(row)

    def subject_template_of(self, user_id: UserId) -> Template | None:
        """The template of a subject, None if it has no faces."""
        row = self._subject_rows.get(user_id)
        return None if row is None else self._subject_scan.template(row)

    def search(
        self, probe: Template, question: Question, *, leaving_out: FaceId | None = None
    ) -> list[Candidate]:
        """Faces by similarity, best first; equal ones by cosine, then in order of enrolment."""
        row = None if leaving_out is None else self._faces.row_of(leaving_out)
        found = _decide(self._scan, probe, question, leaving_out=row)
        return [Candidate(similarity, self._faces.face(row)) for row, similarity in found]

    def search_subjects(
        self, probe: Template, question: Question, *, leaving_out: UserId | None = None
    ) -> list[UserCandidate]:
        """Subjects by similarity, best first; equal ones by cosine, then by their first faces' enrolment."""
        row = None if leaving_out is None else self._subject_rows.get(leaving_out)
        found = _decide(self._subject_scan, probe, question, leaving_out=row)
        return [
            UserCandidate(similarity, self._subject_ids[row], UserStatus.ACTIVE) for row, similarity in found
        ]

    def _take_out(self, face_id: FaceId) -> set[UserId]:
        row = self._faces.row_of(face_id)
        if row is None:
            return set()
        user_id = self._faces.user_of(row)
        self._faces.remove(row)
        self._scan.remove(row)
        if user_id is None:
            return set()
        self._members[user_id].discard(face_id)
        return {user_id}

    def _renew_subject(self, user_id: UserId) -> None:
        row = self._subject_rows.pop(user_id, None)
        if row is not None:
            last = self._subject_ids.pop()
            self._subject_scan.remove(row)
            if row < len(self._subject_ids):
                self._subject_ids[row] = last
                self._subject_rows[last] = row
        rows = [self._faces.row_of(face_id) for face_id in self._members[user_id]]
        ordered = sorted((self._faces.ordinal_of(row), row) for row in rows if row is not None)
        if not ordered:
            del self._members[user_id]
            return
        template = subject_template(np.stack([self._scan.template(row) for _, row in ordered]))
        self._subject_rows[user_id] = len(self._subject_ids)
        self._subject_ids.append(user_id)
        # A face has one subject at most, so the ordinal of its first face is the subject's own.
        self._subject_scan.extend(template[np.newaxis], [ordered[0][0]])


def _decide(
    scan: Scan, probe: Template, question: Question, *, leaving_out: int | None
) -> list[tuple[int, Similarity]]:
    """Rows that meet the threshold, best first, without the row `leaving_out`."""
    floor = question.calibration.cosine_floor(question.threshold)
    rows, cosines = scan.search(probe, floor=floor, limit=question.limit + (leaving_out is not None))
    similarities: NDArray[np.float32] = question.calibration.to_similarity(cosines)
    kept = meets(similarities, question.threshold)
    if leaving_out is not None:
        kept &= rows != leaving_out
    return [
        (int(row), Similarity(float(similarity)))
        for row, similarity in zip(rows[kept][: question.limit], similarities[kept], strict=False)
    ]
