"""`countenance backup verify`: whether a backup restores, by restoring it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from countenance.backup.proving import Proved, prove
from countenance.cli.backup_options import (
    identity_option,
    installed_log_keys,
    log_key_option,
    open_backup,
    passphrase_option,
)
from countenance.cli.options import settings_options
from countenance.cli.progress import steps_progress
from countenance.cli.tables import as_json_option, print_facts
from countenance.settings import Settings
from countenance.store import KeyService
from countenance.transparency.note import Verifier

_SOMETHING_IS_WRONG = 1
_ENDINGS = (signal.SIGTERM, signal.SIGHUP)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@identity_option
@passphrase_option
@log_key_option
@click.option(
    "--work-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="where there is space for the whole database, for as long as it takes",
)
@settings_options("data_dir", "database_url")
@as_json_option
def verify(
    file: Path,
    *,
    identity: Path,
    passphrase_file: Path | None,
    log_keys: Sequence[Verifier],
    work_dir: Path | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Prove that the backup FILE restores: restore it, read it back, open every template; then remove that.

    Signature, digests, numbers of rows, the log's tree against its checkpoint, each face's sealed templates
    and its picture in a vault. Without --log-key it must be signed by the log of the installation here. Exits
    1 if one of them does not open, 3 if the backup does not restore. Stopped, it removes what it restored;
    what one that was killed has left is removed by the next.

    Example: countenance backup verify sunday.backup --identity identity.txt
    """
    settings = Settings.from_env(**given)
    backup = open_backup(file, identity, passphrase_file, log_keys or installed_log_keys(settings))
    with ended_in_order(), steps_progress() as tell:
        proved = prove(backup, work_dir=work_dir, service=KeyService.from_settings(settings), tell=tell)
    _print(file, proved, as_json=as_json)
    if not proved.is_whole:
        sys.exit(_SOMETHING_IS_WRONG)


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Who is told to end tidies up before: keys and rows lie there in clear."""

    def end(number: int, _frame: object) -> None:
        for each in before:
            signal.signal(each, signal.SIG_IGN)  # a second one would break off the tidying up
        sys.exit(128 + number)

    # What is ignored stays so: of `nohup`.
    before = {each: handler for each in _ENDINGS if (handler := signal.getsignal(each)) != signal.SIG_IGN}
    try:
        for each in before:
            signal.signal(each, end)
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _print(file: Path, proved: Proved, *, as_json: bool) -> None:
    manifest, opened = proved.manifest, proved.opened
    facts = {
        "File": str(file),
        "Made": manifest.made_at,
        "Log": manifest.origin,
        "SignedBy": manifest.log_keys[-1],
        "Rows": manifest.rows,
        "LogEntries": proved.entries,
        "TemplatesOpened": opened.templates,
        "OtherTemplatesOpened": opened.other_templates,
        "CropsOpened": opened.crops,
        "TemplatesBroken": opened.broken_templates,
        "CropsBroken": opened.broken_crops,
        "Broken": opened.broken or None,
        "WithoutKey": list(manifest.without_key) or None,
    }
    print_facts(facts, as_json=as_json)
    if not as_json and proved.is_whole:
        click.secho("it restores", fg="green")
