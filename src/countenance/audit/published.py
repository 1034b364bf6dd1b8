"""What the log has published, and where an event stands in it: for whoever asks about one."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from countenance.audit.signing import Use
from countenance.store import Connection, load_queries

_QUERIES = load_queries("countenance.audit", "published.sql")


@dataclass(frozen=True, slots=True)
class PublishedCheckpoint:
    """A checkpoint that everybody may rely on.

    Attributes:
        size: how many entries it covers.
        root: 32 bytes.
        note: the signed note, with the cosignatures that there are by now.
    """

    size: int
    root: bytes
    note: str
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event stands.

    Attributes:
        log_index: its place in the log; None until it has one.
        leaf_hash: of its entry, 32 bytes.
    """

    log_index: int | None
    leaf_hash: bytes


@dataclass(frozen=True, slots=True)
class LogKey:
    """The public half of a key that signs or has signed for the log.

    Attributes:
        retires_at: when it stops signing; None while nothing has followed it.
    """

    use: Use
    vkey: str
    since: datetime
    retires_at: datetime | None


def find_checkpoint(connection: Connection, size: int | None = None) -> PublishedCheckpoint | None:
    """The published checkpoint over `size` entries, by default the newest; None if there is none."""
    row = connection.execute(_QUERIES["find_checkpoint"], {"size": size}).fetchone()
    return None if row is None else PublishedCheckpoint(row[0], bytes(row[1]), row[2], row[3])


def find_place(connection: Connection, event_id: uuid.UUID) -> Place | None:
    """Where the event stands, whosoever it is; None if nothing of it was recorded."""
    row = connection.execute(_QUERIES["find_place"], {"event_id": event_id}).fetchone()
    return None if row is None else Place(row[0], bytes(row[1]))


def list_keys(connection: Connection) -> list[LogKey]:
    """Every key that the log has had, retired ones as well, in the order in which they were made."""
    return [LogKey(*row) for row in connection.execute(_QUERIES["list_keys"]).fetchall()]
