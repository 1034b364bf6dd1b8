"""`countenance report transparency`: the public's figures out of a log, and a check of somebody else's."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click

from countenance.audit.mirror import mirror_log
from countenance.audit.published import list_keys
from countenance.audit.reader import note_operator_read
from countenance.audit.tree import LogDamaged, LogTree
from countenance.cli.audit_verify import parse_keys
from countenance.cli.installation import open_store
from countenance.cli.options import settings_options
from countenance.cli.progress import entries_progress
from countenance.cli.report_evaluations import hand_out, read_recorded
from countenance.cli.report_fetch import fetch_log
from countenance.cli.report_published import publish_report
from countenance.cli.tables import as_json_option, to_words
from countenance.errors import InvalidEvaluation, SetupError
from countenance.measuring.evaluation_file import (
    load_evaluation,
)
from countenance.reporting.transparency_page import render_transparency
from countenance.settings import Settings
from countenance.store.files import write_whole
from countenance.transparency.note import Verifier
from countenance.transparency.public_report import (
    Asked,
    Figures,
    ReportImpossible,
    differences,
    report_bytes,
)
from countenance.transparency.suppression import LEAST_K
from countenance.transparency.verify import verify_folder

_MOST_REPORT_BYTES: Final = 16 << 20
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--log", "log", metavar="FOLDER_OR_URL", help="a mirror of the log, or the prefix of its pages")
@click.option("--server", is_flag=True, help="the log of the server on this machine")
@click.option(
    "--log-key",
    "log_keys",
    metavar="VKEY",
    multiple=True,
    callback=parse_keys,
    help="the log's key, NAME+HASH+KEY, had from somewhere else  [default with --server: its own]",
)
@click.option(
    "--witness", "witnesses", metavar="VKEY", multiple=True, callback=parse_keys, help="must have cosigned"
)
@click.option("--from", "start", metavar="DAY", help="the first day of a month: 2026-10-01")
@click.option("--to", "end", metavar="DAY", help="the first day of a later month, not in it any more")
@click.option("--size", type=click.IntRange(min=1), help="the log's first entries  [default: all of them]")
@click.option("--least-count", "k", type=click.IntRange(min=LEAST_K), default=LEAST_K, show_default=True,
              help="smaller counts are withheld")  # fmt: skip
@click.option(
    "--evaluation", "evaluations", type=_FILE, multiple=True, help="an evaluation whose rates are told"
)
@click.option("--evaluations-on-record", is_flag=True,
              help="tell the rates of those in force at the end; with --server")  # fmt: skip
@click.option("--check", "checked", type=_FILE, help="a report.json: does each of its figures stand?")
@click.option("-o", "--out", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
              help="write report.json and report.html there")  # fmt: skip
@click.option("--publish", is_flag=True, help="serve it under /transparency; with --server")
@as_json_option
@settings_options("data_dir", "database_url")
def transparency(
    *,
    log: str | None,
    server: bool,
    log_keys: Sequence[Verifier],
    witnesses: Sequence[Verifier],
    start: str | None,
    end: str | None,
    size: int | None,
    k: int,
    evaluations: Sequence[Path],
    evaluations_on_record: bool,
    checked: Path | None,
    out: Path | None,
    publish: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Compute a transparency report from a log; anybody with the log gets the same bytes.

    The log is verified first, as `countenance audit verify` does, and nothing is told of a damaged one. Small
    counts are withheld, and others with them where they would tell. An URL needs an auditor's token in
    COUNTENANCE_AUDITOR_TOKEN. docs/spec/transparency-report.md says what each figure is.

    With --check period, size and least count are those of the report, each figure is computed anew, and those
    that do not stand are named; exits 1 then. Rates are checked against the files of --evaluation: -o writes
    them beside the report, and the server shows those on record beside a published one.

    With --publish everybody may read it from then on, page and file, under /transparency of the server. That
    is once for each period, and when the period is over in the log: two reports that share days would tell by
    their difference what each withholds.

    \b
    countenance report transparency --server --from 2026-10-01 --to 2027-01-01 -o report/
    countenance report transparency --log mirror/ --log-key VKEY --from 2026-10-01 --to 2027-01-01 --json
    countenance report transparency --log mirror/ --log-key VKEY --check report.json
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are
    _require_sense(
        log,
        server=server,
        start=start,
        end=end,
        checked=checked,
        wrote=bool(size or out or publish),
        servers=(("--publish", publish), ("--evaluations-on-record", evaluations_on_record)),
    )
    published = _load_report(checked) if checked else None
    try:
        asked = _asked_of(published) if checked else Asked(start=start or "", end=end or "", size=size, k=k)
        documents = [load_evaluation(path) for path in evaluations]
    except (ReportImpossible, InvalidEvaluation) as error:
        raise click.UsageError(str(error)) from None
    with _folder(log, given) as (folder, own_keys):
        figures = _computed(folder, log_keys or own_keys, witnesses, asked)
        if evaluations_on_record:
            documents += read_recorded(Settings.from_env(**given), figures.evaluations_in_force())
        report = _report(figures, documents)
        checkpoint = (folder / "checkpoint").read_text("utf-8")
    if checked:
        _show_check(differences(published, report), report, as_json=as_json)
    else:
        if out is not None:
            _write(report, out)
            hand_out(documents, out)
        if publish:  # last: whoever is told of a report finds what goes with it
            publish_report(Settings.from_env(**given), report, checkpoint)
        _show(report, out, as_json=as_json)
        if publish and not as_json:
            click.secho(f"published: /transparency/{report['period']['from']}", fg="green")


def _require_sense(
    log: str | None,
    *,
    server: bool,
    start: str | None,
    end: str | None,
    checked: Path | None,
    wrote: bool,
    servers: Sequence[tuple[str, bool]],
) -> None:
    """Options that do not go together are refused before anything is read.

    Args:
        wrote: whether what `--check` takes from the report, or must not write, is given as well.
        servers: options for the server on this machine alone, and whether they are given.
    """
    if (log is None) == (not server):
        raise click.UsageError("give either --log or --server")
    for name, is_given in servers:
        if is_given and not server:
            raise click.UsageError(f"{name} is for the server on this machine: give --server")
    if checked is None and (start is None or end is None):
        raise click.UsageError("give the period, --from and --to; or a report with --check")
    if checked is not None and (start or end or wrote):
        raise click.UsageError("--check takes period and size from the report, and writes nothing")


@contextmanager
def _folder(log: str | None, given: dict[str, Any]) -> Iterator[tuple[Path, list[Verifier]]]:
    """A folder with the log, and the log's keys where they are this machine's own."""
    if log is not None and "://" not in log:
        if not Path(log).is_dir():
            raise click.UsageError(f"`{log}` is no folder, and no URL")
        yield Path(log), []
        return
    with tempfile.TemporaryDirectory(prefix="countenance-log-") as made:
        folder, keys = Path(made), list[Verifier]()
        with entries_progress() as on_progress:
            if log is not None:
                fetch_log(
                    log,
                    folder,
                    token=os.environ.get("COUNTENANCE_AUDITOR_TOKEN", ""),
                    on_progress=on_progress,
                )
            else:
                with open_store(Settings.from_env(**given)) as (database, _):
                    with database.transaction() as connection:
                        note_operator_read(connection, "export tlog")
                    try:
                        mirror_log(database, LogTree(), folder, on_progress=on_progress)
                    except LogDamaged as error:
                        raise SetupError(
                            str(error),
                            remedy="find out who changed the database: see `audit reconcile --full`",
                        ) from error
                    with database.read() as connection:
                        keys = [
                            Verifier.parse(each.vkey) for each in list_keys(connection) if each.use == "log"
                        ]
        yield folder, keys[-1:]


def _computed(
    folder: Path, log_keys: Sequence[Verifier], witnesses: Sequence[Verifier], asked: Asked
) -> Figures:
    """The figures of a log that holds; else the process ends with what is wrong."""
    if not log_keys:
        raise click.UsageError("give the log's key (--log-key): had from somewhere else than the log")
    try:
        figures = Figures(asked)
        with entries_progress() as on_progress:
            found = verify_folder(
                folder,
                log_verifiers=log_keys,
                witness_verifiers=witnesses,
                quorum=len(witnesses),
                on_progress=on_progress,
                on_entry=figures.add,
            )
        if found.is_valid:
            return figures
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        raise SetupError(
            f"the log cannot be read: {error.strerror}", remedy="check its permissions"
        ) from error
    for problem in found.problems:
        click.secho(to_words(f"{problem.where}: {problem.what}"), fg="red", err=True)
    click.secho("the log does not hold, so there is no report of it", fg="red", err=True)
    sys.exit(1)


def _report(figures: Figures, evaluations: Sequence[dict[str, Any]]) -> dict[str, Any]:
    try:
        return figures.report(evaluations)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _load_report(path: Path) -> Any:
    content = path.read_bytes()
    try:
        if len(content) <= _MOST_REPORT_BYTES:
            return json.loads(content)
    except (ValueError, RecursionError):
        pass
    raise click.UsageError(f"`{path}` is no report")


def _asked_of(report: Any) -> Asked:
    """Raises ReportImpossible for what is no report."""
    try:
        period, size, k = report["period"], report["log"]["size"], report["least_count"]
        if type(size) is int and type(k) is int:
            return Asked(start=str(period["from"]), end=str(period["to"]), size=size, k=k)
    except (KeyError, TypeError):
        pass
    raise ReportImpossible("the file is no transparency report")


def _write(report: dict[str, Any], out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_whole(out / "report.json", report_bytes(report))
        write_whole(out / "report.html", render_transparency(report).encode())
    except OSError as error:
        raise SetupError(f"`{out}` cannot be written: {error.strerror}", remedy="choose another") from error


def _show(report: dict[str, Any], out: Path | None, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.buffer.write(report_bytes(report))
        return
    log, period = report["log"], report["period"]
    click.echo(to_words(f"log         {log['origin']}, {log['size']} entries, root {log['root']}"))
    click.echo(
        f"period      {period['from']} to {period['to']}{'' if period['is_over'] else ', not over here'}"
    )
    for each in (*report["figures"], *report["amounts"]):
        said = (
            f"withheld: under {report['least_count']}, or tells of one that is"
            if "withheld" in each
            else each.get("count", each.get("amount"))
        )
        click.echo(to_words(f"{each['id']:64} {said}"))
    click.echo(f"withheld    {report['withheld']} figures")
    if out is not None:
        click.secho(f"written: {out / 'report.json'}, {out / 'report.html'}", fg="green")


def _show_check(found: Sequence[str], report: dict[str, Any], *, as_json: bool) -> None:
    log = report["log"]
    if as_json:
        click.echo(json.dumps({"stands": not found, "differences": found, "log": log}))
    else:
        for line in found:
            click.secho(to_words(line), fg="red", err=True)
        counted = len(report["figures"]) + len(report["amounts"])
        if not found:
            click.secho(
                f"each of {counted} figures stands, in the log's first {log['size']} entries", fg="green"
            )
    if found:
        sys.exit(1)
