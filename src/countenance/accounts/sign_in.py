"""How operators sign in to the console: a password and a one-time code (RFC 6238), and then a session.

A session is a random number that the browser holds. We keep its digest, and the personal access key that the
console calls the gateway with, sealed: no page ever has a key in it.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from countenance.accounts.changing import Actor, Changing
from countenance.accounts.invitations import QUERIES, invitation_digest, no_invitation, take_invitation
from countenance.accounts.one_time_codes import step_of, totp
from countenance.accounts.operators import create_personal_key
from countenance.accounts.passwords import LEAST_PASSWORD, MOST_PASSWORD, NOBODYS, fits, hash_password
from countenance.accounts.sealed import console_context, totp_context
from countenance.errors import AccessDeniedException, InvalidParameterException
from countenance.store import Connection, KeyStore, UniqueViolation
from countenance.types import AccountId

LASTS: Final = timedelta(hours=12)
IDLE: Final = timedelta(minutes=30)
_FREE_FAILURES: Final = 4
"""So many wrong tries cost nothing but themselves; each one more locks for twice as long as the last."""
_FIRST_LOCK: Final = timedelta(seconds=15)
_LONGEST_LOCK: Final = timedelta(hours=1)
_REFUSED: Final = "account, operator, password and code do not go together, or there were too many tries"


@dataclass(frozen=True, slots=True)
class SessionKeys:
    """What a session calls the gateway with.

    Attributes:
        taken_on: credentials of purposes that were taken on, by purpose: id, secret, token, end.
    """

    access_key_id: str
    secret: str = field(repr=False)
    taken_on: dict[str, tuple[str, str, str, str]] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleSession:
    """A browser that is signed in, as the database has it now."""

    digest: str = field(repr=False)
    operator_id: str
    account_id: AccountId
    account_name: str
    operator: str
    roles: frozenset[str]
    is_house: bool
    created_at: datetime
    expires_at: datetime
    keys: SessionKeys = field(repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who an OpenID provider says somebody is: issuer, and its name for them, which nobody else ever gets."""

    issuer: str
    subject: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an invited operator needs to set up one-time codes: for their own eyes."""

    operator_id: str
    account_id: AccountId
    name: str
    secret: str = field(repr=False)
    uri: str = field(repr=False)


class SignIns:
    """Thread-safe. Every sign-in, sign-out and refused try of an operator that there is leaves an event."""

    def __init__(
        self, changing: Changing, keys: KeyStore, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._changing = changing
        self._keys = keys
        self._clock = clock

    def invited(self, code: str) -> Enrolment | None:
        """Who holds an invitation, and the secret of their one-time codes to be; None for nobody."""
        with self._changing.database.read() as connection:
            row = connection.execute(QUERIES["find_invited"], {"digest": invitation_digest(code)}).fetchone()
        if row is None:
            return None
        operator_id, account_id, name = row
        codes = totp(self._invited_secret(code))
        uri = codes.get_provisioning_uri(f"{account_id} {name}", "Countenance")
        secret = uri.partition("secret=")[2].partition("&")[0]
        return Enrolment(operator_id, AccountId(account_id), name, secret, uri)

    def take_up(self, code: str, *, password: str, one_time_code: str) -> tuple[AccountId, str]:
        """Choose a password, and show that the one-time codes are set up; whose it is.

        Raises:
            InvalidParameterException: the password is too short or too long, or the code is wrong.
            AccessDeniedException: there is no such invitation any more.
        """
        if not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD:
            raise InvalidParameterException(f"a password has {LEAST_PASSWORD} to {MOST_PASSWORD} characters")
        found = self.invited(code)
        if found is None:
            raise no_invitation()
        secret = self._invited_secret(code)
        step = step_of(secret, one_time_code, self._clock(), after=0)
        if step is None:
            raise InvalidParameterException("the one-time code is wrong: is your device's clock right?")
        actor, digest, hashed = Actor(found.name), invitation_digest(code), hash_password(password)
        with self._changing("TakeUpInvitation", found.account_id, actor, named=True) as connection:
            row = connection.execute(QUERIES["find_invited"], {"digest": digest}).fetchone()
            if row is None:
                raise no_invitation()
            values = {
                "password_hash": hashed,
                "sealed_totp": self._keys.seal(secret, context=totp_context(row[0]), within=connection),
                "totp_step": step,
            }
            take_invitation(connection, digest, **values)
        return found.account_id, found.name

    def sign_in(self, account_id: str, name: str, *, password: str, one_time_code: str) -> str:
        """A new session's number, for the browser alone.

        Raises:
            AccessDeniedException: account, operator, password and code do not belong together, or there were
                too many tries. It does not say which, and takes as long whatever it is.
        """
        account_id, name, now = account_id.strip(), name.strip(), self._clock()
        token: str | None = None
        values = {"account_id": account_id, "name": name}
        with self._changing.database.read() as connection:
            seen = connection.execute(QUERIES["find_password"], values).fetchone()
        # A fifth of a second of work: no connection waits for it.
        is_right = fits(password, seen[0] if seen else NOBODYS)
        with self._changing.database.transaction() as connection:
            row = connection.execute(QUERIES["lock_for_sign_in"], values).fetchone()
            if row is not None and seen is not None:
                is_right = is_right and row[3] == seen[0]  # it may have been changed meanwhile
                token = self._judge(connection, row, is_right=is_right, one_time_code=one_time_code, now=now)
                is_locked = row[7] is not None and row[7] > now
                # Within a lock a try leaves nothing: guessing must not fill the log.
                if token or not is_locked:
                    operation = "SignIn" if token else "RefuseSignIn"
                    self._changing.record(connection, operation, row[1], Actor(row[2]), named=True)
        if token is None:
            raise AccessDeniedException(_REFUSED)
        return token

    def take_up_by_identity(self, code: str, identity: Identity) -> str:
        """Bind an account of a provider to the operator who holds an invitation; a session's number.

        Raises:
            AccessDeniedException: the invitation is gone, or the identity is somebody else's here.
        """
        found = self.invited(code)
        if found is None:
            raise no_invitation()
        digest, actor = invitation_digest(code), Actor(found.name)
        try:
            with self._changing("TakeUpInvitation", found.account_id, actor, named=True) as connection:
                operator_id = take_invitation(
                    connection, digest, issuer=identity.issuer, subject=identity.subject
                )
                return self.open_session(connection, operator_id)
        except UniqueViolation:
            raise AccessDeniedException("that account belongs to another operator of this server") from None

    def sign_in_by_identity(self, identity: Identity) -> str:
        """A new session's number for whoever a provider says is there.

        Raises:
            AccessDeniedException: no operator of this server is bound to that identity.
        """
        values = {"issuer": identity.issuer, "subject": identity.subject}
        with self._changing.database.transaction() as connection:
            row = connection.execute(QUERIES["find_by_identity"], values).fetchone()
            if row is None:
                raise AccessDeniedException(
                    "that account is nobody's here: take up an invitation with it first"
                )
            token = self.open_session(connection, row[0])
            self._changing.record(connection, "SignIn", row[1], Actor(row[2]), named=True)
        return token

    def _judge(
        self, connection: Connection, row: Any, *, is_right: bool, one_time_code: str, now: datetime
    ) -> str | None:
        operator_id, _, _, _, sealed, last_step, failures, locked_until = row
        secret = self._keys.unseal(bytes(sealed), context=totp_context(operator_id))
        step = step_of(secret, one_time_code, now, after=last_step)
        is_locked = locked_until is not None and locked_until > now
        if is_locked or not is_right or step is None:
            if not is_locked:  # else whoever tries on would lock somebody out for good
                failures += 1
                more = min(failures - _FREE_FAILURES, 16)
                lock = min(_FIRST_LOCK * 2 ** (more - 1), _LONGEST_LOCK) if more > 0 else None
                connection.execute(
                    QUERIES["note_failure"],
                    {
                        "operator_id": operator_id,
                        "failures": min(failures, 64),
                        "locked_until": None if lock is None else now + lock,
                    },
                )
            return None
        connection.execute(QUERIES["note_success"], {"operator_id": operator_id, "totp_step": step})
        return self.open_session(connection, operator_id)

    def open_session(self, connection: Connection, operator_id: str) -> str:
        """A session of an operator whose identity was shown, in the given transaction; its number."""
        connection.execute(QUERIES["revoke_ended_sessions"], {"idle": IDLE})
        connection.execute(QUERIES["forget_console_keys"])
        key = create_personal_key(connection, self._keys, operator_id, for_console=True)
        token = secrets.token_urlsafe(32)
        digest = session_digest(token)
        connection.execute(
            QUERIES["create_console_session"],
            {
                "digest": digest,
                "operator_id": operator_id,
                "access_key_id": key.access_key_id,
                "sealed_keys": self._seal(connection, digest, SessionKeys(key.access_key_id, key.secret)),
                "expires_at": self._clock() + LASTS,
            },
        )
        return token

    def find(self, token: str, *, is_used: bool = True) -> ConsoleSession | None:
        """The session of that number, if it is one, has not ended, and its operator is one still.

        Args:
            is_used: whether it is asked for by somebody who is there: that alone puts off its end.
        """
        digest = session_digest(token)
        with self._changing.database.transaction() as connection:
            connection.execute(QUERIES["revoke_ended_sessions"], {"idle": IDLE})
            row = connection.execute(
                QUERIES["find_console_session"], {"digest": digest, "idle": IDLE}
            ).fetchone()
            if row is None:
                return None
            if is_used:
                connection.execute(QUERIES["touch_console_session"], {"digest": digest})
        operator_id, account_id, name, roles, sealed, created_at, _, expires_at, is_house, account_name = row
        told = json.loads(self._keys.unseal(bytes(sealed), context=console_context(digest)))
        taken_on = {purpose: tuple(each) for purpose, each in told["taken_on"].items()}
        return ConsoleSession(
            digest=digest,
            operator_id=operator_id,
            account_id=AccountId(account_id),
            account_name=account_name,
            operator=name,
            roles=frozenset(roles),
            is_house=is_house,
            created_at=created_at,
            expires_at=expires_at,
            keys=SessionKeys(told["access_key_id"], told["secret"], taken_on),
        )

    def keep(self, session: ConsoleSession, keys: SessionKeys) -> None:
        """Keep the credentials of a purpose that a session took on."""
        with self._changing.database.transaction() as connection:
            sealed = self._seal(connection, session.digest, keys)
            connection.execute(
                QUERIES["keep_session_keys"], {"digest": session.digest, "sealed_keys": sealed}
            )

    def end(self, digest: str) -> None:
        """End the session of a browser that has signed in anew; nothing where it has ended."""
        with self._changing.database.read() as connection:
            values = {"digest": digest, "idle": IDLE}
            row = connection.execute(QUERIES["find_console_session"], values).fetchone()
        if row is None:
            return
        _, account_id, name, *_ = row
        with self._changing("SignOut", AccountId(account_id), Actor(name), named=True) as connection:
            connection.execute(QUERIES["end_console_session"], {"digest": digest})

    def sign_out(self, session: ConsoleSession) -> None:
        """End a session and its key; again is no error."""
        actor = Actor(session.operator)
        with self._changing("SignOut", session.account_id, actor, named=True) as connection:
            connection.execute(QUERIES["end_console_session"], {"digest": session.digest})

    def _seal(self, connection: Connection, digest: str, keys: SessionKeys) -> bytes:
        told = {"access_key_id": keys.access_key_id, "secret": keys.secret, "taken_on": keys.taken_on}
        return self._keys.seal(json.dumps(told).encode(), context=console_context(digest), within=connection)

    def _invited_secret(self, code: str) -> bytes:
        """Of the codes that go with an invitation: it is the same each time its page is looked at."""
        key = self._keys.derive("one-time codes of invitations")
        return hashlib.blake2b(code.encode(), key=key, digest_size=20).digest()


def session_digest(token: str) -> str:
    """What is kept of a session's number."""
    return hashlib.sha256(token.encode()).hexdigest()
