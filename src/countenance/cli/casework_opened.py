"""What the commands about cases and reviews work on, and how what they do is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click

from countenance.audit import AuditLog
from countenance.casework import Casework
from countenance.cli.governed import Governed, machine_user, open_governed
from countenance.store import UnitOfWork

account_option = click.option(
    "--account",
    "account",
    metavar="ID",
    help="the account whose they are; without it the one that runs this server",
)


@dataclass(frozen=True, slots=True)
class OpenedCasework:
    """Casework of one account of an installation."""

    governed: Governed
    casework: Casework
    audit: AuditLog
    account_id: str

    @contextmanager
    def changing(self, operation: str, *, resource: str | None = None, **told: Any) -> Iterator[UnitOfWork]:
        """A transaction that holds a change and its entry, committed at the end."""
        with UnitOfWork(self.governed.database) as work:
            yield work
            self.record(work, operation, resource=resource, **told)
            work.commit()

    def record(self, work: UnitOfWork, operation: str, **told: Any) -> None:
        """An entry of the account, in the transaction of its change."""
        self.audit.record_change(
            work.connection, operation, account_id=self.account_id, operator=machine_user(), **told
        )


@contextmanager
def open_casework(given: dict[str, Any], account: str | None) -> Iterator[OpenedCasework]:
    """The installation that the options name.

    Raises:
        ResourceNotFoundException: there is no such account.
        SetupError: none is named, and there is none yet.
    """
    with open_governed(given) as governed:
        account_id = (
            governed.require_house()
            if account is None
            else governed.accounts.require_account(account).account_id
        )
        casework = Casework.open(
            governed.database, governed.keys, least_view_s=governed.settings.review_view_s
        )
        yield OpenedCasework(governed, casework, AuditLog(governed.keys), account_id)
