"""Findings: what was found against an account, what follows at once, and what people decide about it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID, uuid4

from countenance.accounts import Actor
from countenance.accounts.changing import QUERIES as ACCOUNT_QUERIES
from countenance.accounts.changing import Changing, no_account
from countenance.accounts.standing import Standings
from countenance.conduct.holding import lock_account, lower, relax
from countenance.conduct.observations import QUERIES
from countenance.conduct.records import Finding, FindingStatus
from countenance.conduct.suspicion import Severity, Suspicion
from countenance.errors import (
    AccessDeniedException,
    ConflictException,
    InvalidParameterException,
    ResourceNotFoundException,
)
from countenance.store import Connection, ForeignKeyViolation

Decision = Literal["confirm", "lift"]

DECIDED_WITHIN: Final = timedelta(hours=72)
"""What acts on an account by itself ends by itself, unless a person confirms it. (acceptable use policy,
4.1)"""
LAPSED: Final = "not confirmed within 72 h"
RULE: Final = "rule"
"""Who decides where nobody did."""


class Findings:
    """Thread-safe; any number of processes.

    A finding and the standing that follows from it are one transaction, which takes turns with everything
    else that decides about the account.
    """

    def __init__(self, changing: Changing, standings: Standings) -> None:
        self._changing = changing
        self._standings = standings

    def list(self, account_id: str | None = None, *, status: FindingStatus | None = None) -> list[Finding]:
        """Those of an account, or of all, the newest first, at most 1,000."""
        values = {"account_id": account_id, "status": status}
        with self._changing.database.read() as connection:
            rows = connection.execute(QUERIES["list_findings"], values).fetchall()
        return [Finding(*row) for row in rows]

    def require(self, finding_id: UUID) -> Finding:
        """The finding.

        Raises:
            ResourceNotFoundException: there is none.
        """
        with self._changing.database.read() as connection:
            return _require(connection, finding_id)

    def open(self, account_id: str, suspicion: Suspicion, *, actor: Actor) -> UUID | None:
        """Keep what a detector found, and restrict or suspend the account at once where it says so.

        Only ever downwards, never to termination, and never the house, whose officers decide about the
        others. None, and nothing done, if it was found before, also if it was lifted: a person has said so.

        Raises:
            ResourceNotFoundException: there is no such account.
        """
        known = {"account_id": account_id, "fingerprint": suspicion.fingerprint}
        with self._changing.reading(actor) as connection:  # most are: nobody waits
            if connection.execute(QUERIES["is_known"], known).fetchone() is not None:
                return None
        return self._open(
            account_id,
            suspicion.severity,
            actor,
            detector=suspicion.detector,
            decided_by=f"detector:{suspicion.detector}",
            summary=suspicion.summary,
            evidence=suspicion.evidence,
            fingerprint=suspicion.fingerprint,
        )

    def open_by_hand(
        self,
        account_id: str,
        severity: Severity,
        summary: str,
        evidence: Mapping[str, Any],
        officer: str,
        *,
        actor: Actor,
    ) -> UUID:
        """Keep what an officer found; it acts at once, and lapses like any other unless it is confirmed.

        Raises:
            InvalidParameterException: no summary.
            ResourceNotFoundException: there is no such account.
        """
        if not summary.strip():
            raise InvalidParameterException("say what was found (Summary): the account reads it")
        finding_id = self._open(
            account_id,
            severity,
            actor,
            detector=f"officer:{officer}",
            decided_by=officer,
            summary=summary.strip(),
            evidence=evidence,
            fingerprint=f"by-hand/{uuid4()}",
        )
        assert finding_id is not None, "no two have one fingerprint"
        return finding_id

    def decide(
        self, finding_id: UUID, decision: Decision, *, officer: str, reason: str, actor: Actor
    ) -> None:
        """A person's word on an open finding.

        `confirm` leaves the standing as it is, for good. `lift` gives back what the finding took, unless
        another one holds the account down, and never touches what a person made of the standing since.

        Raises:
            AccessDeniedException: the officer would confirm what they found themselves.
            ConflictException: it is decided already; of several at once one decides.
            InvalidParameterException: no reason.
            ResourceNotFoundException: there is no such finding.
        """
        if not reason.strip():
            raise InvalidParameterException("say why (Reason): the account reads it, and may appeal")
        found = self.require(finding_id)
        if decision == "confirm" and found.detector == f"officer:{officer}":
            raise AccessDeniedException(
                f"`{officer}` opened the finding: another officer of this server must confirm it "
                "(`countenance officers add`)"
            )
        with self._deciding(found, f"{decision} by {officer}", "DecideFinding", actor) as connection:
            status, decided_by, _ = _lock(connection, finding_id)
            if status != "open":
                raise ConflictException(
                    f"the finding was {status} by `{decided_by}`: what was decided is changed by appeal, "
                    "or by an officer's change of the standing"
                )
            self._settle(
                connection,
                found,
                "confirmed" if decision == "confirm" else "lifted",
                decided_by=officer,
                reason=reason.strip(),
                actor=actor,
            )

    def lapse(self, now: datetime) -> int:
        """Lift what nobody confirmed in time; how many there were."""
        with self._changing.database.read() as connection:
            rows = connection.execute(QUERIES["list_lapsing"], {"now": now}).fetchall()
        lapsed = 0
        for (finding_id,) in rows:
            found = self.require(finding_id)
            # The one that decides meanwhile wins: nothing is recorded of what did not happen.
            with contextlib.suppress(_DecidedMeanwhileError):
                self._lapse(found, now)
                lapsed += 1
        return lapsed

    def _lapse(self, found: Finding, now: datetime) -> None:
        actor = Actor(RULE)
        with self._deciding(found, LAPSED, "LapseFinding", actor) as connection:
            status, _, decide_by = _lock(connection, found.finding_id)
            if status != "open" or decide_by is None or decide_by > now:
                raise _DecidedMeanwhileError
            self._settle(connection, found, "lifted", decided_by=RULE, reason=LAPSED, actor=actor)

    def _open(
        self,
        account_id: str,
        severity: Severity,
        actor: Actor,
        *,
        detector: str,
        decided_by: str,
        summary: str,
        evidence: Mapping[str, Any],
        fingerprint: str,
    ) -> UUID | None:
        finding_id = uuid4()
        values = {
            "finding_id": finding_id,
            "account_id": account_id,
            "detector": detector,
            "severity": severity,
            "summary": summary,
            "evidence": json.dumps(dict(evidence)),
            "fingerprint": fingerprint,
            "decided_within": DECIDED_WITHIN,
        }
        told = f"{detector} {severity}"
        try:
            with self._changing(
                "OpenFinding", account_id, actor, resource=told, finding=finding_id, named=True
            ) as connection:
                lock_account(connection, account_id)
                _insert(connection, values)
                lower(
                    self._standings,
                    connection,
                    account_id,
                    "notice" if _is_house(connection, account_id) else severity,
                    reason=summary,
                    decided_by=decided_by,
                    actor=replace(actor, connection=connection),
                    finding_id=finding_id,
                )
        except _FoundMeanwhileError:
            return None
        except ForeignKeyViolation:
            raise no_account(account_id) from None
        return finding_id

    def _settle(
        self,
        connection: Connection,
        found: Finding,
        status: FindingStatus,
        *,
        decided_by: str,
        reason: str,
        actor: Actor,
    ) -> None:
        settle(connection, found.finding_id, status, decided_by=decided_by, reason=reason)
        if status == "lifted":
            relax(
                self._standings,
                connection,
                found.account_id,
                reason=reason,
                decided_by=decided_by,
                actor=replace(actor, connection=connection),
                finding_id=found.finding_id,
            )

    @contextlib.contextmanager
    def _deciding(self, found: Finding, told: str, operation: str, actor: Actor) -> Iterator[Connection]:
        with self._changing(
            operation,
            found.account_id,
            actor,
            resource=f"{found.detector} {told}",
            finding=found.finding_id,
            named=True,
        ) as connection:
            lock_account(connection, found.account_id)
            yield connection


def _is_house(connection: Connection, account_id: str) -> bool:
    """The house is told what was found against it, and goes on: its officers decide about the others."""
    row = connection.execute(ACCOUNT_QUERIES["find_account"], {"account_id": account_id}).fetchone()
    return bool(row and row[6])


def _insert(connection: Connection, values: Mapping[str, Any]) -> None:
    if connection.execute(QUERIES["open_finding"], values).fetchone() is None:
        raise _FoundMeanwhileError


def settle(
    connection: Connection, finding_id: UUID, status: FindingStatus, *, decided_by: str, reason: str
) -> None:
    """Write down how a finding ended; its account is locked, and what follows is the caller's to do."""
    values = {"finding_id": finding_id, "status": status, "decided_by": decided_by, "reason": reason}
    connection.execute(QUERIES["settle_finding"], values)


def _lock(connection: Connection, finding_id: UUID) -> tuple[FindingStatus, str | None, datetime | None]:
    row = connection.execute(QUERIES["lock_finding"], {"finding_id": finding_id}).fetchone()
    assert row is not None, "findings are never deleted"
    return row[0], row[1], row[2]


def _require(connection: Connection, finding_id: UUID) -> Finding:
    row = connection.execute(QUERIES["find_finding"], {"finding_id": finding_id}).fetchone()
    if row is None:
        raise ResourceNotFoundException(f"there is no finding `{finding_id}`")
    return Finding(*row)


class _FoundMeanwhileError(Exception):
    """Another process found the same just now."""


class _DecidedMeanwhileError(Exception):
    """Somebody decided while we were about to."""
