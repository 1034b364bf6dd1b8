"""The patrol: runs every detector over what accounts did of late, and opens what they find."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from countenance.accounts import Actor, Governance
from countenance.accounts.relations import Relation
from countenance.conduct.cases import cases_used, shared_cases
from countenance.conduct.detectors import DETECTORS
from countenance.conduct.examined import examined_since, read_examined
from countenance.conduct.findings import Findings
from countenance.conduct.observations import QUERIES, Look, Observations
from countenance.conduct.stamping import LOOKED_BACK as EXAMINED_BACK
from countenance.conduct.suspicion import DAY, About, Holding, Suspicion
from countenance.policy import Purpose
from countenance.store import BROKEN, CONTENTION, Connection, Database, KeyStore, StoreUnavailable

Opened = tuple[str, UUID, Suspicion]
"""Account, finding, and what was suspected."""

LOOKED_BACK: Final = 2 * DAY
"""Detectors look through windows of a day; each that ends within the last day is whole."""
KEPT: Final = timedelta(days=35)
"""Observations are for the patrol, and not for good: the log is."""
MOST_SUSPICIONS: Final = 100
"""Of one detector in one look at one account: more say nothing that these do not."""
SETTLED: Final = timedelta(minutes=1)
"""A call is stamped before it is committed: behind this no older one comes to light."""
LONG_S: Final = 1.0
SHARE: Final = 20
"""An account that took longer than LONG_S to look at is left alone for so many times as long: however much
there is of it, it takes the patrol a twentieth of a core."""


@dataclass(frozen=True, slots=True)
class _Looked:
    """What is remembered of an account between rounds.

    Attributes:
        newest: its newest observation then; None to look again in any case, because it was so new that others
            may have come in beside it, or because something failed.
        cases: what `cases_used` gave.
        again_s: when it may be looked at again, on the patrol's clock.
    """

    newest: datetime | None
    cases: Mapping[str, str]
    again_s: float


class Patrol:
    """Thread-safe; of several processes on one database one patrols and the others find it at work.

    What cannot be looked at (damaged rows, a detector that fails) is told and passed over: it stops neither
    the other detectors nor the other accounts. Holds one connection while it works.
    """

    def __init__(
        self,
        database: Database,
        keys: KeyStore,
        governance: Governance,
        findings: Findings,
        purposes: Mapping[str, Purpose],
        *,
        tell: Callable[[str], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`tell`: where what was passed over is told; standard error by default."""
        self._database = database
        self._governance = governance
        self._findings = findings
        self._purposes = purposes
        self._observations = Observations(database, keys, purposes)
        self._tell = tell or _to_standard_error
        self._clock = clock
        self._looked: dict[str, _Looked] = {}
        self._failures = 0

    def run(self, now: datetime | None = None, *, account_id: str | None = None) -> list[Opened]:
        """One round: what was opened in it. Findings that nobody confirmed in time lapse first.

        An account in which nothing happened since it was last looked at is not looked at again, and one that
        took long not at once.

        Args:
            account_id: look at this account alone, and in any case; cases that it shares with others are not
            seen.

        Raises:
            StoreUnavailable: the database cannot be asked.
        """
        moment = now or datetime.now(UTC)
        self._findings.lapse(moment)
        relations = self._governance.relations.list()
        with self._database.read() as connection, _alone(connection) as is_alone:
            if not is_alone:
                return []
            opened = self._round(connection, relations, moment, account_id)
            connection.execute(QUERIES["forget_observations"], {"before": moment - KEPT})
        return opened

    def _round(
        self, connection: Connection, relations: Sequence[Relation], now: datetime, only: str | None
    ) -> list[Opened]:
        rows = connection.execute(QUERIES["list_account_ids"]).fetchall()
        accounts = [account_id for (account_id,) in rows if only in {None, account_id}]
        active = self._observations.active(connection, accounts, now - DAY)
        for account_id, at in examined_since(connection, accounts, now - DAY).items():
            active[account_id] = max(at, active.get(account_id, at))
        opened: list[Opened] = []
        for account_id, newest in active.items():
            looked = self._looked.get(account_id)
            is_due = looked is None or (looked.newest != newest and self._clock() >= looked.again_s)
            if is_due or only is not None:
                with self._passing_over(f"account {account_id}"):
                    opened += self._look_at(connection, account_id, relations, newest, now)
        self._looked = {each: looked for each, looked in self._looked.items() if only or each in active}
        if only is None:
            with self._passing_over("cases that accounts share"):
                used = {account_id: looked.cases for account_id, looked in self._looked.items()}
                related = {frozenset((each.upstream, each.downstream)) for each in relations if each.in_force}
                for account_id, suspicion in shared_cases(used, related, self._observations.reference):
                    opened += self._open(connection, account_id, [suspicion])
        return opened

    def _look_at(
        self,
        connection: Connection,
        account_id: str,
        relations: Sequence[Relation],
        newest: datetime,
        now: datetime,
    ) -> list[Opened]:
        began_s, failures = self._clock(), self._failures
        look = self._observations.read(connection, account_id, now - LOOKED_BACK)
        if look.passed_over:
            self._tell(f"{look.passed_over} observations of account {account_id} do not open")
        reviews, examined = read_examined(connection, account_id, now - EXAMINED_BACK)
        about = About(
            account=account_id,
            purposes=self._purposes,
            reference=lambda value: self._observations.reference(account_id, value),
            declared_downstream=any(each.upstream == account_id and each.in_force for each in relations),
            holdings=self._holdings(connection, account_id, relations),
            reviews=reviews,
            examined=examined,
        )
        opened: list[Opened] = []
        for name, suspicions in self._detect(look, about):
            with self._passing_over(f"{name} of account {account_id}"):
                opened += self._open(connection, account_id, suspicions)
        took_s = self._clock() - began_s
        self._looked[account_id] = _Looked(
            newest if newest < now - SETTLED and self._failures == failures else None,
            cases_used(look.observed, about),
            self._clock() + (SHARE * took_s if took_s > LONG_S else 0.0),
        )
        return opened

    def _detect(self, look: Look, about: About) -> Iterator[tuple[str, Sequence[Suspicion]]]:
        for name, detector in DETECTORS.items():
            found: Sequence[Suspicion] = ()
            with self._passing_over(f"{name} of account {about.account}"):
                found = detector(look.observed, about)
            yield name, found[:MOST_SUSPICIONS]

    def _open(self, connection: Connection, account_id: str, suspicions: Sequence[Suspicion]) -> list[Opened]:
        """Each in a transaction of its own, on the patrol's connection: a pool of one is enough."""
        opened: list[Opened] = []
        for suspicion in suspicions:
            with connection.transaction():
                actor = Actor(f"detector:{suspicion.detector}", connection)
                finding_id = self._findings.open(account_id, suspicion, actor=actor)
            if finding_id is not None:
                opened.append((account_id, finding_id, suspicion))
        return opened

    def _holdings(
        self, connection: Connection, account_id: str, relations: Sequence[Relation]
    ) -> list[Holding]:
        """Of the account, of those that act for one another with it, and of its direct suppliers and
        customers.
        """
        in_force = [each for each in relations if each.in_force]
        hand = _reached(account_id, [each for each in in_force if each.kind == "acts_for"])
        others = {
            account
            for each in in_force
            for account in (each.upstream, each.downstream)
            if account_id in {each.upstream, each.downstream}
        }
        values = {"account_ids": sorted(hand | others)}
        return [
            Holding(
                collection=collection,
                purpose=purpose,
                kind=kind,
                faces=faces,
                cap=self._purposes[purpose].face_cap,
                account=owner,
                is_one_hand=owner in hand,
            )
            for owner, collection, purpose, kind, faces in connection.execute(
                QUERIES["list_holdings"], values
            ).fetchall()
            if purpose in self._purposes
        ]

    @contextmanager
    def _passing_over(self, what: str) -> Iterator[None]:
        """Go on behind whatever fails inside, unless it is the database; its message may quote what it
        met.
        """
        try:
            yield
        except Exception as error:
            if isinstance(error, (StoreUnavailable, *BROKEN)) and not isinstance(error, CONTENTION):
                raise
            self._failures += 1
            self._tell(f"the patrol passed over {what}: {type(error).__name__}")


def _reached(account_id: str, relations: Sequence[Relation]) -> set[str]:
    """Every account that the relations join with this one, itself included."""
    reached, fresh = {account_id}, {account_id}
    while fresh:
        fresh = {
            other
            for each in relations
            for one, other in ((each.upstream, each.downstream), (each.downstream, each.upstream))
            if one in fresh
        } - reached
        reached |= fresh
    return reached


@contextmanager
def _alone(connection: Connection) -> Iterator[bool]:
    """Whether nobody else patrols; nobody else begins until this ends."""
    row = connection.execute(QUERIES["try_patrol"]).fetchone()
    if row != (True,):
        yield False
        return
    try:
        yield True
    finally:
        connection.execute(QUERIES["end_patrol"])


def _to_standard_error(message: str) -> None:
    sys.stderr.write(f"{message}\n")
