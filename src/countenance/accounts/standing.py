"""An account's standing: every step of it, and how far a suspension reaches."""

from __future__ import annotations

import uuid
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime

from countenance.accounts.changing import QUERIES, Actor, Changing, no_account
from countenance.errors import ConflictException, InvalidParameterException
from countenance.facts import Standing
from countenance.store import Connection


@dataclass(frozen=True, slots=True)
class StandingChange:
    """One step.

    Attributes:
        event_id: of the entry in the account's log that tells of it.
    """

    change_id: int
    from_standing: Standing
    to_standing: Standing
    reason: str
    finding_id: uuid.UUID | None
    decided_by: str
    second_officer: str | None
    event_id: uuid.UUID
    at: datetime


class Standings:
    """Thread-safe.

    A change takes turns with the recording of the account's calls, and of those of every account downstream:
    what was recorded before it was answered before it; what comes to be recorded after it is refused.
    """

    def __init__(self, changing: Changing) -> None:
        self._changing = changing

    def history(self, account_id: str) -> list[StandingChange]:
        """Every step, the newest first."""
        with self._changing.database.read() as connection:
            rows = connection.execute(QUERIES["list_standing_changes"], {"account_id": account_id}).fetchall()
        return [StandingChange(*row) for row in rows]

    def change(
        self,
        account_id: str,
        standing: Standing,
        *,
        reason: str,
        decided_by: str,
        actor: Actor,
        second_officer: str | None = None,
        finding_id: uuid.UUID | None = None,
        appeal_id: uuid.UUID | None = None,
    ) -> int:
        """Set the account's standing, at once and with everything downstream; the number of the step.

        Raises:
            InvalidParameterException: no reason; a termination without a second officer.
            ConflictException: it has that standing already.
            ResourceNotFoundException: there is no such account.
        """
        if not reason.strip():
            raise InvalidParameterException("say why (Reason): the account reads it, and may appeal")
        if standing == "terminated" and (second_officer is None or second_officer == decided_by):
            raise InvalidParameterException("a termination takes two officers")
        with self._within(actor) as connection:
            # Relations must not change while it is worked out whom this reaches.
            connection.execute(QUERIES["lock_relations"])
            lock_accounts(connection, account_id)
            row = connection.execute(QUERIES["find_account"], {"account_id": account_id}).fetchone()
            if row is None:
                raise no_account(account_id)
            before: Standing = row[2]
            if row[6]:
                raise InvalidParameterException(
                    "the house runs this server: its standing is not changed here"
                )
            if before == "terminated" and appeal_id is None:
                raise ConflictException("a terminated account is reinstated by appeal only (SubmitAppeal)")
            if before == standing:
                raise ConflictException(f"account `{account_id}` is {standing} already")
            connection.execute(QUERIES["change_standing"], {"account_id": account_id, "standing": standing})
            event_id = self._changing.record(
                connection,
                "ChangeStanding",
                account_id,
                actor,
                resource=reason.strip(),
                standing=(before, standing),
                finding=finding_id,
                named=True,
            )
            values = {
                "account_id": account_id,
                "from_standing": before,
                "to_standing": standing,
                "reason": reason.strip(),
                "finding_id": finding_id,
                "appeal_id": appeal_id,
                "decided_by": decided_by,
                "second_officer": second_officer,
                "event_id": event_id,
            }
            made = connection.execute(QUERIES["add_standing_change"], values).fetchone()
            connection.execute(QUERIES["forget_proposal"], {"account_id": account_id})
            settle_downstream(self._changing, connection, account_id, actor, because_of=account_id)
        assert made is not None
        return int(made[0])

    def propose_termination(self, account_id: str, *, officer: str, reason: str, actor: Actor) -> str | None:
        """A first officer's word; the name of the one who spoke before, if this is the second's.

        Raises:
            ConflictException: the same officer has proposed it already, or it is terminated.
            ResourceNotFoundException: there is no such account.
        """
        with self._within(actor) as connection:
            # Of two words at once one is the first: in turn with all that is decided about standings.
            connection.execute(QUERIES["lock_relations"])
            account = connection.execute(QUERIES["find_account"], {"account_id": account_id}).fetchone()
            if account is None:
                raise no_account(account_id)
            if account[2] == "terminated":
                raise ConflictException(f"account `{account_id}` is terminated already")
            row = connection.execute(QUERIES["find_proposal"], {"account_id": account_id}).fetchone()
            if row is not None and row[0] == officer:
                raise ConflictException(
                    f"`{officer}` has proposed it already: a termination takes another officer's word"
                )
            if row is not None:
                return str(row[0])
            values = {"account_id": account_id, "officer": officer, "reason": reason}
            connection.execute(QUERIES["propose_termination"], values)
            self._changing.record(
                connection, "ProposeTermination", account_id, actor, resource=reason, named=True
            )
        return None

    def _within(self, actor: Actor) -> AbstractContextManager[Connection]:
        if actor.connection is not None:
            return nullcontext(actor.connection)
        return self._changing.database.transaction()


def lock_accounts(connection: Connection, account_id: str) -> None:
    """Wait for the recordings under way of the account and all downstream of it, and keep new ones waiting.

    In one order of accounts, so that two suspensions cannot wait for each other.
    """
    connection.execute(QUERIES["lock_downstream"], {"account_id": account_id})


def settle_downstream(
    changing: Changing, connection: Connection, account_id: str, actor: Actor, *, because_of: str
) -> None:
    """Compute anew what reaches the account and all downstream of it; each change is an entry of its own.

    Args:
        because_of: the account from which it comes, or came: of itself its own event tells.
    """
    lock_accounts(connection, account_id)
    rows = connection.execute(QUERIES["settle_downstream"], {"account_id": account_id}).fetchall()
    for reached, before, after in rows:
        if reached != because_of:
            changing.record(
                connection,
                "CarryStanding",
                reached,
                actor,
                resource=f"carried by {because_of}",
                standing=(before, after),
                named=True,
            )
