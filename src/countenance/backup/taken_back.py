"""What people took back since a backup, taken back again: templates that they let be kept, and consents."""

from __future__ import annotations

import uuid
from typing import Final

from countenance.accounts.sealed import consent_context
from countenance.audit import AuditLog
from countenance.rights.objections import secret_name
from countenance.store import Connection, Database, KeyStore, load_queries
from countenance.store.tombstone_list import Tombstone

KINDS: Final = frozenset({"objection", "consent"})
_QUERIES = load_queries("countenance.backup", "queries.sql")
_UNKNOWN: Final = b"(a reference that the backup does not hold)"


class TakenBack:
    """Of one restored installation, that nobody serves yet."""

    def __init__(self, database: Database, keys: KeyStore, audit: AuditLog) -> None:
        self._database, self._keys, self._audit = database, keys, audit

    def again(self, tombstone: Tombstone, *, operation: str, told: str) -> bool:
        """What the line says, with an entry of the account's; whether there was anything to do.

        Args:
            operation: what the entry calls it; `told` says more.
        """
        is_objection = tombstone.kind == "objection"
        with self._database.transaction() as connection:
            account_id = (self._forget if is_objection else self._withdraw)(connection, tombstone)
            if account_id is not None:
                self._audit.record_change(connection, operation, account_id=account_id, resource=told)
        if is_objection:  # the key as well where the backup has that alone
            self._keys.destroy_secret(secret_name(uuid.UUID(tombstone.words[0])))
        return account_id is not None

    def _forget(self, connection: Connection, tombstone: Tombstone) -> str | None:
        values = {"objection_id": uuid.UUID(tombstone.words[0])}
        row = connection.execute(_QUERIES["forget_objection"], values).fetchone()
        return None if row is None else row[0]

    def _withdraw(self, connection: Connection, tombstone: Tombstone) -> str | None:
        """Also one that was given after the backup: by its digest nothing is enrolled under it again."""
        consent_id, account_id, digest = tombstone.words
        values = {
            "consent_id": consent_id,
            "account_id": account_id,
            "digest": bytes.fromhex(digest),
            "sealed_reference": self._keys.seal(
                _UNKNOWN, context=consent_context(consent_id), within=connection
            ),
            "at": tombstone.at,
        }
        row = connection.execute(_QUERIES["withdraw_consent"], values).fetchone()
        return None if row is None else row[0]
