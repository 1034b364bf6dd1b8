"""`countenance report dpia`, `art30` and `accountability`: drafts, from what is so on this server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from countenance.cli.governed import open_governed
from countenance.cli.options import settings_options
from countenance.cli.tables import as_json_option, print_json
from countenance.errors import InvalidEvaluation, SetupError
from countenance.measuring.evaluation_file import load_evaluation
from countenance.reporting.accountability import draft_accountability
from countenance.reporting.art30 import draft_art30
from countenance.reporting.dpia import draft_dpia
from countenance.reporting.house import House, read_house
from countenance.reporting.pages import render_page
from countenance.reporting.paper import DRAFT, Paper, to_json, to_markdown
from countenance.store.files import write_whole

_Command = TypeVar("_Command", bound=Callable[..., Any])
_where = settings_options()
_out = click.option(
    "-o",
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="write it there as Markdown and HTML  [default: Markdown to standard output]",
)


_evaluations = click.option(
    "--evaluation",
    "evaluations",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="an evaluation whose rates are told beside those on record; may be given again",
)


def _options(command: _Command) -> _Command:
    return _out(_evaluations(as_json_option(_where(command))))


@click.command()
@_options
def dpia(out: Path | None, evaluations: Sequence[Path], as_json: bool, **given: Any) -> None:
    """Draft a data protection impact assessment (GDPR, Article 35(7)), for people to finish.

    From settings, purposes, charters, rule packs, models and their evaluations, keys, deletion and the log.
    Each statement names where its fact is from; what only a person can write is a blank with a question.
    No lawyer has read it. Names of officers, accounts and collections are in it: keep it so.

    Give the server's own settings, as `countenance serve` has them, so that what they say is so.

    Example: countenance report dpia -o dpia/
    """
    _draft(draft_dpia, "dpia", out, evaluations, given, as_json=as_json)


@click.command()
@_options
def art30(out: Path | None, evaluations: Sequence[Path], as_json: bool, **given: Any) -> None:
    """Draft the record of processing activities (GDPR, Article 30(1)), one part for each purpose in use.

    As `countenance report dpia` in all else: facts with where they are from, blanks with questions.

    Example: countenance report art30 -o art30/
    """
    _draft(draft_art30, "art30", out, evaluations, given, as_json=as_json)


@click.command()
@_options
def accountability(out: Path | None, evaluations: Sequence[Path], as_json: bool, **given: Any) -> None:
    """Draft who decided what, which terms were accepted, what was found, and what the log proves of it.

    As `countenance report dpia` in all else: facts with where they are from, blanks with questions.

    Example: countenance report accountability --json
    """
    _draft(draft_accountability, "accountability", out, evaluations, given, as_json=as_json)


def _draft(
    draft: Callable[[House], Paper],
    name: str,
    out: Path | None,
    evaluations: Sequence[Path],
    given: dict[str, Any],
    *,
    as_json: bool,
) -> None:
    try:
        documents = [load_evaluation(path) for path in evaluations]
    except InvalidEvaluation as error:
        raise click.UsageError(str(error)) from None
    with open_governed(given) as governed:
        house = read_house(
            governed.database,
            governed.keys,
            governed.governance,
            governed.settings,
            now=datetime.now(UTC),
            given=documents,
        )
    if not house.is_served:
        click.secho("note: no server runs on this data directory; the draft says so", fg="yellow", err=True)
    paper = draft(house)
    if out is not None:
        try:
            out.mkdir(parents=True, exist_ok=True)
            write_whole(out / f"{name}.md", to_markdown(paper).encode())
            write_whole(out / f"{name}.html", render_page("paper.html.j2", paper=paper, draft=DRAFT).encode())
        except OSError as error:
            raise SetupError(
                f"`{out}` cannot be written: {error.strerror}", remedy="choose another"
            ) from error
        click.secho(
            f"written: {out / name}.md, {out / name}.html; {paper.blanks} questions are yours", err=True
        )
    if as_json:
        print_json(to_json(paper))
    elif out is None:
        click.echo(to_markdown(paper), nl=False)
