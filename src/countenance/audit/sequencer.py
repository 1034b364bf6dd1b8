"""The sequencer: gives every durable event its place in the log, grows the tree, signs and publishes it.

One process does this, whatever the number of servers on the database; a second one stands by. It may be
killed at any moment: each step is one transaction, and what is in memory is only a cache.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from countenance.audit.cosigners import Cosigners
from countenance.audit.log import record_statement
from countenance.audit.signed_head import SignedHead
from countenance.audit.tree import LogDamaged, LogTree, read_hashes
from countenance.store import Connection, Database, StoreUnavailable, UniqueViolation, load_queries
from countenance.telemetry import Metrics
from countenance.transparency.checkpoint import Checkpoint
from countenance.transparency.merkle import HASH_BYTES
from countenance.transparency.note import Signer
from countenance.transparency.tiles import TILE_HEIGHT, TILE_WIDTH, tile_node
from countenance.transparency.witnesses import WitnessClient

_LOG = logging.getLogger(__name__)
_QUERIES = load_queries("countenance.audit", "sequencer.sql")

BATCH = 5000
"""Events that get their places in one transaction: about a tenth of a second."""
_PAUSE_S = 0.2
_SIGN_EVERY_S = 1.0
_LEVELS = 8  # of tiles: 2^64 entries
_TILE_BYTES = TILE_WIDTH * HASH_BYTES
_LEADER_LOCK = 0x436F756E74536571  # "CountSeq": any fixed number that nothing else uses


class Sequencer:
    """Grows one database's log. Its steps may be called by several processes at once; `run` takes turns.

    Args:
        signers: reads the keys that must sign a checkpoint now, newest first.
        witnesses: whom to ask for cosignatures.
        quorum: how many of them a checkpoint needs before it is published; 0 publishes at once.
        head: where the last signed head is kept outside the database; None for nowhere.
        metrics: told of every batch.
    """

    def __init__(
        self,
        database: Database,
        signers: Callable[[Connection], Sequence[Signer]],
        *,
        witnesses: Sequence[WitnessClient] = (),
        quorum: int = 0,
        head: SignedHead | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._database = database
        self._signers = signers
        self._quorum = quorum
        self._head = head
        self._metrics = metrics or Metrics()
        self._is_waiting = False
        self._cosigners = Cosigners(database, witnesses, quorum=quorum)

    def integrate(self, limit: int = BATCH) -> int:
        """Give the oldest events, `limit` at most, their places in the log: how many there were.

        One transaction: all of them are in the log, with every tile that became full, or none is. An event
        whose id has a place already is set aside, and an alarm recorded in its stead.

        Raises:
            LogDamaged: the log's size is not the number of its entries; nothing is placed.
            StoreUnavailable: the database is not available; all of them may have their places all the same.
        """
        with self._database.read() as connection:
            return _integrate(connection, limit, self._metrics)

    def sign(self) -> Checkpoint | None:
        """Sign the tree's head with every key that must, if the tree has grown; None if it has not.

        Raises:
            LogDamaged: the tree does not extend the one that was signed before, as the database or as the
                kept head has it; nothing is signed then.
            StoreUnavailable: the database is not available, or the head cannot be kept.
        """
        with self._database.read() as connection:
            return self._sign(connection)

    def publish(self) -> int | None:
        """Publish the newest checkpoint that has its quorum: its size; None if that is published already.

        Raises:
            StoreUnavailable: the database is not available.
        """
        with self._database.read() as connection:
            return self._publish(connection)

    def run(self, stop: threading.Event) -> None:
        """Integrate, sign and publish until `stop` is set; what is recorded by then gets its place first.

        A second sequencer on the same database waits for the first one's end. A database or a disk that does
        not do its part is waited for. Once for each object.

        Raises:
            LogDamaged: as `integrate` and `sign`.
            SetupError: a key is missing.
        """
        with self._cosigners.asking():
            while not stop.is_set():
                try:
                    with self._database.read() as connection, _lead(connection) as is_leader:
                        if is_leader:
                            self._work(connection, stop)
                        self._tell_waiting(None)
                except StoreUnavailable as error:
                    self._tell_waiting(error)
                stop.wait(_PAUSE_S)

    def _tell_waiting(self, error: StoreUnavailable | None) -> None:
        """One line when it begins and one when a whole step was done again."""
        if error is not None and not self._is_waiting:
            _LOG.warning("the sequencer waits: %s", error)
        elif error is None and self._is_waiting:
            _LOG.warning("the sequencer goes on")
        self._is_waiting = error is not None

    def _work(self, connection: Connection, stop: threading.Event) -> None:
        """All on the connection that holds the lead: when it breaks, nothing more is done on its strength."""
        self._require_extended(connection)
        self._offer(connection)
        next_signing_s = 0.0
        while True:
            is_ending = stop.is_set()
            is_done = _integrate(connection, BATCH, self._metrics) < BATCH
            if time.monotonic() >= next_signing_s or (is_ending and is_done):
                next_signing_s = time.monotonic() + _SIGN_EVERY_S
                if self._sign(connection):
                    self._offer(connection)
            self._publish(connection)
            self._tell_waiting(None)
            if is_ending and is_done:
                return
            if is_done:
                stop.wait(_PAUSE_S)

    def _require_extended(self, connection: Connection) -> None:
        """A database that was put back is told at once, and not when it has grown again."""
        row = connection.execute(_QUERIES["log_state"]).fetchone()
        if row is not None and self._head is not None:
            self._head.require_extended(connection, LogTree(), *row)

    def _offer(self, connection: Connection) -> None:
        checkpoint = LogTree().signed(connection)
        if checkpoint is not None:
            self._cosigners.offer(checkpoint)

    def _sign(self, connection: Connection) -> Checkpoint | None:
        # A cache would outlive a database that is put back to an earlier state, and be signed.
        tree = LogTree()
        with connection.transaction():
            row = connection.execute(_QUERIES["lock_unsigned"]).fetchone()
            last = tree.signed(connection)
            if row is None or row[1] == (last.size if last else 0):
                return None
            checkpoint = Checkpoint(row[0], row[1], tree.root(connection, row[1]))
            if last and (last.size > row[1] or tree.root(connection, last.size) != last.root):
                raise LogDamaged(f"the log's {row[1]} entries do not extend the {last.size} that were signed")
            if self._head is not None:
                self._head.require_extended(connection, tree, *row)
            lines = [signer.sign(checkpoint.text) for signer in self._signers(connection)]
            note = "".join((checkpoint.text, "\n", *lines))
            connection.execute(
                _QUERIES["add_checkpoint"], {"size": checkpoint.size, "root": checkpoint.root, "note": note}
            )
            connection.execute(_QUERIES["set_signed"])
            if self._head is not None:
                # INVARIANT: before anybody can see the signature. A crash between the two leaves a head that
                # nobody was shown and that the entries, committed earlier, extend all the same.
                self._head.keep(checkpoint)
        return checkpoint

    def _publish(self, connection: Connection) -> int | None:
        facts = {"quorum": self._quorum, "witnesses": self._cosigners.names}
        row = connection.execute(_QUERIES["publish"], facts).fetchone()
        return None if row is None else int(row[0])


def _integrate(connection: Connection, limit: int, metrics: Metrics) -> int:
    try:
        return _place(connection, limit, metrics)
    except UniqueViolation:
        if not _set_aside(connection):
            raise
    return _place(connection, limit, metrics)


def _place(connection: Connection, limit: int, metrics: Metrics) -> int:
    with connection.transaction():
        row = connection.execute(_QUERIES["lock_log"]).fetchone()
        if row is None:
            return 0
        old = int(row[0])
        _require_dense(connection, old)
        row = connection.execute(
            _QUERIES["place_events"], {"limit": limit, "size": old}, binary=True
        ).fetchone()
        if row is None or row[0] is None:
            return 0
        hashes = bytes(row[0])
        moved = len(hashes) // HASH_BYTES
        _add_tiles(connection, old, old + moved, hashes)
        connection.execute(_QUERIES["set_size"], {"size": old + moved})
    metrics.integrated(entries=moved, size=old + moved, lag_s=max(0.0, row[1]))
    return moved


def _require_dense(connection: Connection, size: int) -> None:
    row = connection.execute(_QUERIES["next_index"]).fetchone()
    if row is None or row[0] != size:
        raise LogDamaged(f"the log has {size} entries by its size, and its newest has another place")


def _set_aside(connection: Connection) -> int:
    """Keep events whose id is an entry's already from stopping the log for good: how many there were."""
    with connection.transaction():
        connection.execute(_QUERIES["lock_log"])
        row = connection.execute(_QUERIES["set_aside"]).fetchone()
        count = int(row[0]) if row else 0
        if count:
            facts = {"what": "duplicate_event", "figures": {"events": count}}
            record_statement(connection, "alarm", facts)
    if count:
        _LOG.error("%d events had the id of an entry of the log: set aside in audit_set_aside", count)
    return count


def _add_tiles(connection: Connection, old: int, new: int, leaf_hashes: bytes) -> None:
    """Write what became full when the log grew from `old` to `new` by these leaves."""
    begun = read_hashes(connection, 0, old // TILE_WIDTH, old % TILE_WIDTH) + leaf_hashes
    for place, number in enumerate(range(old // TILE_WIDTH, new // TILE_WIDTH)):
        _add_tile(connection, 0, number, begun[place * _TILE_BYTES : (place + 1) * _TILE_BYTES])
    for level in range(1, _LEVELS):
        span = TILE_HEIGHT * (level + 1)
        for number in range(old >> span, new >> span):
            _add_tile(connection, level, number, read_hashes(connection, level, number, TILE_WIDTH))


def _add_tile(connection: Connection, level: int, number: int, hashes: bytes) -> None:
    root = tile_node(hashes, TILE_HEIGHT, 0)
    connection.execute(_QUERIES["add_tile"], {"level": level, "tile": number, "hashes": hashes, "root": root})


@contextmanager
def _lead(connection: Connection) -> Iterator[bool]:
    """Whether this connection is the one whose sequencer works, until the context ends."""
    row = connection.execute(_QUERIES["take_lead"], {"lock": _LEADER_LOCK}).fetchone()
    is_leader = row is not None and bool(row[0])
    try:
        yield is_leader
    finally:
        if is_leader:
            connection.execute(_QUERIES["give_up_lead"], {"lock": _LEADER_LOCK})
