"""Auditors: who may read the bundles of everybody's entries, pseudonymous as they are.

A token is told once and only its digest is kept. Adding and revoking an auditor, and that one
reads, is an entry in the log.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from countenance.audit.log import record_statement
from countenance.store import Connection, load_queries

READS_EVERY = timedelta(minutes=10)
"""One entry tells of all that an auditor reads meanwhile."""
MAX_NAME = 128
_TOKEN_BYTES = 32
_QUERIES = load_queries("countenance.audit", "auditors.sql")


@dataclass(frozen=True, slots=True)
class Auditor:
    """One who was given a token; `revoked_at` is None while it is good."""

    name: str
    created_at: datetime
    revoked_at: datetime | None


def add_auditor(connection: Connection, name: str) -> str | None:
    """A new auditor's token, told now and never again; None, and nothing changed, if the name is taken.

    A name stays taken once its auditor is revoked: in the log it stands for that one.

    Raises:
        ValueError: no name of 1 to 128 printable characters.
    """
    if not (0 < len(name) <= MAX_NAME and name.isprintable() and name == name.strip()):
        raise ValueError(f"an auditor's name is 1 to {MAX_NAME} printable characters, no spaces around them")
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    values = {"name": name, "token_digest": _digest(token)}
    if connection.execute(_QUERIES["add_auditor"], values).rowcount == 0:
        return None
    record_statement(connection, "audit.auditor_added", {"auditor": name})
    return token


def list_auditors(connection: Connection) -> list[Auditor]:
    """Every auditor by name, revoked ones as well."""
    return [Auditor(*row) for row in connection.execute(_QUERIES["list_auditors"]).fetchall()]


def revoke_auditor(connection: Connection, name: str) -> bool:
    """End the auditor's token, at once and for good; False if nobody of that name has a good one."""
    if connection.execute(_QUERIES["revoke_auditor"], {"name": name}).rowcount == 0:
        return False
    record_statement(connection, "audit.auditor_revoked", {"auditor": name})
    return True


def find_auditor(connection: Connection, token: str) -> str | None:
    """The name of the auditor whose token this is; None if it is nobody's, or was revoked."""
    row = connection.execute(_QUERIES["find_auditor"], {"token_digest": _digest(token)}).fetchone()
    return None if row is None else str(row[0])


def note_read(connection: Connection, auditor: str, resource: str) -> None:
    """As `record_read`, for somebody with a token, but once in ten minutes.

    An entry for each reading would make the log grow by being read: whoever follows it would never catch up.
    """
    values = {"name": auditor, "every": READS_EVERY}
    if connection.execute(_QUERIES["note_read"], values).rowcount == 1:
        record_read(connection, auditor, resource)


def record_read(connection: Connection, auditor: str, resource: str) -> None:
    """Record that the auditor reads `resource`, in the transaction that reads it."""
    record_statement(connection, "audit.read", {"auditor": auditor, "resource": resource})


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
