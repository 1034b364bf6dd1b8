"""`countenance audit`: reading, checking and handing out the log that anyone can verify."""

from __future__ import annotations

from typing import Any, ClassVar

import click

from countenance.cli.lazy_group import LazyGroup
from countenance.errors import CountenanceError, ServiceError, SetupError

COMMANDS = {
    "status": ("countenance.cli.audit_status:status", "How the log stands; exits 1 if it is behind."),
    "tail": ("countenance.cli.audit_tail:tail", "Show the newest entries, and follow them."),
    "export": ("countenance.cli.audit_export:export", "Write entries, or the whole log, to files."),
    "verify": ("countenance.cli.audit_verify:verify", "Verify a folder of the log, on files alone."),
    "reconcile": ("countenance.cli.audit_reconcile:reconcile", "Compare what was done with what is logged."),
    "about": ("countenance.cli.audit_about:about", "What a person may be told: who touched their face."),
    "keys": ("countenance.cli.audit_keys:keys", "List the keys that sign for the log."),
    "rotate-key": ("countenance.cli.audit_keys:rotate", "Exchange a key; the exchange is an entry."),
    "auditors": ("countenance.cli.audit_auditors:auditors", "Who may read everybody's entries."),
}
"""Name → (module and command, what the group's help says of it)."""


class _AuditCommands(LazyGroup):
    """The group's help needs none of its commands, and `verify` no database."""

    commands_of: ClassVar = {name: place for name, (place, _) in COMMANDS.items()}

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (ServiceError, SetupError):
            raise
        except CountenanceError as error:  # of the database: it went away, or what it holds does not fit
            raise SetupError(
                str(error), remedy="see that the database runs, then try `countenance audit reconcile --full`"
            ) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in COMMANDS.items()])


@click.group(cls=_AuditCommands)
def audit() -> None:
    """Read, check and hand out the log that anyone can verify.

    Every call leaves an entry in it. `status`, `tail`, `export`, `about`, `keys`, `rotate-key` and
    `auditors` work on the server's machine, beside a running server and without one. `verify` works on
    files alone, wherever they are. What is read for somebody is an entry itself.
    """
