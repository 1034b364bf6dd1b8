"""How imports stand, for people and programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from countenance.cli.tables import print_rows, to_words
from countenance.importing.ledger import Ledger
from countenance.importing.records import FORGOTTEN, MEANINGS, Progress, Run, RunState, Verdict


def print_runs(ledger: Ledger, *, as_json: bool, waits: Callable[[Run], bool]) -> None:
    """A row for each, the newest first; `waits`: for `--resume`, as nobody is at it."""
    rows = [
        _facts(run, ledger.progress(run.import_id))
        | {"WaitsFor": f"--resume {run.import_id}" if waits(run) else None}
        for run in ledger.runs()
    ]
    columns = ("ImportId", "Collection", "State", "WaitsFor", "Done", "Photos", "Amiss", "BegunAt", "Source")
    print_rows(rows, as_json=as_json, nothing="no import yet", columns=columns if rows else None)


def summary_of(run: Run, progress: Progress, report: Path | None) -> dict[str, Any]:
    """For programs."""
    return _facts(run, progress) | {
        "Verdicts": {verdict.value: count for verdict, count in progress.counts.items()},
        "PassedOver": dict(run.request.passed_over),
        "Problem": run.problem,
        "Seconds": round(run.worked_s, 1),
        "Report": None if report is None else str(report),
    }


def print_summary(
    run: Run, progress: Progress, examples: Mapping[Verdict, Sequence[tuple[str, str]]]
) -> None:
    """Counts by verdict, the first photos of each that is not well, and what to do."""
    rows = [
        {"Verdict": verdict.value, "Photos": f"{count:,}", "Meaning": MEANINGS[verdict][0]}
        for verdict, count in progress.counts.items()
    ]
    print_rows(rows, as_json=False, nothing="no photo yet")
    for verdict, some in examples.items():
        remedy = MEANINGS[verdict][1]
        if not remedy:
            continue
        click.echo(f"{verdict.value}: {remedy}")
        for path, detail in some:
            click.echo(f"  {to_words(path or FORGOTTEN)}{f': {to_words(detail)}' if detail else ''}")
    click.echo(_end(run, progress))


def _end(run: Run, progress: Progress) -> str:
    rate = f", {progress.done / run.worked_s:,.1f} photos a second" if run.worked_s else ""
    match run.state:
        case RunState.FINISHED if run.request.is_dry:
            return (
                f"dry run {run.import_id}: nothing was enrolled{rate}. Photos were judged against what the "
                "collection holds: whether two of them look alike shows when they are enrolled."
            )
        case RunState.FINISHED:
            return (
                f"import {run.import_id} is finished{rate}; "
                f"`countenance import --undo {run.import_id}` takes it back"
            )
        case RunState.PAUSED:
            return (
                f"import {run.import_id} is paused: {to_words(run.problem)}; "
                f"`countenance import --resume {run.import_id}` goes on"
            )
        case RunState.RUNNING:
            return (
                f"import {run.import_id} has {progress.total - progress.done:,} photos to do; "
                f"`countenance import --resume {run.import_id}` goes on"
            )
    return f"import {run.import_id} is {run.state.value}"


def _facts(run: Run, progress: Progress) -> dict[str, Any]:
    return {
        "ImportId": str(run.import_id),
        "AccountId": run.account_id,
        "Collection": run.collection,
        "State": run.state.value,
        "DryRun": run.request.is_dry,
        "Done": progress.done,
        "Photos": progress.total,
        "Amiss": progress.amiss,
        "BegunAt": run.begun_at,
        "Source": run.request.source,
    }
