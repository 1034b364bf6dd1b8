"""What one tester may use of the server: samples an hour and in all, tests at once."""

from __future__ import annotations

from datetime import UTC, datetime
from math import ceil
from typing import Any

from countenance.assurance.independent_records import Room
from countenance.errors import (
    ResourceNotFoundException,
    ServiceQuotaExceededException,
    ThrottlingException,
)
from countenance.store import Connection, Database, load_queries

_QUERIES = load_queries("countenance.assurance", "independent_tests.sql")


class Limits:
    """Thread-safe. What was taken is counted in the database, for all processes, and outlives the tests."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def room(self, account_id: str) -> Room:
        """What the tester may still use, as of now.

        Raises:
            ResourceNotFoundException: the account is no tester's.
        """
        with self._database.read() as connection:
            return self._room(connection, "find_limits", account_id)

    def hold(self, connection: Connection, account_id: str) -> Room:
        """The same, which stays so until the transaction ends: no other call takes from it meanwhile.

        Raises:
            ResourceNotFoundException: the account is no tester's.
        """
        return self._room(connection, "lock_tester", account_id)

    def use_sample(self, connection: Connection, account_id: str) -> None:
        """Take one sample."""
        connection.execute(_QUERIES["use_sample"], {"account_id": account_id})

    def require_sample(self, room: Room) -> None:
        """Raises ThrottlingException: not now; ServiceQuotaExceededException: not at all."""
        if room.in_all < 1:
            raise ServiceQuotaExceededException(
                "as many samples were taken as this tester may send in all: ask an officer of this server"
            )
        if room.this_hour < 1:
            assert room.next_at is not None
            wait_s = max(ceil((room.next_at - datetime.now(UTC)).total_seconds()), 1)
            raise ThrottlingException(
                f"{room.most_an_hour} samples an hour are taken of this tester: the next one at "
                f"{room.next_at.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')}, in {wait_s} s",
                limit="tester",
            )

    def require_test(self, room: Room) -> None:
        """Raises ServiceQuotaExceededException: as many are there as may be."""
        if room.tests < 1:
            raise ServiceQuotaExceededException(
                f"this tester has {room.most_at_once - room.tests} tests, and {room.most_at_once} may be "
                "there at once: delete one (DeleteIndependentTest)"
            )

    def _room(self, connection: Connection, query: str, account_id: str) -> Room:
        values: dict[str, Any] = {"account_id": account_id}
        limits = connection.execute(_QUERIES[query], values).fetchone()
        if limits is None:
            raise ResourceNotFoundException(f"the account `{account_id}` is no tester's")
        an_hour, at_once, in_all = limits
        used = connection.execute(_QUERIES["count_use"], values).fetchone()
        assert used is not None, "a count is always there"
        this_hour, ever, next_at, tests = used
        left = max(an_hour - this_hour, 0)
        return Room(
            this_hour=left,
            in_all=max(in_all - ever, 0),
            tests=max(at_once - tests, 0),
            next_at=next_at if left == 0 else None,
            most_an_hour=an_hour,
            most_at_once=at_once,
        )
