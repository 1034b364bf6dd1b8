"""A collection in memory: its faces and its subjects, as rows that are searched.

What is known of a face besides its template is not here but in PostgreSQL, and is asked for of the few faces
that are found: memory holds what every search streams, once for all processes of a machine.

Over 300 lines because where things lie in that memory and whatever reads or writes it there are one matter.
"""

from __future__ import annotations

import hashlib
import random
import uuid
from collections.abc import Collection, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import compress
from typing import Final

import numpy as np
from numpy.typing import NDArray

from countenance.errors import InternalServerError
from countenance.gallery.basis import MODELS_BASIS, Basis
from countenance.gallery.known_apart import (
    Key,
    KnownApart,
    Match,
    Sifted,
    sift_faces,
    sift_known,
    sift_users,
)
from countenance.gallery.left_out import MOST_KEPT, LeftOut
from countenance.gallery.memory import GalleryMemory
from countenance.gallery.outliers import UserFaces
from countenance.gallery.people import People, people_of
from countenance.gallery.ranking import Found, Question, decide, whose
from countenance.gallery.records import Ranked
from countenance.gallery.scan import Accelerator, CertifiedScan, Layout, Memory, NewRows, Rows
from countenance.gallery.stored import StoredTemplates, to_unit
from countenance.gallery.subject_template import subject_template
from countenance.similarity import meets
from countenance.types import FaceId, Template, UserId

_PAGE_BYTES: Final = 4096
_LEFT_OUT_AT: Final = 64
_SNAPSHOT_BYTES: Final = 1 << 20
"""For the text of a database snapshot: it names every transaction that was open then."""
_MOST_FACES: Final = 20_000_000
_MOST_SUBJECTS: Final = 10_000_000
_SUBJECTS_AT_ONCE: Final = 4_096
_FACES_COPIED: Final = 5_000
"""For what looks at users' faces: some hundredths of a second, and some megabytes."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Moment:
    """What a copy was read under: a database snapshot, and the database's clock then."""

    snapshot: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A face as searches know it.

    Attributes:
        ordinal: its place in the order of enrolment, which decides between equal similarities.
        is_new: it was enrolled since the copy was last brought up to date, so it cannot be in it.
    """

    face_id: FaceId
    ordinal: int
    user_id: UserId | None
    is_new: bool = False


class ResidentGallery:
    """One collection at one moment, in memory that other processes may hold as well.

    Not thread-safe: whoever looks at it is among the memory's readers, whoever changes it its writer. An
    answer depends on what is stored and not on the order in which memory came to know it.

    Attributes:
        left_out: faces that are stored and that no search compares, because their templates do not open.
        apart: who is known to be somebody else; users by `owner_of`. Of this process alone, put here whenever
            the copy is brought up to date.
    """

    def __init__(
        self,
        memory: GalleryMemory,
        *,
        dimensions: int,
        owner_key: bytes,
        basis: Basis = MODELS_BASIS,
        accelerator: Accelerator | None = None,
    ) -> None:
        """
        Args:
            owner_key: by which names of subjects are turned into numbers, the same for every process.
            basis: that its templates are in.
            accelerator: for searches, if there is one.
        """
        self.memory = memory
        self._basis = basis
        self._owner_key = owner_key
        self.apart = KnownApart()
        header = memory.map(0, _PAGE_BYTES + _SNAPSHOT_BYTES)
        self._is_whole, self._face_count, self._subject_count, self._at, self._snapshot_bytes, left_out = (
            np.frombuffer(header, np.int64, 1, 8 * place) for place in range(6)
        )
        ids = np.frombuffer(header, np.uint8, 16 * MOST_KEPT, _LEFT_OUT_AT).reshape(MOST_KEPT, 16)
        self.left_out = LeftOut(left_out, ids)
        self._snapshot = header[_PAGE_BYTES:]
        faces, subjects = Layout(dimensions), Layout(dimensions, "float32")
        begin = _PAGE_BYTES + _SNAPSHOT_BYTES
        between = begin + _size(faces, _MOST_FACES)
        self._faces = Rows(faces, _region(memory, faces, begin, _MOST_FACES), self._face_count)
        self._subjects = Rows(
            subjects, _region(memory, subjects, between, _MOST_SUBJECTS), self._subject_count
        )
        self._face_scan, self._subject_scan = (
            CertifiedScan(rows, accelerator=accelerator) for rows in (self._faces, self._subjects)
        )

    @staticmethod
    def size_bytes(dimensions: int) -> int:
        """Of the memory that the largest collection takes; it costs what is written of it."""
        faces, subjects = Layout(dimensions), Layout(dimensions, "float32")
        return _PAGE_BYTES + _SNAPSHOT_BYTES + _size(faces, _MOST_FACES) + _size(subjects, _MOST_SUBJECTS)

    @property
    def moment(self) -> Moment | None:
        """As of when it is what the database holds; None if it is not: empty, or left half changed."""
        if not self._is_whole[0]:
            return None
        snapshot = bytes(self._snapshot[: int(self._snapshot_bytes[0])]).decode("ascii")
        return Moment(snapshot, _EPOCH + timedelta(microseconds=int(self._at[0])))

    @property
    def face_count(self) -> int:
        """How many faces a search runs over."""
        return len(self._faces)

    @property
    def subject_count(self) -> int:
        """How many subjects a search runs over: those with faces."""
        return len(self._subjects)

    @property
    def nbytes(self) -> int:
        """Memory held, as far as it grows with the collection; and its rotation, if it has one."""
        return self._faces.nbytes + self._subjects.nbytes + self._basis.nbytes

    @contextmanager
    def changing(self) -> Iterator[None]:
        """It is nobody's copy until `settle`: a process that dies, or fails, half way leaves none behind."""
        self._is_whole[0] = 0
        try:
            yield
        except BaseException:
            self.clear()
            raise

    def settle(self, moment: Moment) -> None:
        """It is what the database held at that moment."""
        text = moment.snapshot.encode("ascii")
        self._snapshot[: len(text)] = text
        self._snapshot_bytes[0] = len(text)
        self._at[0] = (moment.at - _EPOCH) // timedelta(microseconds=1)
        self._is_whole[0] = 1

    def clear(self) -> None:
        """Hold nothing, and be nobody's copy."""
        self._is_whole[0] = 0  # first: who dies while it is wiped leaves no copy
        self.memory.wipe()
        self.left_out.clear()
        self._face_count[0] = self._subject_count[0] = 0

    def fill(self, there: Sequence[Enrolled], templates: StoredTemplates) -> None:
        """Put in faces that are not there, as `change` does; `finish` when all are in."""
        self._append(there, templates)

    def finish(self) -> None:
        """Make the templates of all subjects."""
        self._renew_subjects({owner for part in self._faces.owners() for owner in part.tolist()} - {0})

    def change(
        self,
        *,
        gone: Iterable[FaceId],
        there: Sequence[Enrolled],
        templates: StoredTemplates,
        left_out: Sequence[FaceId] = (),
    ) -> None:
        """Take faces out, then put faces in (in place of what was known of them).

        Args:
            gone: faces that are no more, or not to be compared; unknown ones are no error.
            there: faces as they are now.
            templates: one row for each of `there`.
            left_out: of those gone, the ones that are stored and do not open.
        """
        leaving = {*gone, *(each.face_id for each in there if not each.is_new)}
        self.left_out.discard(leaving)
        self.left_out.add(left_out)
        rows = self._faces.find(_halves(leaving)) if leaving else np.empty(0, np.int64)
        touched = {self.owner_of(each.user_id) for each in there}
        for row in sorted((int(row) for row in rows if row >= 0), reverse=True):
            block, offset = self._faces.place(row)
            touched.add(int(block.owners[offset]))
            self._faces.remove(row)
        self._append(there, templates)
        self._renew_subjects(touched - {0})

    def tidy(self) -> None:
        """For its reader: what was deleted leaves a device that searches run on."""
        self._face_scan.tidy()
        self._subject_scan.tidy()

    def template_of(self, face_id: FaceId) -> Template | None:
        """The template of a stored face, None if there is none."""
        (row,) = self._faces.find(_halves([face_id]))
        return None if row < 0 else self._faces.template(int(row))

    def subject_template_of(self, user_id: UserId) -> Template | None:
        """The template of a subject, None if it has no faces."""
        row = self._subject_row(user_id)
        return None if row is None else self._subjects.template(row)

    def turned(self, template: Template) -> Template:
        """A template as a model makes it, (D,), as a probe of this gallery: in the basis of its templates."""
        return self._basis.turned(template)

    def search(
        self,
        probe: Template,
        question: Question,
        *,
        leaving_out: FaceId | None = None,
        apart_from: Container[Key] | None = None,
    ) -> Ranked[Found]:
        """Faces by similarity, best first; equal ones by cosine, then in order of enrolment.

        Args:
            apart_from: whoever the probe's person is known not to be (`apart`); None for a photograph, of
                which it is not known whose it is.
        """
        row = None if leaving_out is None else int(self._faces.find(_halves([leaving_out]))[0])
        apart, sift = self.apart, None
        if apart_from is not None:
            sift = partial(sift_known, without=apart_from)
        elif apart.named:
            sift = partial(sift_faces, apart=apart)
        return decide(self._face_scan, self._faces, probe, question, leaving_out=row, sift=sift)

    def others_than_face(self, face_id: FaceId) -> frozenset[Key]:
        """Whoever the person of a stored face is known not to be."""
        if not self.apart.named:
            return frozenset()
        (row,) = self._faces.find(_halves([face_id]))
        owner = 0 if row < 0 else whose(self._faces, int(row))[1]
        return self.apart.others_than(face_id, owner)

    def others_than_user(self, user_id: UserId | None) -> frozenset[Key]:
        """Whoever a user is known not to be; nobody for None."""
        return self.apart.others_than(self.owner_of(user_id))

    def sample(self, probe: Template, count: int, *, not_of: Collection[int] = ()) -> NDArray[np.float32]:
        """Cosines of a probe with faces drawn at random, some perhaps twice.

        Args:
            not_of: owners whose faces are not looked at.

        Returns:
            (n,) with n <= `count`; the fewer, the more faces those have.
        """
        if not len(self._faces):
            return np.empty(0, np.float32)
        drawn = random.choices(range(len(self._faces)), k=count)  # noqa: S311  # for statistics
        rows = np.array(drawn, np.int64)
        cosines = []
        for block, _, offsets in self._faces.gather(rows):
            kept = offsets[~np.isin(block.owners[offsets], np.array([*not_of], np.uint64))]
            cosines.append(to_unit(block.stored[kept]) @ probe)
        return np.concatenate(cosines)

    def search_subjects(
        self,
        probe: Template,
        question: Question,
        *,
        leaving_out: UserId | None = None,
        apart_from: Container[Key] | None = None,
    ) -> Ranked[Found]:
        """Subjects by similarity, best first; equal ones by cosine, then by their first faces' enrolment.

        Args:
            apart_from: as for `search`.
        """
        row = None if leaving_out is None else self._subject_row(leaving_out)
        apart, sift = self.apart, None
        if apart_from is not None:
            sift = partial(sift_known, without=apart_from)
        elif apart.named:
            sift = partial(self._sift_subjects, probe=probe, question=question, apart=apart)
        return decide(self._subject_scan, self._subjects, probe, question, leaving_out=row, sift=sift)

    def _sift_subjects(
        self, matches: Sequence[Match], limit: int, *, probe: Template, question: Question, apart: KnownApart
    ) -> Sifted:
        """For a photograph: by the faces of whoever is known to be somebody else than a match."""
        named = {match.owner for match in matches if match.owner in apart.named}
        best = self._best_cosines(probe, named | apart.others_than(*named)) if named else {}
        similarities = question.calibration.to_similarity(np.array([*best.values()], np.float64))
        meeting = {*compress(best, meets(similarities, question.threshold))}
        return sift_users(matches, limit, apart, best=best, meeting=meeting)

    def _best_cosines(self, probe: Template, keys: Collection[Key]) -> dict[Key, float]:
        """Of each face and of each user's faces that are there, the best. Looks at all rows, twice."""
        face_ids = [FaceId(key) for key in keys if isinstance(key, uuid.UUID)]
        owners = np.array([key for key in keys if not isinstance(key, uuid.UUID)], np.uint64)
        found = self._faces.find(_halves(face_ids)) if face_ids else np.empty(0, np.int64)
        rows = np.unique(np.concatenate((found[found >= 0], self._faces.owned(owners))))
        best: dict[Key, float] = {}
        for row, cosine in zip(rows.tolist(), self._face_scan.cosines(probe, rows).tolist(), strict=True):
            for key in whose(self._faces, row):
                best[key] = max(cosine, best.get(key, -1.0))
        return best

    def user_faces(
        self, *, after: int, limit: int, only: UserId | None = None
    ) -> tuple[list[UserFaces], bool]:
        """Users with faces whose ordinals are behind `after`, in order, or one user; and whether that is all.

        At most `limit`, and fewer where they have many faces: an answer is bounded by what it copies.
        """
        columns = [
            (block.ordinals[part], block.owners[part])
            for block, _, part in self._subjects.parts(self._subjects.layout.block_rows)
        ]
        if not columns:
            return [], True
        ordinals, owners = (np.concatenate(each) for each in zip(*columns, strict=True))
        kept = ordinals > after
        if only is not None:
            kept &= owners == np.uint64(self.owner_of(only))
        order = np.flatnonzero(kept)
        order = order[np.argsort(ordinals[order])]
        faces_of = self._faces_of(np.sort(owners[order[:limit]]))
        found: list[UserFaces] = []
        copied = 0
        for place, at in enumerate(order[:limit].tolist()):
            rows = faces_of[int(owners[at])]
            copied += len(rows)
            if place and copied > _FACES_COPIED:
                return found, False
            found.append(
                UserFaces(
                    int(ordinals[at]),
                    int(owners[at]),
                    [whose(self._faces, row)[0] for row in rows],
                    np.stack([self._faces.stored(row) for row in rows]),
                )
            )
        return found, len(order) <= limit

    def people(self) -> People:
        """Users and faces without a user, to be compared with each other: valid while it is read."""
        return people_of((self._subjects, self._subject_scan), (self._faces, self._face_scan))

    def _append(self, there: Sequence[Enrolled], templates: StoredTemplates) -> None:
        self._faces.extend(
            NewRows(
                templates,
                np.array([each.ordinal for each in there], np.int64),
                _halves(each.face_id for each in there),
                np.array([self.owner_of(each.user_id) for each in there], np.uint64),
            )
        )

    def _renew_subjects(self, touched: set[int]) -> None:
        """Make the templates of these subjects anew, of the faces that they have now."""
        if not touched:
            return
        owners = np.array(sorted(touched), np.uint64)
        for row in sorted(self._subjects.owned(owners).tolist(), reverse=True):
            self._subjects.remove(row)
        faces_of = list(self._faces_of(owners).items())
        for start in range(0, len(faces_of), _SUBJECTS_AT_ONCE):
            self._append_subjects(faces_of[start : start + _SUBJECTS_AT_ONCE])

    def _append_subjects(self, faces_of: Sequence[tuple[int, Sequence[int]]]) -> None:
        # A face has one subject at most, so the ordinal of its first face is the subject's own.
        first = [self._faces.place(rows[0]) for _, rows in faces_of]
        self._subjects.extend(
            NewRows(
                np.stack(
                    [
                        subject_template(np.stack([self._faces.stored(row) for row in rows]))
                        for _, rows in faces_of
                    ]
                ),
                np.array([block.ordinals[offset] for block, offset in first], np.int64),
                np.array([block.ids[offset] for block, offset in first], np.uint64),
                np.array([owner for owner, _ in faces_of], np.uint64),
            )
        )

    def _faces_of(self, owners: NDArray[np.uint64]) -> dict[int, list[int]]:
        """The rows of each owner's faces, in order of enrolment."""
        found: dict[int, list[tuple[int, int]]] = {}
        for row in self._faces.owned(owners).tolist():
            block, offset = self._faces.place(row)
            found.setdefault(int(block.owners[offset]), []).append((int(block.ordinals[offset]), row))
        return {owner: [row for _, row in sorted(rows)] for owner, rows in found.items()}

    def _subject_row(self, user_id: UserId) -> int | None:
        rows = self._subjects.owned(np.array([self.owner_of(user_id)], np.uint64))
        return int(rows[0]) if len(rows) else None

    def owner_of(self, user_id: UserId | None) -> int:
        """A number that stands for a subject; 0 for nobody. Evenly spread, and nobody can choose it."""
        if user_id is None:
            return 0
        digest = hashlib.blake2b(user_id.encode(), key=self._owner_key, digest_size=8).digest()
        return int.from_bytes(digest, "big") or 1


def _region(memory: GalleryMemory, layout: Layout, begin: int, most_rows: int) -> Memory:
    """Blocks one after the other, from `begin` on."""

    def block(number: int) -> memoryview:
        if (number + 1) * layout.block_bytes > _size(layout, most_rows):
            raise InternalServerError(f"a gallery has room for {most_rows:,} rows")
        return memory.map(begin + number * layout.block_bytes, layout.block_bytes)

    return block


def _size(layout: Layout, most_rows: int) -> int:
    return -(-most_rows // layout.block_rows) * layout.block_bytes


def _halves(ids: Iterable[FaceId]) -> NDArray[np.uint64]:
    """(N, 2): UUIDs as two numbers each."""
    whole = np.frombuffer(b"".join(each.bytes for each in ids), ">u8")
    return np.asarray(whole.reshape(-1, 2), np.uint64)
