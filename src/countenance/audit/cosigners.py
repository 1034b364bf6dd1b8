"""Asks every witness for its cosignature of the log's newest checkpoint, beside the sequencer's own work."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from countenance.audit.tree import LogTree, SignedCheckpoint
from countenance.errors import CountenanceError
from countenance.store import Connection, Database, load_queries
from countenance.transparency.witnesses import WitnessClient

_LOG = logging.getLogger(__name__)
_QUERIES = load_queries("countenance.audit", "sequencer.sql")
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0


class Cosigners:
    """A thread for each witness, so that one that is slow or gone keeps up nobody else.

    All are asked about one checkpoint at a time: were each asked about the newest in its own time, a busy
    log's checkpoints would never have two cosignatures. The next one's turn comes with the quorum, or when
    every witness has cosigned or failed.
    """

    def __init__(self, database: Database, witnesses: Sequence[WitnessClient], *, quorum: int) -> None:
        self._database = database
        self._witnesses = {str(witness.verifier): witness for witness in witnesses}
        self._quorum = quorum
        self._newest: SignedCheckpoint | None = None
        self._candidate: SignedCheckpoint | None = None
        self._cosigned = dict.fromkeys(self._witnesses, 0)
        self._resting: set[str] = set()
        self._is_over = False
        self._changed = threading.Condition()

    @property
    def names(self) -> list[str]:
        """The witnesses' keys, as they stand beside their cosignatures."""
        return list(self._witnesses)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask, from threads of our own, for as long as the context lasts; once for each object."""
        for vkey in self._witnesses:
            threading.Thread(target=self._attend, args=(vkey,), name="cosigner", daemon=True).start()
        try:
            yield
        finally:
            with self._changed:
                self._is_over = True
                self._changed.notify_all()

    def offer(self, checkpoint: SignedCheckpoint) -> None:
        """Have this checkpoint cosigned, now or when its turn comes, unless a newer one is offered first."""
        with self._changed:
            self._newest = checkpoint
            self._advance()

    def _advance(self) -> None:
        """Called with the lock held, after whatever may end the candidate's turn."""
        turn = self._candidate
        if turn is not None:
            have = [vkey for vkey, size in self._cosigned.items() if size >= turn.size]
            if len(have) < self._quorum and self._witnesses.keys() - have - self._resting:
                return
        self._candidate = self._newest
        self._changed.notify_all()

    def _attend(self, vkey: str) -> None:
        witness, pause_s = self._witnesses[vkey], _FIRST_PAUSE_S
        told: set[type[Exception]] = set()
        while (checkpoint := self._await_turn(vkey)) is not None:
            try:
                self._ask(witness, checkpoint)
            except Exception as error:  # noqa: BLE001  # of the witness, of the database, of ours: it is tried again
                if type(error) not in told:
                    told.add(type(error))
                    is_expected = isinstance(error, CountenanceError)
                    _LOG.warning(
                        "no cosignature of %s: %s",
                        witness.name,
                        error,
                        exc_info=None if is_expected else error,
                    )
                self._rest(vkey, pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                continue
            if told:
                _LOG.warning("%s cosigns again", witness.name)
                told.clear()
            pause_s = _FIRST_PAUSE_S
            with self._changed:
                self._cosigned[vkey] = checkpoint.size
                self._advance()

    def _await_turn(self, vkey: str) -> SignedCheckpoint | None:
        with self._changed:
            self._changed.wait_for(
                lambda: self._is_over or (self._candidate and self._candidate.size > self._cosigned[vkey])
            )
            return None if self._is_over else self._candidate

    def _rest(self, vkey: str, pause_s: float) -> None:
        with self._changed:
            self._resting.add(vkey)
            self._advance()
            self._changed.wait_for(lambda: self._is_over, timeout=pause_s)
            self._resting.discard(vkey)

    def _ask(self, witness: WitnessClient, checkpoint: SignedCheckpoint) -> None:
        line = witness.submit(checkpoint.note, checkpoint.size, lambda old: self._prove(old, checkpoint.size))
        with self._database.read() as connection:
            _keep(connection, checkpoint.size, str(witness.verifier), line)

    def _prove(self, old: int, new: int) -> Sequence[bytes]:
        with self._database.read() as connection:
            return LogTree().consistency(connection, old, new)


def _keep(connection: Connection, size: int, vkey: str, line: str) -> None:
    connection.execute(_QUERIES["add_cosignature"], {"size": size, "witness": vkey, "line": line})
