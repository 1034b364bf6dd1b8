"""`countenance restore`: an installation out of a backup, without what was erased since."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from countenance.backup.restoring import Restored, Target, Wishes
from countenance.backup.restoring import restore as restore_backup
from countenance.cli.backup_options import identity_option, log_key_option, open_backup, passphrase_option
from countenance.cli.governed import parse_words
from countenance.cli.options import settings_options
from countenance.cli.progress import steps_progress
from countenance.cli.tables import as_json_option, print_facts
from countenance.errors import CountenanceError, ServiceError, SetupError
from countenance.settings import Settings
from countenance.store import KeyService
from countenance.transparency.note import Verifier

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_MAX_REASON_BYTES = 256
"""It stands in an entry of the log, which has an end."""
_MAX_CHECKPOINT_BYTES = 65_536


@click.command()
@click.argument("file", type=_FILE)
@identity_option
@passphrase_option
@log_key_option
@click.option(
    "--tombstones",
    "lists",
    type=_FILE,
    multiple=True,
    help="the list of what was erased, newest copy; may be given again  [env: COUNTENANCE_TOMBSTONES]",
)
@click.option(
    "--no-tombstones",
    metavar="REASON",
    callback=parse_words,
    help="there is no such list: why; the log shows it, and what was erased since the backup comes back",
)
@click.option("--last-checkpoint", type=_FILE, help="the newest signed checkpoint of the log that is known")
@click.option(
    "--log-origin", default="", help="what the log is called from now on; empty for a name of its own"
)
@settings_options("data_dir", "database_url")
@as_json_option
def restore(
    file: Path,
    *,
    identity: Path,
    passphrase_file: Path | None,
    log_keys: Sequence[Verifier],
    lists: Sequence[Path],
    no_tombstones: str | None,
    last_checkpoint: Path | None,
    log_origin: str,
    as_json: bool,
    **given: Any,
) -> None:
    """Restore the backup FILE into an empty --data-dir (and an empty database, with --database-url).

    What was erased since the backup is erased again before any server starts on it, from the tombstone list
    that is kept apart. The log goes on under a new name and with new keys, and cites the last checkpoint of
    the old one. Interrupted, it is begun anew by the same command.

    \b
    countenance restore sunday.backup --data-dir NEW --identity identity.txt --log-key VKEY \\
        --tombstones /elsewhere/tombstones
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are
    settings = Settings.from_env(**given)
    if no_tombstones and lists:
        raise click.UsageError("give either --tombstones, or --no-tombstones and why there are none")
    if no_tombstones and len(no_tombstones.encode()) > _MAX_REASON_BYTES:
        raise click.UsageError(
            f"the reason has {len(no_tombstones.encode())} bytes and may have {_MAX_REASON_BYTES}"
        )
    wishes = Wishes(
        tombstones=() if no_tombstones else lists or _configured(settings),
        no_tombstones=no_tombstones or "",
        log_origin=log_origin,
        last_checkpoint=_text_of(last_checkpoint),
    )
    backup = open_backup(file, identity, passphrase_file, log_keys)
    try:
        with steps_progress() as tell:
            restored = restore_backup(
                backup,
                Target(settings.data_dir, settings.database_url, KeyService.from_settings(settings)),
                wishes,
                tell=tell,
            )
    except (SetupError, ServiceError):
        raise
    except CountenanceError as error:  # of the database
        raise SetupError(str(error), remedy="see what the database says, then run it again") from error
    _print(settings, restored, as_json=as_json)


def _configured(settings: Settings) -> Sequence[Path]:
    return (settings.tombstones,) if settings.tombstones is not None else ()


def _text_of(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        with file.open("rb") as opened:
            return opened.read(_MAX_CHECKPOINT_BYTES).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"`{file}` cannot be read: {error}") from error


def _print(settings: Settings, restored: Restored, *, as_json: bool) -> None:
    done, previous = restored.replayed, restored.log.previous
    again = {
        "Faces": done.faces,
        "Users": done.users,
        "Collections": done.collections,
        "Accounts": done.accounts,
        "Vaults": done.vaults,
        "Objections": done.objections,
        "Consents": done.consents,
    }
    facts = {
        "DataDir": str(settings.data_dir),
        "BackupMade": restored.manifest.made_at,
        "Faces": restored.manifest.faces - done.faces,
        "ErasedAgain": again
        if as_json
        else ", ".join(f"{count} {what.lower()}" for what, count in again.items()),
        "ListUntil": restored.since.until or None,
        "Log": restored.log.origin,
        "LogKey": restored.log.log_key,
        "LogKept": restored.log.kept,
        "LogBefore": None if previous is None else f"{previous.origin} {previous.size}",
    }
    print_facts(facts, as_json=as_json)
    if not as_json:
        click.echo(
            "next: tell witnesses and verifiers the log's new key, set log_origin to its new name if you set"
            " it, and start the server; what was erased again is final within 24 hours"
        )
