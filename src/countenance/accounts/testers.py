"""Testers: accounts of independent auditors, who can test the pipeline and do nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from countenance.accounts.changing import QUERIES, Actor, Changing
from countenance.accounts.officers import find_house
from countenance.accounts.records import NewAccessKey
from countenance.accounts.register import Accounts
from countenance.errors import InvalidParameterException, ResourceNotFoundException
from countenance.types import AccountId

MOST_DAYS: Final = 366
"""For so long a tester may be added at once; then somebody decides again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What one tester may use of the server.

    Attributes:
        samples_an_hour: photos taken within any hour.
        tests_at_once: tests that are there at once, whatever their status.
        most_samples: photos in all, for as long as the tester is one.
    """

    samples_an_hour: int = 2_000
    tests_at_once: int = 3
    most_samples: int = 50_000


@dataclass(frozen=True, slots=True)
class Tester:
    """A tester as it stands; `added_by` is the officer who decided."""

    account_id: AccountId
    name: str
    organisation: str
    added_by: str
    added_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    limits: Allowance
    samples_taken: int

    def status(self, now: datetime) -> str:
        """`ACTIVE`, `EXPIRED` or `REVOKED`."""
        if self.revoked_at is not None:
            return "REVOKED"
        return "ACTIVE" if now < self.expires_at else "EXPIRED"


class Testers:
    """Thread-safe. Each is an account with one key; an account never stops being a tester's."""

    def __init__(self, changing: Changing, accounts: Accounts) -> None:
        self._changing = changing
        self._accounts = accounts

    def list(self) -> list[Tester]:
        """All of them, revoked and expired ones as well, by account."""
        with self._changing.database.read() as connection:
            rows = connection.execute(QUERIES["list_testers"]).fetchall()
        return [_to_tester(*row) for row in rows]

    def require(self, account_id: str) -> Tester:
        """The tester of that account.

        Raises:
            ResourceNotFoundException: there is none.
        """
        found = next((each for each in self.list() if each.account_id == account_id), None)
        if found is None:
            raise ResourceNotFoundException(f"there is no tester `{account_id}`")
        return found

    def add(
        self,
        name: str,
        organisation: str,
        *,
        officer: str,
        expires_at: datetime,
        limits: Allowance,
        actor: Actor,
    ) -> NewAccessKey:
        """A new tester, and its key, whose secret is told now and never again.

        Raises:
            InvalidParameterException: no name, no end, an end too far away, or a limit of nothing.
            ResourceNotFoundException: this server has no account of its own yet.
        """
        name, organisation = name.strip(), organisation.strip()
        _require_sound(name, organisation, expires_at, limits)
        with self._changing.reading(actor) as connection:
            house = find_house(connection)
        if house is None:
            raise ResourceNotFoundException("this server has no account of its own yet")
        told = f"{name}, {organisation}, until {expires_at.isoformat(timespec='seconds')}, by {officer}"
        with self._changing("AddTester", house, actor, resource=told) as connection:
            account = self._accounts.create_account(name, connection=connection)
            connection.execute(
                QUERIES["add_tester"],
                {
                    "account_id": account.account_id,
                    "organisation": organisation,
                    "added_by": officer,
                    "expires_at": expires_at,
                    "samples_an_hour": limits.samples_an_hour,
                    "tests_at_once": limits.tests_at_once,
                    "most_samples": limits.most_samples,
                },
            )
            key = self._accounts.create_access_key(account.account_id, operator=name, connection=connection)
            self._changing.record(connection, "AddTester", account.account_id, actor, resource=told)
        return key

    def revoke(self, account_id: str, *, officer: str, actor: Actor) -> None:
        """End a tester and its keys, at once and for good; again is no error.

        Raises:
            ResourceNotFoundException: there is no such tester.
        """
        tester = self.require(account_id)
        with self._changing.reading(actor) as connection:
            house = find_house(connection)
        assert house is not None, "a tester was added by an officer of the house"
        told = f"{tester.name}, {tester.organisation}, by {officer}"
        with self._changing("RevokeTester", house, actor, resource=told) as connection:
            connection.execute(QUERIES["revoke_tester"], {"account_id": account_id})
            connection.execute(QUERIES["revoke_testers_keys"], {"account_id": account_id})
            self._changing.record(connection, "RevokeTester", account_id, actor, resource=told)


def _to_tester(*row: Any) -> Tester:
    account_id, name, organisation, added_by, added_at, expires_at, revoked_at, *limits, taken = row
    samples_an_hour, tests_at_once, most_samples = limits
    return Tester(
        account_id=account_id,
        name=name,
        organisation=organisation,
        added_by=added_by,
        added_at=added_at,
        expires_at=expires_at,
        revoked_at=revoked_at,
        limits=Allowance(
            samples_an_hour=samples_an_hour, tests_at_once=tests_at_once, most_samples=most_samples
        ),
        samples_taken=taken,
    )


def _require_sound(name: str, organisation: str, expires_at: datetime, limits: Allowance) -> None:
    if not name or not organisation or max(len(name), len(organisation)) > 128:
        raise InvalidParameterException("a tester has a name and an organisation, of 1 to 128 characters")
    now = datetime.now(UTC)
    if not now < expires_at <= now + timedelta(days=MOST_DAYS):
        raise InvalidParameterException(f"a tester ends within {MOST_DAYS} days, and not before now")
    if min(limits.samples_an_hour, limits.tests_at_once, limits.most_samples) < 1:
        raise InvalidParameterException("a tester's limits are 1 or more")
