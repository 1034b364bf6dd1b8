"""How long the console's pages take over a large house: every page, as each role, through a real server.

    python bench/pages.py [--faces 1000000] [--entries 1000000] [--rounds 60]

One account with one collection of so many faces and a log of so many entries, all of them its own. Pages
are asked for in turns over one connection, as one person would. Beside them, once: how long the same pages
took before the house was filled.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from audit import Touching, fill_pending
from countenance.accounts import Actor, Governance
from countenance.audit import AuditLog
from countenance.cli.installation import open_store
from countenance.cli.server_process import RunningServer, running_server
from countenance.console.routes import ROUTES
from countenance.gallery import Gallery, NewFace
from countenance.gallery.records import Collection
from countenance.settings import Settings
from countenance.store import Database, KeyStore, UnitOfWork
from countenance.terms import load_terms
from countenance.types import AccountId, RatioBox
from packs import bench_settings
from photographs import OUT
from serving import COLLECTION, OFFICER, silent
from signed import ask
from tables import print_table

TARGET_MS = 100.0
BATCH = 2_000
ROLES = ("administrator", "auditor", "developer", "examiner")
_SETTLED_S = 600.0


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who is signed in."""

    role: str
    token: str


@dataclass(frozen=True, slots=True)
class House:
    """What is measured: a server, and the database under it."""

    server: RunningServer
    database: Database
    keys: KeyStore
    account_id: AccountId


def run(*, faces: int = 1_000_000, entries: int = 1_000_000, rounds: int = 60) -> dict[str, Any]:
    settings = bench_settings()
    with (
        tempfile.TemporaryDirectory(prefix="countenance-bench-") as name,
        running_server(Path(name) / "data", settings, accept_terms=OFFICER, log=silent) as server,
        _house(Path(name) / "data", server) as house,
    ):
        ask(server, "CreateCollection", {"CollectionId": COLLECTION})
        readers = [_signed_in(house, role) for role in ROLES]
        small = measure(house, readers, rounds=max(5, rounds // 4))
        enrolling_s = _enrol(house, faces)
        _record(house, entries)
        large = measure(house, readers, rounds=rounds)
    result = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "faces": faces,
        "entries": entries,
        "rounds": rounds,
        "enrolling_s": enrolling_s,
        "pages": [
            {**each, "small_p50_ms": small[place]["p50_ms"], "small_p95_ms": small[place]["p95_ms"]}
            for place, each in enumerate(large)
        ],
    }
    print_result(result)
    return result


@contextmanager
def _house(data_dir: Path, server: RunningServer) -> Iterator[House]:
    with open_store(Settings.from_env({}, data_dir=data_dir)) as (database, keys):
        with database.read() as connection:
            row = connection.execute(
                "select account_id from access_key where access_key_id = %s", (server.access_key_id,)
            ).fetchone()
        assert row is not None
        yield House(server, database, keys, AccountId(row[0]))


def _signed_in(house: House, role: str) -> Reader:
    """Somebody of that role, with a session as sign-in opens it; no password is asked for."""
    governance = Governance.open(house.database, house.keys, load_terms())
    governance.operators.put(house.account_id, role, [role], actor=Actor("bench"))
    operator = governance.operators.require(house.account_id, role)
    with house.database.transaction() as connection:
        token = governance.sign_ins.open_session(connection, operator.operator_id)
    return Reader(role, token)


def _enrol(house: House, count: int) -> float:
    """Faces that the gallery stores as it stores any; of nobody."""
    gallery = Gallery(house.database, house.keys)
    collection = gallery.require_collection(house.account_id, house.server.region, COLLECTION)
    with house.database.transaction() as connection:  # all in one, which no charter allows: the hardest case
        connection.execute("update charter set face_cap = %s", (count,))
    begun, rng = time.perf_counter(), np.random.default_rng(1)
    for start in range(0, count, BATCH):
        if start % 100_000 == 0:
            print(f"  {start:,} of {count:,} faces enrolled", flush=True)
        batch = _faces(rng, min(BATCH, count - start), collection)
        with UnitOfWork(house.database) as uow:
            gallery.enrol(uow, collection, batch)
            uow.commit()
    return time.perf_counter() - begun


def _faces(rng: np.random.Generator, count: int, collection: Collection) -> list[NewFace]:
    drawn = rng.standard_normal((count, collection.dimensions), dtype=np.float32)
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    return [
        NewFace(
            face_id=uuid.uuid4(),
            image_id=uuid.uuid4(),
            external_image_id=None,
            box=RatioBox(0.1, 0.1, 0.2, 0.2),
            confidence=99.0,
            template=template,
        )
        for template in drawn
    ]


def _record(house: House, entries: int) -> None:
    """Entries of the account, which the server's own sequencer gives their places."""
    print(f"  {entries:,} entries to be placed in the log", flush=True)
    fill_pending(house.database, Touching(house.keys), entries, accounts=[house.account_id])
    deadline = time.monotonic() + _SETTLED_S
    while time.monotonic() < deadline:
        with house.database.read() as connection:
            row = connection.execute("select exists (select from audit_event)").fetchone()
        if row is not None and not row[0]:
            with house.database.read() as connection:  # as PostgreSQL does by itself within a minute or two
                connection.execute("vacuum analyze audit_event, audit_entry")
            return
        time.sleep(1.0)
    raise TimeoutError("the server did not place all entries")


def measure(house: House, readers: Iterable[Reader], *, rounds: int) -> list[dict[str, Any]]:
    """Milliseconds of each page for each reader, over one connection."""
    pages = [(reader, path) for reader in readers for path in _paths(house, reader)]
    taken: list[list[float]] = [[] for _ in pages]
    connection = http.client.HTTPConnection(urlsplit(house.server.endpoint).netloc, timeout=120)
    for lap in range(rounds + 1):
        for place, (reader, path) in enumerate(pages):
            begun = time.perf_counter()
            connection.request(
                "GET", path, headers={"cookie": f"countenance-console={reader.token}", "accept": "text/html"}
            )
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{path} as {reader.role}: {answer.status}")
            if lap:  # the first round fills caches, as the first visitor of a day does
                taken[place].append(time.perf_counter() - begun)
    connection.close()
    return [
        {"role": reader.role, "path": _shown(path), **_percentiles(seconds)}
        for (reader, path), seconds in zip(pages, taken, strict=True)
    ]


def _paths(house: House, reader: Reader) -> Iterator[str]:
    """Every page in the menu, the collection's, and an entry's with its proof."""
    for route in ROUTES:
        if reader.role in route.roles and route.title:
            yield route.path
    if reader.role == "examiner":  # who looks at pictures alone
        return
    yield f"/console/collections/{COLLECTION}"
    yield f"/console/log/{_an_entry(house)}"
    yield "/console/log?operation=SearchFacesByImage"
    yield "/console/log?operation=DeleteUser"  # there is none


def _an_entry(house: House) -> str:
    with house.database.read() as connection:
        row = connection.execute(
            "select event_id from (select event_id, account from audit_entry union all"
            " select event_id, account from audit_event) as entries where account = %s limit 1",
            (AuditLog(house.keys).pseudonym(house.account_id),),
        ).fetchone()
    assert row is not None
    return str(row[0])


def _shown(path: str) -> str:
    return "/console/log/ENTRY" if path.count("/") == 3 and path.startswith("/console/log/") else path


def _percentiles(seconds: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(seconds, n=20)
    return {"p50_ms": statistics.median(seconds) * 1e3, "p95_ms": cuts[18] * 1e3}


def slowest_of(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Each page as the role for which it is slowest, the slowest page first."""
    worst: dict[str, dict[str, Any]] = {}
    for page in sorted(result["pages"], key=lambda each: -each["p95_ms"]):
        worst.setdefault(page["path"], page)
    return list(worst.values())


COLUMNS = ("page", "slowest as", "p50 ms", "p95 ms", "p50 ms, empty house", f"p95 <= {TARGET_MS:.0f} ms")


def rows_of(result: dict[str, Any]) -> list[tuple[str, ...]]:
    """Of each page, as `COLUMNS` says."""
    return [
        (
            page["path"],
            page["role"],
            f"{page['p50_ms']:.0f}",
            f"{page['p95_ms']:.0f}",
            f"{page['small_p50_ms']:.0f}",
            "yes" if page["p95_ms"] <= TARGET_MS else "**missed**",
        )
        for page in slowest_of(result)
    ]


def print_result(result: dict[str, Any]) -> None:
    print_table(
        f"Console pages with {result['faces']:,} faces and {result['entries']:,} entries",
        COLUMNS,
        rows_of(result),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", type=int, default=1_000_000)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=60)
    given = parser.parse_args()
    result = run(faces=given.faces, entries=given.entries, rounds=given.rounds)
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "pages.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
