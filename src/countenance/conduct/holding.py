"""What holds an account down: the findings that are open or confirmed, and what people made of its
standing.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from countenance.accounts import Actor
from countenance.accounts.changing import QUERIES as ACCOUNT_QUERIES
from countenance.accounts.changing import no_account
from countenance.accounts.standing import Standings, lock_accounts
from countenance.conduct.observations import QUERIES
from countenance.conduct.suspicion import Severity
from countenance.facts import Standing
from countenance.store import Connection

_ORDER: Final[tuple[Standing, ...]] = ("good", "restricted", "pending", "suspended", "terminated")
"""From the best to the worst: an account that is not approved yet may do less than a restricted one."""
_BROUGHT_BY: Final[dict[Severity, Standing]] = {
    "notice": "good",
    "restrict": "restricted",
    "suspend": "suspended",
}


def lock_account(connection: Connection, account_id: str) -> None:
    """Take turns with whatever else decides about the account, until the transaction ends.

    # INVARIANT: in the order of Standings.change (relations, accounts, then rows of ours), so that no two of
    these wait for each other.
    """
    connection.execute(ACCOUNT_QUERIES["lock_relations"])
    lock_accounts(connection, account_id)


def is_worse(standing: Standing, than: Standing) -> bool:
    return _ORDER.index(standing) > _ORDER.index(than)


def lower(
    standings: Standings,
    connection: Connection,
    account_id: str,
    severity: Severity,
    *,
    reason: str,
    decided_by: str,
    actor: Actor,
    finding_id: UUID,
) -> None:
    """Bring the account down to what a finding of that severity brings, unless it is there already.

    Raises:
        ResourceNotFoundException: there is no such account.
    """
    row = connection.execute(QUERIES["find_standing"], {"account_id": account_id}).fetchone()
    if row is None:
        raise no_account(account_id)
    if is_worse(_BROUGHT_BY[severity], row[0]):
        standings.change(
            account_id,
            _BROUGHT_BY[severity],
            reason=reason,
            decided_by=decided_by,
            actor=actor,
            finding_id=finding_id,
        )


def relax(
    standings: Standings,
    connection: Connection,
    account_id: str,
    *,
    reason: str,
    decided_by: str,
    actor: Actor,
    finding_id: UUID | None,
    appeal_id: UUID | None = None,
) -> None:
    """Let the account up as far as nothing holds it down any more; it is never brought down by this.

    What counts is what a person last made of its standing (or what it began with), and the findings since
    then that are open or confirmed, the worst of them. So a finding that is lifted gives back what it took,
    two findings hold until both are lifted, in whichever order, and a standing that a person set since stays.
    """
    row = connection.execute(QUERIES["read_hold"], {"account_id": account_id}).fetchone()
    if row is None:
        raise no_account(account_id)
    current, base, severities = row
    standing = max((base, *(_BROUGHT_BY[severity] for severity in severities)), key=_ORDER.index)
    if is_worse(current, standing):
        standings.change(
            account_id,
            standing,
            reason=reason,
            decided_by=decided_by,
            actor=actor,
            finding_id=finding_id,
            appeal_id=appeal_id,
        )
