"""Purposes that accounts asked for, and what people said to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from countenance.accounts.changing import QUERIES, Actor, Changing, no_account
from countenance.errors import (
    ConflictException,
    InvalidParameterException,
    ResourceNotFoundException,
)
from countenance.store import Connection, ForeignKeyViolation, UniqueViolation

Status = Literal["pending", "approved", "refused", "withdrawn"]
_LASTS = timedelta(days=730)
"""How long an approval of a purpose holds that is not of low risk: then it is looked at anew."""
Vote = Literal["approve", "refuse", "withdraw"]


@dataclass(frozen=True, slots=True)
class PurposeRequest:
    """What an account asked for.

    Attributes:
        approved_by: officers who said yes so far.
        expires_at: when an approval ends; None for one that does not.
    """

    request_id: UUID
    account_id: str
    purpose: str
    justification: str
    requested_by: str
    requested_at: datetime
    status: Status
    decided_at: datetime | None
    approved_by: tuple[str, ...]
    expires_at: datetime | None = None


class Grants:
    """Thread-safe. A decision is in force for the next call of every process once committed."""

    def __init__(self, changing: Changing) -> None:
        self._changing = changing

    def list(self, account_id: str | None = None, *, status: Status | None = None) -> list[PurposeRequest]:
        """Requests of an account, or of all, the newest first."""
        values = {"account_id": account_id, "status": status}
        with self._changing.database.read() as connection:
            rows = connection.execute(QUERIES["list_purpose_requests"], values).fetchall()
        return [_to_request(row) for row in rows]

    def require(self, request_id: UUID) -> PurposeRequest:
        """Raises ResourceNotFoundException: there is no such request."""
        with self._changing.database.read() as connection:
            return _require(connection, request_id)

    def request(self, account_id: str, purpose: str, justification: str, *, actor: Actor) -> UUID:
        """Ask for a purpose.

        Raises:
            ConflictException: it is asked for, or approved, already.
            ResourceNotFoundException: there is no such account.
        """
        if not justification.strip():
            raise InvalidParameterException("say what the purpose is needed for (Justification)")
        values = {
            "account_id": account_id,
            "purpose": purpose,
            "justification": justification.strip(),
            "requested_by": actor.name,
        }
        try:
            with self._changing("RequestPurpose", account_id, actor, resource=purpose) as connection:
                connection.execute(QUERIES["end_expired_purpose"], values)
                row = connection.execute(QUERIES["request_purpose"], values).fetchone()
        except UniqueViolation:
            raise ConflictException(
                f"account `{account_id}` has asked for `{purpose}` already, or has it"
            ) from None
        except ForeignKeyViolation:
            raise no_account(account_id) from None
        assert row is not None
        request_id: UUID = row[0]
        return request_id

    def approvals_needed(self, account_id: str, *, approvals: int, risk: str) -> int:
        """How many officers have to approve, for this account, a purpose that takes `approvals` elsewhere."""
        with self._changing.database.read() as connection:
            return _needed(connection, account_id, approvals=approvals, risk=risk)

    def decide(
        self,
        request_id: UUID,
        vote: Vote,
        *,
        officer: str,
        reason: str,
        approvals: int,
        risk: str,
        actor: Actor,
    ) -> Status:
        """An officer's word; how the request stands then.

        One refusal refuses. An approval counts once for each officer, and `approvals` of them approve; for
        the house's own account two at least, unless the purpose is of low risk. What was approved may be
        withdrawn by one officer.

        Raises:
            ConflictException: it is decided already, or the officer has spoken already.
            ResourceNotFoundException: there is no such request.
        """
        with self._changing.reading(actor) as connection:
            asked = _require(connection, request_id)
            approvals = _needed(connection, asked.account_id, approvals=approvals, risk=risk)
        wanted: Status = "approved" if vote == "withdraw" else "pending"
        told = f"{asked.purpose} {vote} by {officer}"
        with self._changing("DecidePurposeRequest", asked.account_id, actor, resource=told) as connection:
            locked = connection.execute(
                QUERIES["lock_purpose_request"], {"request_id": request_id}
            ).fetchone()
            if locked is None or locked[0] != wanted:
                status = asked.status if locked is None else locked[0]
                raise ConflictException(f"the request is {status}, so nobody can {vote} it")
            values = {"request_id": request_id, "officer": officer, "vote": vote, "reason": reason}
            try:
                with connection.transaction():
                    connection.execute(QUERIES["vote_on_purpose"], values)
            except UniqueViolation:
                raise ConflictException(
                    f"`{officer}` has said so already: `{asked.purpose}` takes {approvals} officers"
                ) from None
            count = connection.execute(QUERIES["count_approvals"], {"request_id": request_id}).fetchone()
            assert count is not None
            status = _status(vote, approvals=approvals, given=count[0])
            settled = {"request_id": request_id, "status": status, "lasts": None if risk == "low" else _LASTS}
            connection.execute(QUERIES["settle_purpose_request"], settled)
        return status


def _needed(connection: Connection, account_id: str, *, approvals: int, risk: str) -> int:
    house = connection.execute(QUERIES["find_house"]).fetchone()
    if risk == "low" or house is None or house[0] != account_id:
        return approvals
    return max(2, approvals)  # nobody says alone what the house itself may do


def _status(vote: Vote, *, approvals: int, given: int) -> Status:
    if vote == "refuse":
        return "refused"
    if vote == "withdraw":
        return "withdrawn"
    return "approved" if given >= approvals else "pending"


def _require(connection: Connection, request_id: UUID) -> PurposeRequest:
    row = connection.execute(QUERIES["find_purpose_request"], {"request_id": request_id}).fetchone()
    if row is None:
        raise ResourceNotFoundException(f"there is no request `{request_id}`")
    return _to_request(row)


def _to_request(row: tuple[Any, ...]) -> PurposeRequest:
    *members, approved_by, expires_at = row
    whole = (*members, tuple(approved_by or ()), expires_at)
    return PurposeRequest(*whole)
