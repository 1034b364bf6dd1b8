"""What policy needs to know of an account, in one statement before every decision."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from countenance.accounts.changing import QUERIES, Changing
from countenance.facts import AccountFacts, Upstream
from countenance.store import Connection
from countenance.terms import Acceptance, Terms
from countenance.types import AccountId

_RECOUNT_PER_S = 100_000
"""Rows that may be counted for each second that a count is used: a large count is kept longer."""
_MOST_COUNTS = 10_000


@dataclass(frozen=True, slots=True)
class Read:
    """Facts, and by which policies they are to be judged.

    Attributes:
        epoch: number of the set of packs in use, as of the same statement.
    """

    account: AccountFacts
    epoch: int


class FactsReader:
    """Thread-safe. Nothing of an account is remembered between calls: what changed is seen at once."""

    def __init__(
        self, changing: Changing, terms: Terms, *, first_seen: dict[tuple[str, str], datetime]
    ) -> None:
        """`first_seen`: when this server first had each version of the terms."""
        self._changing = changing
        self._terms = terms
        self.first_seen = first_seen

    def reading(self) -> AbstractContextManager[Connection]:
        """A connection to read with."""
        return self._changing.database.read()

    def read(
        self,
        connection: Connection,
        account_id: str,
        *,
        operator: str,
        beneficiary: str | None,
        now: datetime,
    ) -> Read | None:
        """None if there is no such account."""
        values = {"account_id": account_id, "operator": operator, "beneficiary": beneficiary}
        row = connection.execute(QUERIES["read_facts"], values).fetchone()
        if row is None:
            return None
        standing, effective, profile, accepted, purposes, records, above, trained, *served, epoch = row
        barred, serves, beneficiaries, is_tester = served
        terms = self._terms.judge(
            (Acceptance(*each) for each in accepted), now=now, first_seen=self.first_seen
        )
        edges: dict[str, set[str]] = {}
        for upstream, downstream, _ in above:
            edges.setdefault(downstream, set()).add(upstream)
        standings = {upstream: standing_of for upstream, _, standing_of in above}
        facts = AccountFacts(
            account_id=AccountId(account_id),
            standing=standing,
            effective_standing=effective,
            profile=profile,
            terms_accepted=terms.accepted,
            terms_wanted=str(terms),
            purposes=frozenset(purposes),
            records=frozenset(records),
            parents=_ids(edges.get(account_id)),
            upstream=tuple(
                Upstream(AccountId(other), standing_of, _ids(edges.get(other)))
                for other, standing_of in sorted(standings.items())
            ),
            beneficiary_barred=barred,
            beneficiaries=frozenset(map(AccountId, beneficiaries)),
            serves=frozenset(serves),
            operator_trained=trained,
            tester=is_tester,
        )
        return Read(facts, epoch)


class CallCounts:
    """How many calls with a face an account made under a purpose within an hour. Thread-safe.

    Counted in the database, and used for a second or (of large counts) a few; what this process lets pass
    meanwhile is added. So a rate is kept to within what others let pass in that time.
    """

    def __init__(self, changing: Changing, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._changing = changing
        self._clock = clock
        self._lock = threading.Lock()
        self._counted: dict[tuple[str, str], tuple[int, float]] = {}

    def calls_last_hour(self, connection: Connection, account_id: str, purpose: str) -> int:
        """The count, with the call that asks not in it."""
        key = (account_id, purpose)
        with self._lock:
            count, until = self._counted.get(key, (0, -1.0))
            if self._clock() < until:
                self._counted[key] = (count + 1, until)
                return count
        pseudonym = self._changing.audit.keys.account(account_id).pseudonym("account", account_id)
        row = connection.execute(
            QUERIES["count_calls"], {"account": pseudonym, "purpose": purpose}
        ).fetchone()
        assert row is not None
        count = int(row[0])
        with self._lock:
            if len(self._counted) >= _MOST_COUNTS:
                self._counted.clear()
            self._counted[key] = (count + 1, self._clock() + max(1.0, count / _RECOUNT_PER_S))
        return count


def _ids(found: set[str] | None) -> tuple[AccountId, ...]:
    return tuple(AccountId(each) for each in sorted(found or ()))
