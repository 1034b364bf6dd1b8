"""`countenance evaluations`: signed evaluations of models, by which gated purposes are allowed."""

from __future__ import annotations

from typing import ClassVar

import click

from countenance.cli.worded_group import WordedGroup

COMMANDS = {
    "sign": ("countenance.cli.evaluations_sign:sign", "Sign what `countenance evaluate` wrote."),
    "record": ("countenance.cli.evaluations_record:record", "Put a signed evaluation on record."),
    "list": ("countenance.cli.evaluations_record:list_", "The evaluations that are or were on record."),
    "show": ("countenance.cli.evaluations_record:show", "One of them: what it shows at a threshold."),
    "withdraw": ("countenance.cli.evaluations_record:withdraw", "Have one count for nothing."),
    "evaluators": (
        "countenance.cli.evaluations_evaluators:evaluators",
        "Whose signatures on evaluations count.",
    ),
}


class _Commands(WordedGroup):
    worded: ClassVar = COMMANDS


@click.group(cls=_Commands)
def evaluations() -> None:
    """Signed evaluations of models, by which gated purposes are allowed.

    An evaluation counts for exactly the pack, calibration and program that it is of, until it expires, is
    withdrawn, or its evaluator is trusted no more. Of several that count the newest decides.

    \b
    countenance evaluate photos/ --out report/
    countenance evaluations sign report/evaluation.json --out signed.json
    countenance evaluations evaluators trust "our own" VKEY --own --reason "made on this machine"
    countenance evaluations record signed.json --officer "Maria Lind"
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are
