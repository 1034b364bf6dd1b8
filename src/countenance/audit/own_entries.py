"""Entries as the account that they are about may read them: by place, operation, and whom they touched."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from countenance.audit.entry import Opening, open_openings, open_touch, tag_labels
from countenance.audit.event import Touch
from countenance.audit.keys import AuditKeys
from countenance.store import Connection, KeyStore, load_queries
from countenance.transparency.canonical import canonical_json

QUERIES = load_queries("countenance.audit", "queries.sql")
BEHIND_ALL = 2**62
"""An index that no log reaches."""
_CLOCKS_APART = timedelta(hours=2)
"""Between the server that stamps an event and the database that stamps a face, at most."""


@dataclass(frozen=True, slots=True)
class OwnEntry:
    """An entry as the account that it is about may see it.

    Attributes:
        log_index: its place in the log; None until it has one.
        entry: the bytes that are hashed.
        openings: what its commitments open to, by member; empty once the account's key is destroyed.
    """

    log_index: int | None
    event_id: uuid.UUID
    entry: bytes
    openings: Mapping[str, Sequence[Opening]]

    @property
    def members(self) -> dict[str, Any]:
        """The entry, parsed."""
        parsed: dict[str, Any] = orjson.loads(self.entry)
        return parsed

    def opened(self, member: str) -> Any:
        """The value behind a commitment; None if there is none or it cannot be opened any more."""
        found = self.openings.get(member)
        return found[0].value if found else None


@dataclass(frozen=True, slots=True)
class TouchOpening:
    """One event that touched a face or user: `opening.value` says how."""

    event_id: uuid.UUID
    position: int
    opening: Opening


class OwnEntries:
    """Reads in the caller's transaction. Thread-safe; holds no connection.

    Attributes:
        keys: of accounts and of what entries touched.
    """

    def __init__(self, keys: KeyStore) -> None:
        self.keys = AuditKeys(keys)

    def list_entries(
        self,
        connection: Connection,
        account_id: str,
        *,
        limit: int,
        after: int = -1,
        until: int = BEHIND_ALL,
        operation: str | None = None,
        outcome: str | None = None,
    ) -> list[OwnEntry]:
        """The account's entries in the log, in its order: at most `limit`, those behind index `after`.

        Args:
            until: none behind this index.
            operation: entries of this one (and, if ever, others that have the same words nested in them).
            outcome: likewise, of calls that ended so.
        """
        values = self._asked(account_id, limit, operation, outcome) | {"after": after, "until": until}
        return self._own(connection, "list_entries", account_id, values)

    def list_entries_before(
        self,
        connection: Connection,
        account_id: str,
        *,
        limit: int,
        before: int = BEHIND_ALL,
        until: int = 0,
        operation: str | None = None,
        outcome: str | None = None,
    ) -> list[OwnEntry]:
        """Likewise backwards: at most `limit`, the newest first, those before index `before`."""
        values = self._asked(account_id, limit, operation, outcome) | {"before": before, "until": until}
        return self._own(connection, "list_entries_before", account_id, values)

    def reach(
        self,
        connection: Connection,
        account_id: str,
        entries: int,
        *,
        after: int | None = None,
        before: int | None = None,
    ) -> int | None:
        """The index of the last of so many of the account's entries behind `after`, or before `before`.

        None: there are fewer.
        """
        query = "reach" if before is None else "reach_before"
        values = {"account": self.pseudonym(account_id), "entries": entries, "after": after, "before": before}
        row = connection.execute(QUERIES[query], values).fetchone()
        return None if row is None else int(row[0])

    def list_latest(self, connection: Connection, account_id: str, *, limit: int = 100) -> list[OwnEntry]:
        """The account's latest entries, newest first, those without a place yet as well."""
        values = {"account": self.pseudonym(account_id), "limit": limit}
        return self._own(connection, "list_latest", account_id, values)

    def find_entry(self, connection: Connection, account_id: str, event_id: uuid.UUID) -> OwnEntry | None:
        """One entry of the account; None if there is none, or it is another's."""
        row = connection.execute(QUERIES["find_entry"], {"event_id": event_id}).fetchone()
        if row is None or row[4] is None or bytes(row[4]) != self.pseudonym(account_id):
            return None
        return self._to_own(account_id, row[:4])

    def read_entry(self, connection: Connection, event_id: uuid.UUID) -> OwnEntry | None:
        """Whosever entry it is, without what its commitments open to: for whom the entry touched."""
        row = connection.execute(QUERIES["find_entry"], {"event_id": event_id}).fetchone()
        return None if row is None else OwnEntry(row[0], event_id, bytes(row[2]), {})

    def touches_of(
        self, connection: Connection, collection_id: uuid.UUID, touch: Touch
    ) -> list[TouchOpening]:
        """Every event that touched the face or user, in no order: what a person may be told.

        Looks under one tag for each hour since the face or user was made.
        """
        row = connection.execute(
            QUERIES["find_subject_secret"],
            {"collection_id": collection_id, "kind": touch.kind, "id": touch.id},
        ).fetchone()
        collection = self.keys.collection(collection_id)
        if row is None or collection is None:
            return []
        secret, created_at = row
        key = collection.subject(touch.kind, touch.id, bytes(secret))
        now = datetime.now(UTC)
        tags = [key.tag(label) for label in tag_labels(created_at - _CLOCKS_APART, now + _CLOCKS_APART)]
        found = []
        for event_id, position, sealed in connection.execute(QUERIES["find_touches"], {"tags": tags}):
            opening = open_touch(bytes(sealed), key, event_id, position)
            if opening is not None:
                found.append(TouchOpening(event_id, position, opening))
        return found

    def pseudonym(self, account_id: str) -> bytes:
        """What stands in the log for an account."""
        return self.keys.account(account_id).pseudonym("account", account_id)

    def _own(
        self, connection: Connection, query: str, account_id: str, values: Mapping[str, Any]
    ) -> list[OwnEntry]:
        return [
            self._to_own(account_id, row) for row in connection.execute(QUERIES[query], values).fetchall()
        ]

    def _to_own(self, account_id: str, row: tuple[Any, ...]) -> OwnEntry:
        log_index, event_id, entry, sealed = row
        openings = open_openings(
            bytes(sealed) if sealed is not None else None, self.keys.account(account_id), event_id
        )
        return OwnEntry(log_index, event_id, bytes(entry), openings)

    def _asked(
        self, account_id: str, limit: int, operation: str | None, outcome: str | None
    ) -> dict[str, Any]:
        return {
            "account": self.pseudonym(account_id),
            "limit": limit,
            "operation": _member("operation", operation),
            "outcome": _member("outcome", outcome),
        }


def _member(name: str, value: str | None) -> bytes | None:
    """A member as it stands in an entry, which is canonical: in a text of a caller its quotes are escaped."""
    return None if value is None else canonical_json(name) + b":" + canonical_json(value)
