"""`countenance audit tail`: the newest entries, and those that come."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import click

from countenance.accounts import Accounts
from countenance.audit.export import to_json_line
from countenance.audit.own_entries import OwnEntry
from countenance.audit.reader import LogReader, named, record_operator_read
from countenance.cli.installation import open_store
from countenance.cli.options import settings_options
from countenance.settings import Settings
from countenance.store import Database

_LOOK_EVERY_S = 0.5
_COLOURS = {"answered": "green", "refused": "yellow", "failed": "red", "alarm": "red"}


@click.command()
@click.option(
    "-n", "--lines", default=20, show_default=True, type=click.IntRange(0, 100_000), help="how many"
)
@click.option("-f", "--follow", is_flag=True, help="go on with what comes, until Ctrl-C")
@click.option("--account", "account_id", metavar="ID", help="entries of this account alone")
@click.option(
    "--open", "is_opened", is_flag=True, help="with --account: show what pseudonyms and commitments stand for"
)
@click.option("--json", "as_json", is_flag=True, help="print a JSON document a line")
@settings_options("data_dir", "database_url")
def tail(
    lines: int,
    follow: bool,
    account_id: str | None,
    is_opened: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Show the newest entries of the log, the newest last.

    A line is: index in the log ("-" while it has no place yet, a second or so), time, operation or kind,
    outcome or error, what policy decided, number of candidates. Works beside a running server and without
    one.

    With --open names are shown, so that is recorded as a read of the account's entries.

    \b
    countenance audit tail -f
    countenance audit tail -n 100 --json | jq .entry.operation
    countenance audit tail --account 123456789012 --open
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are
    if is_opened and account_id is None:
        raise click.UsageError("--open needs --account: only an account's own entries can be opened")
    with open_store(Settings.from_env(**given)) as (database, keys):
        if account_id is not None:
            Accounts(database, keys).require_account(account_id)
        reader = LogReader(keys, account_id)
        with database.transaction() as connection:
            names = reader.names(connection) if is_opened else {}
            if is_opened:
                record_operator_read(connection, f"tail account={reader.pseudonym}")
        with suppress(KeyboardInterrupt):  # how following ends
            for own in _entries(database, reader, lines=lines, follow=follow):
                shown = own if is_opened else replace(own, openings={})
                if as_json:
                    click.echo(to_json_line(shown, names), nl=False)
                else:
                    _print(shown, names)


def _entries(database: Database, reader: LogReader, *, lines: int, follow: bool) -> Iterator[OwnEntry]:
    """The newest entries, oldest first; then for ever what comes, each once."""
    with database.read() as connection:
        after, waiting = reader.mark(connection)
        newest = reader.latest(connection, lines)[::-1]
    yield from newest
    after = max([after, *(own.log_index for own in newest if own.log_index is not None)])
    waiting |= {own.event_id for own in newest if own.log_index is None}
    while follow:
        time.sleep(_LOOK_EVERY_S)
        for own in _news(database, reader, after=after, shown=waiting):
            if own.log_index is not None:
                after = own.log_index
            if own.event_id in waiting:
                waiting.discard(own.event_id)  # shown when it had no place yet
                continue
            if own.log_index is None:
                waiting.add(own.event_id)
            yield own


def _news(database: Database, reader: LogReader, *, after: int, shown: set[uuid.UUID]) -> list[OwnEntry]:
    with database.read() as connection:
        return reader.news(connection, after=after, shown=shown)


def _print(own: OwnEntry, names: dict[str, str]) -> None:
    members = own.members
    kind = members["kind"]
    what = members.get("operation", kind)
    outcome = members.get("outcome", "")
    said = f"{members.get('error', outcome):<9}" if kind in {"call", "change"} else _facts(members)
    candidates = members.get("candidates")
    columns = (
        f"{'-' if own.log_index is None else own.log_index:>8}",
        members["time"],
        f"{kind:<8}" if what != kind else "",
        f"{what:<24}",
        click.style(said, fg=_COLOURS.get(outcome or kind)),
        members.get("decision", ""),
        "" if candidates is None else f"candidates={candidates}",
    )
    click.echo("  ".join(column for column in columns if column).rstrip())
    opened = named(own, names) | {
        member: " ".join(str(each.value) for each in openings) for member, openings in own.openings.items()
    }
    if opened:
        told = "  ".join(f"{member}={_printable(value)}" for member, value in opened.items())
        click.secho(f"{'':>8}  {told}", dim=True)


def _facts(members: dict[str, Any]) -> str:
    """What a statement says of itself, in short."""
    plain = {"what", "auditor", "resource", "use", "origin"} & members.keys()
    return _printable("  ".join(f"{name}={members[name]}" for name in sorted(plain)))


def _printable(text: str) -> str:
    """What a caller chose must not steer the terminal."""
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )
