"""Who shows an enrolment code is known for the faces that it was given for, and for no others."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from countenance.accounts import Actor
from countenance.accounts.changing import Changing
from countenance.audit import record_statement
from countenance.errors import ResourceNotFoundException, ThrottlingException
from countenance.gallery import Collection
from countenance.rights.codes import draw_code, parse_code
from countenance.rights.records import Identified, Scope
from countenance.store import Connection, Database, KeyStore, load_queries

QUERIES = load_queries("countenance.rights", "queries.sql")

WRONG_WITHIN: Final = timedelta(hours=1)
MOST_WRONG: Final = 10
"""Wrong codes from one place within that time: who mistypes is told so before it counts."""


class EnrolmentCodes:
    """Thread-safe; any number of processes.

    Of a code only a keyed hash is kept: whoever reads the database cannot show one.
    """

    def __init__(self, changing: Changing, keys: KeyStore) -> None:
        self._changing = changing
        self._keys = keys

    @property
    def _database(self) -> Database:
        return self._changing.database

    def issue(
        self,
        collection: Collection,
        *,
        face_ids: Sequence[UUID] = (),
        user_id: str | None = None,
        issued_by: str,
        actor: Actor,
    ) -> str:
        """A new code for these faces, or for a user's, now and later; told here and never again.

        Every earlier code for the user, or for any of the faces, is no more.

        Raises:
            ResourceNotFoundException: a face or the user is not in the collection.
        """
        code = draw_code()
        with self._changing(
            "IssueEnrolmentCode", collection.account_id, actor, resource=str(code_id := uuid4())
        ) as connection:
            scope = require_scope(connection, collection, face_ids=face_ids, user_id=user_id)
            values = of_scope(scope) | {
                "code_id": code_id,
                "digest": self._digest(parse_code(code)),
                "account_id": collection.account_id,
                "issued_by": issued_by,
            }
            # One at a time in a collection: of two for the same faces the later one counts.
            connection.execute(QUERIES["lock_codes"], values)
            connection.execute(QUERIES["revoke_codes"], values)
            connection.execute(QUERIES["insert_code"], values)
        return code

    def identify(
        self,
        code: str,
        *,
        place: str,
        account_id: str | None = None,
        most_wrong: int = MOST_WRONG,
        is_recorded: bool = False,
    ) -> Identified:
        """Who shows it. Takes the same steps whether it is known or not.

        Args:
            place: from where it is shown: an account, or an address; the limit is each place's.
            account_id: whose codes count; None for everybody's.
            most_wrong: how many of that place's may be wrong within an hour.
            is_recorded: whether the log says that one was wrong, of each place once within an hour; for who
                makes no call that is recorded itself. Neither code nor place is in the entry.

        Raises:
            InvalidParameterException: it is mistyped.
            ResourceNotFoundException: it is not known: never given, no more, or another account's. Which
                of these is not told, so that nobody learns whether somebody is enrolled.
            ThrottlingException: too many that were not known, from this place.
        """
        digest = self._digest(parse_code(code))
        with self._database.transaction() as connection:
            # Counted before it is looked at, and in a transaction of its own: a refused call is rolled back.
            values: dict[str, Any] = {"place": place, "within": WRONG_WITHIN}
            connection.execute(QUERIES["take_turn"], values)
            wrong = connection.execute(QUERIES["count_wrong"], values).fetchone()
            assert wrong is not None, "an aggregate always has a row"
            is_first = wrong[0] == 0
            if wrong[0] >= most_wrong:
                raise ThrottlingException(
                    f"{wrong[0]} codes from here were not known within an hour; try again later"
                )
            row = connection.execute(QUERIES["count_attempt"], values).fetchone()
            assert row is not None, "an insert answers its row"
        with self._database.transaction() as connection:
            found = connection.execute(
                QUERIES["find_code"], {"digest": digest, "account_id": account_id}
            ).fetchone()
            connection.execute(
                QUERIES["settle_attempt"], {"attempt_id": row[0], "was_known": found is not None}
            )
            if found is None and is_first and is_recorded:
                record_statement(connection, "code.unknown", {"most_within_hour": most_wrong})
        if found is None:
            raise ResourceNotFoundException("the code is not known here, or counts no more")
        code_id, account, region, name, collection_id, faces, user_id, made_at = found
        return Identified(
            code_id, account, region, name, Scope(collection_id, tuple(faces), user_id, made_at)
        )

    def forget_attempts(self) -> int:
        """Drop those that no limit looks at any more; how many."""
        with self._database.transaction() as connection:
            return connection.execute(QUERIES["forget_attempts"], {"age": WRONG_WITHIN}).rowcount

    def _digest(self, code: str) -> bytes:
        return hmac.digest(self._keys.derive("enrolment codes"), code.encode(), "sha256")


def require_scope(
    connection: Connection, collection: Collection, *, face_ids: Sequence[UUID], user_id: str | None
) -> Scope:
    """These faces, or the user, as they are there now.

    Raises:
        ResourceNotFoundException: one is not there.
    """
    values = {"collection_id": collection.collection_id, "face_ids": list(face_ids), "user_id": user_id}
    if user_id is not None:
        row = connection.execute(QUERIES["find_user"], values).fetchone()
        if row is None:
            raise ResourceNotFoundException(f"The user id: {user_id} does not exist")
        return Scope(collection.collection_id, (), user_id, row[0])
    asked = tuple(dict.fromkeys(face_ids))
    there = {face_id for (face_id,) in connection.execute(QUERIES["find_faces"], values)}
    missing = next((each for each in asked if each not in there), None)
    if missing is not None:
        raise ResourceNotFoundException(f"The face id: {missing} does not exist")
    return Scope(collection.collection_id, asked)


def faces_of(connection: Connection, scope: Scope) -> list[UUID]:
    """The faces of a scope that are there now, by id."""
    return [face_id for (face_id,) in connection.execute(QUERIES["faces_of_scope"], of_scope(scope))]


def is_user_of_then(connection: Connection, scope: Scope) -> bool:
    """Whether the scope's user is there, and is not somebody else who was given the same id since."""
    if scope.user_id is None:
        return False
    row = connection.execute(QUERIES["find_user"], of_scope(scope)).fetchone()
    return row is not None and row[0] == scope.user_made_at


def of_scope(scope: Scope) -> dict[str, Any]:
    """As statements take it."""
    return {
        "collection_id": scope.collection_id,
        "face_ids": list(scope.face_ids),
        "user_id": scope.user_id,
        "user_made_at": scope.user_made_at,
    }
