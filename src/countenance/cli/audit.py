"""`countenance audit`: reading, checking and handing out the log that anyone can verify."""

from __future__ import annotations

import click

from countenance.cli.worded_group import WordedGroup

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


class _AuditCommands(WordedGroup):
    worded = COMMANDS
    remedy = "see that the database runs, then try `countenance audit reconcile --full`"


@click.group(cls=_AuditCommands)
def audit() -> None:
    """Read, check and hand out the log that anyone can verify.

    Every call leaves an entry in it. `status`, `tail`, `export`, `about`, `keys`, `rotate-key` and
    `auditors` work on the server's machine, beside a running server and without one. `verify` works on
    files alone, wherever they are. What is read for somebody is an entry itself.
    """
