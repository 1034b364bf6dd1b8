"""A gallery through the whole path: sealed rows in PostgreSQL, loaded, searched, in two processes' way."""

from __future__ import annotations

import tempfile
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from countenance.gallery import Collection, Gallery, NewFace
from countenance.gallery.memory_broker import BrokeredMemories, MemoryBroker
from countenance.similarity import Calibration
from countenance.store import Database, EmbeddedPostgres, KeyStore, UnitOfWork, migrate
from countenance.types import RatioBox

_ACCOUNT = "000000000001"
_FACES_A_COMMIT = 2_000
_CALIBRATION = Calibration((0.0, 0.5, 1.0), (1.0, 4.0, 7.0), trials=1, extrapolated_from=1.0)


def measure(
    rows: Iterable[NDArray[np.float32]], probes: NDArray[np.float32], *, dimensions: int
) -> dict[str, Any]:
    """Enrol everything, then search.

    Args:
        rows: parts of the gallery.
        probes: mates of faces in it.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(EmbeddedPostgres(folder))
        database, keys = Database(server.url, max_connections=8), KeyStore.open(folder / "keys")
        stack.callback(database.close)
        migrate(database)
        broker = MemoryBroker()
        stack.callback(broker.close)
        here, elsewhere = (
            Gallery(database, keys, memories=BrokeredMemories(stack.enter_context(broker.connect())))
            for _ in range(2)
        )
        with database.transaction() as connection:
            connection.execute("insert into account (account_id, name) values (%s, 'Bench')", (_ACCOUNT,))
        collection = _committed(
            database,
            lambda uow: here.create_collection(
                uow,
                account_id=_ACCOUNT,
                name="bench",
                region="bench",
                face_model_version="1",
                dimensions=dimensions,
                tags={},
            ),
        )
        count, enrolling_s = 0, 0.0
        for part in rows:
            begun = time.perf_counter()
            for start in range(0, len(part), _FACES_A_COMMIT):
                _enrol(database, here, collection, part[start : start + _FACES_A_COMMIT])
            enrolling_s += time.perf_counter() - begun
            count += len(part)

        def search(gallery: Gallery, probe: NDArray[np.float32]) -> float:
            begun = time.perf_counter()
            found = gallery.search(collection, probe, calibration=_CALIBRATION, threshold=80.0, limit=10)
            assert found, "a mate is there"
            return time.perf_counter() - begun

        loading_s = search(here, probes[0])
        mapping_s = search(elsewhere, probes[0])
        plain = [search(elsewhere, probe) for probe in probes]
        after_write = []
        for probe in probes:
            _enrol(database, here, collection, probe[np.newaxis])
            after_write.append(search(elsewhere, probe))
        after_delete = []
        for face in here.list_faces(collection, limit=len(probes)):
            _committed(database, lambda uow, face=face: here.delete_faces(uow, collection, [face.face_id]))
            after_delete.append(search(elsewhere, probes[0]))
        with database.read() as connection:
            disk = connection.execute("select pg_total_relation_size('face')").fetchone()[0]
    return {
        "rows": count,
        "dimensions": dimensions,
        "enrolled_per_second": count / enrolling_s,
        "loading_s": loading_s,
        "mapping_s": mapping_s,
        "disk_bytes_per_row": disk / count,
        "seconds": {"search": plain, "after a write": after_write, "after a deletion": after_delete},
    }


def _enrol(database: Database, gallery: Gallery, collection: Collection, part: NDArray[np.float32]) -> None:
    faces = [
        NewFace(
            face_id=uuid.uuid4(),
            image_id=uuid.uuid4(),
            external_image_id=None,
            box=RatioBox(0.1, 0.1, 0.2, 0.2),
            confidence=99.0,
            template=template,
        )
        for template in part
    ]
    _committed(database, lambda uow: gallery.enrol(uow, collection, faces))


def _committed(database: Database, work: Callable[[UnitOfWork], Any]) -> Any:
    with UnitOfWork(database) as uow:
        answer = work(uow)
        uow.commit()
    return answer
