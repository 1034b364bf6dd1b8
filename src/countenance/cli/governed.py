"""What the commands about terms work on: accounts and their governance, and the officer who decides."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click

from countenance.accounts import Accounts, Governance
from countenance.accounts.officers import Officers
from countenance.cli.audit_export import parse_moment
from countenance.cli.installation import open_store
from countenance.cli.options import settings_options
from countenance.conduct import Conduct
from countenance.errors import SetupError
from countenance.settings import Settings
from countenance.store import Database, KeyStore
from countenance.terms import load_terms

_MOST_WORDS = 2048
where_options = settings_options("data_dir", "database_url", "terms")
officer_option = click.option(
    "--officer", metavar="NAME", help="the officer who decides; may be left out where there is only one"
)


def parse_words(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Something that people wrote for people: click's callback."""
    if value is None:
        return None
    if not value.strip() or len(value) > _MOST_WORDS:
        raise click.BadParameter(f"it is 1 to {_MOST_WORDS} characters, and not blank", ctx, param)
    return value.strip()


reason_option = click.option(
    "--reason", required=True, metavar="TEXT", callback=parse_words, help="why: the account reads it"
)


@dataclass(frozen=True, slots=True)
class Governed:
    """An installation, as the commands about terms see it."""

    settings: Settings
    database: Database
    keys: KeyStore
    accounts: Accounts
    governance: Governance

    @property
    def conduct(self) -> Conduct:
        """Findings and appeals."""
        return Conduct.open(self.database, self.keys, self.governance)

    def require_house(self) -> str:
        """The account that runs this server.

        Raises:
            SetupError: there is no account yet.
        """
        house = self.governance.officers.house()
        if house is None:
            raise SetupError(
                "this server has no account yet",
                remedy="start it once (`countenance serve`), or `countenance accounts create NAME`",
            )
        return house


@contextmanager
def open_governed(given: dict[str, Any], *, may_create: bool = False) -> Iterator[Governed]:
    """The installation that the options name, beside its server or without one."""
    settings = Settings.from_env(**given)
    with open_store(settings, may_create=may_create) as (database, keys):
        yield Governed(
            settings,
            database,
            keys,
            Accounts(database, keys),
            Governance.open(database, keys, load_terms(settings.terms)),
        )


def deciding_officer(officers: Officers, given: str | None) -> str:
    """The officer whose decision it is.

    Raises:
        ResourceNotFoundException: nobody of that name is an officer.
        SetupError: there is no officer.
        UsageError: none is named, and there are several.
    """
    if given is not None:
        return officers.require(given).name
    names = [officer.name for officer in officers.list()]
    if not names:
        raise SetupError(
            "this server has no officer who could decide",
            remedy="add one (`countenance officers add NAME --role ROLE`), or accept the terms for the house",
        )
    if len(names) > 1:
        raise click.UsageError(f"say which officer decides, with --officer: {', '.join(map(repr, names))}")
    return names[0]


def machine_user() -> str:
    """Who runs the command, where nobody is named: the machine's user, by number, as in the log."""
    return f"uid:{os.getuid()}"


def parse_id(text: str, what: str) -> uuid.UUID:
    """An id as lists show it.

    Raises:
        BadParameter: it is none.
    """
    try:
        return uuid.UUID(text)
    except ValueError:
        raise click.BadParameter(
            f"`{text}` is no id of {what}: it looks like cc5a3315-c2c0-494c-bc0a-f82211d9ac08"
        ) from None


def parse_until(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    """The end of something, which is to come: click's callback."""
    if value is None:
        return None
    now = datetime.now(UTC)
    try:
        moment = parse_moment(value, now=now)
    except ValueError:
        moment = now
    if moment <= now:
        raise click.BadParameter(f"`{value}` is no day to come: write it as 2027-11-26", ctx, param)
    return moment
