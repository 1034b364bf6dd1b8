"""What commands print: facts and tables for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDTH_IN_FILES = 200

as_json_option = click.option("--json", "as_json", is_flag=True, help="print JSON")


def print_json(value: Any) -> None:
    """One document; times as ISO, to the second."""
    click.echo(json.dumps(value, default=_plain))


def print_facts(facts: Mapping[str, Any], *, as_json: bool) -> None:
    """Names and values; what is nothing is left out for people."""
    if as_json:
        print_json(facts)
        return
    for name, value in facts.items():
        if value is not None:
            click.echo(f"{name:18} {to_words(value)}")


def print_rows(
    rows: Sequence[Mapping[str, Any]],
    *,
    as_json: bool,
    nothing: str = "nothing yet",
    columns: Sequence[str] | None = None,
) -> None:
    """A row for each; all of them have the same members.

    Args:
        columns: those to show to people; JSON has all.
    """
    if as_json:
        print_json(rows)
        return
    chosen = list(columns or rows[0]) if rows else [nothing]
    table = Table()
    for position, name in enumerate(chosen):
        table.add_column(name, overflow="fold", no_wrap=position == 0)  # ids come first: they are copied
    for row in rows:
        # INVARIANT: names and reasons are what somebody wrote, so they are text and never markup.
        table.add_row(*(Text(to_words(row[name])) for name in chosen))
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH_IN_FILES)
    console.print(table)


def to_words(value: Any) -> str:
    """A value for people; what somebody wrote cannot steer the terminal."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.isoformat(timespec="seconds")
        case list() | tuple():
            return ", ".join(map(to_words, value)) or "-"
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in str(value)
    )


def _plain(value: Any) -> str:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else str(value)
