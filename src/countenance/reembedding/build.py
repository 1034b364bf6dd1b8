"""The long part: a template of the new model for every face that has none yet.

Whatever ends it, what was written stays, and the next pass looks at what is missing then. Nothing of it is
seen by any search until the collection is switched.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from countenance.gallery import Collection
from countenance.gallery.reembedding_records import Reembedding
from countenance.gallery.shadow_templates import ShadowTemplates
from countenance.gallery.two_models import Model
from countenance.reembedding.reasons import Reason
from countenance.reembedding.sources import Embedding, Found, PictureSource
from countenance.store import Connection, Database, UnitOfWork
from countenance.types import FaceId, ImageId, WeighedTemplate

_WRITTEN_AT_ONCE: Final = 256
_WRITTEN_EVERY_S: Final = 2.0
"""What a kill loses at most is looked at again, and no more."""
_WAITING_PER_THREAD: Final = 4


@dataclass(frozen=True, slots=True)
class Progress:
    """Of one pass.

    Attributes:
        done: faces looked at, those that had a template already among them.
        total: faces of the collection when it began.
        embedded: templates written.
        failed: faces that got none.
    """

    done: int
    total: int
    embedded: int
    failed: int


def build(
    database: Database,
    shadows: ShadowTemplates,
    collection: Collection,
    run: Reembedding,
    model: Model,
    *,
    vision: Embedding,
    source: PictureSource,
    record: Callable[[Connection, int], None],
    report: Callable[[Progress], None] = lambda _progress: None,
    is_stopping: Callable[[], bool] = lambda: False,
    threads: int | None = None,
) -> Progress:
    """One pass over the collection: how it ended.

    Args:
        model: of which templates are missing: either of the run's.
        record: told, in the transaction, of how many faces searches find from then on: their templates are of
            the model in use.
        report: told after each part that was written.
        is_stopping: asked often; what is under way is finished and written.
        threads: that look at pictures; None for one a core.

    Raises:
        ConflictException: the re-embedding was ended meanwhile.
        ResourceNotFoundException: the collection was deleted meanwhile.
        StoreUnavailable: the database cannot be reached; begin again later.
    """
    assert (vision.face_model_version, vision.dimensions) == (model.version, model.dimensions)
    writer = _Writer(
        database, shadows, collection=collection, run=run, model=model, record=record, report=report
    )
    threads = threads or os.cpu_count() or 1
    after: ImageId | None = None
    with ThreadPoolExecutor(threads, thread_name_prefix="embed") as pool:
        waiting: set[Future[Found]] = set()
        while True:
            part = shadows.next_faces(collection, model, after=after)
            for image_id, faces in groupby(part.faces, key=lambda face: face.image_id):
                if is_stopping():
                    break
                waiting.add(pool.submit(source.templates, image_id, list(faces), vision))
                while len(waiting) >= threads * _WAITING_PER_THREAD:
                    waiting = writer.take_some(waiting)
            while waiting:
                waiting = writer.take_some(waiting)
            writer.skip(part.seen - len(part.faces))
            if part.last is None or is_stopping():
                break
            after = part.last
    writer.flush()
    return writer.progress


class _Writer:
    """Gathers what threads found and writes it, from the one thread that reads."""

    def __init__(
        self,
        database: Database,
        shadows: ShadowTemplates,
        *,
        collection: Collection,
        run: Reembedding,
        model: Model,
        record: Callable[[Connection, int], None],
        report: Callable[[Progress], None],
    ) -> None:
        self._database, self._shadows = database, shadows
        self._collection, self._run, self._model = collection, run, model
        self._record, self._report = record, report
        self._templates: dict[FaceId, WeighedTemplate] = {}
        self._reasons: dict[FaceId, str] = {}
        self._written_at_s = time.monotonic()
        self.progress = Progress(0, shadows.coverage(collection, model).faces, 0, 0)

    def take_some(self, waiting: set[Future[Found]]) -> set[Future[Found]]:
        """Wait for one of them at least; those that are not done yet."""
        done, left = wait(waiting, return_when=FIRST_COMPLETED)
        for each in done:
            self._take(each.result())
        return left

    def skip(self, faces: int) -> None:
        """Faces that had a template."""
        self._count(done=faces)

    def flush(self) -> None:
        """Make durable what was gathered."""
        if self._templates:
            with UnitOfWork(self._database) as uow:
                found = self._shadows.put(uow, self._collection, self._run, self._model, self._templates)
                if found:
                    self._record(uow.connection, found)
                uow.commit()
        if self._reasons:
            with UnitOfWork(self._database) as uow:
                self._shadows.note_failures(uow, self._run, self._reasons)
                uow.commit()
        self._count(
            done=len(self._templates) + len(self._reasons),
            embedded=len(self._templates),
            failed=len(self._reasons),
        )
        self._templates, self._reasons = {}, {}
        self._written_at_s = time.monotonic()
        self._report(self.progress)

    def _take(self, found: Mapping[FaceId, WeighedTemplate | Reason]) -> None:
        for face_id, each in found.items():
            if isinstance(each, Reason):
                self._reasons[face_id] = each.value
            else:
                self._templates[face_id] = each
        waiting = len(self._templates) + len(self._reasons)
        if waiting >= _WRITTEN_AT_ONCE or time.monotonic() - self._written_at_s > _WRITTEN_EVERY_S:
            self.flush()

    def _count(self, *, done: int, embedded: int = 0, failed: int = 0) -> None:
        so_far = self.progress
        self.progress = Progress(
            so_far.done + done, so_far.total, so_far.embedded + embedded, so_far.failed + failed
        )
