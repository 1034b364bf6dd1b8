"""Invitations taken up, however somebody signs in from then on; and the end of all that an operator held."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from countenance.errors import AccessDeniedException
from countenance.store import Connection, load_queries

QUERIES: Final = load_queries("countenance.accounts", "operators.sql")


def invitation_digest(code: str) -> bytes:
    """What is kept of an invitation: it is random, so a plain hash cannot be guessed back."""
    return hashlib.sha256(code.encode()).digest()


def take_invitation(connection: Connection, digest: bytes, **means: Any) -> str:
    """Take up an invitation, in the given transaction; whose it is.

    What they signed in with before ends, with every key and session: somebody is invited anew because it is
    lost, or is in other hands.

    Args:
        means: what they sign in with from now on, of a password with codes or an identity.

    Raises:
        AccessDeniedException: it was used, replaced, or has ended.
    """
    nothing: dict[str, Any] = {"password_hash": None, "sealed_totp": None, "totp_step": 0}
    nothing |= {"issuer": None, "subject": None}
    row = connection.execute(QUERIES["take_invitation"], nothing | means | {"digest": digest}).fetchone()
    if row is None:
        raise no_invitation()
    end_access(connection, row[0])
    operator_id: str = row[0]
    return operator_id


def no_invitation() -> AccessDeniedException:
    return AccessDeniedException("the invitation was used, replaced, or has ended: ask for a new one")


def end_access(connection: Connection, operator_id: str) -> None:
    """Revoke every key and end every session of an operator, in the given transaction."""
    connection.execute(QUERIES["end_operators_keys"], {"operator_id": operator_id})
    connection.execute(QUERIES["end_operators_sessions"], {"operator_id": operator_id})
