"""`countenance backup keygen`: an identity that opens backups, kept away from the server."""

from __future__ import annotations

from pathlib import Path

import click

from countenance.backup.envelope import make_identity
from countenance.cli.backup_options import passphrase_of, passphrase_option
from countenance.cli.tables import as_json_option, print_facts


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@passphrase_option
@as_json_option
def keygen(file: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """Write a new identity to FILE (mode 600), and print its recipient.

    The recipient is for `countenance backup`; the identity opens what is encrypted to it. Keep it where the
    backups are not: who has both reads everything, who has lost it reads nothing.

    Example: countenance backup keygen identity.txt
    """
    recipient = make_identity(file, passphrase=passphrase_of(passphrase_file))
    print_facts({"Recipient": recipient, "Identity": str(file)}, as_json=as_json)
