"""Appeals: an account asks for another look at its standing, by somebody else than who decided it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, Literal
from uuid import UUID, uuid4

from countenance.accounts import Actor
from countenance.accounts.changing import Changing, no_account
from countenance.accounts.standing import Standings
from countenance.conduct.findings import settle
from countenance.conduct.holding import lock_account, relax
from countenance.conduct.observations import QUERIES
from countenance.conduct.records import Appeal, AppealStatus
from countenance.errors import (
    AccessDeniedException,
    ConflictException,
    InvalidParameterException,
    ResourceNotFoundException,
)
from countenance.store import Connection, ForeignKeyViolation, UniqueViolation

Decision = Literal["grant", "dismiss"]

LONGEST_STATEMENT: Final = 8192


class Appeals:
    """Thread-safe; any number of processes.

    An appeal is about all that held the account down when it was submitted: the newest step of its standing,
    and every finding that was open or confirmed then.
    """

    def __init__(self, changing: Changing, standings: Standings) -> None:
        self._changing = changing
        self._standings = standings

    def list(self, account_id: str | None = None, *, status: AppealStatus | None = None) -> list[Appeal]:
        """Those of an account, or of all, the newest first, at most 1,000."""
        values = {"account_id": account_id, "status": status}
        with self._changing.database.read() as connection:
            rows = connection.execute(QUERIES["list_appeals"], values).fetchall()
        return [Appeal(*row) for row in rows]

    def require(self, appeal_id: UUID) -> Appeal:
        """The appeal.

        Raises:
            ResourceNotFoundException: there is none.
        """
        with self._changing.database.read() as connection:
            row = connection.execute(QUERIES["find_appeal"], {"appeal_id": appeal_id}).fetchone()
        if row is None:
            raise ResourceNotFoundException(f"there is no appeal `{appeal_id}`")
        return Appeal(*row)

    def submit(self, account_id: str, statement: str, *, actor: Actor) -> UUID:
        """Appeal against the newest step of the account's standing.

        Raises:
            ConflictException: an appeal is open; the account is in good standing; or its standing is that of
                an account upstream, whose appeal it would be.
            InvalidParameterException: no statement, or too long a one.
            ResourceNotFoundException: there is no such account.
        """
        statement = statement.strip()
        if not 1 <= len(statement) <= LONGEST_STATEMENT:
            raise InvalidParameterException(
                f"say why in 1 to {LONGEST_STATEMENT} characters (Statement); it has {len(statement)}"
            )
        appeal_id = uuid4()
        try:
            with (
                self._changing("SubmitAppeal", account_id, actor, resource=str(appeal_id)) as connection,
                connection.transaction(),
            ):
                values = {
                    "appeal_id": appeal_id,
                    "account_id": account_id,
                    "change_id": _appealable(connection, account_id),
                    "statement": statement,
                    "submitted_by": actor.name,
                }
                connection.execute(QUERIES["submit_appeal"], values)
        except UniqueViolation:
            raise ConflictException("an appeal of this account is open already") from None
        return appeal_id

    def decide(self, appeal_id: UUID, decision: Decision, *, officer: str, reason: str, actor: Actor) -> None:
        """Another officer's word on an open appeal.

        `grant` brings the account back to good standing and lifts the findings that held it down when it
        appealed. What came since stays: a finding of later, or a standing that a person set later.

        Raises:
            AccessDeniedException: the officer decided what is appealed against, or confirmed a finding of it.
            ConflictException: it is decided already; of several at once one decides.
            InvalidParameterException: no reason.
            ResourceNotFoundException: there is no such appeal, or no such officer.
        """
        if not reason.strip():
            raise InvalidParameterException("say why (Reason): the account reads it")
        appeal = self.require(appeal_id)
        told = f"{appeal_id} {decision} by {officer}"
        try:
            with self._changing(
                "DecideAppeal", appeal.account_id, actor, resource=told, named=True
            ) as connection:
                lock_account(connection, appeal.account_id)
                row = connection.execute(QUERIES["lock_appeal"], {"appeal_id": appeal_id}).fetchone()
                assert row is not None, "appeals are never deleted"
                if row[0] != "open":
                    raise ConflictException(f"the appeal was {row[0]} by `{row[1]}`")
                self._decide(
                    connection,
                    appeal,
                    decision,
                    officer=officer,
                    reason=reason.strip(),
                    actor=replace(actor, connection=connection),
                )
        except ForeignKeyViolation:
            raise ResourceNotFoundException(f"there is no officer `{officer}` of this server") from None

    def _decide(
        self,
        connection: Connection,
        appeal: Appeal,
        decision: Decision,
        *,
        officer: str,
        reason: str,
        actor: Actor,
    ) -> None:
        values: dict[str, Any] = {
            "appeal_id": appeal.appeal_id,
            "account_id": appeal.account_id,
            "change_id": appeal.change_id,
            "submitted_at": appeal.submitted_at,
            "status": "granted" if decision == "grant" else "dismissed",
            "decided_by": officer,
            "reason": reason,
        }
        findings = connection.execute(QUERIES["list_appealed_findings"], values).fetchall()
        change = connection.execute(QUERIES["find_change"], values).fetchone()
        assert change is not None, "steps are never deleted"
        first, second, finding_id = change
        deciders = {first, second, *(who for _, _, who in findings)}
        if officer in deciders or any(detector == f"officer:{officer}" for _, detector, _ in findings):
            raise AccessDeniedException(
                f"`{officer}` decided what is appealed against: another officer of this server must decide "
                "the appeal (`countenance officers add`)"
            )
        connection.execute(QUERIES["settle_appeal"], values)
        if decision == "dismiss":
            return
        for found, _, _ in findings:
            settle(connection, found, "lifted", decided_by=officer, reason=f"appeal granted: {reason}")
        relax(
            self._standings,
            connection,
            appeal.account_id,
            reason=f"appeal granted: {reason}",
            decided_by=officer,
            actor=actor,
            finding_id=finding_id,
            appeal_id=appeal.appeal_id,
        )


def _appealable(connection: Connection, account_id: str) -> int:
    """The newest step of the account's standing, which is its own and not a good one."""
    values = {"account_id": account_id}
    row = connection.execute(QUERIES["find_standing"], values).fetchone()
    if row is None:
        raise no_account(account_id)
    standing, effective = row
    if standing == "good" and effective != "good":
        rows = connection.execute(QUERIES["list_suspended_upstream"], values).fetchall()
        names = ", ".join(f"`{upstream}`" for (upstream,) in rows)
        raise ConflictException(
            f"the account's own standing is good: it is {effective} because {names} is, which supplies it "
            "or acts for it. That account may appeal; this one may ask an officer to end the relation"
        )
    change = connection.execute(QUERIES["newest_change"], values).fetchone()
    if standing == "good" or change is None:
        raise ConflictException("there is nothing to appeal against: nobody changed the account's standing")
    return int(change[0])
