"""Whose a job is: of the account that what it works on is of, or nobody's but the server's."""

from __future__ import annotations

from countenance.store import Connection, load_queries
from countenance.types import AccountId

_QUERIES = load_queries("countenance.accounts", "job_owners.sql")


def list_jobs(
    connection: Connection,
    account_id: str | None,
    *,
    with_ended: bool,
    limit: int,
    before: int | None = None,
) -> dict[int, AccountId | None]:
    """Jobs by number, the newest first, and whose each is.

    Args:
        account_id: its jobs alone; None for all there are, those of nobody among them.
        with_ended: those that are done or cancelled as well.
        before: only jobs of a lower number.
    """
    return _read(connection, account_id=account_id, with_ended=with_ended, limit=limit, before=before)


def owner_of(connection: Connection, job_id: int) -> AccountId | None:
    """Whose a job is; None for the server's own, and for one that is not there."""
    return _read(connection, job_id=job_id, with_ended=True, limit=1).get(job_id)


def _read(
    connection: Connection,
    *,
    with_ended: bool,
    limit: int,
    account_id: str | None = None,
    before: int | None = None,
    job_id: int | None = None,
) -> dict[int, AccountId | None]:
    facts = {
        "account_id": account_id,
        "before": before,
        "job_id": job_id,
        "with_ended": with_ended,
        "limit": limit,
    }
    rows = connection.execute(_QUERIES["list_jobs"], facts).fetchall()
    return {int(number): None if owner is None else AccountId(owner) for number, owner in rows}
