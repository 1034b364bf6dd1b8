"""Operators: people who work for an account, each with roles of their own."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from countenance.accounts.changing import Actor, Changing
from countenance.accounts.identifiers import new_access_key_id, new_secret
from countenance.accounts.invitations import QUERIES, end_access, invitation_digest
from countenance.accounts.operator_names import to_operator_name
from countenance.accounts.records import NewAccessKey
from countenance.accounts.sealed import secret_context
from countenance.errors import (
    AccessDeniedException,
    ConflictException,
    InvalidParameterException,
    ResourceNotFoundException,
)
from countenance.store import Connection, ForeignKeyViolation, KeyStore
from countenance.types import AccountId

OPERATOR_ROLES: Final = ("administrator", "auditor", "developer", "examiner", "officer")
INVITED_FOR: Final = timedelta(days=3)
_CODE_BYTES = 20


@dataclass(frozen=True, slots=True)
class Operator:
    """A person who works for an account.

    Attributes:
        can_sign_in: they have taken up an invitation: with a passkey, a password or an account of a provider.
        invited_until: end of an invitation that nobody has taken up.
        vouched_at: since when somebody other than their inviter says that they are a person of their own.
        vouched_by: who does, by name, or `machine`.
        brought_in_by: whose invitation they took up: a name, `machine`, or `unknown`.
    """

    operator_id: str
    account_id: AccountId
    name: str
    roles: tuple[str, ...]
    added_by: str
    added_at: datetime
    can_sign_in: bool
    invited_until: datetime | None
    vouched_at: datetime | None
    vouched_by: str | None
    brought_in_by: str | None


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
            "on_machine": actor.is_machine,
        }
        told = f"{name}: {', '.join(wanted)}"
        try:
            with self._changing("PutOperator", account_id, actor, resource=told) as connection:
                before = connection.execute(QUERIES["lock_operator"], values).fetchone()
                row = connection.execute(QUERIES["put_operator"], values).fetchone()
                assert row is not None
                if before is not None and sorted(before[0]) != wanted:
                    end_access(connection, row[0])
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
            end_access(connection, row[0])

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
            "on_machine": actor.is_machine,
            "inviter": actor.operator_id,
        }
        with self._changing("InviteOperator", account_id, actor, resource=name) as connection:
            row = connection.execute(QUERIES["invite"], values).fetchone()
            if row is None:
                raise _no_operator(name)
        return Invitation(code, row[1])

    def confirm(self, account_id: str, name: str, *, actor: Actor) -> None:
        """Say that an operator is a person of their own, who got in by themselves.

        # INVARIANT: two persons stand behind whoever counts as a second person: who invited them, and who
        # says this, each vouched for themselves. Else one administrator is as many people as they like.

        Raises:
            AccessDeniedException: the caller is nobody's second person here; with who is.
            ConflictException: they are vouched for already, or have not signed in yet.
            ResourceNotFoundException: there is no operator of that name.
        """
        values = {"account_id": account_id, "name": name}
        with self._changing("ConfirmOperator", account_id, actor, resource=name) as connection:
            row = connection.execute(QUERIES["lock_to_vouch"], values).fetchone()
            if row is None:
                raise _no_operator(name)
            operator_id, is_vouched_for, brought_in_by = row
            if is_vouched_for:
                raise ConflictException(f"`{name}` is confirmed already")
            if not actor.is_machine:
                _require_second_person(connection, account_id, operator_id, brought_in_by, actor)
            vouched_by = "machine" if actor.is_machine else actor.operator_id
            connection.execute(QUERIES["vouch"], {"operator_id": operator_id, "vouched_by": vouched_by})

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


def _require_second_person(
    connection: Connection, account_id: str, operator_id: str, brought_in_by: str | None, actor: Actor
) -> None:
    if brought_in_by is None:
        raise ConflictException("they have not taken up an invitation yet: confirm them when they have")
    asked = {"account_id": account_id, "operator_id": actor.operator_id}
    if actor.operator_id is None or connection.execute(QUERIES["is_vouched_for"], asked).fetchone() != (
        True,
    ):
        raise AccessDeniedException(
            "you are not confirmed yourself: another administrator, or `countenance operators confirm` on "
            "the server's machine, does that first"
        )
    if actor.operator_id in {operator_id, brought_in_by}:
        raise AccessDeniedException(
            "nobody confirms themselves or whom they invited: leave it to another administrator, an officer, "
            "or `countenance operators confirm` on the server's machine"
        )
    if brought_in_by == "unknown":
        raise AccessDeniedException(
            "they were invited by somebody who was not confirmed then: invite them anew, or use `countenance "
            "operators confirm` on the server's machine"
        )


def _no_operator(name: str) -> ResourceNotFoundException:
    return ResourceNotFoundException(f"there is no operator `{name}` in this account")


def _to_operator(*row: Any) -> Operator:
    operator_id, account_id, name, roles, added_by, added_at, can_sign_in, invited_until, *vouched = row
    return Operator(
        operator_id=operator_id,
        account_id=AccountId(account_id),
        name=name,
        roles=tuple(roles),
        added_by=added_by,
        added_at=added_at,
        can_sign_in=can_sign_in,
        invited_until=invited_until,
        vouched_at=vouched[0],
        vouched_by=vouched[1],
        brought_in_by=vouched[2],
    )
