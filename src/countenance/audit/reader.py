"""Reads the log for its operator: everybody's entries as they are, or one account's with their openings.

What is in the log is read in its order, in batches that each stand alone: nothing holds a transaction open
while a million entries are written somewhere.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from countenance.audit.auditors import READS_EVERY, record_read
from countenance.audit.entry import open_openings
from countenance.audit.log import AuditLog
from countenance.audit.own_entries import OwnEntry
from countenance.store import Connection, Database, KeyStore, load_queries
from countenance.transparency.canonical import canonical_json, parse_canonical

_QUERIES = load_queries("countenance.audit", "reader.sql")
_BATCH = 1000


class LogReader:
    """Entries of the whole log, or of one account."""

    def __init__(self, keys: KeyStore, account_id: str | None = None) -> None:
        """`account_id`: of an account that exists; without it nothing is opened."""
        self._audit = AuditLog(keys)
        self.account_id = account_id

    @property
    def pseudonym(self) -> str:
        """What stands for the account in entries, hexadecimal; empty for everybody's."""
        return self._account.hex() if self.account_id else ""

    def names(self, connection: Connection) -> dict[str, str]:
        """Pseudonym → operator or key of the account, of those that the register knows."""
        if self.account_id is None:
            return {}
        key = self._audit.keys.account(self.account_id)
        rows = connection.execute(_QUERIES["names"], {"account_id": self.account_id}).fetchall()
        operators = {operator for _, operator in rows} | {"uid:0", f"uid:{os.getuid()}"}
        named = {key.pseudonym("operator", operator).hex(): operator for operator in operators}
        return named | {key.pseudonym("key", key_id).hex(): key_id for key_id, _ in rows}

    def latest(self, connection: Connection, limit: int) -> list[OwnEntry]:
        """The newest entries, the newest first, those without a place yet as well."""
        if self.account_id is not None:
            return self._audit.list_latest(connection, self.account_id, limit=limit)
        return self._read(connection, "latest", limit=limit)

    def mark(self, connection: Connection) -> tuple[int, set[uuid.UUID]]:
        """Where `news` goes on from now: the last index of the log, and what waits for its place."""
        row = connection.execute(_QUERIES["mark"]).fetchone()
        assert row is not None, "the log is open"
        return row[0] - 1, set(row[1])

    def news(
        self, connection: Connection, *, after: int, shown: Collection[uuid.UUID], limit: int = _BATCH
    ) -> list[OwnEntry]:
        """What is behind index `after`, in order, then what has no place yet and is not among `shown`.

        At most `limit` of each.
        """
        values: dict[str, Any] = {"after": after, "shown": list(shown), "limit": limit}
        if self.account_id is None:
            return self._read(connection, "news", **values)
        return self._read(connection, "news_of_account", account=self._account, **values)

    def entries(
        self,
        database: Database,
        *,
        size: int,
        on_progress: Callable[[int], None] | None = None,
    ) -> Iterator[OwnEntry]:
        """The entries among the first `size` of the log, in its order.

        Args:
            on_progress: called with how far into the log it is, in entries.
        """
        after = -1
        while after + 1 < size:
            with database.read() as connection:
                batch = self._behind(connection, after)
            yield from (own for own in batch if own.log_index is not None and own.log_index < size)
            last = batch[-1].log_index if len(batch) == _BATCH else None
            after = size if last is None else last
            if on_progress is not None:
                on_progress(min(after + 1, size))

    def _behind(self, connection: Connection, after: int) -> list[OwnEntry]:
        if self.account_id is not None:
            return self._audit.list_entries(connection, self.account_id, limit=_BATCH, after=after)
        return self._read(connection, "entries", after=after, limit=_BATCH)

    @property
    def _account(self) -> bytes:
        assert self.account_id is not None
        return self._audit.keys.account(self.account_id).pseudonym("account", self.account_id)

    def _read(self, connection: Connection, query: str, **values: Any) -> list[OwnEntry]:
        rows = connection.execute(_QUERIES[query], values, binary=True).fetchall()
        return [self._to_own(*row) for row in rows]

    def _to_own(
        self, log_index: int | None, event_id: uuid.UUID, entry: bytes, sealed: bytes | None
    ) -> OwnEntry:
        if self.account_id is None or sealed is None:
            return OwnEntry(log_index, event_id, bytes(entry), {})
        account = self._audit.keys.account(self.account_id)
        return OwnEntry(log_index, event_id, bytes(entry), open_openings(bytes(sealed), account, event_id))


def record_operator_read(connection: Connection, resource: str) -> None:
    """Record that the machine's user, by number, reads `resource`: no name and no account's number."""
    record_read(connection, _reader(), resource)


def note_operator_read(connection: Connection, resource: str) -> None:
    """As `record_operator_read`, but once in ten minutes: a log must not grow by being mirrored."""
    values = {
        "auditor": b'"auditor":' + canonical_json(_reader()),
        "resource": b'"resource":' + canonical_json(resource),
    }
    row = connection.execute(_QUERIES["latest_read"], values).fetchone()
    if row is not None:
        at = datetime.fromisoformat(parse_canonical(bytes(row[0]))["time"])
        if abs(datetime.now(UTC) - at) < READS_EVERY:  # of a clock that was put back nothing is believed
            return
    record_operator_read(connection, resource)


def _reader() -> str:
    return f"uid:{os.getuid()}"


def log_size(connection: Connection) -> int:
    """How many entries have a place in the log."""
    row = connection.execute(_QUERIES["log_size"]).fetchone()
    assert row is not None, "the log is open"
    return int(row[0])


def count_waiting(connection: Connection) -> int:
    """How many events have no place in it yet."""
    row = connection.execute(_QUERIES["waiting"]).fetchone()
    assert row is not None, "an aggregate always has a row"
    return int(row[0])


def named(own: OwnEntry, names: Mapping[str, str]) -> dict[str, str]:
    """Who operated and with which key, as far as that is known."""
    members = own.members
    found = {member: names.get(members.get(member, "")) for member in ("operator", "key")}
    return {member: name for member, name in found.items() if name is not None}
