"""`countenance audit reconcile`: what the store did and which receipts were given, against the log."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from countenance.audit.reconcile import AlreadyReconciling, Reconciliation
from countenance.audit.reconcile import reconcile as compare
from countenance.cli.installation import open_store
from countenance.cli.options import settings_options
from countenance.errors import SetupError
from countenance.gallery.activity import searches_ran
from countenance.settings import Settings

_MEANINGS = {
    "changes_without_an_event": "galleries were changed by transactions that left no event",
    "faces_changed_past_the_log": "faces or collections came or went, and the log does not tell of it",
    "counters_lost": "fewer searches are counted than were before: a file of counts is gone",
    "more_searches_told_than_ran": "the log tells of more searches than ran: entries were forged",
    "searches_without_a_record": "searches ran of which the log tells nothing",
    "receipts_missing": "receipts were given for entries that are nowhere",
    "receipts_altered": "receipts were given for entries that are different now",
    "canary_missing": "the entry that the last reconciliation left is gone or altered",
    "reconciliation_missing": "the last reconciliation's own entry is gone or altered",
    "note_missing": "the note that the last reconciliation left in the data directory is gone or altered",
    "size": "the log's size is not the number of its entries, or places are left out",
    "signed_root": "the tree does not lead to the head that was signed",
    "entries": "entries are not those that the tree was made of",
    "tiles": "tiles are missing or were changed",
}


@click.command()
@click.option("--full", is_flag=True, help="hash all entries and tiles, look for all receipts again")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
@settings_options("data_dir", "database_url")
def reconcile(full: bool, as_json: bool, **given: Any) -> None:
    """Compare what the store did and which receipts were given with what the log says.

    Leaves an entry with the figures, and one for each mismatch that is new. A server does this by itself
    once a day. Works beside a running server and without one. Exits 1 if something does not agree.
    """
    settings = Settings.from_env(**given)
    with open_store(settings) as (database, _):
        try:
            found = compare(database, settings.data_dir, lambda: searches_ran(settings.data_dir), full=full)
        except AlreadyReconciling:
            raise SetupError(
                "another process reconciles this log at the moment", remedy="wait for its end"
            ) from None
    if as_json:
        told = {"Figures": found.figures, "Mismatches": found.mismatches, "New": list(found.new)}
        click.echo(json.dumps(told))
    else:
        _show(found)
    sys.exit(1 if found.mismatches else 0)


def _show(found: Reconciliation) -> None:
    table = Table("What", "Figure")
    for name, figure in _rows(
        {name: found.figures[name] for name in ("log", "changes", "faces", "receipts")}
    ):
        table.add_row(name, str(figure))
    searches = found.figures["searches"]
    table.add_row("searches ran", str(searches["ran"] - searches["counted_from"]))
    table.add_row("searches unanswered", str(searches["unanswered"]))
    Console().print(table)
    if found.is_first:
        click.echo("this is the first reconciliation: searches are compared from here on")
    for name, figures in found.mismatches.items():
        told = ", ".join(f"{of} {figure}" for of, figure in figures.items())
        word = "new" if name in found.new else "known"
        click.secho(f"{name} ({word}): {_MEANINGS[name]} ({told})", fg="red")
    if not found.mismatches:
        click.secho("what was done and what is logged agree", fg="green")


def _rows(figures: Mapping[str, Mapping[str, int]]) -> Iterator[tuple[str, int]]:
    for group, members in figures.items():
        for name, figure in members.items():
            yield f"{group} {name}", figure
