"""`countenance policy`: the rules, and packs of further ones."""

from __future__ import annotations

from typing import ClassVar

import click

from countenance.cli.worded_group import WordedGroup

COMMANDS = {
    "packs": ("countenance.cli.policy_packs:packs", "The rule packs that are here, and which are in use."),
    "show": ("countenance.cli.policy_packs:show", "A pack: rules, duties, sources, what stays on paper."),
    "activate": ("countenance.cli.policy_use:activate", "Put a pack in force, or only watch it."),
    "deactivate": ("countenance.cli.policy_use:deactivate", "Use a pack no more."),
    "trust": ("countenance.cli.policy_use:trust", "Take packs that an issuer signs."),
    "rules": ("countenance.cli.policy_rules:rules", "Every rule and duty in force or watched."),
    "check": ("countenance.cli.policy_check:check", "Check packs: signature, schema, their own tests."),
    "explain": ("countenance.cli.policy_explain:explain", "What would be decided about a call, and why."),
    "simulate": ("countenance.cli.policy_simulate:simulate", "What packs would have refused, from a log."),
}


class _Commands(WordedGroup):
    worded: ClassVar = COMMANDS


@click.group(cls=_Commands)
def policy() -> None:
    """The rules that decide every call, and packs of further ones.

    A pack holds guidelines that a government, an agency or a house has set, in rules that may only forbid.
    No lawyer has reviewed the packs that come with Countenance (`legal review: none`); to use one does not
    make anybody comply with any law.

    \b
    countenance policy packs
    countenance audit export --format jsonl | countenance policy simulate - --pack us-wa-43.386
    countenance policy activate us-wa-43.386 --shadow --officer "Maria Lind"
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are
