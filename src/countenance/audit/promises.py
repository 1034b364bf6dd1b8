"""What a server promises of the log: that what it answered will be in it, signed, within five seconds.

A promise that the log cannot keep is not given: while events wait longer than the bound for their places or
for a signature, or signed checkpoints wait longer than theirs for their witnesses, nothing is recorded and so
nothing is answered.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from countenance.audit.entry import Draft
from countenance.audit.own_entries import QUERIES
from countenance.audit.receipt_journal import ReceiptJournal
from countenance.audit.signing import load_signer
from countenance.errors import CountenanceError
from countenance.store import Connection, KeyStore
from countenance.transparency.note import Signer
from countenance.transparency.receipt import Receipt, sign_receipt

MERGE_WITHIN = timedelta(seconds=5)
MAX_LAG_S = 60.0
MAX_UNPUBLISHED_S = 24 * 3600.0
_LOOK_EVERY_S = 0.5


class LogBehind(CountenanceError):
    """The log is too far behind for a promise: its sequencer or its witnesses do not keep up."""


class Promises:
    """Signs receipts while the log keeps up. Thread-safe."""

    def __init__(
        self,
        keys: KeyStore,
        origin: str,
        *,
        max_lag_s: float = MAX_LAG_S,
        max_unpublished_s: float = MAX_UNPUBLISHED_S,
        journal: ReceiptJournal | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`max_lag_s`: the longest that an event may wait for its place, and then for a signed checkpoint;
        `max_unpublished_s`: that a signed checkpoint may wait for its witnesses; `journal`: where receipts
        are noted before they are given.
        """
        self._keys = keys
        self._origin = origin
        self._max_lag_s = max_lag_s
        self._max_unpublished_s = max_unpublished_s
        self._journal = journal
        self._clock = clock
        self._lock = threading.Lock()
        self._look_at_s = float("-inf")
        self._behind = "it was not looked at yet"
        self._signer: Signer | None = None

    def require_current(self, connection: Connection) -> None:
        """See that the log keeps up; looks at it at most twice a second.

        Raises:
            LogBehind: it does not.
        """
        with self._lock:
            if self._clock() >= self._look_at_s:
                self._look(connection)
                self._look_at_s = self._clock() + _LOOK_EVERY_S
            if self._behind:
                raise LogBehind(self._behind)

    def receipt(self, draft: Draft, at: datetime) -> str:
        """The signed promise for what has just been committed, as a header's value; it is on note by then.

        Raises:
            OSError: it could not be noted; it must not be given.
        """
        assert self._signer is not None, "nothing is recorded before the log was looked at"
        receipt = Receipt(
            origin=self._origin,
            event_id=draft.event_id,
            leaf_hash=draft.leaf_hash,
            at=at,
            merge_by=at + MERGE_WITHIN,
        )
        signed = sign_receipt(receipt, self._signer)
        if self._journal is not None:
            self._journal.note(draft.event_id, draft.leaf_hash)
        return signed

    def _look(self, connection: Connection) -> None:
        row = connection.execute(QUERIES["read_state"]).fetchone()
        assert row is not None
        waiting_s, unpublished_s, unsigned_s, vkey = row
        self._behind = ""
        if vkey is None:
            self._behind = "the log has no key for receipts"
        elif (waiting_s or 0.0) > self._max_lag_s:
            self._behind = f"an event has been waiting for its place for {waiting_s:.0f} s"
        elif (unsigned_s or 0.0) > self._max_lag_s:
            self._behind = f"the log has not been signed for {unsigned_s:.0f} s"
        elif (unpublished_s or 0.0) > self._max_unpublished_s:
            self._behind = f"a checkpoint has been waiting for its witnesses for {unpublished_s:.0f} s"
        if vkey is not None and (self._signer is None or str(self._signer.verifier) != vkey):
            self._signer = load_signer(self._keys, "receipt", vkey)
