"""What the audit log costs and how far it goes.

    python bench/audit.py [--photos DIR] [--pack standard] [--entries 1000000]

Single events: each in a transaction of its own, durable, over 8 connections. Integration: the sequencer
over a backlog, in group commits. A log of a million entries: checkpoint, proofs, bytes on disk. Cost of
recording: `recording_cost`.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from countenance.audit import AuditLog, Event, Touch, open_log
from countenance.audit.keys import SealingKey
from countenance.audit.sequencer import Sequencer
from countenance.audit.signing import log_signers
from countenance.audit.tree import LogTree
from countenance.store import Database, EmbeddedPostgres, KeyStore, migrate
from countenance.transparency.merkle import leaf_hash, verify_inclusion
from photographs import DEFAULT_PHOTOS, OUT
from recording_cost import measure_cost
from tables import print_table

CONNECTIONS = 8
SINGLE_EVENTS = 4000
DRAFTS = 5000
_DIGEST = "ab" * 32
MIX = (("DetectFaces", 0.4), ("SearchFacesByImage", 0.4), ("IndexFaces", 0.1), ("ListFaces", 0.1))
"""Operations of the entries on disk, by share; a search has one candidate, an enrolment one face."""

ACCOUNTS = tuple(f"{number:012d}" for number in range(50))


class Touching(AuditLog):
    """As the real thing, with a key for faces that no gallery holds."""

    def _subject_keys(self, *_: Any) -> Callable[[Touch], SealingKey]:
        return lambda touch: SealingKey(touch.id.encode())


@contextmanager
def own_log(folder: Path, *, connections: int) -> Iterator[tuple[Database, KeyStore]]:
    """A fresh embedded PostgreSQL with an opened log."""
    with (
        EmbeddedPostgres(folder) as server,
        Database(server.url, max_connections=connections) as database,
    ):
        keys = KeyStore.open(folder / "keys")
        migrate(database)
        open_log(database, keys)
        yield database, keys


def an_event(
    operation: str,
    account: str,
    *,
    key: str = "AKIA" + "A" * 16,
    collection: str = "employees-headquarters",
    face: str | None = None,
) -> Event:
    """An event with every member that such a call has, and what it touches."""
    has_collection, has_image = operation != "DetectFaces", operation != "ListFaces"
    now = datetime.now(UTC)
    return Event(
        event_id=uuid.uuid4(),
        at=now,
        ended_at=now,
        service="rekognition",
        operation=operation,
        decision="allow",
        outcome="answered",
        account_id=account,
        access_key_id=key,
        operator="first",
        region="us-east-1",
        collection=collection if has_collection else None,
        inputs=(_DIGEST,) if has_image else (),
        rule_ids=("CORE-001",),
        policy_digest=_DIGEST,
        model_version="1.0",
        model_digest=_DIGEST,
        threshold_asked=90.0 if operation.startswith("Search") else None,
        threshold=90.0 if operation.startswith("Search") else None,
        candidates=1 if operation.startswith("Search") else None,
        enrolled=1 if operation == "IndexFaces" else None,
        touched=_touched(operation, face or str(uuid.uuid4())),
    )


def _touched(operation: str, face: str) -> tuple[Touch, ...]:
    if operation == "IndexFaces":
        return (Touch(role="enrolled", kind="face", id=face),)
    if operation == "SearchFacesByImage":
        return (Touch(role="candidate", kind="face", id=face, rank=1, similarity=99.87),)
    return ()


def measure_single(database: Database, audit: AuditLog, *, events: int) -> dict[str, float]:
    """Durable events a second, each committed alone, over 8 connections."""

    def record(share: int) -> list[float]:
        seconds = []
        for _ in range(share):
            event = an_event("DetectFaces", "111111111111")
            started = time.perf_counter()
            with database.read() as connection:
                audit.record(connection, event)
            seconds.append(time.perf_counter() - started)
        return seconds

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(record, [20] * CONNECTIONS))
        started = time.perf_counter()
        seconds = [
            second for part in pool.map(record, [events // CONNECTIONS] * CONNECTIONS) for second in part
        ]
        elapsed = time.perf_counter() - started
    return {
        "events": len(seconds),
        "per_second": len(seconds) / elapsed,
        "p50_ms": statistics.median(seconds) * 1000,
        "p99_ms": statistics.quantiles(seconds, n=100)[98] * 1000,
    }


def fill_pending(
    database: Database, audit: AuditLog, entries: int, *, accounts: Sequence[str] = ACCOUNTS
) -> None:
    """A backlog as calls leave it: drafted entries of the mix, copied under new ids."""
    operations, shares = zip(*MIX, strict=True)
    chosen = random.Random(1).choices(operations, shares, k=min(DRAFTS, entries))
    with database.transaction() as connection:
        for number, operation in enumerate(chosen):
            with connection.transaction():
                audit.record(connection, an_event(operation, accounts[number % len(accounts)]))
        connection.execute(
            "create temporary table copy on commit drop as"
            " select gen_random_uuid() as id, e.* from audit_event as e, generate_series(1, %s)",
            (entries // len(chosen) - 1,),
        )
        connection.execute(
            "insert into audit_touch (event_id, position, tag, commitment, sealed)"
            " select c.id, t.position, uuid_send(gen_random_uuid()), t.commitment, t.sealed"
            " from copy as c join audit_touch as t using (event_id)"
        )
        connection.execute(
            "insert into audit_event (event_id, account, entry, sealed)"
            " select id, account, entry, sealed from copy"
        )


def measure_integration(sequencer: Sequencer) -> dict[str, float]:
    """Entries a second that get their place, over the whole backlog."""
    placed, started = 0, time.perf_counter()
    while moved := sequencer.integrate():
        placed += moved
    elapsed = time.perf_counter() - started
    return {"entries": placed, "per_second": placed / elapsed}


def measure_tree(database: Database, sequencer: Sequencer, *, proofs: int = 2000) -> dict[str, float]:
    """Checkpoint and proofs of the log as it is, and what it takes on disk."""
    started = time.perf_counter()
    checkpoint = sequencer.sign()
    signing_s = time.perf_counter() - started
    assert checkpoint is not None
    tree, cold, seconds = LogTree(), [], []
    with database.read() as connection:
        for _ in range(20):
            started = time.perf_counter()
            assert LogTree().root(connection, checkpoint.size) == checkpoint.root
            cold.append(time.perf_counter() - started)
        chosen = random.Random(2).choices(range(checkpoint.size), k=proofs)
        for index in chosen:
            started = time.perf_counter()
            path = tree.inclusion(connection, index, checkpoint.size)
            seconds.append(time.perf_counter() - started)
            row = connection.execute(
                "select entry from audit_entry where log_index = %s", (index,)
            ).fetchone()
            verify_inclusion(leaf_hash(bytes(row[0])), index, checkpoint.size, path, checkpoint.root)
        connection.execute("vacuum audit_entry")
        sizes = connection.execute(
            "select pg_total_relation_size('audit_entry'), pg_total_relation_size('audit_tile'),"
            " (select avg(octet_length(entry)) from audit_entry)::float8,"
            " pg_total_relation_size('audit_touch'), (select count(*) from audit_touch)"
        ).fetchone()
    return {
        "size": checkpoint.size,
        "checkpoint_ms": signing_s * 1000,
        "root_ms": statistics.median(cold) * 1000,
        "proof_p50_ms": statistics.median(seconds) * 1000,
        "proof_p99_ms": statistics.quantiles(seconds, n=100)[98] * 1000,
        "proof_hashes": len(path),
        "entry_bytes": sizes[2],
        "bytes_an_entry": (sizes[0] + sizes[3]) / checkpoint.size,
        "bytes_without_touches": sizes[0] / checkpoint.size,
        "bytes_a_touch": sizes[3] / sizes[4],
        "tree_bytes_an_entry": sizes[1] / checkpoint.size,
    }


def run(*, photos: Path, pack: str = "standard", entries: int = 1_000_000, rounds: int = 6) -> dict[str, Any]:
    result: dict[str, Any] = {"measured_at": datetime.now(UTC).isoformat(timespec="seconds"), "pack": pack}
    with (
        tempfile.TemporaryDirectory(prefix="countenance-bench-") as name,
        own_log(Path(name) / "data", connections=CONNECTIONS + 2) as (database, keys),
    ):
        audit = Touching(keys)
        sequencer = Sequencer(database, lambda connection: log_signers(connection, keys))
        result["single"] = measure_single(database, audit, events=SINGLE_EVENTS)
        measure_integration(sequencer)
        fill_pending(database, audit, entries)
        result["integration"] = measure_integration(sequencer)
        result["tree"] = measure_tree(database, sequencer)
    result["cost"] = measure_cost(photos, pack, rounds=rounds)
    print_result(result)
    return result


def rows_of(result: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    """Figure, measured, target, reached."""
    single, integration, tree, cost = (result[name] for name in ("single", "integration", "tree", "cost"))
    slower = 1 - cost["eight_clients"]["ratio"]
    recorded_per_s, unrecorded_per_s = (
        cost["eight_clients"][f"{which}_per_second"] for which in ("recorded", "unrecorded")
    )
    judged: list[tuple[str, str, str, Callable[[], bool]]] = [
        (
            "durable single events, 8 connections",
            f"{single['per_second']:,.0f} /s (p50 {single['p50_ms']:.1f} ms)",
            ">= 500 /s",
            lambda: single["per_second"] >= 500,
        ),
        (
            "integrated with group commit",
            f"{integration['per_second']:,.0f} /s",
            ">= 20,000 /s",
            lambda: integration["per_second"] >= 20_000,
        ),
        (
            "recording adds to one DetectFaces, VGA (p50)",
            f"{cost['DetectFaces VGA']['added_ms']:.1f} ms",
            "<= 5 ms",
            lambda: cost["DetectFaces VGA"]["added_ms"] <= 5,
        ),
        (
            "recording adds to one ListCollections (p50)",
            f"{cost['ListCollections']['added_ms']:.1f} ms",
            "<= 5 ms",
            lambda: cost["ListCollections"]["added_ms"] <= 5,
        ),
        (
            "recording costs 8 clients, DetectFaces VGA",
            f"{slower:.1%} ({recorded_per_s:.1f} of {unrecorded_per_s:.1f} /s)",
            "<= 10 %",
            lambda: slower <= 0.1,
        ),
        (
            f"checkpoint of {tree['size']:,} entries, cold",
            f"{tree['checkpoint_ms']:.1f} ms (root alone {tree['root_ms']:.1f} ms)",
            "<= 20 ms",
            lambda: tree["checkpoint_ms"] <= 20,
        ),
        (
            "inclusion proof, random entries (p50)",
            f"{tree['proof_p50_ms']:.2f} ms (p99 {tree['proof_p99_ms']:.2f} ms)",
            "<= 1 ms",
            lambda: tree["proof_p50_ms"] <= 1,
        ),
        (
            f"bytes an entry on disk with its indexes (entries of {tree['entry_bytes']:.0f})",
            f"{tree['bytes_without_touches']:,.0f}",
            "<= 1,200",
            lambda: tree["bytes_without_touches"] <= 1200,
        ),
        (
            f"the same with the rows of touched faces ({tree['bytes_a_touch']:,.0f} a face, every 2nd entry)",
            f"{tree['bytes_an_entry']:,.0f}",
            "<= 1,200",
            lambda: tree["bytes_an_entry"] <= 1200,
        ),
        (
            "bytes of tree nodes an entry",
            f"{tree['tree_bytes_an_entry']:.1f}",
            "<= 40",
            lambda: tree["tree_bytes_an_entry"] <= 40,
        ),
    ]
    return [(name, measured, target, reached()) for name, measured, target, reached in judged]


def print_result(result: dict[str, Any]) -> None:
    print_table(
        "the audit log",
        ("figure", "measured", "target"),
        [
            (name, measured, f"{target} {'reached' if reached else 'MISSED'}")
            for name, measured, target, reached in rows_of(result)
        ],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--photos", type=Path, default=DEFAULT_PHOTOS, help="a folder of folders, one a person"
    )
    parser.add_argument("--pack", default="standard")
    parser.add_argument("--entries", type=int, default=1_000_000)
    result = run(**vars(parser.parse_args()))
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "audit.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
