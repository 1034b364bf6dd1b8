"""`countenance audit verify`: whether a log is what it promised, on files alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from countenance.cli.progress import entries_progress
from countenance.errors import SetupError
from countenance.transparency.note import NoteInvalid, Verifier
from countenance.transparency.verify import verify_folder
from countenance.transparency.verify_proof import MAX_PROOF_BYTES, verify_proof
from countenance.transparency.verify_report import Facts, Report

_SOMETHING_IS_WRONG = 1
_MAX_ENTRY_FILE_BYTES = 65_536
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def parse_keys(ctx: click.Context, param: click.Parameter, values: Sequence[str]) -> list[Verifier]:
    """Verifier keys, `NAME+HASH+KEY`."""
    try:
        return [Verifier.parse(value) for value in values]
    except NoteInvalid as error:
        raise click.BadParameter(str(error), ctx, param) from None


@click.command()
@click.argument(
    "folder",
    required=False,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="[FOLDER]",
)
@click.option(
    "--log-key",
    "log_keys",
    metavar="VKEY",
    multiple=True,
    required=True,
    callback=parse_keys,
    help="the log's key, NAME+HASH+KEY",
)
@click.option(
    "--witness",
    "witnesses",
    metavar="VKEY",
    multiple=True,
    callback=parse_keys,
    help="a witness's key; may be given again",
)
@click.option(
    "--quorum", type=click.IntRange(min=0), help="how many witnesses must have cosigned  [default: all given]"
)
@click.option(
    "--receipts",
    type=_FILE,
    multiple=True,
    help="x-countenance-receipt headers that callers kept, one a line",
)
@click.option("--head", "heads", type=_FILE, multiple=True, help="checkpoints of this log that others kept")
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ"]),
    help="when the folder was made, in UTC: receipts due later are not missed  [default: now]",
)
@click.option("--proof", type=_FILE, help="a tlog-proof file, to verify one entry instead of a folder")
@click.option("--entry", type=_FILE, help="the entry that --proof is of")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def verify(
    folder: Path | None,
    *,
    log_keys: Sequence[Verifier],
    witnesses: Sequence[Verifier],
    quorum: int | None,
    receipts: Sequence[Path],
    heads: Sequence[Path],
    as_of: datetime | None,
    proof: Path | None,
    entry: Path | None,
    as_json: bool,
) -> None:
    """Verify the log in FOLDER, a mirror of it, without its server, database or network.

    The log's key, the witnesses' keys, receipts and heads must come from somewhere else than the folder:
    they are what an operator who rewrites the log cannot rewrite. docs/spec/audit-log.md says what is
    checked and what that proves. Exits 1 if anything does not hold.
    """
    keys: dict[str, Any] = {
        "log_verifiers": log_keys,
        "witness_verifiers": witnesses,
        "quorum": len(witnesses) if quorum is None else quorum,
    }
    if (folder is None) == (proof is None) or (proof is None) != (entry is None):
        raise click.UsageError("give either a FOLDER, or --proof together with --entry")
    if proof is not None and (receipts or heads):
        raise click.UsageError("receipts and heads are held against a FOLDER")
    try:
        if proof is not None and entry is not None:
            report = verify_proof(_load(proof, MAX_PROOF_BYTES), _load(entry, _MAX_ENTRY_FILE_BYTES), **keys)
        else:
            assert folder is not None
            with entries_progress() as on_progress:
                report = verify_folder(
                    folder,
                    receipts=receipts,
                    heads=heads,
                    now=as_of.replace(tzinfo=UTC) if as_of else None,
                    on_progress=on_progress,
                    **keys,
                )
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        raise SetupError(
            f"`{error.filename or folder}` cannot be read: {error.strerror}", remedy="check its permissions"
        ) from error
    if as_json:
        click.echo(json.dumps(_to_json(report, is_proof=proof is not None), indent=2))
    else:
        _print(report, has_witnesses=bool(witnesses), is_proof=proof is not None)
    if not report.is_valid:
        sys.exit(_SOMETHING_IS_WRONG)


def _load(path: Path, max_bytes: int) -> bytes:
    """The file's bytes; of a file over `max_bytes` one more than that, which no check accepts."""
    with path.open("rb") as file:
        return file.read(max_bytes + 1)


def _print(report: Report, *, has_witnesses: bool, is_proof: bool) -> None:
    facts = report.facts
    for problem in report.problems:
        click.secho(f"{problem.where}: {problem.what}", fg="red", err=True)
    if report.problem_count > len(report.problems):
        click.secho(f"... and {report.problem_count - len(report.problems)} more", fg="red", err=True)
    for note in facts.notes:
        click.secho(f"note: {note}", fg="yellow", err=True)
    for name, value in _summary(facts, is_proof=is_proof):
        click.echo(f"{name:<14} {value}")
    if not has_witnesses:
        click.secho(
            "note: no witness was asked for: whoever has the log's key could have signed another log before "
            "you first saw this one",
            fg="yellow",
            err=True,
        )
    if report.is_valid:
        holds = (
            "this entry is in the log under this checkpoint" if is_proof else "the log is what it promised"
        )
        click.secho(holds, fg="green")
    else:
        what, count = "proof" if is_proof else "log", report.problem_count
        problems = "1 problem" if count == 1 else f"{count} problems"
        click.secho(f"the {what} does not hold: {problems}", fg="red", err=True)


def _summary(facts: Facts, *, is_proof: bool) -> Iterator[tuple[str, str]]:
    if facts.checkpoint is not None:
        yield "log", facts.checkpoint.origin
        yield "checkpoint", f"{facts.checkpoint.size} entries, root {facts.checkpoint.root.hex()}"
    for cosignature in facts.cosignatures:
        yield "cosigned", f"{cosignature.at:%Y-%m-%dT%H:%M:%SZ} by {cosignature.witness}"
    if is_proof:
        for kind in facts.by_kind:
            yield "entry", f"{kind}, {facts.first}"
        return
    kinds = ", ".join(f"{count} {kind}" for kind, count in facts.by_kind.items())
    yield "entries", f"{facts.entries} ({kinds})" if kinds else str(facts.entries)
    yield "accounts", str(facts.accounts)
    if facts.first:
        yield "period", f"{facts.first} to {facts.last}"
    if facts.receipts_read is not None:
        kept = f"{facts.receipts} kept, {facts.pending} not due yet"
        yield "receipts", kept if facts.receipts_read else "0"
    if facts.heads:
        yield "heads", f"{facts.heads} consistent"
    if facts.log_key:
        yield "log key", facts.log_key


def _to_json(report: Report, *, is_proof: bool) -> dict[str, Any]:
    facts, checkpoint = report.facts, report.facts.checkpoint
    of_both = {
        "valid": report.is_valid,
        "problems": [
            {"check": problem.check, "where": problem.where, "what": problem.what}
            | ({"kind": problem.kind} if problem.kind else {})
            for problem in report.problems
        ],
        "problem_count": report.problem_count,
        "notes": facts.notes,
        "checkpoint": None
        if checkpoint is None
        else {"origin": checkpoint.origin, "size": checkpoint.size, "root": checkpoint.root.hex()},
        "cosignatures": [
            {"witness": each.witness, "time": f"{each.at:%Y-%m-%dT%H:%M:%SZ}"} for each in facts.cosignatures
        ],
    }
    if is_proof:
        return of_both | {"kind": next(iter(facts.by_kind), ""), "time": facts.first}
    return of_both | {
        "entries": facts.entries,
        "by_kind": facts.by_kind,
        "accounts": facts.accounts,
        "first": facts.first,
        "last": facts.last,
        "receipts": {"read": facts.receipts_read, "kept": facts.receipts, "pending": facts.pending},
        "heads": facts.heads,
        "log_key": facts.log_key,
    }
