"""`countenance audit export`: entries, or the whole log, as files."""

from __future__ import annotations

import os
import re
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import click

from countenance.accounts import Accounts
from countenance.audit.export import Write, wanted, write_csv, write_jsonl, write_parquet
from countenance.audit.mirror import mirror_log
from countenance.audit.reader import (
    LogReader,
    count_waiting,
    log_size,
    note_operator_read,
    record_operator_read,
)
from countenance.audit.tree import LogDamaged, LogTree
from countenance.cli.installation import open_store
from countenance.cli.options import settings_options
from countenance.cli.progress import entries_progress
from countenance.errors import SetupError
from countenance.settings import Settings
from countenance.store import Database
from countenance.transparency.canonical import to_time

_WRITERS: dict[str, Write] = {"jsonl": write_jsonl, "csv": write_csv, "parquet": write_parquet}
_TLOG = "tlog"
_AGO = re.compile(r"([0-9]{1,9})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_moment(text: str, *, now: datetime) -> datetime:
    """A time: `24h` or `7d` before now, a date, or an ISO time; in UTC where it names no zone.

    Raises:
        ValueError: it is none of them.
    """
    ago = _AGO.fullmatch(text)
    try:
        if ago:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ValueError(f"`{text}` is no time: write 7d, 24h, 2026-11-23 or 2026-11-23T03:15:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _moment(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    try:
        return None if value is None else parse_moment(value, now=datetime.now(UTC))
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


@click.command()
@click.option(
    "--format",
    "file_format",
    type=click.Choice([*_WRITERS, _TLOG]),
    required=True,
    help="jsonl, csv and parquet: entries; tlog: the whole log as a folder that can be verified",
)
@click.option("--account", "account_id", metavar="ID", help="this account's entries, with what they open to")
@click.option("--since", metavar="TIME", callback=_moment, help="calls that began then or later")
@click.option("--until", metavar="TIME", callback=_moment, help="calls that began before then")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="the file, or the folder of tlog; - or nothing for standard output",
)
@settings_options("data_dir", "database_url")
def export(
    file_format: str,
    account_id: str | None,
    since: datetime | None,
    until: datetime | None,
    output: Path | None,
    **given: Any,
) -> None:
    """Write entries of the log, or the whole log, to files.

    Without --account everybody's entries, pseudonymous as they stand in the log. With --account that
    account's, with what its commitments open to and whom its pseudonyms stand for: personal data, handle
    it so. A TIME is 7d or 24h (ago), a date, or an ISO time; UTC where it names no zone.

    tlog writes what `countenance audit verify` verifies, and brings a folder of an earlier run up to date.
    Heads to verify it with are fetched before: the log goes on growing. Only what has a place in the log is
    written. Every export is an entry in the log itself, tlog once in ten minutes.

    \b
    countenance audit export --format tlog -o mirror/
    countenance audit export --format csv --account 123456789012 --since 30d -o calls.csv
    countenance audit export --format jsonl --since 24h | jq -c .entry
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are
    path = None if output is None or str(output) == "-" else output
    if path is None and file_format in {"parquet", _TLOG}:
        raise click.UsageError(f"{file_format} is not written to standard output: give -o PATH")
    if file_format == _TLOG and (account_id or since or until):
        raise click.UsageError("tlog is the whole log: --account, --since and --until go with other formats")
    with open_store(Settings.from_env(**given)) as (database, keys):
        if account_id is not None:
            Accounts(database, keys).require_account(account_id)
        reader = LogReader(keys, account_id)
        with database.transaction() as connection:
            # a mirror that a timer keeps up to date would find its own last run every time
            record = note_operator_read if file_format == _TLOG else record_operator_read
            record(connection, _resource(file_format, reader, since, until))
        if file_format == _TLOG:
            assert path is not None
            _mirror(database, path)
            return
        with entries_progress() as on_progress, _output(path) as file:
            count = _write(
                database,
                reader,
                _WRITERS[file_format],
                file,
                since=since,
                until=until,
                on_progress=on_progress,
            )
        with database.read() as connection:
            waiting = count_waiting(connection)
    _say(f"{path or 'standard output'}: {count} {'entry' if count == 1 else 'entries'}")
    if waiting:
        who = "1 event has" if waiting == 1 else f"{waiting} events have"
        left_out = "is" if waiting == 1 else "are"
        _say(f"note: {who} no place in the log yet and {left_out} left out")


def _mirror(database: Database, folder: Path) -> None:
    try:
        with entries_progress() as on_progress:
            done = mirror_log(database, LogTree(), folder, on_progress=on_progress)
    except LogDamaged as error:
        raise SetupError(
            str(error), remedy="find out who changed the database: see `audit reconcile --full`"
        ) from error
    _say(f"{folder}: {done.size} entries, {done.size - done.from_size} of them new")


def _write(
    database: Database,
    reader: LogReader,
    write: Write,
    file: BinaryIO,
    *,
    since: datetime | None,
    until: datetime | None,
    on_progress: Callable[[int, int], None],
) -> int:
    with database.read() as connection:
        size, names = log_size(connection), reader.names(connection)
    entries = reader.entries(database, size=size, on_progress=lambda done: on_progress(done, size))
    return write(wanted(entries, since=since, until=until), file, names)


def _resource(file_format: str, reader: LogReader, since: datetime | None, until: datetime | None) -> str:
    """What is read, for the entry about it: no name and no account's number."""
    given = {
        "account": reader.pseudonym,
        "since": to_time(since) if since else "",
        "until": to_time(until) if until else "",
    }
    return " ".join(["export", file_format, *(f"{name}={value}" for name, value in given.items() if value)])


@contextmanager
def _output(path: Path | None) -> Iterator[BinaryIO]:
    """Standard output, or a file that is there when it is whole; for its owner's eyes."""
    if path is None:
        yield sys.stdout.buffer
        return
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise SetupError(
            f"`{path}` cannot be written: {error.strerror or error}",
            remedy="choose another path, or make room",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _say(words: str) -> None:
    click.echo(words, err=True)
