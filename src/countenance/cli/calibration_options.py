"""Options that the commands about calibrations share."""

from __future__ import annotations

import click

from countenance.cli.governed import parse_words

why_option = click.option("--reason", metavar="TEXT", callback=parse_words, help="why: it stays on record")
acceptance_option = click.option(
    "--accept-difference",
    is_flag=True,
    help="put it in force though it is far from the pack's own; that it was is on record and in the log",
)
