"""A log of a test's own: events as the database holds them, the tree recomputed without any tile."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from countenance.audit.sequencer import Sequencer
from countenance.store import Connection, Database, migrate
from countenance.transparency.merkle import leaf_hash, tree_root
from countenance.transparency.note import Signer

ORIGIN = "log.example/test"
SIGNER = Signer.from_seed(ORIGIN, b"\x01" * 32)


@contextmanager
def open_test_log(database_url: str) -> Iterator[Database]:
    """An empty log in an empty database."""
    with Database(database_url, max_connections=8) as database:
        migrate(database)
        with database.transaction() as connection:
            connection.execute("insert into audit_log (origin) values (%s)", (ORIGIN,))
        yield database


def sequencer_of(database: Database, **given) -> Sequencer:
    """A sequencer that signs with SIGNER."""
    return Sequencer(database, lambda _: [SIGNER], **given)


def insert_events(connection: Connection, count: int, *, entry: bytes | None = None) -> list[uuid.UUID]:
    """Record so many events; each entry is its event's id, unless one is given."""
    event_ids = [uuid.uuid4() for _ in range(count)]
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into audit_event (event_id, account, entry, sealed) values (%s, %s, %s, %s)",
            [(event, b"\x02" * 16, entry or str(event).encode(), b"sealed") for event in event_ids],
        )
    return event_ids


def grow(database: Database, count: int) -> list[bytes]:
    """Put so many entries into the log; all of the log's leaf hashes."""
    with database.transaction() as connection:
        insert_events(connection, count)
    sequencer = sequencer_of(database)
    while sequencer.integrate():
        pass
    with database.read() as connection:
        return leaf_hashes(connection)


def leaf_hashes(connection: Connection) -> list[bytes]:
    """The leaf hashes of all entries, computed here."""
    rows = connection.execute("select entry from audit_entry order by log_index").fetchall()
    return [leaf_hash(bytes(entry)) for (entry,) in rows]


def require_whole(connection: Connection) -> Sequence[bytes]:
    """Assert that places are dense, tiles and size are those of the entries, every checkpoint is a prefix.

    Returns the leaf hashes.
    """
    indices = connection.execute("select log_index from audit_entry order by log_index").fetchall()
    assert [index for (index,) in indices] == list(range(len(indices)))
    leaves = leaf_hashes(connection)
    assert connection.execute("select size from audit_log").fetchone() == (len(leaves),)
    expected = {}
    level, hashes = 0, leaves
    while len(hashes) >= 256:
        full = [hashes[start : start + 256] for start in range(0, len(hashes) - 255, 256)]
        roots = [tree_root(tile) for tile in full]
        expected |= {
            (level, number): (b"".join(tile), root)
            for number, (tile, root) in enumerate(zip(full, roots, strict=True))
        }
        level, hashes = level + 1, roots
    rows = connection.execute("select level, tile, hashes, root from audit_tile").fetchall()
    assert {(row[0], row[1]): (bytes(row[2]), bytes(row[3])) for row in rows} == expected
    for size, root in connection.execute("select size, root from audit_checkpoint").fetchall():
        assert 0 < size <= len(leaves)
        assert bytes(root) == tree_root(leaves[:size])
    return leaves
