"""What it takes to write faces that are ready to be stored: one a call, and many at once; and what they take.

    python bench/run.py enrolling

*One a call* is what IndexFaces does once the photo has been seen: the collection is looked up, the sealed
face, its change and the call's event are committed together, a receipt is signed and noted. Eight
connections, in as many processes as there are cores, as a server's workers, with the sequencer beside them.
*Many at once* is the same method with thousands of faces, as imports use it. PostgreSQL is the embedded one
with the settings that a server gives it: fsync, full_page_writes and synchronous_commit are on.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit import an_event
from countenance.accounts import Accounts
from countenance.audit import AuditLog, Promises, open_log
from countenance.audit.receipt_journal import ReceiptJournal
from countenance.audit.sequencer import Sequencer
from countenance.audit.signing import log_signers
from countenance.gallery import Collection, Gallery, NewFace
from countenance.gallery.finality import Finality
from countenance.gallery.memory import PrivateMemory
from countenance.gallery.reading import CollectionReader
from countenance.policy import load_purposes
from countenance.similarity import Calibration
from countenance.store import Connection, Database, EmbeddedPostgres, KeyStore, UnitOfWork, migrate
from countenance.types import RatioBox
from tables import print_table

CONNECTIONS = 8
SINGLES = 6_000
BULK = 200_000
BATCH = 2_000
SEARCHES = 200
_NAME, _REGION = "bench", "us-east-1"
_CALIBRATION = Calibration(
    cosine=(0.0, 0.5, 1.0), neg_log10_fmr=(1.0, 4.0, 7.0), trials=1, extrapolated_from=1.0
)


@dataclass(frozen=True)
class Place:
    """Where a process of the bench finds the house."""

    url: str
    data_dir: Path
    account_id: str
    access_key_id: str
    origin: str
    dimensions: int


def run(*, dimensions: tuple[int, ...] = (512, 256)) -> dict[str, Any]:
    """Every figure of this bench."""
    figures: dict[str, Any] = {"measured_at": datetime.now(UTC).isoformat(timespec="seconds")}
    figures["galleries"] = [measure(each) for each in dimensions]
    print_table("Enrolment", ("figure", "measured", "target"), [row[:3] for row in rows_of(figures)])
    return figures


def measure(dimensions: int) -> dict[str, Any]:
    """One face a call, then many at once, in a database of its own."""
    print(f"enrolling {dimensions}-d ...", flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="countenance-bench-") as name,
        house(Path(name), dimensions) as place,
        Database(place.url, max_connections=4) as database,
    ):
        return {
            "dimensions": dimensions,
            "sync_ms": statistics.median(sync_seconds(place.data_dir)) * 1e3,
            "single": measure_single(place, database),
            "bulk": [measure_bulk(place, database, threads=threads) for threads in (1, 2)],
            "room": measure_room(place, database),
            "basis": measure_basis(place, database),
        }


@contextmanager
def house(folder: Path, dimensions: int) -> Iterator[Place]:
    """A database with a log, an account with a key, and a collection of its first purpose."""
    with EmbeddedPostgres(folder) as server, Database(server.url, max_connections=2) as database:
        keys = KeyStore.open(folder / "keys")
        migrate(database)
        origin = open_log(database, keys)
        accounts = Accounts(database, keys)
        account = accounts.create_account("Bench")
        key = accounts.create_access_key(account.account_id, operator="bench", purpose="development")
        charter = load_purposes()["photo-library"].charter()
        with UnitOfWork(database) as uow:
            Gallery(database, keys).create_collection(
                uow,
                account_id=account.account_id,
                name=_NAME,
                region=_REGION,
                face_model_version="1",
                dimensions=dimensions,
                tags={},
                charter=charter,
            )
            uow.commit()
        yield Place(server.url, folder, account.account_id, key.access_key_id, origin, dimensions)


def sync_seconds(folder: Path, rounds: int = 200) -> list[float]:
    """What the disk takes to make 8 KiB durable: no single commit can be faster, only many together."""
    seconds = []
    with (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(rounds):
            begun = time.perf_counter()
            file.write(bytes(8192))
            os.fdatasync(file.fileno())
            seconds.append(time.perf_counter() - begun)
    return seconds


# One a call


def measure_single(place: Place, database: Database) -> dict[str, Any]:
    """Commits a second over CONNECTIONS connections, and PostgreSQL's log that a face takes."""
    processes = min(CONNECTIONS, os.cpu_count() or 1)
    with sequencing(place), processes_of(processes) as pool:
        share = (place, CONNECTIONS // processes, SINGLES // processes)
        list(pool.map(enrol_singly, *zip(*[(*share[:2], 20)] * processes, strict=True)))
        before = _log_position(database)
        begun = time.perf_counter()
        parts = list(pool.map(enrol_singly, *zip(*[share] * processes, strict=True)))
        took_s = time.perf_counter() - begun
        log_bytes = _log_position(database) - before
    seconds = [second for part in parts for second in part]
    return {
        "connections": CONNECTIONS,
        "processes": processes,
        "commits": len(seconds),
        "per_second": len(seconds) / took_s,
        "ms": _percentiles(seconds),
        "log_bytes": log_bytes / len(seconds),
    }


def enrol_singly(place: Place, threads: int, count: int) -> list[float]:
    """In one process: so many enrolments over so many connections; the seconds that each took."""
    with Database(place.url, max_connections=threads) as database:
        caller = _Caller(place, database)
        try:
            with ThreadPoolExecutor(threads) as pool:
                parts = pool.map(caller.enrol, [count // threads] * threads)
                return [second for part in parts for second in part]
        finally:
            caller.close()


class _Caller:
    """What one worker process has."""

    def __init__(self, place: Place, database: Database) -> None:
        self._place, self._database = place, database
        keys = KeyStore.open(place.data_dir / "keys")
        self._gallery, self._audit = Gallery(database, keys), AuditLog(keys)
        self._journal = ReceiptJournal(place.data_dir)
        self._promises = Promises(keys, place.origin, journal=self._journal)

    def close(self) -> None:
        self._journal.close()

    def enrol(self, count: int) -> list[float]:
        rng, seconds = np.random.default_rng(), []
        for template in _templates(rng, count, self._place.dimensions):
            begun = time.perf_counter()
            self._enrol(_new_face(template))
            seconds.append(time.perf_counter() - begun)
        return seconds

    def _enrol(self, face: NewFace) -> None:
        """As gateway.record ends the call of an operation that enrols."""
        place = self._place
        collection = self._gallery.require_collection(place.account_id, _REGION, _NAME)
        with UnitOfWork(self._database) as uow:
            self._gallery.enrol(uow, collection, [face])
            self._promises.require_current(uow.connection)
            event = an_event(
                "IndexFaces",
                place.account_id,
                key=place.access_key_id,
                collection=_NAME,
                face=str(face.face_id),
            )
            draft = self._audit.record_in_force(
                uow.connection, event, standing="good", effective_standing="good"
            )
            assert draft is not None, "the key is in force"
            uow.commit()
        self._promises.receipt(draft, datetime.now(UTC))


@contextmanager
def sequencing(place: Place) -> Iterator[None]:
    """The log's sequencer beside, in this process, which has nothing else to do."""
    stop = threading.Event()
    with Database(place.url, max_connections=2) as database:
        keys = KeyStore.open(place.data_dir / "keys")
        sequencer = Sequencer(database, lambda connection: log_signers(connection, keys))
        thread = threading.Thread(target=sequencer.run, args=(stop,))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


@contextmanager
def processes_of(count: int) -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(abs, range(count)))
        yield pool


# Many at once


def measure_bulk(place: Place, database: Database, *, threads: int) -> dict[str, Any]:
    """Rows a second, BATCH a commit, over so many connections; and the log that a face takes."""
    keys = KeyStore.open(place.data_dir / "keys")
    with Database(place.url, max_connections=threads) as own, ThreadPoolExecutor(threads) as pool:
        gallery = Gallery(own, keys)
        collection = gallery.require_collection(place.account_id, _REGION, _NAME)
        rng = np.random.default_rng(threads)
        batches = [
            [_new_face(template) for template in _templates(rng, BATCH, place.dimensions)]
            for _ in range(BULK // BATCH)
        ]

        def put(batch: list[NewFace]) -> None:
            with UnitOfWork(own) as uow:
                gallery.enrol(uow, collection, batch)
                uow.commit()

        before = _log_position(database)
        begun = time.perf_counter()
        list(pool.map(put, batches))
        took_s = time.perf_counter() - begun
    return {
        "connections": threads,
        "rows": BULK,
        "per_second": BULK / took_s,
        "log_bytes": (_log_position(database) - before) / BULK,
    }


# What they take


def measure_room(place: Place, database: Database) -> dict[str, float]:
    """Bytes a face: in memory, in the table, in its indexes, in the changes that are kept for a day."""
    keys = KeyStore.open(place.data_dir / "keys")
    collection = Gallery(database, keys).require_collection(place.account_id, _REGION, _NAME)
    with database.read() as connection:
        connection.execute("vacuum analyze face, gallery_change")
        row = connection.execute(
            "select (select count(*) from face), pg_table_size('face'), pg_indexes_size('face'),"
            " pg_total_relation_size('gallery_change')"
        ).fetchone()
        memory = _resident_bytes(connection, collection, keys)
    assert row is not None
    faces, table, indexes, changes = row
    return {
        "faces": faces,
        "memory": memory / faces,
        "table": table / faces,
        "indexes": indexes / faces,
        "changes": changes / faces,
        "key_files": sum(path.stat().st_size for path in (place.data_dir / "keys" / "collections").iterdir()),
    }


def _resident_bytes(connection: Connection, collection: Collection, keys: KeyStore) -> int:
    reader = CollectionReader(collection, keys)
    memory = PrivateMemory()
    copy = reader.open(connection, lambda _epoch: memory)
    reader.load(connection, copy)
    return copy.nbytes


# A basis of its own


def measure_basis(place: Place, database: Database) -> dict[str, Any]:
    """All faces sealed anew, without and with another basis, and searches in both; faces a second and ms."""
    keys = KeyStore.open(place.data_dir / "keys")
    gallery, finality = Gallery(database, keys), Finality(database, keys)
    collection = gallery.require_collection(place.account_id, _REGION, _NAME)
    faces = finality.count_faces(collection)
    probes = _templates(np.random.default_rng(7), SEARCHES, place.dimensions)
    searches = {"model": _search_ms(gallery, collection, probes)}
    took_s = {}
    for name, change in (
        ("sealed", lambda: finality.seal_anew(collection, record=_nothing)),
        ("own", lambda: _renew(finality, collection)),
        ("renewed", lambda: _renew(finality, collection)),
    ):
        begun = time.perf_counter()
        change()
        took_s[name] = time.perf_counter() - begun
    searches["own"] = _search_ms(gallery, collection, probes)
    return {
        "faces": faces,
        "per_second": {name: faces / each for name, each in took_s.items()},
        "search_ms": searches,
    }


def _renew(finality: Finality, collection: Collection) -> None:
    finality.renew_basis(collection, began=_nothing, record=_nothing, renewed=_nothing)


def _nothing(*_: object) -> None:
    """Instead of an entry in the log."""


def _search_ms(gallery: Gallery, collection: Collection, probes: NDArray[np.float32]) -> float:
    seconds = []
    question = {"calibration": _CALIBRATION, "threshold": 99.0, "limit": 10}
    gallery.search(collection, probes[0], **question)  # reads the collection
    for probe in probes:
        begun = time.perf_counter()
        gallery.search(collection, probe, **question)
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds) * 1e3


def rows_of(figures: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    """Figure, measured, target, reached."""
    return [row for gallery in figures["galleries"] for row in _rows_of(gallery)]


def _rows_of(gallery: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    of, single, bulk, room = f"{gallery['dimensions']}-d", gallery["single"], gallery["bulk"], gallery["room"]
    ms, rates = single["ms"], [each["per_second"] for each in bulk]
    took = f"p50 {ms['p50']:.1f} ms, p99 {ms['p99']:.1f}; the disk syncs in {gallery['sync_ms']:.1f} ms"
    disk = f"{room['table']:,.0f} + {room['indexes']:,.0f} bytes, and {room['changes']:,.0f}"
    written = f"{single['log_bytes']:,.0f} and {min(each['log_bytes'] for each in bulk):,.0f} bytes"
    return [
        (
            f"{of}: enrolments, sealed, recorded, durable, {single['connections']} connections",
            f"{single['per_second']:,.0f} /s ({took})",
            ">= 500 /s",
            single["per_second"] >= 500,
        ),
        (
            f"{of}: rows at once, {BATCH:,} a commit, over one and two connections",
            f"{' and '.join(f'{rate:,.0f}' for rate in rates)} /s",
            ">= 20,000 /s",
            max(rates) >= 20_000,
        ),
        (f"{of}: memory a face, once for all processes", f"{room['memory']:,.0f} bytes", "", True),
        (f"{of}: disk a face: table and indexes, and its change for a day", disk, "", True),
        (f"{of}: PostgreSQL's log a face: alone with its event, and of many", written, "", True),
        *_basis_rows(of, gallery["basis"]),
    ]


def _basis_rows(of: str, basis: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    rates, searches = basis["per_second"], basis["search_ms"]
    return [
        (
            f"{of}: {basis['faces']:,} faces sealed anew, given a basis of their own, given another",
            f"{rates['sealed']:,.0f}, {rates['own']:,.0f} and {rates['renewed']:,.0f} /s",
            "",
            True,
        ),
        (
            f"{of}: a search over them in the model's basis, and in one of their own",
            "{model:.2f} and {own:.2f} ms".format(**searches),
            "",
            True,
        ),
    ]


def _templates(rng: np.random.Generator, count: int, dimensions: int) -> NDArray[np.float32]:
    rows = rng.standard_normal((count, dimensions), np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _new_face(template: NDArray[np.float32]) -> NewFace:
    return NewFace(
        face_id=uuid.uuid4(),
        image_id=uuid.uuid4(),
        external_image_id=f"person-{uuid.uuid4().hex[:8]}",
        box=RatioBox(0.31, 0.22, 0.25, 0.4),
        confidence=99.5,
        template=template,
    )


def _log_position(database: Database) -> int:
    with database.read() as connection:
        row = connection.execute("select (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint").fetchone()
    assert row is not None
    return int(row[0])


def _percentiles(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {"p50": statistics.median(ordered) * 1e3, "p99": ordered[int(0.99 * len(ordered))] * 1e3}


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
