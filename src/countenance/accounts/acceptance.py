"""Which terms an account has accepted, by whom and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from countenance.accounts.changing import QUERIES, Actor, Changing, no_account
from countenance.audit import record_statement
from countenance.errors import InvalidParameterException, SetupError
from countenance.store import Connection, ForeignKeyViolation
from countenance.terms import Acceptance, Document, Terms


@dataclass(frozen=True, slots=True)
class Accepted:
    """An acceptance as it is kept.

    Attributes:
        officer: name of the responsible officer.
        digest: SHA-256 of what was accepted, hexadecimal.
    """

    document: str
    version: str
    digest: str
    officer: str
    role: str
    accepted_at: datetime

    def plain(self) -> Acceptance:
        return Acceptance(self.document, self.version, self.digest)


class Acceptances:
    """Thread-safe. Visible to the next call of every process once committed."""

    def __init__(self, changing: Changing, terms: Terms) -> None:
        self._changing = changing
        self.terms = terms

    def publish(self) -> None:
        """Note since when this server has each version; that it has a new one is an entry of the log.

        Raises:
            SetupError: a version that was published here before has another text now.
        """
        with self._changing.database.transaction() as connection:
            for document in self.terms.documents:
                values = {
                    "document": document.name,
                    "version": document.version_text,
                    "digest": document.digest,
                }
                if connection.execute(QUERIES["publish_terms"], values).rowcount:
                    record_statement(connection, "terms.published", values)
                row = connection.execute(QUERIES["find_terms_digest"], values).fetchone()
                if row is None or row[0] != document.digest:
                    raise SetupError(
                        f"`{document}` is another text than the one that was published on this server",
                        remedy="give the changed text a new version",
                    )

    def first_seen(self, connection: Connection) -> dict[tuple[str, str], datetime]:
        """When this server first had each version."""
        rows = connection.execute(QUERIES["list_terms_versions"]).fetchall()
        return {(document, version): at for document, version, at in rows}

    def list(self, account_id: str, *, connection: Connection | None = None) -> list[Accepted]:
        """The account's acceptances, the newest first; with a transaction, its own as well."""
        if connection is None:
            with self._changing.database.read() as reading:
                return self.list(account_id, connection=reading)
        rows = connection.execute(QUERIES["list_acceptances"], {"account_id": account_id}).fetchall()
        return [Accepted(*row) for row in rows]

    def accept(
        self, account_id: str, document: Document, *, officer: str, role: str, actor: Actor
    ) -> datetime:
        """Keep that a responsible officer of the account accepted the document; when.

        Raises:
            InvalidParameterException: no name or no role.
            ResourceNotFoundException: there is no such account.
        """
        officer, role = officer.strip(), role.strip()
        if not officer or not role or max(len(officer), len(role)) > 128:
            raise InvalidParameterException(
                "terms are accepted by a named, responsible officer: give a name and a role"
            )
        values = {
            "account_id": account_id,
            "document": document.name,
            "version": document.version_text,
            "digest": document.digest,
            "officer": officer,
            "role": role,
        }
        told = f"{document} {document.digest} by {officer}, {role}"
        try:
            with self._changing("AcceptTerms", account_id, actor, resource=told) as connection:
                row = connection.execute(QUERIES["accept_terms"], values).fetchone()
        except ForeignKeyViolation:
            raise no_account(account_id) from None
        assert row is not None
        accepted_at: datetime = row[0]
        return accepted_at
