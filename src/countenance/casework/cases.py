"""Cases: what searches are for, who opened them until when, and what came of them."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import orjson

from countenance.casework.second_person import require_own_person
from countenance.errors import (
    AccessDeniedException,
    ConflictException,
    InvalidParameterException,
    ResourceAlreadyExistsException,
    ResourceNotFoundException,
)
from countenance.store import Connection, Database, KeyStore, SealedColumn, UnitOfWork, load_queries

QUERIES = load_queries("countenance.casework", "queries.sql")
AUTHORIZED_WITHIN: Final = timedelta(hours=48)
"""Regulation (EU) 2024/1689, Article 26(10): an urgent search has its authorisation within 48 hours."""
OUTCOME_WITHIN: Final = timedelta(days=30)
LONGEST: Final = timedelta(days=366)
Outcome = Literal["no_lead", "lead_not_used", "lead_used", "used_for_arrest"]


def case_context(case_id: str) -> bytes:
    """What is sealed of a case is bound to."""
    return b"review-case/" + case_id.encode()


SEALED: Final = (SealedColumn("review_case", "case_id", "sealed_told", case_context),)
"""What `KeyStore.seal` made here: a rotation of the master key seals it anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case as it stands.

    Attributes:
        told: `name`, `reason`, `legal_basis`, and `authorization` and `evidence` where they were given.
        authorize_by: of an urgent case: by when it needs its authorisation.
        reviews: how many searches of it were held.
        outcome_is_due: nothing was reported for thirty days.
        is_open: searches may be made under it.
    """

    case_id: str
    account_id: str
    purpose: str
    told: Mapping[str, str]
    opened_by: str
    opened_at: datetime
    expires_at: datetime
    closed_at: datetime | None
    authorize_by: datetime | None
    authorized_at: datetime | None
    evidence_signed_by: str | None
    outcome: Outcome | None
    outcome_at: datetime | None
    reviews: int
    outcome_is_due: bool
    is_open: bool


class Cases:
    """Thread-safe; holds no connection. Of another account's case it says that there is none."""

    def __init__(self, database: Database, keys: KeyStore) -> None:
        self._database = database
        self._keys = keys
        self._names = keys.derive("case names")

    def open(
        self,
        uow: UnitOfWork,
        account_id: str,
        *,
        name: str,
        purpose: str,
        reason: str,
        legal_basis: str,
        lasts: timedelta,
        opened_by: str,
        opened_by_id: str | None = None,
        is_urgent: bool,
    ) -> str:
        """A new case; its id.

        Args:
            opened_by_id: the person; None of a key of the account's own.

        Raises:
            InvalidParameterException: it would last for less than an hour, or for over 366 days.
            ResourceAlreadyExistsException: a case of that name and purpose is open.
        """
        if not timedelta(hours=1) <= lasts <= LONGEST:
            raise InvalidParameterException("a case ends between an hour and 366 days from now")
        connection, case_id = uow.connection, str(uuid.uuid4())
        values: dict[str, Any] = {
            "case_id": case_id,
            "account_id": account_id,
            "purpose": purpose,
            "name_digest": self._digest(account_id, name),
            "opened_by": opened_by,
            "opened_by_id": opened_by_id,
            "is_urgent": is_urgent,
            "authorized_within": AUTHORIZED_WITHIN,
            "lasts": lasts,
            "sealed_told": self._seal(
                connection, case_id, {"name": name, "reason": reason, "legal_basis": legal_basis}
            ),
        }
        connection.execute(QUERIES["end_old_case"], values)
        if connection.execute(QUERIES["open_case"], values).fetchone() is None:
            raise ResourceAlreadyExistsException("a case of this name and purpose is open")
        return case_id

    def find_open(
        self, connection: Connection, account_id: str, *, name: str, purpose: str
    ) -> tuple[str, str] | None:
        """Id and opener of the account's open case of that name and purpose; None for none."""
        values = {
            "account_id": account_id,
            "purpose": purpose,
            "name_digest": self._digest(account_id, name),
        }
        return connection.execute(QUERIES["find_open_case"], values).fetchone()

    def list_cases(
        self, account_id: str, *, limit: int, after: str | None = None, overdue: bool = False
    ) -> list[Case]:
        """The account's cases by id, those behind `after`; only those whose outcome is due where asked."""
        return self._find(account_id, limit=limit, after=after, overdue=overdue)

    def require(self, account_id: str, case_id: str) -> Case:
        """The account's case of that id.

        Raises:
            ResourceNotFoundException: it has none.
        """
        found = self._find(account_id, limit=1, case_id=case_id)
        if not found:
            raise _no_case(case_id)
        return found[0]

    def authorize(self, uow: UnitOfWork, account_id: str, case_id: str, *, reference: str) -> None:
        """The authorisation of an urgent case is there.

        Raises:
            ConflictException: it is too late for it, or the case is over or was not urgent.
        """
        row = self._lock(uow.connection, account_id, case_id)
        if row[4] is None or not row[8]:
            raise ConflictException("the case waits for no authorisation: it is over, or was not urgent")
        self._write(uow.connection, "authorize_case", case_id, row[1], authorization=reference)

    def close(self, uow: UnitOfWork, account_id: str, case_id: str) -> list[uuid.UUID]:
        """End a case; again changes nothing. Reviews that are to be purged with it."""
        connection = uow.connection
        if self._lock(connection, account_id, case_id)[3] is None:
            connection.execute(QUERIES["close_case"], {"case_id": case_id})
        return [
            row[0] for row in connection.execute(QUERIES["list_of_case"], {"case_id": case_id}).fetchall()
        ]

    def sign_evidence(
        self,
        uow: UnitOfWork,
        account_id: str,
        case_id: str,
        *,
        evidence: str,
        signed_by: str,
        operator_id: str,
    ) -> None:
        """Somebody answers for evidence that does not come from the search.

        Raises:
            AccessDeniedException: whoever opened the case does not sign for it, nor who is not confirmed.
            ConflictException: its outcome is reported.
        """
        row = self._lock(uow.connection, account_id, case_id)
        if row[2] == signed_by:
            raise AccessDeniedException(
                "CASE-002: evidence is signed for by somebody who did not open the case"
            )
        require_own_person(uow.connection, account_id, operator_id, rule="CASE-003")
        if row[7] is not None:
            raise ConflictException("the outcome of the case is reported")
        self._write(
            uow.connection, "sign_evidence", case_id, row[1], {"signed_by": signed_by}, evidence=evidence
        )

    def report(
        self, uow: UnitOfWork, account_id: str, case_id: str, *, outcome: Outcome, reported_by: str
    ) -> None:
        """What came of a case, once.

        Raises:
            AccessDeniedException: a use against somebody without independent evidence that another person
                has signed for.
            ConflictException: another outcome is reported.
        """
        row = self._lock(uow.connection, account_id, case_id)
        signed_by, reported = row[6], row[7]
        if reported not in {None, outcome}:
            raise ConflictException(f"the outcome of the case is reported as `{reported}`")
        if outcome in {"lead_used", "used_for_arrest"} and (signed_by is None or signed_by == reported_by):
            raise AccessDeniedException(
                "CASE-002: a lead is used only on independent evidence that another operator has signed for; "
                "have one do so (SignEvidence)"
            )
        if reported is None:
            uow.connection.execute(QUERIES["report_outcome"], {"case_id": case_id, "outcome": outcome})

    def _find(self, account_id: str, **asked: Any) -> list[Case]:
        values = {"case_id": None, "after": None, "overdue": False} | asked
        values |= {"account_id": account_id, "outcome_within": OUTCOME_WITHIN}
        with self._database.read() as connection:
            rows = connection.execute(QUERIES["list_cases"], values).fetchall()
        return [self._to_case(row) for row in rows]

    def _to_case(self, row: tuple[Any, ...]) -> Case:
        names = Case.__dataclass_fields__
        members = dict(zip(names, row, strict=True))
        sealed = bytes(members.pop("told"))
        return Case(told=self._unseal(members["case_id"], sealed), **members)

    def _lock(self, connection: Connection, account_id: str, case_id: str) -> tuple[Any, ...]:
        row = connection.execute(
            QUERIES["lock_case"], {"account_id": account_id, "case_id": case_id}
        ).fetchone()
        if row is None:
            raise _no_case(case_id)
        return row

    def _write(
        self,
        connection: Connection,
        query: str,
        case_id: str,
        sealed: bytes,
        values: Mapping[str, Any] | None = None,
        **told: str,
    ) -> None:
        told_now = {**self._unseal(case_id, bytes(sealed)), **told}
        connection.execute(
            QUERIES[query],
            {
                "case_id": case_id,
                "sealed_told": self._seal(connection, case_id, told_now),
                **(values or {}),
            },
        )

    def _seal(self, connection: Connection, case_id: str, told: Mapping[str, str]) -> bytes:
        members = orjson.dumps(told)
        return self._keys.seal(members, context=case_context(case_id), within=connection)

    def _unseal(self, case_id: str, sealed: bytes) -> dict[str, str]:
        told: dict[str, str] = orjson.loads(self._keys.unseal(sealed, context=case_context(case_id)))
        return told

    def _digest(self, account_id: str, name: str) -> bytes:
        return hmac.digest(self._names, f"{account_id}/{name}".encode(), hashlib.sha256)


def _no_case(case_id: str) -> ResourceNotFoundException:
    return ResourceNotFoundException(f"there is no case `{case_id}`")
