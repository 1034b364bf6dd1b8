"""The report of an import: a table for programs and a page for people, for the eyes of this user alone."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from countenance.importing.records import FORGOTTEN, MEANINGS, Progress, Run, Told, Verdict
from countenance.store.files import make_private_directory, write_private

_COLUMNS: Final = (
    *("item", "path", "external_image_id", "user_id", "verdict", "reasons", "detail", "faces_found"),
    *("face_id", "similarity", "other_face_id", "other_external_image_id", "other_user_id", "sha256"),
)
_BEGINS_A_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_MOST_SHOWN: Final = 1000
"""Photos of a verdict that the page lists; the table has all."""
_STYLE: Final = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem;
  color: #1b1b1b; background: #fff }
table { border-collapse: collapse; margin: .5rem 0 1.5rem }
th, td { text-align: left; padding: .2rem .8rem .2rem 0; vertical-align: top; border-bottom: 1px solid #ddd;
  overflow-wrap: anywhere }
td.n, th.n { text-align: right }
.note { color: #555 }
img { max-width: 160px; max-height: 160px; display: block }
h2 { margin-top: 2rem }
@media (prefers-color-scheme: dark) {
  body { background: #161616; color: #e8e8e8 }
  th, td { border-color: #444 }
  .note { color: #aaa }
}
"""

_HEAD: Final = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Import report</title>
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'unsafe-inline'; img-src 'self' file:">
<style>{_STYLE}</style></head><body>"""
"""Nothing is fetched from anywhere, and no script runs, whatever a name holds."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """Thumbnails beside the report.

    Attributes:
        files: photo's path → file.
        until: when they are removed, in words.
        left_out: photos that need a look and have none, as there are too many.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    until: str = ""
    left_out: int = 0


def write_report(
    folder: Path, run: Run, progress: Progress, told: Iterable[Told], *, pictures: Pictures | None = None
) -> None:
    """Write report.csv and report.html into a folder of mode 700, each of mode 600.

    Raises:
        SetupError: the folder cannot be made, or is open to others.
    """
    make_private_directory(folder)
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(_COLUMNS)
    lists: dict[Verdict, list[Told]] = {}
    paths: dict[str, str] = {}
    for each in told:
        writer.writerow([guarded(cell) for cell in _cells(each)])
        if each.outcome is None:
            continue
        if each.outcome.face_id is not None and each.wanted.path:
            paths[str(each.outcome.face_id)] = each.wanted.path
        shown = lists.setdefault(each.outcome.verdict, [])
        if len(shown) < _MOST_SHOWN and (
            each.outcome.verdict is not Verdict.ENROLLED or each.outcome.reasons
        ):
            shown.append(each)
    write_private(folder / "report.csv", table.getvalue().encode(), replace=True)
    page = _page(run, progress, lists, paths, pictures or Pictures())
    write_private(folder / "report.html", page.encode(), replace=True)


def guarded(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_BEGINS_A_FORMULA) else cell


def _cells(told: Told) -> list[str]:
    wanted, outcome = told.wanted, told.outcome
    begin = [str(told.number), wanted.path, wanted.external_image_id, wanted.user_id or ""]
    if outcome is None:
        return [*begin, "", *[""] * (len(_COLUMNS) - len(begin) - 1)]
    other = outcome.other
    return [
        *begin,
        outcome.verdict.value,
        " ".join(outcome.reasons),
        outcome.detail,
        "" if outcome.faces_found is None else str(outcome.faces_found),
        str(outcome.face_id or ""),
        "" if other is None else f"{other.similarity:.2f}",
        "" if other is None else str(other.face_id),
        "" if other is None else other.external_image_id or "",
        "" if other is None else other.user_id or "",
        "" if outcome.sha256 is None else outcome.sha256.hex(),
    ]


def _page(
    run: Run,
    progress: Progress,
    lists: Mapping[Verdict, Sequence[Told]],
    paths: Mapping[str, str],
    pictures: Pictures,
) -> str:
    kind = "Dry run of an import" if run.request.is_dry else "Import"
    begun = run.begun_at.isoformat(sep=" ", timespec="seconds")
    problem = f": {_text(run.problem)}" if run.problem else ""
    parts = [
        _HEAD,
        f"<h1>{kind} into {_text(run.collection)}</h1>",
        (
            f"<p>From {_text(run.request.source)}, begun {begun}. Import {run.import_id}, "
            f"{run.state.value}{problem}. {_rate(run, progress)}</p>"
        ),
        _counts(progress),
        _passed_over(run.request.passed_over),
    ]
    if pictures.files:
        parts.append(f'<p class="note">The thumbnails are removed at {_text(pictures.until)}.</p>')
    if pictures.left_out:
        parts.append(
            '<p class="note">The first photos that need a look have thumbnails; '
            f"{pictures.left_out:,} more have none.</p>"
        )
    parts += [
        _section(verdict, lists[verdict], progress, paths, pictures)
        for verdict in Verdict
        if lists.get(verdict)
    ]
    parts.append("</body></html>\n")
    return "\n".join(parts)


def _rate(run: Run, progress: Progress) -> str:
    if not run.worked_s or not progress.done:
        return ""
    return f"{progress.done / run.worked_s:,.1f} photos a second."


def _counts(progress: Progress) -> str:
    rows = [
        f'<tr><td>{verdict.value}</td><td class="n">{count:,}</td><td>{_text(MEANINGS[verdict][0])}</td></tr>'
        for verdict, count in progress.counts.items()
    ]
    left = progress.total - progress.done
    if left:
        rows.append(f'<tr><td>to do</td><td class="n">{left:,}</td><td></td></tr>')
    rows.append(f'<tr><th>photos</th><th class="n">{progress.total:,}</th><th></th></tr>')
    return f"<table>{''.join(rows)}</table>"


def _passed_over(counts: Mapping[str, int]) -> str:
    if not counts:
        return ""
    told = ", ".join(f"{count:,} {_text(ending)}" for ending, count in sorted(counts.items()))
    return f'<p class="note">Passed over and not opened: {told}.</p>'


def _section(
    verdict: Verdict,
    shown: Sequence[Told],
    progress: Progress,
    paths: Mapping[str, str],
    pictures: Pictures,
) -> str:
    meaning, remedy = MEANINGS[verdict]
    count = progress.counts.get(verdict, len(shown))
    rows = "".join(_row(each, paths, pictures) for each in shown)
    more = f'<p class="note">{count - len(shown):,} more are in report.csv.</p>' if count > len(shown) else ""
    return (
        f"<h2>{verdict.value}: {_text(meaning)}</h2>"
        + (f'<p class="note">{_text(remedy)}.</p>' if remedy else "")
        + "<table><tr><th>photo</th><th>user</th><th>why</th><th>beside</th></tr>"
        + f"{rows}</table>{more}"
    )


def _row(told: Told, paths: Mapping[str, str], pictures: Pictures) -> str:
    outcome, wanted = told.outcome, told.wanted
    assert outcome is not None
    why = " ".join(filter(None, (" ".join(outcome.reasons), outcome.detail)))
    beside = ""
    if outcome.other is not None:
        other = outcome.other
        path = paths.get(str(other.face_id), "")
        name = path or other.external_image_id or str(other.face_id)
        user = f" ({_text(other.user_id)})" if other.user_id else ""
        beside = f"{_image(path, pictures)}{_text(name)}{user}, similarity {other.similarity:.2f}"
    return (
        f"<tr><td>{_image(wanted.path, pictures)}{_text(wanted.path or FORGOTTEN)}</td>"
        f"<td>{_text(wanted.user_id or wanted.external_image_id)}</td>"
        f"<td>{_text(why)}</td><td>{beside}</td></tr>"
    )


def _image(path: str, pictures: Pictures) -> str:
    name = pictures.files.get(path)
    return "" if name is None else f'<img src="{_text(name)}" alt="(removed)" loading="lazy">'


def _text(words: str) -> str:
    return html.escape(words, quote=True)
