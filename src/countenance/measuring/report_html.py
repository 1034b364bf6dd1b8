"""An evaluation as one page: head facts, what it says in words, figures, tables, limits, how to check it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from countenance.measuring.evaluation_file import evaluation_digest
from countenance.measuring.facts_table import facts_table
from countenance.measuring.pages import render_page
from countenance.measuring.report_blocks import Section
from countenance.measuring.report_sections import sections_of
from countenance.measuring.report_tables import Table, shown
from countenance.measuring.report_words import findings_of, label_errors_of, limits_of
from countenance.store.files import write_whole

REPORT_NAME = "report.html"
_MOST_ROWS = 60
"""Of a table on the page; all rows are in its CSV."""
_LONG = 10
"""Rows from which a table is folded until somebody opens it."""


def write_report(evaluation: dict[str, Any], directory: Path) -> Path:
    """Write `report.html`, which needs nothing beside it; the directory is made if it is not there.

    Raises:
        InvalidEvaluation: it is none; nothing is written then.
        OSError: the file cannot be written.
    """
    return write_whole(directory / REPORT_NAME, render_report(evaluation).encode())


def render_report(evaluation: dict[str, Any]) -> str:
    """The page as text. Raises InvalidEvaluation as `check_evaluation`."""
    digest = evaluation_digest(evaluation)
    return render_page(
        "report.html.j2",
        evaluation=evaluation,
        digest=digest,
        facts=facts_table(evaluation),
        findings=findings_of(evaluation),
        sections=[_thinned(section) for section in sections_of(evaluation)],
        label_errors=label_errors_of(evaluation),
        limits=limits_of(evaluation),
        shown=shown,
        long=_LONG,
    )


def _thinned(section: Section) -> Section:
    blocks = (_shortened(each) if isinstance(each, Table) else each for each in section.blocks)
    return replace(section, blocks=tuple(blocks))


def _shortened(table: Table) -> Table:
    """Every n-th row of a table that is too long to read, its last one too, and a note that says so."""
    count = len(table.rows)
    if count <= _MOST_ROWS:
        return table
    step = -(-count // _MOST_ROWS)
    rows = table.rows[::step]
    if rows[-1] is not table.rows[-1]:
        rows = (*rows, table.rows[-1])
    note = f"{len(rows)} of {count} rows; all are in {table.name}.csv."
    return replace(table, rows=rows, note=f"{table.note} {note}".strip())
