"""Operators: people who work for an account, each with roles of their own."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from countenance.accounts.changing import Actor, Changing
from countenance.accounts.identifiers import new_access_key_id, new_secret
from countenance.accounts.operator_names import to_operator_name
from countenance.accounts.records import NewAccessKey
from countenance.accounts.sealed import secret_context
from countenance.errors import InvalidParameterException, ResourceNotFoundException
from countenance.store import Connection, ForeignKeyViolation, KeyStore, load_queries
from countenance.types import AccountId

OPERATOR_ROLES: Final = ("administrator", "auditor", "developer", "examiner", "officer")
INVITED_FOR: Final = timedelta(days=3)
QUERIES = load_queries("countenance.accounts", "operators.sql")
_CODE_BYTES = 20


@dataclass(frozen=True, slots=True)
class Operator:
    """A person who works for an account.

    Attributes:
        can_sign_in: they have taken up an invitation, with a password or with an account of a provider.
        invited_until: end of an invitation that nobody has taken up.
    """

    operator_id: str
    account_id: AccountId
    name: str
    roles: tuple[str, ...]
    added_by: str
    added_at: datetime
    can_sign_in: bool
    invited_until: datetime | None


@dataclass(frozen=True, slots=True)
class Invitation:
    """A code that lets its holder choose a password, once; told now and never again."""

    code: str
    until: datetime


class Operators:
    """Thread-safe. Whoever is removed, or gets other roles, is signed out and has no key any more."""

    def __init__(self, changing: Changing, keys: KeyStore) -> None:
        self._changing = changing
        self._keys = keys

    def list(self, account_id: str) -> list[Operator]:
        """Those of an account, by name."""
        with self._changing.database.read() as connection:
            rows = connection.execute(QUERIES["list_operators"], {"account_id": account_id}).fetchall()
        return [_to_operator(*row) for row in rows]

    def require(self, account_id: str, name: str) -> Operator:
        """The operator of that name.

        Raises:
            ResourceNotFoundException: the account has none.
        """
        with self._changing.database.read() as connection:
            row = connection.execute(
                QUERIES["find_operator"], {"account_id": account_id, "name": name}
            ).fetchone()
        if row is None:
            raise _no_operator(name)
        return _to_operator(*row)

    def put(self, account_id: str, name: str, roles: Collection[str], *, actor: Actor) -> None:
        """Somebody works for the account with these roles; again with others changes them.

        Raises:
            InvalidParameterException: no name (`to_operator_name`), or no role, or one that there is not.
            ResourceNotFoundException: there is no such account.
        """
        name, wanted = to_operator_name(name), sorted(set(roles))
        if not wanted or not set(wanted) <= set(OPERATOR_ROLES):
            raise InvalidParameterException(f"an operator has roles of {', '.join(OPERATOR_ROLES)}")
        values = {
            "account_id": account_id,
            "name": name,
            "roles": wanted,
            "added_by": actor.name[:128] or "unknown",
        }
        told = f"{name}: {', '.join(wanted)}"
        try:
            with self._changing("PutOperator", account_id, actor, resource=told) as connection:
                before = connection.execute(QUERIES["lock_operator"], values).fetchone()
                row = connection.execute(QUERIES["put_operator"], values).fetchone()
                assert row is not None
                if before is not None and sorted(before[0]) != wanted:
                    _end_keys(connection, row[0])
        except ForeignKeyViolation:
            raise ResourceNotFoundException(f"there is no account `{account_id}`") from None

    def remove(self, account_id: str, name: str, *, actor: Actor) -> None:
        """Somebody works for the account no more.

        Raises:
            ResourceNotFoundException: there is no operator of that name.
        """
        with self._changing("RemoveOperator", account_id, actor, resource=name) as connection:
            row = connection.execute(
                QUERIES["remove_operator"], {"account_id": account_id, "name": name}
            ).fetchone()
            if row is None:
                raise _no_operator(name)
            _end_keys(connection, row[0])

    def invite(self, account_id: str, name: str, *, actor: Actor) -> Invitation:
        """A code with which somebody chooses a password; an earlier one ends. What they had stays till then.

        Raises:
            ResourceNotFoundException: there is no operator of that name.
        """
        code = secrets.token_urlsafe(_CODE_BYTES)
        values = {
            "account_id": account_id,
            "name": name,
            "digest": invitation_digest(code),
            "lasts": INVITED_FOR,
        }
        with self._changing("InviteOperator", account_id, actor, resource=name) as connection:
            row = connection.execute(QUERIES["invite"], values).fetchone()
            if row is None:
                raise _no_operator(name)
        return Invitation(code, row[1])

    def create_key(self, account_id: str, name: str, *, actor: Actor) -> NewAccessKey:
        """A lasting personal key, for programs of theirs. Not offered over the network.

        Raises:
            ResourceNotFoundException: there is no operator of that name.
        """
        operator = self.require(account_id, name)
        with self._changing("CreateAccessKey", account_id, actor, resource=name) as connection:
            return create_personal_key(connection, self._keys, operator.operator_id, for_console=False)


def create_personal_key(
    connection: Connection, keys: KeyStore, operator_id: str, *, for_console: bool
) -> NewAccessKey:
    """A key that is one person's, in the given transaction.

    Raises:
        ResourceNotFoundException: they were removed meanwhile.
    """
    access_key_id, secret = new_access_key_id("AKIA"), new_secret()
    sealed = keys.seal(secret.encode(), context=secret_context(access_key_id), within=connection)
    row = connection.execute(
        QUERIES["create_personal_key"],
        {
            "access_key_id": access_key_id,
            "sealed_secret": sealed,
            "operator_id": operator_id,
            "for_console": for_console,
        },
    ).fetchone()
    if row is None:
        raise ResourceNotFoundException("the operator was removed")
    created_at, account_id, name = row
    return NewAccessKey(access_key_id, secret, AccountId(account_id), name, created_at)


def invitation_digest(code: str) -> bytes:
    """What is kept of an invitation: it is random, so a plain hash cannot be guessed back."""
    return hashlib.sha256(code.encode()).digest()


def _end_keys(connection: Connection, operator_id: str) -> None:
    connection.execute(QUERIES["end_operators_keys"], {"operator_id": operator_id})
    connection.execute(QUERIES["end_operators_sessions"], {"operator_id": operator_id})


def _no_operator(name: str) -> ResourceNotFoundException:
    return ResourceNotFoundException(f"there is no operator `{name}` in this account")


def _to_operator(*row: Any) -> Operator:
    operator_id, account_id, name, roles, added_by, added_at, can_sign_in, invited_until = row
    return Operator(
        operator_id=operator_id,
        account_id=AccountId(account_id),
        name=name,
        roles=tuple(roles),
        added_by=added_by,
        added_at=added_at,
        can_sign_in=can_sign_in,
        invited_until=invited_until,
    )
