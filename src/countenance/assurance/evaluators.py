"""Evaluators: whose signature on an evaluation counts, by an officer's decision, which the log has.

Everything happens in the caller's transaction.
"""

from __future__ import annotations

import hashlib
from typing import Final

from countenance.assurance.evaluation_records import Evaluator
from countenance.assurance.signed_evaluation import EvaluationInvalid, parse_evaluator
from countenance.audit import record_statement
from countenance.errors import ConflictException, InvalidParameterException, ResourceNotFoundException
from countenance.store import Connection, load_queries

MOST_REASON: Final = 2048
_MOST_NAME: Final = 128
_QUERIES = load_queries("countenance.assurance", "evaluations.sql")


def trust_evaluator(
    connection: Connection, vkey: str, *, name: str, independent: bool, reason: str, by: str
) -> None:
    """Have what the holder of a key signs count from now on.

    Raises:
        InvalidParameterException: no key, no name or no reason.
        ConflictException: the name or the key was trusted before; what was revoked is not trusted again.
    """
    try:
        key = parse_evaluator(vkey).public_key
    except EvaluationInvalid as error:
        raise InvalidParameterException(f"`{vkey}` cannot be trusted: {error}") from None
    values = {
        "vkey": vkey,
        "name": require_words(name, "a name", _MOST_NAME),
        "independent": independent,
        "reason": require_words(reason, "a reason", MOST_REASON),
        "by": by,
    }
    # A vkey is a name and a key: under another name a revoked key would be trusted again.
    connection.execute(_QUERIES["lock_evaluations"])
    known = {parse_evaluator(each.vkey).public_key for each in list_evaluators(connection)}
    if key in known or connection.execute(_QUERIES["trust_evaluator"], values).rowcount == 0:
        raise ConflictException(f"there is or was an evaluator `{values['name']}`, or one of that key")
    record_statement(
        connection, "evaluator.trusted", {"evaluator": pseudonym_of(vkey), "independent": independent}
    )


def list_evaluators(connection: Connection) -> list[Evaluator]:
    """All that were ever trusted, by name."""
    return [Evaluator(*row) for row in connection.execute(_QUERIES["list_evaluators"]).fetchall()]


def revoke_evaluator(connection: Connection, name: str, *, reason: str, by: str) -> None:
    """Have nothing count any more that this evaluator signed, or will.

    Raises:
        ResourceNotFoundException: there is no such evaluator, or it is revoked.
    """
    connection.execute(_QUERIES["lock_evaluations"])
    values = {"name": name, "reason": require_words(reason, "a reason", MOST_REASON), "by": by}
    row = connection.execute(_QUERIES["revoke_evaluator"], values).fetchone()
    if row is None:
        raise ResourceNotFoundException(f"there is no evaluator `{name}` who is trusted")
    record_statement(connection, "evaluator.revoked", {"evaluator": pseudonym_of(row[0])})


def pseudonym_of(vkey: str) -> str:
    """What stands in the log for a key: its name may be a person's."""
    return hashlib.sha256(vkey.encode()).hexdigest()


def require_words(text: str, what: str, most: int) -> str:
    """What somebody wrote, without the space around it.

    Raises:
        InvalidParameterException: it is blank, too long, or not printable.
    """
    text = text.strip()
    if not 0 < len(text) <= most or not text.isprintable():
        raise InvalidParameterException(f"{what} is 1 to {most} printable characters")
    return text
