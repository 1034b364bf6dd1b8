"""Operators' passkeys: signed in with, taken up an invitation with, added, named and removed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from countenance.accounts.authenticators import (
    MadePasskey,
    NotShown,
    Place,
    check_made,
    check_shown,
    read_shown,
)
from countenance.accounts.changing import Actor, Changing
from countenance.accounts.invitations import invitation_digest, no_invitation, take_invitation
from countenance.accounts.sign_in import ConsoleSession, SignIns
from countenance.errors import (
    AccessDeniedException,
    ConflictException,
    InvalidParameterException,
    ResourceNotFoundException,
)
from countenance.store import Connection, UniqueViolation, load_queries

FRESH: Final = timedelta(minutes=10)
"""So long after signing in may somebody change what they sign in with."""
MOST_PASSKEYS: Final = 16
MOST_NAME: Final = 64
QUERIES: Final = load_queries("countenance.accounts", "passkeys.sql")
_NOBODYS: Final = "this passkey signs nobody in here: it was removed, is of another server, or did not hold"
_COPIED: Final = (
    "this passkey may have been copied, as its counter went back, and is not taken any more: sign in another "
    "way and remove it, or have an administrator invite you anew"
)


@dataclass(frozen=True, slots=True)
class Passkey:
    """One of an operator's.

    Attributes:
        place: name of the host that it works at.
        copied_at: when its counter was found to have gone back; it signs nobody in since.
    """

    credential_id: bytes
    place: str
    name: str
    added_at: datetime
    used_at: datetime | None
    copied_at: datetime | None


@dataclass(frozen=True, slots=True)
class Challenge:
    """What an authenticator is to sign: random, for one attempt, in one browser, for a while."""

    value: bytes = field(repr=False)
    ends_at: datetime


class Passkeys:
    """Thread-safe. Every change, sign-in and refusal of a passkey that there is leaves an event."""

    def __init__(self, changing: Changing, sign_ins: SignIns) -> None:
        self._changing = changing
        self._sign_ins = sign_ins

    def list(self, operator_id: str) -> list[Passkey]:
        """Of an operator, the oldest first."""
        with self._changing.database.read() as connection:
            rows = connection.execute(QUERIES["list_passkeys"], {"operator_id": operator_id}).fetchall()
        return [Passkey(bytes(row[0]), *row[1:]) for row in rows]

    def is_fresh(self, session: ConsoleSession) -> bool:
        """Whether its holder has signed in so lately that they may change what they sign in with."""
        with self._changing.database.transaction() as connection:
            row = _lock_session(connection, session)
        return row is not None and bool(row[0])

    def sign_in(self, text: str, place: Place, challenge: Challenge) -> str:
        """A new session's number for whoever's passkey signed the challenge.

        Raises:
            AccessDeniedException: nobody's did.
        """
        try:
            shown = read_shown(text)
        except NotShown:
            raise AccessDeniedException(_NOBODYS) from None
        key = {"credential_id": shown.credential_id}
        with self._changing.database.read() as connection:
            row = connection.execute(QUERIES["find_passkey"], key).fetchone()
        if row is None:
            raise AccessDeniedException(_NOBODYS)
        is_theirs, public_key = row[:2] == (shown.handle, place.name), bytes(row[2])
        try:
            count = check_shown(shown, place, challenge.value, public_key=public_key) if is_theirs else None
        except NotShown:
            count = None
        if count is None:
            self._note_refusal(key)
            raise AccessDeniedException(_NOBODYS)
        with self._changing.database.transaction() as connection:
            token, refused = self._judge(connection, key, challenge, count, checked_with=public_key)
        if token is None:
            raise AccessDeniedException(refused)
        return token

    def take_up(self, code: str, text: str, place: Place, challenge: Challenge, *, name: str) -> str:
        """Take up an invitation with a new passkey; a session's number.

        Raises:
            AccessDeniedException: there is no such invitation any more, or the challenge is spent.
            InvalidParameterException: no authenticator made that passkey for it, or the name is too long.
        """
        made, name = _made(text, place, challenge), _name(name)
        found = self._sign_ins.invited(code)
        if found is None:
            raise no_invitation()
        actor = Actor(found.name)
        try:
            with self._changing("TakeUpInvitation", found.account_id, actor, named=True) as connection:
                self._spend(connection, challenge)
                operator_id = take_invitation(connection, invitation_digest(code))
                _insert(connection, operator_id, made, place, name)
                return self._sign_ins.open_session(connection, operator_id)
        except UniqueViolation:
            raise _known() from None

    def add(
        self, session: ConsoleSession, text: str, place: Place, challenge: Challenge, *, name: str
    ) -> None:
        """A further passkey of somebody who has just signed in.

        Raises:
            AccessDeniedException: that was too long ago, or the challenge is spent.
            ConflictException: they have as many as one may have.
            InvalidParameterException: no authenticator made it for this challenge, or the name is too long.
        """
        made, name, actor = _made(text, place, challenge), _name(name), Actor(session.operator)
        try:
            with self._changing(
                "AddPasskey", session.account_id, actor, resource=name, named=True
            ) as connection:
                self._require_fresh(connection, session)
                self._spend(connection, challenge)
                has = _count(connection, session.operator_id)[1]
                if has >= MOST_PASSKEYS:
                    raise ConflictException(f"you have {has} passkeys, and {MOST_PASSKEYS} is the most")
                _insert(connection, session.operator_id, made, place, name)
        except UniqueViolation:
            raise _known() from None

    def rename(self, session: ConsoleSession, credential_id: bytes, *, name: str) -> None:
        """Call one of one's own something else.

        Raises:
            InvalidParameterException: the name is too long.
            ResourceNotFoundException: it is none of one's own.
        """
        name, actor = _name(name), Actor(session.operator)
        values = {"credential_id": credential_id, "operator_id": session.operator_id, "name": name}
        with self._changing(
            "RenamePasskey", session.account_id, actor, resource=name, named=True
        ) as connection:
            if connection.execute(QUERIES["rename_passkey"], values).fetchone() is None:
                raise _no_passkey()

    def remove(self, session: ConsoleSession, credential_id: bytes) -> None:
        """One of one's own is taken no more, and every other session ends: it may have been lost.

        Raises:
            AccessDeniedException: signing in was too long ago.
            ConflictException: nobody could sign in without it.
            ResourceNotFoundException: it is none of one's own.
        """
        values = {"credential_id": credential_id, "operator_id": session.operator_id}
        actor = Actor(session.operator)
        with self._changing("RemovePasskey", session.account_id, actor, named=True) as connection:
            has_other_means = self._require_fresh(connection, session)
            if connection.execute(QUERIES["remove_passkey"], values).fetchone() is None:
                raise _no_passkey()
            if not has_other_means and _count(connection, session.operator_id)[0] == 0:
                raise ConflictException("that is your last way to sign in: add another passkey first")
            ended = {"operator_id": session.operator_id, "session": session.digest}
            connection.execute(QUERIES["end_other_sessions"], ended)

    def _judge(
        self,
        connection: Connection,
        key: dict[str, Any],
        challenge: Challenge,
        count: int,
        *,
        checked_with: bytes,
    ) -> tuple[str | None, str]:
        row = connection.execute(QUERIES["lock_passkey"], key).fetchone()
        if row is None or bytes(row[3]) != checked_with:  # removed, or made anew, meanwhile
            return None, _NOBODYS
        operator_id, account_id, name, _, last, is_copied = row
        self._spend(connection, challenge)
        actor = Actor(name)
        # An authenticator that counts counts on: if not, two of them have the key.
        goes_on = count > last or count == last == 0
        if is_copied or not goes_on:
            if not is_copied:
                connection.execute(QUERIES["note_copy"], key)
                self._changing.record(connection, "RefuseCopiedPasskey", account_id, actor, named=True)
            return None, _COPIED
        connection.execute(QUERIES["use_passkey"], key | {"sign_count": count})
        token = self._sign_ins.open_session(connection, operator_id)
        self._changing.record(connection, "SignIn", account_id, actor, named=True)
        return token, ""

    def _note_refusal(self, key: dict[str, Any]) -> None:
        with self._changing.database.transaction() as connection:
            row = connection.execute(QUERIES["note_refusal"], key).fetchone()
            if row is not None:
                self._changing.record(connection, "RefuseSignIn", row[0], Actor(row[1]), named=True)

    def _spend(self, connection: Connection, challenge: Challenge) -> None:
        """INVARIANT: in the transaction of what it is for, so that an answer counts once in all processes."""
        connection.execute(QUERIES["forget_challenges"])
        values = {"digest": hashlib.sha256(challenge.value).digest(), "ends_at": challenge.ends_at}
        if connection.execute(QUERIES["spend_challenge"], values).fetchone() is None:
            raise AccessDeniedException("that attempt was made already: begin again")

    def _require_fresh(self, connection: Connection, session: ConsoleSession) -> bool:
        row = _lock_session(connection, session)
        if row is None or not row[0]:
            minutes = FRESH // timedelta(minutes=1)
            raise AccessDeniedException(
                f"passkeys are added and removed within {minutes} minutes of signing in: sign in again first"
            )
        return bool(row[1])


def _lock_session(connection: Connection, session: ConsoleSession) -> tuple[Any, ...] | None:
    values = {"session": session.digest, "operator_id": session.operator_id, "fresh": FRESH}
    return connection.execute(QUERIES["lock_fresh_session"], values).fetchone()


def _count(connection: Connection, operator_id: str) -> tuple[int, int]:
    row = connection.execute(QUERIES["count_passkeys"], {"operator_id": operator_id}).fetchone()
    assert row is not None
    return row[0], row[1]


def _insert(connection: Connection, operator_id: str, made: MadePasskey, place: Place, name: str) -> None:
    connection.execute(
        QUERIES["add_passkey"],
        {
            "credential_id": made.credential_id,
            "operator_id": operator_id,
            "place": place.name,
            "name": name,
            "public_key": made.public_key,
            "sign_count": made.sign_count,
        },
    )


def _made(text: str, place: Place, challenge: Challenge) -> MadePasskey:
    try:
        return check_made(text, place, challenge.value)
    except NotShown:
        raise InvalidParameterException(
            "the browser did not bring a passkey that was made here and now, by somebody who unlocked it: "
            "begin again"
        ) from None


def _name(name: str) -> str:
    name = name.strip() or "Passkey"
    if len(name) > MOST_NAME:
        raise InvalidParameterException(f"a passkey's name has at most {MOST_NAME} characters")
    return name


def _known() -> InvalidParameterException:
    return InvalidParameterException("that passkey is known here already: begin again with another")


def _no_passkey() -> ResourceNotFoundException:
    return ResourceNotFoundException("you have no such passkey any more")
