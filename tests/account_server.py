"""Accounts on a real database and what is about them, without a gateway."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from countenance.accounts import Accounts, Actor, Governance
from countenance.accounts.changing import Changing
from countenance.audit import AuditLog, OwnEntry
from countenance.store import Connection, Database, KeyStore
from countenance.terms import Document, Terms
from governed import open_governance

CLI = Actor("test")
NOW = datetime(2026, 6, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Server:
    """The register and all that is about accounts, and what their log says."""

    database: Database
    keys: KeyStore
    accounts: Accounts = field(init=False)
    governance: Governance = field(init=False)
    changing: Changing = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "accounts", Accounts(self.database, self.keys))
        object.__setattr__(self, "governance", open_governance(self.database, self.keys))
        object.__setattr__(self, "changing", Changing(self.database, self.keys))

    def account(self, name: str = "Test", **given: Any) -> str:
        """The id of a new account."""
        return self.accounts.create_account(name, **given).account_id

    def officer(self, name: str = "Olga") -> str:
        """The name of a new officer."""
        unique = f"{name} {secrets.token_hex(4)}"
        self.governance.officers.add(self.governance.officers.house(), unique, "officer", actor=CLI)
        return unique

    def told(self, account_id: str) -> list[OwnEntry]:
        """The account's entries, the oldest first."""
        with self.database.read() as connection:
            return AuditLog(self.keys).list_latest(connection, account_id, limit=1000)[::-1]

    def operations(self, account_id: str) -> list[str]:
        """What the account's entries tell of, the oldest first."""
        return [entry.members["operation"] for entry in self.told(account_id)]

    def operator(self, account_id: str, name: str) -> str:
        """What stands for somebody in the account's entries."""
        return AuditLog(self.keys).keys.account(account_id).pseudonym("operator", name).hex()

    def execute(self, statement: str, *values: Any) -> None:
        with self.database.transaction() as connection:
            connection.execute(statement, values)

    def select(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.database.read() as connection:
            return connection.execute(statement, values).fetchall()


def a_call(account_id: str, connection: Connection, name: str = "guy") -> Actor:
    """Whoever calls for an account, in the call's own transaction."""
    return Actor(name, connection, uuid.uuid4(), account_id)


def a_document(name: str | None = None, version: str = "1.0", **changes: Any) -> Document:
    """A version of a document that no other test has."""
    major, minor = version.split(".")
    told: dict[str, Any] = {
        "name": name or f"test-{secrets.token_hex(8)}",
        "version": (int(major), int(minor)),
        "title": "Terms",
        "text": "be good",
        "digest": secrets.token_hex(32),
        "published": date(2026, 1, 1),
        "grace": timedelta(days=30),
        "changes": "",
    }
    return Document(**told | changes)


def opened_with(server: Server, *documents: Document) -> Governance:
    """Another process that has these terms."""
    return Governance.open(server.database, server.keys, Terms(documents))
