"""`countenance backup FILE`: a backup, made beside a running server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from countenance.backup.envelope import parse_recipient
from countenance.backup.last_made import note_backup
from countenance.backup.making import Source, make_backup
from countenance.cli.installation import open_store, open_tombstones
from countenance.cli.options import settings_options
from countenance.cli.progress import steps_progress
from countenance.cli.tables import as_json_option, print_facts
from countenance.settings import Settings


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--recipient",
    "recipients",
    metavar="age1...",
    multiple=True,
    required=True,
    help="who can open it, as `backup keygen` or age-keygen prints it; may be given again",
)
@click.option("--force", is_flag=True, help="replace a file of that name")
@settings_options("data_dir", "database_url", "tombstones")
@as_json_option
def create(file: Path, recipients: Sequence[str], force: bool, as_json: bool, **given: Any) -> None:
    """Write a backup of the installation to FILE, beside a running server or without one.

    It holds everything of one moment: all tables, the keys that open them, credentials, rule packs. Not the
    models, which are installed anew. Nothing is there under FILE before all of it is.

    Example: countenance backup --recipient age1... sunday.backup
    """
    settings = Settings.from_env(**given)
    parsed = [parse_recipient(each) for each in recipients]
    with open_store(settings) as (database, keys), steps_progress() as tell:
        source = Source(database, keys, settings.data_dir, open_tombstones(database, keys, settings))
        manifest = make_backup(
            source, file, parsed, replace=force, tell=lambda done, rows: tell("rows", done, rows)
        )
        note_backup(settings.data_dir, manifest.made_at)
    facts = {
        "File": str(file),
        "Bytes": file.stat().st_size,
        "Made": manifest.made_at,
        "Faces": manifest.faces,
        "Rows": manifest.rows,
        "LogEntries": manifest.entries,
        "TombstoneLine": manifest.tombstones[0],
        "LogKey": manifest.log_keys[-1],
        "WithoutKey": list(manifest.without_key) or None,
    }
    print_facts(facts, as_json=as_json)
    if not as_json:
        click.echo("keep the log's key with the identity: it tells your backups from others'")
