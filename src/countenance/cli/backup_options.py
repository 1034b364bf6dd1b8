"""What the commands about backups are given: identities, passphrases, keys that must have signed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from countenance.audit.published import list_keys
from countenance.backup.envelope import load_identities
from countenance.backup.reading import BackupFile
from countenance.cli.installation import open_store
from countenance.errors import SetupError
from countenance.settings import Settings
from countenance.store import KeyStore
from countenance.transparency.note import NoteInvalid, Verifier

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_MAX_PASSPHRASE_BYTES = 4096

passphrase_option = click.option(
    "--passphrase-file", type=_FILE, help="a file with the passphrase of the identity"
)
identity_option = click.option(
    "--identity",
    type=_FILE,
    required=True,
    help="what opens the backup: a file of `backup keygen` or age-keygen",
)


def _parse_keys(ctx: click.Context, param: click.Parameter, values: Sequence[str]) -> list[Verifier]:
    try:
        return [Verifier.parse(value) for value in values]
    except NoteInvalid as error:
        raise click.BadParameter(str(error), ctx, param) from None


log_key_option = click.option(
    "--log-key",
    "log_keys",
    metavar="VKEY",
    multiple=True,
    callback=_parse_keys,
    help="the key of the log that the backup must be signed by, NAME+HASH+KEY",
)


def passphrase_of(file: Path | None) -> str:
    """What the file says, without its line end; empty for no file.

    Raises:
        SetupError: it cannot be read, or is empty.
    """
    if file is None:
        return ""
    try:
        with file.open(encoding="utf-8") as opened:
            passphrase = opened.read(_MAX_PASSPHRASE_BYTES).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"the passphrase `{file}` cannot be read: {error}") from error
    if not passphrase:
        raise SetupError(f"`{file}` is empty", remedy="write the passphrase into it, a line")
    return passphrase


def open_backup(
    file: Path, identity: Path, passphrase_file: Path | None, log_keys: Sequence[Verifier]
) -> BackupFile:
    """A backup and what opens it."""
    return BackupFile(file, load_identities(identity, passphrase=passphrase_of(passphrase_file)), log_keys)


def installed_log_keys(settings: Settings) -> list[Verifier]:
    """Keys of the log of the installation that the settings name; none where there is no installation."""
    if not KeyStore.is_there(settings.data_dir / "keys"):
        return []
    with open_store(settings) as (database, _), database.read() as connection:
        return [Verifier.parse(key.vkey) for key in list_keys(connection) if key.use == "log"]
