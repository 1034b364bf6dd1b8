"""The tables of an evaluation as CSV files, and the evaluation itself beside them."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from countenance.measuring.evaluation_file import canonical_evaluation
from countenance.measuring.evaluation_tables import tables_of
from countenance.measuring.report_tables import Column, Table
from countenance.measuring.visible import visible
from countenance.store.files import write_whole

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""
_RATE_PARTS = ("", "_low", "_high", "_trials", "_effective", "_bound")


def write_tables(evaluation: dict[str, Any], directory: Path) -> tuple[Path, ...]:
    """`evaluation.json` in its canonical form and one CSV a table; the files that were written.

    The directory is made if it is not there; files of these names are replaced, others are left.

    Raises:
        InvalidEvaluation: it is none; nothing is written then.
        OSError: a file cannot be written.
    """
    written = [write_whole(directory / "evaluation.json", canonical_evaluation(evaluation))]
    written.extend(
        write_whole(directory / f"{each.name}.csv", to_csv(each).encode()) for each in tables_of(evaluation)
    )
    return tuple(written)


def to_csv(table: Table) -> str:
    """RFC 4180: a line of names, CRLF, numbers with a point and all their digits.

    A rate becomes six columns: itself, its interval's ends, its trials, the effective ones, its bound. Where
    a table has a rate that was refused, two more say why and how many trials it would take.
    """
    has_refusals = any(_refusal(row, table.columns) for row in table.rows)
    names = [name for column in table.columns for name in _names(column)]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([*names, *(("refused", "trials_needed") if has_refusals else ())])
    for row in table.rows:
        cells = [
            cell for column, value in zip(table.columns, row, strict=True) for cell in _cells(column, value)
        ]
        if has_refusals:
            refusal = _refusal(row, table.columns)
            cells += [_safe(refusal.get("refused")), _safe(refusal.get("trials_needed"))]
        writer.writerow(cells)
    return out.getvalue()


def _names(column: Column) -> list[str]:
    return [column.name + part for part in _RATE_PARTS] if column.is_rate else [column.name]


def _cells(column: Column, value: Any) -> list[str]:
    if not column.is_rate:
        return [_safe(value)]
    if value is None or "refused" in value:
        return [""] * len(_RATE_PARTS)
    ends = value["interval"]
    parts = (
        value["rate"],
        ends["low"],
        ends["high"],
        value["trials"],
        value.get("effective"),
        value.get("bound"),
    )
    return [_safe(part) for part in parts]


def _refusal(row: tuple[Any, ...], columns: tuple[Column, ...]) -> dict[str, Any]:
    """The first one of a row, or nothing."""
    for column, value in zip(columns, row, strict=True):
        if column.is_rate and value is not None and "refused" in value:
            return dict(value)
    return {}


def _safe(value: Any) -> str:
    """A number as it is; text so that no spreadsheet takes it for a formula."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return repr(value)
    shown = str(visible(value))
    return f"'{shown}" if value.startswith(_FORMULA) else shown
