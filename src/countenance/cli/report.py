"""`countenance report`: what the public may see, and drafts of the papers that a law asks for."""

from __future__ import annotations

import click

from countenance.cli.worded_group import WordedGroup

COMMANDS = {
    "transparency": (
        "countenance.cli.report_transparency:transparency",
        "Figures for the public, out of the log alone; or check somebody's.",
    ),
    "published": ("countenance.cli.report_published:published", "List what /transparency serves."),
    "withdraw": ("countenance.cli.report_published:withdraw", "Serve a published report no more."),
    "dpia": ("countenance.cli.report_papers:dpia", "Draft a data protection impact assessment."),
    "art30": ("countenance.cli.report_papers:art30", "Draft the record of processing activities."),
    "accountability": ("countenance.cli.report_papers:accountability", "Draft who decided what, and proof."),
}
"""Name → (module and command, what the group's help says of it)."""


class _ReportCommands(WordedGroup):
    worded = COMMANDS


@click.group(cls=_ReportCommands)
def report() -> None:
    """Report to the public, and draft papers from what is so.

    `transparency` computes every figure from the log, at a checkpoint that it names: anybody with the log
    gets the same bytes. The others are drafts that no lawyer has read: each statement names where its fact
    comes from, and what only a person can write is left blank, with the question.

    \b
    countenance report transparency --server --from 2026-10-01 --to 2027-01-01 -o report/
    countenance report transparency --server --from 2026-10-01 --to 2027-01-01 --publish
    countenance report transparency --log mirror/ --log-key VKEY --check report/report.json
    countenance report dpia -o dpia/
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are
