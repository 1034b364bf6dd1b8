"""The register of accounts and access keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta

from countenance.accounts.changing import QUERIES as _QUERIES
from countenance.accounts.changing import no_account as _no_account
from countenance.accounts.identifiers import (
    new_access_key_id,
    new_account_id,
    new_secret,
    new_session_token,
    session_token_digest,
)
from countenance.accounts.records import (
    AccessKey,
    Account,
    Credential,
    NewAccessKey,
    SessionCredentials,
)
from countenance.accounts.sealed import claims_context, secret_context
from countenance.audit import AuditLog, record_statement
from countenance.errors import (
    AccessDeniedException,
    ResourceAlreadyExistsException,
    ResourceNotFoundException,
)
from countenance.facts import Claims, Profile
from countenance.store import Connection, Database, ForeignKeyViolation, KeyStore, UniqueViolation
from countenance.store.tombstones import note_account
from countenance.types import AccountId


class Accounts:
    """Accounts and their keys, in the database; secrets sealed by the key store.

    Thread-safe. A change is visible to every process once committed. Changes come in two ways: with a
    `connection` they join a call's transaction, and the call's own event tells of them; without one
    (the command line) they commit at once, together with an event of theirs.

    Errors: `StoreUnavailable` from every method, beside those named.
    """

    def __init__(self, database: Database, keys: KeyStore) -> None:
        self._database = database
        self._keys = keys
        self._audit = AuditLog(keys)

    def create_account(
        self,
        name: str,
        *,
        account_id: AccountId | None = None,
        profile: Profile = "general",
        connection: Connection | None = None,
    ) -> Account:
        """A new account in good standing, with a random id unless one is given. The first is the house.

        Raises:
            ResourceAlreadyExistsException: the given id is taken.
        """
        chosen = account_id or new_account_id()
        try:
            with self._changing("CreateAccount", chosen, None, connection) as changing:
                row = changing.execute(
                    _QUERIES["create_account"],
                    {"account_id": chosen, "name": name, "standing": "good", "profile": profile},
                ).fetchone()
        except UniqueViolation:
            raise ResourceAlreadyExistsException(f"account `{chosen}` exists") from None
        assert row is not None
        return Account(*row)

    def list_accounts(self) -> list[Account]:
        """Every account, by id."""
        with self._database.read() as connection:
            return [Account(*row) for row in connection.execute(_QUERIES["list_accounts"]).fetchall()]

    def require_account(self, account_id: str) -> Account:
        """The account of that id.

        Raises:
            ResourceNotFoundException: there is none.
        """
        with self._database.read() as connection:
            row = connection.execute(_QUERIES["find_account"], {"account_id": account_id}).fetchone()
        if row is None:
            raise _no_account(account_id)
        return Account(*row)

    def change_profile(self, account_id: str, profile: Profile) -> None:
        """Say what kind of organisation an account is.

        Raises:
            ResourceNotFoundException: there is no such account.
        """
        with self._changing("ChangeProfile", account_id, resource=profile) as connection:
            values = {"account_id": account_id, "profile": profile}
            if connection.execute(_QUERIES["change_profile"], values).rowcount == 0:
                raise _no_account(account_id)

    def change_limit(self, account_id: str, *, calls_per_s: int | None, burst: int | None = None) -> None:
        """Say how many calls a second an account may make, from its next call on; None: as any account.

        Raises:
            ResourceNotFoundException: there is no such account.
        """
        values = {"account_id": account_id, "calls_per_s": calls_per_s, "burst": burst}
        told = "as any account" if calls_per_s is None else f"{calls_per_s}/s, burst {burst or 'default'}"
        with self._changing("ChangeLimit", account_id, resource=told) as connection:
            if connection.execute(_QUERIES["change_limit"], values).rowcount == 0:
                raise _no_account(account_id)

    def create_access_key(
        self,
        account_id: str,
        *,
        operator: str,
        purpose: str | None = None,
        officer: str | None = None,
        connection: Connection | None = None,
    ) -> NewAccessKey:
        """A new lasting key, issued for `operator`. Its secret is told now and never again.

        Args:
            purpose: that it is for; without one it moves no face.
            officer: name of the officer of the house whose key it is.

        Raises:
            ResourceNotFoundException: there is no such account.
        """
        access_key_id, secret = new_access_key_id("AKIA"), new_secret()
        values: dict[str, object] = {
            "access_key_id": access_key_id,
            "account_id": account_id,
            "operator": operator,
            "purpose": purpose,
            "officer": officer,
        }
        try:
            with self._changing("CreateAccessKey", account_id, access_key_id, connection) as changing:
                values["sealed_secret"] = self._keys.seal(
                    secret.encode(), context=secret_context(access_key_id), within=changing
                )
                row = changing.execute(_QUERIES["create_access_key"], values).fetchone()
        except ForeignKeyViolation:
            raise _no_account(account_id) from None
        assert row is not None
        return NewAccessKey(access_key_id, secret, AccountId(account_id), operator, row[0], purpose)

    def bind_key(self, access_key_id: str, purpose: str) -> bool:
        """Give a key that has no purpose one: keys of before there were any; whether it had none."""
        with self._database.transaction() as connection:
            values = {"access_key_id": access_key_id, "purpose": purpose}
            return connection.execute(_QUERIES["bind_key"], values).rowcount == 1

    def list_access_keys(
        self, account_id: str, *, limit: int | None = None, after: str = ""
    ) -> list[AccessKey]:
        """The account's lasting keys by id, revoked ones as well: those behind `after`, at most `limit`."""
        values = {"account_id": account_id, "limit": limit, "after": after}
        with self._database.read() as connection:
            rows = connection.execute(_QUERIES["list_access_keys"], values).fetchall()
        return [AccessKey(*row) for row in rows]

    def revoke_access_key(
        self,
        account_id: str,
        access_key_id: str,
        *,
        by_officer: str | None = None,
        connection: Connection | None = None,
    ) -> None:
        """End a key of the account and every session that came from it; again is no error.

        Args:
            by_officer: officers' keys are ended by themselves: whose office the caller's key is, "" for
                nobody's; None on the server's machine, where any key may be ended.

        Raises:
            ResourceNotFoundException: the account has no such key, whoever else may.
        """
        values = {"access_key_id": access_key_id, "account_id": account_id, "by_officer": by_officer}
        with self._changing("RevokeAccessKey", account_id, access_key_id, connection) as changing:
            if changing.execute(_QUERIES["revoke_access_key"], values).rowcount == 0:
                raise ResourceNotFoundException(f"there is no access key `{access_key_id}` in this account")

    def find_credential(self, access_key_id: str) -> Credential | None:
        """What is needed to judge a signature, in one query; None for an unknown key."""
        with self._database.read() as connection:
            row = connection.execute(_QUERIES["find_credential"], {"access_key_id": access_key_id}).fetchone()
        if row is None:
            return None
        key_id, account_id, standing, effective, operator, sealed, digest, expires_at, revoked = row[:9]
        purpose, officer, sealed_claims, calls_per_s, burst, operator_id, roles = row[9:]
        secret = self._keys.unseal(bytes(sealed), context=secret_context(key_id)).decode()
        return Credential(
            key_id,
            account_id,
            standing,
            effective,
            operator,
            secret,
            digest,
            expires_at,
            revoked,
            purpose,
            officer,
            self._unseal_claims(key_id, sealed_claims),
            calls_per_s,
            burst,
            operator_id,
            None if operator_id is None else frozenset(roles),
        )

    def create_session(
        self,
        connection: Connection,
        parent: str,
        duration_s: int,
        *,
        purpose: str | None = None,
        claims: Claims | None = None,
    ) -> SessionCredentials:
        """Temporary credentials from the lasting key `parent`, for its operator; they end with it.

        Args:
            purpose: that they are for; without one that of `parent`.
            claims: what they attest; sealed at rest.

        Raises:
            AccessDeniedException: `parent` is itself temporary, revoked or unknown.
        """
        access_key_id, secret, token = new_access_key_id("ASIA"), new_secret(), new_session_token()
        connection.execute(_QUERIES["forget_ended_sessions"], {"parent": parent})
        row = connection.execute(
            _QUERIES["create_session"],
            {
                "access_key_id": access_key_id,
                "sealed_secret": self._keys.seal(
                    secret.encode(), context=secret_context(access_key_id), within=connection
                ),
                "digest": session_token_digest(token),
                "parent": parent,
                "duration": timedelta(seconds=duration_s),
                "purpose": purpose,
                "sealed_claims": self._seal_claims(connection, access_key_id, claims),
            },
        ).fetchone()
        if row is None:
            named = "GetSessionToken" if purpose is None else "AssumePurpose"
            raise AccessDeniedException(f"Cannot call {named} with session credentials")
        return SessionCredentials(access_key_id, secret, token, row[0])

    def _seal_claims(self, connection: Connection, access_key_id: str, claims: Claims | None) -> bytes | None:
        if claims is None:
            return None
        told = json.dumps(asdict(claims)).encode()
        return self._keys.seal(told, context=claims_context(access_key_id), within=connection)

    def _unseal_claims(self, access_key_id: str, sealed: bytes | None) -> Claims:
        if sealed is None:
            return Claims()
        opened = self._keys.unseal(bytes(sealed), context=claims_context(access_key_id))
        return Claims(**json.loads(opened))

    def forget_in_log(self, account_id: str) -> None:
        """Destroy the key that says whom the account's entries in the log are about: for good.

        The entries stay, provable as before; nobody can tell any more whose they are or what their
        commitments are over. That it was done is an entry.

        Raises:
            ResourceNotFoundException: there is no such account.
        """
        account = self.require_account(account_id)
        with self._database.transaction() as connection:
            pseudonym = self._audit.keys.account(account.account_id).pseudonym("account", account_id)
            record_statement(connection, "key.shredded", {"account": pseudonym.hex()})
            note_account(connection, account_id)
        self._audit.keys.forget_account(account_id)

    @contextmanager
    def _changing(
        self,
        operation: str,
        account_id: str,
        resource: str | None = None,
        connection: Connection | None = None,
    ) -> Iterator[Connection]:
        """The given transaction, or one of our own with an event of its own."""
        if connection is not None:
            yield connection
            return
        with self._database.transaction() as own:
            yield own
            self._audit.record_change(own, operation, account_id=account_id, resource=resource)
