"""`countenance accounts`: who may call, on the machine of the server."""

from __future__ import annotations

from typing import ClassVar

import click

from countenance.cli.worded_group import WordedGroup

COMMANDS = {
    "create": ("countenance.cli.accounts_register:create", "Make an account."),
    "list": ("countenance.cli.accounts_register:list_", "List the accounts, with profile and standing."),
    "show": ("countenance.cli.accounts_show:show", "All there is to know of an account, and why."),
    "profile": ("countenance.cli.accounts_register:profile", "Say what kind of organisation it is."),
    "keys": ("countenance.cli.accounts_keys:keys", "Access keys: make, list, revoke."),
    "restrict": ("countenance.cli.accounts_standing:restrict", "Let it neither search, compare nor enrol."),
    "suspend": ("countenance.cli.accounts_standing:suspend", "Stop it, and all downstream of it."),
    "reinstate": ("countenance.cli.accounts_standing:reinstate", "Give it back its good standing."),
    "terminate": ("countenance.cli.accounts_standing:terminate", "End it; takes two officers."),
    "limit": ("countenance.cli.accounts_limit:limit", "Say how many calls a second it may make."),
    "records": ("countenance.cli.accounts_records:records", "What it has on file, that rules ask for."),
    "train": ("countenance.cli.accounts_records:train", "Record that an operator was trained."),
    "relations": ("countenance.cli.accounts_relations:relations", "Who supplies it, for whom it acts."),
    "forget": ("countenance.cli.accounts_register:forget", "Make the log forget it, for good."),
}


class _Commands(WordedGroup):
    worded: ClassVar = COMMANDS


@click.group(cls=_Commands)
def accounts() -> None:
    """Accounts: who may call, what they have, and how they stand.

    Works beside a running server and without one; what changes is in force at the next call. Each change
    is recorded as an event in the account's log.

    Example: countenance accounts create "City Museum" --profile public_body
    """
