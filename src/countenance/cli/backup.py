"""`countenance backup`: one file that holds an installation, and proof that it restores."""

from __future__ import annotations

import click

from countenance.cli.worded_group import WordedGroup

COMMANDS = {
    "create": ("countenance.cli.backup_create:create", "Make a backup; `backup FILE` is short for it."),
    "verify": ("countenance.cli.backup_verify:verify", "Prove that a backup restores, by restoring it."),
    "keygen": ("countenance.cli.backup_keygen:keygen", "Make an identity that backups are encrypted to."),
}
"""Name → (module and command, what the group's help says of it)."""
_HELP = {"-h", "--help"}


class _BackupCommands(WordedGroup):
    worded = COMMANDS

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """What names no command is what `create` is to make."""
        if args and args[0] not in {*COMMANDS, *_HELP}:
            args = ["create", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_BackupCommands)
def backup() -> None:
    """Back up an installation into one file, beside a running server.

    The file is encrypted (age) to a recipient whose identity the server does not have, and signed by the
    log's key. `verify` restores it into a database of its own and reads all of it back. `countenance restore`
    makes an installation out of it, without what was erased since.

    \b
    countenance backup keygen identity.txt
    countenance backup --recipient age1... sunday.backup
    countenance backup verify sunday.backup --identity identity.txt
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are
